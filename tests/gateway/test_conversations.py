"""Conversations over HTTP: answers with receipts, what is refused, limits, and what a server that passes on can see."""

import json
import logging
import socket
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from eth_account import Account
from support.conversations import KEY, SAID_WORDS, SEED, read_small, small_model
from support.gateway_world import OPERATOR, STRANGER, USER, gateway
from support.gateway_world import sign_in as signed_in
from support.waiting import until

from twopm_zk.chat.desk import Desk, Load
from twopm_zk.chat.operator import ConversationOperator, Place
from twopm_zk.chat.question import Question, SealedQuestion, subject_of
from twopm_zk.chat.relay import Relay
from twopm_zk.chat.sealed import AnswerOpener, SealedPiece, answer_key, salt_of
from twopm_zk.chat.service import Conversation
from twopm_zk.conversation.receipt import KeptAnswer, verify_receipt
from twopm_zk.conversation.worker import Worker
from twopm_zk.gateway.limits import Rate
from twopm_zk.gateway.settings import Limits
from twopm_zk.participants.envelope import Header, seal_question

pytestmark = [pytest.mark.slow, pytest.mark.chain]
pytest.importorskip("tokenizers", reason="the package tokenizers is not installed")
PATH = "/v1/chat/completions"
ASKED = {
    "messages": [{"role": "user", "content": f"hello {SAID_WORDS}"}],
    "seed": SEED.hex(),
    "temperature": 0.8,
    "max_tokens": 6,
}
JSON = {"Content-Type": "application/json"}
OPEN = Limits(answers=Rate(1000, 1000), address=Rate(1000, 1000))


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def model(file):
    return read_small(file)


@pytest.fixture(scope="module")
def worker(file):
    with Worker(file) as started:
        yield started


@pytest.fixture(scope="module")
def place(stage):
    return Place(31337, stage.world.deployment.contracts["ConversationContract"].address, stage.network)


def account(stage, number):
    return Account.from_key(stage.world.node.private_keys[number])


class Held:
    """A worker whose answers go on after their first piece when they are let."""

    def __init__(self, worker):
        self._worker, self.go_on = worker, threading.Event()

    def __getattr__(self, name):
        return getattr(self._worker, name)

    def answer(self, asked, *, wanted):
        for piece in self._worker.answer(asked, wanted=wanted):
            yield piece
            self.go_on.wait(60)


@contextmanager
def answering(stage, folder, worker, place, *, load=None, limits=OPEN, **changes):
    """A gateway that answers itself, and its operator."""
    desk = Desk(worker, load=load)
    operator = ConversationOperator(desk, account(stage, OPERATOR), KEY, place, penalty=lambda: 7)
    made = Conversation(stage.network, operator)
    with gateway(stage, folder, conversation=lambda reader: made, limits=limits, **changes) as server:
        yield server, operator
    desk.close()


@pytest.fixture(scope="module")
def served(stage, worker, place, tmp_path_factory):
    with answering(stage, tmp_path_factory.mktemp("answering"), worker, place) as found:
        yield found


@pytest.fixture(scope="module")
def client(served):
    with httpx.Client(base_url=served[0].url, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def session(client, stage):
    return signed_in(client, stage, USER)


def documents(answer):
    """What the events of a stream say."""
    lines = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def text_of(kept, model):
    return model.vocabulary.decode(kept.transcript.answer)


# --- in the open ---


def test_an_answer_has_the_usual_shape_and_its_receipt_holds(client, session, model, stage, place):
    answer = client.post(
        PATH, json={**ASKED, "model": client.get("/v1/models").json()["data"][0]["id"]}, headers=session
    )
    assert answer.status_code == 200, answer.text
    found = answer.json()
    (choice,) = found["choices"]
    kept = KeptAnswer.from_document(found["receipt"])
    assert (found["object"], choice["message"]["role"]) == ("chat.completion", "assistant")
    assert choice["message"]["content"] == text_of(kept, model)
    assert choice["finish_reason"] == ("stop" if kept.transcript.answer[-1] in model.vocabulary.control else "length")
    assert found["usage"]["total_tokens"] == len(kept.transcript.execution.prompt) + len(kept.transcript.answer)
    assert verify_receipt(kept, model).honest
    receipt = kept.signed.receipt
    assert (receipt.user, receipt.operator) == (account(stage, USER).address, account(stage, OPERATOR).address)
    assert (receipt.chain_id, receipt.contract, receipt.network) == (place.chain_id, place.contract, place.network)
    assert (receipt.penalty, receipt.request) == (7, 0)
    assert abs(receipt.issued - time.time()) < 60
    assert list(kept.transcript.execution.prompt) == model.vocabulary.prompt(ASKED["messages"])
    assert kept.transcript.execution.sampling.seed == SEED


def test_a_stream_says_the_same_piece_by_piece(client, session, model):
    answer = client.post(PATH, json={**ASKED, "stream": True}, headers=session)
    assert answer.headers["content-type"].startswith("text/event-stream")
    first, *pieces, last = documents(answer)
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    kept = KeptAnswer.from_document(last["receipt"])
    assert "".join(one["choices"][0]["delta"]["content"] for one in pieces) == text_of(kept, model)
    assert last["choices"][0]["finish_reason"] in ("stop", "length")
    assert {one["object"] for one in (first, *pieces, last)} == {"chat.completion.chunk"}
    assert len({one["id"] for one in (first, *pieces, last)}) == 1
    assert verify_receipt(kept, model).honest


def test_without_a_seed_each_answer_has_a_fresh_one(client, session):
    asked = {**ASKED, "seed": None, "max_tokens": 1}
    seeds = {client.post(PATH, json=asked, headers=session).json()["receipt"]["transcript"]["seed"] for _ in range(2)}
    assert len(seeds) == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"messages": "text"}, "'messages' are a list"),
        ({"messages": [{"role": "user", "content": "x " * 200}]}, "leaves no room for an answer"),
        ({"messages": [{"role": "user", "content": "\ud800"}]}, "surrogate"),
        ({"temperature": -0.1}, "'temperature' is from 0 to 10"),
        ({"marzipan": 1}, "'marzipan' is not known here"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_of_it_is_quoted(client, session, changes, said):
    answer = client.post(PATH, content=json.dumps({**ASKED, **changes}), headers={**session, **JSON})
    assert answer.status_code == 422, answer.text
    assert said in answer.json()["message"]
    assert "quincunx" not in answer.text


def test_fields_that_ask_for_nothing_are_taken(client, session):
    more = {"n": 1, "top_p": 1.0, "stop": None, "tools": [], "user": "somebody", "stream_options": {"x": 1}}
    said = [{"role": "user", "content": [{"type": "text", "text": "hello"}], "name": None}]
    asked = {**ASKED, **more, "messages": said, "max_tokens": None, "max_completion_tokens": 1, "seed": -5}
    assert client.post(PATH, json=asked, headers=session).status_code == 200


def test_another_model_is_not_found(client, session):
    answer = client.post(PATH, json={**ASKED, "model": "gpt-5"}, headers=session)
    assert (answer.status_code, answer.json()["error"]) == (404, "no-model")


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff"])
def test_a_body_that_is_no_object_is_refused(client, session, body):
    assert client.post(PATH, content=body, headers={**session, **JSON}).status_code == 422


def test_a_body_that_is_too_large_is_refused_before_it_is_read(client, session):
    assert client.post(PATH, content=b"x" * (1 << 20), headers={**session, **JSON}).status_code == 413


def test_who_has_not_signed_in_or_has_too_little_at_stake_is_refused(client, stage):
    assert client.post(PATH, json=ASKED).status_code == 401
    assert client.post(PATH, json=ASKED, headers={"Authorization": "Bearer x"}).status_code == 401
    answer = client.post(PATH, json=ASKED, headers=signed_in(client, stage, STRANGER))
    assert (answer.status_code, answer.json()["error"]) == (403, "stake-too-low")


def test_a_session_that_has_ended_is_none(client, stage, served, monkeypatch):
    server, _ = served
    session = signed_in(client, stage, USER, expires=(expires := time.time() + 600))
    assert client.post(PATH, json={**ASKED, "max_tokens": 1}, headers=session).status_code == 200
    monkeypatch.setattr(server._gateway.parts.sessions, "_clock", lambda: expires)
    assert client.post(PATH, json=ASKED, headers=session).status_code == 401


def test_a_server_without_conversations_says_so(ask, stage, server):
    answer = ask("POST", PATH, json=ASKED)
    assert (answer.status_code, answer.json()["error"]) == (409, "no-conversation")
    assert ask("GET", "/v1/models").json()["data"] == []
    assert ask("GET", "/v1/status").json()["conversation"] is None


# --- many at once, and who leaves ---


def test_one_account_has_one_answer_at_a_time_and_a_full_queue_is_told(stage, worker, place, tmp_path):
    worker = Held(worker)
    with (
        answering(stage, tmp_path, worker, place, load=Load(waiting=1)) as (server, operator),
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        session = signed_in(client, stage, USER)
        with client.stream("POST", PATH, json={**ASKED, "max_tokens": 140, "stream": True}, headers=session) as answer:
            assert answer.status_code == 200
            again = client.post(PATH, json=ASKED, headers=session)
            assert (again.status_code, again.json()["error"]) == (429, "one-at-a-time")
            assert int(again.headers["retry-after"]) > 0
            envelope, *_ = sealed_by(account(stage, OPERATOR), place, operator)  # who has a stake too
            other = client.post(PATH, json={"sealed": json.loads(envelope.encode())})
            assert (other.status_code, other.json()["error"]) == (503, "busy")
            assert "retry-after" in other.headers
            worker.go_on.set()
        until(lambda: len(operator.desk) == 0)


def test_who_waits_too_long_is_sent_away(stage, worker, place, tmp_path):
    worker = Held(worker)
    with (
        answering(stage, tmp_path, worker, place, load=Load(seconds=0.1)) as (server, operator),
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        session = signed_in(client, stage, USER)
        with client.stream("POST", PATH, json={**ASKED, "max_tokens": 140, "stream": True}, headers=session) as answer:
            assert answer.status_code == 200
            envelope, *_ = sealed_by(account(stage, OPERATOR), place, operator)
            other = client.post(PATH, json={"sealed": json.loads(envelope.encode())})
            assert (other.status_code, other.json()["error"]) == (503, "busy")
            worker.go_on.set()
        until(lambda: len(operator.desk) == 0)


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_ends_when_its_client_goes(served, client, session, worker, stream):
    server, operator = served
    before = worker.process_id
    body = json.dumps({**ASKED, "max_tokens": 140, "stream": stream}).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in session.items()) + "\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head.encode() + body)
        until(lambda: len(operator.desk) == 1)
        if stream:
            connection.recv(100)
    began = time.monotonic()
    until(lambda: len(operator.desk) == 0)
    assert client.post(PATH, json={**ASKED, "max_tokens": 1}, headers=session).status_code == 200
    assert time.monotonic() - began < 10
    assert worker.process_id == before


def test_an_account_that_asks_too_often_is_told_when_to_come_back(stage, worker, place, tmp_path):
    with (
        answering(stage, tmp_path, worker, place, limits=Limits(answers=Rate(0.01, 1))) as (server, _),
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        session = signed_in(client, stage, USER)
        assert client.post(PATH, json={**ASKED, "max_tokens": 1}, headers=session).status_code == 200
        again = client.post(PATH, json=ASKED, headers=session)
        assert (again.status_code, again.json()["error"]) == (429, "too-many-requests")


# --- sealed ---


def sealed_by(signer, place, operator, *, key=None, content=None, issued=None, network=None, **changes):
    """A sealed question: envelope, secret, and header."""
    question = Question(tuple(ASKED["messages"]), temperature=800, max_tokens=6)  # with a fresh seed
    plain = content or SealedQuestion(question, network or place.network, int(issued or time.time())).encode()
    usual = {
        "kind": "conversation",
        "chain_id": place.chain_id,
        "contract": place.contract,
        "task": 0,
        "sender": signer.address,
        "recipient": operator.address,
        "subject": subject_of(plain),
    }
    header = Header(**{**usual, **changes})
    envelope, secret = seal_question(header, plain, key or operator.public_key, signer)
    return envelope, secret, header


def opened(answer, secret, header):
    """What a sealed answer says, piece by piece."""
    first, *rest = documents(answer)
    opener = AnswerOpener(answer_key(secret, header, salt_of(first)))
    found = [opener.open(SealedPiece.from_document(one)) for one in rest]
    assert opener.ended
    return found


def test_a_sealed_answer_says_the_same_and_needs_no_session(client, served, stage, place, model):
    envelope, secret, header = sealed_by(account(stage, USER), place, served[1])
    answer = client.post(PATH, json={"sealed": json.loads(envelope.encode())})
    assert answer.status_code == 200, answer.text
    *pieces, last = opened(answer, secret, header)
    kept = KeptAnswer.from_document(last["kept"])
    assert "".join(one["text"] for one in pieces) == text_of(kept, model)
    assert verify_receipt(kept, model).honest
    assert kept.signed.receipt.user == account(stage, USER).address


def test_all_pieces_have_like_lengths(client, served, stage, place):
    envelope, *_ = sealed_by(account(stage, USER), place, served[1])
    _, *rest = documents(client.post(PATH, json={"sealed": json.loads(envelope.encode())}))
    assert {(len(one["sealed"]) // 2 - 16) % 64 for one in rest} == {0}
    assert {len(one["sealed"]) for one in rest[:-1]} == {2 * (64 + 16)}


def test_the_same_question_is_not_answered_twice(client, served, stage, place):
    envelope, *_ = sealed_by(account(stage, USER), place, served[1])
    body = {"sealed": json.loads(envelope.encode())}
    assert client.post(PATH, json=body).status_code == 200
    again = client.post(PATH, json=body)
    assert (again.status_code, again.json()["error"]) == (409, "stale")


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"chain_id": 1}, 422, "wrong-contract"),
        ({"contract": Account.from_key(b"\7" * 32).address}, 422, "wrong-contract"),
        ({"kind": "input"}, 422, "wrong-contract"),
        ({"recipient": Account.from_key(b"\7" * 32).address}, 422, "wrong-recipient"),
        ({"task": 5}, 403, "not-the-sender"),
        ({"subject": 5}, 422, "does-not-open"),
        ({"key": b"\x09" + bytes(31)}, 422, "undecipherable"),
        ({"network": 9}, 422, "wrong-contract"),
        ({"issued": 1_000_000_000}, 409, "stale"),
        ({"content": b"{}"}, 422, "malformed"),
        ({"content": b'{"messages": 1.5}'}, 422, "malformed"),
    ],
)
def test_a_sealed_question_that_is_none_of_this_operator_is_refused(
    client, served, stage, place, changes, status, said
):
    envelope, *_ = sealed_by(account(stage, USER), place, served[1], **changes)
    answer = client.post(PATH, json={"sealed": json.loads(envelope.encode())})
    assert (answer.status_code, answer.json()["error"]) == (status, said)


def test_a_sealed_question_needs_its_senders_signature_and_stake(client, served, stage, place):
    envelope, *_ = sealed_by(account(stage, STRANGER), place, served[1])
    poor = client.post(PATH, json={"sealed": json.loads(envelope.encode())})
    assert (poor.status_code, poor.json()["error"]) == (403, "stake-too-low")
    forged, *_ = sealed_by(account(stage, STRANGER), place, served[1], sender=account(stage, USER).address)
    answer = client.post(PATH, json={"sealed": json.loads(forged.encode())})
    assert (answer.status_code, answer.json()["error"]) == (401, "bad-signature")


def test_beside_a_sealed_question_nothing_is_said_in_the_open(client, served, stage, place):
    envelope, *_ = sealed_by(account(stage, USER), place, served[1])
    answer = client.post(PATH, json={"sealed": json.loads(envelope.encode()), "messages": ASKED["messages"]})
    assert answer.status_code == 422
    assert client.post(PATH, json={"sealed": "text"}).status_code == 422


# --- passed on ---


class Tap:
    """What goes between a server that passes on and the operator: every byte, both ways."""

    def __init__(self, port):
        self.seen, self._port = bytearray(), port
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with suppress(OSError):
            while True:
                near, _ = self._socket.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._copy, args=(one, other), daemon=True).start()

    def _copy(self, one, other):
        with suppress(OSError):
            while data := one.recv(65536):
                self.seen += data
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)

    def close(self):
        self._socket.close()


@contextmanager
def relaying(stage, folder, endpoint, **changes):
    """A gateway that passes on to an operator that has published this endpoint."""
    stage.world.view(OPERATOR).publish(endpoint, KEY.public_key().public_bytes_raw())
    view = stage.world.view(9)
    relay = Relay(account(stage, OPERATOR).address, view.member, public_only=False)
    made = Conversation(stage.network, relay)
    with gateway(stage, folder, conversation=lambda reader: made, limits=OPEN, **changes) as server:
        yield server
    relay.close()


def test_a_server_that_passes_on_reads_nothing_and_nothing_is_left_anywhere(
    undone, stage, worker, place, model, tmp_path, caplog, capfd
):
    caplog.set_level(logging.DEBUG)
    news, started = [], time.time() - 1
    folders = [tmp_path / name for name in ("operator", "relay")]
    for folder in folders:
        folder.mkdir()
    with answering(stage, folders[0], worker, place, notify=news.append) as (server, operator):
        tap = Tap(server.port)
        with (
            relaying(stage, folders[1], tap.url, notify=news.append) as between,
            httpx.Client(base_url=between.url, timeout=60) as client,
        ):
            status = client.get("/v1/status").json()["conversation"]
            assert (status["operator"], status["sealed_only"], status["model"]) == (operator.address, True, None)
            session = signed_in(client, stage, USER)
            refused = client.post(PATH, json=ASKED, headers=session)
            assert (refused.status_code, refused.json()["error"]) == (409, "sealed-only")
            envelope, secret, header = sealed_by(account(stage, USER), place, operator)
            asked = json.dumps({"sealed": json.loads(envelope.encode())})
            answer = client.post(PATH, content=asked, headers=JSON)
            assert answer.status_code == 200, answer.text
            *pieces, last = opened(answer, secret, header)
        tap.close()
    kept = KeptAnswer.from_document(last["kept"])
    said = "".join(one["text"] for one in pieces)
    assert said == text_of(kept, model)
    assert verify_receipt(kept, model).honest

    tokens = ", ".join(map(str, kept.transcript.answer)), ",".join(map(str, kept.transcript.answer))
    seed = kept.transcript.execution.sampling.seed
    private = [*SAID_WORDS.split(), seed.hex(), said, *tokens, kept.transcript.digest.hex()]
    # all that a server which passes on has had in its hands
    assert len(tap.seen) > 1000
    passed = [bytes(tap.seen).decode(errors="replace"), asked, answer.text]
    texts = [record.getMessage() for record in caplog.records] + [*capfd.readouterr()]
    texts += [f"{item.kind} {item.text} {dict(item.values)}" for item in news]
    places = [tmp_path, Path(tempfile.gettempdir()) / "twopm-zk"]
    files = [path for place in places for path in place.rglob("*") if path.is_file()]
    texts += [path.read_bytes().decode(errors="replace") for path in files if path.stat().st_mtime >= started]
    texts += [json.dumps(block) for block in blocks_of(stage.world.node)]
    found = [word for word in private for text in [*passed, *texts] if word in text]
    assert found == []


def blocks_of(node):
    """All blocks of a development chain, with their transactions' inputs."""
    with httpx.Client() as client:

        def ask(method, *params):
            body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            return client.post(node.url, json=body).json()["result"]

        newest = int(ask("eth_blockNumber"), 16)
        return [ask("eth_getBlockByNumber", hex(number), True) for number in range(newest - 20, newest + 1)]


@pytest.mark.parametrize("endpoint", ["", "http://127.0.0.1:9", "not a url"])
def test_an_operator_that_cannot_be_reached_is_told_so(undone, stage, place, served, tmp_path, endpoint):
    with relaying(stage, tmp_path, endpoint) as between, httpx.Client(base_url=between.url, timeout=60) as client:
        envelope, *_ = sealed_by(account(stage, USER), place, served[1])
        answer = client.post(PATH, json={"sealed": json.loads(envelope.encode())})
        assert (answer.status_code, answer.json()["error"]) == (503, "no-operator")


def test_what_an_operator_says_in_the_open_is_not_passed_on(undone, stage, place, served, tmp_path):
    """An operator, or whoever sits between, has nothing but sealed pieces passed on to users."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer():
            near, _ = listening.accept()
            near.recv(65536)
            body = b'data: {"salt": "' + b"00" * 32 + b'"}\n\ndata: {"text": "in the open"}\n\n'
            near.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + body)
            near.close()

        threading.Thread(target=answer, daemon=True).start()
        endpoint = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with relaying(stage, tmp_path, endpoint) as between, httpx.Client(base_url=between.url, timeout=60) as client:
            envelope, *_ = sealed_by(account(stage, USER), place, served[1])
            said = client.post(PATH, json={"sealed": json.loads(envelope.encode())}).text
    assert "in the open" not in said
    assert '"error":"malformed"' in said
