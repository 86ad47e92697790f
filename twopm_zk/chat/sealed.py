"""An answer on its way to one reader: pieces under a key of this one answer, counted, and the last one marked.

The key follows by HKDF-SHA256 from the secret that the question's envelope gave both sides, a salt that the operator
draws for each answer, and the envelope's header. A piece is sealed by ChaCha20-Poly1305 with its number and whether it
is the last as nonce, as in the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015): none can be left out,
repeated, moved or cut off without being noticed. Pieces are padded, since the lengths of a model's words tell much of
what it says (Weiss et al. 2024); how many there are, and when, is seen by whoever passes them on.

Twin of web/src/twins/answer.ts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from twopm_zk.chat.question import padded
from twopm_zk.errors import MessageError
from twopm_zk.participants import wire
from twopm_zk.participants.envelope import Header

SALT_BYTES = 32
PIECE_PADDING = 64
"""Bytes; most pieces of text are one such block."""
LAST_PADDING = 4096
"""Bytes: the last piece has the receipt and all tokens."""
MAX_PIECE = 1 << 20
_INFO = b"twopm-zk answer stream v1"
_TAG = 16
_HEX = re.compile(r"(?:[0-9a-f]{2})+")


def answer_key(secret: bytes, header: Header, salt: bytes) -> bytes:
    """The key of one answer; ``secret`` is the envelope's, ``salt`` 32 bytes that no other answer has."""
    return HKDF(SHA256(), 32, salt=salt, info=_INFO + header.authenticated).derive(secret)


@dataclass(frozen=True)
class SealedPiece:
    """A piece of an answer as it travels."""

    ciphertext: bytes = field(repr=False)
    last: bool = False

    def to_json(self) -> dict[str, Any]:
        """The piece as JSON."""
        return {"sealed": self.ciphertext.hex(), "last": self.last}

    @classmethod
    def from_document(cls, document: Any) -> Self:
        """Raises MessageError ``malformed``."""
        if not isinstance(document, Mapping) or set(document) != {"sealed", "last"}:
            raise wire.malformed("a piece of an answer has the keys sealed and last")
        last = document["last"]
        if not isinstance(last, bool):
            raise wire.malformed("'last' of a piece is true or false")
        return cls(_hex_of(document["sealed"], most=MAX_PIECE + _TAG), last)


class AnswerSealer:
    """The operator's end."""

    def __init__(self, key: bytes) -> None:
        self._cipher, self._count = ChaCha20Poly1305(key), 0

    def seal(self, document: Mapping[str, Any], *, last: bool = False) -> SealedPiece:
        """The next piece."""
        content = padded(wire.encode(document), LAST_PADDING if last else PIECE_PADDING)
        sealed = self._cipher.encrypt(_nonce(self._count, last), content, None)
        self._count += 1
        return SealedPiece(sealed, last)


class AnswerOpener:
    """The user's end."""

    def __init__(self, key: bytes) -> None:
        self._cipher, self._count = ChaCha20Poly1305(key), 0
        self.ended = False
        """Whether the last piece was read."""

    def open(self, piece: SealedPiece) -> Any:
        """The next piece's document. MessageError ``undecipherable`` for one that is not the next, or is changed."""
        if self.ended:
            raise MessageError("undecipherable", "an answer goes on after its end")
        try:
            content = self._cipher.decrypt(_nonce(self._count, piece.last), piece.ciphertext, None)
        except (InvalidTag, ValueError):
            raise MessageError("undecipherable", "a piece of an answer is missing, or was changed on its way") from None
        self._count += 1
        self.ended = piece.last
        return wire.parse(content, limit=MAX_PIECE)


def salt_of(document: Any) -> bytes:
    """The salt that an answer begins with. MessageError ``malformed``."""
    if not isinstance(document, Mapping) or set(document) != {"salt"}:
        raise wire.malformed("a sealed answer begins with its salt")
    found = _hex_of(document["salt"], most=SALT_BYTES)
    if len(found) != SALT_BYTES:
        raise wire.malformed(f"the salt of an answer has {SALT_BYTES} bytes")
    return found


def _nonce(count: int, last: bool) -> bytes:
    return bytes([last, 0, 0, 0]) + count.to_bytes(8, "big")


def _hex_of(value: Any, *, most: int) -> bytes:
    if not isinstance(value, str) or len(value) > 2 * most or not _HEX.fullmatch(value):
        raise wire.malformed("a part of a sealed answer is not lower-case hexadecimal, or too long")
    return bytes.fromhex(value)
