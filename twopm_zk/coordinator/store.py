"""What a coordinator has that is not on the chain: proofs that it has made and perhaps not sent.

Without this file it would make them anew; everything that they are of is public.
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


class CoordinatorStore(Database):
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
