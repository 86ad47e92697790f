"""What is wrong with rows: a column, the numbers of the rows, and a reason in public words; never a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from twopm_zk.errors import DataError, InputError, RangeError

FIRST = 5
"""Rows that are named where a problem is in more of them."""


@dataclass(frozen=True)
class Problem:
    """One kind of mistake in one column, in all the rows that have it."""

    kind: str
    """Such as ``missing`` or ``outside``."""
    reason: str
    """What the cells are, as a sentence goes on after "is" or "has"."""
    column: str | None = None
    rows: tuple[int, ...] = ()
    """From 1, the first row after the header, blank ones counted; empty where it is of the whole table."""
    hint: str | None = None
    beyond_format: bool = False
    """The column's own range has the value, and the format of the specification does not."""
    what: str = "column"
    """What the column is: a feature's, or the ``label``."""

    @property
    def sentence(self) -> str:
        """For people: where, and what is wrong."""
        place = "" if self.column is None else f"{self.what} {self.column!r}"
        if not self.rows:
            return f"{place} {self.reason}".strip()
        if len(self.rows) == 1:
            at = f"row {self.rows[0]}"
            return f"{place}, {at} {self.reason}" if place else f"{at} {self.reason}"
        first = ", ".join(map(str, self.rows[:FIRST]))
        more = f" and {len(self.rows) - FIRST} more" if len(self.rows) > FIRST else ""
        return f"{place or 'the table'} {self.reason} in {len(self.rows)} rows: {first}{more}"

    def error(self, name: str = "", others: int = 0) -> InputError:
        """The problem as an error, after the ``name`` of whose rows they are."""
        where = replace(self, rows=self.rows[:1]).sentence
        found = RangeError if self.beyond_format else DataError
        more = len(self.rows) - 1 if len(self.rows) > 1 else 0
        counted = ([f"{more} more rows have the same"] if more else []) + (
            [f"there are {others} more problems"] if others else []
        )
        said = ", and ".join(counted)
        advice = (
            " ".join(part for part in (self.hint, f"{said[:1].upper()}{said[1:]}." if said else "") if part) or None
        )
        if not name:
            return found(where, hint=advice)
        return found(f"{name}: {where}", hint=advice, kind="rows-refused", problem=self.kind, advice=advice)


def raise_first(problems: Sequence[Problem], name: str = "") -> None:
    """Raise the first problem, if there is one, with how many there are besides."""
    if problems:
        raise problems[0].error(name, others=len(problems) - 1)
