"""Rows as proofs take them: quantised, padded, committed to. Twin of circuits/lib/rows.circom."""

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
from twopm_zk.numbers.fixed_point import WEIGHTS, Bound, Format, assert_bounds
from twopm_zk.numbers.pedersen import Opening, Tally, Unit
from twopm_zk.statements.family import DISPERSION_LOG2, Family
from twopm_zk.statements.types import Signals

MAX_ROWS = 1023
"""Rows that one update can count: 2^20 updates of so many leave no lane of a packed sum."""
ROWS_AT_ONCE = 1 << 14
"""Rows whose sums fit 64 bits. Times 24 bits of a limb and at most 24 of a cell this stays below 2^62."""
MAX_NOISE = 16
"""Noise in a sum is below 2^16 units of it at most: 1,024 updates leave no lane of a packed sum."""
WHOLE_BITS = 4
"""Bits of a cell before its point, the sign among them, that the lanes of a round's packed sums allow for."""


@dataclass(frozen=True)
class RowsShape(ABC):
    """Sizes of an instance that is about rows: padded rows, features, the format of a cell, and the family.

    ``noise`` is 0, or each sum of an update carries noise of up to 2^noise times its `noise_unit`.
    """

    rows: int
    features: int
    format: Format
    family: Family = Family.LOGISTIC
    noise: int = 0

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, int]) -> Self:
        """From the template parameters of circuits.json; asserts the bound table."""
        format, family = Format(parameters["X_BITS"], parameters["X_FRAC"]), Family.numbered(parameters["FAMILY"])
        shape = cls(parameters["ROWS"], parameters["FEATURES"], format, family, parameters["NOISE"])
        assert_bounds(shape.bounds(), instance=f"{shape.rows} rows x {shape.features} features")
        return shape

    @property
    def weights(self) -> int:
        """Number of weights, the intercept among them."""
        return self.features + 1

    @property
    @abstractmethod
    def unit(self) -> Unit:
        """What an update is counted in."""

    @abstractmethod
    def largest_sums(self) -> tuple[int, ...]:
        """Largest magnitude of each rounded sum that a proof can have, before noise."""

    @property
    def digits(self) -> tuple[int, ...]:
        """Signed base-4 digits of each sum of an update, its noise included."""
        return tuple(pedersen.digits_for(value) for value in self.largest_items())

    def largest_items(self) -> tuple[int, ...]:
        """Largest magnitude of each sum of an update, its noise included."""
        return tuple(value + self.noise_bound(index) for index, value in enumerate(self.largest_sums()))

    def noise_unit(self, index: int) -> int:
        """log2 of what noise in one sum is measured by, in the unit of its integers: by default a whole one."""
        return self.unit.frac_bits

    def noise_bound(self, index: int) -> int:
        """Noise of one sum is at least minus this, and below it; 0 where there is none."""
        return 1 << (self.noise + self.noise_unit(index)) if self.noise else 0

    @property
    def most_updates(self) -> int:
        """How many updates a round can add up, so that no sum leaves its lane."""
        items = self.largest_items()
        places = self.unit.places(len(items))
        return min((1 << (place.bits - 1)) // (item + 1) for place, item in zip(places, items, strict=True))

    @property
    def columns(self) -> int:
        """Cells of a row: the features, and the label where it is a number."""
        return self.features + self.family.label_columns

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

    @property
    def z_max(self) -> int:
        """The largest magnitude of z that weights and cells of their formats can reach."""
        return WEIGHTS.bias * (self.features * self.format.bias + self.format.one)

    @property
    def deviation_max(self) -> int:
        """The largest |z - y| that a proof accepts, where the label is a number."""
        return 1 << (self.z_frac_bits + DISPERSION_LOG2)

    def deviations(
        self, weights: Sequence[int], features: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """z - y of each row, with `z_frac_bits`, where labels are numbers.

        Raises RangeError where a proof would refuse a label, or its z - y: the message names the row, never a value.
        """
        outside = np.flatnonzero((labels < -self.format.bias) | (labels >= self.format.bias))
        if outside.size:
            raise RangeError(
                f"the label of row {int(outside[0]) + 1} of a batch does not fit {self.format.bits} signed bits"
            )
        z = features @ np.array(weights[:-1], dtype=np.int64) + self.format.one * weights[-1]
        found: npt.NDArray[np.int64] = z - (labels << WEIGHTS.frac_bits)
        wrong = np.flatnonzero((found < -self.deviation_max) | (found >= self.deviation_max))
        if wrong.size:
            raise RangeError(
                f"row {int(wrong[0]) + 1} of a batch is {1 << DISPERSION_LOG2} or more from what the weights expect of "
                "it, in units of the scaled label: it cannot be proven",
                hint="Give the label or the features larger scales.",
            )
        return found

    @abstractmethod
    def bounds(self) -> tuple[Bound, ...]:
        """Largest magnitude of each intermediate of the circuit; the ones in sums count all summands."""

    def _row_bounds(self) -> tuple[Bound, ...]:
        x, w, one = self.format.bias, WEIGHTS.bias, self.format.one
        z = self.z_max
        dropped = sigmoid.dropped_bits(self.z_frac_bits)
        magnitude = z * sigmoid.UNIT_DIVISOR + (1 << (dropped - 1)) - 1
        return (
            Bound("rows", self.rows, limit=MAX_ROWS + 1),
            Bound("noise", self.noise, limit=MAX_NOISE + 1),
            Bound("cell", x, limit=(one << (WHOLE_BITS - 1)) + 1),
            Bound("feature times weight", x * w),
            Bound("z", z),
            Bound("z less a label", z + (x << WEIGHTS.frac_bits), limit=1 << 200),
            # a wrong sign gives FIELD_ORDER - magnitude, which must be far outside the range check
            Bound("magnitude of z", magnitude, limit=1 << 200),
            Bound("packed rows", (1 << 252) - 1, limit=FIELD_ORDER),
        )


@dataclass(frozen=True)
class Rows:
    """Quantised rows, padded to an instance: signed ``cells``, and ``marks`` of +1 (y=0), -1 (y=1), 0 (padding).

    Where labels are numbers they are the last column of the cells, and marks 1 and 0 (padding). Everywhere else labels
    are as the family has them: 0 and 1, or numbers.
    """

    cells: tuple[tuple[int, ...], ...] = field(repr=False)
    marks: tuple[int, ...] = field(repr=False)
    family: Family = Family.LOGISTIC
    _commitments: dict[tuple[int, Format], int] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def padded(cls, shape: RowsShape, features: npt.NDArray[np.int64], labels: Sequence[int]) -> Rows:
        """Pad ``features`` (rows, columns) and ``labels``, quantised if they are numbers, with rows and columns of 0.

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
        full = np.zeros((shape.rows, shape.columns), dtype=np.int64)
        full[:rows, :columns] = features
        if shape.family is Family.GAUSSIAN:
            full[:rows, -1] = labels
            used = [1] * rows
        else:
            if any(label not in (0, 1) for label in labels):
                raise DataError("a label is neither 0 nor 1")
            used = [1 - 2 * int(label) for label in labels]
        marks = (*used, *[0] * (shape.rows - rows))
        return cls(tuple(tuple(int(v) for v in row) for row in full), marks, shape.family)

    def used(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The rows that are not padding: features, and labels."""
        cells = np.array(self.cells, dtype=np.int64).reshape(len(self.marks), -1)
        marks = np.array(self.marks, dtype=np.int64)
        if self.family is Family.GAUSSIAN:
            return cells[marks != 0, :-1], cells[marks != 0, -1]
        return cells[marks != 0], (1 - marks[marks != 0]) // 2

    @property
    def count(self) -> int:
        """Rows that are not padding."""
        return sum(mark != 0 for mark in self.marks)

    def commitment(self, salt: int, *, format: Format) -> int:
        """``dataCommitment``: hiding, bound to the shape. Calculated once: it is the same in every round."""
        known = self._commitments
        if (salt, format) not in known:
            features = len(self.cells[0]) - self.family.label_columns
            shape = commitments.rows_shape(len(self.cells), features, format, family=self.family.number)
            known[salt, format] = commitments.data_commitment(salt, self.cells, self.marks, format=format, shape=shape)
        return known[salt, format]


@dataclass(frozen=True)
class RowsStatement(ABC):
    """What one proof says about the rows of one data commitment: ``step``, ``information`` or ``evaluate``.

    ``context`` and ``weights`` are public, the rest is the owner's secret.
    """

    shape: RowsShape
    context: int
    weights: tuple[int, ...]
    data: Rows = field(repr=False)
    """The rows that `dataCommitment` commits to."""
    salt: int = field(default_factory=random_scalar, repr=False)
    chosen: Opening | None = field(default=None, repr=False)
    """The update, its noise included, and its blinding, where they were drawn before."""

    def __post_init__(self) -> None:
        """Raise InputError for rows or weights of another size than the shape's."""
        shape, data = self.shape, self.data
        if len(self.weights) != shape.features + 1:
            raise InputError(f"{len(self.weights)} weights for {shape.features} features and an intercept")
        sizes = {len(row) for row in data.cells}
        if (len(data.cells), len(data.marks)) != (shape.rows, shape.rows) or sizes != {shape.columns}:
            raise InputError(f"the rows are not padded to the {shape.rows} x {shape.features} of the instance")
        if data.family is not shape.family:
            raise InputError(f"the rows are of the {data.family} family, the instance is not")

    @abstractmethod
    def tally(self) -> Tally:
        """The update without noise."""

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

    @property
    def noise(self) -> tuple[int, ...]:
        """What the update is more than the tally. Raises RangeError where the circuit would refuse it."""
        if not self.shape.noise:
            return ()
        sums = zip(self.opening.items, self.tally().items, strict=True)
        found = tuple(item - exact for item, exact in sums)
        for index, value in enumerate(found):
            if not -self.shape.noise_bound(index) <= value < self.shape.noise_bound(index):
                raise RangeError(f"the noise of a sum is not below 2^{self.shape.noise}: draw it anew")
        return found

    def circuit_inputs(self) -> Signals:
        """Inputs of the circuit, biased where it wants them so."""
        return {
            "context": self.context,
            "weights": [WEIGHTS.biased(w) for w in self.weights],
            "cells": [[self.shape.format.biased(x) for x in row] for row in self.data.cells],
            "marks": [mark % FIELD_ORDER for mark in self.data.marks],
            "salt": self.salt,
            "blinding": self.opening.blinding % FIELD_ORDER,
            "noise": [value % FIELD_ORDER for value in self.noise],
        }
