"""The container that ``.r1cs``, ``.wtns``, ``.ptau`` and ``.zkey`` share.

``magic(4) version(u32) sections(u32)``, then per section ``id(u32) size(u64) bytes``; all little-endian.
Sections may come in any order. Anything that does not add up to the last byte is refused, so that a
truncated download is found here and not in the middle of a proof.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from twopm_zk.errors import FileFormatError
from twopm_zk.system.files import is_file, read_bytes

MAX_SECTIONS = 256


@dataclass(frozen=True)
class Section:
    """Where a section's bytes are in its file."""

    offset: int
    size: int


@dataclass(frozen=True)
class BinaryFile:
    """Section table of one file; contents are read on request."""

    path: Path
    kind: str
    version: int
    sections: dict[int, Section]

    def section(self, number: int) -> Section:
        """Raises FileFormatError when the file has no such section."""
        if number not in self.sections:
            raise FileFormatError(f"{self.kind} file {str(self.path)!r} has no section {number}")
        return self.sections[number]

    def read(self, number: int, *, offset: int = 0, size: int | None = None) -> bytes:
        """``size`` bytes of a section from ``offset``; the rest of it by default."""
        section = self.section(number)
        size = section.size - offset if size is None else size
        if offset < 0 or size < 0 or offset + size > section.size:
            raise FileFormatError(
                f"{self.kind} file {str(self.path)!r}: section {number} has {section.size} bytes, "
                f"but {offset + size} are needed"
            )
        with self.path.open("rb") as file:
            file.seek(section.offset + offset)
            content = file.read(size)
        if len(content) != size:
            raise FileFormatError(f"{self.kind} file {str(self.path)!r} is truncated")
        return content


def open_binary_file(path: Path, kind: str, *, versions: tuple[int, ...]) -> BinaryFile:
    """Read the section table of a ``kind`` file (its magic word, such as ``"r1cs"``).

    Raises InputError if the file cannot be read, FileFormatError if it is not a whole file of that kind.
    """
    if not is_file(path):
        read_bytes(path, what=f"{kind} file")  # raises InputError with the system's reason
    total = path.stat().st_size
    sections: dict[int, Section] = {}
    try:
        with path.open("rb") as file:
            head = file.read(12)
            if len(head) < 12 or head[:4] != kind.encode():
                raise FileFormatError(f"{str(path)!r} is not a {kind} file")
            version, count = struct.unpack("<II", head[4:])
            if version not in versions:
                raise FileFormatError(f"{kind} file {str(path)!r} has version {version}, not {versions[-1]}")
            if count > MAX_SECTIONS:
                raise FileFormatError(f"{kind} file {str(path)!r} claims {count} sections")
            position = 12
            for _ in range(count):
                entry = file.read(12)
                if len(entry) < 12:
                    raise _truncated(kind, path, total)
                number, size = struct.unpack("<IQ", entry)
                position += 12
                if number in sections:
                    raise FileFormatError(f"{kind} file {str(path)!r} has section {number} twice")
                sections[number] = Section(position, size)
                position += size
                if position > total:
                    raise _truncated(kind, path, total)
                file.seek(position)
    except OSError as error:
        raise FileFormatError(f"{kind} file {str(path)!r} cannot be read: {error.strerror}") from error
    if position != total:
        raise FileFormatError(f"{kind} file {str(path)!r} has {total - position} bytes after its last section")
    return BinaryFile(path, kind, version, sections)


def _truncated(kind: str, path: Path, total: int) -> FileFormatError:
    return FileFormatError(f"{kind} file {str(path)!r} is truncated: it ends after {total} bytes")
