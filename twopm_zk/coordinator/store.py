"""What a coordinator has that is not on the chain: proofs that it has made and perhaps not sent, and what it has told.

Without this file it would make proofs anew, and begin another task where the last one ended while it was away;
everything that proofs are of is public.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twopm_zk.participants.database import Database
from twopm_zk.participants.records import Attempt

_SCHEMA = (
    """CREATE TABLE work (
        task_key TEXT NOT NULL, round INTEGER NOT NULL, attempt INTEGER NOT NULL, name TEXT NOT NULL,
        content TEXT NOT NULL,
        PRIMARY KEY (task_key, round, attempt, name)) STRICT""",
)


class TaskStore(Database):
    """The state of whoever coordinates tasks: which one is run."""

    def running(self, spec_hash: bytes) -> int | None:
        """The task of a specification that was run here last; None where its end was told."""
        number = self.meta(_running(spec_hash))
        return int(number) if number else None

    def set_running(self, spec_hash: bytes, task: int | None) -> None:
        """Keep which task is run; None once its end is told."""
        self.set_meta(_running(spec_hash), "" if task is None else str(task))


class CoordinatorStore(TaskStore):
    """The state of one coordinator's account, for any number of tasks."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, kind="coordinator", schema=_SCHEMA)

    def work(self, attempt: Attempt, name: str) -> dict[str, Any] | None:
        """A proof that was made and perhaps not sent."""
        row = self.one(
            "SELECT content FROM work WHERE task_key = ? AND round = ? AND attempt = ? AND name = ?",
            *(*attempt.columns, name),
        )
        return None if row is None else dict(json.loads(row[0]))

    def add_work(self, attempt: Attempt, name: str, content: dict[str, Any]) -> None:
        """Keep it before it is sent; replaces what was there."""
        self.run("INSERT OR REPLACE INTO work VALUES (?, ?, ?, ?, ?)", *attempt.columns, name, json.dumps(content))


def _running(spec_hash: bytes) -> str:
    return f"task of 0x{spec_hash.hex()}"
