"""Work in a thread whose results are taken one after another by a loop that answers: what is left early, ends early."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor
from typing import Generic, Self, TypeVar

T = TypeVar("T")
ABANDONED_SECONDS = 30.0
"""After that without anybody who takes them results count as not wanted."""


class Running(AsyncIterator[T], Generic[T]):
    """The results of ``work(wanted)`` as they come; what it raises comes in its place.

    ``wanted`` says whether anybody is there for more. Whoever takes results calls `close` at the end, however that is
    reached; of one that nobody ever took from, nothing is wanted after half a minute, unless it is not ``attended``.
    """

    def __init__(self, *, attended: bool = True) -> None:
        self._attended = attended
        self._loop = asyncio.get_running_loop()
        self._results: asyncio.Queue[T | Exception | None] = asyncio.Queue()
        self._gone = threading.Event()
        self._taking, self._taken = False, time.monotonic()
        self._first: list[T] = []

    def start(
        self,
        executor: Executor,
        work: Callable[[Callable[[], bool]], Iterator[T]],
        done: Callable[[], None] = lambda: None,
    ) -> None:
        """Begin; ``done`` is called in the loop when the work is over, and not when somebody has gone."""

        def run() -> None:
            try:
                for result in work(self.wanted):
                    self._say(result)
                self._say(None)
            except Exception as error:
                self._say(error)
            finally:
                self._call(done)

        executor.submit(run)

    def _say(self, result: T | Exception | None) -> None:
        self._call(lambda: self._results.put_nowait(result))

    def _call(self, told: Callable[[], None]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(told)

    def wanted(self) -> bool:
        """Whether somebody takes results, or has a moment ago; from any thread."""
        there = not self._attended or self._taking or time.monotonic() - self._taken < ABANDONED_SECONDS
        return there and not self._gone.is_set()

    async def begun(self) -> Self:
        """Wait for the first result, so that what is refused is refused before anything is answered."""
        try:
            self._first = [await self._take()]
        except StopAsyncIteration:
            self._results.put_nowait(None)
        except BaseException:
            self.close()
            raise
        return self

    async def __anext__(self) -> T:
        if self._first:
            return self._first.pop()
        return await self._take()

    async def _take(self) -> T:
        self._taking = True
        try:
            found = await self._results.get()
        finally:
            self._taking, self._taken = False, time.monotonic()
        if found is None:
            raise StopAsyncIteration
        if isinstance(found, Exception):
            raise found
        return found

    def close(self) -> None:
        """Nobody wants more."""
        self._gone.set()
