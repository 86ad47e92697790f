"""Work that takes a while, away from the loop that answers: so many at a time, so many that wait, and no more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from twopm_zk.gateway.responses import unavailable

_T = TypeVar("_T")


class Workshop:
    """Workers, and a queue before them; whoever finds it full is sent away, and whoever waits too long.

    A place is free again when the work is done, and not when somebody has gone: else work that hangs would pile up.
    """

    def __init__(self, *, workers: int, queue: int, seconds: float | None = None, kind: str = "busy") -> None:
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="workshop")
        self._most, self._waiting, self._seconds, self._kind = queue, 0, seconds, kind
        self._lock = threading.Lock()

    async def run(self, work: Callable[[], _T]) -> _T:
        """The result of some work. RefusedError 503 where too much is waiting, or where it takes too long."""
        with self._lock:
            if self._waiting >= self._most:
                raise unavailable("too much is waiting here", kind="busy", seconds=10)
            self._waiting += 1
        try:
            future = self._executor.submit(work)
        except RuntimeError:
            self._done()
            raise unavailable("the server is ending") from None
        future.add_done_callback(lambda _: self._done())
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self._seconds)
        except TimeoutError:
            raise unavailable("there is no answer at present", kind=self._kind) from None

    def _done(self) -> None:
        with self._lock:
            self._waiting -= 1

    def close(self) -> None:
        """Take nothing more."""
        self._executor.shutdown(wait=False, cancel_futures=True)
