"""The service and its client: limits, refusals by name, retries, and peers that misbehave."""

import contextlib
import gzip
import json
import logging
import socket
import threading
import time
import zlib

import httpx
import pytest
from eth_account import Account
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from twopm_zk.errors import ChainError, InputError, MessageError, PeerError, StoreError
from twopm_zk.participants import transport
from twopm_zk.participants.envelope import MAX_ENVELOPE, Envelope, Header, Receipt, seal
from twopm_zk.participants.service import ServiceSettings
from twopm_zk.participants.transport import Peer, Server
from twopm_zk.system import http_server

NODE, COORDINATOR = (Account.from_key(bytes([n] * 32)) for n in (1, 2))
PUBLIC = bytes(range(32))
HEADER = Header(
    kind="input",
    chain_id=31337,
    contract="0x5FbDB2315678afecb367f032d93F642f64180aa3",
    task=7,
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


def test_what_does_not_exist_is_an_error_at_once(server, service, envelope):
    with pytest.raises(PeerError, match="status 404"):
        Peer(f"{server.url}/elsewhere", pause=0.01).send(envelope)
    service.failures = [InputError("there is no request 8")]
    with pytest.raises(PeerError, match="there is no request 8"):
        Peer(server.url, pause=0.01).send(envelope)


def test_the_server_listens_on_this_machine_only(server):
    assert server.url.startswith("http://127.0.0.1:")


def test_a_refusal_keeps_its_name(peer, service, envelope):
    service.failures = [MessageError("stale", "another request")]
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


@pytest.mark.slow
def test_a_body_that_never_ends_is_given_up(monkeypatch, service):
    monkeypatch.setattr(http_server, "READ_SECONDS", 0.2)

    def slow():
        yield b"{"
        time.sleep(0.6)
        yield b"}"

    with Server(service) as server:
        assert httpx.post(server.url + "/v1/messages", content=slow()).status_code == 408


def test_nobody_there(envelope):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = time.monotonic()
    with pytest.raises(PeerError, match="3 attempts"):
        Peer(f"http://127.0.0.1:{port}", attempts=3, pause=0.05).send(envelope)
    assert time.monotonic() - started > 0.1


@pytest.mark.slow
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
        "http://127.0.0.1:" + "9" * 5000,
        "http://" + "a" * 70_000,
    ],
    ids=lambda url: ascii(url[:24]),
)
def test_an_endpoint_that_is_no_http_url(url):
    with pytest.raises(InputError, match="URL") as caught:
        Peer(url)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/?key=1", "http://127.0.0.1:1/#part", "http://127.0.0.1:1?"])
def test_an_endpoint_with_a_query_or_fragment_is_refused_where_it_is_used_and_where_it_is_published(url):
    with pytest.raises(InputError, match="query"):
        Peer(url)
    with pytest.raises(InputError, match="query"):
        ServiceSettings(endpoint=url)


@pytest.mark.parametrize("url", ["http://..", f"http://{'a' * 250}", "http://127.0.0.1:99999"])
def test_an_endpoint_that_cannot_be_looked_up(url, envelope):
    with pytest.raises((PeerError, InputError)):
        Peer(url, attempts=1, timeout=0.5).send(envelope)


@pytest.mark.slow
def test_connections_that_never_ask_do_not_shut_others_out(service, envelope, monkeypatch):
    monkeypatch.setattr(http_server, "READ_SECONDS", 0.3)
    with Server(service) as server, contextlib.ExitStack() as idle:
        for number in range(transport.MAX_CONNECTIONS + 4):
            connection = idle.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            if number % 2:
                connection.sendall(b"POST /v1/messages HTTP/1.1\r\nX: ")
        assert Peer(server.url, attempts=6, pause=0.2).send(envelope).header == HEADER


def test_answers_are_sent_without_delay(server):
    assert server._socket.proto == socket.IPPROTO_TCP  # asyncio asks for that by the protocol alone


def test_a_connection_is_for_one_request(server):
    with httpx.Client() as client:
        assert client.post(f"{server.url}/v1/messages").headers["connection"] == "close"


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
                asked = connection.recv(1 << 20)
                while b"\r\n\r\n" in asked and asked.endswith(b"\r\n\r\n"):  # the body comes by itself
                    asked += connection.recv(1 << 20) or b"."
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


def test_an_answer_that_is_too_long_or_never_comes(envelope):
    with Raw(answer(b" " * (2 << 20))) as raw, pytest.raises(PeerError, match="too much"):
        Peer(raw.url, attempts=1).send(envelope)
    with Raw(answer(b'["]",' * 1000)) as raw, refused("malformed"):
        Peer(raw.url, attempts=1).send(envelope)
    with Raw(b"", delay=5) as raw, pytest.raises(PeerError, match="ReadTimeout"):
        Peer(raw.url, attempts=1, timeout=0.2).send(envelope)
    with Raw(answer(b"<html>")) as raw, refused("malformed"):
        Peer(raw.url, attempts=1).send(envelope)


# --- nothing is compressed ---


def bomb(layers=2):
    """Some kilobytes that unfold to gigabytes, encoded over and over."""
    content = gzip.compress(bytes(64 << 20), mtime=0)
    for _ in range(layers - 1):
        content = gzip.compress(content, mtime=0)
    return content


@pytest.mark.parametrize(
    "encoding", ["gzip, gzip", "gzip", "deflate", "GZIP", "br", "zstd", "identity, gzip", "unheard-of", "x, identity"]
)
def test_a_compressed_answer_is_refused_before_it_is_read(encoding, envelope, monkeypatch):
    def decoded(*arguments):
        raise AssertionError("the answer was decoded")

    for name in ("decompressobj", "decompress"):
        monkeypatch.setattr(zlib, name, decoded)
    with (
        Raw(answer(b"\x1f\x8b", extra=f"Content-Encoding: {encoding}\r\n")) as raw,
        pytest.raises(PeerError, match="compressed"),
    ):
        Peer(raw.url, attempts=1).send(envelope)


def test_encodings_in_several_lines_are_one_list(envelope):
    content = bomb()
    assert len(content) < 10_000
    lines = "Content-Encoding: gzip\r\n" * 2
    with Raw(answer(content, extra=lines)) as raw, pytest.raises(PeerError, match="compressed"):
        Peer(raw.url, attempts=1).send(envelope)


@pytest.mark.slow
def test_a_compressed_refusal_is_not_read_either(envelope):
    lines = "Content-Encoding: gzip\r\n"
    with Raw(answer(bomb(1), "422 Unprocessable", lines)) as raw, pytest.raises(PeerError, match="compressed"):
        Peer(raw.url, attempts=1).send(envelope)


def test_a_client_asks_for_plain_answers(envelope, monkeypatch):
    asked = []
    plain = httpx.Client.send
    monkeypatch.setattr(httpx.Client, "send", lambda self, **k: (asked.append(k["request"]), plain(self, **k))[1])
    signed = json.dumps(Receipt.sign(HEADER, COORDINATOR).to_json()).encode()
    with Raw(answer(signed, extra="Content-Encoding: identity\r\n")) as raw:
        assert Peer(raw.url, attempts=1).send(envelope).header == HEADER
    assert [request.headers["accept-encoding"] for request in asked] == ["identity"]


@pytest.mark.parametrize("headers", [["gzip"], ["identity", "gzip"], ["gzip, gzip"], ["br"]])
def test_a_compressed_message_is_refused_before_it_is_read(server, service, headers):
    lines = [("Content-Encoding", value) for value in headers]
    said = httpx.post(server.url + "/v1/messages", content=gzip.compress(b"{}"), headers=lines)
    assert (said.status_code, said.json()["error"]) == (415, "malformed")
    assert not service.received


def test_an_answer_without_end_is_cut_off_at_its_limit(envelope):
    endless = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"1" * (8 << 20)
    with Raw(endless) as raw, pytest.raises(PeerError, match="too much"):
        Peer(raw.url, attempts=1).send(envelope)


# --- whatever is asked ---


def ask_raw(server, request):
    """Send bytes as they are; the status of the answer, 0 where the connection was closed without one."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(request)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        found = b""
        with contextlib.suppress(OSError):
            while part := connection.recv(65536):
                found += part
    return int(found.split(b" ", 2)[1]) if found.startswith(b"HTTP/1.1 ") else 0


PATHS = st.lists(st.sampled_from([b"v1", b"messages", b".."]) | st.binary(max_size=12))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from([b"GET", b"POST", b"HEAD", b"PUT"]) | st.binary(max_size=6),
    parts=PATHS,
    lines=st.lists(st.tuples(st.binary(max_size=12), st.binary(max_size=20)), max_size=3),
    body=st.binary(max_size=60),
)
@example(b"POST", [b"v1", b"messages"], [(b"Content-Encoding", b"gzip")], b"")
@example(b"POST", [b"v1", b"messages"], [(b"Content-Length", b"-1")], b"{}")
@example(b"POST", [b"v1", b"messages"], [(b"Content-Length", b"9" * 5000)], b"{}")
@example(b"POST", [b"v1", b"messages"], [(b"Transfer-Encoding", b"chunked")], b"ffffffffffffffffffff\r\n")
def test_no_request_makes_the_service_stumble(server, service, caplog, method, parts, lines, body):
    head = b"".join(name + b": " + value + b"\r\n" for name, value in lines)
    request = method + b" /" + b"/".join(parts) + b" HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n" + body
    status = ask_raw(server, request)
    assert status != 500
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert not service.received


@pytest.mark.slow
@settings(max_examples=60)
@given(
    status=st.sampled_from([b"200 OK", b"422 No", b"302 Found"]) | st.binary(max_size=8),
    lines=st.lists(st.tuples(st.binary(max_size=12), st.binary(max_size=20)), max_size=3),
    body=st.binary(max_size=60) | st.sampled_from([b'{"error":"x","message":"y"}', b"[[[[", b"1e999", b"9" * 6000]),
)
def test_no_answer_makes_the_client_stumble(status, lines, body):
    head = b"".join(name + b": " + value + b"\r\n" for name, value in lines)
    with Raw(b"HTTP/1.1 " + status + b"\r\n" + head + b"\r\n" + body) as raw:
        peer = Peer(raw.url, attempts=1, timeout=1)
        with contextlib.suppress(PeerError, MessageError):
            peer.send(seal(HEADER, b"content", PUBLIC, NODE))
