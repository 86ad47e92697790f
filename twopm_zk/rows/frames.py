"""Tables that a program already holds (pandas, polars, Arrow), and Parquet files, through narwhals."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Collection, Iterable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from twopm_zk.errors import DataError, ToolMissingError
from twopm_zk.rows.cells import MAX_BYTES, Cell, Cells, Values, check_header, check_names, check_size
from twopm_zk.rows.parquet_limits import check_parquet
from twopm_zk.system.files import StrPath, shown
from twopm_zk.task.columns import same_name

PARQUET_MAGIC = b"PAR1"
_READERS = ("pyarrow", "polars")


def is_frame(data: object) -> bool:
    """Whether narwhals takes it for a table."""
    import narwhals as nw

    try:
        nw.from_native(data)  # type: ignore[call-overload]
    except TypeError:
        return False
    except nw.exceptions.DuplicateError:  # a table, too
        return True
    return True


def frame_cells(data: Any, *, wanted: Collection[str] | None) -> Cells:
    """The columns of a table of pandas, polars or Arrow; of those ``wanted``, where only they are.

    Raises DataError for names that repeat, and for columns of lists or other things that are no cells.
    """
    import narwhals as nw

    try:
        frame = nw.from_native(data)
        if isinstance(frame, nw.LazyFrame):
            frame = frame.collect()
    except TypeError:
        raise DataError(
            f"rows cannot be taken from a {type(data).__name__!r}", hint="Give a file or a DataFrame."
        ) from None
    except nw.exceptions.DuplicateError:
        frame = nw.from_native(_wanted_alone(data, wanted))
    rows, width = frame.shape
    check_size(rows, width)
    names = _names(frame.columns)
    check_names(names, wanted)
    if wanted is not None:
        check_header(names, wanted, f"among the {len(names)} of the table")
    columns = {
        name: _values(frame.get_column(native), name)
        for name, native in zip(names, frame.columns, strict=True)
        if wanted is None or name in wanted
    }
    if not rows:
        raise DataError("the table has no rows")
    return Cells(tuple(names), columns, rows)


def read_parquet(path: StrPath, *, wanted: Collection[str] | None) -> Cells:
    """The columns of a Parquet file. Raises ToolMissingError where no package is installed that reads it."""
    import narwhals as nw

    reader = next((name for name in _READERS if importlib.util.find_spec(name)), None)
    if reader is None:
        raise ToolMissingError(
            f"data {shown(path)} is a Parquet file, which takes pyarrow or polars",
            hint="Install twopm-zk with its optional extra `parquet`, or write the rows as CSV.",
            kind="no-parquet-reader",
        )
    if Path(path).stat().st_size > MAX_BYTES:
        raise DataError(f"data {shown(path)} has more than {MAX_BYTES >> 20} MiB, the most that is read")
    try:
        check_size(_rows_of(path, reader), 1)  # before they are there: a small file may hold any number of zeros
        frame = nw.scan_parquet(str(path), backend=reader)  # type: ignore[arg-type]
        names = frame.collect_schema().names()
        known = _names(names)
        kept = [name for name, one in zip(names, known, strict=True) if wanted is None or one in wanted]
        if wanted is not None:
            check_header(known, wanted, f"among the {len(names)} of data {shown(path)}")
        check_parquet(path, reader, kept)
        cells = frame_cells(frame.select(kept).collect(), wanted=wanted)
    except DataError:
        raise
    except Exception as error:  # each reader has errors of its own, and their words may hold cells
        raise DataError(f"data {shown(path)} is not a Parquet file: {type(error).__name__}") from None
    return Cells(tuple(known), cells.columns, cells.rows)


def _rows_of(path: StrPath, reader: str) -> int:
    """How many rows a Parquet file says that it has; narwhals reads them all to say so."""
    if reader == "pyarrow":
        from pyarrow import parquet  # type: ignore[import-untyped]

        return int(parquet.read_metadata(path).num_rows)
    import polars

    return int(polars.scan_parquet(str(path)).select(polars.len()).collect().item())


def _names(native: Iterable[object]) -> list[str]:
    return [same_name(str(name).strip()) for name in native]


def _wanted_alone(data: Any, wanted: Collection[str] | None) -> Any:
    """The wanted columns of a table that has others twice, which narwhals does not take."""
    by_place = hasattr(data, "iloc")  # pandas, or else Arrow
    names = _names(data.columns if by_place else data.column_names)
    check_names(names, wanted)
    kept = [place for place, name in enumerate(names) if name in (wanted or ())]
    return data.iloc[:, kept] if by_place else data.select(kept)


def _values(series: Any, name: str) -> Values:
    """One column as cells: numbers, or texts and truth values."""
    kind = series.dtype
    if kind.is_numeric():
        return np.array([np.nan if cell is None else float(cell) for cell in _plain(series)], dtype=np.float64)
    cells = _plain(series)
    if kind.is_temporal():
        cells = [None if cell is None else str(cell) for cell in cells]
    try:
        return np.array([_cell(cell) for cell in cells], dtype=object)
    except TypeError:
        raise DataError(f"column {name!r} holds things that are neither numbers nor texts") from None


def _plain(series: Any) -> list[Any]:
    """The cells as Python has them, None for one without a value."""
    empty = series.is_null().to_list()
    return [
        None if nothing or (isinstance(cell, float) and cell != cell) else cell
        for cell, nothing in zip(series.to_list(), empty, strict=True)
    ]


def _cell(cell: Any) -> Cell:
    """A cell of Python's or NumPy's types. TypeError for a thing that is none."""
    if cell is None or isinstance(cell, str | bool):
        return cell
    if isinstance(cell, np.bool_):
        return bool(cell)
    if not isinstance(cell, int | float | Decimal | Fraction | np.integer | np.floating):
        raise TypeError
    try:
        return float(cell)
    except OverflowError:
        return -math.inf if str(cell).startswith("-") else math.inf
