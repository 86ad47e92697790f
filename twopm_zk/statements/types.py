"""What every statement offers to the pipeline."""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol

from twopm_zk.numbers.pedersen import EVALUATION, GRADIENT, INFORMATION, SQUARES, Unit
from twopm_zk.numbers.scores import SCORES
from twopm_zk.statements.family import Family

Signal = int | list["Signal"]
"""Value of an input signal: an integer, or nested lists of them."""
Signals = dict[str, Signal]
SQUARE_SUMS = 3
"""Of a gaussian evaluation: the label, its square, the squared deviation from it."""


class Collection(IntEnum):
    """What the updates of a round are."""

    GRADIENT = 0
    INFORMATION = 1
    EVALUATION = 2

    def unit(self, family: Family) -> Unit:
        """What its sums are counted in."""
        if self is Collection.EVALUATION:
            return SQUARES if family is Family.GAUSSIAN else EVALUATION
        return INFORMATION if self is Collection.INFORMATION else GRADIENT

    def sums(self, weights: int, family: Family) -> int:
        """How many sums there are for a number of weights."""
        if self is Collection.EVALUATION:
            return SQUARE_SUMS if family is Family.GAUSSIAN else SCORES
        return weights * (weights + 1) // 2 if self is Collection.INFORMATION else weights


class Statement(Protocol):
    """Something that one proof says."""

    @property
    def public(self) -> tuple[int, int, int]:
        """The three public inputs, in circuit order."""

    def circuit_inputs(self) -> Signals:
        """Inputs of the circuit that proves it."""


def in_bus(bus: str, signals: Signals) -> Signals:
    """Signals under the names that they have as parts of a circuit's ``bus``."""
    return {f"{bus}.{name}": value for name, value in signals.items()}
