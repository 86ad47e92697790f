"""What circuits refuse by their constraints alone, whatever a prover puts into a witness.

A circuit's witness program asserts much of this before any proof is made, which protects honest provers only. Here
signals are forged past it, all that follows from them is adjusted (`support.liar`), and the R1CS has the last word.
"""

from itertools import product

import pytest
from support.liar import all_violated, check_signals, mended, with_signals
from support.row_circuits import KINDS, about, row_circuit

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.instances import Instance
from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.errors import WitnessError
from twopm_zk.numbers import sigmoid
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.pedersen import GRADIENT, Opening
from twopm_zk.statements import (
    AggregateStatement,
    CertifyStatement,
    Family,
    Policy,
    StepMatrix,
)

pytestmark = pytest.mark.circuit


def compiled(name, file, template, public=(), **parameters):
    return compile_circuit(Instance(f"{name}-test", file, template, parameters, public))


# --- RangeCheck and IsZero ---


@pytest.mark.slow
@pytest.mark.parametrize("bits", [1, 2, 3, 8, 17])
def test_a_range_check_has_both_edges_and_no_digits_for_one_step_outside(bits):
    circuit = compiled(f"range-{bits}", "lib/fixed_point.circom", "RangeCheck", BITS=bits)
    edges = [calculate_witness(circuit, {"in": value}) for value in (0, (1 << bits) - 1)]
    assert all(map(circuit.accepts, edges))
    for outside in (-1, 1 << bits, (1 << bits) + 1, FIELD_ORDER // 2):
        with pytest.raises(WitnessError):
            calculate_witness(circuit, {"in": outside % FIELD_ORDER})
        for digits in [0, (1 << bits) - 1, outside] if bits > 3 else range(1 << bits):
            made = check_signals("main", digits % FIELD_ORDER, bits) | {"main.in": outside}
            assert not circuit.accepts(with_signals(circuit, edges[0].values, made))


@pytest.mark.parametrize("digit", [4, 5, -1, -2, 1 << 200, (FIELD_ORDER + 1) // 2])
def test_what_is_no_digit_is_refused_even_where_the_sum_is_right(digit):
    circuit = compiled("range-8", "lib/fixed_point.circom", "RangeCheck", BITS=8)
    honest = calculate_witness(circuit, {"in": 0})
    for place, claimed in product(range(4), (digit * (digit - 3), 0, -2)):
        made = {f"main.digit[{place}]": digit, f"main.product[{place}]": claimed, "main.in": digit << (2 * place)}
        assert not circuit.accepts(with_signals(circuit, honest.values, made))


@pytest.mark.parametrize("top", [2, -1, 1 << 200])
def test_the_odd_bit_is_none_but_zero_or_one(top):
    circuit = compiled("range-3", "lib/fixed_point.circom", "RangeCheck", BITS=3)
    honest = calculate_witness(circuit, {"in": 0})
    assert not circuit.accepts(with_signals(circuit, honest.values, {"main.top": top, "main.in": 4 * top}))


@pytest.mark.parametrize("value", [0, 1, -1, 1 << 200])
def test_nothing_but_zero_passes_for_zero(value):
    circuit = compiled("is-zero", "lib/fixed_point.circom", "IsZero")
    honest = calculate_witness(circuit, {"in": value % FIELD_ORDER})
    truth = int(value == 0)
    for out, inverse in product((1 - truth, 2, -1), (0, 1, 7, honest.signal("main.inverse"))):
        assert not circuit.accepts(with_signals(circuit, honest.values, {"main.out": out, "main.inverse": inverse}))


# --- rows ---


def update_of(kind, family):
    """A statement of one row and one of padding: its circuit and its witness."""
    circuit, shape = row_circuit(kind, 2, 1, family=family)
    said = about(kind, shape, [[3000]], [1], (1 << 20, 5))
    return circuit, calculate_witness(circuit, said.circuit_inputs())


@pytest.fixture(scope="module", params=list(product(KINDS, Family)), ids=lambda chosen: f"{chosen[0]}-{chosen[1].name}")
def update(request):
    return update_of(*request.param)


@pytest.fixture(scope="module", params=KINDS)
def logistic_update(request):
    return update_of(request.param, Family.LOGISTIC)


@pytest.fixture(scope="module", params=KINDS)
def gaussian_update(request):
    return update_of(request.param, Family.GAUSSIAN)


def rows_component(circuit):
    (found,) = {name.rsplit(".", 1)[0] for name in circuit.load_symbols().wire_of if name.endswith(".reciprocal")}
    return found


def active_signal(circuit, row):
    """Whether a row counts, under the one of its names that circom has kept."""
    wire_of = circuit.load_symbols().wire_of
    kept = (name for name in wire_of if name.endswith((f".active[{row}]", f"[{row}].active")) and wire_of[name] >= 0)
    return next(kept, f"main.marks[{row}]")  # where the label is a cell both are one


@pytest.mark.slow
@pytest.mark.parametrize("label", [2, -2, 7, (FIELD_ORDER + 1) // 2])
def test_a_label_that_is_none_is_refused_whatever_its_row_counts(logistic_update, label):
    """By what holds between both alone: no other signal could mend it."""
    circuit, honest = logistic_update
    active = active_signal(circuit, 0)
    for counted in (label * label, 0, 1, label):
        forged = with_signals(circuit, honest.values, {"main.marks[0]": label, active: counted})
        assert {"main.marks[0]", active} in all_violated(circuit, forged)


@pytest.mark.parametrize("mark", [-1, 2, -2, 7, (FIELD_ORDER + 1) // 2])
def test_a_mark_is_none_but_zero_or_one_where_the_label_is_a_cell(gaussian_update, mark):
    """The square of -1 is 1: it would count, and be another opening of the same rows."""
    circuit, honest = gaussian_update
    forged = with_signals(circuit, honest.values, {"main.marks[0]": mark})
    assert {"main.marks[0]"} in all_violated(circuit, forged)


@pytest.mark.parametrize("change", [1, -1, 100])
def test_a_label_in_a_padding_row_is_refused_with_all_digits_right(gaussian_update, change):
    circuit, honest = gaussian_update
    label = "main.cells[1][1]"
    forged = mended(circuit, with_signals(circuit, honest.values, {label: honest.signal(label) + change}))
    assert {label, active_signal(circuit, 1)} in all_violated(circuit, forged)


@pytest.mark.slow
@pytest.mark.parametrize("change", [1, -1, 100])
def test_a_padding_row_with_content_is_refused_with_all_digits_right(update, change):
    circuit, honest = update
    active = active_signal(circuit, 1)
    features = honest.signal("main.cells[1][0]")
    forged = mended(circuit, with_signals(circuit, honest.values, {"main.cells[1][0]": features + change}))
    assert {"main.cells[1][0]", active} in all_violated(circuit, forged)


@pytest.mark.parametrize("reciprocal", [0, 1, 1 << 200])
def test_a_count_of_no_rows_has_no_reciprocal(update, reciprocal):
    circuit, honest = update
    rows = rows_component(circuit)
    made = {"main.marks[0]": 0, active_signal(circuit, 0): 0, f"{rows}.reciprocal": reciprocal, "main.point.rows": 0}
    assert {"main.point.rows", f"{rows}.reciprocal"} in all_violated(
        circuit, with_signals(circuit, honest.values, made)
    )


Z_FRAC_BITS = 32
PARTS = ("dropped", "T", "overflow")
"""Of |z|, lowest first: their sum is pinned, and each has its digits."""


@pytest.mark.slow
@pytest.mark.parametrize(("low", "high"), [(0, 1), (1, 2)])
@pytest.mark.parametrize("shift", [1, -1])
def test_a_magnitude_has_no_other_parts_whatever_their_sum(logistic_update, low, high, shift):
    """What one part gains the other one loses: no constraint but its digits could tell."""
    circuit, honest = logistic_update
    wire_of = circuit.load_symbols().wire_of
    parts = [next(n for n in wire_of if n.endswith(f".{part}") and "[0]" in n and wire_of[n] >= 0) for part in PARTS]
    (parent,) = {name.rsplit(".", 1)[0] for name in parts if name.endswith(".dropped")}
    values = [honest.signal(name) for name in parts]
    unit = (1 << sigmoid.dropped_bits(Z_FRAC_BITS), 1 << sigmoid.INPUT_BITS)[low]
    made = {parts[low]: values[low] - shift * unit, parts[high]: values[high] + shift}
    failed = all_violated(circuit, mended(circuit, with_signals(circuit, honest.values, made)))
    refused = {
        name.rsplit(".", 1)[0] for names in failed for name in names if ".digit[" in name or name.endswith(".top")
    }
    assert refused
    assert all(name.startswith(f"{parent}.RangeCheck") for name in refused)


# --- aggregate and certify ---

STILL = StepMatrix(3, (0,) * 6)
WEIGHTS_NOW = (3 << 20, -5, 7 << 18)


def policy(**changes):
    values = {"task_key": 99, "round": 2, "attempt": 1, "penalty": 0, "weight_bound": 1 << 31, "min_rows": 1}
    return Policy(**(values | {"matrix_hash": STILL.hash} | changes))


def opening(*items, rows=1000, blinding=12345):
    return Opening(GRADIENT, items, rows, blinding)


@pytest.fixture(scope="module")
def aggregate():
    return compiled("aggregate", "aggregate.circom", "Aggregate", FEATURES=2)


@pytest.fixture(scope="module")
def certify():
    return compiled("certify", "certify.circom", "Certify", ("gradientBound",), FEATURES=2)


def only_digits(circuit, forged, component):
    """That nothing is left to refuse a witness but the digits of a range check in a component of this name."""
    failed = all_violated(circuit, mended(circuit, forged))
    assert len(failed) == 1, failed
    assert all(f".{component}" in f".{name}" and "RangeCheck" in name for name in failed[0] if "digit[" in name)
    assert any("digit[" in name for name in failed[0])


def mixed(circuit, one, other, prefixes):
    """The witness of ``one`` with those signals of ``other``, whose names begin so."""
    names = circuit.load_symbols().wire_of
    made = {name: other.signal(name) for name in names if names[name] >= 0 and name.startswith(prefixes)}
    assert made
    return with_signals(circuit, one.values, made)


@pytest.mark.slow
def test_honest_witnesses_are_left_as_they_are(aggregate, certify):
    for circuit, said in (
        (aggregate, AggregateStatement(opening(5, -7, 9), policy(), STILL, WEIGHTS_NOW)),
        (certify, CertifyStatement(opening(5, -7, 9), policy(), WEIGHTS_NOW)),
    ):
        honest = calculate_witness(circuit, said.circuit_inputs())
        assert list(mended(circuit, honest).values) == list(honest.values)


@pytest.mark.slow
@pytest.mark.parametrize("items", [(1000 << 20, -3, 5 << 20), (-(1000 << 20), 3, 0), (0, 0, 1000 << 20)])
def test_a_bound_below_the_gradient_is_refused_by_its_digits_alone(certify, items):
    said = CertifyStatement(opening(*items, rows=1), policy(), WEIGHTS_NOW)
    honest = calculate_witness(certify, said.circuit_inputs())
    lower = said.gradient_bound - 1
    unit = 1 << (GRADIENT.frac_bits - 32)
    made = {"main.gradientBound": lower, "main.allowed": lower * unit}
    only_digits(certify, with_signals(certify, honest.values, made), "RangeCheck")


@pytest.mark.slow
@pytest.mark.parametrize("rows", [9, 1])
def test_fewer_rows_than_the_minimum_are_refused_by_their_digits_alone(aggregate, rows):
    """The sum is of one witness, opened as it should be; the policy is another one's."""
    items = (5, -7, 9)
    wanted = AggregateStatement(opening(*items, rows=10), policy(min_rows=10), STILL, WEIGHTS_NOW)
    fewer = AggregateStatement(opening(*items, rows=rows), policy(), STILL, WEIGHTS_NOW)
    one = calculate_witness(aggregate, wanted.circuit_inputs())
    other = calculate_witness(aggregate, fewer.circuit_inputs())
    forged = mixed(aggregate, one, other, ("main.OpenedSum", "main.sum.", "main.updatesCommitment"))
    only_digits(aggregate, forged, "AtLeast")


@pytest.mark.slow
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("index", range(3))
def test_a_next_weight_beyond_its_bound_is_refused_by_its_digits_alone(aggregate, index, sign):
    """Everything is as it should be for a bound of one more."""
    weights = [0, 0, 0]
    weights[index] = sign * (1 << 22)
    honest = AggregateStatement(opening(5, 6, 7), policy(weight_bound=1 << 22), STILL, tuple(weights))
    lower = AggregateStatement(opening(5, 6, 7), policy(weight_bound=(1 << 22) - 1), STILL, (0, 0, 0))
    one = calculate_witness(aggregate, honest.circuit_inputs())
    # the context of the lower bound, and what it gives with the weights of the other one
    other = calculate_witness(aggregate, lower.circuit_inputs())
    forged = mixed(aggregate, one, other, ("main.policy.", "main.Context_"))
    failed = all_violated(aggregate, mended(aggregate, forged))
    digits = [names for names in failed if any("digit[" in name for name in names)]
    assert len(digits) == 1
    assert all("WithinBound" in name for name in digits[0] if "digit[" in name)
    # the rest belongs to the hash of the committed weights, which is of another context
    assert all(
        any("context" in name.lower() or "ModelCommitment" in name for name in names)
        for names in failed
        if names not in digits
    )


def test_bits_do_not_move_from_lambda_to_the_round(aggregate):
    """The packed policy stays the same, so that nothing else could tell."""
    said = AggregateStatement(opening(5, 6, 7), policy(), STILL, (0, 0, 0))
    honest = calculate_witness(aggregate, said.circuit_inputs())
    made = {
        "main.policy.round": honest.signal("main.policy.round") - 1,
        "main.policy.lambda": honest.signal("main.policy.lambda") + (1 << 24),
    }
    only_digits(aggregate, with_signals(aggregate, honest.values, made), "Context")
