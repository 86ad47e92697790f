"""The prediction circuit of both families: equal to its twin, near the real expectation, and refusing a liar."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.liar import all_violated, mended, with_signals
from support.soundness import free_wires, undetected_changes

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.instances import Instance
from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.errors import InputError, RangeError, WitnessError
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.fixed_point import FEATURES, WEIGHTS
from twopm_zk.statements import Family, PredictShape, PredictStatement

pytestmark = pytest.mark.circuit

WEIGHTS_NOW = (3 << 20, -5, 7 << 18)
HALF_UNIT = 1 << (FEATURES.frac_bits + WEIGHTS.frac_bits - 17)
"""Half a unit of a prediction, in units of z."""
FIRST, LAST = -(1 << 47) - HALF_UNIT, (1 << 47) - HALF_UNIT - 1
"""The smallest and the largest z that round, half up, to a label in [-2^15, 2^15)."""


@pytest.fixture(scope="module", params=list(Family), ids=lambda family: family.name.lower())
def family(request):
    return request.param


def predict_circuit(family, bits=16, frac_bits=12):
    sizes = {"FEATURES": 2, "X_BITS": bits, "X_FRAC": frac_bits, "FAMILY": family.number}
    instance = Instance(f"predict-test-{bits}-{family}", "predict.circom", "Predict", sizes)
    return compile_circuit(instance), PredictShape.from_parameters(sizes)


def accepts(circuit, said):
    return calculate_witness(circuit, said.circuit_inputs()).public == list(said.public)


@pytest.mark.slow
@pytest.mark.parametrize("bits", [16, 20])
@settings(max_examples=25)
@given(data=st.data())
def test_it_equals_its_twin_and_is_near_the_real_expectation(family, bits, data):
    circuit, shape = predict_circuit(family, bits, bits - 4)
    format = shape.format
    x = st.integers(-format.bias, format.bias - 1)
    w = st.one_of(st.integers(-WEIGHTS.bias, WEIGHTS.bias - 1), st.integers(-(1 << 20), 1 << 20))
    weights, features = data.draw(st.tuples(w, w, w)), data.draw(st.tuples(x, x))
    said = PredictStatement(shape, data.draw(st.integers(0, FIELD_ORDER - 1)), weights, features)
    row = np.array([*said.features, format.one]) / format.one
    z = float(row @ (np.array(said.weights) / WEIGHTS.one))
    if family is Family.GAUSSIAN:
        assume(abs(z) < (1 << 15) - 1)
        assert shape.real(said.prediction) == pytest.approx(z, abs=2.0**-17 + 1e-9)
    else:
        assert shape.real(said.prediction) == pytest.approx(1 / (1 + np.exp(-np.clip(z, -700, 700))), abs=6e-5)
        assert 0 <= said.prediction <= 1 << 16
    assert accepts(circuit, said)


@pytest.mark.parametrize("z", [FIRST, LAST, 0, HALF_UNIT, HALF_UNIT - 1, -HALF_UNIT, -HALF_UNIT - 1])
def test_labels_are_rounded_half_up_from_one_end_to_the_other(z):
    circuit, shape = predict_circuit(Family.GAUSSIAN)
    said = of_z(shape, z)
    assert said.prediction == (z + HALF_UNIT) // (2 * HALF_UNIT) + (1 << 31)
    assert accepts(circuit, said)


def of_z(shape, z):
    """A prediction with this z: large weights and features bring it near, the first feature has its lowest bits."""
    if abs(z) < 1 << 40:
        weights, features = (1, 0, z >> 12), (z % (1 << 12), 0)
    else:
        weight = (1 - WEIGHTS.bias) if z > 0 else (WEIGHTS.bias - 1)  # 1 or -1 modulo 2^12
        features = (abs(z) % (1 << 12) - shape.format.bias, -shape.format.bias)
        weights = (weight, weight, (z - weight * sum(features)) >> 12)
    assert sum(a * b for a, b in zip((*features, shape.format.one), weights, strict=True)) == z
    return PredictStatement(shape, 5, weights, features, 7)


@pytest.mark.parametrize("z", [FIRST - 1, LAST + 1])
def test_a_label_outside_of_what_a_prediction_holds_is_refused(z):
    circuit, shape = predict_circuit(Family.GAUSSIAN)
    said = of_z(shape, z)
    with pytest.raises(RangeError, match="expect more of this input than a prediction holds"):
        said.public  # noqa: B018
    with pytest.raises(WitnessError, match="RangeCheck"):
        calculate_witness(circuit, said.circuit_inputs())


def test_every_wire_is_determined_by_the_inputs(family):
    circuit, shape = predict_circuit(family)
    said = PredictStatement(shape, 5, WEIGHTS_NOW, (4096, -9000), 1)
    witness = calculate_witness(circuit, said.circuit_inputs())
    assert undetected_changes(circuit, witness) == []
    assert free_wires(circuit, witness) == []


@pytest.mark.parametrize("change", [1, -1, 1 << 10])
def test_another_prediction_is_refused_by_the_rest_alone(family, change):
    circuit, shape = predict_circuit(family)
    said = PredictStatement(shape, 5, WEIGHTS_NOW, (4096, -9000), 1)
    witness = calculate_witness(circuit, said.circuit_inputs())
    made = {"main.prediction": said.prediction + change}
    if family is Family.GAUSSIAN:
        made["main.nearest"] = said.prediction + change - (1 << 31)
    (failed,) = all_violated(circuit, mended(circuit, with_signals(circuit, witness.values, made)))
    assert any("RoundHalfUp" in name and "RangeCheck" in name for name in failed)


@pytest.mark.parametrize("outside", [-1, 1 << 16])
def test_a_feature_outside_its_format_is_refused(family, outside):
    circuit, shape = predict_circuit(family)
    honest = PredictStatement(shape, 5, WEIGHTS_NOW, (4096, -9000), 1).circuit_inputs()
    with pytest.raises(WitnessError, match="RangeCheck"):
        calculate_witness(circuit, honest | {"features": [outside % FIELD_ORDER, 5]})


def test_an_input_commitment_of_one_family_is_never_one_of_the_other():
    both = [PredictStatement(PredictShape(2, FEATURES, f), 5, (0, 0, 0), (1, 2), 3).public[1] for f in Family]
    assert both[0] != both[1]


def test_a_prediction_of_another_size_than_its_shape_is_refused():
    with pytest.raises(InputError, match="3 features and 3 weights for a prediction of 2 features"):
        PredictStatement(PredictShape(2, FEATURES), 5, (0, 0, 0), (1, 2, 3))
