"""A task from beginning to end with real proofs, as the example tells it, and what its transactions cost."""

import importlib.util
from functools import reduce
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from twopm_zk.chain import Phase
from twopm_zk.numbers.baby_jubjub import Point, add
from twopm_zk.plonk.backends import find_backend

pytestmark = [pytest.mark.prover, pytest.mark.slow]

EXAMPLE = Path(__file__).parents[2] / "examples" / "one_round.py"


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("one_round", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def deployed(example, chain):
    return example.deploy(chain)


@pytest.fixture(params=["native", "snarkjs"])
def backend(request):
    found, reason = find_backend(request.param)
    if found is None or reason:
        pytest.skip(f"{request.param}: {reason}")
    return request.param


def story_of(example, network, keys, people, backend):
    """A story in which ``backend`` proves each circuit once, and whoever is the fastest here its other proofs."""

    class Story(example.Story):
        def prove(self, name, statement):
            self.backend = None if name in proven else backend
            proven.add(name)
            return super().prove(name, statement)

    proven = set()
    return Story(network, keys, people)


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


def test_three_nodes_train_certify_and_predict(example, deployed, node, backend, gas):
    network, keys = deployed
    story = story_of(example, network, keys, node.private_keys[1:6], backend)
    hlr = story.coordinator.hlr
    story.prepare()
    story.open()
    story.collect("first round")
    accepted = hlr.contract.events("UpdateAccepted", taskId=story.task)
    points = [Point(event["x"], event["y"]) for event in accepted]
    assert reduce(add, points) == story.total.point
    assert story.total.rows == story.table.rows
    story.accept()
    assert any(hlr.state(story.task).weights)
    story.collect("second round")
    bound = story.certify()
    assert 0 < bound < 0.1
    assert hlr.state(story.task).phase is Phase.FINISHED
    predicted = story.predict()
    real = np.array(story.weights) / 2**20
    expected = 1 / (1 + np.exp(-(story.table.features[0] @ real[:3] + real[3])))
    assert predicted == pytest.approx(expected, abs=1e-3)

    limits = {"submitUpdate, second round": 400_000, "ready, second round": 76_000, "share, second round": 90_000}
    limits["acceptWeights"] = 600_000
    tolerance = 6000  # a proof's own bytes are worth 2,000 and more
    for name, receipt in story.receipts.items():
        gas.check(name, receipt, tolerance=tolerance, at_most=limits.get(name.partition(", node")[0]))
    for name, used in parts_of(node, network, story.receipts["submitUpdate, second round, node 1"]).items():
        gas.check(f"part of submitUpdate: {name}", SimpleNamespace(gas_used=used), tolerance=tolerance)
