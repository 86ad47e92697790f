"""What noise does to training: how far it alone makes a gradient look from 0, and which steps it makes too long.

The noise of a sum is close to Gaussian and independent on each number, so that quadratic forms of it have the moments
that they have under the normal distribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from twopm_zk.privacy.spent import Spent
from twopm_zk.statements import Collection, StepMatrix
from twopm_zk.statements.policy import MATRIX
from twopm_zk.statistics.noise import NoisyDescent
from twopm_zk.task.parts.step_rule import Collects
from twopm_zk.task.specification import TaskSpec
from twopm_zk.training.optimiser import Matrix

_DEVIATIONS = 2.33
"""Standard deviations above the mean below which a normal number is in 99 of 100 cases."""


def sum_noise(spec: TaskSpec, collection: Collection, weights: Sequence[int], nodes: int) -> tuple[float, ...]:
    """Standard deviation of the noise on each number of a sum of so many nodes, in whole units; none for exact sums."""
    return () if spec.noise is None else spec.noise.sigma_of_sum(collection, weights, nodes)


def gradient_deviations(spec: TaskSpec, weights: Sequence[int], nodes: int) -> Matrix:
    """Standard deviation of the noise on each component of the gradient of so many nodes, padding left out.

    All 0 for exact sums. ``weights`` are integers, padded, the intercept last.
    """
    if spec.noise is None:
        return np.zeros(len(spec.columns) + 1)
    found = spec.noise.sigma_of_sum(Collection.GRADIENT, weights, nodes)
    return np.array([found[i] for i in [*range(len(spec.columns)), -1]])


class NoiseAlone(NamedTuple):
    """What a decrement sqrt(g' H^-1 g) is where g is noise alone; 0 for exact sums."""

    usual: float
    """The root of its mean square."""
    most: float
    """What it stays below in 99 of 100 cases."""


def noise_alone(spec: TaskSpec, inverse: Matrix, weights: Sequence[int], nodes: int) -> NoiseAlone:
    """Of the gradient of so many nodes: with S its covariance, the square has the mean tr(H^-1 S) and the variance
    2 tr((H^-1 S)^2)."""
    if spec.noise is None:
        return NoiseAlone(0.0, 0.0)
    product = inverse * gradient_deviations(spec, weights, nodes) ** 2
    mean, spread = float(np.trace(product)), float(np.sqrt(2 * max(np.trace(product @ product), 0.0)))
    found = (np.sqrt(max(mean, 0.0) + count * spread) * spec.decrement_scale for count in (0.0, _DEVIATIONS))
    return NoiseAlone(*map(float, found))


def information_noise(spec: TaskSpec, weights: Sequence[int], nodes: int) -> float:
    """An eigenvalue that the noise on an information matrix of so many nodes hardly ever exceeds; 0 for exact sums.

    Of a symmetric matrix of d columns whose entries are independent with the standard deviation sigma the largest one
    is near 2 sigma sqrt(d) (Bai and Yin 1988).
    """
    if spec.noise is None:
        return 0.0
    sigma = max(spec.noise.sigma_of_sum(Collection.INFORMATION, weights, nodes))
    return 2 * sigma * float(np.sqrt(len(spec.columns) + 1))


@dataclass(frozen=True)
class NoisyTraining:
    """How weights were reached over sums with noise, and what was published of the rows."""

    matrix: StepMatrix = field(repr=False)
    """Of the last move, or of the next one: rules whose matrix changes forget what was before."""
    moves: int
    nodes: int
    """Of the last gradient."""
    spent: Spent
    """What is promised to the people in the rows, and spent of it."""
    near: bool | None = None
    """Whether the last gradient is what noise alone would leave of it; None where others know."""

    def descent(self, spec: TaskSpec, weights: Sequence[int], *, informed: int) -> NoisyDescent:
        """What noise has done to ``weights``, and to the information of so many nodes (``informed``) at them."""
        keep = [*range(len(spec.columns)), -1]
        step = np.array(self.matrix.rows(), dtype=np.float64)[np.ix_(keep, keep)] / MATRIX.one
        cells = sum_noise(spec, Collection.INFORMATION, weights, informed) if informed else (0.0,)
        deviations = gradient_deviations(spec, weights, self.nodes)
        return NoisyDescent(deviations, step, self.moves, max(cells), spec.label_column.scale)


def moves_before(spec: TaskSpec, number: int) -> int:
    """How often weights have moved before a gradient that is collected in the round of this number."""
    if spec.collects is Collects.EVERY_ROUND:
        return number // 2
    return number - (spec.collects is Collects.FIRST)
