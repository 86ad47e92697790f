"""The step circuit of both families: equal to its twin, and refusing what a liar would try."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.drawn_rows import DRAWN, draw_statement
from support.liar import all_violated, check_in, check_signals, committed, with_signals, with_some_blinding
from support.row_circuits import SHAPES, about, random_statement, row_circuit, small_x, widths
from support.soundness import free_wires, undetected_changes

from twopm_zk.circuit.instances import instances
from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.errors import BoundError, CircuitTooLargeError, DataError, InputError, WitnessError
from twopm_zk.numbers import pedersen, sigmoid
from twopm_zk.numbers.baby_jubjub import SUBGROUP_ORDER
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.fixed_point import FEATURES, WEIGHTS, Format
from twopm_zk.numbers.pedersen import GRADIENT, Opening
from twopm_zk.statements import DISPERSION, Family, Rows, StepShape, StepStatement, gradient_tally
from twopm_zk.statements.rounds import MAX_UPDATES, RoundShape
from twopm_zk.statements.rows import MAX_ROWS
from twopm_zk.statements.step import exact_gradient

pytestmark = pytest.mark.circuit


@pytest.fixture(scope="module", params=list(Family), ids=lambda family: family.name.lower())
def family(request):
    return request.param


@pytest.fixture(scope="module")
def small(family):
    return row_circuit("step", 4, 2, family=family)


@pytest.fixture(scope="module")
def smallest(family):
    return row_circuit("step", 1, 1, family=family)


@pytest.fixture(scope="module")
def smallest_logistic():
    return row_circuit("step", 1, 1)


def statement(shape, **choices):
    return random_statement("step", shape, **choices)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [*SHAPES, (13, 3, 16, 12), (2, 1, 24, 22)])
@DRAWN
@given(data=st.data())
def test_circuit_equals_twin(family, sizes, data):
    circuit, shape = row_circuit("step", *sizes, family=family)
    said = draw_statement(data, StepStatement, shape)
    assert calculate_witness(circuit, said.circuit_inputs()).public == list(said.public)


def test_twin_is_near_the_floating_point_gradient(family):
    shape = StepShape(64, 3, FEATURES, family)
    said = statement(shape, rows=50)
    features, labels = said.data.used()
    x = np.hstack([features / FEATURES.one, np.ones((50, 1))])
    z = x @ (np.array(said.weights) / WEIGHTS.one)
    if family is Family.GAUSSIAN:
        exact, allowed = x.T @ (z - labels / FEATURES.one) / DISPERSION, 2.0**-40  # of floating point
    else:
        exact, allowed = x.T @ (1 / (1 + np.exp(-z)) - labels), np.abs(x).sum(axis=0) * sigmoid.MAX_ERROR
    assert (np.abs(said.tally().real - exact) <= allowed).all()


@pytest.mark.slow
@given(data=st.data())
def test_updates_of_any_split_of_the_rows_add_up_but_for_one_rounding_each(family, data):
    shape = StepShape(12, 2, FEATURES, family)
    whole = statement(shape, rows=12, seed=data.draw(st.integers(0, 1000)))
    features, labels = whole.data.used()
    owner = np.array(data.draw(st.lists(st.integers(0, 2), min_size=12, max_size=12)))
    parts = [gradient_tally(shape, whole.weights, features[owner == k], labels[owner == k]) for k in range(3)]
    total = parts[0] + parts[1] + parts[2]
    assert total.rows == 12
    assert all(abs(a - b) <= 2 for a, b in zip(total.items, whole.tally().items, strict=True))


def test_equal_updates_have_other_commitments_each_time():
    shape = StepShape(4, 2, FEATURES)
    first, second = statement(shape), statement(shape)
    assert first.tally() == second.tally()
    assert first.public[:2] == second.public[:2]
    assert first.public[2] != second.public[2]


def test_every_wire_is_determined_by_the_inputs(small):
    circuit, shape = small
    witness = calculate_witness(circuit, statement(shape).circuit_inputs())
    # the sign of an active row with T = 0 would be free; such rows have their own test below
    assert undetected_changes(circuit, witness) == []
    assert free_wires(circuit, witness) == []


def test_the_liars_side_is_the_honest_one_where_it_tells_the_truth(smallest):
    circuit, shape = smallest
    said = statement(shape, rows=1)
    witness = calculate_witness(circuit, said.circuit_inputs())
    other = small_x(GRADIENT, said.opening.items, 1)
    made = committed(circuit, GRADIENT, other, widths(shape, shape.weights)) | {"main.blinding": other.blinding}
    assert all_violated(circuit, with_signals(circuit, witness.values, made)) == []


@pytest.mark.slow
@pytest.mark.parametrize("change", [1, -1, 1 << 40])
@pytest.mark.parametrize("weight", range(2))
def test_a_rounded_sum_that_is_off_is_refused_by_the_rest_alone(smallest, weight, change):
    """Point, digits and y are those of the other sum; the rest that belongs to it has no digits."""
    circuit, shape = smallest
    said = statement(shape, rows=1)
    witness = calculate_witness(circuit, said.circuit_inputs())
    items = list(said.opening.items)
    items[weight] += change
    forged = small_x(GRADIENT, tuple(items), 1)
    check = check_in(circuit, f"main.rounded[{weight}]", shape.dropped_bits)
    unit = 1 << shape.dropped_bits
    honest = (exact_gradient(shape, said.weights, *said.data.used())[weight] + unit // 2) % unit
    made = committed(circuit, GRADIENT, forged, widths(shape, shape.weights)) | {"main.blinding": forged.blinding}
    made |= check_signals(check, (honest - change * unit) % FIELD_ORDER, shape.dropped_bits)
    made[f"main.rounded[{weight}].out"] = items[weight]
    (failed,) = all_violated(circuit, with_signals(circuit, witness.values, made))
    assert any(name.startswith(f"{check}.") for name in failed)


@pytest.mark.parametrize("rows", [0, 2])
def test_another_row_count_in_the_commitment_is_refused(smallest, rows):
    circuit, shape = smallest
    said = statement(shape, rows=1)
    witness = calculate_witness(circuit, said.circuit_inputs())
    forged = small_x(GRADIENT, said.opening.items, rows)
    made = committed(circuit, GRADIENT, forged, widths(shape, shape.weights)) | {"main.blinding": forged.blinding}
    assert all_violated(circuit, with_signals(circuit, witness.values, made)) != []


def test_an_update_opens_as_one_vector_of_sums_and_rows_only(smallest):
    """The order more in the blinding is the same opening; the order more in sums or rows has no digits."""
    circuit, shape = smallest
    said = statement(shape, rows=1)
    opening = said.opening
    again = Opening(GRADIENT, opening.items, 1, opening.blinding + SUBGROUP_ORDER * (1 if opening.blinding < 0 else -1))
    assert again.point == opening.point
    witness = calculate_witness(circuit, said.circuit_inputs() | {"blinding": again.blinding % FIELD_ORDER})
    assert witness.public == list(said.public)
    every = widths(shape, shape.weights)
    (packed,) = pedersen.pack(GRADIENT, [-(4 ** every[0]) // 2] * 3)
    assert 2 * abs(packed) < SUBGROUP_ORDER
    assert 4 ** every[-2] < SUBGROUP_ORDER


def magnitude_component(circuit):
    """Where |z| of the first row is rounded, and the parent, which has the sign."""
    names = circuit.load_symbols().wire_of
    (found,) = {n.rsplit(".", 1)[0] for n in names if n.endswith(".magnitude") and "[0]" in n}
    return found, found.rsplit(".", 1)[0]


def test_the_other_sign_is_refused_where_it_would_matter_even_when_all_that_follows_is_adjusted():
    circuit, shape = row_circuit("step", 4, 2)
    weights = (0, 0, 2 << 20)  # z = 2 for every row
    witness = calculate_witness(circuit, statement(shape, weights=weights).circuit_inputs())
    dropped = sigmoid.dropped_bits(shape.z_frac_bits)
    offset = (1 << (dropped - 1)) - 1
    magnitude = (-sigmoid.UNIT_DIVISOR * witness.signal("main.z[0]") + offset) % FIELD_ORDER
    parent, sigmoid_of_row = magnitude_component(circuit)
    made = {
        f"{sigmoid_of_row}.sign": -1,
        f"{parent}.magnitude": magnitude,
        f"{parent}.dropped": magnitude & ((1 << dropped) - 1),
        f"{sigmoid_of_row}.T": magnitude >> dropped & 0xFFFF,
        f"{sigmoid_of_row}.overflow": magnitude >> (dropped + 16),
    }
    assert not circuit.accepts(with_signals(circuit, witness.values, made))


@pytest.mark.parametrize("z_over", [0, 1])
def test_either_sign_gives_the_same_update_where_z_rounds_to_zero_and_only_there(smallest_logistic, z_over):
    # sign is free while UNIT_DIVISOR |z| <= 2^(D-1) - 1: the largest such z accepts both, the next one only its own
    circuit, shape = smallest_logistic
    dropped = sigmoid.dropped_bits(shape.z_frac_bits)
    offset = (1 << (dropped - 1)) - 1
    z = offset // sigmoid.UNIT_DIVISOR + z_over
    x = next(k for k in range(1, 2000) if z % k == 0 and z // k < WEIGHTS.bias)
    said = about("step", shape, [x], [1], (z // x, 0))
    witness = calculate_witness(circuit, said.circuit_inputs())
    assert witness.signal("main.z[0]") == z
    (parent, sigmoid_of_row), magnitude = magnitude_component(circuit), offset - sigmoid.UNIT_DIVISOR * z
    made = {f"{sigmoid_of_row}.sign": -1, f"{parent}.magnitude": magnitude, f"{parent}.dropped": magnitude}
    made |= check_signals(check_in(circuit, parent, dropped), magnitude % FIELD_ORDER, dropped)
    forged = with_signals(circuit, witness.values, made)
    assert circuit.accepts(forged) is (magnitude >= 0)
    assert list(forged.values) != list(witness.values)
    if magnitude >= 0:
        assert forged.public == list(said.public)


@pytest.mark.slow
def test_edges_of_every_input_range(small):
    circuit, shape = small
    honest = statement(shape).circuit_inputs()

    def changed(name, path, value):
        inputs = {key: np.array(entry, dtype=object) for key, entry in honest.items()}
        inputs[name][path] = value
        return {key: entry.tolist() for key, entry in inputs.items()}

    cells = [("cells", (0, column), 2**16 - 1) for column in range(shape.columns)]
    for name, path, last in (*cells, ("weights", (1,), 2**32 - 1)):
        for inside in (0, last) if name == "cells" or shape.family is Family.LOGISTIC else ():
            with_some_blinding(circuit, changed(name, path, inside))
        for outside in (-1 % FIELD_ORDER, last + 1):
            with pytest.raises(WitnessError, match="RangeCheck"):
                calculate_witness(circuit, changed(name, path, outside))
    none = [2, -2 % FIELD_ORDER, FIELD_ORDER // 2]
    if shape.family is Family.GAUSSIAN:
        none.append(-1 % FIELD_ORDER)  # its square is 1: it must not count as a row
    else:
        with_some_blinding(circuit, changed("marks", (0,), -1 % FIELD_ORDER))
    with_some_blinding(circuit, changed("marks", (0,), 1))
    for label in none:
        with pytest.raises(WitnessError, match="Rows"):
            calculate_witness(circuit, changed("marks", (0,), label))


def test_a_padding_row_with_content_is_refused(small):
    # else one set of rows would have many commitments under one salt
    circuit, shape = small
    for column in range(shape.columns):
        inputs = statement(shape).circuit_inputs()
        inputs["cells"][shape.rows - 1][column] += 1
        with pytest.raises(WitnessError, match="Rows"):
            calculate_witness(circuit, inputs)


def test_an_update_of_no_rows_is_refused(small):
    """It would count as a node among those whose sum hides the others."""
    circuit, shape = small
    none = Rows(tuple((0,) * shape.columns for _ in range(shape.rows)), (0,) * shape.rows, shape.family)
    said = StepStatement(shape, 77, (1, 2, 3), none)
    with pytest.raises(WitnessError, match="Rows"):
        calculate_witness(circuit, said.circuit_inputs())
    one = StepStatement(shape, 77, (1, 2, 3), Rows.padded(shape, np.array([[0, 0]]), [1]))
    calculate_witness(circuit, one.circuit_inputs())


def test_a_padding_row_counts_for_nothing(small):
    _, shape = small
    weights = (1 << 20, 5, -(1 << 19))
    alone = StepShape(1, 2, FEATURES, shape.family)
    one, more = (about("step", s, [[3, -4]], [1], weights) for s in (alone, shape))
    assert one.tally() == more.tally()
    assert more.data.count == 1


def test_saturated_z_is_accepted_up_to_the_largest_possible():
    circuit, shape = row_circuit("step", 4, 2)
    extreme = (-shape.format.bias, shape.format.bias - 1)
    rows = Rows.padded(shape, np.array([extreme, extreme[::-1]]), [0, 1])
    for weights in ((-WEIGHTS.bias,) * 3, (WEIGHTS.bias - 1,) * 3, (-WEIGHTS.bias, WEIGHTS.bias - 1, 0)):
        said = StepStatement(shape, 0, weights, rows)
        assert calculate_witness(circuit, said.circuit_inputs()).public == list(said.public)


@pytest.mark.parametrize(
    ("features", "labels", "error"),
    [
        (np.zeros((5, 2)), [0] * 5, CircuitTooLargeError),
        (np.zeros((1, 3)), [0], CircuitTooLargeError),
        (np.zeros((0, 2)), [], DataError),
        (np.zeros((2, 2)), [0], DataError),
        (np.zeros((1, 2)), [2], DataError),
    ],
)
def test_rows_that_do_not_fit_are_refused(features, labels, error):
    with pytest.raises(error):
        Rows.padded(StepShape(4, 2, FEATURES), features.astype(int), labels)


def test_a_wrong_number_of_weights_is_refused():
    shape = StepShape(4, 2, FEATURES)
    with pytest.raises(InputError, match="4 weights for 2 features"):
        gradient_tally(shape, (0, 0, 0, 0), np.zeros((1, 2), dtype=int), np.array([0]))


def test_private_values_do_not_appear_in_a_repr():
    said = statement(StepShape(4, 2, FEATURES))
    shown = repr(said) + repr(said.data) + repr(said.opening) + repr(said.tally())
    assert "salt" not in shown
    assert "features=((" not in shown
    for item in (*said.opening.items, said.opening.blinding):
        assert str(item) not in shown


@pytest.mark.parametrize("name", [n for n, i in instances().items() if i.template == "Step"])
def test_bound_table_holds_for_every_listed_instance(name):
    shape = StepShape.from_parameters(instances()[name].parameters)
    assert all(bound.magnitude < bound.limit for bound in shape.bounds())


def test_bound_table_would_refuse_a_circuit_that_wraps_around():
    sizes = {"ROWS": 1, "FEATURES": 1 << 250, "X_BITS": 16, "X_FRAC": 12, "FAMILY": 0, "NOISE": 0}
    with pytest.raises(BoundError, match="z can reach"):
        StepShape.from_parameters(sizes)


def test_a_step_whose_updates_a_rounds_sum_could_not_hold_is_refused(family):
    """They would open in every aggregate all the same, and leave the lanes of packed sums."""
    sizes = {"ROWS": MAX_ROWS, "FEATURES": 3, "X_FRAC": 12, "X_BITS": 16, "FAMILY": family.number, "NOISE": 0}
    total = next(b for b in RoundShape(3).bounds() if b.name == "sum of updates")
    assert MAX_UPDATES * StepShape.from_parameters(sizes).max_rounded() <= total.magnitude < total.limit
    for changes, message in (({"X_BITS": 17}, "cell can reach"), ({"ROWS": MAX_ROWS + 1}, "rows can reach")):
        with pytest.raises(BoundError, match=message):
            StepShape.from_parameters(sizes | changes)


def test_wide_format_holds_what_the_default_one_does_not():
    assert Format(20, 16).holds(FEATURES.bias)
