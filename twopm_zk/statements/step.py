"""``step``: one data owner's gradient, rounded once. Twin of circuits/step.circom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from twopm_zk.numbers import sigmoid
from twopm_zk.numbers.fixed_point import Bound, round_half_up
from twopm_zk.numbers.pedersen import GRADIENT, Tally, Unit
from twopm_zk.statements.family import DISPERSION_LOG2, Family
from twopm_zk.statements.rows import ROWS_AT_ONCE, RowsShape, RowsStatement

_RESIDUAL_MARGIN_BITS = 14  # sigma is exact to 5e-5 < 2^-14: so much more than 1 can a residual be


@dataclass(frozen=True)
class StepShape(RowsShape):
    """Sizes of a ``step`` instance."""

    @property
    def gradient_frac_bits(self) -> int:
        """Fractional bits of the exact gradient."""
        return self.format.frac_bits + self.residual_frac_bits

    @property
    def residual_frac_bits(self) -> int:
        """Fractional bits of the derivative of a row's loss with respect to z, which is at most 1 in magnitude."""
        return self.z_frac_bits + DISPERSION_LOG2 if self.family is Family.GAUSSIAN else sigmoid.SCALE_BITS + 1

    @property
    def dropped_bits(self) -> int:
        """Bits of the exact gradient that are rounded away."""
        return self.gradient_frac_bits - GRADIENT.frac_bits

    @property
    def unit(self) -> Unit:
        """What an update is counted in."""
        return GRADIENT

    def largest_sums(self) -> tuple[int, ...]:
        """Largest magnitude of each component of the rounded gradient."""
        return (self._largest_rounded,) * self.weights

    @property
    def _largest_rounded(self) -> int:
        """Rows times a cell, and a little more."""
        margin = (1 << _RESIDUAL_MARGIN_BITS) + 1
        largest = (self.rows * self.format.bias * margin) << (GRADIENT.frac_bits - _RESIDUAL_MARGIN_BITS)
        return largest >> self.format.frac_bits

    def max_rounded(self) -> int:
        """Largest magnitude of a component of an update that satisfies the circuit, before noise."""
        return round_half_up(self._largest_sum(), dropped=self.dropped_bits)

    def bounds(self) -> tuple[Bound, ...]:
        """Largest magnitude of each intermediate of the circuit; the ones in sums count all summands."""
        return (
            *self._row_bounds(),
            *(sigmoid.magnitudes() if self.family is Family.LOGISTIC else ()),
            Bound("residual", self._residual()),
            Bound("feature times residual", self.format.bias * self._residual()),
            Bound("gradient component", self._largest_sum(), limit=1 << 250),
            Bound("rounded gradient", self.max_rounded(), limit=self._largest_rounded + 1),
        )

    def _residual(self) -> int:
        if self.family is Family.GAUSSIAN:
            return self.deviation_max
        value = max(bound.magnitude for bound in sigmoid.magnitudes() if bound.name == "sigmoid value")
        return (1 << sigmoid.SCALE_BITS) + value

    def _largest_sum(self) -> int:
        return self.rows * max(self.format.bias, self.format.one) * self._residual()


def gradient_tally(
    shape: StepShape, weights: Sequence[int], features: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]
) -> Tally:
    """The gradient over any number of rows, rounded once. Rows that go into several updates are rounded in each.

    Arguments and errors are those of `exact_gradient`.
    """
    exact = exact_gradient(shape, weights, features, labels)
    return Tally(GRADIENT, tuple(round_half_up(value, dropped=shape.dropped_bits) for value in exact), len(labels))


def exact_gradient(
    shape: StepShape, weights: Sequence[int], features: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]
) -> list[int]:
    """The gradient before it is rounded: ``features`` (rows, columns), ``labels`` as the family has them.

    It has `StepShape.gradient_frac_bits`, which tell few rows apart: it never leaves the circuit.
    Raises InputError for another number of weights, RangeError for integers that the circuit would refuse.
    """
    shape.check_integers(weights, features)
    sums = _gaussian_sums if shape.family is Family.GAUSSIAN else _logistic_sums
    gradient = [0] * (shape.features + 1)
    for start in range(0, len(labels), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        gradient = [a + b for a, b in zip(gradient, sums(shape, weights, features[part], labels[part]), strict=True)]
    return gradient


def _design(shape: StepShape, features: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.hstack([features, np.full((len(features), 1), shape.format.one, dtype=np.int64)])


def _logistic_sums(
    shape: StepShape, weights: Sequence[int], features: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]
) -> list[int]:
    """residual = mark 2^scale + sign(z) P(T): the first part sums in 64 bits, the second limb by limb."""
    design = _design(shape, features)
    z = design @ np.array(weights, dtype=np.int64)
    limbs = sigmoid.polynomial_limbs()[sigmoid.rounded_inputs(z, z_frac_bits=shape.z_frac_bits)]
    labelled = (1 - 2 * labels) @ design  # marks as the circuit has them: +1 (y=0) or -1 (y=1)
    limb_sums = np.where(z < 0, -1, 1) * design.T @ limbs
    return [
        (int(first) << sigmoid.SCALE_BITS) + sum(int(limb) << (sigmoid.LIMB_BITS * i) for i, limb in enumerate(second))
        for first, second in zip(labelled, limb_sums, strict=True)
    ]


def _gaussian_sums(
    shape: StepShape, weights: Sequence[int], features: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]
) -> list[int]:
    """residual = z - y, in limbs of 24 bits."""
    design = _design(shape, features)
    deviation = shape.deviations(weights, features, labels)
    low, high = design.T @ (deviation & 0xFFFFFF), design.T @ (deviation >> 24)
    return [int(a) + (int(b) << 24) for a, b in zip(low, high, strict=True)]


@dataclass(frozen=True)
class StepStatement(RowsStatement):
    """One proof of ``step``."""

    shape: StepShape

    def tally(self) -> Tally:
        """The rounded gradient."""
        return gradient_tally(self.shape, self.weights, *self.data.used())
