"""What a node must not lose: its batches with their salts, and all that it has made for the rounds.

A salt is on disk before its commitment is on the chain, noise and a blinding before their proof is made, a proof before
it is sent, a key before it is posted, and what is shared before it is shared. A node that is killed finds out from the
chain how far it came, and goes on with what is here. Openings and the keys of an attempt are forgotten once it is over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from twopm_zk.errors import StoreError
from twopm_zk.numbers.fixed_point import Format
from twopm_zk.participants.records import Attempt
from twopm_zk.participants.rounds.store import SharingStore
from twopm_zk.privacy.budget import Spending
from twopm_zk.rows.batches import Batch
from twopm_zk.sharing import LedgerEntry
from twopm_zk.statements import Collection, Family, Opening, StepShape, Tally

_SCHEMA = (
    """CREATE TABLE batches (
        dataset TEXT NOT NULL, number INTEGER NOT NULL, held_out INTEGER NOT NULL, place INTEGER,
        rows INTEGER NOT NULL, features INTEGER NOT NULL, bits INTEGER NOT NULL, frac_bits INTEGER NOT NULL,
        family INTEGER NOT NULL,
        cells BLOB NOT NULL, labels BLOB NOT NULL, salt TEXT NOT NULL, commitment TEXT NOT NULL UNIQUE,
        PRIMARY KEY (dataset, number)) STRICT""",
    """CREATE TABLE updates (
        task_key TEXT NOT NULL, round INTEGER NOT NULL, attempt INTEGER NOT NULL, number INTEGER NOT NULL,
        model TEXT NOT NULL, collection INTEGER NOT NULL, family INTEGER NOT NULL,
        items TEXT NOT NULL, rows INTEGER NOT NULL, blinding TEXT NOT NULL, noisy INTEGER NOT NULL, proof TEXT,
        PRIMARY KEY (task_key, round, attempt, number)) STRICT""",
    """CREATE TABLE spendings (
        rows TEXT NOT NULL, task TEXT NOT NULL, round INTEGER NOT NULL, attempt INTEGER NOT NULL,
        collection INTEGER NOT NULL, multiplier REAL NOT NULL, redrawn REAL NOT NULL,
        PRIMARY KEY (rows, task, round, attempt, collection)) STRICT""",
)


@dataclass(frozen=True)
class StoredBatch:
    """A batch, and its index in DataHub once one was chosen."""

    number: int
    """In its data set."""
    held_out: bool
    """Whether its rows are kept out of training, to evaluate weights on them."""
    place: int | None
    batch: Batch


@dataclass(frozen=True)
class StoredUpdate:
    """A node's work on one batch in one attempt, as far as it came."""

    number: int
    model: int
    """The model commitment that the update and its proof are about."""
    opening: Opening = field(repr=False)
    noisy: bool
    """Whether the node's noise for the attempt is in it."""
    proof: tuple[int, ...] | None = field(repr=False)


class NodeStore(SharingStore):
    """The state of one node: one account, any number of data sets and tasks."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        super().__init__(path, kind="node", schema=_SCHEMA, read_only=read_only)
        self._checked: dict[tuple[object, ...], Batch] = {}
        """Batches by their columns, whose commitment this process has calculated, which takes a while."""

    # --- batches ---

    def batches(self, dataset: bytes) -> list[StoredBatch]:
        """The batches of one data set, in order."""
        rows = self.query(
            "SELECT number, held_out, place, rows, features, bits, frac_bits, family, cells, labels, salt, commitment "
            "FROM batches WHERE dataset = ? ORDER BY number",
            dataset.hex(),
        )
        return [
            StoredBatch(number, bool(held_out), place, self._batch(number, *columns))
            for number, held_out, place, *columns in rows
        ]

    def _batch(
        self,
        number: int,
        rows: int,
        features: int,
        bits: int,
        frac_bits: int,
        family: int,
        cells: bytes,
        labels: bytes,
        salt: str,
        commitment: str,
    ) -> Batch:
        columns = rows, features, bits, frac_bits, family, cells, labels, salt, commitment
        if columns not in self._checked:
            table = np.frombuffer(cells, dtype="<i4").astype(np.int64).reshape(-1, features)
            shape = StepShape(rows, features, Format(bits, frac_bits), Family.numbered(family))
            batch = Batch(shape, table, np.frombuffer(labels, dtype="<i4").astype(np.int64), salt=int(salt))
            if str(batch.commitment) != commitment:
                raise StoreError(f"batch {number} in {str(self.path)!r} is damaged: it has another commitment")
            self._checked[columns] = batch
        return self._checked[columns]

    def add_batches(self, dataset: bytes, batches: Sequence[Batch], *, held_out: bool = False) -> None:
        """Keep the batches of a data set that has none of these rows yet."""
        with self.transaction():
            (first,) = self.one("SELECT COUNT(*) FROM batches WHERE dataset = ?", dataset.hex()) or (0,)
            for number, batch in enumerate(batches, start=int(first)):
                shape = batch.shape
                columns = (
                    *(shape.rows, shape.features, shape.format.bits, shape.format.frac_bits, shape.family.number),
                    *(batch.features.astype("<i4").tobytes(), batch.labels.astype("<i4").tobytes()),
                    *(str(batch.salt), str(batch.commitment)),
                )
                self.run(
                    "INSERT INTO batches VALUES (?, ?, ?, NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    *(dataset.hex(), number, int(held_out), *columns),
                )
                self._checked[columns] = batch

    def set_place(self, dataset: bytes, number: int, place: int) -> None:
        """Note where a batch is in DataHub."""
        self.run("UPDATE batches SET place = ? WHERE dataset = ? AND number = ?", place, dataset.hex(), number)

    def rows_of(self, commitments: Iterable[int]) -> int:
        """How many rows the batches with these commitments hold."""
        found = (self.one("SELECT LENGTH(labels) FROM batches WHERE commitment = ?", str(one)) for one in commitments)
        return sum(int(row[0]) for row in found if row is not None) // 4

    # --- updates ---

    def updates(self, attempt: Attempt) -> dict[int, StoredUpdate]:
        """All that is known of an attempt, by number of the batch."""
        rows = self.query(
            "SELECT number, model, collection, family, items, rows, blinding, noisy, proof FROM updates "
            "WHERE task_key = ? AND round = ? AND attempt = ? ORDER BY number",
            *attempt.columns,
        )
        found = {}
        for number, model, collection, family, items, count, blinding, noisy, proof in rows:
            sums = tuple(int(value) for value in json.loads(items))
            opening = Opening(Collection(collection).unit(Family.numbered(family)), sums, count, int(blinding))
            numbers = None if proof is None else tuple(int(value) for value in json.loads(proof))
            found[number] = StoredUpdate(number, int(model), opening, bool(noisy), numbers)
        return found

    def begin_update(
        self,
        attempt: Attempt,
        number: int,
        model: int,
        collection: Collection,
        family: Family,
        tally: Tally,
        noise: Sequence[int] = (),
    ) -> StoredUpdate:
        """Draw a blinding for an update, and keep it with the sums and their ``noise``, if they carry any.

        Replaces what was made for another model commitment.
        """
        made = tally.with_noise(noise) if noise else tally
        opening = Opening.drawn(made.unit, made.items, made.rows)
        self.run(
            "INSERT OR REPLACE INTO updates VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
            *(*attempt.columns, number, str(model), int(collection), family.number),
            *(json.dumps([str(value) for value in opening.items]), opening.rows, str(opening.blinding)),
            int(bool(noise)),
        )
        return StoredUpdate(number, model, opening, bool(noise), None)

    def set_proof(self, attempt: Attempt, number: int, proof: Sequence[int]) -> None:
        """Keep a proof: 24 numbers of calldata."""
        self.run(
            "UPDATE updates SET proof = ? WHERE task_key = ? AND round = ? AND attempt = ? AND number = ?",
            *(json.dumps([str(value) for value in proof]), *attempt.columns, number),
        )

    def forget_rounds(self, task_key: int, *, before: Attempt | None) -> None:
        """Forget openings and keys of all attempts of a task but one: they are private, and have served."""
        keep = (before.round, before.attempt) if before is not None else (-1, -1)
        for table in ("updates", "round_keys"):
            self.forget(
                f"DELETE FROM {table} WHERE task_key = ? AND NOT (round = ? AND attempt = ?)",  # noqa: S608
                *(str(task_key), *keep),
            )

    # --- what was shared ---

    def add_to_ledger(self, entry: LedgerEntry, spending: Spending, *, rows: str) -> None:
        """Write an entry down, before its share is sent, and what that spends of the privacy of the ``rows``."""
        with self.transaction():
            self.write_down(entry)
            self.run(
                "INSERT OR IGNORE INTO spendings VALUES (?, ?, ?, ?, ?, ?, ?)",
                *(rows, spending.task, spending.round, spending.attempt),
                *(int(spending.collection), spending.multiplier, spending.redrawn),
            )

    def spendings(self, rows: str) -> tuple[Spending, ...]:
        """All that was spent of the privacy of rows of this name, in the order in which it was."""
        found = self.query(
            "SELECT task, round, attempt, collection, multiplier, redrawn FROM spendings WHERE rows = ? ORDER BY rowid",
            rows,
        )
        return tuple(
            Spending(task, round, attempt, Collection(collection), multiplier, redrawn)
            for task, round, attempt, collection, multiplier, redrawn in found
        )

    def named_rows(self) -> tuple[str, ...]:
        """The names of all rows of which something was spent."""
        return tuple(str(name) for (name,) in self.query("SELECT DISTINCT rows FROM spendings ORDER BY rows"))
