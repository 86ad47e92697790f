"""What every statement offers to the pipeline."""

from __future__ import annotations

from typing import Protocol

Signal = int | list["Signal"]
"""Value of an input signal: an integer, or nested lists of them."""
Signals = dict[str, Signal]


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
