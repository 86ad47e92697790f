"""All that can be said of a circuit from a witness of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from twopm_zk.circuit.soundness.changes import Changes, single_changes
from twopm_zk.circuit.soundness.determined import Determination, determine
from twopm_zk.circuit.soundness.jacobian import free_signals
from twopm_zk.circuit.witness import Witness

LARGEST = 50_000
"""Constraints up to which the first-order check, whose time grows with their square, is made."""


@dataclass(frozen=True)
class Examination:
    """What the constraints of a circuit leave open, by each check."""

    changes: Changes
    free: tuple[str, ...] | None
    """Signals that are free to first order; None for a circuit that is too large for this check."""
    determination: Determination

    @property
    def open(self) -> tuple[str, ...]:
        """Signals that a check could not show to have one value; an input that may change alone is none of them."""
        found = (*self.changes.unmentioned, *self.changes.inputs, *(self.free or ()), *self.determination.undetermined)
        return tuple(dict.fromkeys(found))


def examine(witness: Witness, *, given: Collection[str] = ()) -> Examination:
    """Make every check at a valid ``witness``.

    ``given`` are signals that may have two values, as in `determine`. Raises ValueError where the witness is not valid,
    KeyError for a given signal that the circuit does not have.
    """
    circuit = witness.circuit
    changes = single_changes(circuit, witness)
    free = tuple(free_signals(circuit, witness)) if circuit.constraints <= LARGEST else None
    return Examination(changes, free, determine(witness, given=given))
