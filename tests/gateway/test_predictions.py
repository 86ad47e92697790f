"""Predictions that the server makes: proven for the verifier on the chain, and nothing of the input is left."""

import json
import logging
import os
import tempfile
import time
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from support.gateway_world import OPERATOR, OWNER, USER, gateway
from support.gateway_world import sign_in as signed_in
from support.people_world import DoubleKeys

from twopm_zk.cli import cli
from twopm_zk.errors import InputError, ProofFormatError, ProvingError
from twopm_zk.gateway.state.accounts import request_with_proof
from twopm_zk.gateway.state.reader import Snapshot
from twopm_zk.numbers.fixed_point import FEATURES
from twopm_zk.plonk.proof import Proof, VerificationKey
from twopm_zk.plonk.proving import verify
from twopm_zk.prediction.proof_file import ProofFile
from twopm_zk.prediction.requests import quantized_row
from twopm_zk.proving.prover import Prover
from twopm_zk.proving.statement_prover import proof_numbers
from twopm_zk.statements import PredictShape, PredictStatement
from twopm_zk.system.paths import cache_dir

pytestmark = [pytest.mark.slow, pytest.mark.chain, pytest.mark.prover]

ROW = {"GPA": 3.2109876, "TUCE": 24.7654321, "PSI": 1}


class Spy:
    """A prover that remembers the statements, and fails with all that it knows when it is told to."""

    def __init__(self):
        self.prover, self.statements, self.fails = Prover(), [], None

    def prove(self, statements):
        self.statements += [said for _, said in statements]
        if self.fails is not None:
            raise self.fails(f"{ROW} {[vars(said) for _, said in statements]}")
        return self.prover.prove(statements)


def written_since(moment, folder):
    """Files that have changed since then, links to folders followed."""
    for name, _, files in os.walk(folder, followlinks=True):
        for file in files:
            path = Path(name) / file
            try:
                if path.stat().st_mtime >= moment and path.is_file():
                    yield path
            except OSError:
                continue


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """A cache in which whatever is written can be seen; what is made already is linked."""
    folder = tmp_path / "cache"
    folder.mkdir()
    for kind in ("circuits", "keys", "ptau", "programs", "contracts", "npm"):
        if (cache_dir() / kind).is_dir():
            (folder / kind).symlink_to(cache_dir() / kind)
    monkeypatch.setenv("TWOPM_ZK_CACHE", str(folder))
    return folder


def test_a_prediction_is_proven_and_nothing_of_its_input_is_left(stage, own_cache, tmp_path, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    spy, news, started = Spy(), [], time.time() - 1
    with (
        gateway(stage, tmp_path, prover=spy, notify=news.append) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        session, path = signed_in(client, stage, USER), "/v1/networks/1/predictions"
        answer = client.post(path, json={"input": ROW}, headers=session)
        (found,) = answer.json()["predictions"]
        texts = [answer.text]
        for error in (ValueError, ProvingError):
            spy.fails = error
            texts.append(client.post(path, json={"input": ROW}, headers=session).text)
            assert json.loads(texts[-1]).keys() == {"error", "message"}
        texts += [client.get(one).text for one in ("/v1/networks/1", "/v1/tasks/1", "/v1/status")]

    state, shape = stage.world.view(OWNER).state(1), PredictShape(3, FEATURES)
    features = quantized_row(stage.spec, ROW)
    twin = PredictStatement(shape, state.policy.context, state.weights, features)
    assert (found["units"], found["expected"]) == (twin.prediction, twin.prediction / 65536)
    proof, key = Proof.from_json(found["proof"]), VerificationKey.from_json(found["verification_key"])
    assert verify(key, [int(value) for value in found["public"]], proof)
    assert int(found["public"][0]) == state.model_commitment

    private = [str(ROW["GPA"]), str(ROW["TUCE"]), ", ".join(map(str, features)), ",".join(map(str, features))]
    private += [str(said.salt) for said in spy.statements] + [hex(said.salt)[2:] for said in spy.statements]
    texts += [record.getMessage() for record in caplog.records] + [*capfd.readouterr()]
    texts += [f"{item.kind} {item.text} {dict(item.values)}" for item in news]
    assert [item.text for item in news if item.kind == "fault"] == ["a request has failed (ValueError)"]
    files = [*written_since(started, tmp_path), *written_since(started, Path(tempfile.gettempdir()) / "twopm-zk")]
    texts += [path.read_bytes().decode(errors="replace") for path in set(files)]
    assert not [needle for needle in private for text in texts if needle in text]


def test_keys_that_are_not_those_of_the_chain_are_neither_used_nor_handed_out(stage, tmp_path):
    with (
        gateway(stage, tmp_path, keys=DoubleKeys(), prover=Spy()) as server,
        httpx.Client(base_url=server.url) as client,
    ):
        session = signed_in(client, stage, USER)
        answers = [
            client.get("/v1/networks/1/prover/circuit.zkey"),
            client.get("/v1/networks/1/prover/verification_key.json"),
            client.post("/v1/networks/1/predictions", json={"input": ROW}, headers=session),
        ]
        assert {(answer.status_code, answer.json()["error"]) for answer in answers} == {(409, "other-keys")}


def test_an_answer_has_its_proof_however_far_the_snapshot_is_behind(stage, undone, tmp_path):
    features = quantized_row(stage.spec, ROW)
    operator, user = stage.world.view(OPERATOR), stage.world.view(USER)
    state = operator.state(1)
    said = PredictStatement(PredictShape(3, FEATURES), state.policy.context, state.weights, features)
    verifier = stage.world.deployment.verifiers["predict-3"].id
    (number,) = user.inference.ask(user.network.networks.get(1), operator.address, verifier, [said.public[1]])
    behind = Snapshot(operator.block(), 0)
    assert request_with_proof(user, behind, number)["proof"] is None
    operator.inference.accept([number])
    (result,) = Prover().prove([("predict-3", said)])
    operator.inference.answer(number, said.prediction, proof_numbers(result))
    found = request_with_proof(user, behind, number)
    assert Proof.from_json(found["proof"]) == result.proof
    assert found["public"] == [str(value) for value in said.public]
    with gateway(stage, tmp_path) as server, httpx.Client(base_url=server.url) as client:
        assert client.get(f"/v1/requests/{number}").json() == {**found, "stale": False}


# --- a prediction as a file ---


@pytest.fixture(scope="module")
def proof_document(stage, server):
    with httpx.Client(base_url=server.url, timeout=60) as client:
        session = signed_in(client, stage, USER)
        found = client.post("/v1/networks/1/predictions", json={"input": ROW}, headers=session).json()["predictions"][0]
        contracts = client.get("/v1/status").json()["contracts"]
    parts = {name: found[name] for name in ("proof", "public", "verification_key")}
    return {"format": 1, **parts, "network": 1, "chain_id": 31337, "contract": contracts["HLRContract"], "task": 1}


def run_verify(stage, folder, document, *options):
    path = folder / "prediction-proof.json"
    path.write_text(json.dumps(document))
    deployment = folder / "deployment.json"
    stage.world.deployment.write(deployment)
    chain = ["--deployment", str(deployment), "--rpc-url", stage.world.node.url] if "chain" in options else []
    return CliRunner().invoke(cli, ["verify", str(path), "--with", "native", *chain])


def test_the_file_of_a_prediction_is_verified_alone_and_against_the_chain(stage, tmp_path, proof_document):
    alone = run_verify(stage, tmp_path, proof_document)
    assert alone.exit_code == 0
    assert "This is the proof alone" in alone.output
    whole = run_verify(stage, tmp_path, proof_document, "chain")
    assert whole.exit_code == 0, whole.output
    assert "model    certified by task 1" in whole.output
    assert "key      predict-3" in whole.output
    assert "INSECURE KEYS" in whole.output


def test_a_file_with_another_prediction_or_model_is_false(stage, tmp_path, proof_document):
    model, row, units = proof_document["public"]
    wrong = {**proof_document, "public": [model, row, str(int(units) + 1)]}
    assert run_verify(stage, tmp_path, wrong).exit_code == 1
    said = run_verify(stage, tmp_path, {**proof_document, "public": [str(int(model) + 1), row, units]}, "chain")
    assert said.exit_code == 1
    assert "NOT THE ONE THAT ITS TASK HAS CERTIFIED" in said.output
    assert "OF NO VERIFIER ON THE CHAIN" in said.output


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"chain_id": 1}, "chain 1"),
        ({"contract": "0x" + "1" * 40}, "another HLRContract"),
        ({"task": 99}, "no task 99"),
    ],
)
def test_a_file_of_another_deployment_is_no_answer(stage, tmp_path, proof_document, change, error):
    said = run_verify(stage, tmp_path, {**proof_document, **change}, "chain")
    assert error in str(said.exception)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"input": [3.2]},
        {"public": ["1", "2"]},
        {"public": ["1", "2", str(1 << 254)]},
        {"task": 0},
        {"task": "1"},
        {"task": True},
        {"contract": "0x" + "ab" * 20},
        {"proof": {}},
        {"verification_key": None},
    ],
    ids=str,
)
def test_what_is_no_proof_file_is_refused(proof_document, change):
    with pytest.raises(ProofFormatError):
        ProofFile.parse(json.dumps({**proof_document, **change}).encode())


def test_a_deployment_is_for_files_alone(tmp_path):
    said = CliRunner().invoke(cli, ["verify", str(tmp_path), "--deployment", "deployment.json"])
    assert isinstance(said.exception, InputError)
