"""One model, one answer at a time, and a queue before it: who is too many is told at once, and who waits too long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from twopm_zk.chat.running import Running
from twopm_zk.conversation.worker import Answered, Asked, Worker
from twopm_zk.errors import BusyError

WAITING = 8
"""Conversations that are answered or wait, at most."""
WAITING_SECONDS = 120.0
_AGAIN_SECONDS = 15


@dataclass(frozen=True)
class Load:
    """How much a desk takes."""

    waiting: int = WAITING
    seconds: float = WAITING_SECONDS


class Desk:
    """Answers by a worker, for one loop; an account has one answer at a time, so that none fills the queue."""

    def __init__(self, worker: Worker, *, load: Load | None = None) -> None:
        self.worker, self._load = worker, load or Load()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="conversation")
        self._turn: asyncio.Lock | None = None
        self._accounts: set[str] = set()

    def __len__(self) -> int:
        """Conversations that are answered or wait."""
        return len(self._accounts)

    async def begin(self, asked: Asked, account: str, *, attended: bool = True) -> Running[str | Answered]:
        """An answer whose first piece is there. BusyError, and what the worker raises.

        One that is not ``attended`` is computed to its end, whether or not anybody takes it.

        Whoever leaves while it waits cancels this; after it, closes what it returns.
        """
        if account in self._accounts:
            raise BusyError(
                "the account has a conversation that is being answered",
                kind="one-at-a-time",
                seconds=_AGAIN_SECONDS,
            )
        if len(self._accounts) >= self._load.waiting:
            raise BusyError("too many conversations wait here", kind="busy", seconds=_AGAIN_SECONDS)
        self._accounts.add(account)
        turn = self._turn = self._turn or asyncio.Lock()
        try:
            async with asyncio.timeout(self._load.seconds):
                await turn.acquire()
        except BaseException as error:
            self._accounts.discard(account)
            if isinstance(error, TimeoutError):
                raise BusyError("others are answered for too long", kind="busy", seconds=_AGAIN_SECONDS) from None
            raise

        def done() -> None:
            self._accounts.discard(account)
            turn.release()

        def work(wanted: Callable[[], bool]) -> Iterator[str | Answered]:
            return self.worker.answer(asked, wanted=wanted)

        running: Running[str | Answered] = Running(attended=attended)
        try:
            running.start(self._executor, work, done)
        except RuntimeError:
            done()
            raise BusyError("the service is ending", kind="busy", seconds=_AGAIN_SECONDS) from None
        return await running.begun()

    def close(self) -> None:
        """Answer nothing more."""
        self._executor.shutdown(wait=False, cancel_futures=True)
