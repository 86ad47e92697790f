"""What the databases of several roles have in common: attempts, and keys of messages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from twopm_zk.chain.tasks import TaskSnapshot
from twopm_zk.errors import StoreError
from twopm_zk.participants.database import Database


@dataclass(frozen=True)
class Attempt:
    """One attempt of one round of one task: what a node's work belongs to."""

    task_key: int
    round: int
    attempt: int

    @classmethod
    def of(cls, state: TaskSnapshot) -> Attempt:
        """The present attempt of a task."""
        return cls(state.task_key, state.round, state.attempt)

    @property
    def columns(self) -> tuple[str, int, int]:
        """The attempt as the columns of the tables have it."""
        return str(self.task_key), self.round, self.attempt


def secret_key(store: Database) -> X25519PrivateKey:
    """The X25519 key of a store, drawn the first time."""
    with store.transaction():
        known = store.meta("x25519")
        if known is None:
            known = X25519PrivateKey.generate().private_bytes_raw().hex()
            store.set_meta("x25519", known)
    return X25519PrivateKey.from_private_bytes(bytes.fromhex(known))


def known_secret_key(path: Path) -> X25519PrivateKey:
    """The X25519 key in a state file of any role, which may be in use. StoreError where there is no file, or no key."""
    with Database(path, kind=None, read_only=True) as store:
        known = store.meta("x25519")
    if known is None:
        raise StoreError(f"state {str(path)!r} has no key for messages", kind="no-message-key")
    return X25519PrivateKey.from_private_bytes(bytes.fromhex(known))
