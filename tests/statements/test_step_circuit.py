"""The step circuit: equal to its twin, and refusing what a liar would try."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.soundness import free_wires, undetected_changes

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.instances import Instance, instances
from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.errors import CircuitTooLargeError, DataError, InputError, WitnessError
from twopm_zk.numbers import sigmoid
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.fixed_point import FEATURES, WEIGHTS, Format
from twopm_zk.statements import Rows, StepShape, StepStatement, Update, gradient_step

pytestmark = pytest.mark.circuit

SHAPES = {(1, 1, 16, 12): None, (4, 2, 16, 12): None, (13, 3, 16, 12): None, (3, 2, 20, 16): None}


def step_circuit(rows, features, bits=16, frac_bits=12):
    parameters = {"ROWS": rows, "FEATURES": features, "X_BITS": bits, "X_FRAC": frac_bits}
    instance = Instance(f"step-test-{rows}x{features}-{bits}", "step.circom", "Step", parameters)
    return compile_circuit(instance), StepShape.from_parameters(parameters)


@pytest.fixture(scope="module")
def small():
    return step_circuit(4, 2)


def statement(shape, *, rows=None, weights=None, seed=0):
    rng = np.random.default_rng(seed)
    count = shape.rows - 1 if rows is None else rows
    features = rng.integers(-shape.format.bias, shape.format.bias, (count, shape.features))
    labels = rng.integers(0, 2, count).tolist()
    if weights is None:
        weights = tuple(int(w) for w in rng.integers(-(1 << 21), 1 << 21, shape.features + 1))
    return StepStatement(shape, 77, weights, Rows.padded(shape, features, labels), salt=5, blinding=6)


def edge_or_any(low, high):
    return st.one_of(st.sampled_from([low, low + 1, -1, 0, 1, high - 1, high]), st.integers(low, high))


@pytest.mark.parametrize("sizes", SHAPES)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_circuit_equals_twin(sizes, data):
    circuit, shape = step_circuit(*sizes)
    count = data.draw(st.integers(1, shape.rows))
    feature = edge_or_any(-shape.format.bias, shape.format.bias - 1)
    rows = data.draw(
        st.lists(st.lists(feature, min_size=shape.features, max_size=shape.features), min_size=count, max_size=count)
    )
    labels = data.draw(st.lists(st.integers(0, 1), min_size=count, max_size=count))
    weight = st.one_of(edge_or_any(-WEIGHTS.bias, WEIGHTS.bias - 1), st.integers(-(1 << 21), 1 << 21))
    weights = tuple(data.draw(st.lists(weight, min_size=shape.features + 1, max_size=shape.features + 1)))
    scalar = st.integers(0, FIELD_ORDER - 1)
    said = StepStatement(
        shape,
        data.draw(scalar),
        weights,
        Rows.padded(shape, np.array(rows), labels),
        salt=data.draw(scalar),
        blinding=data.draw(scalar),
    )
    assert calculate_witness(circuit, said.circuit_inputs()).public == list(said.public)


def test_twin_is_near_the_floating_point_gradient():
    shape = StepShape(64, 3, FEATURES)
    said = statement(shape, rows=50)
    x = np.array([row[:3] for row in said.data.features[:50]]) / FEATURES.one
    x = np.hstack([x, np.ones((50, 1))])
    y = np.array([(1 - label) // 2 for label in said.data.marks[:50]])
    exact = x.T @ (1 / (1 + np.exp(-x @ (np.array(said.weights) / WEIGHTS.one))) - y)
    allowed = np.abs(x).sum(axis=0) * sigmoid.MAX_ERROR
    assert (np.abs(said.update.real(shape) - exact) <= allowed).all()


@given(data=st.data())
def test_updates_of_any_split_of_the_rows_add_up_exactly(data):
    shape = StepShape(12, 2, FEATURES)
    whole = statement(shape, rows=12, seed=data.draw(st.integers(0, 1000)))
    owner = data.draw(st.lists(st.integers(0, 2), min_size=12, max_size=12))
    total = Update(0, (0, 0, 0))
    for k in range(3):
        mine = [i for i in range(12) if owner[i] == k]
        part = Rows(tuple(whole.data.features[i] for i in mine), tuple(whole.data.marks[i] for i in mine))
        total += gradient_step(shape, whole.weights, part)
    assert total == whole.update


def test_every_wire_is_determined_by_the_inputs(small):
    circuit, shape = small
    witness = calculate_witness(circuit, statement(shape).circuit_inputs())
    # the sign of an active row with T = 0 would be free; such rows have their own test below
    assert undetected_changes(circuit, witness) == []
    assert free_wires(circuit, witness) == []


SIGNALS = [
    "main.sigmoid[0].sign",
    "main.sigmoid[0].dropped",
    "main.sigmoid[0].T",
    "main.sigmoid[0].overflow",
    "main.sigmoid[0].out",
    "main.residual[0]",
    "main.rows.active[0]",
    "main.rows.active[3]",
    "main.rows.count",
    "main.z[1]",
    "main.term[2][1]",
    "main.moment[2][0]",
    "main.modelCommitment",
    "main.dataCommitment",
    "main.updateCommitment",
]


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_forged_signal_is_refused(small, signal):
    circuit, shape = small
    witness = calculate_witness(circuit, statement(shape).circuit_inputs())
    honest = witness.signal(signal)
    for forged in (honest + 1, honest - 1, -honest, 0, 1):
        if (forged - honest) % FIELD_ORDER:
            assert not circuit.accepts(witness.replace(signal, forged))


def forge(witness, changes):
    for signal, value in changes.items():
        witness = witness.replace(signal, value)
    return witness


def test_the_other_sign_is_refused_where_it_would_matter_even_when_all_that_follows_is_adjusted(small):
    circuit, shape = small
    weights = (0, 0, 2 << 20)  # z = 2 for every row
    witness = calculate_witness(circuit, statement(shape, weights=weights).circuit_inputs())
    dropped = sigmoid.dropped_bits(shape.z_frac_bits)
    offset = (1 << (dropped - 1)) - 1
    magnitude = (-sigmoid.UNIT_DIVISOR * witness.signal("main.z[0]") + offset) % FIELD_ORDER
    forged = forge(
        witness,
        {
            "main.sigmoid[0].sign": -1,
            "main.sigmoid[0].magnitude": magnitude,
            "main.sigmoid[0].dropped": magnitude & ((1 << dropped) - 1),
            "main.sigmoid[0].T": magnitude >> dropped & 0xFFFF,
            "main.sigmoid[0].overflow": magnitude >> (dropped + 16),
        },
    )
    assert not circuit.accepts(forged)


@pytest.mark.parametrize("z_over", [0, 1])
def test_either_sign_gives_the_same_update_where_z_rounds_to_zero_and_only_there(z_over):
    # sign is free while UNIT_DIVISOR |z| <= 2^(D-1) - 1: the largest such z accepts both, the next one only its own
    circuit, shape = step_circuit(1, 1)
    dropped = sigmoid.dropped_bits(shape.z_frac_bits)
    offset = (1 << (dropped - 1)) - 1
    z = offset // sigmoid.UNIT_DIVISOR + z_over
    x = next(k for k in range(1, 2000) if z % k == 0 and z // k < WEIGHTS.bias)
    rows = Rows.padded(shape, np.array([[x]]), [1])
    said = StepStatement(shape, 0, (z // x, 0), rows)
    witness = calculate_witness(circuit, said.circuit_inputs())
    assert witness.signal("main.z[0]") == z
    magnitude = offset - sigmoid.UNIT_DIVISOR * z
    changes = {"main.sigmoid[0].sign": -1, "main.sigmoid[0].magnitude": magnitude}
    if magnitude < 0:
        assert not circuit.accepts(forge(witness, changes))
        return
    changes["main.sigmoid[0].dropped"] = magnitude
    changes |= digit_changes(circuit, witness, "dropped", magnitude, dropped)
    forged = forge(witness, changes)
    assert circuit.accepts(forged)
    assert forged.public == list(said.public)


def digit_changes(circuit, witness, name, value, bits):
    """Signals of the range check of ``name`` for another value."""
    prefix = next(
        signal.rsplit(".", 1)[0]
        for signal, wire in circuit.load_symbols().wire_of.items()
        if signal.startswith("main.sigmoid[0].RangeCheck") and signal.endswith(f".digit[{bits // 2 - 1}]")
    )
    changes = {}
    for i in range(bits // 2):
        digit = value >> (2 * i) & 3
        changes[f"{prefix}.digit[{i}]"] = digit
        changes[f"{prefix}.product[{i}]"] = digit * (digit - 3)
    if bits % 2:
        changes[f"{prefix}.top"] = value >> (bits - 1) & 1
    return changes


def test_edges_of_every_input_range(small):
    circuit, shape = small
    honest = statement(shape).circuit_inputs()

    def changed(name, path, value):
        inputs = {key: np.array(entry, dtype=object) for key, entry in honest.items()}
        inputs[name][path] = value
        return {key: entry.tolist() for key, entry in inputs.items()}

    for name, path, last in (("features", (0, 1), 2**16 - 1), ("weights", (1,), 2**32 - 1)):
        for inside in (0, last):
            calculate_witness(circuit, changed(name, path, inside))
        for outside in (-1 % FIELD_ORDER, last + 1):
            with pytest.raises(WitnessError, match="RangeCheck"):
                calculate_witness(circuit, changed(name, path, outside))
    for label in (0, 1, -1 % FIELD_ORDER):
        if label:
            calculate_witness(circuit, changed("labels", (0,), label))
    for label in (2, -2 % FIELD_ORDER, FIELD_ORDER // 2):
        with pytest.raises(WitnessError, match="Rows"):
            calculate_witness(circuit, changed("labels", (0,), label))


def test_a_padding_row_with_content_is_refused(small):
    # else one set of rows would have many commitments under one salt
    circuit, shape = small
    inputs = statement(shape).circuit_inputs()
    inputs["features"][shape.rows - 1][0] += 1
    with pytest.raises(WitnessError, match="Rows"):
        calculate_witness(circuit, inputs)


def test_a_padding_row_counts_for_nothing(small):
    _, shape = small
    one, more = StepShape(1, 2, FEATURES), shape
    features, labels = np.array([[3, -4]]), [1]
    weights = (1 << 20, 5, -(1 << 19))
    assert gradient_step(one, weights, Rows.padded(one, features, labels)) == gradient_step(
        more, weights, Rows.padded(more, features, labels)
    )
    assert Rows.padded(more, features, labels).count == 1


def test_saturated_z_is_accepted_up_to_the_largest_possible(small):
    circuit, shape = small
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
        gradient_step(shape, (0, 0, 0, 0), Rows.padded(shape, np.zeros((1, 2), dtype=int), [0]))


def test_private_values_do_not_appear_in_a_repr():
    said = statement(StepShape(4, 2, FEATURES))
    shown = repr(said) + repr(said.data) + repr(said.update)
    assert "salt" not in shown
    assert "features=((" not in shown
    assert str(said.update.gradient[0]) not in shown


@pytest.mark.parametrize("name", [n for n, i in instances().items() if i.template == "Step"])
def test_bound_table_holds_for_every_listed_instance(name):
    shape = StepShape.from_parameters(instances()[name].parameters)
    assert all(bound.magnitude < bound.limit for bound in shape.bounds())


def test_bound_table_would_refuse_a_circuit_that_wraps_around():
    from twopm_zk.errors import BoundError

    with pytest.raises(BoundError, match="gradient component can reach"):
        StepShape.from_parameters({"ROWS": 1 << 60, "FEATURES": 3, "X_BITS": 24, "X_FRAC": 12})


def test_a_step_whose_updates_a_rounds_sum_could_not_hold_is_refused():
    """Its updates open in every aggregate of the same X_FRAC, whose products they could carry around the field."""
    from twopm_zk.errors import BoundError
    from twopm_zk.statements.rounds import MAX_ROWS, MAX_UPDATES, RoundShape

    sizes = {"ROWS": MAX_ROWS, "FEATURES": 3, "X_FRAC": 12}
    total = next(b for b in RoundShape(4, 3, 12).bounds() if b.name == "sum of updates").magnitude
    assert MAX_UPDATES * StepShape.from_parameters({**sizes, "X_BITS": 16}).max_gradient() <= total
    with pytest.raises(BoundError, match="feature can reach"):
        StepShape.from_parameters({**sizes, "X_BITS": 17})


@pytest.mark.parametrize(("name", "limit"), [("step-32x3", 16_384), ("step-128x3", 32_768)])
def test_gates_stay_within_the_promised_domain(name, limit):
    assert compile_circuit(instances()[name]).gates <= limit


def test_wide_format_holds_what_the_default_one_does_not():
    assert Format(20, 16).holds(FEATURES.bias)
