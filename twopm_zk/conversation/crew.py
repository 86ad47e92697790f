"""Threads that share the parts of one computation, none of which depends on another."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt


class Crew:
    """Threads, and for each of them scratch space that it uses again and again.

    numpy releases the interpreter's lock while it computes, so that threads help. Results do not depend on how many
    there are: each part writes to places of its own.
    """

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or _cores()
        self._pool = ThreadPoolExecutor(self.threads - 1) if self.threads > 1 else None
        self._own = threading.local()

    def run(self, tasks: Sequence[Callable[[], None]]) -> None:
        """Run tasks, the calling thread one part of them; the first error is raised."""
        if self._pool is None or len(tasks) < 2:
            for task in tasks:
                task()
            return
        others = [self._pool.submit(_all, tasks[first :: self.threads]) for first in range(1, self.threads)]
        try:
            _all(tasks[:: self.threads])
        finally:
            for other in others:
                other.result()

    def shares(self, count: int) -> list[slice]:
        """``count`` things in parts of like size, one for each thread."""
        size = max(1, -(-count // self.threads))
        return [slice(start, min(start + size, count)) for start in range(0, count, size)]

    def blocks(self, count: int, size: int, work: Callable[[slice], None]) -> None:
        """Do ``work`` for ``count`` things in blocks of ``size``."""
        pieces = [slice(start, min(start + size, count)) for start in range(0, count, size)]
        self.run([lambda piece=piece: work(piece) for piece in pieces])  # type: ignore[misc]

    def scratch(self, size: int) -> npt.NDArray[np.float32]:
        """Space for ``size`` floats of the calling thread, to be overwritten at its next call."""
        space: npt.NDArray[np.float32] | None = getattr(self._own, "space", None)
        if space is None or space.size < size:
            space = np.empty(size, np.float32)
            self._own.space = space
        return space[:size]


def _all(tasks: Sequence[Callable[[], None]]) -> None:
    for task in tasks:
        task()


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
