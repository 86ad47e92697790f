"""The service and its client: limits, refusals by name, retries, and peers that misbehave."""

import contextlib
import json
import socket
import threading
import time

import httpx
import pytest
from eth_account import Account

from twopm_zk.errors import ChainError, InputError, MessageError, PeerError, StoreError
from twopm_zk.participants import transport
from twopm_zk.participants.envelope import MAX_ENVELOPE, Envelope, Header, Receipt, seal
from twopm_zk.participants.transport import Peer, Server

NODE, COORDINATOR = (Account.from_key(bytes([n] * 32)) for n in (1, 2))
PUBLIC = bytes(range(32))
HEADER = Header(
    kind="opening",
    chain_id=31337,
    contract="0x5FbDB2315678afecb367f032d93F642f64180aa3",
    task=7,
    round=0,
    attempt=0,
    sender=NODE.address,
    recipient=COORDINATOR.address,
    subject=5,
)


class Service:
    def __init__(self):
        self.received, self.failures = [], []

    def receive(self, envelope):
        if self.failures:
            raise self.failures.pop(0)
        self.received.append(envelope)
        return Receipt.sign(envelope.header, COORDINATOR)

    def spec_document(self):
        return {"document": {"lambda": 1.5}}

    def task_status(self, task):
        if task != 7:
            raise InputError(f"there is no task {task}")
        return {"task": task}

    def matrix_document(self, matrix_hash):
        return {"size": 1, "upper": [str(matrix_hash)]}


@pytest.fixture
def service():
    return Service()


@pytest.fixture
def server(service):
    with Server(service) as running:
        yield running


@pytest.fixture
def peer(server):
    return Peer(server.url, pause=0.01)


@pytest.fixture
def envelope():
    return seal(HEADER, b"content", PUBLIC, NODE)


def refused(reason):
    return pytest.raises(MessageError, check=lambda error: error.reason == reason)


def test_a_message_is_answered_with_a_signed_receipt(peer, service, envelope):
    receipt = peer.send(envelope)
    assert receipt.header == HEADER
    assert service.received == [envelope]


def test_public_documents(peer):
    assert peer.get("/v1/spec") == {"document": {"lambda": 1.5}}
    assert peer.get("/v1/tasks/7") == {"task": 7}
    assert peer.get(f"/v1/matrices/{2**250}")["upper"] == [str(2**250)]


def test_what_does_not_exist_is_an_error_at_once(peer):
    with pytest.raises(PeerError, match="there is no task 8"):
        peer.get("/v1/tasks/8")
    with pytest.raises(PeerError, match="status 404"):
        peer.get("/elsewhere")


def test_the_server_listens_on_this_machine_only(server):
    assert server.url.startswith("http://127.0.0.1:")


def test_a_refusal_keeps_its_name(peer, service, envelope):
    service.failures = [MessageError("stale", "another round")]
    with refused("stale"):
        peer.send(envelope)
    assert not service.received


def test_an_unsigned_message_never_reaches_the_service(peer, service, envelope):
    forged = Envelope(envelope.header, envelope.ephemeral, envelope.ciphertext, bytes(65))
    with refused("bad_signature"):
        peer.send(forged)
    assert not service.received


@pytest.mark.parametrize("failure", [ChainError("no node"), StoreError("disk full")])
def test_what_may_pass_is_tried_again(peer, service, envelope, failure):
    service.failures = [failure, failure]
    if isinstance(failure, StoreError):  # 507: the disk will not empty itself
        with pytest.raises(PeerError, match="cannot answer at present"):
            peer.send(envelope)
    else:
        peer.send(envelope)


def test_inner_errors_are_not_shown_to_strangers(server, service, envelope):
    service.failures = [ChainError("http://secret-node:8545 did not answer")]
    answer = httpx.post(server.url + "/v1/messages", content=envelope.encode())
    assert answer.status_code == 503
    assert "secret-node" not in answer.text


@pytest.mark.parametrize("body", [b"", b"garbage", b"\x80\x04\x95", b"{}", b"[" * 5000])
def test_garbage_is_refused_by_name(server, service, body):
    answer = httpx.post(server.url + "/v1/messages", content=body)
    assert (answer.status_code, answer.json()["error"]) == (422, "malformed")
    assert not service.received


def test_a_body_that_is_too_large_is_not_read_to_its_end(server, service):
    def endless():
        for _ in range(1000):
            yield b" " * (1 << 16)

    answer = httpx.post(server.url + "/v1/messages", content=endless())
    assert answer.status_code == 413
    assert MAX_ENVELOPE < 1 << 20


def test_a_body_that_never_ends_is_given_up(monkeypatch, service):
    monkeypatch.setattr(transport, "READ_SECONDS", 0.2)

    def slow():
        yield b"{"
        time.sleep(0.6)
        yield b"}"

    with Server(service) as server:
        assert httpx.post(server.url + "/v1/messages", content=slow()).status_code == 408


def test_nobody_there():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = time.monotonic()
    with pytest.raises(PeerError, match="3 attempts"):
        Peer(f"http://127.0.0.1:{port}", attempts=3, pause=0.05).get("/v1/spec")
    assert time.monotonic() - started > 0.1


def test_a_service_that_comes_back_is_reached(service, envelope):
    with Server(service) as first:
        port = first.port
    late = threading.Timer(0.3, lambda: late_server.append(Server(service, port=port).start()))
    late_server = []
    late.start()
    Peer(f"http://127.0.0.1:{port}", attempts=6, pause=0.1).send(envelope)
    late.join()
    late_server[0].close()


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://host/",
        "http://",
        "127.0.0.1:80",
        "http://user:word@host/",
        "",
        "http://127.0.0.1:b",
        "http://\x00",
        "http://127.0.0.1\r\nX: y",
        "http://xn--a\u0300b.c",
        "http://[v1.x]/",
    ],
)
def test_an_endpoint_that_is_no_http_url(url):
    with pytest.raises(InputError, match="URL"):
        Peer(url)


@pytest.mark.parametrize("url", ["http://..", f"http://{'a' * 250}", "http://127.0.0.1:99999"])
def test_an_endpoint_that_cannot_be_looked_up(url, envelope):
    with pytest.raises((PeerError, InputError)):
        Peer(url, attempts=1, timeout=0.5).send(envelope)


def test_connections_that_never_ask_do_not_shut_others_out(service, monkeypatch):
    monkeypatch.setattr(transport, "READ_SECONDS", 0.3)
    with Server(service) as server, contextlib.ExitStack() as idle:
        for number in range(transport.MAX_CONNECTIONS + 4):
            connection = idle.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            if number % 2:
                connection.sendall(b"POST /v1/messages HTTP/1.1\r\nX: ")
        assert Peer(server.url, attempts=6, pause=0.2).get("/v1/tasks/7") == {"task": 7}


def test_a_connection_is_for_one_request(server):
    with httpx.Client() as client:
        assert client.get(f"{server.url}/v1/spec").headers["connection"] == "close"


def test_a_port_that_is_taken(server, service):
    with pytest.raises(InputError, match=str(server.port)):
        Server(service, port=server.port)


class Raw:
    """A peer that answers with given bytes, whatever it is asked."""

    def __init__(self, answer, *, delay=0.0):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.answer, self.delay, self.asked = answer, delay, 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                connection.recv(1 << 20)
                self.asked += 1
                time.sleep(self.delay)
                with contextlib.suppress(OSError):
                    connection.sendall(self.answer)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.socket.close()


def answer(body, status="200 OK", extra=""):
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{extra}Connection: close\r\n\r\n".encode() + body


def test_a_receipt_of_somebody_else_is_none(envelope):
    wrong = json.dumps(Receipt.sign(HEADER, NODE).to_json()).encode()
    with Raw(answer(wrong)) as raw, refused("bad_signature"):
        Peer(raw.url).send(envelope)
    with Raw(answer(b"{}")) as raw, refused("malformed"):
        Peer(raw.url).send(envelope)


def test_redirections_are_not_followed(envelope):
    with Raw(answer(b"", "302 Found", "Location: http://127.0.0.1:1/\r\n")) as raw:
        with pytest.raises(PeerError, match="status 302"):
            Peer(raw.url, pause=0.01).send(envelope)
        assert raw.asked == 1


def test_an_answer_that_is_too_long_or_never_comes():
    with Raw(answer(b" " * (2 << 20))) as raw, pytest.raises(PeerError, match="too much"):
        Peer(raw.url, attempts=1).get("/v1/spec")
    with Raw(answer(b'["]",' * 1000)) as raw, pytest.raises(PeerError, match="nested"):
        Peer(raw.url, attempts=1).get("/v1/spec")
    with Raw(b"", delay=5) as raw, pytest.raises(PeerError, match="ReadTimeout"):
        Peer(raw.url, attempts=1, timeout=0.2).get("/v1/spec")
    with Raw(answer(b"<html>")) as raw, pytest.raises(PeerError, match="not JSON"):
        Peer(raw.url, attempts=1).get("/v1/spec")
