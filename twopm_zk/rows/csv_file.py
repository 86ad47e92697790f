"""CSV files as people have them: delimiter, quoting, encoding and decimal sign are detected, said, and can be given.

Cells stay texts here. Messages name columns and rows, and never show a cell. Row 1 is the first
record after the header; blank records are no rows, and are counted, so that numbers are those of the owner's file.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np

from twopm_zk.errors import DataError
from twopm_zk.rows.cells import MAX_BYTES, Cells, CsvOptions, Dialect, Values, check_header, check_names, check_size
from twopm_zk.rows.reading import THOUSANDS
from twopm_zk.system.files import StrPath, shown
from twopm_zk.task.columns import same_name

_DELIMITERS = (",", ";", "\t", "|")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b", b"\xd0\xcf\x11\xe0")
"""How xlsx and zip, gzip, and xls files begin."""
_SEP = re.compile(r"(['\"]?)sep=([^\r\n])\1(?:\r\n|\r|\n|$)", re.IGNORECASE)
"""The line that names the delimiter, as Excel writes it, and other programs for it."""
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_SAMPLE = 100
"""Records that tell how a file is written."""
_POINT = re.compile(r"\s*[+-]?[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?\s*")
_COMMA = re.compile(r"\s*[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]+)?\s*")


def read_csv(path: StrPath, *, wanted: Collection[str] | None, options: CsvOptions) -> Cells:
    """The columns of a CSV file with a header; of those ``wanted``, where only they are.

    Raises DataError for a file that cannot be read or is no text, one without rows, and names that repeat.
    """
    text, encoding, bom = _decoded(_content(path), path, options.encoding)
    named = _SEP.match(text)
    if named is not None:
        text = text[named.end() :]
    delimiter, quote = options.delimiter or (named and named[2]), options.quote or _quote(text, options.delimiter)
    delimiter = delimiter or _delimiter(text, quote, wanted)
    dialect = Dialect(delimiter, quote, encoding, ".", bom)
    records = _records(text, dialect, path)
    header = next((row for row in records if not _blank(row)), None)
    names = [] if header is None else [same_name(name.strip()) for name in header]
    while len(names) > 1 and not names[-1] and wanted is not None:
        names.pop()  # a delimiter that ends every line
    check_names(names, wanted)
    if wanted is not None and names:
        check_header(names, wanted, f"in the first line of {len(names)} cells of data {shown(path)}")
    columns, ragged, places = _columns(records, names, wanted)
    if not places:
        raise DataError(f"data {shown(path)} has no rows", hint="Expected a header row and at least one row.")
    decimal, unclear = (options.decimal, False) if options.decimal else _decimal(columns.values(), delimiter)
    dialect = Dialect(delimiter, quote, encoding, decimal, bom, unclear)
    return Cells(tuple(names), columns, len(places), dialect, ragged, places)


def _content(path: StrPath) -> bytes:
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DataError(f"data {shown(path)} cannot be read: {error.strerror}") from error
    except ValueError:  # a NUL in the name
        raise DataError(f"data {shown(path)} cannot be read: it is no file name") from None
    if len(content) > MAX_BYTES:
        raise DataError(f"data {shown(path)} has more than {MAX_BYTES >> 20} MiB, the most that is read")
    return content


def _decoded(content: bytes, path: StrPath, given: str | None) -> tuple[str, str, bool]:
    """The text, its encoding, and whether a byte order mark said so."""
    mark = next(((bytes_, name) for bytes_, name in _MARKS if content.startswith(bytes_)), None)
    tried = [mark[1]] if mark else ["utf-8", "cp1252"]
    for encoding in [given] if given else tried:
        try:
            name = codecs.lookup(encoding).name
            text = content[len(mark[0]) if mark else 0 :].decode(name)
        except LookupError:
            raise DataError(f"there is no encoding {encoding!r}", hint="Such as utf-8, cp1252, latin-1.") from None
        except UnicodeError:
            continue
        if not _NO_TEXT.search(text):
            return text, name, mark is not None
    raise DataError(
        f"data {shown(path)} is not a CSV file in {given or ' or '.join(tried)}",
        hint="It is a spreadsheet or an archive: save its rows as CSV."
        if content.startswith(_ARCHIVES)
        else "Write it as text, in UTF-8, or name its encoding.",
    )


def _records(text: str, dialect: Dialect, path: StrPath) -> Iterator[list[str]]:
    """All records. Raises DataError where quoting never ends, or goes on after it has ended."""
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True
    )
    try:
        yield from reader
    except csv.Error as error:
        raise DataError(
            f"data {shown(path)} is not a CSV file {dialect.sentence}: line {reader.line_num}, {error}"
        ) from None


def _blank(row: Sequence[str]) -> bool:
    """Whether a record has no cell with anything in it, as spreadsheets write below the last row."""
    return not any(cell.strip() for cell in row)


def _sample(text: str, delimiter: str, quote: str) -> list[list[str]]:
    """The first records as far as they can be read so."""
    found: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quotechar=quote):
            found += [] if _blank(row) else [row]
            if len(found) == _SAMPLE:
                break
    except csv.Error:
        pass
    return found


def _delimiter(text: str, quote: str, wanted: Collection[str] | None) -> str:
    """The one under which most names are found that are wanted, rows are as long as the header, and that is long."""

    def fits(delimiter: str) -> tuple[int, bool, int]:
        records = _sample(text, delimiter, quote)
        if not records:
            return 0, False, 0
        names = {same_name(name.strip()) for name in records[0]}
        even = len(records[0]) > 1 and all(len(row) == len(records[0]) for row in records)
        return len(names & set(wanted or ())), even, len(records[0])

    return max(_DELIMITERS, key=fits)


def _quote(text: str, delimiter: str | None) -> str:
    """A single quote where it stands around every name of the header, else a double one."""
    line = re.split(r"[\r\n]", text.lstrip("\r\n"), maxsplit=1)[0].strip()
    parts = [part.strip() for part in re.split(re.escape(delimiter) if delimiter else r"[,;\t|]", line)]
    return "'" if parts and all(re.fullmatch(r"'[^']+'", part) for part in parts) else '"'


def _columns(
    records: Iterator[list[str]], names: Sequence[str], wanted: Collection[str] | None
) -> tuple[dict[str, Values], dict[int, str], list[int]]:
    """The columns, what is wrong with rows, and where each row is among all records after the header."""
    kept = [(index, name) for index, name in enumerate(names) if wanted is None or name in wanted]
    cells: list[list[str]] = [[] for _ in kept]
    ragged: dict[int, str] = {}
    places: list[int] = []
    width = len(names)
    check_size(0, width)
    for place, row in enumerate(records, start=1):
        if _blank(row):
            continue
        places.append(place)
        number = len(places)
        if len(row) != width and (len(row) < width or any(cell.strip() for cell in row[width:])):
            ragged[number] = f"has {len(row)} cells, not the {width} of the header"
            row = row + [""] * (width - len(row))
        if number % 1000 == 0:
            check_size(number, width)
        for column, (index, _) in zip(cells, kept, strict=True):
            column.append(row[index])
    check_size(len(places), width)
    columns = {name: np.array(column, dtype=object) for (_, name), column in zip(kept, cells, strict=True)}
    return columns, ragged, places


def _decimal(columns: Collection[Values], delimiter: str) -> tuple[str, bool]:
    """The decimal sign, and whether that is unclear.

    A sign counts where a cell can be nothing but a number with that decimal sign: 1,234 or 1.234 alone may be a
    thousand. Where commas separate cells, decimals have a point.
    """
    distinct = {cell for column in columns for cell in column[:100_000]}
    points = {cell for cell in distinct if _POINT.fullmatch(cell)}
    commas = {cell for cell in distinct if _COMMA.fullmatch(cell)}
    if delimiter == ",":
        return ".", bool(commas)
    certain = [any(not THOUSANDS.fullmatch(cell) for cell in cells) for cells in (points, commas)]
    if certain == [False, True]:
        return ",", False
    return ".", bool(commas) or (bool(points) and not certain[0])
