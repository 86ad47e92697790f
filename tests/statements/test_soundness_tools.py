"""The soundness checks find the faults that they are there for."""

from pathlib import Path

import pytest
from support.soundness import free_wires

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.numbers.poseidon import permutation

pytestmark = pytest.mark.circuit

CIRCUITS = Path(__file__).parents[1] / "circuits"


def test_a_missing_constraint_is_found():
    circuit = compile_circuit(CIRCUITS / "underconstrained.circom")
    witness = calculate_witness(circuit, {"in": 10})
    assert free_wires(circuit, witness) != []


@pytest.mark.slow
def test_our_permutation_circuit_equals_circomlibs_and_the_twin():
    circuit = compile_circuit(CIRCUITS / "poseidon_twins.circom")
    values = [1, 2**253, 3]
    public = calculate_witness(circuit, {"in": values}).public
    assert public[:3] == public[3:6]
    assert public[:3] == [permutation([7, *values[:n]])[0] for n in (1, 2, 3)]
