"""Instances that are deployed, at their size: what the small ones of the table show holds for them too."""

import pytest
from soundness.circuits.gadgets import BEYOND, BIN, INVERSE, POINT, SIGN
from soundness.circuits.harness import Names, matches, pattern
from support.row_circuits import KINDS, random_statement

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.instances import find_instance
from twopm_zk.circuit.soundness.changes import single_changes
from twopm_zk.circuit.soundness.determined import determine
from twopm_zk.circuit.witness import calculate_witness

pytestmark = [pytest.mark.circuit, pytest.mark.full]
SIZES = ("48x3", "119x3", "52x8", "49x3-gaussian", "45x3-noise8")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_signal_is_pinned(kind, size, tally):
    circuit = compile_circuit(instance := find_instance(f"{kind}-{size}"))
    shape = KINDS[kind][1].from_parameters(instance.parameters)
    # small weights: a gaussian row far from what they expect has no proof
    said = random_statement(kind, shape, weights=(1 << 18,) * (shape.features + 1))
    witness = calculate_witness(circuit, said.circuit_inputs())

    alone = single_changes(circuit, witness)
    assert [name for name in alone.accepted if not matches(pattern(name), (INVERSE,))] == []
    refused = alone.signals - len(alone.accepted)
    tally.attacks("circuits: signals changed to any other value", tried=refused, refused=refused)

    found = determine(witness, given=Names(circuit).matching((SIGN, BIN)))
    assert [name for name in found.undetermined if not matches(pattern(name), (INVERSE,))] == []
    assumed = {f"{each.kind} {', '.join(map(pattern, each.about.split(', ')))}" for each in found.assumptions}
    assert [each for each in assumed if not matches(each.split(", ")[0], (*POINT, *BEYOND))] == []
