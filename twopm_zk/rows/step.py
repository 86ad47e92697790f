"""Which instance fits, and the statement of a data owner's table for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from twopm_zk.circuit.instances import Instance, instances
from twopm_zk.errors import CircuitTooLargeError, InputError
from twopm_zk.numbers.fixed_point import FEATURES, WEIGHTS, Format
from twopm_zk.rows.batches import Batch, padded_columns
from twopm_zk.rows.tables import Table
from twopm_zk.statements import StepShape, StepStatement


@dataclass(frozen=True)
class PreparedStep:
    """A step statement together with the instance that proves it."""

    instance: Instance
    statement: StepStatement


def choose_step(rows: int, features: int, *, format: Format = FEATURES) -> tuple[Instance, StepShape]:
    """The smallest ``step`` instance for ``rows`` x ``features`` in ``format``.

    Raises CircuitTooLargeError where none is large enough.
    """
    shapes = [(i, StepShape.from_parameters(i.parameters)) for i in instances().values() if i.template == "Step"]
    shapes = [(i, shape) for i, shape in shapes if shape.format == format]
    fitting = [(i, shape) for i, shape in shapes if shape.rows >= rows and shape.features >= features]
    if not fitting:
        largest = max((shape.rows, shape.features) for _, shape in shapes)
        raise CircuitTooLargeError(
            f"{rows} rows x {features} features fit no step instance; the largest is {largest[0]} x {largest[1]}",
            hint="Split the rows into batches (updates add up exactly), or add an instance to circuits.json.",
        )
    return min(fitting, key=lambda pair: (pair[1].features, pair[1].rows))


def prepare_step(
    table: Table, weights: Sequence[float], *, context: int = 0, instance: Instance | None = None
) -> PreparedStep:
    """Quantise a (scaled) table and real ``weights`` (columns, intercept last); fresh salt and blinding.

    Raises RangeError where a number does not fit its format, CircuitTooLargeError where the rows do not fit.
    """
    if len(weights) != len(table.names) + 1:
        raise InputError(f"{len(weights)} weights for {len(table.names)} columns and the intercept")
    if instance is None:
        instance, shape = choose_step(table.rows, len(table.names))
    elif instance.template == "Step":
        shape = StepShape.from_parameters(instance.parameters)
    else:
        raise InputError(f"instance {instance.name!r} is no step circuit")
    rows, columns = table.features.shape
    if rows > shape.rows or columns > shape.features:
        raise CircuitTooLargeError(
            f"{rows} rows x {columns} features do not fit a step of {shape.rows} x {shape.features}"
        )
    *slopes, intercept = (int(w) for w in WEIGHTS.quantize(weights, name="weights"))
    padded = (*slopes, *[0] * (shape.features - len(slopes)), intercept)
    batch = Batch(shape, padded_columns(table, shape), table.labels.astype(np.int64))
    return PreparedStep(instance, batch.statement(context, padded))


def step_gradient(table: Table, prepared: PreparedStep) -> list[float]:
    """The proven gradient as reals, columns of ``table`` and then the intercept."""
    real = prepared.statement.update.real(prepared.statement.shape)
    return [*(float(v) for v in real[: len(table.names)]), float(real[-1])]
