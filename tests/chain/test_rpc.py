"""Endpoints as they are in the open: limits, lost connections, chains without this and that, keys in URLs."""

import email.utils
import gzip
import itertools
import logging
import socket
import threading
import time
import traceback
import tracemalloc
from base64 import b64encode
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from support.people_world import Running
from support.rpc_proxy import RpcProxy
from support.waiting import until

from twopm_zk.chain import Chain, DevelopmentNode, compile_contract
from twopm_zk.chain.abi import checksummed
from twopm_zk.chain.contracts import Call
from twopm_zk.chain.network import Network
from twopm_zk.chain.rpc import EndpointError, RpcProvider, TooManyRequestsError, endpoint
from twopm_zk.errors import ChainError, InputError, TransactionError
from twopm_zk.participants.task_view import ChainView

ADDRESS = "0x" + "0d" * 20
KEY = "0123456789abcdef0123456789abcdef"


def moving(chain, times=1):
    for _ in range(times):
        receipt = chain.send("a transfer", to=chain.address, value=1)
    return receipt


@contextmanager
def answering(headers, body):
    """An endpoint that answers the same to everything: its URL, and the headers that it was asked with.

    Connections are kept, so that a second request may come over the first one's.
    """
    asked = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(dict(self.headers) | {"path": self.path, "from": self.client_address})
            self.send_response(200)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):  # who asked has gone
                self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def through(proxy, node, account=6):
    return Chain(proxy.url, private_key=node.private_keys[account])


@pytest.mark.parametrize(
    "manners",
    [
        {"poa": True},
        {"legacy": True},
        {"missing": ["eth_maxPriorityFeePerGas", "eth_feeHistory"]},
        {"no_pending": True},
    ],
    ids=lambda manners: next(iter(manners)),
)
def test_a_chain_that_lacks_what_others_have_takes_transactions(node, chain, manners, recwarn):
    with RpcProxy(node.url, **manners) as proxy:
        other = through(proxy, node)
        assert moving(other, 2).gas_used == 21_000
        assert other.time > 0
    assert not recwarn.list


LIMITS = [
    (200, {}, (-32005, "limit exceeded")),
    (200, {}, (-32011, "over the limit")),
    (200, {}, (-32016, "over rate limit")),
    (200, {}, (429, "Your app has exceeded its compute units per second capacity")),
    (200, {}, (-32000, "Too Many Requests")),
    (200, {}, (-32603, "request rate limited, slow down")),
    (429, {}, (429, "Too Many Requests")),
    (429, {}, None),
    (503, {"Retry-After": "0"}, None),
]


@pytest.mark.slow
@pytest.mark.parametrize("refusal", LIMITS, ids=lambda r: f"{r[0]}-{r[2] and r[2][0]}")
def test_every_kind_of_refusal_for_too_many_requests_is_waited_out(node, chain, refusal, monkeypatch):
    """Each method is refused the first two times, reads and transactions alike."""
    monkeypatch.setattr(endpoint, "_FIRST_PAUSE", 0.01)
    with RpcProxy(node.url, refuse=lambda method, number: refusal if number <= 2 else None) as proxy:
        other = through(proxy, node)
        before = other.balance(node.accounts[5])
        other.send("a transfer", to=node.accounts[5], value=7)
        assert other.balance(node.accounts[5]) == before + 7
        assert proxy.counted["eth_sendRawTransaction"] == 3
        assert proxy.refused >= 10


def test_pauses_grow_and_end(node):
    pauses = []
    always = (200, {}, (-32005, "rate limit"))
    with RpcProxy(node.url, refuse=lambda method, number: always) as proxy:
        provider = RpcProvider(proxy.url, patience=0.0)
        with pytest.raises(TooManyRequestsError):
            provider.make_request("eth_blockNumber", [])
        provider = RpcProvider(proxy.url, sleep=pauses.append)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("twopm_zk.chain.rpc.endpoint.time.monotonic", lambda: sum(pauses))
            with pytest.raises(TooManyRequestsError, match="too many requests: rate limit"):
                provider.make_request("eth_blockNumber", [])
    assert 90 < sum(pauses) < 180
    assert all(later > earlier for earlier, later in itertools.pairwise(pauses[:6]))
    assert max(pauses) < 30
    assert pauses[0] <= 0.7


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [("3", 3, 3), ("86400", 60, 60), ("soon", 0, 1), ("-1", 0, 1), (None, 20, 30)],
)
def test_retry_after_is_honoured_within_limits(node, asked, least, most):
    header = asked if asked is not None else email.utils.formatdate(time.time() + 30, usegmt=True)
    pauses = []
    busy = (429, {"Retry-After": header}, None)
    with RpcProxy(node.url, refuse=lambda method, number: busy if number == 1 else None) as proxy:
        provider = RpcProvider(proxy.url, sleep=pauses.append)
        assert "result" in provider.make_request("eth_blockNumber", [])
    assert least <= pauses[0] <= most


def test_a_revert_that_speaks_of_a_rate_limit_is_a_revert(node):
    refusal = (200, {}, (3, "execution reverted: rate limit"))
    with RpcProxy(node.url, refuse=lambda method, number: refusal if method == "eth_call" else None) as proxy:
        with pytest.raises(ChainError, match="reverted: rate limit"):
            Chain(proxy.url).call("a call", node.accounts[0], b"")
        assert proxy.counted["eth_call"] == 1


@pytest.mark.slow
def test_reads_are_made_again_after_a_broken_gateway_and_a_transaction_is_sent_once(node, chain):
    broken = (502, {}, None)
    with RpcProxy(node.url, refuse=lambda method, number: broken if number == 1 else None) as proxy:
        other = through(proxy, node)
        before = other.web3.eth.get_transaction_count(other.address)
        moving(other)
        assert other.web3.eth.get_transaction_count(other.address) == before + 1
        assert proxy.counted["eth_sendRawTransaction"] == 2  # by the sender, who knows of both


def test_a_receipt_is_found_though_the_endpoint_fails_while_it_is_waited_for(node, chain):
    """The transaction is on its way: whatever the endpoint says meanwhile does not change that."""
    wrong = (200, {}, (-32603, "internal error"))

    def refuse(method, number):
        return wrong if method == "eth_getTransactionReceipt" and number <= 3 else None

    with RpcProxy(node.url, refuse=refuse) as proxy:
        assert moving(through(proxy, node)).gas_used == 21_000


@pytest.mark.slow
def test_receipts_are_asked_for_at_the_pace_of_the_chain(node, chain):
    with DevelopmentNode(block_time=2) as slow, RpcProxy(slow.url) as proxy:
        moving(through(proxy, slow), 3)
        assert proxy.counted["eth_getTransactionReceipt"] <= 26
    with RpcProxy(node.url) as proxy:
        other = through(proxy, node)
        begun = time.monotonic()
        moving(other, 5)
        waited = time.monotonic() - begun
        assert waited < 20
        assert proxy.counted["eth_getTransactionReceipt"] <= 10 + 20 * waited  # a busy machine mines later


def test_logs_are_read_where_ranges_are_limited_and_the_limit_is_remembered(node, chain):
    node.advance(1, blocks=40)
    with RpcProxy(node.url, blocks=7) as proxy:
        other = Chain(proxy.url)
        last = other.block
        assert list(other.logs(node.accounts[0], [], last - 40, last)) == []
        first = proxy.counted["eth_getLogs"]
        list(other.logs(node.accounts[0], [], last - 40, last))
        assert proxy.counted["eth_getLogs"] - first <= 1.6 * 41 / 5


def test_logs_are_not_asked_for_piece_by_piece_where_the_endpoint_is_gone(node):
    with RpcProxy(node.url) as proxy:
        other = Chain(proxy.url)
    begun = time.monotonic()
    with pytest.raises(ChainError, match="cannot be reached") as caught:
        list(other.logs(node.accounts[0], [], 0, 1000))
    assert time.monotonic() - begun < 5
    assert caught.value.kind == "no-rpc"


@pytest.mark.slow
def test_two_processes_of_one_account_wait_for_each_other(chain, monkeypatch):
    # with one price, neither takes the place of the other's transaction
    monkeypatch.setattr(Chain, "_fees", lambda _: {"maxPriorityFeePerGas": 10**9, "maxFeePerGas": 10**11})
    """Each has the nonce of the newest block; the one that comes second sends again after the first is mined."""
    with DevelopmentNode(block_time=1) as slow:
        account = slow.private_keys[2]
        both = [Chain(slow.url, private_key=account) for _ in range(2)]
        errors = []

        def send(chain, value):
            try:
                for _ in range(3):
                    chain.send("a transfer", to=slow.accounts[3], value=value)
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=send, args=(one, value)) for one, value in zip(both, (1, 100), strict=True)]
        before = both[0].balance(slow.accounts[3])
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not errors
        assert both[0].balance(slow.accounts[3]) == before + 303


@pytest.mark.slow
def test_a_transaction_that_was_replaced_is_told_and_not_waited_for(node, monkeypatch):
    monkeypatch.setattr("twopm_zk.chain.connection._TAKEN_SECONDS", 0.3)
    first, second = (Chain(node.url, private_key=node.private_keys[2], timeout=60) for _ in range(2))
    monkeypatch.setattr(second, "_fees", lambda: {"maxPriorityFeePerGas": 10**11, "maxFeePerGas": 10**12})
    caught = []

    def send(chain, receiver):
        try:
            chain.send("a transfer", to=receiver, value=1, gas=21_000)
        except TransactionError as error:
            caught.append(error)

    def waiting():
        found = node.rpc("txpool_content")["pending"].values()
        return {transaction["to"] for of_account in found for transaction in of_account.values()}

    threads = []
    node.rpc("evm_setAutomine", False)
    try:
        for chain, receiver in ((first, node.accounts[3]), (second, node.accounts[4])):
            threads.append(threading.Thread(target=send, args=(chain, receiver)))
            threads[-1].start()
            until(lambda receiver=receiver: waiting() == {receiver})
    finally:
        node.rpc("evm_setAutomine", True)
        node.rpc("evm_mine")
    for thread in threads:
        thread.join(60)
    assert ["took the place of" in error.message for error in caught] == [True]
    assert first.send("the next", to=node.accounts[3], value=1).gas_used == 21_000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "refusal", "said"),
    [
        (f"/v3/{KEY}", (401, {}, None), "status 401"),
        (f"/v3/{KEY}", (404, {}, None), "status 404"),
        (f"/v3/{KEY}", (500, {}, None), "status 500"),
        (f"/v3/{KEY}", (200, {}, (-32000, f"project {KEY} is blocked")), "is blocked"),
        (f"/?apikey={KEY}", (200, {}, None), "JSON-RPC"),
    ],
)
def test_a_key_in_the_url_is_in_no_message_and_no_cause(node, path, refusal, said, caplog):
    caplog.set_level(logging.DEBUG, logger="web3")
    caplog.set_level(logging.DEBUG, logger="twopm_zk")
    with RpcProxy(node.url, path=path, refuse=lambda method, number: refusal) as proxy:
        with pytest.raises(ChainError, match=said) as caught:
            Chain(proxy.url)
        url = proxy.url
    told = "".join(traceback.format_exception(caught.value))
    assert KEY not in told
    assert "127.0.0.1" in caught.value.message
    with pytest.raises(ChainError, match="cannot be reached") as caught:
        Chain(url)
    told += "".join(traceback.format_exception(caught.value))
    with pytest.raises(ChainError) as caught:
        Chain(f"http://user:{KEY}@127.0.0.1:1{path}")
    told += "".join(traceback.format_exception(caught.value)) + repr(caught.value.facts)
    assert KEY not in told
    assert KEY not in caplog.text


@pytest.mark.parametrize("url", ["", "127.0.0.1:8545", "ws://127.0.0.1", f"ftp://h/{KEY}", "http://", "http://a b/"])
def test_a_url_that_is_none_is_refused_and_not_shown(url):
    with pytest.raises(InputError, match="is not an http or https URL") as caught:
        Chain(url)
    assert KEY not in str(caught.value)


def test_a_provider_shows_no_more_than_the_host(node):
    provider = RpcProvider(f"{node.url}/{KEY}")
    assert KEY not in str(provider) + repr(provider)
    assert not isinstance(EndpointError("x"), ChainError)


FIVE = b'{"jsonrpc": "2.0", "id": 0, "result": "0x5"}'


@pytest.mark.parametrize("result", [b"[]", b"{}", b"5", b"null", b"true"])
def test_an_answer_of_another_kind_is_the_endpoints_error_whatever_was_asked(node, result):
    other = Chain(node.url)
    with answering({}, b'{"jsonrpc": "2.0", "id": 0, "result": %s}' % result) as (url, _):
        with pytest.raises(ChainError):
            Chain(url)
        other.web3.provider = RpcProvider(url)
        for read in (
            lambda: other.time,
            lambda: other.block,
            lambda: other.balance(ADDRESS),
            lambda: other.code(ADDRESS),
        ):
            with pytest.raises(ChainError):
                read()


class Elsewhere(RpcProxy):
    """An endpoint that answers with logs of another contract, of another event or of other blocks."""

    changes = ()

    def _forward(self, request):
        answer = super()._forward(request)
        if request["method"] == "eth_getLogs":
            answer["result"] = [{**log, **dict(self.changes)} for log in answer["result"]]
        return answer


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes", [{"address": "0x" + "0d" * 20}, {"topics": ["0x" + "ab" * 32]}, {"topics": []}, {"blockNumber": "0x1"}]
)
def test_logs_that_nobody_has_asked_for_are_the_endpoints_error(node, chain, changes):
    contract = chain.deploy(compile_contract("RETHDouble"))
    contract.transact("deposit", value=10)
    with Elsewhere(node.url) as proxy:
        read = Chain(proxy.url).contract(contract.artifact, contract.address).events
        assert len(read("Transfer")) == 1
        proxy.changes = changes
        with pytest.raises(ChainError, match="something else than logs"):
            read("Transfer")


class Behind(RpcProxy):
    """An endpoint of which the part that is asked knows nothing of the transactions that another part has taken."""

    def _forward(self, request):
        if request["method"] == "eth_getTransactionByHash":
            return {"jsonrpc": "2.0", "id": request["id"], "result": None}
        answer = super()._forward(request)
        if request["method"] == "eth_sendRawTransaction" and self.counted[request["method"]] == 1:
            return {"jsonrpc": "2.0", "id": request["id"], "busy": True}  # no answer that anybody can use
        return answer


def test_a_transaction_whose_answer_was_lost_is_not_sent_under_a_second_nonce(node, chain):
    with Behind(node.url) as proxy:
        other = through(proxy, node)
        before = chain.balance(node.accounts[5])
        with pytest.raises(TransactionError, match="perhaps the same one that was thought lost"):
            other.send("a transfer", to=node.accounts[5], value=7)
    assert chain.balance(node.accounts[5]) == before + 7


@pytest.mark.parametrize("fees", [10**9, 10**9 + 1, 2 * 10**9])
def test_what_is_sent_once_is_not_sent_again_beside_the_one_of_a_process_that_was_killed(node, chain, fees):
    """It is in the pool and in no block: the next process has the same nonce, and perhaps another price."""
    before = chain.balance(node.accounts[5])
    node.rpc("evm_setAutomine", False)
    try:
        with RpcProxy(node.url) as proxy:
            killed, again = Chain(node.url, private_key=node.private_keys[6]), through(proxy, node)
            killed.fees = lambda: {"maxPriorityFeePerGas": 10**9, "maxFeePerGas": 10**11}
            again.fees = lambda: {"maxPriorityFeePerGas": fees, "maxFeePerGas": 10**11}
            killed._submit("a transfer", parameters_of(killed, to=node.accounts[5], value=7))

            def mine():
                until(lambda: proxy.counted["eth_sendRawTransaction"])
                node.rpc("evm_mine")

            mining = threading.Thread(target=mine)
            mining.start()
            with suppress(TransactionError):
                again.send("a transfer", to=node.accounts[5], value=7, gas=21_000, once=True)
            mining.join()
    finally:
        node.rpc("evm_setAutomine", True)
        node.rpc("evm_mine")
    assert chain.balance(node.accounts[5]) == before + 7


def parameters_of(chain, *, to, value):
    return {
        "from": chain.address,
        "to": checksummed(to),
        "value": value,
        "data": b"",
        "gas": 21_000,
        "chainId": 31337,
        **chain.fees(),
    }


def test_requests_of_a_thread_go_over_one_connection_with_the_urls_path_and_user():
    with answering({}, FIVE) as (url, asked):
        provider = RpcProvider(url.replace("//", f"//user:{KEY}@") + "/v3/key?x=1")
        assert [provider.make_request("eth_blockNumber", [])["result"] for _ in range(3)] == ["0x5"] * 3
    assert {request["path"] for request in asked} == {"/v3/key?x=1"}
    assert {request["Authorization"] for request in asked} == {basic(f"user:{KEY}")}
    assert len({request["from"] for request in asked}) == 1


def test_requests_go_through_the_proxy_that_the_environment_names(monkeypatch):
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with answering({}, FIVE) as (url, asked):
        monkeypatch.setenv("http_proxy", url.replace("//", "//me:word@"))
        assert RpcProvider("http://node.example/v3/key").make_request("eth_blockNumber", [])["result"] == "0x5"
    (request,) = asked
    assert (request["path"], request["Host"]) == ("http://node.example/v3/key", "node.example")
    assert (request["Proxy-Authorization"], "Authorization" in request) == (basic("me:word"), False)


def basic(text):
    return f"Basic {b64encode(text.encode()).decode()}"


@contextmanager
def telling(*answers):
    """An endpoint that answers each request with the next of these bytes: its URL, and the connections it has had."""
    connections, left = [], list(answers)

    def serve(listening):
        while left:
            connection, _ = listening.accept()
            connections.append(connection)
            with connection, connection.makefile("rb") as sent:
                while left and (head := list(iter(sent.readline, b"\r\n"))) and head[0]:
                    sent.read(next(int(line.split()[1]) for line in head if line.startswith(b"Content-Length")))
                    answer = left.pop(0)
                    connection.sendall(answer)
                    if not answer.endswith(FIVE) or b": %d" % len(FIVE) not in answer:
                        break  # it is cut short, so that the connection ends with it

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", connections
        thread.join(20)


def with_length(length, *lines):
    return b"\r\n".join([b"HTTP/1.1 200 OK", b"Content-Length: %d" % length, *lines, b"", FIVE])


GOOD = with_length(len(FIVE))


@pytest.mark.parametrize(
    "lost", [b"", b"HTTP/1.1 2", with_length(1000), b"\0\0\r\n"], ids=["none", "cut", "short", "no"]
)
def test_an_answer_that_is_lost_on_a_kept_connection_is_asked_for_over_another(lost):
    with telling(GOOD, GOOD, lost, GOOD, GOOD) as (url, connections):
        provider = RpcProvider(url, sleep=lambda _: None)
        assert [provider.make_request("eth_blockNumber", [])["result"] for _ in range(4)] == ["0x5"] * 4
    assert len(connections) == 2


def test_a_transaction_is_not_sent_again_after_a_kept_connection_is_lost():
    with telling(GOOD, b"", GOOD) as (url, _):
        provider = RpcProvider(url, sleep=lambda _: None)
        provider.make_request("eth_blockNumber", [])
        with pytest.raises(EndpointError, match="the connection is lost"):
            provider.make_request("eth_sendRawTransaction", ["0x00"])
        provider.make_request("eth_blockNumber", [])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (with_length(len(FIVE), b"Content-Encoding: gzip"), "compressed"),
        (with_length(1 << 20) + b" " * (1 << 20), "much"),
    ],
    ids=["compressed", "too much"],
)
def test_what_is_refused_of_a_first_answer_is_refused_of_those_after_it(answer, said, monkeypatch):
    monkeypatch.setattr(endpoint, "MAX_ANSWER", 1 << 16)
    with telling(GOOD, answer) as (url, _):
        provider = RpcProvider(url)
        provider.make_request("eth_blockNumber", [])
        with pytest.raises(EndpointError, match=said):
            provider.make_request("eth_blockNumber", [])


@pytest.mark.parametrize("layers", [1, 3])
def test_a_compressed_answer_is_refused_before_it_is_read(layers):
    body = b'{"jsonrpc": "2.0", "id": 0, "result": "0x' + b"0" * (1 << 24) + b'1"}'
    for _ in range(layers):
        body = gzip.compress(body)
    with answering({"Content-Encoding": ", ".join(["gzip"] * layers)}, body) as (url, asked):
        provider = RpcProvider(url)
        tracemalloc.start()
        with pytest.raises(EndpointError, match="compressed"):
            provider.make_request("eth_chainId", [])
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert [request["Accept-Encoding"] for request in asked] == ["identity"]
    assert most < 1 << 22


def test_an_answer_that_never_ends_is_cut_off(monkeypatch):
    monkeypatch.setattr(endpoint, "MAX_ANSWER", 1 << 16)
    with answering({}, b" " * (1 << 20)) as (url, _), pytest.raises(EndpointError, match="too much"):
        RpcProvider(url).make_request("eth_chainId", [])


@pytest.mark.parametrize("answer", [None, 5, [], {"data": "0x"}, "0xzz", "0x1"])
def test_an_answer_to_a_call_that_is_no_data_is_an_error_of_the_chain(chain, monkeypatch, answer):
    monkeypatch.setattr(chain.web3.manager, "request_blocking", lambda *_: answer)
    with pytest.raises(ChainError, match="a question"):
        chain.call("a question", chain.address, b"")


@pytest.mark.slow
def test_a_whole_task_gets_through_an_endpoint_that_limits_requests(world, party, monkeypatch):
    """Coordinator and nodes share it, and meet its limit again and again."""
    with RpcProxy(world.node.url, rate=(10, 0.1), poa=True, no_pending=True, blocks=50) as proxy:

        def view(number):
            return ChainView(Network(Chain(proxy.url, private_key=world.node.private_keys[number]), world.deployment))

        monkeypatch.setattr(world, "view", view)
        party.spec = replace(party.spec, gradient_bound=0.1)
        party.coordinator_view, party.settings = view(1), replace(party.settings, poll=0.4)
        nodes = [party.node(number, poll=0.4) for number in range(3)]
        with Running(party.coordinator(), *nodes) as running:
            running.wait(180)
        assert proxy.refused > 5
    monkeypatch.undo()
    assert world.view(1).state(1).certified


# --- several reads in one body ---


def reads_of(node):
    return [("eth_getBalance", [account, "latest"]) for account in node.accounts[:7]] * 7


@pytest.mark.slow
@pytest.mark.parametrize(
    ("manners", "bodies"),
    [
        ({}, 4),  # the chain's number, and 49 requests in parts of twenty
        ({"batches": 1}, 1 + 4 + 49),  # 20, 10, 5 and 2 are refused
        ({"batches": 10}, 1 + (1 + 20) + 3),
        ({"rate": (30, 0.1)}, None),
    ],
    ids=["taken", "not-taken", "too-many", "limited"],
)
def test_reads_go_together_as_far_as_the_endpoint_takes_that(node, manners, bodies, monkeypatch):
    monkeypatch.setattr(endpoint, "_FIRST_PAUSE", 0.05)
    with RpcProxy(node.url, **manners) as proxy:
        provider = Chain(proxy.url).web3.provider
        found = provider.make_together(reads_of(node))
        assert bodies in (None, proxy.bodies)
        # answers come in any order, and each is of its own request
        assert [one["result"] for one in found] == [provider.make_request(*asked)["result"] for asked in reads_of(node)]


def test_a_call_that_reverts_among_others_is_told_as_one_that_was_made_alone(node, chain):
    token = chain.deploy(compile_contract("RETHDouble"))
    allowed = Call(token, "balanceOf", (node.accounts[1],))
    refused = Call(token, "transfer", (node.accounts[1], 10**30))
    assert Call.results([allowed, allowed]) == [0, 0]
    with pytest.raises(TransactionError) as alone:
        token.call("transfer", node.accounts[1], 10**30)
    with pytest.raises(TransactionError) as among:
        Call.results([allowed, refused, allowed])
    assert (among.value.message, among.value.error) == (alone.value.message, alone.value.error)
    assert Call.results([]) == []


@pytest.mark.parametrize(
    "body",
    [b"[]", b"[1, 2]", b'[{"id": 0, "result": "0x1"}]', b'[{"id": [], "result": 1}, {"id": null, "error": {}}]', b"["],
)
def test_a_body_that_lacks_answers_has_the_others_asked_alone(body):
    with answering({}, body) as (url, asked):
        provider = RpcProvider(url, patience=0.0, sleep=lambda seconds: None)
        with pytest.raises(EndpointError):
            provider.make_together([("eth_blockNumber", []), ("eth_chainId", [])])
        assert len(asked) >= 2
