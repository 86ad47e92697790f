"""What a task promises to the people in its rows, and what its releases so far have spent of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from twopm_zk.privacy.plan import Plan
from twopm_zk.privacy.terms import Unit
from twopm_zk.statements.types import Collection


@dataclass(frozen=True)
class Spent:
    """A promise beside what was released: every sum that nodes have shared, whatever was made of it."""

    epsilon: float
    """Promised of all releases together."""
    delta: float
    unit: Unit
    honest: int
    """How many nodes of every set are counted on to add their noise and to keep it secret."""
    nodes: int
    """Of the smallest set."""
    planned: int
    """Releases that the noise is planned for."""
    released: int
    spent: float
    """The epsilon of what was released, at the same delta."""
    beyond: tuple[Collection, ...] = ()
    """What was released more often than planned."""

    @classmethod
    def of(cls, plan: Plan, releases: Sequence[Collection], *, nodes: int) -> Spent:
        """Of a task by its plan; ``releases`` are what was collected in each."""
        terms = plan.privacy
        found = Counter(releases)
        beyond = tuple(kind for kind in Collection if found[kind] > plan.schedule.times(kind))
        known = [kind for kind in releases if plan.schedule.times(kind)]
        return cls(
            terms.epsilon,
            terms.delta,
            terms.unit,
            plan.honest,
            nodes,
            len(plan.releases),
            len(releases),
            plan.epsilon(known) if len(known) == len(releases) else float("inf"),
            beyond,
        )

    @property
    def kept(self) -> bool:
        """Whether the promise holds, as long as so many nodes are honest as it counts on."""
        return not self.beyond and self.released <= self.planned and self.nodes >= self.honest

    @property
    def sentence(self) -> str:
        """All of it in words."""
        of_them = f"{self.honest} of the {self.nodes}" if self.nodes != 1 else "the"
        nodes = "node" if self.nodes == 1 else "nodes"
        cost = "more than was planned" if self.spent == float("inf") else f"epsilon {self.spent:.3g}"
        return (
            f"differentially private: epsilon {self.epsilon:g} at delta {self.delta:g} for each {self.unit}, as long "
            f"as {of_them} {nodes} added their noise and keep it secret; {self.released} of {self.planned} releases "
            f"used: {cost}"
        )

    def to_json(self) -> dict[str, object]:
        """All of it, the sentence too."""
        return {
            "epsilon": self.epsilon,
            "delta": self.delta,
            "unit": self.unit,
            "honest": self.honest,
            "nodes": self.nodes,
            "releases_planned": self.planned,
            "releases": self.released,
            "epsilon_spent": None if self.spent == float("inf") else self.spent,
            "kept": self.kept,
            "sentence": self.sentence,
        }
