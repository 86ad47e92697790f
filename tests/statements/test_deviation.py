"""Deviation of lib/family.circom: both edges of z - y pass, and one step outside has no digits, whoever proves it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.drawn_rows import edge_or_any
from support.liar import all_violated, mended, with_signals
from support.row_circuits import KINDS, about, row_circuit
from support.soundness import free_wires, undetected_changes

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.instances import Instance
from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.errors import RangeError, WitnessError
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.fixed_point import FEATURES, WEIGHTS, from_field
from twopm_zk.numbers.pedersen import Opening
from twopm_zk.statements import DISPERSION, Collection, Family, StepShape, StepStatement

pytestmark = pytest.mark.circuit

Z_FRAC = FEATURES.frac_bits + WEIGHTS.frac_bits
END = DISPERSION << Z_FRAC
EDGES = (-END, END - 1)
OUTSIDE = (-END - 1, END)


@pytest.fixture(scope="module")
def circuit():
    sizes = {"X_BITS": FEATURES.bits, "X_FRAC": FEATURES.frac_bits}
    return compile_circuit(Instance("deviation-test", "lib/family.circom", "Deviation", sizes))


def inputs(difference, label, active=1):
    z = difference + (label << WEIGHTS.frac_bits)
    return {"z": z % FIELD_ORDER, "label": FEATURES.biased(label), "active": active}


@pytest.mark.slow
@given(difference=edge_or_any(*EDGES), label=edge_or_any(-FEATURES.bias, FEATURES.bias - 1), active=st.integers(0, 1))
def test_it_is_z_less_the_label_and_none_in_a_padding_row(circuit, difference, label, active):
    (out,) = calculate_witness(circuit, inputs(difference, label, active)).public
    assert from_field(out) == difference * active


@pytest.mark.parametrize("label", [-FEATURES.bias, 0, FEATURES.bias - 1])
@pytest.mark.parametrize("difference", OUTSIDE)
def test_one_step_outside_is_refused_by_its_digits_alone(circuit, difference, label):
    with pytest.raises(WitnessError, match="RangeCheck"):
        calculate_witness(circuit, inputs(difference, label))
    edge = min(EDGES, key=lambda value: abs(value - difference))
    honest = calculate_witness(circuit, inputs(edge, label))
    made = {"main.z": inputs(difference, label)["z"], "main.out": difference}
    (failed,) = all_violated(circuit, mended(circuit, with_signals(circuit, honest.values, made)))
    assert any("RangeCheck" in name and ("digit[" in name or name.endswith(".top")) for name in failed)


def test_every_wire_is_determined_by_the_inputs(circuit):
    for difference in (*EDGES, 0, 12345):
        witness = calculate_witness(circuit, inputs(difference, -7))
        assert undetected_changes(circuit, witness) == []
        assert free_wires(circuit, witness) == []


def edge_statement(kind, shape, difference):
    """One row with a label of 0 whose z is so much: the intercept moves by 2^12, the feature by 1."""
    intercept, rest = difference >> FEATURES.frac_bits, difference % FEATURES.one
    return about(kind, shape, [[rest]], [0], (1, intercept))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["step", "evaluate"])
@pytest.mark.parametrize("difference", [*EDGES, *OUTSIDE])
def test_statements_take_both_edges_and_refuse_one_step_outside(kind, difference):
    circuit, shape = row_circuit(kind, 1, 1, family=Family.GAUSSIAN)
    said = edge_statement(kind, shape, difference)
    if difference in EDGES:
        witness = calculate_witness(circuit, said.circuit_inputs())
        assert witness.public == list(said.public)
        assert from_field(witness.signal("main.z[0]")) == difference
        return
    with pytest.raises(RangeError, match="row 1 of a batch is 64 or more"):
        said.tally()
    collection = {"step": Collection.GRADIENT, "evaluate": Collection.EVALUATION}[kind]
    unit, sums = collection.unit(Family.GAUSSIAN), collection.sums(2, Family.GAUSSIAN)
    chosen = Opening(unit, (0,) * sums, 1, 1)
    skipped = KINDS[kind][2](said.shape, 0, said.weights, said.data, 5, chosen)
    with pytest.raises(WitnessError, match="Deviation"):
        calculate_witness(circuit, skipped.circuit_inputs())


def test_information_does_not_look_at_labels_nor_at_what_they_differ_by():
    circuit, shape = row_circuit("information", 1, 1, family=Family.GAUSSIAN)
    said = edge_statement("information", shape, OUTSIDE[1])
    assert calculate_witness(circuit, said.circuit_inputs()).public == list(said.public)


def test_a_label_outside_its_format_is_refused_in_words():
    shape = StepShape(2, 1, FEATURES, Family.GAUSSIAN)
    for label in (-FEATURES.bias, FEATURES.bias - 1):
        about("step", shape, [[0], [0]], [0, label], (0, 0)).tally()
    for label in (-FEATURES.bias - 1, FEATURES.bias):
        with pytest.raises(RangeError, match="the label of row 2 of a batch does not fit 16 signed bits"):
            about("step", shape, [[0], [0]], [0, label], (0, 0)).tally()


@pytest.mark.parametrize("features", [1, 2])
def test_a_data_commitment_of_one_family_is_never_one_of_the_other(features):
    """Not even where cells and marks are the same: a label that is a cell, or one more feature."""
    numbers = StepShape(2, features, FEATURES, Family.GAUSSIAN)
    classes = StepShape(2, features + 1, FEATURES)
    cells = np.arange(2 * features).reshape(2, features)
    gaussian = about("step", numbers, cells, [5, -6], (0,) * (features + 1))
    logistic = about("step", classes, np.hstack([cells, [[5], [-6]]]), [0, 0], (0,) * (features + 2))
    assert (gaussian.data.cells, gaussian.data.marks) == (logistic.data.cells, logistic.data.marks)
    assert gaussian.public[1] != logistic.public[1]
    fewer = StepShape(2, features, FEATURES)
    same = StepStatement(
        fewer, 0, (0,) * (features + 1), about("step", fewer, cells, [0, 0], (0,) * (features + 1)).data, 5
    )
    assert same.public[1] != gaussian.public[1]
