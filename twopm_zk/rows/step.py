"""Which instance fits a data owner's table, and what it says of it: ``step``, or ``information`` of the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from twopm_zk.circuit.instances import Instance, instances
from twopm_zk.errors import CircuitTooLargeError, InputError
from twopm_zk.numbers.fixed_point import FEATURES, WEIGHTS, Format
from twopm_zk.rows.batches import Batch, padded_columns
from twopm_zk.rows.tables import Table
from twopm_zk.statements import Collection, Family, RowsStatement, StepShape, symmetric
from twopm_zk.task.instances import TEMPLATES


@dataclass(frozen=True)
class PreparedStep:
    """A statement about rows together with the instance that proves it."""

    instance: Instance
    statement: RowsStatement


def choose_step(
    rows: int, features: int, *, format: Format = FEATURES, collection: Collection = Collection.GRADIENT
) -> tuple[Instance, StepShape]:
    """The smallest instance without noise for ``rows`` x ``features`` in ``format``, and its sizes.

    Raises CircuitTooLargeError where none is large enough.
    """
    template = TEMPLATES[collection]
    shapes = [(i, StepShape.from_parameters(i.parameters)) for i in instances().values() if i.template == template]
    shapes = [
        (i, shape) for i, shape in shapes if (shape.format, shape.family, shape.noise) == (format, Family.LOGISTIC, 0)
    ]
    fitting = [(i, shape) for i, shape in shapes if shape.rows >= rows and shape.features >= features]
    if not fitting:
        wide = [shape for _, shape in shapes if shape.features >= features] or [shape for _, shape in shapes]
        largest = max((shape.rows, shape.features) for shape in wide)
        raise CircuitTooLargeError(
            f"{rows} rows x {features} features fit no {template.lower()} instance; the largest is "
            f"{largest[0]} x {largest[1]}",
            hint="Split the rows into batches (updates add up), or add an instance to circuits.json.",
        )
    return min(fitting, key=lambda pair: (pair[1].features, pair[1].rows))


def prepare_step(
    table: Table,
    weights: Sequence[float],
    *,
    context: int = 0,
    instance: Instance | None = None,
    collection: Collection = Collection.GRADIENT,
) -> PreparedStep:
    """Quantise a (scaled) table and real ``weights`` (columns, intercept last); fresh salt and blinding.

    What is proven is their gradient, or, for that ``collection``, their information; without noise, also where the
    instance has room for some.

    Raises RangeError where a number does not fit its format, CircuitTooLargeError where the rows do not fit.
    """
    if len(weights) != len(table.names) + 1:
        raise InputError(f"{len(weights)} weights for {len(table.names)} columns and the intercept")
    if instance is None:
        instance, shape = choose_step(table.rows, len(table.names), collection=collection)
    elif instance.template == TEMPLATES[collection]:
        shape = StepShape.from_parameters(instance.parameters)
    else:
        raise InputError(f"instance {instance.name!r} is no {TEMPLATES[collection].lower()} circuit")
    rows, columns = table.features.shape
    if rows > shape.rows or columns > shape.features:
        raise CircuitTooLargeError(
            f"{rows} rows x {columns} features do not fit the instance of {shape.rows} x {shape.features}"
        )
    *slopes, intercept = (int(w) for w in WEIGHTS.quantize(weights, name="weights"))
    padded = (*slopes, *[0] * (shape.features - len(slopes)), intercept)
    batch = Batch(shape, padded_columns(table, shape), table.labels.astype(np.int64))
    return PreparedStep(instance, batch.statement(collection, context, padded, noise=shape.noise))


def step_gradient(table: Table, prepared: PreparedStep) -> list[float]:
    """The proven gradient as reals, columns of ``table`` and then the intercept."""
    real = prepared.statement.opening.real
    return [*(float(v) for v in real[: len(table.names)]), float(real[-1])]


def step_information(table: Table, prepared: PreparedStep) -> list[list[float]]:
    """The proven information as reals, a symmetric matrix: columns of ``table`` and then the intercept."""
    full = symmetric(prepared.statement.opening)
    keep = [*range(len(table.names)), len(full) - 1]
    found: list[list[float]] = full[np.ix_(keep, keep)].tolist()
    return found
