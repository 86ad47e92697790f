"""``step``: one data owner's gradient, rounded once. Twin of circuits/step.circom and circuits/lib/rows.circom."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from twopm_zk.errors import CircuitTooLargeError, DataError, InputError, RangeError
from twopm_zk.numbers import commitments, pedersen, sigmoid
from twopm_zk.numbers.commitments import random_scalar
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.fixed_point import WEIGHTS, Bound, Format, assert_bounds, round_half_up
from twopm_zk.numbers.pedersen import GRADIENT, Opening, Tally
from twopm_zk.statements.types import Signals

MAX_ROWS = 1023
"""Rows that one update can count: 2^20 updates of so many leave no lane of a packed sum."""
WHOLE_BITS = 4
"""Bits of a feature before its point, the sign among them, that the lanes of a round's packed sums allow for."""
_RESIDUAL_MARGIN_BITS = 14  # sigma is exact to 5e-5 < 2^-14: so much more than 1 can a residual be


@dataclass(frozen=True)
class RowsShape(ABC):
    """Sizes of an instance that is about rows: padded rows, features, and the format of a feature."""

    rows: int
    features: int
    format: Format

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, int]) -> Self:
        """From the template parameters of circuits.json; asserts the bound table."""
        shape = cls(parameters["ROWS"], parameters["FEATURES"], Format(parameters["X_BITS"], parameters["X_FRAC"]))
        assert_bounds(shape.bounds(), instance=f"{shape.rows} rows x {shape.features} features")
        return shape

    @property
    def weights(self) -> int:
        """Number of weights, the intercept among them."""
        return self.features + 1

    @property
    def z_frac_bits(self) -> int:
        """Fractional bits of z = w . x, an exact product."""
        return self.format.frac_bits + WEIGHTS.frac_bits

    def check_integers(self, weights: Sequence[int], features: npt.NDArray[np.int64]) -> None:
        """InputError for another number of weights, RangeError for integers that the circuit would refuse."""
        if len(weights) != self.weights:
            raise InputError(f"{len(weights)} weights for {self.features} features and an intercept")
        if not all(WEIGHTS.holds(weight) for weight in weights):
            raise RangeError(f"a weight does not fit {WEIGHTS.bits} signed bits")
        if features.size and not (self.format.holds(int(features.min())) and self.format.holds(int(features.max()))):
            raise RangeError(f"a feature does not fit {self.format.bits} signed bits")

    @abstractmethod
    def bounds(self) -> tuple[Bound, ...]:
        """Largest magnitude of each intermediate of the circuit; the ones in sums count all summands."""

    def _row_bounds(self) -> tuple[Bound, ...]:
        x, w, one = self.format.bias, WEIGHTS.bias, self.format.one
        z = w * (self.features * x + one)
        dropped = sigmoid.dropped_bits(self.z_frac_bits)
        magnitude = z * sigmoid.UNIT_DIVISOR + (1 << (dropped - 1)) - 1
        return (
            Bound("rows", self.rows, limit=MAX_ROWS + 1),
            Bound("feature", x, limit=(one << (WHOLE_BITS - 1)) + 1),
            Bound("feature times weight", x * w),
            Bound("z", z),
            # a wrong sign gives FIELD_ORDER - magnitude, which must be far outside the range check
            Bound("magnitude of z", magnitude, limit=1 << 200),
            Bound("packed rows", (1 << 252) - 1, limit=FIELD_ORDER),
        )


@dataclass(frozen=True)
class StepShape(RowsShape):
    """Sizes of a ``step`` instance."""

    @property
    def gradient_frac_bits(self) -> int:
        """Fractional bits of the exact gradient."""
        return self.format.frac_bits + sigmoid.SCALE_BITS + 1

    @property
    def dropped_bits(self) -> int:
        """Bits of the exact gradient that are rounded away."""
        return self.gradient_frac_bits - GRADIENT.frac_bits

    @property
    def digits(self) -> int:
        """Signed base-4 digits of a component of the rounded gradient."""
        margin = (1 << _RESIDUAL_MARGIN_BITS) + 1
        largest = (self.rows * self.format.bias * margin) << (GRADIENT.frac_bits - _RESIDUAL_MARGIN_BITS)
        return pedersen.digits_for(largest >> self.format.frac_bits)

    def max_rounded(self) -> int:
        """Largest magnitude of a component of an update that satisfies the circuit."""
        return round_half_up(self._largest_sum(), dropped=self.dropped_bits)

    def bounds(self) -> tuple[Bound, ...]:
        """Largest magnitude of each intermediate of the circuit; the ones in sums count all summands."""
        return (
            *self._row_bounds(),
            *sigmoid.magnitudes(),
            Bound("residual", self._residual()),
            Bound("feature times residual", self.format.bias * self._residual()),
            Bound("gradient component", self._largest_sum(), limit=1 << 250),
            Bound("rounded gradient", self.max_rounded(), limit=(4**self.digits) // 2),
        )

    def _residual(self) -> int:
        value = max(bound.magnitude for bound in sigmoid.magnitudes() if bound.name == "sigmoid value")
        return (1 << sigmoid.SCALE_BITS) + value

    def _largest_sum(self) -> int:
        return self.rows * max(self.format.bias, self.format.one) * self._residual()


@dataclass(frozen=True)
class Rows:
    """Quantised rows, padded to an instance: ``features`` signed, ``marks`` +1 (y=0), -1 (y=1), 0 (padding).

    Marks are what the circuit takes as its signal ``labels``; everywhere else labels are 0 and 1.
    """

    features: tuple[tuple[int, ...], ...] = field(repr=False)
    marks: tuple[int, ...] = field(repr=False)
    _commitments: dict[tuple[int, Format], int] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def padded(cls, shape: RowsShape, features: npt.NDArray[np.int64], labels: Sequence[int]) -> Rows:
        """Pad ``features`` (rows, columns) and ``labels`` of 0 and 1 with zero rows and zero columns.

        Raises CircuitTooLargeError where there are more rows or columns than the shape has, DataError for none.
        """
        if features.ndim != 2:
            raise DataError(f"features of {features.ndim} dimensions: need rows and columns")
        rows, columns = features.shape
        if not 0 < rows == len(labels):
            raise DataError(f"{rows} rows of features, {len(labels)} labels: need as many, and at least one")
        if rows > shape.rows or columns > shape.features:
            raise CircuitTooLargeError(
                f"{rows} rows x {columns} features do not fit a step of {shape.rows} x {shape.features}"
            )
        if any(label not in (0, 1) for label in labels):
            raise DataError("a label is neither 0 nor 1")
        full = np.zeros((shape.rows, shape.features), dtype=np.int64)
        full[:rows, :columns] = features
        marks = [1 - 2 * int(label) for label in labels] + [0] * (shape.rows - rows)
        return cls(tuple(tuple(int(v) for v in row) for row in full), tuple(marks))

    def used(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The rows that are not padding: features, and labels of 0 and 1."""
        features = np.array(self.features, dtype=np.int64).reshape(len(self.marks), -1)
        marks = np.array(self.marks, dtype=np.int64)
        return features[marks != 0], (1 - marks[marks != 0]) // 2

    @property
    def count(self) -> int:
        """Rows that are not padding."""
        return sum(mark != 0 for mark in self.marks)

    def commitment(self, salt: int, *, format: Format) -> int:
        """``dataCommitment``: hiding, bound to the shape. Calculated once: it is the same in every round."""
        known = self._commitments
        if (salt, format) not in known:
            known[salt, format] = commitments.data_commitment(salt, self.features, self.marks, format=format)
        return known[salt, format]


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
    """The gradient before it is rounded: ``features`` (rows, columns), ``labels`` of 0 and 1.

    It has `StepShape.gradient_frac_bits`, which tell few rows apart: it never leaves the circuit.
    residual = mark 2^scale + sign(z) P(T): the first part sums in 64 bits, the second limb by limb.
    Raises InputError for another number of weights, RangeError for integers that the circuit would refuse.
    """
    shape.check_integers(weights, features)
    marks = 1 - 2 * labels  # as the circuit has them: +1 (y=0) or -1 (y=1)
    gradient = [0] * (shape.features + 1)
    for start in range(0, len(marks), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        gradient = [
            a + b for a, b in zip(gradient, _exact_sums(shape, weights, features[part], marks[part]), strict=True)
        ]
    return gradient


ROWS_AT_ONCE = 1 << 14
"""Rows whose sums fit 64 bits. Times 24 bits of a limb and at most 24 of a feature this stays below 2^62."""


def _exact_sums(
    shape: StepShape, weights: Sequence[int], features: npt.NDArray[np.int64], marks: npt.NDArray[np.int64]
) -> list[int]:
    design = np.hstack([features, np.full((len(marks), 1), shape.format.one, dtype=np.int64)])
    z = design @ np.array(weights, dtype=np.int64)
    limbs = sigmoid.polynomial_limbs()[sigmoid.rounded_inputs(z, z_frac_bits=shape.z_frac_bits)]
    labelled = marks @ design
    limb_sums = np.where(z < 0, -1, 1) * design.T @ limbs
    return [
        (int(first) << sigmoid.SCALE_BITS) + sum(int(limb) << (sigmoid.LIMB_BITS * i) for i, limb in enumerate(second))
        for first, second in zip(labelled, limb_sums, strict=True)
    ]


@dataclass(frozen=True)
class RowsStatement(ABC):
    """What one proof says about the rows of one data commitment: ``step`` or ``information``.

    ``context`` and ``weights`` are public, the rest is the owner's secret.
    """

    shape: RowsShape
    context: int
    weights: tuple[int, ...]
    data: Rows = field(repr=False)
    """The rows that `dataCommitment` commits to."""
    salt: int = field(default_factory=random_scalar, repr=False)
    chosen: Opening | None = field(default=None, repr=False)
    """The update and its blinding, where both were drawn before."""

    def __post_init__(self) -> None:
        """Raise InputError for rows or weights of another size than the shape's."""
        shape, data = self.shape, self.data
        if len(self.weights) != shape.features + 1:
            raise InputError(f"{len(self.weights)} weights for {shape.features} features and an intercept")
        sizes = {len(row) for row in data.features}
        if (len(data.features), len(data.marks)) != (shape.rows, shape.rows) or sizes != {shape.features}:
            raise InputError(f"the rows are not padded to the {shape.rows} x {shape.features} of the instance")

    @abstractmethod
    def tally(self) -> Tally:
        """The update."""

    @cached_property
    def opening(self) -> Opening:
        """The update and the blinding that hides it: the ones chosen, or a new blinding."""
        if self.chosen is not None:
            return self.chosen
        tally = self.tally()
        return Opening.drawn(tally.unit, tally.items, tally.rows)

    @cached_property
    def public(self) -> tuple[int, int, int]:
        """``modelCommitment``, ``dataCommitment``, ``updateCommitment``: the y of the point that the update opens."""
        return (
            commitments.model_commitment(self.context, self.weights),
            self.data.commitment(self.salt, format=self.shape.format),
            self.opening.point.y,
        )

    def circuit_inputs(self) -> Signals:
        """Inputs of the circuit, biased where it wants them so."""
        return {
            "context": self.context,
            "weights": [WEIGHTS.biased(w) for w in self.weights],
            "features": [[self.shape.format.biased(x) for x in row] for row in self.data.features],
            "labels": [mark % FIELD_ORDER for mark in self.data.marks],
            "salt": self.salt,
            "blinding": self.opening.blinding % FIELD_ORDER,
        }


@dataclass(frozen=True)
class StepStatement(RowsStatement):
    """One proof of ``step``."""

    shape: StepShape

    def tally(self) -> Tally:
        """The rounded gradient."""
        return gradient_tally(self.shape, self.weights, *self.data.used())
