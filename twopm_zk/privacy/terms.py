"""What a specification promises to the people in its rows: (epsilon, delta)-differential privacy, and of whom."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Unit = Literal["row", "node"]
UNITS: tuple[Unit, ...] = ("row", "node")


@dataclass(frozen=True)
class Privacy:
    """The table ``[privacy]`` of a specification, whose limits `checks.check_privacy` knows.

    Whatever a task publishes about two data sets that differ in one unit, the probability of any event differs by at
    most a factor of e^epsilon, and delta.
    """

    epsilon: float
    delta: float
    unit: Unit = "row"
    """What two neighbouring data sets differ in: one row is another row, or all rows of one node are other rows. How
    many rows and nodes there are is public."""
    honest: int | None = None
    """How many nodes of a set are counted on to add their noise and to keep it secret; None for all but one of
    ``minimum.nodes``, at least 1."""
    clip: float | None = None
    """Largest L2 norm of a row's scaled features, the intercept left out: longer rows are shortened to it. None for
    what the ranges of the columns allow."""

    def honest_of(self, minimum_nodes: int) -> int:
        """How many honest nodes are counted on where a set has at least ``minimum_nodes``."""
        return max(minimum_nodes - 1, 1) if self.honest is None else self.honest

    @property
    def rough_multiplier(self) -> float:
        """Standard deviation over sensitivity that is enough for one release, in closed form.

        By zero-concentrated differential privacy (Bun and Steinke 2016, proposition 1.3), up to a third above what
        `accounting.calibrate` finds. It needs no library, so that defaults which follow from it never change.
        """
        term = math.log(1 / self.delta)
        return (math.sqrt(term + self.epsilon) + math.sqrt(term)) / (math.sqrt(2) * self.epsilon)
