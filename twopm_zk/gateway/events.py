"""Live news by server-sent events: a block, and the numbers of what has changed in it.

There are so many listeners at most, each with a short queue: whoever reads too slowly is let go, and comes back by
itself, as browsers do.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator

from twopm_zk.gateway.responses import unavailable
from twopm_zk.gateway.state.reader import Changes, Snapshot

HEARTBEAT_SECONDS = 15.0
LONGEST_SECONDS = 1800.0
"""After that a listener has to come back: nobody holds a place for good."""
_QUEUED = 32


class LiveNews:
    """Everybody who listens. All but `publish` happens in the loop of the server."""

    def __init__(self, *, listeners: int, each_address: int) -> None:
        self._most, self._each = listeners, each_address
        self._queues: dict[asyncio.Queue[bytes | None], str] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._queues)

    def publish(self, snapshot: Snapshot, changes: Changes) -> None:
        """Tell everybody of a new snapshot; from any thread."""
        told = [("block", {"block": snapshot.block, "time": snapshot.time})]
        told += [(kind, {"id": number}) for kind, numbers in changes.items() for number in sorted(numbers)]
        text = "".join(f"event: {kind}\ndata: {json.dumps(values)}\n\n" for kind, values in told).encode()
        self._call(lambda: self._tell(text))

    def close(self) -> None:
        """Let everybody go, so that the server can end; from any thread."""
        self._closed = True
        self._call(lambda: self._tell(None))

    def _call(self, told: object) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(told)  # type: ignore[arg-type]

    def _tell(self, text: bytes | None) -> None:
        for queue in list(self._queues):
            if text is None or queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(None)
                self._queues.pop(queue, None)
            else:
                queue.put_nowait(text)

    def listen(self, address: str) -> AsyncIterator[bytes]:
        """What a new listener is sent. RefusedError 503 where there are too many."""
        self._loop = asyncio.get_running_loop()
        if self._closed or len(self._queues) >= self._most:
            raise unavailable("too many listen", kind="too-many-listeners", seconds=30)
        if Counter(self._queues.values())[address] >= self._each:
            raise unavailable("too many listen from this address", kind="too-many-listeners", seconds=30)
        return self._stream(address)

    async def _stream(self, address: str) -> AsyncIterator[bytes]:
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(_QUEUED)
        until = asyncio.get_running_loop().time() + LONGEST_SECONDS
        self._queues[queue] = address  # not before: of a stream that never begins nobody would take it out again
        try:
            yield b"retry: 3000\n\n"
            while asyncio.get_running_loop().time() < until:
                try:
                    text = await asyncio.wait_for(queue.get(), HEARTBEAT_SECONDS)
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                if text is None:
                    return
                yield text
        finally:
            self._queues.pop(queue, None)
