"""What the rows of one data set have spent over all tasks, and whether their owner's limit has room for another one.

The limit is an (epsilon, delta) over everything that was ever published of these rows. Multipliers are those of each
task's own unit of privacy: where that is a node, its rows are protected even better, which is not counted here.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from twopm_zk.errors import TrainingError
from twopm_zk.privacy import accounting
from twopm_zk.privacy.plan import Plan
from twopm_zk.statements.types import Collection


@dataclass(frozen=True)
class Spending:
    """One sum that a share of these rows is in, written down before the share leaves the machine."""

    task: str
    """A name that no other task has, such as chain, contract and number."""
    round: int
    attempt: int
    collection: Collection
    multiplier: float
    """0 for an exact sum, after which there is no privacy left to spend."""
    redrawn: float = 0.0
    """`Plan.redrawn`."""

    @classmethod
    def of(cls, plan: Plan, collection: Collection, *, task: str, round: int, attempt: int) -> Spending:
        """What a share costs by the plan of its task."""
        return cls(task, round, attempt, collection, plan.multiplier(collection), plan.redrawn(collection))


@dataclass(frozen=True)
class Budget:
    """An owner's limit for one data set, and all that was spent of it."""

    epsilon: float
    delta: float
    spendings: tuple[Spending, ...] = field(default=())

    def with_spending(self, spending: Spending) -> Budget:
        """With one more sum; the same one twice is one, because its noise was drawn once."""
        if any(self._place(known) == self._place(spending) for known in self.spendings):
            return self
        return Budget(self.epsilon, self.delta, (*self.spendings, spending))

    @property
    def spent(self) -> float:
        """The epsilon at the limit's delta of all that was published so far; infinity where delta is used up."""
        return self._epsilon(self.spendings)

    @property
    def left(self) -> float:
        """The epsilon that a further task may have alone, at the same delta, so that all together keep the limit."""
        delta = self._delta(self.spendings)
        if delta <= 0 or math.isinf(self.spent):
            return 0.0
        whole = accounting.calibrate(self.epsilon, delta)
        rest = 1 / whole**2 - math.fsum(1 / one.multiplier**2 for one in self.spendings)
        return accounting.epsilon([1 / math.sqrt(rest)], delta) if rest > 0 else 0.0

    def after(self, plan: Plan, *, task: str) -> float:
        """What will have been spent once a task has published all that it may, what it has already among it."""
        return self._epsilon((*self.spendings, *self._ahead(plan, task)))

    def fits(self, plan: Plan, *, task: str) -> bool:
        """Whether the whole of a task keeps the limit."""
        return self.after(plan, task=task) <= self.epsilon

    def require(self, plan: Plan, *, task: str) -> None:
        """TrainingError of kind ``budget-exhausted`` where the whole of a task does not keep the limit."""
        after = self.after(plan, task=task)
        if after > self.epsilon:
            raise TrainingError(
                f"the task would bring what these rows have spent from epsilon {self.spent:.3g} to {after:.3g} at "
                f"delta {self.delta:g}; their owner's limit is {self.epsilon:g}",
                hint="Agree on a task with a smaller epsilon, or let the owner raise the limit.",
                kind="budget-exhausted",
                spent=self.spent,
                after=after,
                limit=self.epsilon,
            )

    def _ahead(self, plan: Plan, task: str) -> Iterable[Spending]:
        """What a task may still publish: a round that began anew has cost twice, and is still one of its rounds."""
        done = {(one.round, one.collection) for one in self.spendings if one.task == task}
        rounds = Counter(collection for _, collection in done)
        for number, collection in enumerate((Counter(plan.releases) - rounds).elements()):
            yield Spending.of(plan, collection, task=task, round=-1 - number, attempt=0)

    def _epsilon(self, spendings: Iterable[Spending]) -> float:
        known = tuple(spendings)
        if any(one.multiplier == 0 for one in known):
            return math.inf
        delta = self._delta(known)
        return accounting.epsilon((one.multiplier for one in known), delta) if delta > 0 else math.inf

    def _delta(self, spendings: Iterable[Spending]) -> float:
        """What is left of delta for the noise itself."""
        return self.delta - (1 + math.exp(self.epsilon)) * math.fsum(one.redrawn for one in spendings)

    @staticmethod
    def _place(spending: Spending) -> tuple[str, int, int, Collection]:
        return spending.task, spending.round, spending.attempt, spending.collection
