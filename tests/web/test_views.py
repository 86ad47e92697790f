"""What each view of the page shows of the API's answers, and what it says where they are missing or wrong."""

import json

import pytest
from support import web_answers
from support.waiting import until
from support.web import ROOT, needs_browser, needs_page, refusal

pytestmark = [needs_page, needs_browser, pytest.mark.slow, pytest.mark.prover]


def shows(page, *texts):
    """Each part of a view asks the API by itself, and comes when its answer does."""
    for words in texts:
        until(lambda words=words: words in page.locator("main").inner_text())


def test_networks_are_listed_with_what_stands_behind_them(watched):
    page = watched.open()
    page.get_by_role("link", name="Who improves in economics", exact=True).wait_for()
    shows(page, "insecure keys", "Insecure keys: nothing here is proven to anybody.", "0.001 ETH", "32")
    page.get_by_role("link", name="What stands behind it: Who improves in economics").click()
    page.get_by_role("heading", name="What is proven").wait_for()
    assert page.url.endswith("/networks/1")


def test_a_network_shows_certificate_audit_coefficients_and_terms(watched):
    page = watched.open("/networks/1")
    page.get_by_text("UNPROVEN: every check held").wait_for()
    page.get_by_text("This browser has hashed the description").wait_for()
    shows(page, "7.4e-6", "60%", "40%", "Every check, and how often", "What nobody can know", "1 h", "0.5 ETH")
    page.get_by_text("Every check, and how often").click()
    shows(page, "aggregate proofs")
    page.get_by_text("What nobody can know").click()
    shows(page, "whether the rows are true")
    until(lambda: page.get_by_role("img").count() == 2)


def test_text_of_the_metadata_is_text_and_never_html(watched):
    page = watched.open("/networks/1")
    page.get_by_text("<script>alert(1)</script> is text here.").wait_for()
    assert page.locator("main script").count() == 0


def test_a_description_that_does_not_match_its_hash_is_shown_and_flagged(server, watched):
    forged = json.dumps(web_answers.METADATA | {"contact": "somebody else"}).encode()
    server.answers["/v1/networks/1/metadata"] = forged
    server.answers["/v1/networks"] = {"networks": [web_answers.summary(metadata_state="mismatch")]}
    page = watched.open("/networks/1")
    page.get_by_text("This description does not match its hash on the chain.").wait_for()
    page.get_by_role("link", name="Networks").click()
    page.get_by_text("This description does not match its hash on the chain: do not trust it.").wait_for()


def test_the_explorer_shows_rounds_and_goes_on_by_events(server, watched):
    running = web_answers.task(phase="sharing", deadline=web_answers.status()["chain"]["time"] + 100)
    server.answers["/v1/tasks/1"] = running
    page = watched.open("/tasks/1")
    page.get_by_text("sharing").first.wait_for()
    shows(page, "in 1 min")
    page.get_by_text("Round 5: gradient, certified").wait_for()
    server.answers["/v1/tasks/1"] = running | {"phase": "summed"}
    server.tell(("block", {"block": 121, "time": web_answers.status()["chain"]["time"]}))
    server.tell(("task", {"id": 1}))
    page.get_by_text("summed").first.wait_for()
    page.get_by_text("block 121").wait_for()


def test_an_account_shows_what_is_asked_of_it(watched):
    page = watched.open("/me")
    page.get_by_label("Or any account's address").fill("0x12")
    page.get_by_role("button", name="Look").click()
    page.get_by_text("An address is 0x and 40 hexadecimal digits.").wait_for()
    page.get_by_label("Or any account's address").fill(web_answers.NODES[0])
    page.get_by_role("button", name="Look").click()
    page.get_by_text("share this round's sum").wait_for()
    shows(page, "3 ETH", "0.02 ETH", "0.002 ETH", "twopm-zk node run spec.toml", "Late: take the fee back")
    assert page.get_by_role("button", name="Claim").is_disabled()


def test_a_chain_that_does_not_answer_is_told_and_what_was_known_stays(server, watched):
    server.answers["/v1/status"] = web_answers.status(stale=True)
    page = watched.open()
    page.get_by_text("The chain's RPC endpoint does not answer.").wait_for()
    page.get_by_role("link", name="Who improves in economics", exact=True).wait_for()


def test_errors_are_told_in_words_with_what_to_do(server, watch):
    seen = watch()
    server.answers["/v1/networks"] = refusal(429, "too-many", "Too many requests.", **{"retry-after": "3"})
    page = seen.open()
    page.get_by_text("Loading the networks failed: Too many requests. Try again in 3 s.").wait_for()
    server.answers["/v1/networks"] = {"networks": []}
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("There is no network here yet.").wait_for()
    page.goto(seen.origin + "/networks/99")
    page.get_by_text("There is no such thing here").wait_for()
    page.goto(seen.origin + "/nowhere")
    page.get_by_role("heading", name="Not found").wait_for()


def test_a_browser_without_a_wallet_is_told_so(watched):
    page = watched.open("/me")
    page.get_by_role("button", name="Connect a wallet").click()
    page.get_by_text("No wallet was found in this browser.").wait_for()


def test_no_request_goes_elsewhere_and_nothing_is_loaded_or_kept_that_is_not_needed(watched):
    page = watched.open()
    page.get_by_role("link", name="Who improves in economics", exact=True).wait_for()
    assert page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0
    assert {request.url.startswith(watched.origin) for request in watched.requests} == {True}
    loaded = [request for request in watched.requests if "/assets/" in request.url]
    assert not any(name in request.url for request in loaded for name in ("wallet", "prover", "asking", "snarkjs"))


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1280)])
def test_no_view_has_a_serious_fault_of_accessibility(watch, scheme, width):
    seen = watch(color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True)
    axe = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text()
    for path, ready in (
        ("/", "Who improves in economics"),
        ("/networks/1", "UNPROVEN"),
        ("/networks/1/ask", "Who computes"),
        ("/tasks", "Coordinator"),
        ("/tasks/1", "Each round"),
        ("/me", "Connect a wallet"),
        ("/converse", "What is promised"),
    ):
        page = seen.open(path)
        page.get_by_text(ready).first.wait_for()
        page.locator("details:not([open]) > summary").evaluate_all("all => all.forEach(one => one.click())")
        if path == "/networks/1/ask":
            page.get_by_role("button", name="Predict and prove").click()
            page.get_by_text("Please look at this again").wait_for()
            page.get_by_label("An operator.").check()
            page.get_by_role("button", name="Ask the operator").wait_for()
        page.evaluate(axe)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        faults = [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]
        assert faults == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
