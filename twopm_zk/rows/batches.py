"""A node's rows as its proofs take them: scaled, quantised, padded, in batches of an instance's rows.

Everything here is private to the node, and stays out of messages and ``repr``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from twopm_zk.errors import DataError
from twopm_zk.numbers.commitments import random_scalar
from twopm_zk.rows.cells import CsvOptions
from twopm_zk.rows.clipping import shortened
from twopm_zk.rows.coding import Coded, code
from twopm_zk.rows.problems import raise_first
from twopm_zk.rows.sources import RowData, cells_of
from twopm_zk.rows.tables import Table
from twopm_zk.statements import (
    Collection,
    EvaluateShape,
    EvaluateStatement,
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

MAX_ROWS_IN_ALL = 20_000_000
"""Of one node, a row of weight k counted k times."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows of one proof: ``features`` (rows, padded columns), ``labels`` of 0 and 1, or quantised numbers."""

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
        self,
        collection: Collection,
        context: int,
        weights: Sequence[int],
        opening: Opening | None = None,
        *,
        noise: int = 0,
    ) -> RowsStatement:
        """What the batch's proof says in one round, with a fresh blinding unless there is an ``opening``.

        ``noise`` is that of the instance: where it is not 0, what the opening has more than the tally.
        """
        weights = tuple(weights)
        if collection is Collection.INFORMATION:
            shape = replace(self._information_shape, noise=noise)
            return InformationStatement(shape, context, weights, self.data, self.salt, opening)
        if collection is Collection.EVALUATION:
            of_scores = replace(self._evaluate_shape, noise=noise)
            return EvaluateStatement(of_scores, context, weights, self.data, self.salt, opening)
        return StepStatement(replace(self.shape, noise=noise), context, weights, self.data, self.salt, opening)

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
        """Rows of all batches, a row of weight k counted k times."""
        return sum(len(batch.labels) for batch in self.batches)


def prepare(data: RowData, spec: TaskSpec, *, name: str = "node", options: CsvOptions | None = None) -> NodeData:
    """Check a node's (unscaled) rows against the specification and cut them into batches.

    ``data`` is a `Table`, the path of a CSV or Parquet file, or a table of pandas, polars or Arrow; its columns may
    come in any order, and those that the specification does not name are ignored.

    Raises DataError for columns that are missing, too few rows, values that are missing, not finite, outside their
    column's range or none of its categories, and labels that are none; RangeError where a value of the column's own
    range is beyond what the specification's format holds. Messages begin with the node's ``name`` and never show a
    value.
    """
    cells = cells_of(data, label=spec.label, wanted=spec.data_columns, options=options)
    if cells.rows < spec.minimum_node_rows:
        raise DataError(f"{name} has {cells.rows} rows; `minimum.rows_per_node` is {spec.minimum_node_rows}")
    features, labels = quantized_rows(cells, spec, name=name)
    return NodeData(name, batches_of(features, labels, spec.sizes.steps))


def too_many(batches: int, spec: TaskSpec) -> str:
    """What is wrong with so many batches of one node, in words; nothing where a task over a chain takes them."""
    if batches <= spec.maximum_node_updates:
        return ""
    return (
        f"the rows take {batches} batches of up to {spec.sizes.largest.rows}; `maximum.updates_per_node` is "
        f"{spec.maximum_node_updates}"
    )


def same_rows(some: Sequence[Batch], others: Sequence[Batch]) -> bool:
    """Whether two sets of batches are of the same rows in the same order, whatever hides them."""
    return len(some) == len(others) and all(
        np.array_equal(one.features, other.features) and np.array_equal(one.labels, other.labels)
        for one, other in zip(some, others, strict=True)
    )


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


def quantized_rows(data: RowData, spec: TaskSpec, *, name: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows as the circuits of a task take them, and their labels.

    Errors are those of `prepare`, but for too few rows.
    """
    coded = code(cells_of(data, label=spec.label, wanted=spec.data_columns), spec)
    raise_first(coded.problems, name)
    return quantized(coded, spec)


def quantized(
    coded: Coded, spec: TaskSpec, *, whole: bool = False
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows as the circuits of a task take them, each as often as it counts, and their labels.

    A real-valued label is scaled and in the format of features, as they are. Rows longer than `Privacy.clip` are
    shortened to it, unless they are wanted ``whole``.
    """
    total = int(coded.counts.sum())
    if total > MAX_ROWS_IN_ALL:
        raise DataError(f"by their weights there are {total} rows; at most {MAX_ROWS_IN_ALL} are taken")
    labels = coded.labels.astype(np.int64)
    if spec.family == "gaussian":
        column = spec.label_column
        labels = spec.format.quantize((coded.labels - column.centre) / column.scale, name=f"label {spec.label!r}")
    features = padded_columns(Table(spec.features, coded.features, labels).scaled(spec.scaling), spec.sizes.largest)
    if spec.privacy is not None and spec.privacy.clip is not None and not whole:
        features = shortened(features, spec.privacy.clip, spec.format)
    return np.repeat(features, coded.counts, axis=0), np.repeat(labels, coded.counts)
