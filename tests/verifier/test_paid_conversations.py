"""Answers for a fee by real roles: paid, sealed, answered and settled; a lie is challenged and voted on."""

import json
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest
from support.conversations import SAID_WORDS, SEED, read_small, runner, small_model
from support.conversing import ADAPTER, ANSWERED, ASKED, CHALLENGE_WINDOW, OPEN, SETTLED, WRONG, Conversing
from support.language_models import WIDTH
from support.rounds_world import ETH
from support.waiting import until

from twopm_zk.chain import Chain
from twopm_zk.chain.network import Network
from twopm_zk.chat.client import ConversationClient, Counterpart, Expected
from twopm_zk.chat.http import Caller
from twopm_zk.chat.kept import KeptQuestion, KeptQuestions, read_question
from twopm_zk.chat.operator import Place
from twopm_zk.chat.paying import execution_of, expected_of_free, expected_of_paid, judge, pay
from twopm_zk.chat.question import Question
from twopm_zk.chat.service import answering
from twopm_zk.chat.store import ConversationStore
from twopm_zk.conversation.adapter import Adapter
from twopm_zk.conversation.receipt import KeptAnswer, Receipt, SignedReceipt, verify_receipt
from twopm_zk.conversation.transcript import Transcript
from twopm_zk.conversation.worker import AdapterParameters, Worker
from twopm_zk.errors import InputError, MessageError, PeerError, TransactionError
from twopm_zk.gateway.server import GatewayServer
from twopm_zk.gateway.settings import GatewaySettings
from twopm_zk.participants.task_view import ChainView

pytestmark = [pytest.mark.slow, pytest.mark.chain]
pytest.importorskip("tokenizers", reason="the package tokenizers is not installed")
FEE = 10**15
QUESTION = Question(({"role": "user", "content": SAID_WORDS},), SEED, 700, 8)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    random = np.random.default_rng(5)
    parameters = random.integers(-(1 << 28), 1 << 28, 2 * 2 * WIDTH)
    return replace(small_model(tmp_path_factory.mktemp("model")), adapter=AdapterParameters(parameters, ADAPTER.hex()))


@pytest.fixture(scope="module")
def model(file):
    adapter = Adapter.from_parameters(file.adapter.parameters, width=WIDTH, digest=file.adapter.digest)
    return read_small(file).with_adapter(adapter)


@pytest.fixture
def talks(world, federated):
    return Conversing(world, federated, fee=FEE, offered=False)


@pytest.fixture
def view_of(world, node):
    def view(person):
        return ChainView(Network(Chain(node.url, private_key=person.key), world.deployment))

    return view


@pytest.fixture(scope="module")
def worker(file):
    with Worker(file) as started:
        yield started


@pytest.fixture
def served(talks, people, view_of, node, worker, tmp_path):
    """The operator, with a server of its own."""
    with ExitStack() as stack:
        view = view_of(people.dan)
        store = stack.enter_context(ConversationStore(tmp_path / "conversation.db"))
        making = stack.enter_context(answering(view, talks.id, worker, store))
        settings = GatewaySettings(poll=0.05, page=tmp_path)
        server = GatewayServer(view, rpc_url=node.url, settings=settings, conversation=making, audit=None)
        stack.enter_context(server)
        own = server.conversation.operator
        view.publish(server.url, own.public_key)
        yield server, own, store


def client_of(view, served, talks, **options):
    server, own, _ = served
    place = Place(view.chain.chain_id, talks.contract.address, talks.id)
    counterpart = Counterpart(own.address, own.public_key)
    return ConversationClient(Caller(server.url), view.chain.account, counterpart, place, **options)


@pytest.fixture
def kept_questions(tmp_path):
    return KeptQuestions(tmp_path / "kept")


def to_keep(talks, people, served):
    place = Place(talks.world.chain.chain_id, talks.contract.address, talks.id)
    return KeptQuestion(QUESTION, place, people.eve.address, served[1].address)


def paid(view, talks, served, model, questions, question=QUESTION):
    place = Place(talks.world.chain.chain_id, talks.contract.address, talks.id)
    kept = KeptQuestion(question, place, view.address, served[1].address)
    return pay(view, kept, model, maximum_fee=FEE, questions=questions).request


def test_an_answer_is_paid_for_sealed_answered_and_settled(talks, people, view_of, served, model, node, kept_questions):
    view = view_of(people.eve)
    request = paid(view, talks, served, model, kept_questions)
    assert talks.state(request) == ASKED
    *pieces, kept = client_of(view, served, talks).ask(QUESTION, request=request)
    assert verify_receipt(kept, model).honest
    assert "".join(pieces) == model.vocabulary.decode(kept.transcript.answer)
    receipt = kept.signed.receipt
    assert (receipt.request, receipt.penalty, receipt.adapter) == (request, talks.penalty, ADAPTER)
    assert (talks.state(request), talks.of(request)["transcript"]) == (ANSWERED, "0x" + kept.transcript.digest.hex())
    assert talks.of(request)["prompt"] == "0x" + execution_of(model, QUESTION).commitment.hex()
    # asked for once more, it is the same answer, and nothing is paid or sent again
    *again, other = client_of(view, served, talks).ask(QUESTION, request=request)
    assert (again, other.transcript) == (pieces, kept.transcript)
    # the transcript is kept until nobody can challenge it
    _, own, store = served
    own.paid.look()
    assert store.transcript(talks.contract.address, request) == kept.transcript.to_json()
    node.advance(CHALLENGE_WINDOW + 1)
    own.paid.look()
    assert talks.state(request) == SETTLED
    assert store.transcript(talks.contract.address, request) is None


def test_an_accepted_answer_is_given_although_its_user_has_gone(talks, people, view_of, served, model, kept_questions):
    view = view_of(people.eve)
    question = replace(QUESTION, max_tokens=40)
    request = paid(view, talks, served, model, kept_questions, question)
    answer = client_of(view, served, talks).ask(question, request=request)
    next(answer)
    answer.close()
    until(lambda: talks.state(request) == ANSWERED)
    assert len(served[1].desk) == 0


def test_what_was_accepted_before_a_restart_is_answered_after_it(talks, people, view_of, served, model, kept_questions):
    view, (_, own, store) = view_of(people.eve), served
    request = paid(view, talks, served, model, kept_questions)
    client = client_of(view, served, talks)
    sent = []
    client._caller.events = lambda document: sent.append(document["sealed"]) or iter(())
    with pytest.raises(MessageError):
        list(client.ask(QUESTION, request=request))
    store.add(talks.contract.address, request, json.dumps(sent[0]))
    talks.accept(request)
    own.look()
    assert talks.state(request) == ANSWERED


def test_another_question_than_was_paid_for_is_neither_accepted_nor_answered(
    talks, people, view_of, served, model, kept_questions
):
    view = view_of(people.eve)
    request = paid(view, talks, served, model, kept_questions)
    for wrong in (replace(QUESTION, seed=bytes(32)), replace(QUESTION, max_tokens=7)):
        with pytest.raises(PeerError) as refused:
            list(client_of(view, served, talks).ask(wrong, request=request))
        assert "not the one that was paid for" in str(refused.value)
    stranger = view_of(people.ada)
    with pytest.raises(PeerError, match="has not asked for that"):
        list(client_of(stranger, served, talks).ask(QUESTION, request=request))
    assert talks.state(request) == ASKED


def test_a_fee_or_an_adapter_that_was_not_agreed_on_is_refused_before_anything_is_paid(
    talks, people, view_of, served, model, kept_questions
):
    view = view_of(people.eve)
    with pytest.raises(InputError, match="takes a fee") as refused:
        pay(view, to_keep(talks, people, served), model, maximum_fee=FEE - 1, questions=kept_questions)
    assert refused.value.kind == "fee-not-agreed"
    with pytest.raises(InputError, match="has the adapter") as refused:
        pay(view, to_keep(talks, people, served), model.with_adapter(None), maximum_fee=FEE, questions=kept_questions)
    assert refused.value.kind == "other-adapter"
    assert not kept_questions.folder.exists()


class Killed(BaseException):
    """Where the user's process ends."""


def dies(*_, **__):
    raise Killed


@pytest.mark.parametrize("moment", ["_submit", "_wait"])
def test_a_user_who_is_killed_while_paying_pays_once(
    talks, people, view_of, served, model, kept_questions, monkeypatch, moment
):
    view, asked = view_of(people.eve), to_keep(talks, people, served)
    with monkeypatch.context() as patched:
        patched.setattr(view.chain, moment, dies)
        with pytest.raises(Killed):
            pay(view, asked, model, maximum_fee=FEE, questions=kept_questions)
    # started again it has drawn another seed, and knows of no request
    fresh = replace(asked, question=replace(QUESTION, seed=bytes(32)))
    assert kept_questions.unanswered(fresh, seeded=True) is None
    known = kept_questions.unanswered(fresh, seeded=False)
    assert (known.question, known.request) == (QUESTION, 0)
    view.chain.forget_nonces()
    paid_for = pay(view, known, model, maximum_fee=FEE, questions=kept_questions)
    assert pay(view, paid_for, model, maximum_fee=0, questions=kept_questions) == paid_for  # whatever is asked for now
    events = view.network.conversations.contract.events("Asked", user=view.address)
    assert [event["id"] for event in events] == [paid_for.request]
    assert [path.name for path in kept_questions.folder.iterdir()] == [f"question-{paid_for.request}.json"]
    # once its answer has come the same text is another question
    assert kept_questions.unanswered(fresh, seeded=False) == paid_for
    kept_questions.write(replace(paid_for, answered=True))
    assert kept_questions.unanswered(fresh, seeded=False) is None


def test_what_the_contract_refuses_before_it_is_sent_is_not_kept(talks, people, view_of, served, model, kept_questions):
    view = view_of(people.eve)
    stranger = replace(to_keep(talks, people, served), operator=people.ada.address)
    with pytest.raises(TransactionError, match="NotOffered"):
        pay(view, stranger, model, maximum_fee=FEE, questions=kept_questions)
    assert list(kept_questions.folder.iterdir()) == []


def test_kept_questions_are_read_whole_or_refused(kept_questions, talks, people, served):
    kept = kept_questions.write(replace(to_keep(talks, people, served), nonce=3))
    (path,) = kept_questions.folder.iterdir()
    assert read_question(path) == kept
    assert path.stat().st_mode & 0o777 == 0o600
    document = json.loads(path.read_text())
    other = replace(kept, account=kept.operator)
    assert kept_questions.unanswered(other, seeded=False) is None  # another account's, with nonces of its own
    (kept_questions.folder / "question-of-before.json").write_text("{}")
    assert kept_questions.unanswered(kept, seeded=True) == kept
    wrong = ({"nonce": -1}, {"nonce": True}, {"request": "1"}, {"answered": 1}, {"operator": 5}, {"question": {}})
    for change in ({"format": "other"}, {"more": 1}, {"network": 1 << 64}, *wrong):
        path.write_text(json.dumps(document | change))
        with pytest.raises(InputError, match="no question that was kept"):
            read_question(path)


def test_an_operator_with_another_adapter_than_the_networks_offers_nothing(talks, people, view_of, tmp_path, file):
    with (
        ConversationStore(tmp_path / "conversation.db") as store,
        Worker(replace(file, adapter=None)) as plain,
        pytest.raises(InputError, match="has the adapter") as refused,
        answering(view_of(people.dan), talks.id, plain, store),
    ):
        pass
    assert refused.value.kind == "other-adapter"


def test_what_a_receipt_has_to_say_comes_from_the_chain(talks, people, view_of, served, model, kept_questions):
    operator, view = served[1].address, view_of(people.eve)
    free = Expected(model=model.digest, adapter=ADAPTER.hex(), penalty=talks.penalty)
    assert expected_of_free(view, talks.id, operator) == free
    assert expected_of_free(view, talks.id, people.ada.address) == replace(free, model=None)  # who offers nothing
    request = view.network.conversations.request(paid(view, talks, served, model, kept_questions))
    assert expected_of_paid(request) == free
    client = client_of(view, served, talks, expected=replace(free, adapter="00" * 32))
    with pytest.raises(PeerError, match="of another adapter"):
        list(client.ask(QUESTION))


# --- a lie ---


@pytest.fixture
def commands(world, node, tmp_path, monkeypatch):
    """``commands(person, *words)``: a command in the name of a person."""
    monkeypatch.chdir(tmp_path)
    world.deployment.write(tmp_path / "deployment.json")

    def run(person, *words, **options):
        environment = {
            "TWOPM_ZK_RPC_URL": node.url,
            "TWOPM_ZK_DEPLOYMENT": "deployment.json",
            "TWOPM_ZK_PRIVATE_KEY": person.key,
        }
        return runner(small_model(tmp_path))("converse", *words, env=environment, **options)

    return run


@pytest.fixture
def patched(model, monkeypatch):
    """Commands read the adapted model."""
    from twopm_zk.conversation.worker import ModelFile

    monkeypatch.setattr(ModelFile, "load", lambda self: model)


def signed_answer(talks, people, model, *, lie):
    """A free answer that the operator has signed, honest or not."""
    execution = execution_of(model, QUESTION)
    transcript = model.chat(QUESTION.messages, seed=SEED, temperature=0.7, max_tokens=8).transcript
    assert transcript.execution == execution
    if lie:
        tokens = list(transcript.answer)
        tokens[3] = 100 if tokens[3] != 100 else 101
        transcript = replace(transcript, answer=tuple(tokens))
    message = talks.receipt(model=bytes.fromhex(model.digest), transcript=transcript.digest)
    names = {"networkId": "network", "requestId": "request"}
    parts = {names.get(name, name): value for name, value in message.items()}
    receipt = Receipt(chain_id=talks.world.chain.chain_id, contract=talks.contract.address, **parts)
    return KeptAnswer(SignedReceipt(receipt, bytes(talks.sign(message))), transcript)


def test_a_lie_is_challenged_by_its_receipt_voted_on_and_slashed(talks, people, model, commands, patched, tmp_path):
    talks.act(people.dan, "offer", talks.id, bytes.fromhex(model.digest))
    kept = signed_answer(talks, people, model, lie=True)
    assert kept.signed.signed
    (tmp_path / "receipt.json").write_text(json.dumps(kept.to_json()))
    before = people.dan.staked
    found = json.loads(commands(people.eve, "challenge", "receipt.json", "--json").output)
    case = found["case"]
    assert talks.verdict(case) == OPEN
    for person in (people.ada, people.ben):
        said = json.loads(commands(person, "vote", str(case), "receipt.json", "--json").output)
        assert (said["right"], said["difference"]) == (False, 3)
    said = json.loads(commands(people.eve, "decide", str(case), "--json", model=False).output)
    assert said["verdict"] == "wrong"
    assert talks.verdict(case) == WRONG
    assert before - people.dan.staked == pytest.approx(talks.penalty, abs=1000)


def test_an_honest_answer_is_not_challenged_and_votes_follow_from_what_is_shown(
    talks, people, model, commands, patched, tmp_path, view_of
):
    kept = signed_answer(talks, people, model, lie=False)
    (tmp_path / "receipt.json").write_text(json.dumps(kept.to_json()))
    refused = commands(people.eve, "challenge", "receipt.json", code=None)
    assert refused.exception.kind == "nothing-to-challenge"
    case = json.loads(commands(people.eve, "challenge", "receipt.json", "--unverified", "--json").output)["case"]
    view = view_of(people.ada)
    assert judge(view, case, kept.transcript, model).right
    assert judge(view, case, None, model).right  # a free one that its user does not show
    other = signed_answer(talks, people, model, lie=True)
    with pytest.raises(InputError, match="another answer than case"):
        judge(view, case, other.transcript, model)
    said = json.loads(commands(people.ada, "vote", str(case), "receipt.json", "--dry-run", "--json").output)
    assert (said["right"], said["voted"]) == (True, False)
    assert talks.case(case)["right"] == 0


def test_a_paid_question_is_asked_from_the_command_line(talks, people, commands, patched, served, tmp_path):
    server, own, _ = served
    fee = str(FEE / ETH)
    words = ["ask", "hello", "--gateway", server.url, "--network", str(talks.id), "--operator", own.address]
    found = json.loads(commands(people.eve, *words, "--maximum-fee", f"{float(fee):.18f}", "--json").output)
    assert talks.state(found["request"]) == ANSWERED
    state = ("--state", "conversation.db")
    shown = json.loads(commands(people.dan, "transcript", str(found["request"]), *state, "--json", model=False).output)
    written = Transcript.from_document(json.loads((tmp_path / shown["file"]).read_text()))
    assert "0x" + written.digest.hex() == talks.of(found["request"])["transcript"]
    none = commands(people.dan, "transcript", "9999", *state, model=False, code=None)
    assert "no transcript of request 9999" in str(none.exception)
    again = ["ask", "--gateway", server.url, "--again", f"kept/question-{found['request']}.json", "--json"]
    assert json.loads(commands(people.eve, *again).output)["text"] == found["text"]
    # its answer has come: the same text is another question, unless that one is killed before it has its answer
    other = json.loads(commands(people.eve, *words, "--maximum-fee", f"{float(fee):.18f}", "--json").output)
    assert other["request"] == found["request"] + 1
    kept = KeptQuestions(tmp_path / "kept")
    kept.write(replace(read_question(kept.folder / f"question-{other['request']}.json"), answered=False))
    third = json.loads(commands(people.eve, *words, "--maximum-fee", f"{float(fee):.18f}", "--json").output)
    assert (third["request"], third["text"]) == (other["request"], other["text"])
    for content in ("{}", json.dumps({"format": "twopm-zk-conversation-question-2", "request": 0, "question": {}})):
        (tmp_path / "wrong.json").write_text(content)
        refused = commands(people.eve, "ask", "--gateway", server.url, "--again", "wrong.json", code=None)
        assert isinstance(refused.exception, InputError)
