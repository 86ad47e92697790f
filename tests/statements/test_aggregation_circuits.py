"""aggregate and certify: equal to their twins, and refusing what a liar would try."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.liar import all_violated, base_4, check_signals, pedersen_signals, with_signals
from support.soundness import free_wires, undetected_changes

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.instances import Instance, instances
from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.errors import RangeError, WitnessError
from twopm_zk.numbers.baby_jubjub import SUBGROUP_ORDER
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.fixed_point import FEATURES
from twopm_zk.numbers.pedersen import BLINDING_DIGITS, GRADIENT, INFORMATION, Opening, Tally, centred, pack
from twopm_zk.numbers.poseidon import poseidon
from twopm_zk.statements import (
    AggregateStatement,
    CertifyStatement,
    Policy,
    RoundShape,
    StepMatrix,
    StepShape,
    updates_commitment,
)
from twopm_zk.statements.rounds import COUNT_DIGITS, MAX_UPDATES, SUM_DIGITS
from twopm_zk.statements.rows import MAX_ROWS
from twopm_zk.statements.types import in_bus

pytestmark = pytest.mark.circuit

SHAPE = RoundShape(2)
LARGEST = MAX_UPDATES * StepShape(MAX_ROWS, 2, FEATURES).max_rounded()
"""A component of the largest sum that a round can have."""


def compiled(name, file, template, public=(), **parameters):
    return compile_circuit(Instance(f"{name}-test", file, template, parameters, public))


@pytest.fixture(scope="module")
def circuits():
    return {
        "aggregate": compiled("aggregate", "aggregate.circom", "Aggregate", FEATURES=2),
        "certify": compiled("certify", "certify.circom", "Certify", ("gradientBound",), FEATURES=2),
    }


SMALL = 100 << GRADIENT.frac_bits


def opening(*items, rows=1000, blinding=12345):
    return Opening(GRADIENT, items, rows, blinding)


def some_sum(*, seed=0, size=SMALL):
    rng = random.Random(seed)
    items = tuple(rng.randrange(-size, size + 1) for _ in range(3))
    return Opening(GRADIENT, items, rng.randrange(1, 10**9), centred(rng.randrange(SUBGROUP_ORDER)))


MATRIX = StepMatrix.quantized(np.array([[0.3, -0.1, 0.05], [-0.1, 0.2, 0.0], [0.05, 0.0, 0.1]]))


def policy(**changes):
    values = {"task_key": 99, "round": 2, "attempt": 1, "penalty": 1 << 12, "weight_bound": 1 << 31, "min_rows": 1}
    return Policy(**(values | {"matrix_hash": MATRIX.hash} | changes))


WEIGHTS_NOW = (3 << 20, -5, 7 << 18)


def accepts(circuit, said):
    return calculate_witness(circuit, said.circuit_inputs()).public == list(said.public)


@pytest.mark.slow
@settings(max_examples=25)
@given(data=st.data())
def test_aggregate_equals_its_twin(circuits, data):
    entries = st.lists(st.integers(-(1 << 33), 1 << 33), min_size=6, max_size=6)
    matrix = StepMatrix(3, tuple(data.draw(entries)))
    total = some_sum(seed=data.draw(st.integers(0, 99)), size=data.draw(st.sampled_from([SMALL, 1, 0])))
    rule = policy(penalty=data.draw(st.sampled_from([0, 1, 4096, (1 << 24) - 1])))
    said = AggregateStatement(total, rule, matrix, WEIGHTS_NOW)
    try:
        said.next_weights  # noqa: B018 (may leave the bound: then there is nothing to prove)
    except WitnessError:
        return
    assert accepts(circuits["aggregate"], said)


@pytest.mark.slow
@settings(max_examples=25)
@given(data=st.data())
def test_certify_equals_its_twin(circuits, data):
    total = some_sum(seed=data.draw(st.integers(0, 99)), size=data.draw(st.sampled_from([SMALL, 1, 0])))
    rule = policy(
        penalty=data.draw(st.sampled_from([0, 1, 4096])), min_rows=data.draw(st.sampled_from([1, total.rows]))
    )
    weights = tuple(data.draw(st.lists(st.integers(-(1 << 20), 1 << 20), min_size=3, max_size=3)))
    said = CertifyStatement(total, rule, weights)
    try:
        said.public  # noqa: B018 (few rows may have more gradient than can be certified)
    except WitnessError:
        return
    assert accepts(circuits["certify"], said)


@pytest.mark.parametrize("sign", [1, -1])
def test_both_hold_at_the_largest_sum_that_a_round_can_have(circuits, sign):
    tiny = StepMatrix(3, (1, 0, 0, 1, 0, 1))
    most = opening(*(sign * LARGEST,) * 3, rows=MAX_UPDATES * MAX_ROWS)
    assert accepts(circuits["aggregate"], AggregateStatement(most, policy(), tiny, (0, 0, 0)))
    flat = opening(*(sign * (LARGEST >> 4),) * 3, rows=MAX_UPDATES * MAX_ROWS)
    assert accepts(circuits["certify"], CertifyStatement(flat, policy(), (0, 0, 0)))


def test_step_rounds_half_up():
    # one entry, and G chosen so that P G / 2^shift is exactly k + 1/2
    for k in (-2, -1, 0, 1):
        G = (2 * k + 1) << (SHAPE.shift - 1)
        one = StepMatrix(3, (1, 0, 0, 0, 0, 0))
        moved = SHAPE.next_weights(policy(penalty=0), one, (0, 0, 0), Tally(GRADIENT, (G, 0, 0), 1))
        assert moved == (-(k + 1), 0, 0)


def test_regularisation_leaves_the_intercept_alone():
    none, some = (
        SHAPE.regularised(policy(penalty=p), (1 << 20,) * 3, Tally(GRADIENT, (0, 0, 0), 1)) for p in (0, 1 << 12)
    )
    assert none == [0, 0, 0]
    assert some == [1 << GRADIENT.frac_bits] * 2 + [0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["aggregate", "certify"])
def test_every_wire_is_determined_by_the_inputs(circuits, name):
    said = {
        "aggregate": lambda: AggregateStatement(some_sum(), policy(), MATRIX, WEIGHTS_NOW),
        "certify": lambda: CertifyStatement(some_sum(), policy(), WEIGHTS_NOW, (1 << 32) - 1),
    }[name]()
    witness = calculate_witness(circuits[name], said.circuit_inputs())
    assert undetected_changes(circuits[name], witness) == []
    assert free_wires(circuits[name], witness) == []


EDGES = {"gradient": SUM_DIGITS, "rows": COUNT_DIGITS, "blinding": BLINDING_DIGITS}


@pytest.mark.slow
@pytest.mark.parametrize("name", EDGES)
def test_both_edges_of_every_part_of_a_sum_pass_and_one_step_outside_fails(circuits, name):
    still, digits = StepMatrix(3, (0,) * 6), EDGES[name]
    for value in (-(4**digits) // 2 - 1, -(4**digits) // 2, 4**digits // 2 - 1, 4**digits // 2):
        changed = {
            "gradient": opening(5, value, -5),
            "rows": opening(5, 5, 5, rows=value),
            "blinding": opening(5, 5, 5, blinding=value),
        }[name]
        inside = -(4**digits) // 2 <= value < 4**digits // 2
        if name == "rows" and inside and value < 0:
            continue  # a negative count is refused below, by the minimum
        said = AggregateStatement(opening(5, 5, 5), policy(), still, (0, 0, 0))
        inputs = said.circuit_inputs() | AggregateStatement.circuit_inputs(
            AggregateStatement(opening(*changed.items, rows=max(changed.rows, 1)), policy(), still, (0, 0, 0))
        )
        inputs |= {"sum.rows": changed.rows % FIELD_ORDER, "sum.blinding": changed.blinding % FIELD_ORDER}
        if inside:
            public = calculate_witness(circuits["aggregate"], inputs).public
            assert public[1] == updates_commitment(changed.point)
        else:
            with pytest.raises(WitnessError, match="PedersenPoint"):
                calculate_witness(circuits["aggregate"], inputs)


@pytest.mark.parametrize("rows", [0, -1, -(4**COUNT_DIGITS) // 2])
@pytest.mark.parametrize("name", ["aggregate", "certify"])
def test_no_sum_of_fewer_rows_than_one_is_accepted(circuits, name, rows):
    honest = {
        "aggregate": AggregateStatement(opening(0, 0, 0), policy(), MATRIX, (0, 0, 0)),
        "certify": CertifyStatement(opening(0, 0, 0), policy(), (0, 0, 0)),
    }[name]
    with pytest.raises(WitnessError, match="AtLeast"):
        calculate_witness(circuits[name], honest.circuit_inputs() | {"sum.rows": rows % FIELD_ORDER})


def opened(circuit, total, digits=None):
    """The signals of OpenedSum for digits of a liar."""
    scalars = (*total.items, total.rows, total.blinding)
    widths = (*[SUM_DIGITS] * 3, COUNT_DIGITS, BLINDING_DIGITS)
    digits = digits or [base_4(scalar, width) for scalar, width in zip(scalars, widths, strict=True)]
    (point,) = {name.rsplit(".", 1)[0] for name in circuit.load_symbols().wire_of if name.endswith(".sumU")}
    return {f"{point}.{name}": value for name, value in pedersen_signals(GRADIENT, digits).items()}


def test_another_opening_of_the_point_is_another_blinding_only(circuits):
    """Sums that differ by the order have no digits, whoever counts modulo it."""
    circuit, total = circuits["aggregate"], some_sum()
    said = AggregateStatement(total, policy(), MATRIX, WEIGHTS_NOW)
    other = total.blinding + SUBGROUP_ORDER * (1 if total.blinding < 0 else -1)
    same = said.circuit_inputs() | {"sum.blinding": other % FIELD_ORDER}
    assert calculate_witness(circuit, same).public == list(said.public)
    witness = calculate_witness(circuit, said.circuit_inputs())
    for name in ("sum.gradient[0]", "sum.gradient[1]", "sum.rows"):
        honest = witness.signal(f"main.{name}")
        forged = witness.replace(f"main.{name}", honest + SUBGROUP_ORDER)
        assert any(any(".digit[" in signal for signal in failed) for failed in all_violated(circuit, forged))
    # packed sums of the widest digits stay below half of the order, on either side
    (packed,) = pack(GRADIENT, [-(4**SUM_DIGITS) // 2] * 3)
    assert 2 * abs(packed) < SUBGROUP_ORDER
    assert GRADIENT.lane_bits >= 2 * SUM_DIGITS
    assert 4**COUNT_DIGITS < SUBGROUP_ORDER


@pytest.mark.slow
def test_a_digit_of_another_sum_is_refused_even_when_the_point_is_its(circuits):
    circuit, total = circuits["aggregate"], some_sum()
    witness = calculate_witness(circuit, AggregateStatement(total, policy(), MATRIX, WEIGHTS_NOW).circuit_inputs())
    assert all_violated(circuit, with_signals(circuit, witness.values, opened(circuit, total))) == []
    other = Opening(GRADIENT, (total.items[0] + 1, *total.items[1:]), total.rows, total.blinding)
    failed = all_violated(circuit, with_signals(circuit, witness.values, opened(circuit, other)))
    assert len(failed) >= 2  # the digits are not the sum's, and the hash is not the point's
    assert any("main.sum.gradient[0]" in names for names in failed)


@pytest.mark.slow
@pytest.mark.parametrize("change", [1, -1])
@pytest.mark.parametrize("row", range(3))
def test_a_move_that_is_off_by_one_is_refused_by_the_rest_alone(circuits, row, change):
    """The committed weights are off instead of the next ones, which leaves all else as it is but for the remainder."""
    circuit = circuits["aggregate"]
    said = AggregateStatement(some_sum(), policy(penalty=0), MATRIX, WEIGHTS_NOW)
    weights = list(WEIGHTS_NOW)
    weights[row] += change
    other = AggregateStatement(some_sum(), policy(penalty=0), MATRIX, tuple(weights))  # moves by the same
    honest = calculate_witness(circuit, other.circuit_inputs())
    inputs = calculate_witness(circuit, said.circuit_inputs())
    # all that belongs to the next weights is of the one, all else of the other
    made = {name: inputs.signal(name) for name in of_next_weights(circuit)}
    remainder = (honest.signal(f"main.remainder[{row}]") - change * (1 << SHAPE.shift)) % FIELD_ORDER
    check = remainder_check(circuit, row)
    made |= {f"main.remainder[{row}]": remainder} | check_signals(check, remainder, SHAPE.shift)
    (failed,) = all_violated(circuit, with_signals(circuit, honest.values, made))
    assert any(name.startswith(f"{check}.digit[") for name in failed)


def remainder_check(circuit, row):
    """The RangeCheck of the remainder of a row: no other one of this width is right below main."""
    names = {
        name.rsplit(".", 1)[0]
        for name in circuit.load_symbols().wire_of
        if name.startswith("main.RangeCheck") and ".digit[" in name
    }
    (found,) = [name for name in names if name.endswith(f"[{row}]")]
    return found


def of_next_weights(circuit):
    """Signals of the next weights: themselves, their digits and bounds, and the blocks of their commitment."""
    wire_of = circuit.load_symbols().wire_of
    components = sorted({name.split(".")[1] for name in wire_of if name.startswith("main.ModelCommitment")})
    bounds = {name.split(".")[1] for name in wire_of if name.startswith("main.WithinBound")}
    chosen = (f"main.{components[-1]}.", *(f"main.{name}." for name in bounds), "main.nextWeights[")
    names = [name for name, wire in wire_of.items() if wire >= 0 and name.startswith(chosen)]
    return [*names, "main.nextModelCommitment"]


@pytest.mark.parametrize("name", ["aggregate", "certify"])
def test_a_sum_of_information_opens_as_no_gradient(name):
    mixed = Opening(INFORMATION, (1, 2, 3), 10, 4)
    assert mixed.point != Opening(GRADIENT, (1, 2, 3), 10, 4).point


def test_other_next_weights_are_refused(circuits):
    said = AggregateStatement(some_sum(), policy(), MATRIX, WEIGHTS_NOW)
    inputs = said.circuit_inputs()
    for index in range(3):
        for change in (1, -1):
            forged = list(inputs["nextWeights"])
            forged[index] += change
            with pytest.raises(WitnessError):
                calculate_witness(circuits["aggregate"], inputs | {"nextWeights": forged})


def test_a_move_by_another_matrix_is_committed_to_as_such(circuits):
    other = StepMatrix(3, (1, 0, 0, 1, 0, 1))
    said = AggregateStatement(
        some_sum(), policy(), other, WEIGHTS_NOW
    )  # the context's own matrix is of the move before
    assert accepts(circuits["aggregate"], said)
    assert said.next_policy.matrix_hash == other.hash
    assert said.next_policy.context == poseidon([said.next_policy.context_head, other.hash])
    as_if = policy().next_round(matrix_hash=MATRIX.hash).model_commitment(said.next_weights)
    assert said.public[2] != as_if
    with pytest.raises(WitnessError):
        calculate_witness(circuits["aggregate"], said.circuit_inputs() | {"upper": list(MATRIX.biased())})


@pytest.mark.slow
def test_the_first_move_comes_from_a_context_without_a_matrix(circuits):
    said = AggregateStatement(some_sum(), policy(matrix_hash=0), MATRIX, WEIGHTS_NOW)
    assert accepts(circuits["aggregate"], said)


def test_the_sum_of_updates_opens_the_sum_of_their_points_whatever_their_number(circuits):
    from twopm_zk.numbers.baby_jubjub import add

    parts = [Opening.drawn(GRADIENT, some_sum(seed=k).items, 7) for k in range(4)]
    total, point = parts[0], parts[0].point
    for part in parts[1:]:
        total, point = total + part, add(point, part.point)
    said = AggregateStatement(total, policy(), MATRIX, WEIGHTS_NOW)
    assert accepts(circuits["aggregate"], said)
    assert said.public[1] == updates_commitment(point)
    for other in (parts[0] + parts[1] + parts[2], total + parts[3]):  # one left out, one counted twice
        assert updates_commitment(other.point) != said.public[1]


def test_policy_edges(circuits):
    total = opening(0, 0, 0, rows=10)
    still = StepMatrix(3, (0,) * 6)
    weights = (1 << 22, -(1 << 22), 0)

    def said(**changes):
        return AggregateStatement(total, policy(penalty=0, **changes), still, weights)

    assert accepts(circuits["aggregate"], said(min_rows=10, weight_bound=1 << 22))
    for changes, message in (({"min_rows": 11}, "10 rows"), ({"weight_bound": (1 << 22) - 1}, "weight 1 leaves")):
        with pytest.raises(WitnessError, match=message):
            said(**changes).public  # noqa: B018
        # a prover that skips the twin's check finds no witness either
        forged = said(**changes)
        inputs = said().circuit_inputs() | in_bus("policy", forged.policy.circuit_inputs())
        with pytest.raises(WitnessError):
            calculate_witness(circuits["aggregate"], inputs)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [{"round": 1 << 32}, {"attempt": 1 << 32}, {"penalty": 1 << 24}, {"min_rows": 0}, {"weight_bound": (1 << 31) + 1}],
)
def test_policy_refuses_values_outside_their_lanes(changes):
    with pytest.raises(RangeError):
        policy(**changes)


def test_round_and_lambda_of_a_context_cannot_trade_bits(circuits):
    # lanes are range-checked: moving 2^24 from lambda to round would open the same packed policy otherwise
    said = AggregateStatement(some_sum(), policy(), MATRIX, WEIGHTS_NOW)
    inputs = said.circuit_inputs()
    forged = inputs | {
        "policy.round": inputs["policy.round"] - 1,
        "policy.lambda": inputs["policy.lambda"] + (1 << 24),
    }
    with pytest.raises(WitnessError, match="RangeCheck"):
        calculate_witness(circuits["aggregate"], forged)


def test_certificate_is_tight(circuits):
    current, rule = opening(1000 << 20, -3, 5 << 20), policy(penalty=0)
    best = CertifyStatement(current, rule, WEIGHTS_NOW)
    assert best.gradient_bound > 0
    assert accepts(circuits["certify"], best)
    with pytest.raises(WitnessError, match="the bound to certify"):
        CertifyStatement(current, rule, WEIGHTS_NOW, best.gradient_bound - 1).public  # noqa: B018
    inputs = best.circuit_inputs() | {"gradientBound": best.gradient_bound - 1}
    with pytest.raises(WitnessError, match="RangeCheck"):
        calculate_witness(circuits["certify"], inputs)


@pytest.mark.parametrize("name", [n for n, i in instances().items() if i.template in ("Aggregate", "Certify")])
def test_bound_table_holds_for_every_listed_instance(name):
    shape = RoundShape.from_parameters(instances()[name].parameters)
    assert all(bound.magnitude < bound.limit for bound in shape.bounds())
    widest = StepShape(MAX_ROWS, shape.features, FEATURES)
    assert MAX_UPDATES * widest.max_rounded() < 4**SUM_DIGITS // 2


def test_step_matrix_keeps_symmetry_and_refuses_large_entries():
    rows = MATRIX.rows()
    assert all(rows[i][j] == rows[j][i] for i in range(3) for j in range(3))
    with pytest.raises(RangeError):
        StepMatrix.quantized(np.array([[2.0**15]]))
