"""The API as its users meet it: what each endpoint says, headers of every answer, limits, and bad people."""

import asyncio
import contextlib
import gzip
import hashlib
import re
import socket
import threading
import time
from types import SimpleNamespace

import httpx
import pytest
from support.gateway_world import ETH, OPERATOR, OWNER, ROW, STRANGER, TERMS, USER, gateway, sign_in
from support.json_schema import problems
from support.waiting import until

from twopm_zk.gateway import events
from twopm_zk.gateway.endpoints import ENDPOINTS, SCHEMAS, openapi
from twopm_zk.gateway.limits import Rate
from twopm_zk.gateway.responses import HEADERS
from twopm_zk.gateway.settings import Limits
from twopm_zk.html import POLICY as REPORT_POLICY
from twopm_zk.plonk.keys import keys_of_instances
from twopm_zk.system import http_server

pytestmark = [pytest.mark.slow, pytest.mark.chain, pytest.mark.prover]

FREE = Limits(address=Rate(10_000, 10_000))
"""For tests of other limits than that of an address."""


# --- what is there ---


def test_every_endpoint_is_in_the_openapi_document_and_answers_as_it_says(stage, ask):
    document = ask("GET", "/v1/openapi.json").json()
    assert document == openapi(document["info"]["version"])
    listed = {(method.upper(), path) for path, row in document["paths"].items() for method in row}
    assert listed == {(one.method, one.path) for one in ENDPOINTS}
    here = {
        "id": "1",
        "address": stage.world.view(OWNER).address,
        "file": "verification_key.json",
        "contract": "HLRContract",
    }
    asked = [one for one in ENDPOINTS if one.method == "GET" and one.media == "application/json"]
    for one in asked:
        path = re.sub(r"\{(\w+)\}", lambda match: here[match[1]], one.path)
        if one.name == "request":
            continue  # there is none yet
        answer = ask("GET", path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), path
        assert problems(answer.json(), {"$ref": f"#/components/schemas/{one.schema}"}, SCHEMAS) == [], path
        assert answer.headers["cache-control"] == "no-store"
    assert len(asked) >= 12


def test_a_network_is_shown_with_its_model_terms_and_operators(stage, ask):
    (summary,) = ask("GET", "/v1/networks").json()["networks"]
    assert (summary["title"], summary["metadata_state"], summary["rows"]) == ("Grades after a course", "verified", 32)
    assert (summary["certified"], summary["insecure"], summary["operators"], summary["updates"]) == (True, True, 1, 3)
    found = ask("GET", "/v1/networks/1").json()
    state = stage.world.view(OWNER).state(1)
    assert found["weights"]["values"] == list(state.weights)
    assert found["weights"]["commitment"] == str(state.model_commitment)
    assert found["coefficients"] == stage.spec.coefficients(state.weights)
    assert found["certificate"]["bound_per_row"] == state.bound_per_row
    assert (found["terms"]["fee"], found["terms"]["user_stake"]) == ("1000", str(ETH))
    assert (found["complete"], found["enrolled"], found["owners_share"]) == (True, 3, 5000)
    assert found["predict"]["instance"] == "predict-3"
    (operator,) = found["operators"]
    assert operator["address"] == stage.world.view(OPERATOR).address
    assert (operator["endpoint"], operator["key"]) == (True, "07" * 32)
    assert int(operator["stake"]) >= TERMS.operator_stake
    assert operator["restaked"] is False


def test_the_form_has_all_constants_of_the_specification(stage, ask):
    form = ask("GET", "/v1/networks/1/form").json()
    assert [one["name"] for one in form["inputs"]] == ["GPA", "TUCE", "PSI"]
    assert [(one["centre"], one["scale"]) for one in form["columns"]] == [
        (column.centre, column.scale) for column in stage.spec.columns
    ]
    assert form["context"] == str(stage.world.view(OWNER).state(1).policy.context)
    assert (form["x_bits"], form["x_frac"], form["features"], form["clip"]) == (16, 12, 3, None)


def test_metadata_are_given_as_they_were_found(stage, ask):
    answer = ask("GET", "/v1/networks/1/metadata")
    assert answer.content == stage.metadata.encoded
    named = ask("GET", "/v1/networks/1").json()["metadata_hash"]
    assert "0x" + hashlib.sha256(answer.content).hexdigest() == named


def test_a_task_is_told_round_by_round(stage, ask):
    (summary,) = ask("GET", "/v1/tasks").json()["tasks"]
    task = ask("GET", "/v1/tasks/1").json()
    assert (summary["network"], summary["rounds"], summary["deadline"]) == (1, len(task["rounds"]), None)
    last = task["rounds"][-1]
    nodes = {stage.world.view(2 + number).address for number in range(3)}
    assert set(last["updates"]) == set(last["ready"]) == set(last["shared"]) == nodes
    assert (task["rounds"][0]["collection"], last["collection"], last["outcome"]) == (
        "information",
        "gradient",
        "certified",
    )
    assert last["bound_per_row"] <= task["target_per_row"]
    assert last["rows"] == 32
    assert last["opened_at"] <= last["closed_at"] <= last["ended_at"]
    until(lambda: ask("GET", "/v1/tasks/1").json()["gas"])


def test_the_audit_comes_by_itself_and_its_report_may_use_its_own_style_alone(ask):
    found = until(lambda: (said := ask("GET", "/v1/networks/1/audit").json())["state"] != "running" and said, 60)
    assert (found["state"], found["report"]["verdict"]) == ("done", "insecure-keys")
    report = ask("GET", "/v1/networks/1/report")
    assert report.headers["content-type"] == "text/html; charset=utf-8"
    assert report.headers["content-security-policy"] == REPORT_POLICY
    assert "Grades after a course" in report.text


@pytest.mark.parametrize("file", ["circuit.wasm", "circuit.zkey", "verification_key.json"])
def test_what_a_browser_proves_with_is_compressed_and_not_sent_twice(ask, file):
    path = f"/v1/networks/1/prover/{file}"
    answer = ask("GET", path)
    assert answer.headers["content-encoding"] == "gzip"
    keys = keys_of_instances(["predict-3"], progress=print)["predict-3"]
    here = {"circuit.wasm": keys.circuit.wasm, "circuit.zkey": keys.zkey}
    assert answer.content == here.get(file, keys.verification_key_file).read_bytes()
    again = ask("GET", path, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/networks/2", "/v1/networks/0", "/v1/networks/-1", "/v1/networks/x", f"/v1/networks/{'9' * 5000}"),
        *("/v1/networks/1/prover/circuit.r1cs", "/v1/networks/1/prover/..%2f..%2fkeys.json", "/v1/tasks/77"),
        *("/v1/requests/77", "/v1/abi/Nothing.json", "/v1/abi/..%2fdeployment.json", "/v1", "/v2/status", "/assets/x"),
        *(
            "/assets/..%2f..%2f..%2fetc%2fpasswd",
            "/assets/%2e%2e/%2e%2e/etc/passwd",
            "/prover/other.js",
            "/.git/config",
        ),
        *("/assets//etc/passwd", "/v1/networks/1/report/x", "/%00", "/assets/%00"),
    ],
)
def test_what_is_not_there_is_404_in_json(ask, path):
    answer = ask("GET", path)
    assert answer.status_code == 404
    assert problems(answer.json(), SCHEMAS["Error"], SCHEMAS) == []
    assert set(HEADERS) <= {name.title() for name in answer.headers}


def test_a_wrong_method_is_405_and_says_which_are_right(ask):
    answer = ask("POST", "/v1/status")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert ask("PUT", "/v1/session").headers["allow"] == "DELETE, POST"
    assert ask("POST", "/networks/1").status_code == 405
    assert ask("HEAD", "/v1/status").status_code == 200


@pytest.mark.parametrize("path", ["/", "/v1/status", "/nothing", "/v1/events-not", "/assets/nothing.js"])
def test_every_answer_has_the_strict_policy(ask, path):
    answer = ask("GET", path)
    for name, value in HEADERS.items():
        assert answer.headers.get_list(name) == [value]


@pytest.mark.parametrize(
    "garbage", [b"nothing\r\n\r\n", b"GET /\x00 HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\xff\r\n\r\n"]
)
def test_what_is_no_request_has_the_policy_in_its_answer_too(server, garbage):
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(garbage)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert all(f"{name}: {value}\r\n".encode() in answer for name, value in HEADERS.items())


# --- accounts and requests ---


def test_an_account_has_its_stake_and_what_is_asked_of_it(stage, undone):
    with contextlib.ExitStack() as running:
        view, user = stage.world.view(OPERATOR), stage.world.view(USER)
        folder = stage.documents.parent / "asked"
        folder.mkdir(exist_ok=True)
        server = running.enter_context(gateway(stage, folder, limits=FREE))
        client = running.enter_context(httpx.Client(base_url=server.url))
        entry = user.network.networks.get(1)
        (number,) = user.inference.ask(entry, view.address, entry_verifier(stage), [5])
        of_operator = until(lambda: client.get(f"/v1/accounts/{view.address.lower()}").json()["asked"])
        assert [(one["kind"], one["request"], one["network"]) for one in of_operator] == [("answer", number, 1)]
        assert of_operator[0]["command"] == "twopm-zk operator run SPEC --network 1"
        found = client.get(f"/v1/requests/{number}").json()
        assert problems(found, SCHEMAS["Request"], SCHEMAS) == []
        assert (found["state"], found["fee"], found["user"]) == ("asked", "1000", user.address)
        stage.world.node.advance(TERMS.accept_seconds + 10)
        late = until(
            lambda: [o for o in client.get(f"/v1/accounts/{user.address}").json()["asked"] if o["kind"] == "refund"]
        )
        assert late[0]["command"] == f"twopm-zk predict refund {number}"
        user.inference.refund(number)
        owed = until(lambda: (a := client.get(f"/v1/accounts/{user.address}").json())["owed"]["eth"] == "1000" and a)
        assert {"withdraw"} == {one["kind"] for one in owed["asked"]}
        assert owed["requests"][0]["state"] == "refunded"


def entry_verifier(stage):
    return stage.world.deployment.verifiers["predict-3"].id


@pytest.mark.parametrize("address", ["0x", "x" * 42, "0x" + "g" * 40, "0x" + "1" * 41])
def test_what_is_no_address_is_refused(ask, address):
    assert ask("GET", f"/v1/accounts/{address}").status_code == 422


# --- sessions and predictions ---


def test_a_prediction_takes_a_session_with_a_stake_that_is_still_there(stage, undone, tmp_path):
    with gateway(stage, tmp_path, limits=FREE) as server, httpx.Client(base_url=server.url) as client:
        path, body = "/v1/networks/1/predictions", {"input": ROW}
        assert client.post(path, json=body).status_code == 401
        session = sign_in(client, stage)
        answer = client.post(path, json=body, headers=session)
        assert answer.status_code == 200, answer.text
        assert problems(answer.json(), SCHEMAS["Predictions"], SCHEMAS) == []
        (found,) = answer.json()["predictions"]
        assert 0 < found["expected"] < 1
        assert found["units"] == int(found["public"][2])
        assert "step-48x3" in found["insecure_keys"]
        verdict = client.post(
            "/v1/verify", json={"network": 1, "proof": found["proof"], "public": found["public"]}
        ).json()
        assert verdict == {"valid": True, "matches": {"model": True}}
        spoilt = [*found["public"][:2], str(found["units"] + 1)]
        verdict = client.post("/v1/verify", json={"network": 1, "proof": found["proof"], "public": spoilt}).json()
        assert verdict["valid"] is False

        user = stage.world.view(USER)
        user.staking.unstake(2, user.staking.position_of(user.address, 2)["active"])
        answer = client.post(path, json=body, headers=session)
        assert (answer.status_code, answer.json()["error"]) == (403, "stake-too-low")

        assert client.delete("/v1/session", headers=session).status_code == 204
        assert client.post(path, json=body, headers=session).status_code == 401


def test_an_account_has_so_many_predictions(stage, tmp_path):
    few = Limits(address=Rate(10_000, 10_000), account=Rate(0.001, 2))
    with gateway(stage, tmp_path, limits=few) as server, httpx.Client(base_url=server.url) as client:
        session = sign_in(client, stage)
        answers = [
            client.post("/v1/networks/1/predictions", json={"inputs": [ROW] * n}, headers=session) for n in (2, 1)
        ]
        assert [answer.status_code for answer in answers] == [200, 429]
        assert len(answers[0].json()["predictions"]) == 2
        assert answers[1].headers["retry-after"]


def test_a_sign_in_of_another_page_or_replayed_is_refused(stage, server):
    with httpx.Client(base_url=server.url) as client:
        with pytest.raises(AssertionError, match="wrong-domain"):
            sign_in(client, stage, origin="https://evil.example")
        with pytest.raises(AssertionError, match="wrong-chain"):
            sign_in(client, stage, chain_id=1)
        said = client.post("/v1/session", json={"message": "x", "signature": "0x"})
        assert (said.status_code, said.json()["error"]) == (401, "malformed-message")


def test_a_server_that_does_not_prove_says_so(stage, tmp_path):
    with gateway(stage, tmp_path, proves=False) as server:
        answer = httpx.post(f"{server.url}/v1/networks/1/predictions", json={"input": ROW})
        assert (answer.status_code, answer.json()["error"]) == (409, "no-proving")
        assert httpx.get(f"{server.url}/v1/status").json()["proving"] is False


SECRET = 3.14159


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"input": {"GPA": SECRET, "TUCE": 25}}, "the input has no 'PSI'"),
        ({"input": {**ROW, "GPA": [SECRET]}}, "'GPA' is not a number"),
        ({"input": {**ROW, "GPA": f"{SECRET}"}}, "'GPA' is not a number"),
        ({"input": {**ROW, "GPA": SECRET * 1e6}}, "'GPA' is outside"),
        ({"input": {**ROW, "GPA": None, "TUCE": SECRET}}, "'GPA' has no value"),
        ({"inputs": [ROW, {**ROW, "TUCE": SECRET * 1e9}]}, "input 2 of 2: the input's 'TUCE' is outside"),
        ({"input": [SECRET]}, "objects of values"),
        ({"inputs": []}, "1 to 16"),
        ({"inputs": [ROW] * 17}, "1 to 16"),
        ({"input": ROW, "inputs": [ROW]}, "objects of values"),
        ({"input": ROW, "salt": SECRET}, "objects of values"),
        ([SECRET], "not an object"),
    ],
    ids=str,
)
def test_an_input_that_cannot_be_used_is_told_by_its_column_and_never_shown(stage, session, ask, body, said):
    answer = ask("POST", "/v1/networks/1/predictions", json=body, headers=session)
    assert answer.status_code == 422
    assert said in answer.json()["message"]
    assert str(SECRET)[:4] not in answer.text


@pytest.fixture(scope="module")
def session(stage, server):
    with httpx.Client(base_url=server.url) as client:
        return sign_in(client, stage)


def test_garbage_is_refused_in_words(ask, session):
    path, kind = "/v1/networks/1/predictions", {"Content-Type": "application/json"}
    for content in (b"", b"{", b"\xff", b"[" * 1000, b'{"input": NaN}', b'{"input": ' + b"9" * 500 + b"}"):
        assert ask("POST", path, content=content, headers={**session, **kind}).status_code == 422
    plain = ask("POST", path, content=b"{}", headers={**session, "Content-Type": "text/plain"})
    assert (plain.status_code, plain.json()["error"]) == (415, "not-json")


# --- bodies, heads and connections ---


def test_a_body_that_is_too_large_endless_or_compressed_is_not_read(ask):
    kind = {"Content-Type": "application/json"}

    def endless():
        for _ in range(500):
            yield b" " * (1 << 16)

    assert ask("POST", "/v1/verify", content=b" " * (1 << 17), headers=kind).status_code == 413
    assert ask("POST", "/v1/verify", content=endless(), headers=kind).status_code == 413
    assert ask("POST", "/v1/deliveries", content=b" " * (1 << 19)).status_code == 413
    packed = ask("POST", "/v1/verify", content=gzip.compress(b"{}"), headers={**kind, "Content-Encoding": "gzip"})
    assert packed.status_code == 415


def test_a_head_or_body_that_comes_too_slowly_is_given_up(stage, tmp_path, monkeypatch):
    monkeypatch.setattr(http_server, "READ_SECONDS", 1)
    with gateway(stage, tmp_path) as server, socket.create_connection(("127.0.0.1", server.port)) as slow:
        slow.settimeout(5)
        slow.sendall(b"GET /v1/status HTTP/1.1\r\nHost: a\r\nX: ")
        assert slow.recv(100) == b""
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as kept:
            kept.sendall(b"GET /v1/session/nonce HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = b""
            while not answer.endswith(b'"}'):
                answer += kept.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200 OK")
            kept.sendall(b"GET /v1/session/nonce HTTP/1.1\r\nX: ")  # the second head is slow
            assert kept.recv(100) == b""
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as half:
            half.sendall(
                b"POST /v1/verify HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
            )
            assert b" 408 " in half.recv(65536)


def test_somebody_who_does_not_read_the_answer_is_cut_off(stage, tmp_path, monkeypatch):
    monkeypatch.setattr(http_server, "WRITE_SECONDS", 0.3)
    path = "/v1/networks/1/prover/circuit.zkey"
    with gateway(stage, tmp_path) as server:
        whole = httpx.get(server.url + path, headers={"Accept-Encoding": "identity"}, timeout=60)
        assert len(whole.content) == int(whole.headers["content-length"]) > 1 << 20
        assert httpx.head(server.url + path).headers["etag"] == whole.headers["etag"]
        with socket.socket() as lazy:
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            lazy.settimeout(10)
            lazy.connect(("127.0.0.1", server.port))
            lazy.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            time.sleep(4)
            read = 0
            with contextlib.suppress(ConnectionResetError):
                while part := lazy.recv(1 << 20):
                    read += len(part)
            assert read < len(whole.content)  # what the system had taken before


def test_more_connections_than_there_can_be_are_told_so_and_the_others_go_on(stage, tmp_path):
    with gateway(stage, tmp_path, limits=Limits(connections=3)) as server, contextlib.ExitStack() as idle:
        for _ in range(3):
            idle.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        until(lambda: httpx.get(f"{server.url}/v1/status").status_code == 503)  # all three have been taken
        answer = httpx.get(f"{server.url}/v1/status")
        assert (answer.status_code, answer.json()["error"]) == (503, "busy")
        assert set(HEADERS) <= {name.title() for name in answer.headers}
        idle.close()
        until(lambda: httpx.get(f"{server.url}/v1/status").status_code == 200)


def test_an_address_has_so_many_requests_and_a_forged_header_gains_nothing(stage, tmp_path):
    few = Limits(address=Rate(0.01, 3))
    with gateway(stage, tmp_path, limits=few) as server, httpx.Client(base_url=server.url) as client:
        said = [client.get("/v1/status", headers={"X-Forwarded-For": f"1.1.1.{n}"}).status_code for n in range(4)]
        assert said == [200, 200, 200, 429]
    with (
        gateway(stage, tmp_path, limits=few, behind_proxy=True) as server,
        httpx.Client(base_url=server.url) as client,
    ):
        said = [
            client.get("/v1/status", headers={"X-Forwarded-For": f"9.9.9.9, 1.1.1.{n}"}).status_code for n in range(6)
        ]
        assert said == [200] * 6
        said = [
            client.get("/v1/status", headers={"X-Forwarded-For": f"1.1.1.{n}, 9.9.9.9"}).status_code for n in range(4)
        ]
        assert said == [200, 200, 200, 429]


def test_two_hundred_clients_at_once_get_an_answer_or_429(stage, tmp_path):
    async def client(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        found = []
        for path in ("/v1/networks/1", "/v1/tasks/1"):
            writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            await reader.readexactly(int(re.search(r"content-length: (\d+)", head)[1]))
            found.append(int(head.split()[1]))
        writer.close()
        return found

    async def all_of_them(port):
        return await asyncio.gather(*(client(port) for _ in range(200)))

    with gateway(stage, tmp_path, limits=Limits(address=Rate(1, 300))) as server:
        statuses = [status for found in asyncio.run(all_of_them(server.port)) for status in found]
    assert set(statuses) == {200, 429}
    assert statuses.count(200) >= 300


# --- other origins ---


def test_pages_of_allowed_origins_may_read_the_api_and_no_others(stage, tmp_path):
    app = "https://app.example"
    with gateway(stage, tmp_path, allowed_origins=(app,)) as server, httpx.Client(base_url=server.url) as client:
        allowed = client.get("/v1/status", headers={"Origin": app})
        assert allowed.headers["access-control-allow-origin"] == app
        assert "Origin" in allowed.headers["vary"]
        assert "access-control-allow-credentials" not in allowed.headers
        asked = client.options("/v1/networks/1/predictions", headers={"Origin": app})
        assert (asked.status_code, asked.headers["access-control-allow-headers"]) == (
            204,
            "Authorization, Content-Type",
        )
        for origin in ("https://evil.example", "null", "https://app.example.evil.example", app + ":444"):
            assert "access-control-allow-origin" not in client.get("/v1/status", headers={"Origin": origin}).headers
            assert (
                "access-control-allow-headers" not in client.options("/v1/verify", headers={"Origin": origin}).headers
            )
        assert "access-control-allow-origin" not in client.get("/", headers={"Origin": app}).headers
        assert sign_in(client, stage, origin=app)


# --- live news ---


def test_a_listener_hears_of_blocks_and_of_what_has_changed(stage, undone, tmp_path):
    with gateway(stage, tmp_path) as server, httpx.stream("GET", f"{server.url}/v1/events", timeout=20) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        assert next(lines) == "retry: 3000"
        stage.world.view(OWNER).network.networks.set_closed(1, True)
        heard = [next(lines) for _ in range(7)]
        assert "event: block" in heard
        assert heard[heard.index("event: network") + 1] == 'data: {"id": 1}'
        assert httpx.get(f"{server.url}/v1/networks/1").json()["closed"] is True


def test_too_many_listeners_are_sent_away_and_one_that_leaves_makes_room(stage, tmp_path):
    few = Limits(listeners=2, listeners_each=2)
    with gateway(stage, tmp_path, limits=few) as server, contextlib.ExitStack() as listening:
        url = f"{server.url}/v1/events"
        heard = [listening.enter_context(httpx.stream("GET", url, timeout=20)).iter_lines() for _ in range(2)]
        assert [next(lines) for lines in heard] == ["retry: 3000"] * 2
        answer = httpx.get(url)
        assert (answer.status_code, answer.json()["error"]) == (503, "too-many-listeners")
        listening.close()

        def room():
            with httpx.stream("GET", url) as stream:
                return stream.status_code == 200

        until(room)


def test_a_listener_that_does_not_read_is_let_go():
    async def run():
        live = events.LiveNews(listeners=2, each_address=2)
        stream = live.listen("a")
        await anext(stream)
        for number in range(events._QUEUED + 2):
            live.publish(SimpleNamespace(block=number, time=0), {})
        await asyncio.sleep(0)
        heard = [text async for text in stream]
        return len(heard), len(live)

    assert asyncio.run(run()) == (0, 0)


# --- threads of the server end with it ---


def test_a_server_that_has_ended_leaves_no_thread(stage, tmp_path):
    before = threading.active_count()
    with gateway(stage, tmp_path) as server:
        httpx.get(f"{server.url}/v1/accounts/{stage.world.view(STRANGER).address}")
    until(lambda: threading.active_count() <= before)
