"""Updates and results as bytes: one encoding of each value, whose size is known before a byte of it is read.

    magic    16 bytes: what it is, and in which version
    layout   32 bytes: `FederatedSpec.layout`, what the integers stand for
    words    8 bytes: how many integers there are
    head     of results alone: round, previous, weight, loss, evaluated
    body     integers of 8 bytes

All numbers are little-endian. There is nothing to skip or to pad, so that bytes that can be parsed are those of what
they were parsed to, and SHA-256 of them names it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from twopm_zk.errors import FileFormatError

_START = struct.Struct("<16s32sQ")


@dataclass(frozen=True)
class Encoding:
    """One kind of file."""

    name: str
    """What messages call it."""
    magic: bytes
    head: struct.Struct
    signed: bool

    def size(self, words: int) -> int:
        """Bytes of a file with so many integers."""
        return _START.size + self.head.size + 8 * words

    def encode(self, layout: bytes, words: npt.NDArray[Any], *head: Any) -> bytes:
        """The bytes of integers that are int64, or uint64 where they are not signed."""
        start = _START.pack(self.magic.ljust(16, b"\0"), layout, words.size)
        return b"".join((start, self.head.pack(*head), words.astype(self._stored, copy=False).tobytes()))

    def parse(self, layout: bytes, words: int, content: bytes) -> tuple[tuple[Any, ...], npt.NDArray[Any]]:
        """Head and integers of bytes that must be of this layout, with so many integers. FileFormatError otherwise."""
        if len(content) != self.size(words):
            raise FileFormatError(
                f"{self.name} has {len(content)} bytes; of this specification it has {self.size(words)}"
            )
        magic, found, count = _START.unpack_from(content)
        if magic != self.magic.ljust(16, b"\0"):
            raise FileFormatError(f"{self.name} begins with other bytes than {self.name}s of this version")
        if found != layout:
            raise FileFormatError(
                f"{self.name} is of another model: its layout is {found.hex()[:16]}..., not {layout.hex()[:16]}..."
            )
        if count != words:
            raise FileFormatError(f"{self.name} claims {count} integers; of this specification it has {words}")
        head = self.head.unpack_from(content, _START.size)
        body = np.frombuffer(content, dtype=self._stored, offset=_START.size + self.head.size)
        return head, body.astype(np.int64 if self.signed else np.uint64)

    @property
    def _stored(self) -> str:
        return "<i8" if self.signed else "<u8"


_NO_HEAD = struct.Struct("<")
UPDATE = Encoding("an update", b"2PM update 1", _NO_HEAD, signed=True)
"""What a node keeps for itself."""
MASKED = Encoding("a masked update", b"2PM masked 1", _NO_HEAD, signed=False)
RESULT = Encoding("a result", b"2PM result 1", struct.Struct("<Q32sQQQ"), signed=True)
