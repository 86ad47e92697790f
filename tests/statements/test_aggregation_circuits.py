"""fold, aggregate, certify and predict: equal to their twins, and refusing what a liar would try."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.soundness import free_wires, undetected_changes

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.instances import Instance, instances
from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.errors import CircuitTooLargeError, RangeError, WitnessError
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.fixed_point import FEATURES, WEIGHTS
from twopm_zk.numbers.poseidon import poseidon
from twopm_zk.statements import (
    AggregateStatement,
    CertifyStatement,
    FoldStatement,
    OpenedUpdate,
    PartialSum,
    Policy,
    PredictShape,
    PredictStatement,
    RoundShape,
    StepMatrix,
    StepShape,
    Update,
)
from twopm_zk.statements.rounds import MAX_UPDATES, RoundUpdates
from twopm_zk.statements.types import in_bus

pytestmark = pytest.mark.circuit

SHAPE = RoundShape(slots=3, features=2, x_frac_bits=12)
LARGEST = StepShape(128, 2, FEATURES).max_gradient()


def compiled(name, file, template, public=(), **parameters):
    return compile_circuit(Instance(f"{name}-test", file, template, parameters, public))


@pytest.fixture(scope="module")
def circuits():
    sizes = {"SLOTS": 3, "FEATURES": 2}
    return {
        "fold": compiled("fold", "fold.circom", "Fold", **sizes, X_FRAC=12),
        "aggregate": compiled("aggregate", "aggregate.circom", "Aggregate", **sizes, X_FRAC=12),
        "certify": compiled("certify", "certify.circom", "Certify", ("gradientBound",), **sizes, X_FRAC=12),
        "predict": compiled("predict", "predict.circom", "Predict", FEATURES=2, X_BITS=16, X_FRAC=12),
    }


def updates(count, *, seed=0, size=LARGEST):
    rng = random.Random(seed)
    return tuple(
        OpenedUpdate(
            Update(rng.randrange(1, 129), tuple(rng.randrange(-size, size + 1) for _ in range(3))),
            rng.randrange(FIELD_ORDER),
        )
        for _ in range(count)
    )


MATRIX = StepMatrix.quantized(np.array([[0.3, -0.1, 0.05], [-0.1, 0.2, 0.0], [0.05, 0.0, 0.1]]))


def policy(**changes):
    values = {"task_key": 99, "round": 2, "attempt": 1, "penalty": 1 << 12, "weight_bound": 1 << 31, "min_rows": 1}
    return Policy(**(values | {"matrix_hash": MATRIX.hash} | changes))


WEIGHTS_NOW = (3 << 20, -5, 7 << 18)
SMALL = LARGEST >> 12


def accepts(circuit, said):
    return calculate_witness(circuit, said.circuit_inputs()).public == list(said.public)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_aggregate_equals_its_twin(circuits, data):
    count = data.draw(st.integers(1, 3))
    partial = data.draw(st.sampled_from([PartialSum.none(), PartialSum(updates(1, seed=9, size=SMALL)[0].update, 12)]))
    entries = st.lists(st.integers(-(1 << 33), 1 << 33), min_size=6, max_size=6)
    matrix = StepMatrix(3, tuple(data.draw(entries)))
    current = RoundUpdates(SHAPE, updates(count, seed=data.draw(st.integers(0, 99)), size=SMALL), partial)
    rule = policy(matrix_hash=matrix.hash, penalty=data.draw(st.sampled_from([0, 1, 4096, (1 << 24) - 1])))
    said = AggregateStatement(current, rule, matrix, WEIGHTS_NOW)
    try:
        said.next_weights  # noqa: B018 (may leave the bound: then there is nothing to prove)
    except WitnessError:
        return
    assert accepts(circuits["aggregate"], said)


def test_aggregate_holds_at_the_largest_updates_that_step_can_prove(circuits):
    tiny = StepMatrix(3, (1, 0, 0, 1, 0, 1))
    for sign in (1, -1):
        most = tuple(OpenedUpdate(Update(128, (sign * LARGEST,) * 3), 5) for _ in range(3))
        current = RoundUpdates(SHAPE, most)
        assert accepts(
            circuits["aggregate"], AggregateStatement(current, policy(matrix_hash=tiny.hash), tiny, (0, 0, 0))
        )


def test_step_rounds_half_up():
    # one entry, and G chosen so that P G / 2^shift is exactly k + 1/2
    for k in (-2, -1, 0, 1):
        G = (2 * k + 1) << (SHAPE.shift - 1)
        one = StepMatrix(3, (1, 0, 0, 0, 0, 0))
        moved = SHAPE.next_weights(policy(penalty=0), one, (0, 0, 0), Update(1, (G, 0, 0)))
        assert moved == (-(k + 1), 0, 0)


def test_regularisation_leaves_the_intercept_alone():
    none, some = (SHAPE.regularised(policy(penalty=p), (1 << 20,) * 3, Update(1, (0, 0, 0))) for p in (0, 1 << 12))
    assert none == [0, 0, 0]
    assert some == [1 << SHAPE.gradient_frac_bits] * 2 + [0]


def test_the_same_updates_over_any_segments_give_the_same_next_weights(circuits):
    all_updates = updates(5, size=SMALL)
    first = FoldStatement(RoundUpdates(SHAPE, all_updates[:2]))
    second = FoldStatement(RoundUpdates(SHAPE, all_updates[2:4], first.after))
    assert accepts(circuits["fold"], first)
    assert accepts(circuits["fold"], second)
    assert second.public[0] == first.public[2]
    folded = AggregateStatement(RoundUpdates(SHAPE, all_updates[4:], second.after), policy(), MATRIX, WEIGHTS_NOW)
    whole_shape = RoundShape(5, 2, 12)
    whole = AggregateStatement(RoundUpdates(whole_shape, all_updates), policy(), MATRIX, WEIGHTS_NOW)
    assert folded.next_weights == whole.next_weights
    assert accepts(circuits["aggregate"], folded)


@pytest.mark.parametrize("name", ["fold", "aggregate", "certify", "predict"])
def test_every_wire_is_determined_by_the_inputs(circuits, name):
    current = RoundUpdates(SHAPE, updates(2, size=SMALL), PartialSum(updates(1, seed=4, size=SMALL)[0].update, 3))
    said = {
        "fold": lambda: FoldStatement(current, 8),
        "aggregate": lambda: AggregateStatement(current, policy(), MATRIX, WEIGHTS_NOW),
        "certify": lambda: CertifyStatement(current, policy(), WEIGHTS_NOW, (1 << 32) - 1),
        "predict": lambda: PredictStatement(PredictShape(2, FEATURES), 5, WEIGHTS_NOW, (4096, -9000), 1),
    }[name]()
    witness = calculate_witness(circuits[name], said.circuit_inputs())
    assert undetected_changes(circuits[name], witness) == []
    assert free_wires(circuits[name], witness) == []


def test_other_next_weights_are_refused(circuits):
    said = AggregateStatement(RoundUpdates(SHAPE, updates(2, size=SMALL)), policy(), MATRIX, WEIGHTS_NOW)
    inputs = said.circuit_inputs()
    for index in range(3):
        for change in (1, -1):
            forged = list(inputs["nextWeights"])
            forged[index] += change
            with pytest.raises(WitnessError):
                calculate_witness(circuits["aggregate"], inputs | {"nextWeights": forged})


def test_a_move_by_another_matrix_is_committed_to_as_such(circuits):
    other = StepMatrix(3, (1, 0, 0, 1, 0, 1))
    current = RoundUpdates(SHAPE, updates(2, size=SMALL))
    said = AggregateStatement(current, policy(), other, WEIGHTS_NOW)  # the context's own matrix is of the move before
    assert accepts(circuits["aggregate"], said)
    assert said.next_policy.matrix_hash == other.hash
    assert said.next_policy.context == poseidon([said.next_policy.context_head, other.hash])
    as_if = policy().next_round(matrix_hash=MATRIX.hash).model_commitment(said.next_weights)
    assert said.public[2] != as_if
    with pytest.raises(WitnessError):
        calculate_witness(circuits["aggregate"], said.circuit_inputs() | {"upper": list(MATRIX.biased())})


def test_an_update_left_out_or_counted_twice_gives_another_digest():
    both = updates(2, size=SMALL)
    honest = RoundUpdates(SHAPE, both).updates_digest
    assert RoundUpdates(SHAPE, both[:1]).updates_digest != honest
    assert RoundUpdates(SHAPE, (*both, both[1])).updates_digest != honest
    assert RoundUpdates(SHAPE, both[::-1]).updates_digest != honest


def test_a_slot_is_used_or_not_and_nothing_between(circuits):
    said = FoldStatement(RoundUpdates(SHAPE, updates(2, size=SMALL)), 1)
    inputs = said.circuit_inputs()
    for name, forged in (
        ("updates.segment.used", [1, 2, 0]),
        ("updates.segment.used", [1, FIELD_ORDER - 1, 0]),
        ("updates.partial.present", 2),
    ):
        with pytest.raises(WitnessError):
            calculate_witness(circuits["fold"], inputs | {name: forged})


def test_an_absent_partial_sum_adds_nothing_whatever_it_claims(circuits):
    said = FoldStatement(RoundUpdates(SHAPE, updates(2, size=SMALL)), 1)
    inputs = said.circuit_inputs() | {
        "updates.partial.rows": 1000,
        "updates.partial.gradient": [1, 2, 3],
        "updates.partial.blinding": 9,
    }
    assert calculate_witness(circuits["fold"], inputs).public == list(said.public)


def test_policy_edges(circuits):
    current = RoundUpdates(SHAPE, (OpenedUpdate(Update(10, (0, 0, 0)), 1),))
    still = StepMatrix(3, (0,) * 6)
    weights = (1 << 22, -(1 << 22), 0)

    def said(**changes):
        return AggregateStatement(current, policy(matrix_hash=still.hash, **changes), still, weights)

    assert accepts(circuits["aggregate"], said(min_rows=10, weight_bound=1 << 22))
    for changes, message in (({"min_rows": 11}, "10 rows"), ({"weight_bound": (1 << 22) - 1}, "weight 1 leaves")):
        with pytest.raises(WitnessError, match=message):
            said(**changes).public  # noqa: B018
        # a prover that skips the twin's check finds no witness either
        forged = said(**changes)
        inputs = said().circuit_inputs() | in_bus("policy", forged.policy.circuit_inputs())
        with pytest.raises(WitnessError):
            calculate_witness(circuits["aggregate"], inputs)


@pytest.mark.parametrize(
    "changes",
    [{"round": 1 << 32}, {"attempt": 1 << 32}, {"penalty": 1 << 24}, {"min_rows": 0}, {"weight_bound": (1 << 31) + 1}],
)
def test_policy_refuses_values_outside_their_lanes(changes):
    with pytest.raises(RangeError):
        policy(**changes)


def test_round_and_lambda_of_a_context_cannot_trade_bits(circuits):
    # lanes are range-checked: moving 2^24 from lambda to round would open the same packed policy otherwise
    said = AggregateStatement(RoundUpdates(SHAPE, updates(1, size=SMALL)), policy(), MATRIX, WEIGHTS_NOW)
    inputs = said.circuit_inputs()
    forged = inputs | {
        "policy.round": inputs["policy.round"] - 1,
        "policy.lambda": inputs["policy.lambda"] + (1 << 24),
    }
    with pytest.raises(WitnessError, match="RangeCheck"):
        calculate_witness(circuits["aggregate"], forged)


def test_certificate_is_tight(circuits):
    current = RoundUpdates(SHAPE, updates(2, size=SMALL >> 30))
    rule = policy(penalty=0)
    best = CertifyStatement(current, rule, WEIGHTS_NOW)
    assert best.gradient_bound > 0
    assert accepts(circuits["certify"], best)
    with pytest.raises(WitnessError, match="the bound to certify"):
        CertifyStatement(current, rule, WEIGHTS_NOW, best.gradient_bound - 1).public  # noqa: B018
    inputs = best.circuit_inputs() | {"gradientBound": best.gradient_bound - 1}
    with pytest.raises(WitnessError, match="RangeCheck"):
        calculate_witness(circuits["certify"], inputs)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_predict_equals_its_twin_and_the_real_probability(circuits, data):
    x = st.integers(-FEATURES.bias, FEATURES.bias - 1)
    w = st.one_of(st.integers(-WEIGHTS.bias, WEIGHTS.bias - 1), st.integers(-(1 << 20), 1 << 20))
    said = PredictStatement(
        PredictShape(2, FEATURES),
        data.draw(st.integers(0, FIELD_ORDER - 1)),
        (data.draw(w), data.draw(w), data.draw(w)),
        (data.draw(x), data.draw(x)),
    )
    assert accepts(circuits["predict"], said)
    row = np.array([*said.features, FEATURES.one]) / FEATURES.one
    z = float(row @ (np.array(said.weights) / WEIGHTS.one))
    assert said.prediction / 2**16 == pytest.approx(1 / (1 + np.exp(-np.clip(z, -700, 700))), abs=6e-5)
    assert 0 <= said.prediction <= 1 << 16


@pytest.mark.parametrize("name", [n for n, i in instances().items() if i.template in ("Fold", "Aggregate", "Certify")])
def test_bound_table_holds_for_every_listed_instance(name):
    shape = RoundShape.from_parameters(instances()[name].parameters)
    assert MAX_UPDATES * StepShape(128, shape.features, FEATURES).max_gradient() < FIELD_ORDER // 2


def test_more_updates_than_slots_are_refused():
    with pytest.raises(CircuitTooLargeError, match="4 updates in a segment of 3"):
        RoundUpdates(SHAPE, updates(4))


def test_step_matrix_keeps_symmetry_and_refuses_large_entries():
    rows = MATRIX.rows()
    assert all(rows[i][j] == rows[j][i] for i in range(3) for j in range(3))
    with pytest.raises(RangeError):
        StepMatrix.quantized(np.array([[129.0]]))


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("aggregate-4x3", 16_384),
        ("aggregate-16x3", 65_536),
        ("certify-4x3", 16_384),
        ("fold-16x30", 262_144),
        ("predict-3", 2_048),
    ],
)
def test_gates_stay_within_the_promised_domain(name, limit):
    assert compile_circuit(instances()[name]).gates <= limit
