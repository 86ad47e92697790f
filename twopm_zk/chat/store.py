"""What an operator of conversations keeps on disk: the key that questions are sealed to, nothing of what is said."""

from __future__ import annotations

from pathlib import Path

from twopm_zk.participants.database import Database


class ConversationStore(Database):
    """The state of one operator's account."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, kind="conversation", schema=())
