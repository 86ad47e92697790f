"""A prediction that is computed and proven in the browser: nothing of the input leaves the page."""

import json

import pytest
from support import web_answers
from support.web import needs_browser, needs_page, refusal

from twopm_zk.plonk.proof import Proof
from twopm_zk.plonk.verifier import verify
from twopm_zk.prediction.requests import predict_shape, quantized_row
from twopm_zk.statements import PredictStatement

pytestmark = [needs_page, needs_browser, pytest.mark.slow, pytest.mark.prover]
ROW = {"GPA": 3.27, "TUCE": 23, "PSI": 1}
LABELS = {one["name"]: one["label"] for one in web_answers.METADATA["inputs"]}


def fill(page, row=ROW):
    for name, value in row.items():
        page.get_by_label(LABELS[name]).fill(str(value))


def expected():
    return PredictStatement(
        predict_shape(web_answers.SPEC), 99, tuple(web_answers.WEIGHTS), quantized_row(web_answers.SPEC, ROW), 1
    ).prediction


def test_a_prediction_is_proven_here_and_its_file_verifies_anywhere(watched, predict_keys, tmp_path):
    page = watched.open("/networks/1/ask")
    fill(page)
    page.get_by_role("button", name="Predict and prove").click()
    page.get_by_role("heading", name="Answer").wait_for()
    shown = page.locator(".result").inner_text()
    assert f"{expected()} / 65536" in shown
    assert "Insecure keys: nothing here is proven to anybody." in shown
    assert "has not left this page" in shown
    with page.expect_download() as found:
        page.get_by_role("button", name="Save the proof").click()
    assert found.value.suggested_filename == "prediction-proof.json"
    document = json.loads(found.value.path().read_text())
    public = [int(value) for value in document["public"]]
    key = predict_keys.verification_key
    assert verify(key, public, Proof.from_json(document["proof"]))
    assert document["verification_key"] == key.to_json()
    assert (document["format"], document["network"], document["task"], document["chain_id"]) == (1, 1, 1, 31337)
    assert public[2] == expected()
    # nothing of the input, as typed or as the circuit takes it, is in any request, nor in the file
    secrets = {"3.27", *(str(value) for value in quantized_row(web_answers.SPEC, ROW) if abs(value) > 99)}
    said = [*watched.sent, json.dumps({name: document[name] for name in document if name != "verification_key"})]
    assert not [(secret, text) for secret in secrets for text in said if f'"{secret}"' in text or f"={secret}" in text]
    assert {request.method for request in watched.requests} == {"GET"}
    # a second proof asks for nothing at all
    before = len([one for one in watched.requests if "/v1/status" not in one.url])
    fill(page, {"GPA": 2.5})
    page.get_by_role("button", name="Predict and prove").click()
    page.get_by_role("button", name="Stop").wait_for()
    page.get_by_role("heading", name="Answer").wait_for()
    assert len([one for one in watched.requests if "/v1/status" not in one.url]) == before


def test_values_that_the_model_does_not_take_are_named(watched):
    page = watched.open("/networks/1/ask")
    fill(page, {"GPA": 5, "TUCE": "2o"})
    page.get_by_role("button", name="Predict and prove").click()
    page.get_by_text("Please look at this again").wait_for()
    shown = page.locator("form").inner_text()
    for words in (
        "Grade point average must be from 2 to 4.",
        "Economics test must be a number.",
        "Enter New method.",
    ):
        assert words in shown, words
    page.get_by_role("link", name="Economics test must be a number.").click()
    assert page.evaluate("document.activeElement.name") == "TUCE"
    assert page.get_by_label("Economics test").get_attribute("aria-invalid") == "true"


def test_the_prover_is_loaded_when_somebody_begins_to_fill_in_the_form(watched):
    page = watched.open("/networks/1/ask")
    page.get_by_label(LABELS["GPA"]).wait_for()
    assert not [request for request in watched.requests if "/prover/" in request.url]
    with page.expect_request("**/circuit.zkey"):
        fill(page, {"GPA": 3})


def test_the_form_is_filled_and_sent_by_keyboard_alone(watched):
    page = watched.open("/networks/1/ask")
    page.get_by_label(LABELS["GPA"]).wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    for value in ROW.values():
        page.keyboard.press("Tab")
        page.keyboard.type(str(value))
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Answer").wait_for()
    assert page.evaluate("document.activeElement.id") == "result"
    assert f"{expected()} / 65536" in page.locator(".result").inner_text()


def test_weights_of_another_model_are_refused(server, watched):
    server.answers["/v1/networks/1/form"] = web_answers.form(model_commitment="12345")
    page = watched.open("/networks/1/ask")
    fill(page)
    page.get_by_role("button", name="Predict and prove").click()
    page.get_by_text("The weights that this server sent are not those of the model on the chain.").wait_for()


def test_a_prover_that_is_not_there_is_told_and_can_be_tried_again(server, watch):
    server.answers["/v1/networks/1/prover/circuit.zkey"] = refusal(
        409, "other-keys", "The keys here are not those of the verifier on the chain."
    )
    page = watch().open("/networks/1/ask")
    fill(page)
    page.get_by_role("button", name="Predict and prove").click()
    page.get_by_text("The keys here are not those of the verifier on the chain.").wait_for()
    del server.answers["/v1/networks/1/prover/circuit.zkey"]
    page.get_by_role("button", name="Predict and prove").click()
    page.get_by_role("heading", name="Answer").wait_for()
