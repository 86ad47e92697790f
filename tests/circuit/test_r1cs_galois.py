"""The R1CS check against an independent one: dense matrices over galois' GF(p)."""

import numpy as np
import pytest

from twopm_zk.circuit.soundness.equations import equations
from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.numbers.field import FIELD_ORDER

pytestmark = pytest.mark.circuit


@pytest.mark.slow
@pytest.mark.parametrize("name", ["multiplier", "three", "zeros"])
def test_galois_agrees_with_our_check_on_honest_and_forged_witnesses(tiny, tiny_inputs, name):
    circuit = tiny(name)
    witness = calculate_witness(circuit, tiny_inputs[name])
    import galois  # loads numba, which every worker would pay for

    # verify=False: proving that 5 is primitive would factor p - 1
    field = galois.GF(FIELD_ORDER, primitive_element=5, verify=False)
    rows = equations(circuit.load_r1cs())

    def dense(k):
        matrix = field.Zeros((len(rows), len(witness.values)))
        for i, row in enumerate(rows):
            for wire, coefficient in row[k].items():
                matrix[i, wire] = coefficient % FIELD_ORDER
        return matrix

    A, B, C = dense(0), dense(1), dense(2)

    def holds(values):
        vector = field(np.array(values, dtype=object))
        return bool(np.all((A @ vector) * (B @ vector) == C @ vector))

    assert holds(list(witness.values))
    for wire in range(1, len(witness.values)):
        forged = list(witness.values)
        forged[wire] = (forged[wire] + 1) % FIELD_ORDER
        expected = circuit.load_r1cs().first_violation(forged) is None
        assert holds(forged) == expected
