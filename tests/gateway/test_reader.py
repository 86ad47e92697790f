"""The reader of the chain: it follows, and keeps what it knows while the chain is away; documents by their hashes."""

import json
import shutil
from dataclasses import replace

import httpx
import pytest
from support.gateway_world import OWNER, STRANGER, USER, gateway, metadata_of, put_up_stake
from support.rpc_proxy import RpcProxy
from support.waiting import until

from twopm_zk.chain import Chain
from twopm_zk.chain.network import Network
from twopm_zk.chain.networks import NetworkTerms
from twopm_zk.gateway.state import documents as documents_module
from twopm_zk.gateway.state.documents import Documents
from twopm_zk.gateway.state.reader import ChainReader
from twopm_zk.participants.task_view import ChainView
from twopm_zk.task.specification_file import write_spec

pytestmark = [pytest.mark.slow, pytest.mark.chain, pytest.mark.prover]


@pytest.fixture
def folder(stage, tmp_path):
    made = tmp_path / "documents"
    shutil.copytree(stage.documents, made)
    return made


@pytest.fixture
def reading(stage, folder, undone, monkeypatch):
    """``reading()``: a reader of the stage's chain that looks when it is told to."""
    monkeypatch.setattr(documents_module, "_SECONDS", 0.0)
    return lambda: ChainReader(stage.world.view(9), Documents([folder]), poll=0.05)


def summary(reader):
    reader._tick()
    return reader.snapshot.network_list[0]


def test_a_chain_that_goes_away_and_comes_back_is_served_stale_meanwhile(stage, tmp_path, undone):
    gone = False

    def refuse(method, _):
        return (502, {}, None) if gone else None

    with RpcProxy(stage.world.node.url, refuse=refuse) as proxy:
        view = ChainView(Network(Chain(proxy.url), stage.world.deployment))
        with gateway(stage, tmp_path, view=view) as server, httpx.Client(base_url=server.url, timeout=20) as client:
            account = f"/v1/accounts/{stage.world.view(USER).address}"
            assert client.get(account).json()["stale"] is False
            gone = True
            until(lambda: client.get("/v1/status").json()["stale"])
            found = client.get("/v1/networks/1").json()
            assert (found["stale"], found["title"]) == (True, "Grades after a course")
            answer = client.get(account)
            assert (answer.status_code, answer.json()["error"]) == (503, "no-chain")
            assert answer.headers["retry-after"]
            assert proxy.url not in answer.text
            gone = False
            until(lambda: not client.get("/v1/status").json()["stale"])
            assert client.get(account).status_code == 200


def test_requests_cost_the_chain_nothing(stage, tmp_path):
    with RpcProxy(stage.world.node.url) as proxy:
        view = ChainView(Network(Chain(proxy.url), stage.world.deployment))
        with gateway(stage, tmp_path, view=view) as server, httpx.Client(base_url=server.url) as client:
            until(lambda: client.get("/v1/tasks/1").json()["gas"])
            before = sum(count for method, count in proxy.counted.items() if method != "eth_getBlockByNumber")
            for _ in range(30):
                for path in ("/v1/networks", "/v1/networks/1", "/v1/tasks", "/v1/tasks/1", "/v1/networks/1/form"):
                    assert client.get(path).status_code == 200
            address = stage.world.view(USER).address
            client.get(f"/v1/accounts/{address}")
            once = sum(count for method, count in proxy.counted.items() if method != "eth_getBlockByNumber")
            for _ in range(5):
                client.get(f"/v1/accounts/{address}")
            after = sum(count for method, count in proxy.counted.items() if method != "eth_getBlockByNumber")
    assert after - before < 30 + (once - before)


def test_terms_that_change_are_read_again(stage, reading):
    reader = reading()
    stage.world.view(OWNER).network.networks.set_terms(1, NetworkTerms(fee=77))
    assert summary(reader)["fee"] == "77"


def test_a_stranger_whose_words_are_no_text_does_not_end_the_reader(stage, reading):
    stranger = stage.world.view(STRANGER)
    reader = reading()
    identity = stranger.identity.contract
    data = identity.encode("join", "http://a.example", b"\7" * 32).replace(b"http://a.example", b"\xff\xfe" * 8)
    stranger.chain.send("join", to=identity.address, data=data)
    assert stranger.member(stranger.address).endpoint == "\ufffd" * 16
    put_up_stake(stranger)
    stranger.inference.offer(1, stage.world.deployment.verifiers["predict-3"].id)
    assert summary(reader)["operators"] == 2
    assert reader.snapshot.operators[stranger.address].endpoint == "\ufffd" * 16


def test_blocks_that_are_replaced_are_read_again(stage, reading):
    node, networks = stage.world.node, stage.world.view(OWNER).network.networks
    before = node.snapshot()
    networks.set_terms(1, NetworkTerms(fee=77))
    reader = reading()
    assert summary(reader)["fee"] == "77"
    node.revert(before)
    stage.world.view(OWNER)  # forgets nonces
    node.advance(60)
    assert summary(reader)["fee"] == "1000"
    assert len(reader.snapshot.tasks[1]["rounds"]) == len({id(one) for one in reader.snapshot.tasks[1]["rounds"]})


def test_metadata_of_another_hash_are_shown_as_a_mismatch_and_never_quoted_in_the_list(stage, reading, folder):
    (folder / "network.json").unlink()
    changed = metadata_of(stage.spec, purpose="Something that nobody registered.")
    (folder / "other.json").write_bytes(changed.encoded)
    reader = reading()
    found = summary(reader)
    assert (found["metadata_state"], found["title"], found["purpose"]) == ("mismatch", None, None)
    assert reader.snapshot.details[1]["metadata"]["purpose"] == "Something that nobody registered."
    assert reader.snapshot.forms[1]["output"]["label"] == "GRADE"
    (folder / "other.json").unlink()
    assert summary(reader)["metadata_state"] == "missing"
    (folder / "again.json").write_bytes(stage.metadata.encoded)
    assert summary(reader)["metadata_state"] == "verified"


def test_metadata_with_the_registered_hash_of_another_specification_are_a_mismatch(stage, reading, folder):
    wrong = replace(stage.metadata, specification="0x" + "11" * 32)
    (folder / "wrong.json").write_bytes(wrong.encoded)
    stage.world.view(OWNER).network.networks.set_metadata(1, wrong.sha256)
    found = summary(reading())
    assert (found["metadata_state"], found["title"]) == ("mismatch", None)


HTML = '<script src="https://evil.example/x.js"></script><img src=x onerror="alert(1)">'


def test_html_in_metadata_is_text_in_json_and_nothing_else(stage, folder, undone, tmp_path, monkeypatch):
    spoilt = metadata_of(stage.spec, purpose=HTML, limits=HTML)
    (folder / "html.json").write_bytes(spoilt.encoded)
    stage.world.view(OWNER).network.networks.set_metadata(1, spoilt.sha256, f"javascript:{HTML}")
    monkeypatch.setattr(stage, "documents", folder)
    with gateway(stage, tmp_path) as server, httpx.Client(base_url=server.url) as client:
        for path in ("/v1/networks", "/v1/networks/1", "/v1/networks/1/metadata"):
            answer = client.get(path)
            assert json.dumps(HTML) in answer.text
            assert answer.headers["content-type"] == "application/json"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "script-src 'self'" in answer.headers["content-security-policy"]


def test_without_its_specification_a_network_has_no_form(reading, folder):
    (folder / "spec.json").unlink()
    reader = reading()
    assert summary(reader)["metadata_state"] == "verified"
    assert reader.snapshot.forms[1] is None
    assert reader.snapshot.details[1]["specification"]["state"] == "missing"
    assert reader.snapshot.details[1]["predict"] is None


def test_a_verifier_that_was_retired_makes_no_predictions_any_more(stage, reading):
    reader = reading()
    assert reader.snapshot.forms[1] is not None
    deployment = stage.world.deployment
    registry = deployment.contract(stage.world.chain, "VerifierRegistry")
    registry.transact("retire", deployment.verifiers["predict-3"].id)
    reader._tick()
    assert reader.snapshot.forms[1] is None


def test_files_that_are_no_documents_are_left_alone(stage, tmp_path):
    (tmp_path / "keystore.json").write_text('{"crypto": {"ciphertext": "secret"}}')
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "deep.json").write_text("[" * 5000)
    (tmp_path / "broken.toml").write_text("= 3")
    (tmp_path / "large.json").write_bytes(b" " * (5 << 20))
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "gone.json").symlink_to(tmp_path / "nowhere")
    write_spec(stage.spec, tmp_path / "spec.json")
    documents = Documents([tmp_path, tmp_path / "nowhere"])
    assert documents.refresh()
    assert documents.specification(stage.spec.spec_hash) == stage.spec
    assert documents.metadata_about(stage.spec.spec_hash) is None
    assert documents._metadata == {}


def test_owners_that_withdraw_certified_rows_are_named_with_the_certificate(stage, reading):
    reader = reading()
    owners = next(one for one in reader._logs[1].attempts if one.outcome == "certified").ready
    owner = next(view for view in map(stage.world.view, range(9)) if view.address in owners)

    def withdrawn():
        reader._tick()
        network, task = reader.snapshot.details[1], reader.snapshot.tasks[1]
        assert network["certificate"]["withdrawn_since"] == task["withdrawn_since"]
        return task["withdrawn_since"]

    assert withdrawn() == {}
    first = owner.data_hub.withdraw(reader.snapshot.states[1].dataset).block
    assert withdrawn() == {owner.address: {"block": first, "retraining": False}}
    owner.data_hub.withdraw(reader.snapshot.states[1].dataset, retraining=True)
    assert withdrawn() == {owner.address: {"block": first, "retraining": True}}
