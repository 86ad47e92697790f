"""HTTP with limits: an application on a socket, in a thread of its own, and bodies that are read to a limit.

Heads, bodies, connections and time are limited, so that nobody who is slow or endless keeps others out. Nothing that is
compressed is read: a few kilobytes of stacked encodings unfold to gigabytes before anybody can count them.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from twopm_zk.errors import InputError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

READ_SECONDS = 10.0
"""Seconds for the head of a request, and as long for its body."""
WRITE_SECONDS = 30.0
"""How long somebody who is answered may read nothing at all."""
IDLE_SECONDS = 5
"""How long a connection that is kept waits for its next request."""
MAX_HEAD = 16384
"""Bytes of a request's head."""
_PLAIN = frozenset({"", "identity"})
"""Encodings of a content that is not encoded."""


class BodyRefusedError(Exception):
    """A body that is not read: its ``status``, and the ``reason`` by its name."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


def is_plain(encoding: str) -> bool:
    """Whether a Content-Encoding leaves the content as it is."""
    return encoding.strip().lower() in _PLAIN


async def read_body(request: Request, *, limit: int) -> bytes:
    """The body of a request, of at most ``limit`` bytes. Raises BodyRefusedError."""
    from starlette.requests import ClientDisconnect

    if not all(map(is_plain, request.headers.getlist("content-encoding"))):
        raise BodyRefusedError(415, "malformed", "a compressed message is not read")
    try:
        return await asyncio.wait_for(_read(request, limit), READ_SECONDS)
    except TimeoutError:
        raise BodyRefusedError(408, "too_slow", f"a message has to come within {READ_SECONDS:g} s") from None
    except ClientDisconnect:  # nobody is there to read this
        raise BodyRefusedError(400, "malformed", "the message ends before its end") from None


async def _read(request: Request, limit: int) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > limit:
            raise BodyRefusedError(413, "too_large", f"a message has more than {limit} bytes")
    return bytes(body)


def _protocol(
    *, connections: int, keep: bool, busy: ASGIApp | None, headers: Mapping[str, str]
) -> type[asyncio.Protocol]:
    """HTTP whose heads must come in time: idle connections would use up the number there can be."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Limited(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._due: asyncio.TimerHandle | None = None
            self._unread: asyncio.TimerHandle | None = None
            if busy is not None and len(self.connections) > connections:
                self.app = busy
            self._expect_request()

        def on_response_complete(self) -> None:
            answered = self.cycle
            super().on_response_complete()
            if keep and self.cycle is answered and not self.transport.is_closing():
                self._expect_request()

        def connection_lost(self, exc: Exception | None) -> None:
            for timer in (self._due, self._unread):
                if timer is not None:
                    timer.cancel()
            super().connection_lost(exc)

        def send_400_response(self, msg: str) -> None:
            if self.cycle is None or self.cycle.response_complete:  # what is no request, and not within an answer
                lines = {"Content-Type": "text/plain; charset=utf-8", **headers, "Connection": "close"}
                head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
                answer = f"HTTP/1.1 400 Bad Request\r\n{head}Content-Length: {len(msg)}\r\n\r\n{msg}"
                self.transport.write(answer.encode())
            self.transport.close()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._unread = self.loop.call_later(WRITE_SECONDS, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            if self._unread is not None:
                self._unread.cancel()

        def _expect_request(self) -> None:
            if self._due is not None:
                self._due.cancel()
            self._due = self.loop.call_later(READ_SECONDS, self._require_request, self.cycle)

        def _require_request(self, before: Any) -> None:
            if self.cycle is before:
                self.transport.close()
                self._unread = self.loop.call_later(WRITE_SECONDS, self.transport.abort)  # what is left to be read

    return Limited


class HttpServer:
    """An application on a socket, in a thread of its own: ``with HttpServer(app) as server: server.url``.

    Port 0 takes a free one. A connection is for one request, unless ``keep``. Those beyond the limit are
    answered by ``busy``, where there is one, and with 503 otherwise; ``headers`` are those of the answer to what is no
    request at all. Raises InputError where the address cannot be
    bound.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        connections: int,
        keep: bool = False,
        busy: ASGIApp | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        import uvicorn

        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # asyncio sends without delay where the protocol is named: else an answer waits 40 ms for its head's receipt
        self._socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise InputError(f"the service cannot listen on {host}, port {port}: {error.strerror}") from error
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            interface="asgi3",
            lifespan="off",
            proxy_headers=False,  # who asks is whoever connects, unless the application knows better
            http=_protocol(connections=connections, keep=keep, busy=busy, headers=headers or {}),
            ws="none",
            headers=[] if keep else [("Connection", "close")],
            limit_concurrency=None if busy is not None else connections,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=5,
            h11_max_incomplete_event_size=MAX_HEAD,
            server_header=False,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="service", daemon=True)

    def start(self) -> Self:
        """Listen from now on."""
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.005)
        return self

    def close(self) -> None:
        """Finish what was begun, for at most a few seconds, and free the port."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(10)
        self._socket.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.close()
