"""The form of a network, and what is told where a prediction cannot be proven in the browser."""

import pytest
from support import web_answers
from support.web import needs_browser, needs_page, refusal

pytestmark = [needs_page, needs_browser, pytest.mark.slow, pytest.mark.prover]
ROW = {"GPA": 3.27, "TUCE": 23, "PSI": 1}
LABELS = {one["name"]: one["label"] for one in web_answers.METADATA["inputs"]}


def fill(page, row=ROW):
    for name, value in row.items():
        page.get_by_label(LABELS[name]).fill(str(value))


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


def test_the_form_is_filled_sent_and_stopped_by_keyboard_alone(watched):
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
    page.get_by_role("button", name="Stop").wait_for()
    for _ in range(2):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Stop"
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Stop").wait_for(state="detached")
    assert page.get_by_role("button", name="Predict and prove").is_enabled()
    assert page.get_by_role("alert").count() == 0


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
    with page.expect_response("**/circuit.zkey") as found:
        page.get_by_role("button", name="Predict and prove").click()
    assert found.value.ok
