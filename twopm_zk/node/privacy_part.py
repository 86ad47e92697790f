"""What a node knows of the privacy of its rows: the noise that it adds, what was spent, and its owner's limit.

All that was ever published of the rows counts, whichever task it was in, exact sums too: after one of these there is
nothing left to spend. It is written down before a share leaves the machine, with the ledger's entry.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from twopm_zk.chain.tasks import TaskSnapshot
from twopm_zk.errors import InputError
from twopm_zk.node.store import NodeStore
from twopm_zk.participants.task_view import ChainView
from twopm_zk.privacy.budget import Budget, Spending
from twopm_zk.privacy.plan import Noise
from twopm_zk.sharing import Objection
from twopm_zk.statements import Collection
from twopm_zk.task.specification import TaskSpec

_SHOWN = 10.0
"""The epsilon for which a budget without a limit is shown: with larger ones, draws that are drawn anew cost more."""


@dataclass(frozen=True)
class RowsBudget:
    """An owner's limit on what is published of some rows."""

    name: str = ""
    """Tells rows of different people apart that one store serves; rows of one name count as the same people's."""
    epsilon: float | None = None
    """None for no limit: then what is spent is written down only."""
    delta: float = 1e-6

    def __post_init__(self) -> None:
        if self.epsilon is not None and not 0 < self.epsilon < float("inf"):
            raise InputError(f"an epsilon of {self.epsilon:g} is no limit: it must be above 0")
        if not 0 < self.delta < 1:
            raise InputError(f"a delta of {self.delta:g} is not between 0 and 1")


class PrivacyPart:
    """One account's noise and budget in one task."""

    def __init__(self, view: ChainView, spec: TaskSpec, store: NodeStore, budget: RowsBudget) -> None:
        self._view, self._spec, self._store, self._rows = view, spec, store, budget
        if budget.epsilon is not None and spec.noise is None:
            raise InputError(
                "the specification has no `privacy`, and this node's rows have a limit: exact sums keep none",
                hint="Agree on a specification with `privacy`, or take part without a limit.",
                kind="no-privacy",
            )

    def require(self, state: TaskSnapshot) -> None:
        """Raise TrainingError where the whole of a task would exceed the owner's limit."""
        if self._rows.epsilon is not None and self._spec.noise is not None:
            self._budget(self._rows.epsilon).require(self._spec.noise, task=self._name(state))

    def noise(self, state: TaskSnapshot) -> Noise | None:
        """What this node adds to the first of its updates in a round; None for exact sums.

        Raises SpecError where the weights are so large that it has no room in the circuits.
        """
        plan = self._spec.noise
        return None if plan is None else plan.noise(state.collection, state.weights)

    def spending(self, state: TaskSnapshot) -> Spending:
        """What a share in this attempt spends."""
        return spending_of(self._spec, self._name(state), state.round, state.attempt, state.collection)

    @property
    def rows(self) -> str:
        """The name of the rows in the budget."""
        return self._rows.name

    def objections(self, state: TaskSnapshot, *, noisy: bool) -> Iterator[Objection]:
        """Against a share whose update carries this node's noise, or does not."""
        if self._spec.noise is not None and not noisy:
            yield Objection("without-noise", "none of the updates that the chain has of it carries its noise")
        if self._rows.epsilon is None:
            return
        spent = self._budget(self._rows.epsilon).with_spending(self.spending(state)).spent
        if spent > self._rows.epsilon:
            yield Objection(
                "budget-exhausted",
                f"its rows would have spent epsilon {spent:.3g} at delta {self._rows.delta:g}; their owner's limit is "
                f"{self._rows.epsilon:g}",
            )

    def _budget(self, epsilon: float) -> Budget:
        return Budget(epsilon, self._rows.delta, self._store.spendings(self._rows.name))

    def _name(self, state: TaskSnapshot) -> str:
        return task_name(self._view, state.id)


def task_name(view: ChainView, task: int) -> str:
    """What a budget calls a task."""
    return f"{view.chain.chain_id}/{view.hlr.address}/{task}"


def spending_of(spec: TaskSpec | None, task: str, round: int, attempt: int, collected: Collection) -> Spending:
    """What a share in a task of a specification spends; the worst, where nobody has the specification."""
    if spec is None or spec.noise is None:
        return Spending(task, round, attempt, collected, 0.0)
    return Spending.of(spec.noise, collected, task=task, round=round, attempt=attempt)


def budgets(store: NodeStore, limit: RowsBudget) -> dict[str, Budget]:
    """What was spent of all rows that a store knows, by their names, as ``limit`` sees it."""
    epsilon = _SHOWN if limit.epsilon is None else limit.epsilon
    return {name: Budget(epsilon, limit.delta, store.spendings(name)) for name in store.named_rows()}
