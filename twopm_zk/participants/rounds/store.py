"""What every node must not lose, whatever it trains: the keys that it shares with, and all that it has shared.

A key is on disk before it is posted, and an entry of the ledger before the share that it is about leaves the machine.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from twopm_zk.participants.database import Database
from twopm_zk.participants.records import Attempt
from twopm_zk.sharing import Ledger, LedgerEntry, Place, SecretKey, ledger

_SCHEMA = (
    """CREATE TABLE round_keys (
        task_key TEXT NOT NULL, round INTEGER NOT NULL, attempt INTEGER NOT NULL, secret TEXT NOT NULL,
        PRIMARY KEY (task_key, round, attempt)) STRICT""",
    """CREATE TABLE ledger (
        digest TEXT PRIMARY KEY, contributions TEXT NOT NULL, rows TEXT NOT NULL, statement TEXT NOT NULL,
        weights TEXT, data TEXT NOT NULL, chain_id INTEGER NOT NULL, contract TEXT NOT NULL, task INTEGER NOT NULL,
        round INTEGER NOT NULL, attempt INTEGER NOT NULL, identity TEXT NOT NULL) STRICT""",
    "CREATE TABLE tasks (task_key TEXT PRIMARY KEY, block INTEGER NOT NULL) STRICT",
)
_LASTING = "aggregation key"


class SharingStore(Database):
    """The state of a node of some ``kind``: one account, any number of specifications and tasks. ``schema`` has the
    tables of its own."""

    same_rows = False
    """What `ledger.Collection.same_rows` is of all that such a node shares."""

    def __init__(self, path: Path, *, kind: str, schema: Sequence[str], read_only: bool = False) -> None:
        super().__init__(path, kind=kind, schema=(*_SCHEMA, *schema), read_only=read_only)

    # --- keys to share with ---

    @property
    def lasting_key(self) -> SecretKey:
        """The secret of the key that this node registers, drawn the first time."""
        with self.transaction():
            known = self.meta(_LASTING)
            if known is None:
                known = str(SecretKey.drawn().scalar)
                self.set_meta(_LASTING, known)
        return SecretKey(int(known))

    def round_key(self, attempt: Attempt) -> SecretKey | None:
        """The secret of the key of an attempt; None where there is none, or none any more."""
        row = self.one(
            "SELECT secret FROM round_keys WHERE task_key = ? AND round = ? AND attempt = ?", *attempt.columns
        )
        return None if row is None else SecretKey(int(row[0]))

    def begin_round_key(self, attempt: Attempt) -> SecretKey:
        """The key of an attempt, drawn the first time, before it is posted."""
        with self.transaction():
            known = self.round_key(attempt)
            if known is None:
                known = SecretKey.drawn()
                self.run("INSERT INTO round_keys VALUES (?, ?, ?, ?)", *attempt.columns, str(known.scalar))
        return known

    # --- what was shared ---

    def ledger(self) -> Ledger:
        """All that may have left this machine."""
        rows = self.query(
            "SELECT digest, contributions, rows, statement, weights, data, "
            "chain_id, contract, task, round, attempt, identity FROM ledger ORDER BY rowid"
        )
        entries = []
        for digest, contributions, summed, statement, weights, data, *where in rows:
            columns = ("chain_id", "contract", "task", "round", "attempt", "identity")
            place = Place(**dict(zip(columns, where, strict=True)))
            shared = ledger.Collection(
                statement=statement,
                weights=None if weights is None else int(weights),
                data=frozenset(int(value) for value in json.loads(data)),
                same_rows=self.same_rows,
            )
            hashes = [bytes.fromhex(value) for value in (digest, contributions, summed)]
            entries.append(LedgerEntry(shared, place, *hashes))
        return Ledger(tuple(entries))

    def write_down(self, entry: LedgerEntry) -> None:
        """Write an entry down, before its share is sent."""
        shared, place = entry.collection, entry.place
        self.run(
            "INSERT OR IGNORE INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(entry.digest.hex(), entry.contributions.hex(), entry.rows.hex(), shared.statement),
            None if shared.weights is None else str(shared.weights),
            json.dumps([str(value) for value in sorted(shared.data)]),
            *(place.chain_id, place.contract, place.task, place.round, place.attempt, place.identity),
        )

    # --- how far the chain was read ---

    def block(self, task_key: int) -> int | None:
        """The block up to which the events of a task were seen."""
        row = self.one("SELECT block FROM tasks WHERE task_key = ?", str(task_key))
        return None if row is None else int(row[0])

    def set_block(self, task_key: int, block: int) -> None:
        """Note that the events up to ``block`` were seen."""
        self.run("INSERT OR REPLACE INTO tasks VALUES (?, ?)", str(task_key), block)
