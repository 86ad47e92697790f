"""What a node must not lose: its batches with their salts, and all that it has made for the rounds.

A salt is on disk before its commitment is on the chain, a blinding before its proof is made, a proof before it is
sent. A node that is killed finds out from the chain how far it came, and goes on with what is here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from twopm_zk.errors import StoreError
from twopm_zk.numbers.commitments import random_scalar
from twopm_zk.numbers.fixed_point import Format
from twopm_zk.participants.database import Database
from twopm_zk.participants.records import MATRICES, Attempt, load_matrix, save_matrix
from twopm_zk.rows.batches import Batch
from twopm_zk.statements import OpenedUpdate, StepMatrix, StepShape, Update

_SCHEMA = (
    """CREATE TABLE batches (
        spec TEXT NOT NULL, number INTEGER NOT NULL, place INTEGER,
        rows INTEGER NOT NULL, features INTEGER NOT NULL, bits INTEGER NOT NULL, frac_bits INTEGER NOT NULL,
        cells BLOB NOT NULL, marks BLOB NOT NULL, salt TEXT NOT NULL, commitment TEXT NOT NULL UNIQUE,
        PRIMARY KEY (spec, number)) STRICT""",
    """CREATE TABLE updates (
        task_key TEXT NOT NULL, round INTEGER NOT NULL, attempt INTEGER NOT NULL, number INTEGER NOT NULL,
        model TEXT NOT NULL, blinding TEXT NOT NULL,
        rows INTEGER NOT NULL, gradient TEXT NOT NULL, frac_bits INTEGER NOT NULL, commitment TEXT NOT NULL,
        proof TEXT, receipt TEXT, receipt_of TEXT,
        PRIMARY KEY (task_key, round, attempt, number)) STRICT""",
    MATRICES,
    "CREATE TABLE tasks (task_key TEXT PRIMARY KEY, block INTEGER NOT NULL) STRICT",
)


@dataclass(frozen=True)
class StoredBatch:
    """A batch, and its index in DataHub once one was chosen."""

    number: int
    place: int | None
    batch: Batch


@dataclass(frozen=True)
class StoredUpdate:
    """A node's work on one batch in one attempt, as far as it came."""

    number: int
    model: int
    """The model commitment that the update and its proof are about."""
    opened: OpenedUpdate = field(repr=False)
    commitment: int
    proof: tuple[int, ...] | None = field(repr=False)
    receipt_of: str | None
    """The coordinator that has signed for the opening."""


class NodeStore(Database):
    """The state of one node: one account, any number of specifications and tasks."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        super().__init__(path, kind="node", schema=_SCHEMA, read_only=read_only)
        self._checked: dict[tuple[object, ...], Batch] = {}
        """Batches by their columns, whose commitment this process has calculated, which takes a while."""

    # --- batches ---

    def batches(self, spec_hash: bytes) -> list[StoredBatch]:
        """The batches of one specification, in order."""
        rows = self.query(
            "SELECT number, place, rows, features, bits, frac_bits, cells, marks, salt, commitment "
            "FROM batches WHERE spec = ? ORDER BY number",
            spec_hash.hex(),
        )
        return [StoredBatch(number, place, self._batch(number, *columns)) for number, place, *columns in rows]

    def _batch(
        self,
        number: int,
        rows: int,
        features: int,
        bits: int,
        frac_bits: int,
        cells: bytes,
        marks: bytes,
        salt: str,
        commitment: str,
    ) -> Batch:
        columns = rows, features, bits, frac_bits, cells, marks, salt, commitment
        if columns not in self._checked:
            table = np.frombuffer(cells, dtype="<i4").astype(np.int64).reshape(-1, features)
            labels = (1 - np.frombuffer(marks, dtype="i1").astype(np.int64)) // 2
            batch = Batch(StepShape(rows, features, Format(bits, frac_bits)), table, labels, salt=int(salt))
            if str(batch.commitment) != commitment:
                raise StoreError(f"batch {number} in {str(self.path)!r} is damaged: it has another commitment")
            self._checked[columns] = batch
        return self._checked[columns]

    def add_batches(self, spec_hash: bytes, batches: Sequence[Batch]) -> None:
        """Keep the batches of a specification that has none yet."""
        with self.transaction():
            for number, batch in enumerate(batches):
                shape = batch.shape
                columns = (
                    *(shape.rows, shape.features, shape.format.bits, shape.format.frac_bits),
                    *(batch.features.astype("<i4").tobytes(), (1 - 2 * batch.labels).astype("i1").tobytes()),
                    *(str(batch.salt), str(batch.commitment)),
                )
                self.run(
                    "INSERT INTO batches VALUES (?, ?, NULL, ?, ?, ?, ?, ?, ?, ?, ?)", spec_hash.hex(), number, *columns
                )
                self._checked[columns] = batch

    def replace_batch(self, spec_hash: bytes, number: int, batch: Batch) -> None:
        """The same rows with another salt, and no place yet."""
        self.run(
            "UPDATE batches SET salt = ?, commitment = ?, place = NULL WHERE spec = ? AND number = ?",
            *(str(batch.salt), str(batch.commitment), spec_hash.hex(), number),
        )

    def set_place(self, spec_hash: bytes, number: int, place: int) -> None:
        """Note where a batch is in DataHub."""
        self.run("UPDATE batches SET place = ? WHERE spec = ? AND number = ?", place, spec_hash.hex(), number)

    # --- updates ---

    def updates(self, attempt: Attempt) -> dict[int, StoredUpdate]:
        """All that is known of an attempt, by number of the batch."""
        rows = self.query(
            "SELECT number, model, blinding, rows, gradient, frac_bits, commitment, proof, receipt_of FROM updates "
            "WHERE task_key = ? AND round = ? AND attempt = ? ORDER BY number",
            *attempt.columns,
        )
        found = {}
        for number, model, blinding, count, gradient, frac_bits, commitment, proof, receipt_of in rows:
            update = Update(count, tuple(int(v) for v in json.loads(gradient)), frac_bits)
            numbers = None if proof is None else tuple(int(v) for v in json.loads(proof))
            opened = OpenedUpdate(update, int(blinding))
            found[number] = StoredUpdate(number, int(model), opened, int(commitment), numbers, receipt_of)
        return found

    def begin_update(self, attempt: Attempt, number: int, model: int, update: Update) -> StoredUpdate:
        """Draw a blinding for an update and keep both; replaces what was made for another model commitment."""
        opened = OpenedUpdate(update, random_scalar())
        self.run(
            "INSERT OR REPLACE INTO updates VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL)",
            *(*attempt.columns, number, str(model), str(opened.blinding)),
            *(update.rows, json.dumps([str(v) for v in update.gradient]), update.x_frac_bits, str(opened.commitment)),
        )
        return StoredUpdate(number, model, opened, opened.commitment, None, None)

    def set_proof(self, attempt: Attempt, number: int, proof: Sequence[int]) -> None:
        """Keep a proof: 24 numbers of calldata."""
        self._set(attempt, number, "proof = ?", json.dumps([str(v) for v in proof]))

    def set_receipt(self, attempt: Attempt, number: int, coordinator: str, receipt: str) -> None:
        """Keep a coordinator's signature for an opening."""
        self._set(attempt, number, "receipt_of = ?, receipt = ?", coordinator, receipt)

    def _set(self, attempt: Attempt, number: int, change: str, *values: str) -> None:
        self.run(
            f"UPDATE updates SET {change} WHERE task_key = ? AND round = ? AND attempt = ? AND number = ?",  # noqa: S608
            *(*values, *attempt.columns, number),
        )

    def receipts(self) -> list[str]:
        """Every receipt: what shows that openings were delivered."""
        return [str(row[0]) for row in self.query("SELECT receipt FROM updates WHERE receipt IS NOT NULL")]

    # --- what is public, and kept for whoever takes over ---

    def matrix(self, matrix_hash: int) -> StepMatrix | None:
        """A step matrix by its hash."""
        return load_matrix(self, matrix_hash)

    def add_matrix(self, matrix: StepMatrix) -> None:
        """Keep a step matrix."""
        save_matrix(self, matrix)

    def block(self, task_key: int) -> int | None:
        """The block up to which the events of a task were seen."""
        row = self.one("SELECT block FROM tasks WHERE task_key = ?", str(task_key))
        return None if row is None else int(row[0])

    def set_block(self, task_key: int, block: int) -> None:
        """Note that the events up to ``block`` were seen."""
        self.run("INSERT OR REPLACE INTO tasks VALUES (?, ?)", str(task_key), block)
