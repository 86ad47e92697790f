"""A task from beginning to end with real proofs, as the example tells it, and what its transactions cost."""

import importlib.util
import random
from contextlib import nullcontext
from functools import reduce
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from support.row_circuits import random_statement, row_circuit

from twopm_zk.chain import Phase, verify_on_chain
from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.instances import Instance
from twopm_zk.numbers.baby_jubjub import Point, add
from twopm_zk.numbers.pedersen import GRADIENT, Opening
from twopm_zk.plonk.keys import setup
from twopm_zk.plonk.proving import prove
from twopm_zk.plonk.solidity import calldata, export_verifier
from twopm_zk.statements import AggregateStatement, Family, Policy, StepMatrix

pytestmark = [pytest.mark.prover, pytest.mark.slow]

EXAMPLE = Path(__file__).parents[2] / "examples" / "one_round.py"
BY_SNARKJS = ("certify-3", "predict-3")
"""What it proves in the story; the fastest prover here makes the other proofs, which take it a minute of a core."""


@pytest.fixture
def example(node, monkeypatch):
    """The example, on the chain of the tests."""
    spec = importlib.util.spec_from_file_location("one_round", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "DevelopmentNode", lambda: nullcontext(node))
    return module


def watched(story, stories):
    """The example's story, which compares what is on the chain with what it should be."""

    class Watched(story):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            stories.append(self)

        def prove(self, name, statement):
            self.backend = "snarkjs" if name in BY_SNARKJS else None
            return super().prove(name, statement)

        def accept(self):
            events = self.coordinator.hlr.contract.events("UpdateAccepted", taskId=self.task)
            assert reduce(add, [Point(event["x"], event["y"]) for event in events]) == self.total.point
            assert self.total.rows == self.table.rows
            super().accept()
            assert any(self.coordinator.hlr.state(self.task).weights)

        def certify(self):
            bound = super().certify()
            assert 0 < bound < 0.1
            assert self.coordinator.hlr.state(self.task).phase is Phase.FINISHED
            return bound

        def predict(self):
            predicted = super().predict()
            real = np.array(self.weights) / 2**20
            expected = 1 / (1 + np.exp(-(self.table.features[0] @ real[:3] + real[3])))
            assert predicted == pytest.approx(expected, abs=1e-3)
            return predicted

    return Watched


def parts_of(node, network, receipt):
    """Where the gas goes: what each contract that was called takes, the first itself with all else."""
    trace = node.rpc("debug_traceTransaction", receipt.transaction, {"tracer": "callTracer"})
    names = {entry.address.lower(): name for name, entry in network.deployment.contracts.items()}
    names |= {entry.address.lower(): name for name, entry in network.deployment.verifiers.items()}
    for entry in network.deployment.contracts.values():
        names |= {address.lower(): name for name, address in entry.libraries.items()}
    parts = {names[call["to"]]: int(call["gasUsed"], 16) for call in trace["calls"]}
    parts["HLRContract, base and calldata"] = int(trace["gasUsed"], 16) - sum(parts.values())
    return parts


def test_three_nodes_train_certify_and_predict(example, node, gas, monkeypatch, capsys):
    stories = []
    monkeypatch.setattr(example, "Story", watched(example.Story, stories))
    example.main()
    (story,) = stories
    said = capsys.readouterr().out
    assert "weights that are one unit off: refused with InvalidProof" in said
    assert "certified: no gradient component exceeds 0.0" in said
    assert "proven prediction: 0." in said

    limits = {"submitUpdate, second round": 400_000, "ready, second round": 76_000, "share, second round": 90_000}
    limits["acceptWeights"] = 600_000
    tolerance = 6000  # a proof's own bytes are worth 2,000 and more
    for name, receipt in story.receipts.items():
        assert f"{name}: {receipt.gas_used:,} gas" in said
        gas.check(name, receipt, tolerance=tolerance, at_most=limits.get(name.partition(", node")[0]))
    for name, used in parts_of(node, story.network, story.receipts["submitUpdate, second round, node 1"]).items():
        gas.check(f"part of submitUpdate: {name}", SimpleNamespace(gas_used=used), tolerance=tolerance)


def smallest_step():
    circuit, shape = row_circuit("step", 1, 1, family=Family.GAUSSIAN)
    return circuit, random_statement("step", shape, rows=1)


def smallest_aggregate():
    rng, matrix = random.Random(1), StepMatrix.quantized(np.array([[0.3, -0.1], [-0.1, 0.2]]))
    total = Opening(GRADIENT, tuple(rng.randrange(-1 << 40, 1 << 40) for _ in range(2)), 32, 12345)
    policy = Policy(99, 2, 1, 1 << 12, 1 << 31, 1, matrix.hash)
    circuit = compile_circuit(Instance("aggregate-test-1", "aggregate.circom", "Aggregate", {"FEATURES": 1}))
    return circuit, AggregateStatement(total, policy, matrix, (3 << 20, -5))


@pytest.mark.parametrize("smallest", [smallest_step, smallest_aggregate])
def test_contracts_take_what_snarkjs_proves_of_the_other_circuits_too(node, smallest):
    circuit, said = smallest()
    keys = setup(circuit)
    proof = prove(keys, said.circuit_inputs(), backend="snarkjs")
    assert (proof.backend, proof.public) == ("snarkjs", list(said.public))
    numbers, public = calldata(proof.proof, proof.public)
    assert verify_on_chain(export_verifier(keys, "Smallest"), "Smallest", numbers, public, node=node).accepted
