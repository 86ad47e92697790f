"""How far one unit of privacy can move the sums of an update: bounds on their L2 distance between neighbours.

Neighbours differ in one row, which is any other row that the specification takes, or in all rows of one node; the
number of rows and nodes is the same. Sums of very different sizes are bounded apart, as `Block`s: noise for each is in
proportion to its own bound.

Here x is a row's scaled features with a 1 for the intercept behind them, so that |x|^2 <= 1 + C^2 with C the largest
norm of the features; w are the public weights, and z = w . x.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from twopm_zk.numbers import scores
from twopm_zk.numbers.fixed_point import WEIGHTS
from twopm_zk.numbers.pedersen import EVALUATION, GRADIENT, INFORMATION, SQUARES
from twopm_zk.statements.evaluate import evaluation_noise_unit
from twopm_zk.statements.family import DISPERSION, Family

RESIDUAL_MARGIN = 2.0**-14
"""A residual of the circuits' sigmoid may be so much larger than 1: `StepShape`."""
VARIANCE_MARGIN = 2.0**-10
"""The circuits' sigma' may exceed 1/4 by this relative error: `InformationShape`."""


@dataclass(frozen=True)
class Block:
    """Sums of one size, next to each other in an update."""

    sums: int
    distance: float
    """L2 sensitivity of the exact sums, in whole units."""
    frac_bits: int
    """The sums are integers in units of 2^-frac_bits; without any they are counts, and nothing is rounded."""
    noise_unit: int = 0
    """log2 of what the circuits measure noise in them by, in whole units."""

    def sensitivity(self, rows: int = 1, updates: int = 1) -> float:
        """The same of what is published where ``rows`` rows in ``updates`` updates are others, each rounded once.

        Rounding half up keeps two numbers within their distance and one unit more. Rows add up by the triangle
        inequality.
        """
        unit = 2.0**-self.frac_bits if self.frac_bits else 0.0
        return rows * self.distance + updates * math.sqrt(self.sums) * unit


@dataclass(frozen=True)
class RowLimits:
    """What is public of any row: what it can be at most."""

    family: Family
    magnitudes: tuple[float, ...]
    """Largest |x| of each column of the model after scaling, the rounding of cells included."""
    label: float = 1.0
    """Largest |y| of a scaled label that is a number, likewise."""
    clip: float | None = None

    @property
    def columns(self) -> int:
        """Columns of the model, the intercept left out."""
        return len(self.magnitudes)

    @property
    def norm(self) -> float:
        """C."""
        ranges = math.sqrt(math.fsum(value**2 for value in self.magnitudes))
        return ranges if self.clip is None else min(ranges, self.clip)

    @property
    def squared_norm(self) -> float:
        """The largest |x|^2."""
        return 1 + self.norm**2

    def largest_z(self, weights: Sequence[int]) -> float:
        """The largest |z| at integer weights (padded, intercept last), by ranges or by Cauchy's inequality."""
        slopes = [abs(weight) / WEIGHTS.one for weight in weights[: self.columns]]
        by_ranges = math.fsum(w * x for w, x in zip(slopes, self.magnitudes, strict=True))
        by_norm = self.norm * math.sqrt(math.fsum(w**2 for w in slopes))
        return min(by_ranges, by_norm) + abs(weights[-1]) / WEIGHTS.one

    def gradient(self, z: float = math.inf) -> tuple[Block, ...]:
        """The gradient where no |z| exceeds ``z``: |r x - r' x'| <= |r| |x| + |r'| |x'| with the largest residual.

        It is sigma(z) - y, between -sigma(|z|) and sigma(|z|) but for the circuits' error; or (z - y) / 64, which they
        keep within 1.
        """
        if self.family is Family.GAUSSIAN:
            residual = min(1.0, (z + self.label) / DISPERSION)
        else:
            residual = 1 / (1 + math.exp(-z)) + RESIDUAL_MARGIN
        return (Block(self.columns + 1, 2 * residual * math.sqrt(self.squared_norm), GRADIENT.frac_bits),)

    def information(self) -> tuple[Block, ...]:
        """The information: |v x x' - u y y'|^2 = v^2 |x|^4 + u^2 |y|^4 - 2 u v (x . y)^2 <= 2 max(v)^2 (1 + C^2)^2.

        That is the Frobenius norm of the whole matrix, and its upper triangle is no longer; u and v are not negative.
        """
        largest = 1 / DISPERSION if self.family is Family.GAUSSIAN else (1 + VARIANCE_MARGIN) / 4
        sums = (self.columns + 1) * (self.columns + 2) // 2
        return (Block(sums, math.sqrt(2) * largest * self.squared_norm, INFORMATION.frac_bits),)

    def evaluation(self, z: float) -> tuple[Block, ...]:
        """An evaluation where no |z| exceeds ``z``: each sum moves within the range of what one row adds to it.

        Log-loss is between 0 and log(1 + e^|z|), in the circuits times 13; the squared error of a probability between 0
        and 1; and one row counts in one of the bins, so that two of them change by one. Where the label is a number
        they are y within its range, y^2, and (z - y)^2, which is at most 64^2.
        """
        if self.family is Family.GAUSSIAN:
            furthest = min(z + self.label, DISPERSION)
            ranges = (2 * self.label, self.label**2, furthest**2)
            return tuple(
                Block(1, distance, SQUARES.frac_bits, self._noise_unit(index)) for index, distance in enumerate(ranges)
            )
        loss = z + math.log1p(math.exp(-z)) + scores.LOSS_ERROR
        return (
            Block(1, scores.LOSS_DIVISOR * loss, EVALUATION.frac_bits, self._noise_unit(0)),
            Block(1, 1 + 2 * scores.SQUARED_ERROR_ERROR, EVALUATION.frac_bits),
            Block(2 * scores.BINS, math.sqrt(2), 0),
        )

    def _noise_unit(self, index: int) -> int:
        unit = SQUARES if self.family is Family.GAUSSIAN else EVALUATION
        return evaluation_noise_unit(self.family, index) - unit.frac_bits
