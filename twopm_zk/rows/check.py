"""All that is wrong with a data owner's rows at once, and a summary that is for the owner alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from twopm_zk.errors import InputError, TwopmError
from twopm_zk.rows.batches import Batch, batches_of, quantized, same_rows, too_many
from twopm_zk.rows.cells import CsvOptions, Dialect
from twopm_zk.rows.clipping import too_long
from twopm_zk.rows.coding import Coded, Floats, code
from twopm_zk.rows.problems import Problem
from twopm_zk.rows.sources import RowData, cells_of
from twopm_zk.task.specification import TaskSpec


@dataclass(frozen=True)
class ColumnSummary:
    """One column over the rows that can be used, in its own units: before any transform. Private."""

    name: str
    least: float | None = field(repr=False)
    mean: float | None = field(repr=False)
    most: float | None = field(repr=False)
    missing: int = field(repr=False)
    """Rows without a value."""
    fills: float = field(repr=False)
    """How much of the range of the specification's format the values span, from 0 to 1."""


@dataclass(frozen=True)
class Summary:
    """What an owner may want to see of the own rows, and nobody else may. Private."""

    columns: tuple[ColumnSummary, ...] = field(repr=False)
    label: ColumnSummary = field(repr=False)
    """Of 0 and 1 its mean is the share of positives."""


@dataclass(frozen=True)
class RowsReport:
    """What was found in rows, as a specification reads them."""

    rows: int
    """Of the file or table."""
    used: int
    """Rows that are proven: those without problems, each as often as it counts."""
    batches: int
    """Proofs of an update that the rows take in each round."""
    problems: tuple[Problem, ...]
    dialect: Dialect | None
    summary: Summary | None = field(repr=False)
    """None where no row can be used."""
    shortened: int | None = field(default=None, repr=False)
    """Rows that are longer than the specification's norm, and are shortened to it; None where it has none. Private."""
    prepared: tuple[Batch, ...] = field(default=(), repr=False)
    """The rows that can be used, as proofs take them. Private."""


def check_rows(
    data: RowData, spec: TaskSpec, *, options: CsvOptions | None = None, trained_on: RowsReport | None = None
) -> RowsReport:
    """Read rows as a node would, and collect all problems instead of raising the first.

    With ``trained_on``, what was found in the rows of training, they are rows that are held out of these. Raises
    DataError for data that cannot be read at all.
    """
    cells = cells_of(data, label=spec.label, wanted=spec.data_columns, options=options)
    coded = code(cells, spec)
    wrong = {row for problem in coded.problems for row in problem.rows}
    good = np.array([cells.place(row) not in wrong for row in range(cells.rows)], dtype=np.bool_)
    if any(not problem.rows for problem in coded.problems):
        good[:] = False
    usable = coded.only(good)
    used = int(usable.counts.sum())
    batches = -(-used // spec.sizes.largest.rows)
    prepared, found = _of_the_whole(cells.rows, usable, batches, spec)
    if trained_on is not None and prepared and same_rows(trained_on.prepared, prepared):
        found.append(Problem("trained-on", "the rows are those of training", hint="Give rows of their own."))
    summary = _summary(usable, spec) if used else None
    shortened = _shortened(usable, spec)
    problems = (*coded.problems, *found)
    return RowsReport(cells.rows, used, batches, problems, cells.dialect, summary, shortened, prepared)


def require_held_out(spec: TaskSpec) -> None:
    """InputError where a specification evaluates nothing on held-out rows."""
    if not spec.statistics.held_out:
        raise InputError(
            "the specification evaluates nothing on held-out rows",
            hint="Leave them out, or agree on a specification whose `statistics.held_out` is true.",
        )


def without_held_out(spec: TaskSpec) -> str:
    """What an owner without held-out rows has to know of a specification; empty where it asks for none."""
    if not spec.statistics.held_out:
        return ""
    nodes = "a node" if spec.minimum_nodes == 1 else f"{spec.minimum_nodes} nodes"
    return (
        f"the specification has the certified weights evaluated on rows held out of training, of {nodes} or more, and "
        "this node has none: it takes no part in that. They count where they are registered before the task's first "
        "round opens."
    )


def _of_the_whole(rows: int, usable: Coded, batches: int, spec: TaskSpec) -> tuple[tuple[Batch, ...], list[Problem]]:
    """The batches of the rows that can be used, and what is wrong with the rows as a whole."""
    found: list[Problem] = []
    if rows < spec.minimum_node_rows:
        found.append(Problem("too-few", f"there are {rows} rows; `minimum.rows_per_node` is {spec.minimum_node_rows}"))
    if many := too_many(batches, spec):
        found.append(Problem("too-many", many))
    prepared: tuple[Batch, ...] = ()
    if batches:
        try:
            prepared = batches_of(*quantized(usable, spec), spec.sizes.steps)
        except TwopmError as error:
            found.append(Problem("unusable", error.message, hint=error.hint))
    return prepared, found


def _shortened(usable: Coded, spec: TaskSpec) -> int | None:
    if spec.privacy is None or spec.privacy.clip is None:
        return None
    try:
        features, _ = quantized(usable, spec, whole=True)
    except TwopmError:  # said as a problem
        return None
    return int(too_long(features, spec.privacy.clip, spec.format).sum())


def _summary(usable: Coded, spec: TaskSpec) -> Summary:
    low, high = spec.format.limits

    def of(name: str, own: Floats, coded: Floats, scale: float) -> ColumnSummary:
        there = ~np.isnan(own)
        values, counts = own[there], usable.counts[there]
        some = len(values) > 0
        return ColumnSummary(
            name,
            float(values.min()) if some else None,
            float(np.average(values, weights=counts)) if some else None,
            float(values.max()) if some else None,
            int((~there).sum()),
            float(coded.max() - coded.min()) / scale / (high - low),
        )

    columns = tuple(
        of(
            column.name,
            usable.numbers.get(column.name, usable.features[:, index]),
            usable.features[:, index],
            column.scale,
        )
        for index, column in enumerate(spec.columns)
    )
    return Summary(columns, of(spec.label, usable.labels, usable.labels, spec.label_column.scale))
