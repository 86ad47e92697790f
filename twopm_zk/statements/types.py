"""What every statement offers to the pipeline."""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol

from twopm_zk.numbers.pedersen import GRADIENT, INFORMATION, Unit

Signal = int | list["Signal"]
"""Value of an input signal: an integer, or nested lists of them."""
Signals = dict[str, Signal]


class Collection(IntEnum):
    """What the updates of a round are, as HLRContract numbers it."""

    GRADIENT = 0
    INFORMATION = 1

    @property
    def unit(self) -> Unit:
        """What its sums are counted in."""
        return INFORMATION if self is Collection.INFORMATION else GRADIENT

    def sums(self, weights: int) -> int:
        """How many sums there are for a number of weights."""
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
