"""``step``: one data owner's exact update. Twin of circuits/step.circom and circuits/lib/rows.circom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from twopm_zk.errors import CircuitTooLargeError, DataError, InputError, RangeError
from twopm_zk.numbers import commitments, sigmoid
from twopm_zk.numbers.commitments import Tag, random_scalar
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.fixed_point import FEATURES, WEIGHTS, Bound, Format, assert_bounds
from twopm_zk.statements.types import Signals

WHOLE_BITS = 4
"""Bits of a feature before its point, the sign among them, that the bounds of a round's sums allow for: the shape of an
update's commitment says nothing of them."""


@dataclass(frozen=True)
class StepShape:
    """Sizes of a ``step`` instance: padded rows, features, and the format of a feature."""

    rows: int
    features: int
    format: Format

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, int]) -> StepShape:
        """From the template parameters of circuits.json; asserts the bound table."""
        shape = cls(parameters["ROWS"], parameters["FEATURES"], Format(parameters["X_BITS"], parameters["X_FRAC"]))
        assert_bounds(shape.bounds(), instance=f"step-{shape.rows}x{shape.features}")
        return shape

    @property
    def z_frac_bits(self) -> int:
        """Fractional bits of z = w . x, an exact product."""
        return self.format.frac_bits + WEIGHTS.frac_bits

    @property
    def gradient_frac_bits(self) -> int:
        """Fractional bits of the exact gradient."""
        return self.format.frac_bits + sigmoid.SCALE_BITS + 1

    def bounds(self) -> tuple[Bound, ...]:
        """Largest magnitude of each intermediate of the circuit; the ones in sums count all summands."""
        x, w, one = self.format.bias, WEIGHTS.bias, self.format.one
        z = w * (self.features * x + one)
        dropped = sigmoid.dropped_bits(self.z_frac_bits)
        magnitude = z * sigmoid.UNIT_DIVISOR + (1 << (dropped - 1)) - 1
        value = max(bound.magnitude for bound in sigmoid.magnitudes() if bound.name == "sigmoid value")
        residual = (1 << sigmoid.SCALE_BITS) + value
        return (
            Bound("feature times weight", x * w),
            Bound("z", z),
            # a wrong sign gives FIELD_ORDER - magnitude, which must be far outside the range check
            Bound("magnitude of z", magnitude, limit=1 << 200),
            *sigmoid.magnitudes(),
            Bound("residual", residual),
            Bound("feature times residual", x * residual),
            Bound("gradient component", self.rows * max(x, one) * residual),
            Bound("packed rows", (1 << 252) - 1, limit=FIELD_ORDER),
            Bound("feature", x, limit=(one << (WHOLE_BITS - 1)) + 1),
        )

    def max_gradient(self) -> int:
        """Largest magnitude of a component of an update that satisfies the circuit."""
        return next(bound.magnitude for bound in self.bounds() if bound.name == "gradient component")


@dataclass(frozen=True)
class Rows:
    """Quantised rows, padded to an instance: ``features`` signed, ``marks`` +1 (y=0), -1 (y=1), 0 (padding).

    Marks are what the circuit takes as its signal ``labels``; everywhere else labels are 0 and 1.
    """

    features: tuple[tuple[int, ...], ...] = field(repr=False)
    marks: tuple[int, ...] = field(repr=False)
    _commitments: dict[tuple[int, Format], int] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def padded(cls, shape: StepShape, features: npt.NDArray[np.int64], labels: Sequence[int]) -> Rows:
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


@dataclass(frozen=True)
class Update:
    """An exact update: row count and gradient of the loss, intercept last, as integers; updates add up."""

    rows: int = field(repr=False)
    gradient: tuple[int, ...] = field(repr=False)
    x_frac_bits: int = FEATURES.frac_bits
    """Fractional bits of the features behind it: the unit of the gradient, and part of the commitment."""

    def __add__(self, other: Update) -> Update:
        if self.x_frac_bits != other.x_frac_bits:
            raise InputError("updates of features in different formats do not add up")
        gradient = tuple(a + b for a, b in zip(self.gradient, other.gradient, strict=True))
        return Update(self.rows + other.rows, gradient, self.x_frac_bits)

    def commitment(self, blinding: int) -> int:
        """``updateCommitment``: hiding."""
        return commitments.sum_commitment(Tag.UPDATE, blinding, self.rows, self.gradient, x_frac_bits=self.x_frac_bits)

    def real(self, shape: StepShape) -> npt.NDArray[np.float64]:
        """The gradient as reals: sum over rows of x (sigma(z) - y)."""
        return np.array([value / (1 << shape.gradient_frac_bits) for value in self.gradient])


def gradient_step(shape: StepShape, weights: Sequence[int], data: Rows) -> Update:
    """The update of ``data`` at integer ``weights`` (columns, then intercept), exactly as the circuit has it."""
    features = np.array(data.features, dtype=np.int64).reshape(len(data.marks), shape.features)
    marks = np.array(data.marks, dtype=np.int64)
    return exact_update(shape, weights, features[marks != 0], (1 - marks[marks != 0]) // 2)


def exact_update(
    shape: StepShape, weights: Sequence[int], features: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]
) -> Update:
    """The update of any number of rows: ``features`` (rows, columns), ``labels`` of 0 and 1.

    residual = mark 2^scale + sign(z) P(T): the first part sums in 64 bits, the second limb by limb.
    Raises InputError for another number of weights, RangeError for integers that the circuit would refuse.
    """
    if len(weights) != shape.features + 1:
        raise InputError(f"{len(weights)} weights for {shape.features} features and an intercept")
    if not all(WEIGHTS.holds(weight) for weight in weights):
        raise RangeError(f"a weight does not fit {WEIGHTS.bits} signed bits")
    if features.size and not (shape.format.holds(int(features.min())) and shape.format.holds(int(features.max()))):
        raise RangeError(f"a feature does not fit {shape.format.bits} signed bits")
    marks = 1 - 2 * labels  # as the circuit has them: +1 (y=0) or -1 (y=1)
    gradient = [0] * (shape.features + 1)
    for start in range(0, len(marks), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        gradient = [
            a + b for a, b in zip(gradient, _exact_sums(shape, weights, features[part], marks[part]), strict=True)
        ]
    return Update(len(marks), tuple(gradient), shape.format.frac_bits)


_ROWS_AT_ONCE = 1 << 14
"""Times 24 bits of a limb and at most 24 of a feature this stays below 2^62."""


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
class StepStatement:
    """One proof of ``step``: everything that goes in, and what comes out.

    ``context`` and ``weights`` are public, the rest is the owner's secret.
    """

    shape: StepShape
    context: int
    weights: tuple[int, ...]
    data: Rows = field(repr=False)
    """The rows that `dataCommitment` commits to."""
    salt: int = field(default_factory=random_scalar, repr=False)
    blinding: int = field(default_factory=random_scalar, repr=False)

    def __post_init__(self) -> None:
        """Raise InputError for rows or weights of another size than the shape's."""
        shape, data = self.shape, self.data
        if len(self.weights) != shape.features + 1:
            raise InputError(f"{len(self.weights)} weights for {shape.features} features and an intercept")
        sizes = {len(row) for row in data.features}
        if (len(data.features), len(data.marks)) != (shape.rows, shape.rows) or sizes != {shape.features}:
            raise InputError(f"the rows are not padded to the {shape.rows} x {shape.features} of the step")

    @cached_property
    def update(self) -> Update:
        """The exact update."""
        return gradient_step(self.shape, self.weights, self.data)

    @cached_property
    def public(self) -> tuple[int, int, int]:
        """``modelCommitment``, ``dataCommitment``, ``updateCommitment``."""
        return (
            commitments.model_commitment(self.context, self.weights),
            self.data.commitment(self.salt, format=self.shape.format),
            self.update.commitment(self.blinding),
        )

    def circuit_inputs(self) -> Signals:
        """Inputs of the circuit, biased where it wants them so."""
        return {
            "context": self.context,
            "weights": [WEIGHTS.biased(w) for w in self.weights],
            "features": [[self.shape.format.biased(x) for x in row] for row in self.data.features],
            "labels": [mark % FIELD_ORDER for mark in self.data.marks],
            "salt": self.salt,
            "blinding": self.blinding,
        }
