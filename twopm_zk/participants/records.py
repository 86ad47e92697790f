"""What the databases of several roles have in common: attempts, keys of messages, step matrices."""

from __future__ import annotations

import json
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from twopm_zk.chain.tasks import TaskSnapshot
from twopm_zk.participants.database import Database
from twopm_zk.statements import StepMatrix


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


MATRICES = "CREATE TABLE matrices (hash TEXT PRIMARY KEY, size INTEGER NOT NULL, upper TEXT NOT NULL) STRICT"


def secret_key(store: Database) -> X25519PrivateKey:
    """The X25519 key of a store, drawn the first time."""
    with store.transaction():
        known = store.meta("x25519")
        if known is None:
            known = X25519PrivateKey.generate().private_bytes_raw().hex()
            store.set_meta("x25519", known)
    return X25519PrivateKey.from_private_bytes(bytes.fromhex(known))


def load_matrix(store: Database, matrix_hash: int) -> StepMatrix | None:
    """Read a step matrix from a store with the table MATRICES; None where it is not there."""
    row = store.one("SELECT size, upper FROM matrices WHERE hash = ?", str(matrix_hash))
    return None if row is None else StepMatrix(int(row[0]), tuple(json.loads(row[1])))


def save_matrix(store: Database, matrix: StepMatrix) -> None:
    """Keep a step matrix in a store with the table MATRICES."""
    store.run(
        "INSERT OR IGNORE INTO matrices VALUES (?, ?, ?)",
        *(str(matrix.hash), matrix.size, json.dumps(list(matrix.upper))),
    )
