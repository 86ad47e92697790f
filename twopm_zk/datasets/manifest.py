"""What a version of a data set in storage consists of: a JSON document whose SHA-256 the contract has.

Canonical: sorted keys, no spaces, so that a manifest has one spelling, which is checked. It is as public as the storage
is, and tells of the data how many bytes they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from twopm_zk.datasets.chunks import TAG, chunk_sizes
from twopm_zk.datasets.keys import WRAPPED_BYTES, DataKey, OwnKey, Version
from twopm_zk.datasets.package import MAX_PACKAGE
from twopm_zk.errors import MessageError, PeerError
from twopm_zk.participants import wire
from twopm_zk.system.content_store import content_hash

FORMAT = "twopm-zk manifest 1"
CIPHER = "chacha20-poly1305 stream"
MAX_MANIFEST = 1 << 18
_CHECK = b"twopm-zk data key check 1"
_FIELDS = (
    *("format", "cipher", "chain_id", "contract", "owner", "dataset", "version", "size"),
    *("key_check", "owner_key", "chunks"),
)


@dataclass(frozen=True)
class Manifest:
    """One version of a data set: the chunks in order, and its key for its owner."""

    version: Version
    size: int
    """Bytes of the package that is in the chunks."""
    key_check: bytes = field(repr=False)
    """Derived from the version's key, which it tells from any other: ciphertext that two keys decrypt is of no use."""
    owner_key: bytes = field(repr=False)
    """The key, wrapped for the owner's recovery key."""
    chunks: tuple[bytes, ...] = field(repr=False)
    """SHA-256 of each encrypted chunk."""

    @classmethod
    def of(cls, own: OwnKey, size: int, chunks: tuple[bytes, ...]) -> Self:
        """That of chunks which were encrypted by a key."""
        return cls(own.key.version, size, own.key.derived(_CHECK), own.wrapped, chunks)

    @property
    def stored_sizes(self) -> list[int]:
        """Bytes of each encrypted chunk."""
        return [size + TAG for size in chunk_sizes(self.size)]

    def encode(self) -> bytes:
        """The manifest as it is stored."""
        version = self.version
        document: dict[str, Any] = {
            "format": FORMAT,
            "cipher": CIPHER,
            "chain_id": str(version.chain_id),
            "contract": version.contract,
            "owner": version.owner,
            "dataset": version.dataset.hex(),
            "version": version.number,
            "size": self.size,
            "key_check": self.key_check.hex(),
            "owner_key": self.owner_key.hex(),
            "chunks": "".join(chunk.hex() for chunk in self.chunks),
        }
        return wire.encode(document)

    @property
    def hash(self) -> bytes:
        """SHA-256, by which the contract and the storage know the manifest."""
        return content_hash(self.encode())

    @classmethod
    def parse(cls, content: bytes, version: Version) -> Self:
        """Read what a storage returned for a version. PeerError ``other-content`` for anything but its manifest."""
        try:
            found = cls._parse(content)
        except MessageError as error:
            reason = error.message.removeprefix("the message is malformed: ")
            raise PeerError(
                f"the manifest of version {version.number} is none: {reason}", kind="other-content"
            ) from None
        if found.version != version:
            raise PeerError(
                f"the manifest is of another data set or version than {version.number}", kind="other-content"
            )
        if found.encode() != content:
            raise PeerError("the manifest is not spelt canonically", kind="other-content")
        return found

    @classmethod
    def _parse(cls, content: bytes) -> Self:
        fields = wire.Fields(wire.parse(content, limit=MAX_MANIFEST), "the manifest", _FIELDS)
        fields.choice("format", (FORMAT,))
        fields.choice("cipher", (CIPHER,))
        size = fields.integer("size", low=1, high=MAX_PACKAGE)
        hashes = fields.hexadecimal("chunks", length=32 * len(chunk_sizes(size)))
        return cls(
            version=Version(
                chain_id=fields.decimal("chain_id", high=(1 << 256) - 1),
                contract=fields.address("contract"),
                owner=fields.address("owner"),
                dataset=fields.hexadecimal("dataset", length=32),
                number=fields.integer("version", low=1, high=(1 << 53) - 1),
            ),
            size=size,
            key_check=fields.hexadecimal("key_check", length=32),
            owner_key=fields.hexadecimal("owner_key", length=WRAPPED_BYTES),
            chunks=tuple(hashes[start : start + 32] for start in range(0, len(hashes), 32)),
        )

    def require_key(self, key: DataKey) -> None:
        """PeerError ``other-key`` for another key than the one that the chunks are encrypted by."""
        if key.derived(_CHECK) != self.key_check:
            raise PeerError(f"the key is not that of version {self.version.number}", kind="other-key")
