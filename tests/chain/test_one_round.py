"""A task from beginning to end with real proofs: three nodes, two rounds, a certificate, a prediction."""

from types import SimpleNamespace

import numpy as np
import pytest

import twopm_zk as zk
from twopm_zk.backends import find_backend
from twopm_zk.chain.deployment import GeneratedVerifier, deploy_all
from twopm_zk.chain.network import Network, Phase, TaskConfig, TrainingConfig, dataset_name
from twopm_zk.datasets import Table
from twopm_zk.errors import TransactionError
from twopm_zk.statements.rounds import OpenedUpdate

pytestmark = [pytest.mark.prover, pytest.mark.slow]

ETH = 10**18
INSTANCES = ("step-32x3", "aggregate-4x3", "certify-4x3", "predict-3")
PENALTY = 4096  # lambda = 1
DATASET = dataset_name("spector-mazzeo")


@pytest.fixture(scope="module")
def keys_of():
    return {name: zk.setup(zk.compile_circuit(zk.find_instance(name))) for name in INSTANCES}


@pytest.fixture(scope="module")
def network(chain, node, keys_of):
    verifiers = [GeneratedVerifier.from_keys(zk.find_instance(name), made) for name, made in keys_of.items()]
    return Network(chain, deploy_all(chain, verifiers=verifiers, treasury=node.accounts[9]))


@pytest.fixture(params=["native", "snarkjs"])
def backend(request):
    found, reason = find_backend(request.param)
    if found is None or reason:
        pytest.skip(f"{request.param}: {reason}")
    return request.param


def step_matrix(table):
    """Half of what the bound of Boehning and Lindsay allows, times 1.9: 1.9 (X'X/4 + lambda I)^-1."""
    rows = np.column_stack([table.features, np.ones(table.rows)])
    penalty = np.diag([1.0] * (rows.shape[1] - 1) + [0.0])
    return zk.StepMatrix.quantized(1.9 * np.linalg.inv(rows.T @ rows / 4 + penalty))


def parts_of(table, sizes):
    start = 0
    for size in sizes:
        part = slice(start, start + size)
        yield Table(table.names, table.features[part], table.labels[part])
        start += size


def test_three_nodes_train_certify_and_predict(network, node, keys, keys_of, backend, gas):
    def prove(name, statement):
        result = zk.prove(keys_of[name], statement.circuit_inputs(), backend=backend)
        assert tuple(result.public) == tuple(statement.public)
        return zk.calldata(result.proof, result.public)[0]

    def check_gas(name, receipt, **options):
        gas.check(name, receipt, tolerance=6000, **options)  # a proof's own bytes are worth 2,000 and more

    def check_parts(receipt):
        """Where the gas of submitUpdate goes: what each contract it calls takes, itself with all else."""
        trace = node.rpc("debug_traceTransaction", receipt.transaction, {"tracer": "callTracer"})
        names = {entry.address.lower(): name for name, entry in network.deployment.contracts.items()}
        names |= {entry.address.lower(): name for name, entry in network.deployment.verifiers.items()}
        rest = int(trace["gasUsed"], 16)
        for call in trace["calls"]:
            used = int(call["gasUsed"], 16)
            rest -= used
            gas.check(f"part of submitUpdate: {names[call['to']]}", SimpleNamespace(gas_used=used), tolerance=6000)
        gas.check(
            "part of submitUpdate: HLRContract, base and calldata", SimpleNamespace(gas_used=rest), tolerance=6000
        )

    # three hospitals commit to their rows, join and stake
    table = zk.load_spector().scaled(zk.SPECTOR_SCALING)
    names = ("ada", "ben", "cleo")
    members = {name: network.signing_as(getattr(keys, name)) for name in (*names, "dan")}
    prepared = {}
    for name, part in zip(names, parts_of(table, (11, 11, 10)), strict=True):
        member = members[name]
        prepared[name] = zk.prepare_step(part, [0.0] * 4, instance=zk.find_instance("step-32x3")).statement
        member.identity.join("https://node.example", b"\x07" * 32)
        member.data_hub.register(DATASET, 0, [prepared[name].public[1]])
        member.contract("RETHDouble").transact("deposit", value=2 * ETH)
        member.staking.stake(2, ETH)
    members["dan"].contract("RETHDouble").transact("deposit", value=2 * ETH)
    members["dan"].staking.stake(2, ETH)

    # a coordinator opens a task
    matrix = step_matrix(table)
    coordinator = members["dan"].hlr
    task = coordinator.create_task(
        TaskConfig(spec_hash=b"\x01" * 32, dataset=DATASET, minimum_stake=ETH // 2, maximum_updates=4),
        TrainingConfig(
            features=3,
            slots=4,
            segments=1,
            penalty=PENALTY,
            weight_bound=2**31 - 1,
            min_rows=32,
            gradient_target=2**32 - 1,
            matrix_hash=matrix.hash,
            step_verifiers=[network.verifier_id("step-32x3")],
            aggregate_verifier=network.verifier_id("aggregate-4x3"),
            certify_verifier=network.verifier_id("certify-4x3"),
            initial_weights=[0, 0, 0, 0],
        ),
    )
    coordinator.open_round(task)

    def hand_in(label):
        """Every node proves its update; the coordinator gets the openings."""
        weights = tuple(coordinator.weights(task))
        context = coordinator.policy(task).context
        opened = []
        for position, name in enumerate(names):
            committed = prepared[name]
            statement = zk.StepStatement(committed.shape, context, weights, committed.rows, salt=committed.salt)
            receipt = members[name].hlr.submit_update(task, 32, 0, statement.public[2], prove("step-32x3", statement))
            check_gas(f"submitUpdate, {label}, node {position + 1}", receipt, at_most=420_000)
            if label == "second round" and position == 0:
                check_parts(receipt)
            opened.append(OpenedUpdate(statement.update, statement.blinding))
        assert [event["update"] for event in coordinator.updates(task)] == [o.commitment for o in opened]
        coordinator.close(task)
        shape = zk.RoundShape(4, 3, 12)
        return zk.RoundUpdates(shape, tuple(opened)), coordinator.policy(task), weights

    updates, policy, weights = hand_in("first round")
    aggregate = zk.AggregateStatement(updates, policy, matrix, weights)
    proof = prove("aggregate-4x3", aggregate)
    with pytest.raises(TransactionError) as caught:
        coordinator.accept_weights(
            task, [aggregate.next_weights[0] + 1, *aggregate.next_weights[1:]], matrix.hash, proof
        )
    assert caught.value.error == "InvalidProof"
    receipt = coordinator.accept_weights(task, aggregate.next_weights, matrix.hash, proof)
    check_gas("acceptWeights", receipt, at_most=600_000)
    assert tuple(coordinator.weights(task)) == aggregate.next_weights
    assert coordinator.model_commitment(task) == aggregate.public[2]

    updates, policy, weights = hand_in("second round")
    certify = zk.CertifyStatement(updates, policy, weights)
    receipt = coordinator.certify(task, certify.gradient_bound, prove("certify-4x3", certify))
    check_gas("certify", receipt)
    assert coordinator.state(task).phase is Phase.FINISHED

    # an app user asks for a prediction
    operator, user = members["dan"], members["ada"]
    operator.inference.offer(task, network.verifier_id("predict-3"))
    row = tuple(int(x) for x in table.quantized(zk.FEATURES)[0])
    shape = zk.PredictShape(3, zk.FEATURES)
    predict = zk.PredictStatement(shape, coordinator.policy(task).context, weights, row)
    request = user.inference.ask(task, operator.chain.address, predict.public[1])
    operator.inference.accept(request)
    receipt = operator.inference.answer(request, predict.prediction, prove("predict-3", predict))
    check_gas("answer", receipt)
    assert user.inference.request(request)["prediction"] == predict.prediction
    real = np.array(weights) / 2**20
    expected = 1 / (1 + np.exp(-(table.features[0] @ real[:3] + real[3])))
    assert predict.prediction / 2**16 == pytest.approx(expected, abs=1e-3)
