"""What a coordinator has that is not on the chain: its key, its inbox, and proofs it has made.

Without this file it could still read everything public from the chain, and would ask the nodes for their openings
again in a new attempt.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twopm_zk.participants.database import Database
from twopm_zk.participants.messages import Enrolment, Opening
from twopm_zk.participants.records import MATRICES, Attempt, load_matrix, save_matrix
from twopm_zk.rows.moments import Moments
from twopm_zk.statements import RoundShape, StepMatrix

_SCHEMA = (
    "CREATE TABLE enrolments (spec TEXT, sender TEXT, content BLOB NOT NULL, PRIMARY KEY (spec, sender)) STRICT",
    """CREATE TABLE openings (
        task_key TEXT NOT NULL, round INTEGER NOT NULL, attempt INTEGER NOT NULL, subject TEXT NOT NULL,
        sender TEXT NOT NULL, content BLOB NOT NULL,
        PRIMARY KEY (task_key, round, attempt, subject)) STRICT""",
    """CREATE TABLE faults (
        task_key TEXT NOT NULL, round INTEGER NOT NULL, attempt INTEGER NOT NULL, node TEXT NOT NULL,
        reason TEXT NOT NULL, evidence BLOB,
        PRIMARY KEY (task_key, round, attempt, node)) STRICT""",
    """CREATE TABLE work (
        task_key TEXT NOT NULL, round INTEGER NOT NULL, attempt INTEGER NOT NULL, name TEXT NOT NULL,
        content TEXT NOT NULL,
        PRIMARY KEY (task_key, round, attempt, name)) STRICT""",
    "CREATE TABLE history (task_key TEXT, round INTEGER, content TEXT NOT NULL, PRIMARY KEY (task_key, round)) STRICT",
    MATRICES,
)


@dataclass(frozen=True)
class Fault:
    """Why a node was left out, or will be."""

    attempt: Attempt
    node: str
    reason: str
    evidence: bytes | None = field(default=None, repr=False)
    """The signed message, where there is one."""


@dataclass(frozen=True)
class Observation:
    """What an optimiser sees in one round: weights, the regularised gradient there, and moments by Newton's rule."""

    weights: tuple[int, ...]
    gradient: tuple[int, ...] = field(repr=False)
    hessian: Moments | None = field(default=None, repr=False)

    def to_json(self) -> dict[str, Any]:
        """The content of a row of the table of histories."""
        hessian = self.hessian
        return {
            "weights": list(self.weights),
            "gradient": [str(value) for value in self.gradient],
            "hessian": hessian and [hessian.rows, [[str(value) for value in row] for row in hessian.sums]],
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Observation:
        """The inverse of `to_json`."""
        hessian = content["hessian"]
        moments = hessian and Moments(hessian[0], tuple(tuple(int(value) for value in row) for row in hessian[1]))
        return cls(tuple(content["weights"]), tuple(int(value) for value in content["gradient"]), moments)


class CoordinatorStore(Database):
    """The state of one coordinator's account, for any number of tasks."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, kind="coordinator", schema=_SCHEMA)

    # --- inbox ---

    def add_enrolment(self, spec_hash: bytes, sender: str, enrolment: Enrolment) -> None:
        """Keep what a node has told of its data; the last word counts."""
        self.run("INSERT OR REPLACE INTO enrolments VALUES (?, ?, ?)", spec_hash.hex(), sender, enrolment.encode())

    def enrolments(self, spec_hash: bytes, shape: RoundShape) -> dict[str, Enrolment]:
        """The enrolments of a specification by sender, in the order of their addresses."""
        rows = self.query("SELECT sender, content FROM enrolments WHERE spec = ? ORDER BY sender", spec_hash.hex())
        return {sender: Enrolment.parse(content, shape) for sender, content in rows}

    def add_opening(self, attempt: Attempt, sender: str, subject: int, opening: Opening) -> None:
        """Keep an opening that has been checked."""
        self.run(
            "INSERT OR IGNORE INTO openings VALUES (?, ?, ?, ?, ?, ?)",
            *(*attempt.columns, str(subject), sender, opening.encode()),
        )

    def openings(self, attempt: Attempt, shape: RoundShape) -> dict[int, Opening]:
        """The openings of an attempt, by the commitment that they open."""
        rows = self.query(
            "SELECT subject, content FROM openings WHERE task_key = ? AND round = ? AND attempt = ?", *attempt.columns
        )
        return {int(s): Opening.parse(content, shape, commitment=int(s)) for s, content in rows}

    def received(self, attempt: Attempt) -> set[int]:
        """Commitments whose openings are here."""
        rows = self.query(
            "SELECT subject FROM openings WHERE task_key = ? AND round = ? AND attempt = ?", *attempt.columns
        )
        return {int(row[0]) for row in rows}

    def forget_openings(self, attempt: Attempt) -> None:
        """Forget the openings of all other attempts of the task: they are private, and have served."""
        self.forget(
            "DELETE FROM openings WHERE task_key = ? AND NOT (round = ? AND attempt = ?)",
            *attempt.columns,
        )

    # --- faults ---

    def add_fault(self, fault: Fault) -> None:
        """The first reason in an attempt stays."""
        self.run(
            "INSERT OR IGNORE INTO faults VALUES (?, ?, ?, ?, ?, ?)",
            *(*fault.attempt.columns, fault.node, fault.reason, fault.evidence),
        )

    def faults(self, task_key: int) -> list[Fault]:
        """The faults found in a task, oldest first."""
        rows = self.query(
            "SELECT round, attempt, node, reason, evidence FROM faults WHERE task_key = ? ORDER BY 1, 2, 3",
            str(task_key),
        )
        return [Fault(Attempt(task_key, r, a), node, reason, evidence) for r, a, node, reason, evidence in rows]

    # --- own work ---

    def work(self, attempt: Attempt, name: str) -> dict[str, Any] | None:
        """A proof that was made and perhaps not sent, or the blinding of a partial sum."""
        row = self.one(
            "SELECT content FROM work WHERE task_key = ? AND round = ? AND attempt = ? AND name = ?",
            *(*attempt.columns, name),
        )
        return None if row is None else dict(json.loads(row[0]))

    def add_work(self, attempt: Attempt, name: str, content: dict[str, Any]) -> None:
        """Keep it before it is used; replaces what was there."""
        self.run("INSERT OR REPLACE INTO work VALUES (?, ?, ?, ?, ?)", *attempt.columns, name, json.dumps(content))

    def history(self, task_key: int) -> dict[int, Observation]:
        """What the optimiser has seen, by round."""
        rows = self.query("SELECT round, content FROM history WHERE task_key = ? ORDER BY round", str(task_key))
        return {int(number): Observation.from_json(json.loads(content)) for number, content in rows}

    def add_history(self, task_key: int, round: int, seen: Observation) -> None:
        """Keep what the optimiser saw in a round."""
        self.run("INSERT OR REPLACE INTO history VALUES (?, ?, ?)", str(task_key), round, json.dumps(seen.to_json()))

    def matrix(self, matrix_hash: int) -> StepMatrix | None:
        """A step matrix by its hash."""
        return load_matrix(self, matrix_hash)

    def add_matrix(self, matrix: StepMatrix) -> None:
        """Keep a step matrix, before its hash is on the chain."""
        save_matrix(self, matrix)
