"""From cells to the numbers of a specification's columns, labels, and how often each row counts.

All problems are collected, each with the rows that have it. The same code reads the rows of a data owner and the one
row that somebody asks a prediction for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from twopm_zk.errors import DataError
from twopm_zk.numbers.fixed_point import Format
from twopm_zk.rows.cells import Cell, Cells, Values
from twopm_zk.rows.problems import Problem
from twopm_zk.rows.reading import (
    UNREADABLE,
    distinct,
    is_nothing,
    level_of,
    mapped,
    number_reader,
    sign_advice,
    text_of,
)
from twopm_zk.task.columns import Column
from twopm_zk.task.inputs import Input
from twopm_zk.task.outcome import MAX_WEIGHT
from twopm_zk.task.specification import TaskSpec

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
_ROUNDING = 1e-9
"""How far a column that is computed may leave its ends, by what doubles round."""


@dataclass(frozen=True, eq=False)
class Coded:
    """Rows as numbers: of all columns of the model, before their constants, with what is wrong with them."""

    features: Floats = field(repr=False)
    labels: Floats = field(repr=False)
    counts: Integers = field(repr=False)
    """How many rows each row stands for."""
    problems: tuple[Problem, ...]
    numbers: Mapping[str, Floats] = field(default_factory=dict, repr=False)
    """Numeric columns of the data in their own units, NaN for what is missing."""

    def only(self, rows: Flags) -> Coded:
        """These rows, without problems."""
        numbers = {name: values[rows] for name, values in self.numbers.items()}
        return Coded(self.features[rows], self.labels[rows], self.counts[rows], (), numbers)


def code(cells: Cells, spec: TaskSpec, *, labelled: bool = True) -> Coded:
    """Read the columns that a specification names; others are ignored. Without labels for a prediction."""
    coder = _Coder(cells)
    features = coder.features(spec)
    labels = coder.labels(spec) if labelled else np.zeros(cells.rows)
    counts = coder.counts(spec, labels) if labelled else np.ones(cells.rows, dtype=np.int64)
    return Coded(features, labels, counts, tuple(coder.problems), coder.raw)


def code_plainly(cells: Cells, names: Sequence[str], label: str) -> Coded:
    """Read columns of numbers as they are, and a label of 0 and 1, without any specification."""
    coder = _Coder(cells)
    columns = [coder.numbers(name, cells.column(name))[0] for name in names]
    labels = coder.binary(label, cells.column(label))
    return Coded(np.column_stack(columns), labels, np.ones(cells.rows, dtype=np.int64), tuple(coder.problems))


class _Coder:
    def __init__(self, cells: Cells) -> None:
        self._cells = cells
        self.problems: list[Problem] = []
        self.raw: dict[str, Floats] = {}
        self._ragged = np.zeros(cells.rows, dtype=np.bool_)
        by_reason: dict[str, list[int]] = {}
        for row, reason in cells.ragged.items():
            self._ragged[row - 1] = True
            by_reason.setdefault(reason, []).append(row)
        for reason, rows in by_reason.items():
            self.problems.append(Problem("ragged", reason, rows=tuple(cells.place(row - 1) for row in rows)))

    def features(self, spec: TaskSpec) -> Floats:
        """All columns of the model, unscaled."""
        rows = self._cells.rows
        factors: dict[str, Floats] = {}
        wrong: dict[str, Flags] = {}  # by factor, so that a row with two mistakes is told of both
        for one in spec.sources:
            found, bad = self._factors(one)
            factors |= found
            wrong |= dict.fromkeys(found, bad)
        matrix = np.zeros((rows, len(spec.columns)))
        plain = {one.name for one in spec.sources if one.plain}
        for index, column in enumerate(spec.columns):
            values = np.ones(rows)
            with np.errstate(over="ignore"):  # infinity is outside every range
                for name, power in column.factors:
                    values = values * factors[name] ** power
            matrix[:, index] = values
            own = not column.product and column.name in plain
            ends = [abs(end) for end in (column.low, column.high) if end is not None]
            leeway = 0.0 if own else _ROUNDING * max(ends, default=0.0)
            known = np.any([wrong[name] for name, _ in column.factors], axis=0)
            outside = self._within(column, spec.format, values, known, leeway=leeway)
            if own:
                wrong[column.name] = known | outside
        return matrix

    def labels(self, spec: TaskSpec) -> Floats:
        """The labels: 0 and 1, or reals."""
        values = self._column(spec.label, "label")
        if values is None:
            return np.zeros(self._cells.rows)
        if spec.family == "gaussian":
            found, bad = self.numbers(spec.label, values, what="label")
            self._within(spec.label_column, spec.format, found, bad, what="label")
            return found
        return self.binary(spec.label, values) if spec.outcome.positive is None else self._classes(spec, values)

    def binary(self, name: str, values: Values) -> Floats:
        """Labels of 0 and 1."""
        found, bad = self.numbers(name, values, what="label", truths=True)
        self._note("label", "is neither 0 nor 1", name, ~bad & (found != 0) & (found != 1), what="label")
        return found

    def counts(self, spec: TaskSpec, labels: Floats) -> Integers:
        """How many rows each row stands for."""
        rules = spec.frequencies
        counts = np.where(labels == 1, rules.positive, rules.negative).astype(np.int64)
        if rules.column is None:
            return counts
        values = self._column(rules.column, "weight")
        if values is None:
            return counts
        found, bad = self.numbers(rules.column, values)
        wrong = ~bad & ~((found >= 1) & (found <= MAX_WEIGHT) & (found == np.floor(found)))
        self._note(
            "weight",
            f"is no whole number from 1 to {MAX_WEIGHT}",
            rules.column,
            wrong,
            hint="A row of weight k is proven k times, so a weight counts rows.",
        )
        return counts * np.where(wrong | bad, 1, found).astype(np.int64)

    def _factors(self, one: Input) -> tuple[dict[str, Floats], Flags]:
        """What columns of the model are made of, and the rows in which something is wrong with it."""
        rows = self._cells.rows
        values = self._column(one.name, "no column")
        if values is None:
            return dict.fromkeys(one.factors, np.zeros(rows)), np.ones(rows, dtype=np.bool_)
        if one.categories:
            return self._levels(one, values)
        found, bad = self.numbers(one.name, values, missing=one.missing is not None)
        empty = np.isnan(found) & ~bad
        self.raw[one.name] = found
        if isinstance(one.missing, float):
            found = np.where(empty, one.missing, found)
        if one.low is not None and one.high is not None:
            outside = ~bad & ~((found >= one.low) & (found <= one.high))
            self._note(
                "outside", f"is outside the specification's range, {one.low:g} to {one.high:g}", one.name, outside
            )
            bad = bad | outside
        if one.winsorise is not None:
            found = np.clip(found, *one.winsorise)
        if one.transform == "log1p":
            found = np.log1p(np.where(bad, 0.0, found))
        factors = {one.name: np.where(bad, 0.0, found)}
        return factors | ({one.indicator: empty.astype(np.float64)} if one.indicator else {}), bad

    def _levels(self, one: Input, values: Values) -> tuple[dict[str, Floats], Flags]:
        places = {level: index for index, level in enumerate(one.categories)}
        nowhere, nothing = -1, -2

        def place(cell: Cell) -> int:
            level = level_of(cell, places)
            return places[level] if level is not None else (nothing if is_nothing(cell) else nowhere)

        found = mapped(values, place)
        empty = found == nothing
        if one.missing is None:
            self._note("missing", "has no value", one.name, empty)
        names = ", ".join(one.categories[:10]) + (", ..." if len(one.categories) > 10 else "")
        self._note("category", f"has none of the categories {names}", one.name, found == nowhere)
        factors = {name: (found == index).astype(np.float64) for index, name in enumerate(one.dummies, start=1)}
        if one.indicator is not None:
            index = places[str(one.missing)]
            if index:
                factors[one.dummies[index - 1]][empty] = 1.0
            factors[one.indicator] = empty.astype(np.float64)
        return factors, (found == nowhere) | (empty & (one.missing is None))

    def _classes(self, spec: TaskSpec, values: Values) -> Floats:
        """1 for the positive value, 0 for a negative one, or for the one other value there is."""
        outcome = spec.outcome
        known = {str(outcome.positive): 1, **dict.fromkeys(outcome.negative, 0)}
        others: dict[str, int] = {}
        alike = text_of(str(outcome.positive)).casefold()

        def place(cell: Cell) -> int:
            level = level_of(cell, known)
            if level is not None:
                return known[level]
            if is_nothing(cell):
                return -1
            text = text_of(cell)
            return -2 if text.casefold() == alike else 2 + others.setdefault(text, len(others))

        found = mapped(values, place)
        self._note("missing", "has no value", spec.label, found == -1, what="label")
        reason = f"is {outcome.positive!r} in other capital or small letters"
        hint = "Write it as the specification does, so that it counts as 1."
        self._note("label", reason, spec.label, found == -2, what="label", hint=hint)
        if outcome.negative:
            names = ", ".join(repr(name) for name in outcome.negative)
            reason = f"is neither {outcome.positive!r} nor {names}"
            self._note("label", reason, spec.label, found > 1, what="label")
        else:
            self._note(
                "label",
                f"has a value besides {outcome.positive!r} and one other",
                spec.label,
                found > 2,
                what="label",
                hint="List the other values as `negative` in the specification's label.",
            )
        positive: Floats = (found == 1).astype(np.float64)
        return positive

    def _column(self, name: str, kind: str) -> Values | None:
        try:
            return self._cells.column(name)
        except DataError as error:
            self.problems.append(Problem("no-column", error.message, hint=error.hint))
            return None

    def numbers(
        self, name: str, values: Values, *, missing: bool = False, truths: bool = False, what: str = "column"
    ) -> tuple[Floats, Flags]:
        """The numbers of a column, NaN where there is none, and the rows that have none and should."""
        if values.dtype != object:
            found: Floats = values
            unreadable = np.zeros(len(values), dtype=np.bool_)
        else:
            dialect = self._cells.dialect
            decimal, unclear = (dialect.decimal, dialect.unclear) if dialect else (".", False)
            read = number_reader(decimal, truths, unclear)
            parsed = distinct(values, read)
            unreadable = np.array([cell is UNREADABLE for cell in parsed], dtype=np.bool_)
            found = np.array([np.nan if cell is UNREADABLE else cell for cell in parsed], dtype=np.float64)
            hint = sign_advice(values[unreadable], decimal, unclear=unclear)
            if truths:
                hint = "A label of other values takes `positive` in the specification's label."
            self._note("not-a-number", "is not a number", name, unreadable, what=what, hint=hint)
        empty = np.isnan(found) & ~unreadable
        if not missing:
            self._note("missing", "has no value", name, empty, what=what)
        self._note("not-finite", "is not finite", name, np.isinf(found), what=what)
        bad = unreadable | np.isinf(found) | (empty & (not missing))
        return found, bad | self._ragged

    def _within(
        self,
        column: Column,
        format: Format,
        values: Floats,
        wrong: Flags,
        *,
        what: str = "column",
        leeway: float = 0.0,
    ) -> Flags:
        """Note the values that a column does not take, but for rows that are wrong already; where they are."""
        low, high = column.limits(format)
        outside = ~wrong & ~((values >= low - leeway) & (values <= high + leeway))
        beyond = outside.copy()
        beyond[outside] = [column.has(value) for value in values[outside]]
        reason = f"is outside the specification's range, {low:g} to {high:g}"
        self._note("outside", reason, column.name, outside & ~beyond, what=what)
        self._note("outside", reason, column.name, beyond, what=what, beyond=True)
        return outside

    def _note(
        self,
        kind: str,
        reason: str,
        name: str,
        wrong: Flags,
        *,
        what: str = "column",
        hint: str | None = None,
        beyond: bool = False,
    ) -> None:
        rows = tuple(self._cells.place(int(row)) for row in np.flatnonzero(wrong & ~self._ragged))
        if rows:
            self.problems.append(Problem(kind, reason, name, rows, hint, beyond, what))
