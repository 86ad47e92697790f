"""The one way in for rows: files, tables of pandas, polars or Arrow, and `Table`."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, TypeAlias

from twopm_zk.errors import DataError
from twopm_zk.rows.cells import Cells, CsvOptions, RowSource
from twopm_zk.rows.csv_file import read_csv
from twopm_zk.rows.frames import PARQUET_MAGIC, frame_cells, is_frame, read_parquet
from twopm_zk.system.files import StrPath

RowData: TypeAlias = "RowSource | StrPath | Any"
"""Rows of one data owner: a `Table`, a path of a CSV or Parquet file, or a table of pandas, polars or Arrow."""


def cells_of(
    data: RowData, *, label: str, wanted: Collection[str] | None = None, options: CsvOptions | None = None
) -> Cells:
    """The columns of anything that holds rows; of those ``wanted``, where only they are. Raises DataError."""
    if isinstance(data, RowSource):
        return data.cells(label)
    if isinstance(data, str | os.PathLike):
        return read_cells(data, wanted=wanted, options=options)
    return frame_cells(data, wanted=wanted)


def read_cells(path: StrPath, *, wanted: Collection[str] | None = None, options: CsvOptions | None = None) -> Cells:
    """The columns of a CSV or Parquet file. Raises DataError."""
    if is_parquet(path):
        return read_parquet(path, wanted=wanted)
    return read_csv(path, wanted=wanted, options=options or CsvOptions())


def several(data: RowData | Iterable[RowData]) -> list[RowData]:
    """The rows of several owners, also where there is one: one table is no list of columns."""
    if isinstance(data, RowSource | str | os.PathLike) or is_frame(data):
        return [data]
    try:
        return list(data)
    except TypeError:
        raise DataError(
            f"rows cannot be taken from a {type(data).__name__!r}", hint="Give files or DataFrames."
        ) from None


def is_parquet(path: StrPath) -> bool:
    """Whether a file can be read, and begins like one of Parquet."""
    try:
        with Path(path).open("rb") as file:
            return file.read(len(PARQUET_MAGIC)) == PARQUET_MAGIC
    except (OSError, ValueError):
        return False
