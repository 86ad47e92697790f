"""lib/rounding.circom: equal to its twin over its whole range, and no other quotient or rest is accepted."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.soundness import free_wires, undetected_changes

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.errors import WitnessError
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.fixed_point import from_field, round_half_up

pytestmark = pytest.mark.circuit

CIRCUITS = Path(__file__).parents[1] / "circuits"
SMALLEST, LARGEST = -(1 << 15) - 128, (1 << 15) - 129
"""What rounds to 8 signed bits."""


@pytest.fixture(scope="module")
def rounding():
    return compile_circuit(CIRCUITS / "rounding.circom")


@pytest.mark.slow
@given(value=st.one_of(st.sampled_from([-128, -127, -1, 0, 127, 128, 383, 384]), st.integers(SMALLEST, LARGEST)))
def test_rounding_equals_its_twin(rounding, value):
    (out,) = calculate_witness(rounding, {"in": value % FIELD_ORDER}).public
    assert from_field(out) == round_half_up(value, dropped=8)


@pytest.mark.parametrize("value", [SMALLEST, LARGEST])
def test_both_edges_pass_and_one_step_outside_fails(rounding, value):
    calculate_witness(rounding, {"in": value % FIELD_ORDER})
    outside = value + 1 if value == LARGEST else value - 1
    with pytest.raises(WitnessError, match="RangeCheck"):
        calculate_witness(rounding, {"in": outside % FIELD_ORDER})


@pytest.mark.parametrize("value", [0, 1, -1, 12345, -(1 << 200), (1 << 244) - 1])
def test_where_no_bits_are_dropped_there_are_as_many_more(value):
    circuit = compile_circuit(CIRCUITS / "rounding_up.circom")
    more, same = calculate_witness(circuit, {"in": value % FIELD_ORDER}).public
    assert from_field(more) == round_half_up(value, dropped=-8) == value << 8
    assert from_field(same) == round_half_up(value, dropped=0) == value


def test_every_wire_is_determined_by_the_input(rounding):
    witness = calculate_witness(rounding, {"in": 3000})
    assert undetected_changes(rounding, witness) == []
    assert free_wires(rounding, witness) == []


@pytest.mark.parametrize("change", [1, -1])
def test_another_quotient_with_the_rest_that_belongs_to_it_is_refused(rounding, change):
    """The rest leaves its range by one unit of the quotient: its digits are those of no number of 8 bits."""
    witness = calculate_witness(rounding, {"in": 3000})
    out = witness.signal("main.out") + change
    rest = 3000 + 128 - out * 256
    wire_of = rounding.load_symbols().wire_of
    (check,) = {name.rsplit(".", 1)[0] for name in wire_of if ".RoundHalfUp" in name and name.endswith(".digit[0]")}
    forged = witness.replace("main.out", out)
    if wire_of[f"{check}.in"] >= 0:
        forged = forged.replace(f"{check}.in", rest)
    for digits in (rest & 255, rest >> 2 & 255):
        for place in range(4):
            digit = digits >> (2 * place) & 3
            forged = forged.replace(f"{check}.digit[{place}]", digit)
            forged = forged.replace(f"{check}.product[{place}]", digit * (digit - 3))
        assert not rounding.accepts(forged)
