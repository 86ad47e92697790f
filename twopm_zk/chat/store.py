"""What an operator of conversations keeps on disk: the key that questions are sealed to, and what was paid for.

Of a free conversation there is nothing. One that was paid for is kept as its sealed question until it is answered, and
then as its transcript until nobody can challenge it any more: whoever votes on it is shown that.
"""

from __future__ import annotations

from pathlib import Path

from twopm_zk.participants.database import Database

_SCHEMA = (
    """CREATE TABLE answers (
        request INTEGER PRIMARY KEY, contract TEXT NOT NULL, envelope TEXT, transcript TEXT) STRICT""",
)


class ConversationStore(Database):
    """The state of one operator's account; with ``read_only`` a server may be using it."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        super().__init__(path, kind="conversation", schema=_SCHEMA, read_only=read_only)

    def add(self, contract: str, request: int, envelope: str) -> None:
        """Keep the sealed question of a request, before it is accepted."""
        self.run("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, NULL)", request, contract, envelope)

    def waiting(self, contract: str) -> list[tuple[int, str]]:
        """Requests that have no answer yet, with their sealed questions."""
        found = self.query("SELECT request, envelope FROM answers WHERE contract = ? AND transcript IS NULL", contract)
        return [(int(request), str(envelope)) for request, envelope in found]

    def set_transcript(self, request: int, transcript: str) -> None:
        """Keep an answer, before its digest is sent; the question is in it."""
        self.forget("UPDATE answers SET transcript = ?, envelope = NULL WHERE request = ?", transcript, request)

    def answered(self, contract: str) -> list[int]:
        """Requests whose transcripts are kept."""
        found = self.query("SELECT request FROM answers WHERE contract = ? AND transcript IS NOT NULL", contract)
        return [int(request) for (request,) in found]

    def transcript(self, contract: str, request: int) -> str | None:
        """The transcript of a request, if it is kept."""
        found = self.query("SELECT transcript FROM answers WHERE contract = ? AND request = ?", contract, request)
        return None if not found or found[0][0] is None else str(found[0][0])

    def forget_request(self, request: int) -> None:
        """The request is over for good."""
        self.forget("DELETE FROM answers WHERE request = ?", request)
