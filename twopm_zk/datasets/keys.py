"""Keys of stored data sets: one a version, kept by the owner, wrapped for members by HPKE (RFC 9180).

A version of a data set is bound to chain, contract, owner, data set and number (`Version`). All that is derived from
its key, and every wrapping of it, has that in its info: a wrapped key that is moved to another data set, version or
member opens nothing. The key of a version encrypts one content: with another one a new key is drawn, so that no nonce
is ever used for two.

The owner has its own keys wrapped for a key that follows from its account's private key alone (`recovery_key`): by
HKDF-SHA256, with chain and contract in the salt. A private key is 256 bits that nobody else knows, uniform but for a
negligible part, which is what HKDF asks of its input; under the PRF assumption what is derived tells nothing of the
account's key, and has nothing to do with its signatures. It is not derived from a signature, which a page could ask a
wallet for. So who has the keystore has the data, and nobody else does.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from eth_abi.abi import encode

from twopm_zk.errors import InputError, PeerError
from twopm_zk.participants.database import Database

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

KEY_BYTES = 32
WRAPPED_BYTES = 80
"""Bytes of a wrapped key: 32 of the fresh X25519 key, 32 encrypted, 16 of the tag."""
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_WRAPPED = b"twopm-zk data key 1"
_RECOVERY = b"twopm-zk data recovery key 1"
TABLES = (
    """CREATE TABLE data_keys (
        dataset TEXT NOT NULL, version INTEGER NOT NULL, content TEXT NOT NULL, secret TEXT NOT NULL,
        owner_key TEXT NOT NULL, PRIMARY KEY (dataset, version)) STRICT""",
)
"""Of an owner's database: keys with the hash of the content that each is for, and as they are wrapped for the owner."""


@dataclass(frozen=True)
class Version:
    """One version of a data set in storage, as the contract DataAccess knows it."""

    chain_id: int
    contract: str
    """DataAccess."""
    owner: str
    dataset: bytes
    number: int
    """From 1."""

    @property
    def encoded(self) -> bytes:
        """What tells the version from any other, as ABI encoding: of fixed length, so that nothing can be shifted."""
        values = (self.chain_id, self.contract, self.owner, self.dataset, self.number)
        return bytes(encode(["uint256", "address", "address", "bytes32", "uint64"], values))


@dataclass(frozen=True)
class DataKey:
    """The key of a version: 32 bytes."""

    version: Version
    secret: bytes = field(repr=False)

    def derived(self, what: bytes) -> bytes:
        """32 bytes for one use and this version alone."""
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=what + self.version.encoded).derive(self.secret)

    def wrap(self, member: str, public_key: bytes) -> bytes:
        """The key, for whoever has the private one of a member's published X25519 key. InputError for no such key."""
        if len(public_key) != KEY_BYTES:
            raise InputError(f"{member} has published no X25519 key of {KEY_BYTES} bytes", kind="member-without-key")
        try:
            recipient = X25519PublicKey.from_public_bytes(public_key)
            return _SUITE.encrypt(self.secret, recipient, info=_info(self.version, member))
        except ValueError:
            raise InputError(
                f"the key that {member} has published is of low order", kind="member-without-key"
            ) from None


def unwrap(wrapped: bytes, version: Version, member: str, key: X25519PrivateKey) -> DataKey:
    """The key of a version that was wrapped for a member.

    PeerError ``other-key`` where it was wrapped for another key, member, data set or version, or is damaged.
    """
    try:
        secret = _SUITE.decrypt(wrapped, key, info=_info(version, member))
    except (InvalidTag, ValueError):
        secret = b""
    if len(wrapped) != WRAPPED_BYTES or len(secret) != KEY_BYTES:
        raise PeerError(
            f"the key of version {version.number} was not wrapped for this key of {member}", kind="other-key"
        )
    return DataKey(version, secret)


def recovery_key(account: LocalAccount, version: Version) -> X25519PrivateKey:
    """The X25519 key by which the owner of a version gets it back with its account alone."""
    salt = bytes(encode(["uint256", "address"], [version.chain_id, version.contract]))
    derived = HKDF(SHA256(), KEY_BYTES, salt=salt, info=_RECOVERY).derive(bytes(account.key))
    return X25519PrivateKey.from_private_bytes(derived)


@dataclass(frozen=True)
class OwnKey:
    """A key as its owner keeps it, for the content with this hash alone."""

    key: DataKey
    content: bytes
    """SHA-256."""
    wrapped: bytes = field(repr=False)
    """The key for the owner's recovery key, drawn once: a manifest that is made again is the same."""


def own_key(store: Database, version: Version) -> OwnKey | None:
    """The key of a version that an owner's store has."""
    row = store.one(
        "SELECT content, secret, owner_key FROM data_keys WHERE dataset = ? AND version = ?",
        *(version.dataset.hex(), version.number),
    )
    if row is None:
        return None
    content, secret, wrapped = (bytes.fromhex(text) for text in row)
    return OwnKey(DataKey(version, secret), content, wrapped)


def begin_key(store: Database, account: LocalAccount, version: Version, content: bytes) -> OwnKey:
    """The key for the content with this hash: that of a put which was not finished, where it was of the same content,
    else a new one. It is on disk before anything is encrypted."""
    with store.transaction():
        known = own_key(store, version)
        if known is None or known.content != content:
            key = DataKey(version, secrets.token_bytes(KEY_BYTES))
            recovery = recovery_key(account, version).public_key().public_bytes_raw()
            known = OwnKey(key, content, key.wrap(version.owner, recovery))
            store.run(
                "INSERT OR REPLACE INTO data_keys VALUES (?, ?, ?, ?, ?)",
                *(version.dataset.hex(), version.number, content.hex(), key.secret.hex(), known.wrapped.hex()),
            )
    return known


def _info(version: Version, member: str) -> bytes:
    return _WRAPPED + version.encoded + bytes(encode(["address"], [member]))
