"""``information``: sums of x x' v(z) over one data owner's rows, rounded. Twin of circuits/information.circom.

The variance v is sigma'(z) in the logistic family. At zero weights that is 1/4, and the sum over all nodes is the bound
of Boehning and Lindsay (1988) on the Hessian; at the present weights it is the Hessian itself, without lambda: Fisher's
information. In the gaussian family v is 1 / DISPERSION at all weights, and the sum the Hessian everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from twopm_zk.numbers import sigmoid, variance
from twopm_zk.numbers.fixed_point import Bound, round_half_up
from twopm_zk.numbers.pedersen import INFORMATION, Tally, Unit
from twopm_zk.statements.family import DISPERSION_LOG2, Family
from twopm_zk.statements.rows import ROWS_AT_ONCE, RowsShape, RowsStatement


@dataclass(frozen=True)
class InformationShape(RowsShape):
    """Sizes of an ``information`` instance."""

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The sums' columns, upper triangle by rows; the intercept is the last column."""
        return tuple((j, k) for j in range(self.weights) for k in range(j, self.weights))

    def dropped_bits(self, pair: tuple[int, int]) -> int:
        """Bits that are rounded away from the sum of a pair."""
        places = sum(column < self.features for column in pair) * self.format.frac_bits
        return self.variance_frac_bits + places - INFORMATION.frac_bits

    @property
    def variance_frac_bits(self) -> int:
        """Fractional bits of v, which is at most 1/4 but for a relative error of 2^-10."""
        return DISPERSION_LOG2 if self.family is Family.GAUSSIAN else variance.SCALE_BITS

    @property
    def unit(self) -> Unit:
        """What an update is counted in."""
        return INFORMATION

    def largest_sums(self) -> tuple[int, ...]:
        """Largest magnitude of a rounded sum: rows times two cells and the largest variance, and a little more."""
        whole = 2 * (self.format.bits - 1 - self.format.frac_bits) - 2
        margin = (1 << _MARGIN_BITS) + 1
        return ((self.rows * margin) << (whole + INFORMATION.frac_bits - _MARGIN_BITS),) * len(self.pairs)

    def bounds(self) -> tuple[Bound, ...]:
        """Largest magnitude of each intermediate of the circuit; the ones in sums count all summands."""
        x = max(self.format.bias, self.format.one)
        gaussian = self.family is Family.GAUSSIAN
        polynomial = () if gaussian else variance.magnitudes()
        largest = self.rows * x * x * (1 if gaussian else polynomial[-1].magnitude)
        rounded = round_half_up(largest, dropped=self.dropped_bits((0, 0)))
        return (
            *self._row_bounds(),
            *polynomial,
            Bound("sum of products", largest, limit=1 << 250),
            Bound("rounded sum", rounded, limit=self.largest_sums()[0] + 1),
        )


_MARGIN_BITS = 10
"""sigma' is at most 1/4 but for a relative error of 2^-10."""


def symmetric(total: Tally) -> npt.NDArray[np.float64]:
    """The sums of information as reals, the full matrix (weights, weights) from its upper triangle by rows."""
    size = int((2 * len(total.items)) ** 0.5)
    full = np.zeros((size, size))
    full[np.triu_indices(size)] = total.real
    return full + np.triu(full, 1).T


def information_tally(shape: InformationShape, weights: Sequence[int], features: npt.NDArray[np.int64]) -> Tally:
    """The rounded sums over quantised ``features`` (rows, columns) at integer ``weights``, as the circuit has them.

    Raises InputError for another number of weights, RangeError for integers that the circuit would refuse.
    """
    shape.check_integers(weights, features)
    exact = np.zeros((shape.weights, shape.weights), dtype=object)
    # sums of limbs stay below 2^63
    at_once = min(ROWS_AT_ONCE, 1 << (62 - variance.LIMB_BITS - 2 * (shape.format.bits - 1)))
    for start in range(0, len(features), at_once):
        part = features[start : start + at_once]
        design = np.hstack([part, np.ones((len(part), 1), dtype=np.int64)])
        if shape.family is Family.GAUSSIAN:
            exact += (design.T @ design).astype(object)
            continue
        z = part @ np.array(weights[:-1], dtype=np.int64) + shape.format.one * weights[-1]
        limbs = variance.limbs()[sigmoid.rounded_inputs(z, z_frac_bits=shape.z_frac_bits)]
        for number in range(limbs.shape[1]):
            sums = (design * limbs[:, number, None]).T @ design
            exact += sums.astype(object) << (variance.LIMB_BITS * number)
    items = (round_half_up(int(exact[pair]), dropped=shape.dropped_bits(pair)) for pair in shape.pairs)
    return Tally(INFORMATION, tuple(items), len(features))


@dataclass(frozen=True)
class InformationStatement(RowsStatement):
    """One proof of ``information``."""

    shape: InformationShape

    def tally(self) -> Tally:
        """The rounded sums."""
        return information_tally(self.shape, self.weights, self.data.used()[0])
