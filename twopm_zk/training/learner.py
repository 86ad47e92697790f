"""What anybody learns from a task's sums, one after the other: the next step matrix, and the distance to the optimum.

Training in process, a running coordinator, whoever takes its place and auditors feed it the same public sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from twopm_zk.errors import DataError
from twopm_zk.statements import Collection, Family, Policy, Tally
from twopm_zk.task.parts.step_rule import NEWTON
from twopm_zk.task.specification import TaskSpec
from twopm_zk.training.distance import Distance, distance
from twopm_zk.training.noise import NoiseAlone, information_noise, noise_alone
from twopm_zk.training.optimiser import Optimiser, information_curvature, range_curvature
from twopm_zk.training.public_sums import PublicSum
from twopm_zk.training.stopping import stands_still


class Learner:
    """An optimiser that takes whole collections, in the order of their rounds."""

    def __init__(self, spec: TaskSpec) -> None:
        self._spec = spec
        self._optimiser: Optimiser | None = None
        self.information: Tally | None = None
        """The last one that was collected."""
        self.noise_alone = NoiseAlone(0.0, 0.0)
        """What the last decrement would be if its gradient were nothing but noise."""
        self._noise = 0.0

    @property
    def optimiser(self) -> Optimiser:
        """What it has learnt; needs a gradient, or information."""
        assert self._optimiser is not None  # noqa: S101 - asked for after a collection
        return self._optimiser

    def take(
        self, collection: Collection, policy: Policy, weights: Sequence[int], total: Tally, *, nodes: int = 1
    ) -> None:
        """The sum of one round of so many ``nodes`` at its weights.

        Raises DataError for data without a single optimum, or of one class only: the first sums tell.
        """
        if collection is Collection.EVALUATION:
            return
        if collection is Collection.INFORMATION:
            self.information, self._noise = total, information_noise(self._spec, weights, nodes)
            if self._optimiser is None:
                curvature = information_curvature(self._spec, total, noise=self._noise)
                self._optimiser = Optimiser(self._spec, curvature)
            return
        if self._optimiser is None:
            self._optimiser = Optimiser(self._spec, range_curvature(self._spec, total.rows))
        exact = self._spec.family is Family.LOGISTIC and self._spec.privacy is None
        if exact and not self._optimiser.decrements and not any(weights):
            check_classes(self._spec, total)
        gradient = self._spec.sizes.round.regularised(policy, weights, total)
        known = self.information if self._spec.step.rule == NEWTON else None
        self._optimiser.observe(weights, gradient, known, noise=self._noise)
        self.noise_alone = noise_alone(self._spec, self._optimiser.estimate, weights, nodes)

    @property
    def limit(self) -> float:
        """The decrement above which the weights are not at their optimum: the specification's, or what noise alone
        hardly ever exceeds."""
        return max(self._spec.decrement_bound, self.noise_alone.most)

    def settled(self, distances: Sequence[float]) -> bool:
        """Whether weights with these decrements, the last one theirs, are near enough, or come no nearer.

        With noise: whether the gradient is no larger than noise alone usually is, so that a move would follow noise.
        """
        return distances[-1] <= max(self._spec.decrement_bound, self.noise_alone.usual) or stands_still(distances)


def distance_of(spec: TaskSpec | None, family: Family, sums: Sequence[PublicSum], *, noisy: bool = False) -> Distance:
    """The distance to the optimum at the last gradient of ``sums``; by the rule of ``spec`` where it is not proven.

    Of sums with noise (``noisy``, or by the specification) nothing is known.
    """
    if noisy or (spec is not None and spec.privacy is not None):
        return distance(sums, family=family, noisy=True)
    estimate = None
    if spec is not None:
        learner = Learner(spec)
        with suppress(DataError):
            for one in sums:
                learner.take(one.collection, one.policy, one.weights, one.total, nodes=len(one.nodes))
            estimate = learner.optimiser.decrements[-1]
    return distance(sums, family=family, estimate=estimate)


def check_classes(spec: TaskSpec, total: Tally) -> None:
    """DataError where all labels are the same: the first gradient, at weights of zero, tells."""
    if abs(total.items[-1]) == total.rows << (total.unit.frac_bits - 1):
        raise DataError(
            f"label {spec.label!r} is the same in all {total.rows} rows: there is nothing to tell apart",
            hint="Training needs rows of both classes.",
        )
