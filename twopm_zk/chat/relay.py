"""Sealed conversations on their way between users and an operator elsewhere, which nobody here can read.

What comes back is taken apart and put together again, so that nothing but a salt and sealed pieces gets through.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from twopm_zk.chat.http import Caller
from twopm_zk.chat.operator import SealedAnswer
from twopm_zk.chat.running import Running
from twopm_zk.chat.sealed import SealedPiece, salt_of
from twopm_zk.errors import BusyError, InputError, MessageError, PeerError
from twopm_zk.participants.envelope import Envelope
from twopm_zk.participants.rounds.view import Member

AT_ONCE = 16
"""Conversations that are passed on at the same time: an operator that does not answer holds up no more than these."""
_MEMBER_SECONDS = 30.0


class Relay:
    """Passes sealed questions on to one operator, at the endpoint that it has published on the chain.

    ``member_of`` reads the operator's entry there. With ``public_only`` nothing is sent to addresses that are not
    reached from everywhere.
    """

    def __init__(self, address: str, member_of: Callable[[str], Member | None], *, public_only: bool) -> None:
        self.address, self._member_of, self._public_only = address, member_of, public_only
        self._executor = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="relay")
        self._accounts: set[str] = set()
        self._known: tuple[float, Member | None] = (-_MEMBER_SECONDS, None)

    def member(self) -> Member | None:
        """The operator's entry on the chain; reads the chain now and then."""
        since, found = self._known
        if time.monotonic() - since >= _MEMBER_SECONDS:
            found = self._member_of(self.address)
            self._known = time.monotonic(), found
        return found

    async def answer_sealed(self, envelope: Envelope, member: Member | None) -> SealedAnswer:
        """The operator's answer to a sealed question. BusyError, PeerError where it cannot be reached."""
        user = envelope.header.sender
        if envelope.header.recipient != self.address:
            raise MessageError("wrong_recipient", f"the message is for {envelope.header.recipient}")
        if user in self._accounts:
            raise BusyError("the account has a conversation that is being answered", kind="one-at-a-time", seconds=15)
        if len(self._accounts) >= AT_ONCE:
            raise BusyError("too many conversations are passed on here", kind="busy", seconds=15)
        try:
            caller = Caller(member.endpoint if member is not None else "", public_only=self._public_only)
        except InputError:
            raise PeerError("the operator has published no endpoint, or one that is none") from None
        self._accounts.add(user)
        sealed = {"sealed": json.loads(envelope.encode())}
        running: Running[Mapping[str, Any]] = Running()
        running.start(
            self._executor,
            lambda wanted: _passed_on(caller.events(sealed, wanted=wanted)),
            lambda: self._accounts.discard(user),
        )
        return await running.begun()

    def close(self) -> None:
        """Pass nothing more on."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _passed_on(documents: Iterator[Any]) -> Iterator[Mapping[str, Any]]:
    """The salt and the sealed pieces of an answer. MessageError for anything else."""
    yield {"salt": salt_of(next(documents, None)).hex()}
    for document in documents:
        piece = SealedPiece.from_document(document)
        yield piece.to_json()
        if piece.last:
            return
