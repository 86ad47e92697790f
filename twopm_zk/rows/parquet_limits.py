"""How much a Parquet file holds, found before it is in memory.

A small file may say "this text, a million times": its dictionary has the text once. Columns of text are gone through in
that form, batch after batch, and what their cells take is counted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from twopm_zk.errors import DataError
from twopm_zk.rows.cells import MAX_BYTES, MAX_CELLS
from twopm_zk.system.files import StrPath, shown

_TEXT, _BYTES = "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"
_NUMBER_BYTES = 32
"""Of the longest decimal number."""


def check_parquet(path: StrPath, reader: str, names: Collection[str]) -> None:
    """Raises DataError where these columns hold more than `MAX_CELLS` cells or `MAX_BYTES` of text, or are no cells.

    ``reader`` is pyarrow or polars. A page takes what its own head says, at most 2 GiB, while it is looked at.
    """
    taken = 0
    for size in _texts_of_pyarrow(path, names) if reader == "pyarrow" else _texts_of_polars(path, names):
        taken += size
        _check_text(path, taken)


def _check_text(path: StrPath, size: int) -> None:
    if size > MAX_BYTES:
        raise DataError(f"data {shown(path)} holds more than {MAX_BYTES >> 20} MiB of text, the most that is read")


def _texts_of_pyarrow(path: StrPath, names: Collection[str]) -> Iterator[int]:
    """The bytes of text in each batch of each column."""
    from pyarrow import DictionaryArray, compute, parquet  # type: ignore[import-untyped]

    head = parquet.read_metadata(path)
    leaves = {head.schema.column(index).path: index for index in range(head.num_columns)}
    for name in names:
        column = head.schema.column(leaves[name]) if name in leaves else None  # what is nested has longer paths
        is_long = column is not None and column.physical_type == _BYTES and column.length > _NUMBER_BYTES
        if column is None or column.max_repetition_level or is_long:
            raise _no_cells(name)
    chunks = [head.row_group(group).column(leaves[name]) for group in range(head.num_row_groups) for name in names]
    cells = sum(chunk.num_values for chunk in chunks)
    if cells > MAX_CELLS:
        raise DataError(f"data {shown(path)} has {cells} cells; at most {MAX_CELLS} are read")
    _check_text(path, sum(chunk.total_uncompressed_size for chunk in chunks if chunk.physical_type == _TEXT))
    texts = [name for name in names if head.schema.column(leaves[name]).physical_type == _TEXT]
    for batch in parquet.ParquetFile(path, read_dictionary=texts).iter_batches(columns=texts) if texts else ():
        for cells_of_text in batch.columns:
            if isinstance(cells_of_text, DictionaryArray):  # else they are decimal numbers
                lengths = compute.binary_length(cells_of_text.dictionary).take(cells_of_text.indices)
                yield compute.sum(lengths).as_py() or 0


def _texts_of_polars(path: StrPath, names: Collection[str]) -> Iterator[int]:
    """The bytes of text in each column, which polars keeps once however often it is there."""
    import polars

    frame: Any = polars.scan_parquet(str(path)).select(names)
    for name, kind in frame.collect_schema().items():
        if kind.is_nested() or kind == polars.Binary:
            raise _no_cells(name)
        if not kind.is_numeric() and not kind.is_temporal():
            lengths = polars.col(name).cast(polars.String).str.len_bytes().cast(polars.Int64)
            yield int(frame.select(lengths.sum()).collect().item())


def _no_cells(name: str) -> DataError:
    return DataError(f"column {name!r} holds things that are neither numbers nor texts")
