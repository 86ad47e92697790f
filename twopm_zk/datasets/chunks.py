"""A stream in chunks of authenticated encryption: the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár
(2015, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", section 7).

The nonce of chunk i of ChaCha20-Poly1305 is ``0(7) i(u32, big-endian) last(1)``, where ``last`` is 1 for the last chunk
alone: chunks that are left out, put in another order, taken from another version or added do not decrypt. The key is of
one version and one content, so no nonce is used twice. Chunks are of `CHUNK` plain bytes but the last, which has 1 or
more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from twopm_zk.datasets.keys import DataKey
from twopm_zk.errors import PeerError

CHUNK = 1 << 20
TAG = 16
_KEY = b"twopm-zk data chunks 1"


def chunk_sizes(size: int) -> list[int]:
    """The plain sizes of the chunks of so many bytes, 1 or more."""
    whole, rest = divmod(size, CHUNK)
    return [CHUNK] * whole + ([rest] if rest else [])


def sealed_chunks(source: BinaryIO, size: int, key: DataKey) -> Iterator[bytes]:
    """The chunks of the next ``size`` bytes, each 16 bytes longer than what is in it."""
    cipher = ChaCha20Poly1305(key.derived(_KEY))
    sizes = chunk_sizes(size)
    for index, length in enumerate(sizes):
        plain = source.read(length)
        if len(plain) != length:
            raise ValueError(f"the source ends before {size} bytes")
        yield cipher.encrypt(_nonce(index, len(sizes)), plain, None)


def opened_chunks(chunks: Iterable[bytes], count: int, key: DataKey) -> Iterator[bytes]:
    """What is in ``count`` chunks, one after the other. PeerError ``other-content`` where one is not what it was."""
    cipher, index = ChaCha20Poly1305(key.derived(_KEY)), 0
    for index, chunk in enumerate(chunks, start=1):
        try:
            yield cipher.decrypt(_nonce(index - 1, count), chunk, None)
        except InvalidTag:
            raise PeerError(
                f"chunk {index} of {count} cannot be decrypted: it is not the owner's", kind="other-content"
            ) from None
    if index != count or not count:
        raise PeerError(f"{index} chunks are there, {count} were announced", kind="other-content")


def _nonce(index: int, count: int) -> bytes:
    return bytes(7) + index.to_bytes(4, "big") + (b"\1" if index == count - 1 else b"\0")
