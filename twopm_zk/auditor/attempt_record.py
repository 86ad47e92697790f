"""What an audit has found of one attempt of a round: who took part, at which weights, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from twopm_zk.chain.tasks import words
from twopm_zk.statements import Collection
from twopm_zk.statements.rounds import BOUND_FRAC_BITS

_MAX_NAMED = 20
"""Nodes that a line of text names; the JSON document names all."""


class Outcome(StrEnum):
    """What came of an attempt."""

    OPEN = "open"
    ABANDONED = "abandoned"
    """Another attempt was opened, or the task finished without it: its updates count for nothing."""
    FAILED = "failed"
    """Too few nodes were left to share again, or nobody could tell who lied: the task ended."""
    OPENED = "opened"
    """A sum of information, from which step matrices or standard errors are made, or of an evaluation."""
    AGGREGATED = "aggregated"
    CERTIFIED = "certified"


@dataclass
class AttemptRecord:
    """One attempt of one round: who took part in it, with how many updates, and what came of it."""

    round: int
    attempt: int
    collection: Collection = Collection.GRADIENT
    """What the updates are of."""
    held_out: bool = False
    """Whether they are of rows that nodes held out of training."""
    left_out: list[tuple[str, str]] = field(default_factory=list)
    """The nodes that left, or were left out, with the reason of each."""
    updates: dict[str, int] = field(default_factory=dict)
    """The number of accepted updates, by node."""
    summed: tuple[str, ...] | None = None
    """The nodes whose updates are in the sum; None where nothing was made of one."""
    rows: int = 0
    """The number of rows in the sum, which opens the round's point; 0 where nothing was made of one."""
    shared: bool = False
    """Whether anybody has shared in it."""
    outcome: Outcome = Outcome.OPEN
    weights: tuple[int, ...] = ()
    """At which it collected, in units of 2^-20."""
    coefficients: Mapping[str, float] | None = None
    """What the weights say of the columns; None without a specification."""
    gradient_bound: int | None = None
    """The smallest bound on the gradient per row that follows from the sum, in units of 2^-32; None where nothing was
    made of one, and for other sums."""
    opened_at: int = 0
    """The time of its first block, in seconds since 1970."""
    ended_at: int | None = None
    """The time of the block in which something was made of its sum, or it was given up; None for an open one."""

    @property
    def counted(self) -> dict[str, int]:
        """The number of updates in the sum, by node; of all updates where nothing was made of one."""
        nodes = self.updates if self.summed is None else self.summed
        return {node: self.updates.get(node, 0) for node in sorted(nodes)}

    @property
    def bound_per_row(self) -> float | None:
        """The bound on each component of the gradient per row that follows from the sum; None where there is none."""
        return per_row(self.gradient_bound)

    def end(self, outcome: Outcome, time: int) -> None:
        """What has come of it, and when."""
        self.outcome, self.ended_at = outcome, time

    @property
    def participants(self) -> str:
        """How many updates of which nodes, for people."""
        counted = self.counted
        named = [f"{node} ({count})" for node, count in counted.items()]
        more = f" and {len(named) - _MAX_NAMED} more" if len(named) > _MAX_NAMED else ""
        total = sum(counted.values())
        return f"{many(total, 'update')} of {many(len(named), 'node')}: {', '.join(named[:_MAX_NAMED])}{more}"

    def to_json(self) -> dict[str, Any]:
        """The whole record."""
        return {
            "round": self.round,
            "attempt": self.attempt,
            "collection": words(self.collection, held_out=self.held_out),
            "outcome": self.outcome.value,
            "opened_at": self.opened_at,
            "ended_at": self.ended_at,
            "weights": list(self.weights),
            "coefficients": None if self.coefficients is None else dict(self.coefficients),
            "gradient_bound_per_row": self.bound_per_row,
            "rows": self.rows,
            "updates": sum(self.counted.values()),
            "nodes": self.counted,
            "left_out": [{"node": node, "reason": reason} for node, reason in self.left_out],
        }


def per_row(bound: int | None) -> float | None:
    """A bound on the gradient as a number, from units of 2^-32."""
    return None if bound is None else bound / (1 << BOUND_FRAC_BITS)


def many(count: int, what: str) -> str:
    """A number of things, in words."""
    return f"{count} {what}{'' if count == 1 else 's'}"
