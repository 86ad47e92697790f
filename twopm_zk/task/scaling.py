"""Public constants that centre and scale a column before it is quantised."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scaling:
    """Public constants of one column: x becomes (x - centre) / scale."""

    centre: float = 0.0
    scale: float = 1.0
