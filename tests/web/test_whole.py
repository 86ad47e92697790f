"""The page before a real server, chain and operator: private proofs, and answers for a fee through a wallet."""

import json
import re
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.conversations import SAID_WORDS, read_small, small_model
from support.gateway_world import ETH, OPERATOR, ROW, USER, NetworkWorld, gateway, proven_world
from support.waiting import until
from support.wallet import Wallet
from support.web import BUILT, Watched, needs_browser, needs_npm, needs_page

from twopm_zk.chain import DevelopmentNode
from twopm_zk.chat.service import answering
from twopm_zk.chat.store import ConversationStore
from twopm_zk.conversation.receipt import KeptAnswer, verify_receipt
from twopm_zk.conversation.worker import Worker
from twopm_zk.participants.service import ServiceSettings
from twopm_zk.plonk.proof import Proof
from twopm_zk.plonk.verifier import verify
from twopm_zk.prediction.operator import Operator
from twopm_zk.prediction.requests import RequestState, predict_shape, quantized_row
from twopm_zk.prediction.store import OperatorStore
from twopm_zk.proving.prover import Prover
from twopm_zk.statements import PredictStatement

SPEAKER = 5
pytestmark = [needs_page, needs_browser, needs_npm, pytest.mark.slow, pytest.mark.prover, pytest.mark.chain]


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """A certified task and its network, with the real verifier of predictions."""
    with DevelopmentNode() as node:
        yield NetworkWorld(proven_world(node), tmp_path_factory.mktemp("network"))


@pytest.fixture(scope="module")
def speaker(stage, tmp_path_factory):
    """The model of conversations, and what makes the gateway's part in them."""
    pytest.importorskip("tokenizers", reason="the package tokenizers is not installed")
    file = small_model(tmp_path_factory.mktemp("model"))
    store = ConversationStore(tmp_path_factory.mktemp("speaker") / "conversation.db")
    with Worker(file) as worker, answering(stage.world.view(SPEAKER), stage.network, worker, store) as making:
        yield read_small(file), making
    store.close()


@pytest.fixture(scope="module")
def served(stage, speaker, tmp_path_factory):
    parts = {"keys": None, "prover": None, "conversation": speaker[1]}
    with gateway(stage, tmp_path_factory.mktemp("gateway"), page=BUILT, **parts) as server:
        yield server


@pytest.fixture(scope="module")
def operator(stage, tmp_path_factory):
    """The operator, which looks at the chain when it is told to."""
    store = OperatorStore(tmp_path_factory.mktemp("operator") / "operator.db")
    view = stage.world.view(OPERATOR)
    settings = ServiceSettings(poll=0.05)
    with Operator(view, stage.spec, store, stage.network, prover=Prover(), settings=settings) as made:
        made.tick()
        yield made
    store.close()


@contextmanager
def running(operator):
    """It looks at the chain again and again; ``run`` itself cannot be begun twice."""
    done = threading.Event()

    def look():
        while not done.wait(0.05):
            operator.tick()

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(30)


@pytest.fixture
def page_of(browser, served, stage):
    opened = []

    def make(wallet=None):
        watched = Watched(browser, served.url)
        opened.append(watched)
        if wallet is not None:
            wallet.install(watched.page)
        return watched

    yield make
    for one in opened:
        one.close()


def fill(page):
    for name, value in ROW.items():
        page.get_by_label(name, exact=True).fill(str(value))


def expected(stage):
    weights = tuple(stage.world.view(OPERATOR).state(1).weights)
    features = quantized_row(stage.spec, ROW)
    return PredictStatement(predict_shape(stage.spec), 0, weights, features, 1).prediction


def connect(page, wallet):
    page.get_by_label("An operator.").check()
    page.get_by_role("button", name="Connect a wallet").click()
    page.get_by_text("Test wallet:").wait_for()


def test_from_a_chain_to_a_proven_prediction_of_which_nothing_leaves_the_page(stage, operator, page_of, predict_keys):
    watched = page_of()
    page = watched.open()
    page.get_by_role("link", name="Ask: Grades after a course").click()
    fill(page)  # which loads what proves
    while len([one for one in watched.requests if "/prover/" in one.url]) < 4:
        page.wait_for_timeout(50)
    before = len(asked_for(watched))
    page.get_by_role("button", name="Predict and prove").click()
    page.get_by_role("heading", name="Answer").wait_for()
    shown = page.locator(".result").inner_text()
    for words in (f"{expected(stage)} / 65536", "Insecure keys: nothing here is proven", "has not left this page"):
        assert words in shown
    assert page.evaluate("document.activeElement.id") == "result"
    document = saved_proof(page)
    public = [int(value) for value in document["public"]]
    assert verify(predict_keys.verification_key, public, Proof.from_json(document["proof"]))
    assert public[2] == expected(stage)
    assert document["verification_key"] == predict_keys.verification_key.to_json()
    assert document["contract"] == stage.world.deployment.contracts["HLRContract"].address
    assert [document[name] for name in ("format", "network", "task", "chain_id")] == [1, 1, 1, 31337]
    # proving and saving ask for nothing at all, and nothing of the input is in any request or in the file
    assert len(asked_for(watched)) == before
    secrets = {str(value) for value in (*quantized_row(stage.spec, ROW), 3.4) if len(str(value)) > 2}
    assert len(secrets) >= 3
    told = [*watched.sent, json.dumps({name: document[name] for name in document if name != "verification_key"})]
    words = {word for text in told for word in re.split(r"[^0-9.-]+", text)}
    assert not secrets & words
    assert {request.method for request in watched.requests} == {"GET"}
    assert watched.problems == []


def asked_for(watched):
    """All requests but those for news, which go on by themselves."""
    return [one for one in watched.requests if not one.url.endswith(("/v1/status", "/v1/events"))]


def saved_proof(page):
    with page.expect_download() as found:
        page.get_by_role("button", name="Save the proof").click()
    assert found.value.suggested_filename == "prediction-proof.json"
    return json.loads(found.value.path().read_text())


def test_an_operator_answers_for_a_fee_and_the_page_verifies_its_proof(stage, operator, page_of, predict_keys):
    account = stage.world.view(USER).address
    wallet = Wallet(stage.world.node, account)
    watched = page_of(wallet)
    page = watched.open("/networks/1/ask")
    connect(page, wallet)
    fill(page)
    with running(operator):
        page.get_by_role("button", name="Ask the operator").click()
        page.get_by_role("heading", name="Answer").wait_for(timeout=60_000)
    shown = page.locator(".result").inner_text()
    assert f"{expected(stage)} / 65536" in shown
    assert "the contract has verified its proof" in shown
    document = saved_proof(page)
    public = [int(value) for value in document["public"]]
    assert verify(predict_keys.verification_key, public, Proof.from_json(document["proof"]))
    # the input went to the operator alone, encrypted
    bodies = [request.post_data for request in watched.requests if request.post_data]
    assert len(bodies) == 1
    assert "ciphertext" in bodies[0]
    assert all("features" not in body for body in bodies)
    assert watched.problems == []
    # an owner's part of the fee can be claimed
    node = stage.world.view(2).address
    assert stage.world.view(2).inference.claimable(stage.network, node) > 0
    owner = Wallet(stage.world.node, node)
    page = page_of(owner).open("/me")
    page.get_by_role("button", name="Connect a wallet").click()
    page.get_by_role("button", name="Claim").click()
    page.get_by_text("Claim: done.").wait_for()
    page.get_by_role("button", name="Withdraw ETH").click()
    page.get_by_text("Withdrawal: done.").wait_for()
    assert stage.world.view(2).inference.owed_to(node, token=False) == 0


def test_whatever_a_wallet_does_is_told_and_nothing_is_lost(stage, operator, page_of):
    account = stage.world.view(USER).address
    wallet = Wallet(stage.world.node, account)
    page = page_of(wallet).open("/networks/1/ask")
    # another chain: the page offers to switch
    right, wallet.chain = wallet.chain, 5
    connect(page, wallet)
    page.get_by_text(f"The wallet is on chain 5; this page is about chain {right}.").wait_for()
    assert page.get_by_role("button", name="Ask the operator").is_disabled()
    fill(page)
    page.get_by_role("button", name=f"Switch to chain {right}").click()
    page.wait_for_timeout(100)
    wallet.tell()
    # a wallet whose user refuses
    wallet.refused = {"eth_sendTransaction"}
    page.get_by_role("button", name="Ask the operator").click()
    page.get_by_text("You refused in the wallet.").wait_for()
    wallet.refused = {"eth_signTypedData_v4"}
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("heading", name="Request ", exact=False).wait_for()
    page.get_by_text("You refused in the wallet.").wait_for()
    # another account between the request and the delivery
    wallet.refused = set()
    wallet.set_account(stage.world.view(8).address)
    page.get_by_role("button", name="Go on").click()
    page.get_by_text(f"You asked as {account}; the wallet's account is now").wait_for()
    wallet.set_account(account)
    asked = wallet.asked.count("eth_sendTransaction")
    with running(operator):
        page.get_by_role("button", name="Go on").click()
        page.get_by_role("heading", name="Answer").wait_for(timeout=60_000)
    assert wallet.asked.count("eth_sendTransaction") == asked  # it was not asked twice


@pytest.mark.parametrize("accepted", [False, True])
def test_the_fee_of_a_request_that_nobody_answers_comes_back(stage, operator, page_of, accepted):
    account = stage.world.view(USER).address
    wallet = Wallet(stage.world.node, account)
    page = page_of(wallet).open("/networks/1/ask")
    connect(page, wallet)
    fill(page)
    page.get_by_role("button", name="Ask the operator").click()
    page.get_by_text("has to accept in").wait_for()
    if accepted:
        number = int(page.get_by_role("heading", name="Request ").inner_text().split()[1])
        operator.view.inference.accept([number])
        page.get_by_text("has accepted, and has to answer in").wait_for()
    stage.world.node.advance(86401)
    late = "accepted the request and has not answered in time" if accepted else "has not accepted the request in time"
    page.get_by_text(f"The operator {late}").wait_for()
    page.get_by_role("button", name="Take the fee back").click()
    page.get_by_text("The request is over without an answer.").wait_for()
    page.get_by_role("link", name="My account").last.click()
    page.get_by_role("button", name="Withdraw ETH").click()
    page.get_by_text("Withdrawal: done.").wait_for()


def test_an_answer_whose_proof_was_changed_on_the_way_is_not_believed(stage, operator, page_of):
    wallet = Wallet(stage.world.node, stage.world.view(USER).address)
    page = page_of(wallet).open("/networks/1/ask")
    away = [503, 429, "failed"]  # what a server answers for a moment ends no wait

    def forge(route):
        match away.pop() if away else 200:
            case 200:
                pass
            case "failed":
                return route.abort()
            case status:
                return route.fulfill(status=status, json={"error": "busy"})
        answer = route.fetch()
        document = answer.json()
        if document["proof"]:
            document["proof"]["eval_a"] = str(int(document["proof"]["eval_a"]) ^ 1)
        return route.fulfill(response=answer, json=document)

    page.route("**/v1/requests/*", forge)
    connect(page, wallet)
    fill(page)
    with running(operator):
        page.get_by_role("button", name="Ask the operator").click()
        page.get_by_text("The answer's proof does not verify: do not rely on it.").wait_for()
    assert not away
    page.unroute("**/v1/requests/*")
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("heading", name="Answer").wait_for()


def test_a_program_in_javascript_signs_in_and_gets_a_proven_prediction(stage, served):
    account = stage.world.view(USER).address
    script = Path(__file__).parent / "client.mjs"
    command = ["node", script, BUILT / "client.js", served.url, stage.world.node.url, account]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["early"][0] == found["after"][0] == 401
    assert found["title"] == "Grades after a course"
    assert found["inputs"] == 3
    assert found["account"] == account
    assert found["prediction"] == {"units": expected(stage), "expected": expected(stage) / 65536}
    assert found["checked"] == {"valid": True, "matches": {"model": True}}
    assert found["doubted"]["valid"] is False
    assert found["event"]["type"] == "block"
    assert found["missing"][0] == 404
    assert found["nobody"] == [0, "unreachable"]
    assert found["bytes"] == len(stage.metadata.encoded)


def test_a_fee_in_a_token_is_allowed_exactly_and_a_refusal_of_the_contract_is_told(stage, operator, page_of):
    view = stage.world.view(USER)
    wallet = Wallet(stage.world.node, view.address)
    page = page_of(wallet).open()

    def in_tokens(route):
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"token": True})

    page.route("**/v1/networks/1", in_tokens)  # the network itself takes ETH, and refuses
    page.get_by_role("link", name="Ask: Grades after a course").click()
    connect(page, wallet)
    fill(page)
    page.get_by_role("button", name="Ask the operator").click()
    page.get_by_text("The contract refuses: WrongPayment. Nothing was sent.").wait_for()
    token = view.network.contract("RETHDouble")
    assert token.call("allowance", view.address, view.inference.address) == 1000


def test_an_account_without_a_stake_is_told_before_it_sends_anything(stage, operator, page_of):
    wallet = Wallet(stage.world.node, stage.world.view(9).address)
    page = page_of(wallet).open("/networks/1/ask")
    connect(page, wallet)
    fill(page)
    page.get_by_role("button", name="Ask the operator").click()
    page.get_by_text(f"This network answers accounts with {ETH // 10**18} ETH at stake").wait_for()
    assert "eth_sendTransaction" not in wallet.asked


def test_a_fee_comes_back_without_a_slash_where_the_verifier_was_retired(stage, operator, page_of):
    node, verifier = stage.world.node, stage.world.deployment.verifiers["predict-3"]
    wallet = Wallet(node, stage.world.view(USER).address)
    page = page_of(wallet).open("/networks/1/ask")
    connect(page, wallet)
    fill(page)
    page.get_by_role("button", name="Ask the operator").click()
    page.get_by_text("has to accept in").wait_for()
    number = int(page.get_by_role("heading", name="Request ").inner_text().split()[1])
    operator.view.inference.accept([number])
    page.get_by_text("has accepted, and has to answer in").wait_for()
    before = node.snapshot()
    try:
        stage.world.view(0).network.contract("VerifierRegistry").transact("retire", verifier.id)
        node.advance(86401)
        page.get_by_role("button", name="Take the fee back").click()
        page.get_by_text("The request is over without an answer.").wait_for()
        assert stage.world.view(USER).inference.request(number)["state"] == RequestState.REFUNDED
    finally:
        node.revert(before)


def test_a_conversation_is_sealed_and_its_receipt_is_saved_and_holds(stage, speaker, served, page_of):
    stage.world.view(SPEAKER).publish(served.url, served.conversation.operator.public_key)
    account = stage.world.view(USER).address
    wallet = Wallet(stage.world.node, account)
    watched = page_of(wallet)
    page = watched.open("/")
    page.get_by_role("link", name="Converse").click()
    page.get_by_role("button", name="Connect a wallet").click()
    page.get_by_text("Test wallet:").wait_for()
    page.get_by_label("Your message").fill(SAID_WORDS)
    # whoever refuses to sign has said nothing, and loses nothing
    wallet.refused = {"eth_signTypedData_v4"}
    page.get_by_role("button", name="Send").click()
    page.get_by_text("You refused in the wallet.").wait_for()
    assert page.get_by_label("Your message").input_value() == SAID_WORDS
    wallet.refused = set()
    page.get_by_role("button", name="Send").click()
    with page.expect_download() as found:
        page.get_by_role("button", name="Save the receipt").click(timeout=60_000)
    kept = KeptAnswer.from_document(json.loads(found.value.path().read_text()))
    model = speaker[0]
    assert verify_receipt(kept, model).honest
    assert kept.signed.receipt.user == account
    assert kept.signed.receipt.operator == stage.world.view(SPEAKER).address
    assert list(kept.transcript.execution.prompt) == model.vocabulary.prompt([{"role": "user", "content": SAID_WORDS}])
    shown = page.locator("ol.said").inner_text()
    assert model.vocabulary.decode(kept.transcript.answer).split()[0] in shown
    # what was said left the page sealed, and is not in the browser's storage
    bodies = [request.post_data for request in watched.requests if request.post_data]
    assert len(bodies) == 1
    assert "ciphertext" in bodies[0]
    assert not any(word in text for word in SAID_WORDS.split() for text in watched.sent)
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    # a second question has the first answer before it, and Stop ends what is asked
    page.get_by_label("Your message").fill("hello")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("button", name="Stop").click()
    until(lambda: len(served.conversation.operator.desk) == 0)
    assert watched.problems == []
