"""A node's rows as its proofs take them: scaled, quantised, padded, in batches of an instance's rows.

Everything here is private to the node, and stays out of messages and ``repr``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from twopm_zk.errors import DataError, RangeError
from twopm_zk.numbers.commitments import random_scalar
from twopm_zk.rows.tables import Table
from twopm_zk.statements import (
    Collection,
    EvaluateShape,
    EvaluateStatement,
    Family,
    InformationShape,
    InformationStatement,
    Opening,
    Rows,
    RowsStatement,
    StepShape,
    StepStatement,
    Tally,
    evaluation_tally,
    gradient_tally,
    information_tally,
)
from twopm_zk.task.specification import TaskSpec


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows of one proof: ``features`` (rows, padded columns), ``labels`` of 0 and 1, or quantised where they are numbers."""

    shape: StepShape
    features: npt.NDArray[np.int64] = field(repr=False)
    labels: npt.NDArray[np.int64] = field(repr=False)
    salt: int = field(default_factory=random_scalar, repr=False)
    """Hides the rows in the data commitment; a node that loses it cannot prove again."""

    @cached_property
    def data(self) -> Rows:
        """The rows padded to the instance."""
        return Rows.padded(self.shape, self.features, [int(label) for label in self.labels])

    @cached_property
    def commitment(self) -> int:
        """``dataCommitment``, as DataHub registers it."""
        return self.data.commitment(self.salt, format=self.shape.format)

    def tally(self, collection: Collection, weights: Sequence[int]) -> Tally:
        """The update at integer ``weights``."""
        if collection is Collection.INFORMATION:
            return information_tally(self._information_shape, weights, self.features)
        if collection is Collection.EVALUATION:
            return evaluation_tally(self._evaluate_shape, weights, self.features, self.labels)
        return gradient_tally(self.shape, weights, self.features, self.labels)

    def statement(
        self, collection: Collection, context: int, weights: Sequence[int], opening: Opening | None = None
    ) -> RowsStatement:
        """What the batch's proof says in one round, with a fresh blinding unless there is an ``opening``."""
        weights = tuple(weights)
        if collection is Collection.INFORMATION:
            return InformationStatement(self._information_shape, context, weights, self.data, self.salt, opening)
        if collection is Collection.EVALUATION:
            return EvaluateStatement(self._evaluate_shape, context, weights, self.data, self.salt, opening)
        return StepStatement(self.shape, context, weights, self.data, self.salt, opening)

    @property
    def _information_shape(self) -> InformationShape:
        return InformationShape(self.shape.rows, self.shape.features, self.shape.format, self.shape.family)

    @property
    def _evaluate_shape(self) -> EvaluateShape:
        return EvaluateShape(self.shape.rows, self.shape.features, self.shape.format, self.shape.family)


@dataclass(frozen=True)
class NodeData:
    """All batches of one node."""

    name: str
    batches: tuple[Batch, ...]

    @property
    def rows(self) -> int:
        """Rows of all batches."""
        return sum(len(batch.labels) for batch in self.batches)


def prepare(table: Table, spec: TaskSpec, *, name: str = "node") -> NodeData:
    """Check a node's (unscaled) table against the specification and cut it into batches.

    Columns may come in any order. Raises DataError for columns that are missing or unknown, too few rows, values
    that are not finite or outside their column's range, and labels other than 0 and 1; RangeError where a value of
    the column's own range is beyond what the specification's format holds. Messages begin with the node's ``name``
    and never show a value.
    """
    if table.rows < spec.minimum_node_rows:
        raise DataError(f"{name} has {table.rows} rows; `minimum.rows_per_node` is {spec.minimum_node_rows}")
    features, labels = quantized_rows(table, spec, name=name)
    return NodeData(name, batches_of(features, labels, spec.sizes.steps))


def batches_of(
    features: npt.NDArray[np.int64], labels: npt.NDArray[np.int64], shapes: Sequence[StepShape]
) -> tuple[Batch, ...]:
    """Cut quantised rows, padded to the width of ``shapes``, into batches of the largest; the last may be smaller.

    ``shapes`` go from few rows to many.
    """
    most = shapes[-1].rows
    parts = [slice(start, start + most) for start in range(0, len(labels), most)]
    return tuple(
        Batch(next(shape for shape in shapes if shape.rows >= len(labels[part])), features[part], labels[part])
        for part in parts
    )


def padded_columns(scaled: Table, shape: StepShape) -> npt.NDArray[np.int64]:
    """The cells of a scaled table as a circuit takes them, with zero columns up to its width.

    Raises RangeError where a cell does not fit the format.
    """
    features = np.zeros((scaled.rows, shape.features), dtype=np.int64)
    features[:, : len(scaled.names)] = scaled.quantized(shape.format)
    return features


def quantized_rows(table: Table, spec: TaskSpec, *, name: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The cells of an (unscaled) table as the circuits of a task take them, and its labels.

    Columns may come in any order. Errors are those of `prepare`, but for the number of rows.
    """
    if missing := [column for column in spec.features if column not in table.names]:
        raise DataError(f"{name}: there is no column {missing[0]!r}", hint=f"Columns are: {', '.join(table.names)}.")
    if unknown := [column for column in table.names if column not in spec.features]:
        raise DataError(f"{name}: column {unknown[0]!r} is not in the specification", hint="Remove it from the data.")
    order = [table.names.index(column) for column in spec.features]
    ordered = Table(spec.features, table.features[:, order], table.labels)
    _check_cells(ordered, spec, name)
    features = padded_columns(ordered.scaled(spec.scaling), spec.sizes.largest)
    if spec.family is Family.GAUSSIAN:
        label = spec.label_column
        return features, spec.format.quantize((ordered.labels - label.centre) / label.scale, name=spec.label)
    return features, ordered.labels.astype(np.int64)


def _check_cells(table: Table, spec: TaskSpec, name: str) -> None:
    for index, column in enumerate(spec.columns):
        values = table.features[:, index]
        low, high = column.limits(spec.format)
        wrong = np.flatnonzero(~(np.isfinite(values) & (values >= low) & (values <= high)))
        if wrong.size:
            where, value = f"{name}: column {column.name!r}, row {int(wrong[0]) + 1} is", values[wrong[0]]
            if not np.isfinite(value):
                raise DataError(f"{where} not finite")
            error = RangeError if column.has(value) else DataError
            raise error(f"{where} outside the specification's range, {low:g} to {high:g}")
    wrong = np.flatnonzero((table.labels != 0) & (table.labels != 1))
    if wrong.size and spec.family is Family.LOGISTIC:
        raise DataError(f"{name}: label {spec.label!r}, row {int(wrong[0]) + 1} is neither 0 nor 1")
