"""What anybody learns from a task's sums, one after the other: the next step matrix, and the distance to the optimum.

Training in process, a running coordinator, whoever takes its place and auditors feed it the same public sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from twopm_zk.errors import DataError
from twopm_zk.statements import Collection, Family, Policy, Tally
from twopm_zk.task.specification import NEWTON, TaskSpec
from twopm_zk.training.distance import Distance, distance
from twopm_zk.training.optimiser import Optimiser, information_curvature, range_curvature
from twopm_zk.training.public_sums import PublicSum


class Learner:
    """An optimiser that takes whole collections, in the order of their rounds."""

    def __init__(self, spec: TaskSpec) -> None:
        self._spec = spec
        self._optimiser: Optimiser | None = None
        self.information: Tally | None = None
        """The last one that was collected."""

    @property
    def optimiser(self) -> Optimiser:
        """What it has learnt; needs a gradient, or information."""
        assert self._optimiser is not None  # noqa: S101 - asked for after a collection
        return self._optimiser

    def take(self, collection: Collection, policy: Policy, weights: Sequence[int], total: Tally) -> None:
        """The sum of one round at its weights.

        Raises DataError for data without a single optimum, or of one class only: the first sums tell.
        """
        if collection is Collection.EVALUATION:
            return
        if collection is Collection.INFORMATION:
            self.information = total
            if self._optimiser is None:
                self._optimiser = Optimiser(self._spec, information_curvature(self._spec, total))
            return
        if self._optimiser is None:
            self._optimiser = Optimiser(self._spec, range_curvature(self._spec, total.rows))
        if not self._optimiser.decrements and self._spec.family is Family.LOGISTIC:
            check_classes(self._spec, total)
        gradient = self._spec.sizes.round.regularised(policy, weights, total)
        self._optimiser.observe(weights, gradient, self.information if self._spec.step.rule == NEWTON else None)


def distance_of(spec: TaskSpec | None, family: Family, sums: Sequence[PublicSum]) -> Distance:
    """The distance to the optimum at the last gradient of ``sums``; by the rule of ``spec`` where it is not proven."""
    if spec is not None and spec.privacy is not None:
        return distance(sums, family=family, noisy=True)
    estimate = None
    if spec is not None:
        learner = Learner(spec)
        with suppress(DataError):
            for one in sums:
                learner.take(one.collection, one.policy, one.weights, one.total)
            estimate = learner.optimiser.decrements[-1]
    return distance(sums, family=family, estimate=estimate)


def check_classes(spec: TaskSpec, total: Tally) -> None:
    """DataError where all labels are the same: the first gradient, at weights of zero, tells."""
    if abs(total.items[-1]) == total.rows << (total.unit.frac_bits - 1):
        raise DataError(
            f"label {spec.label!r} is the same in all {total.rows} rows: there is nothing to tell apart",
            hint="Training needs rows of both classes.",
        )
