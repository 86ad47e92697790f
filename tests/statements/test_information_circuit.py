"""The information circuit of both families: equal to its twin, and refusing what a liar would try."""

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
from twopm_zk.errors import BoundError, WitnessError
from twopm_zk.numbers import sigmoid
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.fixed_point import FEATURES, WEIGHTS
from twopm_zk.numbers.pedersen import INFORMATION
from twopm_zk.statements import (
    DISPERSION,
    Family,
    InformationShape,
    InformationStatement,
    StepShape,
    StepStatement,
    symmetric,
)

pytestmark = pytest.mark.circuit


@pytest.fixture(scope="module", params=list(Family), ids=lambda family: family.name.lower())
def family(request):
    return request.param


@pytest.fixture(scope="module")
def smallest(family):
    return row_circuit("information", 1, 1, family=family)


@pytest.fixture(scope="module")
def smallest_logistic():
    return row_circuit("information", 1, 1)


@pytest.fixture(scope="module")
def small(family):
    return row_circuit("information", 4, 2, family=family)


def statement(shape, **choices):
    return random_statement("information", shape, **choices)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", SHAPES)
@DRAWN
@given(data=st.data())
def test_circuit_equals_twin(family, sizes, data):
    circuit, shape = row_circuit("information", *sizes, family=family)
    said = draw_statement(data, InformationStatement, shape)
    assert calculate_witness(circuit, said.circuit_inputs()).public == list(said.public)


def test_sums_at_their_largest_have_digits(small):
    """All features at their least, and weights of zero, where the variance is largest."""
    circuit, shape = small
    said = about("information", shape, np.full((4, 2), -shape.format.bias), [0, 1, 1, 0], (0, 0, 0))
    largest = 1 / DISPERSION if shape.family is Family.GAUSSIAN else 1 / 4
    assert calculate_witness(circuit, said.circuit_inputs()).public == list(said.public)
    assert max(said.tally().items) == pytest.approx(4 * 64 * largest * 2**20, rel=1e-3)


def test_twin_is_near_the_information_of_floating_point(family):
    shape = InformationShape(64, 3, FEATURES, family)
    said = statement(shape, rows=50)
    x = np.hstack([said.data.used()[0] / FEATURES.one, np.ones((50, 1))])
    p = 1 / (1 + np.exp(-x @ (np.array(said.weights) / WEIGHTS.one)))
    variance, error = (1 / DISPERSION, 0) if family is Family.GAUSSIAN else (p * (1 - p), 2.5e-4)
    exact, found = (x.T * variance) @ x, symmetric(said.tally())
    assert (np.abs(found - exact) <= error * np.abs(x).T @ np.abs(x) + 2.0**-20).all()
    assert np.linalg.eigvalsh(found)[0] > 0


def test_labels_and_padding_count_for_nothing(small):
    _, shape = small
    features, weights = np.array([[3000, -4000], [5, 6]]), (1 << 20, 5, -(1 << 19))
    exact = InformationShape(2, 2, FEATURES, shape.family)
    one = about("information", exact, features, [1, 0], weights)
    more = about("information", shape, features, [0, 0], weights)
    assert one.tally() == more.tally()
    assert more.tally().rows == 2


def test_the_rows_are_those_of_the_step_with_the_same_salt(small):
    """One data commitment for both: a node registers its rows once."""
    _, shape = small
    said = statement(shape)
    step = StepShape(shape.rows, shape.features, shape.format, shape.family)
    both = StepStatement(step, said.context, said.weights, said.data, said.salt)
    assert both.public[:2] == said.public[:2]
    assert both.public[2] != said.public[2]


@pytest.mark.slow
def test_every_wire_is_determined_by_the_inputs(small):
    circuit, shape = small
    witness = calculate_witness(circuit, statement(shape).circuit_inputs())
    assert undetected_changes(circuit, witness) == []
    assert free_wires(circuit, witness) == []


def test_the_liars_side_is_the_honest_one_where_it_tells_the_truth(smallest):
    circuit, shape = smallest
    witness = calculate_witness(circuit, (said := statement(shape)).circuit_inputs())
    other = small_x(INFORMATION, said.opening.items, 1)
    made = committed(circuit, INFORMATION, other, widths(shape, len(shape.pairs))) | {"main.blinding": other.blinding}
    assert all_violated(circuit, with_signals(circuit, witness.values, made)) == []


@pytest.mark.slow
@pytest.mark.parametrize("change", [1, -1, 1 << 20])
@pytest.mark.parametrize("pair", range(3))
def test_a_rounded_sum_that_is_off_is_refused_by_the_rest_alone(smallest, pair, change):
    circuit, shape = smallest
    said = statement(shape)
    witness = calculate_witness(circuit, said.circuit_inputs())
    items = list(said.opening.items)
    items[pair] += change
    forged = small_x(INFORMATION, tuple(items), 1)
    dropped = shape.dropped_bits(shape.pairs[pair])
    made = committed(circuit, INFORMATION, forged, widths(shape, len(shape.pairs))) | {"main.blinding": forged.blinding}
    made[f"main.rounded[{pair}].out"] = items[pair]
    if dropped > 0:
        check = check_in(circuit, f"main.rounded[{pair}]", dropped)
        honest = sum(witness.signal(f"{check}.digit[{k}]") << (2 * k) for k in range(dropped // 2))
        made |= check_signals(check, (honest - change * (1 << dropped)) % FIELD_ORDER, dropped)
        (failed,) = all_violated(circuit, with_signals(circuit, witness.values, made))
        assert any(name.startswith(f"{check}.digit[") for name in failed)
    else:  # nothing is rounded: the sum itself is another one
        (failed,) = all_violated(circuit, with_signals(circuit, witness.values, made))
        assert f"main.point.items[{pair}]" in failed or f"main.rounded[{pair}].out" in failed


def test_rows_cannot_be_more_than_are_committed(smallest):
    circuit, shape = smallest
    said = statement(shape)
    witness = calculate_witness(circuit, said.circuit_inputs())
    forged = small_x(INFORMATION, said.opening.items, 2)
    made = committed(circuit, INFORMATION, forged, widths(shape, len(shape.pairs))) | {"main.blinding": forged.blinding}
    assert all_violated(circuit, with_signals(circuit, witness.values, made)) != []


@pytest.mark.parametrize("x", [0, 1])
def test_the_sign_that_is_free_where_z_rounds_to_zero_changes_nothing(smallest_logistic, x):
    """T is 0 under both signs, and the variance does not use the sign."""
    circuit, shape = smallest_logistic
    said = about("information", shape, [x], [1], (1, 0))
    witness = calculate_witness(circuit, said.circuit_inputs())
    parent = magnitude_component(circuit)
    dropped = sigmoid.dropped_bits(shape.z_frac_bits)
    magnitude = (1 << (dropped - 1)) - 1 - sigmoid.UNIT_DIVISOR * x
    made = {sign_of(circuit): -1, f"{parent}.magnitude": magnitude, f"{parent}.dropped": magnitude}
    made |= check_signals(check_in(circuit, parent, dropped), magnitude, dropped)
    forged = with_signals(circuit, witness.values, made)
    assert all_violated(circuit, forged) == []
    assert forged.public == list(said.public)
    assert list(forged.values) != list(witness.values)


def test_the_other_sign_is_refused_where_it_would_matter_even_when_all_that_follows_is_adjusted(smallest_logistic):
    circuit, shape = smallest_logistic
    said = about("information", shape, [1], [1], (0, 2 << 20))
    witness = calculate_witness(circuit, said.circuit_inputs())
    parent = magnitude_component(circuit)
    dropped = sigmoid.dropped_bits(shape.z_frac_bits)
    z = 2 << shape.z_frac_bits
    magnitude = (-sigmoid.UNIT_DIVISOR * z + (1 << (dropped - 1)) - 1) % FIELD_ORDER
    low, T = magnitude & ((1 << dropped) - 1), magnitude >> dropped & 0xFFFF
    made = {sign_of(circuit): -1, f"{parent}.magnitude": magnitude, f"{parent}.dropped": low}
    made |= {f"{parent.rsplit('.', 1)[0]}.T": T, f"{parent}.overflow": magnitude >> (dropped + 16)}
    assert all_violated(circuit, with_signals(circuit, witness.values, made)) != []


def sign_of(circuit):
    (found,) = (n for n, wire in circuit.load_symbols().wire_of.items() if n.endswith(".sign") and wire >= 0)
    return found


def magnitude_component(circuit):
    names = circuit.load_symbols().wire_of
    (found,) = {name.rsplit(".", 1)[0] for name in names if name.endswith(".magnitude")}
    return found


def test_beyond_the_end_of_the_table_a_row_counts_and_adds_nothing(smallest_logistic):
    circuit, shape = smallest_logistic
    dropped = sigmoid.dropped_bits(shape.z_frac_bits)
    end = ((1 << (sigmoid.INPUT_BITS + dropped)) - (1 << (dropped - 1))) // sigmoid.UNIT_DIVISOR  # the last z inside
    for weight, none in ((end >> 12, False), ((end >> 12) + 1, True)):
        for sign in (1, -1):
            said = about("information", shape, [1], [1], (0, sign * weight))
            assert calculate_witness(circuit, said.circuit_inputs()).public == list(said.public)
            assert (said.tally().items == (0, 0, 0)) is none
            assert said.tally().rows == 1


@pytest.mark.slow
def test_edges_of_every_input_range(small):
    circuit, shape = small
    honest = statement(shape).circuit_inputs()

    def changed(name, path, value):
        inputs = {key: np.array(entry, dtype=object) for key, entry in honest.items()}
        inputs[name][path] = value
        return {key: entry.tolist() for key, entry in inputs.items()}

    for name, path, last in (("cells", (0, 1), 2**16 - 1), ("weights", (1,), 2**32 - 1)):
        for inside in (0, last):
            with_some_blinding(circuit, changed(name, path, inside))
        for outside in (-1 % FIELD_ORDER, last + 1):
            with pytest.raises(WitnessError, match="RangeCheck"):
                calculate_witness(circuit, changed(name, path, outside))
    of_family = [-1 % FIELD_ORDER] if shape.family is Family.GAUSSIAN else []
    for label in (2, -2 % FIELD_ORDER, FIELD_ORDER // 2, *of_family):
        with pytest.raises(WitnessError, match="Rows"):
            calculate_witness(circuit, changed("marks", (0,), label))


def test_a_padding_row_with_content_is_refused(small):
    circuit, shape = small
    for column in range(shape.columns):
        inputs = statement(shape).circuit_inputs()
        inputs["cells"][shape.rows - 1][column] += 1
        with pytest.raises(WitnessError, match="Rows"):
            calculate_witness(circuit, inputs)


@pytest.mark.parametrize("name", [n for n, i in instances().items() if i.template == "Information"])
def test_bound_table_holds_for_every_listed_instance(name):
    shape = InformationShape.from_parameters(instances()[name].parameters)
    assert all(bound.magnitude < bound.limit for bound in shape.bounds())
    # a sum over 2^20 such updates keeps to its lane
    assert shape.most_updates >= 1 << (10 if shape.noise else 20)


@pytest.mark.parametrize("rows", [1, 1023, 1024])
def test_a_sum_of_very_many_updates_keeps_to_its_lane_and_larger_instances_are_refused(family, rows):
    sizes = {"ROWS": rows, "FEATURES": 3, "X_BITS": 16, "X_FRAC": 12, "FAMILY": family.number, "NOISE": 0}
    if rows > 1023:
        with pytest.raises(BoundError, match="rows can reach"):
            InformationShape.from_parameters(sizes)
        return
    shape = InformationShape.from_parameters(sizes)
    largest = next(bound.magnitude for bound in shape.bounds() if bound.name == "rounded sum")
    assert largest << 20 < 1 << (INFORMATION.lane_bits - 1)


def test_private_values_do_not_appear_in_a_repr():
    said = statement(InformationShape(4, 2, FEATURES))
    shown = repr(said) + repr(said.data) + repr(said.opening) + repr(said.tally())
    assert "salt" not in shown
    assert "features=((" not in shown
    for item in said.opening.items:
        assert str(item) not in shown
