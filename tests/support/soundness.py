"""`twopm_zk.circuit.soundness` on a witness, without what is known to be open.

The inverse in IsZero is free for an input of 0, and used nowhere else; an input is its circuit's to be given.
"""

from twopm_zk.circuit.soundness.changes import single_changes
from twopm_zk.circuit.soundness.equations import input_wires, names
from twopm_zk.circuit.soundness.jacobian import free_signals


def undetected_changes(circuit, witness):
    """Names of signals that can change alone without breaking a constraint."""
    found = single_changes(circuit, witness)
    inputs = {*names(circuit, input_wires(circuit)), *found.inputs}
    return [name for name in closed(found.accepted) if name not in inputs]


def free_wires(circuit, witness):
    """Names of signals that the linearised constraints leave free around the witness."""
    return closed(free_signals(circuit, witness))


def closed(found):
    return [name for name in found if not name.endswith(".inverse")]
