"""A data set of one owner in one file: the openings of its commitments, and the owner's own file, to the byte.

``magic(8) length(u32, big-endian) openings(length) rows``, and nothing after them; there are no names of files in it.
It holds all that is private of a data set: encrypted wherever it leaves its owner's machine or that of a member with
access.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, Self

from twopm_zk.datasets.openings import MAX_HEADER, Openings
from twopm_zk.errors import DataError, FileFormatError, InputError
from twopm_zk.participants.task_view import dataset_of, held_out_dataset_of
from twopm_zk.rows.batches import Batch, prepare
from twopm_zk.rows.cells import MAX_BYTES
from twopm_zk.rows.sources import read_cells
from twopm_zk.system.files import StrPath, secret_file, shown
from twopm_zk.task.specification import TaskSpec

_MAGIC = b"2PMZDATA"
_HEAD = len(_MAGIC) + 4
MAX_PACKAGE = _HEAD + MAX_HEADER + MAX_BYTES
"""Bytes of the largest package."""
_PART = 1 << 20


@dataclass(frozen=True)
class Package:
    """A package on this machine, its header parsed, and its rows known to have the hash that it says."""

    path: Path
    openings: Openings = field(repr=False)

    @classmethod
    def read(cls, path: StrPath) -> Self:
        """Look at a file that somebody else may have written. Raises InputError, FileFormatError ``not-a-package``."""
        try:
            with Path(path).open("rb") as file:
                return cls(Path(path), _checked(file))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is no file name"
            raise InputError(f"package {shown(path)} cannot be read: {reason}") from error

    @contextmanager
    def rows(self) -> Iterator[Path]:
        """The path of a file with the bytes of the owner's own, on no disk, which is gone when the block ends."""
        with secret_file(b"") as path:
            self.copy_rows(path)
            yield path

    def copy_rows(self, target: Path) -> None:
        """Write the owner's own file, to the byte, into a file that is there."""
        with self.path.open("rb") as source, target.open("wb") as file:
            _skip_header(source)
            shutil.copyfileobj(source, file, _PART)

    def check(self, spec: TaskSpec) -> tuple[Batch, ...]:
        """The batches, in order, each with the commitment that the package says: recomputed from the rows as the
        specification reads them, and the salts.

        It says nothing of what is registered: compare the commitments with DataHub (`twopm_zk.datasets.registered`).
        Raises DataError ``other-data-set`` for that of another specification, ``other-commitments`` where a commitment
        or the rows of a batch are others, and what `prepare` raises.
        """
        openings = self.openings
        wanted = held_out_dataset_of(spec) if openings.held_out else dataset_of(spec)
        if openings.dataset != wanted:
            raise DataError(
                f"the package is of data set 0x{openings.dataset.hex()}, the specification asks for 0x{wanted.hex()}",
                kind="other-data-set",
            )
        with self.rows() as path:
            cells = read_cells(path, wanted=spec.data_columns, options=openings.csv)
            found = prepare(cells, spec, name="the package").batches
        if [len(batch.labels) for batch in found] != [opening.rows for opening in openings.batches]:
            raise _other("are cut into other batches than its commitments are of")
        batches = tuple(
            replace(batch, salt=opening.salt) for batch, opening in zip(found, openings.batches, strict=True)
        )
        for batch, opening in zip(batches, openings.batches, strict=True):
            if batch.commitment != opening.commitment:
                raise _other(f"and the salt of batch {opening.place} do not open its commitment")
        return batches


def write_package(openings: Openings, rows: Path, target: Path) -> Package:
    """Write a package into a file that is there, from the owner's file. DataError where that has changed meanwhile."""
    header = openings.encode()
    total, size = hashlib.sha256(), 0
    with rows.open("rb") as source, target.open("wb") as file:
        file.write(_MAGIC + len(header).to_bytes(4, "big") + header)
        while part := source.read(_PART):
            total.update(part)
            size += len(part)
            file.write(part)
    if (size, total.digest()) != (openings.size, openings.sha256):
        raise DataError(f"data {shown(rows)} have changed while they were read")
    return Package(target, openings)


def _checked(file: BinaryIO) -> Openings:
    openings = Openings.parse(_skip_header(file))
    total, size = hashlib.sha256(), 0
    while size <= openings.size and (part := file.read(min(_PART, openings.size + 1 - size))):
        total.update(part)
        size += len(part)
    if size != openings.size:
        more = "more" if size > openings.size else "fewer"
        raise FileFormatError(f"the package has {more} bytes of rows than its header says", kind="not-a-package")
    if total.digest() != openings.sha256:
        raise FileFormatError("the rows of the package are damaged: they have another hash", kind="not-a-package")
    return openings


def _skip_header(file: BinaryIO) -> bytes:
    """The bytes of the header, read before those of the rows."""
    head = file.read(_HEAD)
    length = int.from_bytes(head[len(_MAGIC) :], "big")
    if len(head) < _HEAD or not head.startswith(_MAGIC):
        raise FileFormatError("this is no package of a data set", kind="not-a-package")
    if length > MAX_HEADER:
        raise FileFormatError(f"the package claims a header of {length} bytes; allowed: {MAX_HEADER}")
    header = file.read(length)
    if len(header) < length:
        raise FileFormatError("the package is truncated: it ends in its header", kind="not-a-package")
    return header


def _other(what: str) -> DataError:
    return DataError(f"the rows of the package {what}", kind="other-commitments")
