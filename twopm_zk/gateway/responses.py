"""Answers: JSON, errors by their kind, and the headers that every answer has.

An error says what is wrong with a request and never quotes what was in it: an input is private.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from twopm_zk.errors import BusyError, ChainError, InputError, MessageError, PeerError, TwopmError
from twopm_zk.system.http_server import BodyRefusedError

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGE_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; "
    "style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the page may do: run our own scripts, ask this server, and nothing else."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": PAGE_POLICY,
}
"""Of every answer that says nothing else."""
NOT_KEPT = "no-store"
FOR_GOOD = "public, max-age=31536000, immutable"
"""Of a file whose name holds a digest of its content."""
ASKED_AGAIN = "no-cache"
"""Of a file that may be kept, and is compared by its ETag each time."""
_PIECE = 1 << 16
_STATUS = {"too_large": 413, "bad_signature": 401, "not_the_sender": 403, "stale": 409}


class RefusedError(Exception):
    """A request that is answered with an error: its status, and its kind in lower case with hyphens."""

    def __init__(self, status: int, kind: str, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.kind, self.message, self.headers = status, kind, message, dict(headers or {})


def not_found(what: str) -> RefusedError:
    """The error for what there is not."""
    return RefusedError(404, "not-found", f"there is no such {what}")


def unavailable(message: str, *, kind: str = "unavailable", seconds: int = 5) -> RefusedError:
    """The error for what may be there in a few seconds."""
    return RefusedError(503, kind, message, headers={"Retry-After": str(seconds)})


def encoded(document: Any) -> bytes:
    """A document as the JSON bytes of an answer."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def bytes_answer(content: bytes, status: int, headers: Mapping[str, str], media_type: str) -> Response:
    """An answer of bytes. Many are sent piece by piece, so that none are copied for somebody who does not read."""
    from starlette.responses import Response, StreamingResponse

    if len(content) <= _PIECE:
        return Response(content, status, dict(headers), media_type)

    async def pieces() -> AsyncIterator[memoryview]:
        view = memoryview(content)
        for start in range(0, len(view), _PIECE):
            yield view[start : start + _PIECE]

    whole = {**headers, "Content-Length": str(len(content))}
    return StreamingResponse(pieces(), status, whole, media_type)


def json_answer(document: Any, status: int = 200, *, headers: Mapping[str, str] | None = None) -> Response:
    """A document, or JSON bytes that were made of one, which nobody is to keep."""
    content = document if isinstance(document, bytes) else encoded(document)
    return bytes_answer(content, status, {"Cache-Control": NOT_KEPT, **(headers or {})}, "application/json")


def error_answer(error: RefusedError) -> Response:
    """The answer for a refusal."""
    return json_answer({"error": error.kind, "message": error.message}, error.status, headers=error.headers)


def refusal_of(error: Exception) -> RefusedError:
    """What a stranger may know of an error: our own words for a request, and little of what is wrong inside."""
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, BodyRefusedError):
        return RefusedError(error.status, error.reason.replace("_", "-"), error.message)
    if isinstance(error, MessageError):
        status = _STATUS.get(error.reason, 422)
        return RefusedError(status, error.reason.replace("_", "-"), error.message)
    if isinstance(error, BusyError):
        status, kind = (429, error.kind) if error.kind == "one-at-a-time" else (503, "busy")
        headers = {"Retry-After": str(error.facts.get("seconds") or 15)}
        return RefusedError(status, kind, error.message, headers=headers)
    if isinstance(error, ChainError):
        return unavailable("the chain does not answer at present", kind="no-chain")
    if isinstance(error, InputError):
        return RefusedError(422, error.kind or "unusable", error.message)
    if isinstance(error, PeerError):
        return unavailable("the operator's service does not answer at present", kind="no-operator")
    if isinstance(error, TwopmError):
        return unavailable("the server cannot answer this at present")
    return RefusedError(500, "internal", "the server has failed at this")


class Guarded:
    """An application whose every answer has the headers of `HEADERS`, but for those that it sets itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message["headers"])
                named = {name.lower() for name, _ in headers}
                extra = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": headers + [one for one in extra if one[0] not in named]}
            await send(message)

        await self._app(scope, receive, guarded)
