"""What one cell says: a number, one of several known texts, or nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from twopm_zk.rows.cells import Cell, Values
from twopm_zk.system.parsing import parse_number
from twopm_zk.task.canonical import number
from twopm_zk.task.columns import same_name

Integers = npt.NDArray[np.int64]
NOTHING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "#null!", "<na>", "."})
"""Texts, in any case, of a cell without a value, unless they are one of the column's own values.

None of them may be meant as a category, a class or a zero: "-" and "none" are not among them.
"""
THOUSANDS = re.compile(r"\s*[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3}|\.[0-9]{3})\s*")
"""A number whose one sign may be between thousands, or before decimals."""
_SIGNS = re.compile(r"\s*[+-]?[0-9]+(?:[.,'\u2019 \u00a0\u202f][0-9]+)+\s*")
"""A number in which some sign stands, whatever it is for."""
UNREADABLE = object()
"""What a cell is read as that should be a number and is none."""


def mapped(values: Values, place: Callable[[Cell], int]) -> Integers:
    """A whole number for each cell, found once for each different one."""
    return np.array(distinct(values, place), dtype=np.int64)


def distinct(values: Values, read: Callable[[Cell], object]) -> list[object]:
    """What each cell is read as, read once for each different one."""
    known: dict[object, object] = {}
    found: list[object] = []
    for cell in values.tolist():
        key = cell if type(cell) is str else (cell, type(cell))  # True is not 1.0
        if key not in known:
            known[key] = read(cell)
        found.append(known[key])
    return found


def is_nothing(cell: Cell) -> bool:
    """Whether a cell has no value."""
    if cell is None or (isinstance(cell, float) and cell != cell):
        return True
    return isinstance(cell, str) and cell.strip().lower() in NOTHING


def text_of(cell: Cell) -> str:
    """A cell as the text of a category, a number as the shortest that is the same."""
    return number(cell) if isinstance(cell, float) and np.isfinite(cell) else same_name(str(cell).strip())


def level_of(cell: Cell, known: dict[str, int]) -> str | None:
    """Which of the known values a cell is: by its text, or as a plain number written another way, such as 2.0."""
    if cell is None:
        return None
    text = text_of(cell)
    if text in known:
        return text
    if not isinstance(cell, str) or "e" in text.lower() or len(text) > 30:
        return None
    try:
        value = parse_number(text)
    except ValueError:
        return None
    again = number(value) if np.isfinite(value) else None
    return again if again in known else None


def number_reader(decimal: str, truths: bool, unclear: bool = False) -> Callable[[Cell], object]:
    """A number from a cell, NaN where it has none; `UNREADABLE` for anything else.

    Where the decimal sign is ``unclear``, that is also a number whose sign may be between thousands.
    """

    def read(cell: Cell) -> object:
        if isinstance(cell, bool):
            return float(cell) if truths else UNREADABLE
        if isinstance(cell, float):
            return cell
        if cell is None:
            return np.nan
        if unclear and THOUSANDS.fullmatch(cell):
            return UNREADABLE
        # with a decimal comma a point stands between thousands, or is of another hand
        text = cell.replace(".", "?").replace(",", ".") if decimal == "," else cell
        try:
            return parse_number(text)
        except ValueError:
            return np.nan if is_nothing(cell) else UNREADABLE

    return read


def sign_advice(unreadable: Iterable[Cell], decimal: str, *, unclear: bool) -> str | None:
    """What to do about numbers that are written with other signs; nothing where none of the cells is such a number."""
    cells = [cell for cell in unreadable if isinstance(cell, str) and _SIGNS.fullmatch(cell)]
    if unclear and any(THOUSANDS.fullmatch(cell) or cell.count(",") == 1 for cell in cells):
        sign = "comma" if any("," in cell for cell in cells) else "point"
        return f"It may be a decimal {sign}, or one between thousands: say which."
    if cells:
        name = "comma" if decimal == "," else "point"
        return f"Write numbers without signs between thousands, and with a decimal {name}."
    return None
