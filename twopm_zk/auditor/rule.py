"""Whether the weights were moved by the rule of the task's specification, as far as this machine computes it.

The certificate holds whatever moved them, and numbers differ in their last places between machines: what is found is
a note, and never a failed check.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twopm_zk.errors import DataError
from twopm_zk.statements import Collection, Opening, Policy
from twopm_zk.task.specification import TaskSpec
from twopm_zk.training.learner import Learner


class RuleCheck:
    """Learns what everybody learns from the sums on the chain; notes go to ``note``."""

    def __init__(self, spec: TaskSpec | None, note: Callable[[str], None]) -> None:
        self._learner, self._note = None if spec is None else Learner(spec), note
        self._said = False

    def take(
        self,
        collection: Collection,
        policy: Policy,
        weights: Sequence[int],
        total: Opening,
        number: int,
        *,
        nodes: int,
    ) -> None:
        """The sum of one round of so many nodes."""
        if self._learner is None:
            return
        try:
            self._learner.take(collection, policy, weights, total, nodes=nodes)
        except DataError as error:
            self._note(f"round {number}: the specification's rule has nothing to go by: {error.message}")
            self._learner, self._said = None, True

    @property
    def decrement(self) -> float | None:
        """The distance to the optimum in standard errors as the rule knows it; None without a specification."""
        return None if self._learner is None else self._learner.optimiser.decrements[-1]

    def compare(self, matrix_hash: int, number: int) -> None:
        """The step matrix of the move after a round, by its hash."""
        if self._learner is None:
            if not self._said:
                self._note("by which rule the weights were moved was not checked: that takes the specification")
            self._said = True
        elif self._learner.optimiser.matrix.hash != matrix_hash:
            self._note(f"round {number} moved the weights by another step matrix than the specification's rule gives")
