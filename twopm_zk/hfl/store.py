"""What a node must not lose: the salt of its data, its update of each round with its salt and noise, and its keys.

An update is on disk before its hash is on the chain, and stays the same in every attempt of its round: fresh noise each
time would average out. It is forgotten once the round is over. The last result is here too, so that a node goes on
where the storage has lost it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from twopm_zk.coordinator.store import TaskStore
from twopm_zk.errors import StoreError
from twopm_zk.federated import FederatedSpec, RoundResult, Update, parse_result
from twopm_zk.federated.encoding import UPDATE
from twopm_zk.federated.updates import SALT_BYTES
from twopm_zk.participants.records import Attempt
from twopm_zk.participants.rounds.store import SharingStore

_SCHEMA = (
    """CREATE TABLE data (
        dataset TEXT PRIMARY KEY, salt TEXT NOT NULL, commitment TEXT NOT NULL, digest TEXT NOT NULL) STRICT""",
    """CREATE TABLE updates (
        task_key TEXT NOT NULL, round INTEGER NOT NULL, before TEXT NOT NULL, salt TEXT NOT NULL,
        PRIMARY KEY (task_key, round)) STRICT""",
    """CREATE TABLE computed (
        task_key TEXT NOT NULL, round INTEGER NOT NULL, hash TEXT NOT NULL, digest TEXT NOT NULL,
        PRIMARY KEY (task_key, round)) STRICT""",
    """CREATE TABLE missing (
        task_key TEXT NOT NULL, round INTEGER NOT NULL, attempt INTEGER NOT NULL, account TEXT NOT NULL,
        PRIMARY KEY (task_key, round, attempt, account)) STRICT""",
    """CREATE TABLE contents (
        task_key TEXT NOT NULL, round INTEGER NOT NULL, name TEXT NOT NULL, part INTEGER NOT NULL,
        content BLOB NOT NULL, PRIMARY KEY (task_key, round, name, part)) STRICT""",
)
_PART = 1 << 26
"""Bytes of a content in one row: SQLite takes no more than 10^9."""
_UPDATE, _RESULT = "update", "result"


@dataclass(frozen=True)
class StoredUpdate:
    """A node's work in one round: secret."""

    before: bytes
    """The hash of the result that it was trained from."""
    salt: bytes = field(repr=False)
    update: Update

    @property
    def commitment(self) -> bytes:
        """What the contract is told of it."""
        return self.update.commitment(self.salt)


class FederatedStore(SharingStore):
    """The state of one node: one account, any number of data sets and tasks."""

    same_rows = True

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        super().__init__(path, kind="federated node", schema=_SCHEMA, read_only=read_only)

    # --- data ---

    def data_salt(self, dataset: bytes) -> bytes:
        """The salt of the commitment to this node's data, drawn the first time."""
        with self.transaction():
            row = self.one("SELECT salt FROM data WHERE dataset = ?", dataset.hex())
            if row is None:
                salt = secrets.token_bytes(SALT_BYTES)
                self.run("INSERT INTO data VALUES (?, ?, '', '')", dataset.hex(), salt.hex())
                return salt
        return bytes.fromhex(row[0])

    def data(self, dataset: bytes) -> tuple[int, bytes] | None:
        """The commitment to this node's data, and what it is to; None where there is none yet."""
        row = self.one("SELECT commitment, digest FROM data WHERE dataset = ? AND commitment != ''", dataset.hex())
        return None if row is None else (int(row[0]), bytes.fromhex(row[1]))

    def set_data(self, dataset: bytes, commitment: int, digest: bytes) -> None:
        """Keep the commitment to data of a ``digest``, before it is registered."""
        self.run(
            "UPDATE data SET commitment = ?, digest = ? WHERE dataset = ?",
            *(str(commitment), digest.hex(), dataset.hex()),
        )

    # --- updates ---

    def update(self, spec: FederatedSpec, task_key: int, round_: int) -> StoredUpdate | None:
        """This node's update of a round, as it has it."""
        row = self.one("SELECT before, salt FROM updates WHERE task_key = ? AND round = ?", str(task_key), round_)
        if row is None:
            return None
        content = self._content(task_key, round_, _UPDATE)
        if content is None:
            raise StoreError(f"the update of round {round_} in {str(self.path)!r} is damaged: it is not there")
        _, words = UPDATE.parse(spec.layout, spec.words, content)
        return StoredUpdate(bytes.fromhex(row[0]), bytes.fromhex(row[1]), Update(words))

    def add_update(
        self, spec: FederatedSpec, task_key: int, round_: int, *, before: bytes, update: Update
    ) -> StoredUpdate:
        """Keep an update with a new salt, before anything of it is sent; one from another result is replaced."""
        salt = secrets.token_bytes(SALT_BYTES)
        with self.transaction():
            self._set_content(task_key, round_, _UPDATE, UPDATE.encode(spec.layout, update.words))
            self.run(
                "INSERT OR REPLACE INTO updates VALUES (?, ?, ?, ?)", str(task_key), round_, before.hex(), salt.hex()
            )
        return StoredUpdate(before, salt, update)

    def forget_before(self, task_key: int, round_: int | None) -> None:
        """Forget updates, keys and results of earlier rounds of a task; of all of them where the task is over."""
        last = 1 << 40 if round_ is None else round_
        for table in ("updates", "round_keys"):
            self.forget(f"DELETE FROM {table} WHERE task_key = ? AND round < ?", str(task_key), last)  # noqa: S608
        self.forget("DELETE FROM contents WHERE task_key = ? AND round < ? AND name = ?", str(task_key), last, _UPDATE)
        self.run("DELETE FROM contents WHERE task_key = ? AND round < ? AND name = ?", str(task_key), last - 1, _RESULT)

    # --- what was not to be had ---

    def missing(self, attempt: Attempt) -> frozenset[str]:
        """The accounts whose masked update this node could not get when it looked last."""
        rows = self.query(
            "SELECT account FROM missing WHERE task_key = ? AND round = ? AND attempt = ?", *attempt.columns
        )
        return frozenset(row[0] for row in rows)

    def set_missing(self, attempt: Attempt, accounts: Iterable[str]) -> None:
        """Note whose masked updates are not to be had, in the place of what was noted before."""
        with self.transaction():
            self.run("DELETE FROM missing WHERE task_key = ? AND round = ? AND attempt = ?", *attempt.columns)
            for account in accounts:
                self.run("INSERT INTO missing VALUES (?, ?, ?, ?)", *attempt.columns, account)

    # --- results ---

    def result(self, spec: FederatedSpec, task_key: int, round_: int) -> RoundResult | None:
        """What this node has computed as the result of a round, as long as it may need it."""
        content = self._content(task_key, round_, _RESULT)
        return None if content is None else parse_result(spec, content)

    def add_result(self, task_key: int, round_: int, result: RoundResult, *, digest: bytes) -> None:
        """Keep a result that was computed here over the set of a digest, before it is confirmed."""
        with self.transaction():
            self._set_content(task_key, round_, _RESULT, result.encoded)
            self.run(
                "INSERT OR REPLACE INTO computed VALUES (?, ?, ?, ?)",
                *(str(task_key), round_, result.hash.hex(), digest.hex()),
            )

    def computed(self, task_key: int, round_: int) -> tuple[bytes, bytes] | None:
        """The hash of the result that this node has computed last for a round, and the digest of the set."""
        row = self.one("SELECT hash, digest FROM computed WHERE task_key = ? AND round = ?", str(task_key), round_)
        return None if row is None else (bytes.fromhex(row[0]), bytes.fromhex(row[1]))

    def _content(self, task_key: int, round_: int, name: str) -> bytes | None:
        rows = self.query(
            "SELECT content FROM contents WHERE task_key = ? AND round = ? AND name = ? ORDER BY part",
            *(str(task_key), round_, name),
        )
        return b"".join(row[0] for row in rows) if rows else None

    def _set_content(self, task_key: int, round_: int, name: str, content: bytes) -> None:
        where = str(task_key), round_, name
        self.run("DELETE FROM contents WHERE task_key = ? AND round = ? AND name = ?", *where)
        for part, first in enumerate(range(0, len(content), _PART)):
            self.run("INSERT INTO contents VALUES (?, ?, ?, ?, ?)", *where, part, content[first : first + _PART])


class CoordinatorState(TaskStore):
    """The state of a coordinator: whose it is, and what it runs. All else is on the chain and in the storage."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, kind="federated coordinator", schema=())
