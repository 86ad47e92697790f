"""How weights move: the rule that the public step matrix follows, and when it takes information."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from twopm_zk.errors import SpecError
from twopm_zk.statements.family import Family
from twopm_zk.task.canonical import Json
from twopm_zk.task.checks import require

BOEHNING_LINDSAY, BFGS, NEWTON, GRADIENT = "boehning-lindsay", "bfgs", "newton", "gradient"
RULES = (BOEHNING_LINDSAY, BFGS, NEWTON, GRADIENT)
Curvature = Literal["information", "ranges"]


class Collects(IntEnum):
    """When a task collects information, as its contract numbers it."""

    NEVER = 0
    FIRST = 1
    """Before the first gradient, at weights of zero."""
    EVERY_ROUND = 2
    """Before every gradient, at the same weights."""


@dataclass(frozen=True)
class StepRule:
    """How the public step matrix is made; see docs/training.md."""

    rule: str = BFGS
    factor: float = 1.9
    """Times the inverse of the curvature bound: below 2 each step by the bound lowers the loss."""
    curvature: Curvature = "information"
    """``information``: the sum of x x'/4 over all nodes is collected before the first gradient; ``ranges``: nothing but
    the specification and the number of rows is used."""

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise SpecError(f"`step.rule` is {self.rule!r}; allowed: {', '.join(RULES)}")
        require("step.factor", self.factor, 1 / 64, 2, below=True)
        if self.curvature not in ("information", "ranges"):
            raise SpecError(f"`step.curvature` is {self.curvature!r}; allowed: information, ranges")
        if self.rule == NEWTON and self.curvature == "ranges":
            raise SpecError("`step.rule` is 'newton', which takes information: `step.curvature` cannot be 'ranges'")

    @property
    def collects(self) -> Collects:
        """When information is collected."""
        if self.rule == NEWTON:
            return Collects.EVERY_ROUND
        return Collects.FIRST if self.curvature == "information" else Collects.NEVER

    @property
    def document(self) -> dict[str, Json]:
        """The table ``[step]`` as JSON."""
        return {"rule": self.rule, "factor": self.factor, "curvature": self.curvature}


def default_rule(family: Family, *, private: bool = False) -> StepRule:
    """The step rule of a task that names none: with noise, one that has no matrix to learn from it."""
    if private:
        return StepRule(GRADIENT, curvature="ranges")
    return StepRule(NEWTON) if family is Family.GAUSSIAN else StepRule()
