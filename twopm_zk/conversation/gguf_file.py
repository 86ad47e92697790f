"""GGUF files, version 3: the metadata of a language model and where its tensors lie.

``magic(4) version(u32) tensors(u64) entries(u64)``, the entries of metadata, a table of tensors, and their bytes, which
begin at a multiple of the alignment; all little-endian. Source: the format's description by the project ggml. Read with
care, since a model comes from elsewhere: every length is checked against the bytes that are there.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from math import prod
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from twopm_zk.errors import FileFormatError
from twopm_zk.system.files import is_file, read_bytes, shown

MAX_ENTRIES = 1 << 16
MAX_HEAD = 1 << 26
"""Bytes before the tensors; a vocabulary of 49,152 words and its merges take 2 MB."""
MAX_ELEMENTS = 1 << 31
ALIGNMENT = 32
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9

Value = bool | int | float | str | list["Value"]


class TensorType(IntEnum):
    """How a tensor's numbers are written, of those kinds that are read here."""

    F32 = 0
    Q4_1 = 3
    Q8_0 = 8


_BLOCKS = {TensorType.F32: (1, 4), TensorType.Q4_1: (32, 20), TensorType.Q8_0: (32, 34)}
"""Numbers in a block, and its bytes."""


@dataclass(frozen=True)
class Tensor:
    """Where one tensor's bytes lie in its file: ``rows`` of ``columns`` numbers."""

    type: TensorType
    rows: int
    columns: int
    offset: int

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        numbers, size = _BLOCKS[self.type]
        return self.columns // numbers * size


@dataclass(frozen=True)
class GgufFile:
    """Metadata and table of tensors; bytes of tensors are read on request."""

    path: Path
    metadata: Mapping[str, Value]
    tensors: Mapping[str, Tensor]

    def tensor(self, name: str) -> Tensor:
        """Raises FileFormatError when the file has no such tensor."""
        if name not in self.tensors:
            raise FileFormatError(f"GGUF file {shown(self.path)} has no tensor {name}")
        return self.tensors[name]

    def rows(self, name: str, start: int = 0, stop: int | None = None) -> npt.NDArray[np.uint8]:
        """The bytes of a tensor's rows from ``start`` to ``stop``, one row each."""
        tensor = self.tensor(name)
        count = (tensor.rows if stop is None else min(stop, tensor.rows)) - start
        with self.path.open("rb") as file:
            file.seek(tensor.offset + start * tensor.row_bytes)
            content = np.fromfile(file, np.uint8, count * tensor.row_bytes)
        if content.size != count * tensor.row_bytes:
            raise FileFormatError(f"GGUF file {shown(self.path)} is truncated in tensor {name}")
        return content.reshape(count, tensor.row_bytes)

    def text(self, key: str) -> str:
        """A text of the metadata; FileFormatError where there is none of this name."""
        value = self.metadata.get(key)
        if not isinstance(value, str):
            raise self._no(key, "text")
        return value

    def natural(self, key: str) -> int:
        """A natural number of the metadata; FileFormatError where there is none of this name."""
        value = self.metadata.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self._no(key, "natural number")
        return value

    def real(self, key: str) -> float:
        """A finite real number of the metadata; FileFormatError where there is none of this name."""
        value = self.metadata.get(key)
        if not isinstance(value, float) or not np.isfinite(value):
            raise self._no(key, "finite real number")
        return value

    def texts(self, key: str) -> list[str]:
        """A list of texts of the metadata; FileFormatError where there is none of this name."""
        value = self.metadata.get(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._no(key, "list of texts")
        return [str(item) for item in value]

    def _no(self, key: str, what: str) -> FileFormatError:
        return FileFormatError(f"GGUF file {shown(self.path)} has no {what} {key}")


def open_gguf(path: Path) -> GgufFile:
    """Read the head of a file.

    Raises InputError if it cannot be read, FileFormatError if it is not a whole GGUF file, or has a tensor of a type
    that is not read here.
    """
    if not is_file(path):
        read_bytes(path, what="GGUF file")  # raises InputError with the system's reason
    with path.open("rb") as file:
        return _Head(path, file).read()


class _Head:
    """A reader of the bytes before the tensors, none of which it believes."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self.total = path.stat().st_size
        size = min(self.total, MAX_HEAD)
        self.content = memoryview(mmap(file.fileno(), size, access=ACCESS_READ) if size else b"")
        self.at = 0

    def read(self) -> GgufFile:
        if self.take(4).tobytes() != b"GGUF":
            raise FileFormatError(f"{shown(self.path)} is not a GGUF file")
        if (version := self.number("I")) != 3:
            raise FileFormatError(f"GGUF file {shown(self.path)} has version {version}, not 3")
        tensors, entries = self.count(MAX_ENTRIES), self.count(MAX_ENTRIES)
        metadata: dict[str, Value] = {}
        for _ in range(entries):
            key = self.string()
            if key in metadata:
                raise self.wrong(f"has {key!r} twice")
            metadata[key] = self.value(self.number("I"))
        alignment = metadata.get("general.alignment", ALIGNMENT)
        if not isinstance(alignment, int) or alignment < 1:
            raise self.wrong("has no sensible alignment")
        table = [self.entry() for _ in range(tensors)]
        start = -(-self.at // alignment) * alignment
        placed: dict[str, Tensor] = {}
        for name, found in table:
            tensor = Tensor(found.type, found.rows, found.columns, start + found.offset)
            if name in placed:
                raise self.wrong(f"has tensor {name!r} twice")
            if tensor.offset + tensor.rows * tensor.row_bytes > self.total:
                raise self.wrong(f"is truncated: tensor {name} ends after its {self.total} bytes")
            placed[name] = tensor
        return GgufFile(self.path, metadata, placed)

    def entry(self) -> tuple[str, Tensor]:
        """A line of the table of tensors, whose offset still counts from the first of them."""
        name = self.string()
        dimensions = [self.number("Q") for _ in range(self.count(4, "I"))]
        kind, offset = self.number("I"), self.number("Q")
        if kind not in iter(TensorType):
            raise self.wrong(f"has tensor {name} of type {kind}, which is not read here")
        kind = TensorType(kind)
        columns, rows = (dimensions[0] if dimensions else 1), prod(dimensions[1:])
        if not 0 < columns * rows <= MAX_ELEMENTS or columns % _BLOCKS[kind][0]:
            raise self.wrong(f"has tensor {name} of an impossible shape")
        return name, Tensor(kind, rows, columns, offset)

    def value(self, kind: int, depth: int = 0) -> Value:
        if kind in _SCALARS:
            found: bool | int | float = self.number(_SCALARS[kind])
            return found
        if kind == _STRING:
            return self.string()
        if kind == _ARRAY and depth < 4:
            inner = self.number("I")
            return [self.value(inner, depth + 1) for _ in range(self.count(len(self.content)))]
        raise self.wrong(f"has metadata of type {kind}, which there is none of")

    def string(self) -> str:
        try:
            return self.take(self.count(len(self.content))).tobytes().decode()
        except UnicodeDecodeError:
            raise self.wrong("has a text that is not UTF-8") from None

    def count(self, limit: int, form: str = "Q") -> int:
        """A number of things, each of at least one byte."""
        found: int = self.number(form)
        if found > limit:
            raise self.wrong(f"claims {found} of something, more than {limit}")
        return found

    def number(self, form: str) -> Any:
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]

    def take(self, size: int) -> memoryview:
        if self.at + size > len(self.content):
            raise self.wrong("is truncated in its head")
        self.at += size
        return self.content[self.at - size : self.at]

    def wrong(self, what: str) -> FileFormatError:
        return FileFormatError(f"GGUF file {shown(self.path)} {what}")
