"""The columns that a file or a table of a program holds, before anything is known of what they mean.

A cell is a number, a text, a truth value, or nothing. There is one way in for all of them,
`twopm_zk.rows.sources`.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy.typing as npt

from twopm_zk.errors import DataError

Cell: TypeAlias = str | float | bool | None
Values: TypeAlias = npt.NDArray[Any]
"""One column: floats, NaN for a cell without a value; or objects, each a `Cell`."""

_NO_NAME = re.compile(r"(?:[\W\d].*)?|nan|inf|infinity|[^\W\d]+\W+\d.*|[^\W\d_]{3,}\d{4}", re.DOTALL)
"""What a cell may say that is no column's name, in small letters: a number, a date, or what begins like one."""

MAX_BYTES = 1 << 30
MAX_COLUMNS = 10_000
MAX_CELLS = 50_000_000
"""Of a file or table, named or not."""


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written."""

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    decimal: str = "."
    bom: bool = False
    unclear: bool = False
    """Numbers such as 1,234 or 1.234 may have a decimal sign, or one between thousands."""

    @property
    def sentence(self) -> str:
        """What was found, for people."""
        delimiter = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}.get(self.delimiter, self.delimiter)
        decimal = "decimal comma" if self.decimal == "," else "decimal point"
        encoding = f"{self.encoding.upper()}{' with a byte order mark' if self.bom else ''}"
        return f"separated by {delimiter}, {decimal}, quoted by {self.quote}, in {encoding}"


class RowSource(ABC):
    """Rows in memory that know their own columns."""

    @abstractmethod
    def cells(self, label: str) -> Cells:
        """The columns by name, labels under the name of theirs."""


@dataclass(frozen=True)
class Cells(RowSource):
    """Columns by name, as they are, each of ``rows`` cells."""

    names: tuple[str, ...]
    """All names in the data's order, also of columns that were not asked for."""
    columns: Mapping[str, Values] = field(repr=False)
    rows: int
    dialect: Dialect | None = None
    """How the CSV file was written that they are from."""
    ragged: Mapping[int, str] = field(default_factory=dict)
    """What is wrong with rows, from 1, that have more or fewer cells than the header."""
    places: Sequence[int] | None = field(default=None, repr=False)
    """Where each row is in the data, from 1 after the header, where blank ones between them were left out."""

    def cells(self, label: str) -> Cells:
        """Themselves."""
        return self

    def place(self, row: int) -> int:
        """Where a row, from 0, is in the data, for its owner: from 1, the first after the header."""
        return row + 1 if self.places is None else self.places[row]

    def column(self, name: str) -> Values:
        """The cells of a column. Raises DataError where there is none."""
        if name not in self.columns:
            names = [known for known in self.names if not _NO_NAME.fullmatch(known.lower())]
            more = len(self.names) - len(names[:20])
            shown = ", ".join(names[:20]) + (f" and {more} more" if more else "")
            raise DataError(f"there is no column {name!r}", hint=f"Columns are: {shown}.", kind="no-column")
        return self.columns[name]


@dataclass(frozen=True)
class CsvOptions:
    """What is known of a CSV file; the rest is detected."""

    delimiter: str | None = None
    quote: str | None = None
    encoding: str | None = None
    decimal: str | None = None

    def __post_init__(self) -> None:
        for name, value in (("delimiter", self.delimiter), ("quote", self.quote)):
            if value is not None and (len(value) != 1 or value in "\r\n"):
                raise DataError(f"the {name} of a CSV file is one character, not {value!r}")
        if self.decimal not in (None, ".", ","):
            raise DataError(f"the decimal sign of a CSV file is a point or a comma, not {self.decimal!r}")


def check_size(rows: int, columns: int) -> None:
    """DataError for a table that is too large to be read."""
    if columns > MAX_COLUMNS:
        raise DataError(f"there are {columns} columns; at most {MAX_COLUMNS} are read")
    if rows * columns > MAX_CELLS:
        raise DataError(f"there are {rows} rows of {columns} columns; at most {MAX_CELLS} cells are read")


def check_names(names: Collection[str], wanted: Collection[str] | None) -> None:
    """DataError for a name that repeats, is missing or cannot be printed, among those that are wanted, or all.

    What nobody wanted may be a cell of a file without a header, and is not shown.
    """
    seen: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        if wanted is None and (not name or not name.isprintable()):
            raise DataError(
                f"column {number} has {'a name that cannot be printed' if name else 'no name'}",
                hint="A row index that a program wrote is no feature: write the file without it.",
            )
        if name in seen and wanted is None:
            raise DataError(f"columns {seen[name]} and {number} have the same name")
        if name in seen and name in (wanted or ()):
            raise DataError(f"column {name!r} appears more than once")
        seen[name] = number


def check_header(names: Collection[str], wanted: Collection[str], place: str) -> None:
    """DataError where none of the wanted names is there: what is ``place`` may be cells then, and is not shown."""
    if not set(wanted) & set(names):
        raise DataError(
            f"none of the specification's columns is {place}: is there a header?",
            hint="The first line names the columns. Where another sign separates cells, give it as the delimiter.",
            kind="no-column",
        )
