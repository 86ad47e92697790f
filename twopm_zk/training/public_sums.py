"""The sums of a task's rounds as the chain shows them to everybody, and those that belong to its last weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from twopm_zk.numbers.pedersen import Tally
from twopm_zk.statements import Collection, Family, Policy


@dataclass(frozen=True)
class PublicSum:
    """The sum of one round."""

    collection: Collection
    policy: Policy
    weights: tuple[int, ...]
    """At which it was collected, padded, intercept last."""
    total: Tally
    data: frozenset[tuple[str, int]]
    """Whose data commitments all updates in the sum are of: over which rows it is."""
    held_out: bool = False
    """Whether the rows are those that nodes held out of training."""
    nodes: tuple[str, ...] = field(default=())
    """Whose rows they are."""


@dataclass(frozen=True)
class SumsAtTheEnd:
    """The last gradient of a task, and what else is known at its weights."""

    gradient: PublicSum
    information: PublicSum | None = None
    evaluation: PublicSum | None = None
    """Over the rows of training."""
    held_out: PublicSum | None = None
    """Over rows that took no part in it."""

    @classmethod
    def of(cls, sums: Sequence[PublicSum], family: Family) -> SumsAtTheEnd | None:
        """From all sums of a task, in order; None before there is a gradient.

        Information is the same at all weights in the gaussian family.
        """
        gradients = [one for one in sums if one.collection is Collection.GRADIENT]
        if not gradients:
            return None
        here = [one for one in sums if one.weights == gradients[-1].weights]
        anywhere = sums if family is Family.GAUSSIAN else here
        information = [one for one in anywhere if one.collection is Collection.INFORMATION]
        evaluations = {one.held_out: one for one in here if one.collection is Collection.EVALUATION}
        return cls(
            gradients[-1], information[-1] if information else None, evaluations.get(False), evaluations.get(True)
        )
