"""What every instance costs: a change of a circuit shows here. PLONK gates as snarkjs counts them, circom --O1."""

import pytest

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.instances import instances
from twopm_zk.numbers import pedersen
from twopm_zk.statements import InformationShape, StepShape
from twopm_zk.statements.step import MAX_ROWS

pytestmark = pytest.mark.circuit

FIGURES = {
    "step-48x3": (11_282, 16_373, 14),
    "step-119x3": (23_184, 32_663, 15),
    "step-549x3": (94_716, 130_919, 17),
    "step-1023x3": (173_842, 239_378, 18),
    "step-52x8": (22_354, 32_305, 15),
    "step-270x8": (93_448, 130_760, 17),
    "step-560x8": (187_720, 261_408, 18),
    "step-23x16": (21_632, 32_405, 15),
    "step-145x16": (92_256, 130_902, 17),
    "step-307x16": (186_264, 261_813, 18),
    "step-75x30": (90_510, 130_204, 17),
    "step-167x30": (184_430, 261_351, 18),
    "step-103x3-wide": (22_912, 32_573, 15),
    "information-48x3": (13_206, 19_391, 15),
    "information-119x3": (25_794, 36_769, 16),
    "information-549x3": (101_722, 142_097, 18),
    "information-1023x3": (185_588, 258_140, 18),
    "information-52x8": (33_908, 51_557, 16),
    "information-270x8": (113_884, 166_904, 18),
    "information-560x8": (220_026, 320_132, 19),
    "information-23x16": (60_608, 96_705, 17),
    "information-145x16": (150_046, 232_342, 18),
    "information-75x30": (252_277, 407_440, 19),
    "information-103x3-wide": (25_406, 36_489, 16),
    "aggregate-3": (6_641, 10_023, 14),
    "aggregate-8": (12_285, 18_544, 15),
    "aggregate-16": (23_773, 36_118, 16),
    "aggregate-30": (55_670, 83_314, 17),
    "certify-3": (5_165, 8_181, 13),
    "certify-8": (8_217, 13_160, 14),
    "certify-16": (12_483, 20_475, 15),
    "certify-30": (20_324, 33_662, 16),
    "predict-3": (1_386, 1_822, 11),
    "predict-8": (2_079, 2_707, 12),
    "predict-16": (2_651, 3_643, 12),
    "predict-30": (3_886, 5_365, 13),
}
"""Constraints, gates, and the power of the domain."""
MARK = {name: pytest.mark.slow for name, figures in FIGURES.items() if figures[1] > 40_000}


def test_every_instance_has_its_figures():
    assert FIGURES.keys() == instances().keys()


@pytest.mark.parametrize("name", [pytest.param(name, marks=MARK.get(name, ())) for name in FIGURES])
def test_constraints_and_gates_are_the_committed_ones(name):
    circuit = compile_circuit(instances()[name])
    assert (circuit.constraints, circuit.gates, circuit.power) == FIGURES[name]


@pytest.mark.parametrize("name", [name for name in FIGURES if name.startswith("step")])
def test_a_step_fills_its_domain(name):
    """But for the largest of few features, whose updates have as many rows as any may have."""
    _, gates, power = FIGURES[name]
    assert gates <= 1 << power
    assert gates >= 0.98 * (1 << power) or instances()[name].parameters["ROWS"] == MAX_ROWS


def test_targets():
    assert FIGURES["aggregate-3"][1] <= 16_384
    of_2_to_15 = [name for name, figures in FIGURES.items() if name.endswith("x3") and figures[2] == 15]
    assert max(instances()[name].parameters["ROWS"] for name in of_2_to_15) >= 112


@pytest.mark.parametrize("name", [n for n in FIGURES if n.startswith(("step", "information")) and n not in MARK])
def test_a_commitment_has_the_digits_that_the_twin_allows_for(name):
    instance = instances()[name]
    kind = StepShape if instance.template == "Step" else InformationShape
    shape = kind.from_parameters(instance.parameters)
    sums = len(shape.pairs) if isinstance(shape, InformationShape) else shape.weights
    expected = sums * shape.digits + pedersen.digits_for(shape.rows) + pedersen.BLINDING_DIGITS
    wires = compile_circuit(instance).load_symbols().wire_of
    assert sum(wire.startswith("main.point.point.digit[") for wire in wires) == expected
