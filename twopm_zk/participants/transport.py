"""HTTP between participants: a small service, and a client that keeps trying.

Messages carry their own encryption and signature (`envelope`), so the service authenticates senders by their chain
accounts and needs no session. Bodies, headers, connections and time are limited; the service binds 127.0.0.1 unless
told otherwise, and belongs behind a TLS proxy where it faces the internet.

Nothing is compressed, in either direction (`http_server` says why). So the bytes that are counted are the bytes of the
wire and of the content alike.

::

    POST /v1/messages              an envelope; answered with a signed receipt
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from twopm_zk.errors import ChainError, InputError, MessageError, PeerError, StoreError, TwopmError
from twopm_zk.participants import wire
from twopm_zk.participants.envelope import MAX_ENVELOPE, Envelope, Receipt
from twopm_zk.system.http_server import BodyRefusedError, HttpServer, is_plain, read_body
from twopm_zk.system.public_addresses import public_transport
from twopm_zk.system.urls import shown_url

if TYPE_CHECKING:
    import ssl

    import httpx
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

MAX_ANSWER = 1 << 20
"""Bytes of an answer that a client reads."""
MAX_CONNECTIONS = 64
_STATUS = {"too_large": 413, "bad_signature": 401, "not_the_sender": 403, "stale": 409}
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
_SHOWN = 200
"""Characters of somebody's URL that a message shows."""


class Service(Protocol):
    """What answers requests. Every method may raise MessageError, and InputError for what does not exist."""

    def receive(self, envelope: Envelope) -> Receipt:
        """Take a message whose signature has been checked."""


def make_app(service: Service) -> Starlette:
    """The HTTP application around a service."""
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import Response
    from starlette.routing import Route

    def refuse(error: TwopmError, status: int) -> Response:
        return Response(wire.encode(_error_document(error)), status, media_type="application/json")

    async def answer(produce: Callable[[], Mapping[str, Any]]) -> Response:
        try:
            document = await run_in_threadpool(produce)
        except TwopmError as error:
            return refuse(error, _status_of(error))
        return Response(wire.encode(document), media_type="application/json")

    async def post(request: Request) -> Response:
        try:
            body = await read_body(request, limit=MAX_ENVELOPE)
        except BodyRefusedError as error:
            document = {"error": error.reason, "message": error.message}
            return Response(wire.encode(document), error.status, media_type="application/json")
        return await answer(lambda: _receive(service, body).to_json())

    return Starlette(routes=[Route("/v1/messages", post, methods=["POST"])])


def _receive(service: Service, body: bytes) -> Receipt:
    envelope = Envelope.parse(body)
    envelope.require_signature()
    return service.receive(envelope)


def _status_of(error: TwopmError) -> int:
    if isinstance(error, MessageError):
        return _STATUS.get(error.reason, 422)
    if isinstance(error, InputError):
        return 404
    return 507 if isinstance(error, StoreError) else 503 if isinstance(error, ChainError) else 500


def _error_document(error: TwopmError) -> dict[str, str]:
    """What a stranger may know: our own words for a message, no more than a kind for what went wrong inside."""
    if isinstance(error, MessageError):
        return {"error": error.reason, "message": error.message}
    if isinstance(error, InputError):
        return {"error": "not_found", "message": error.message}
    return {"error": "unavailable", "message": "the service cannot answer at present"}


class Server(HttpServer):
    """A participant's service on a socket, in a thread of its own: ``with Server(service) as server: server.url``."""

    def __init__(self, service: Service, *, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__(make_app(service), host=host, port=port, connections=MAX_CONNECTIONS)


def endpoint_host(url: str) -> str:
    """The host of a service's URL, which strangers publish on the chain.

    Raises InputError unless it is an http or https URL without credentials, to which paths can be appended.
    """
    import httpx

    try:
        parts = httpx.URL(url)
        host = parts.host
    except (httpx.InvalidURL, ValueError):
        host = ""
    if not host or parts.scheme not in ("http", "https"):
        raise InputError(f"{url[:_SHOWN]!r} is not an http or https URL")
    if parts.userinfo:
        raise InputError(f"the URL of the service at {shown_url(url)} has a user's name in it")
    if "?" in url or "#" in url:
        raise InputError(f"the URL of the service at {shown_url(url)} has a query or a fragment; a path must follow")
    return host


@cache
def _certificates(trust_env: bool) -> ssl.SSLContext:
    """Loaded once: it takes longer than most requests."""
    import httpx

    return httpx.create_ssl_context(trust_env=trust_env)


class Peer:
    """Another participant's service. ``attempts`` times, waiting twice as long after each failure.

    Raises PeerError where it cannot be reached or does not answer as agreed, MessageError with the reason that it
    gave where it refused a message, InputError for a URL that is none. With ``public_only`` nothing is sent to an
    address that is not reached from everywhere: somebody's URL must not make this machine speak to its own network.
    """

    def __init__(
        self, url: str, *, timeout: float = 10.0, attempts: int = 4, pause: float = 0.2, public_only: bool = False
    ) -> None:
        host = endpoint_host(url)
        self.url = url.rstrip("/")
        self._timeout, self._attempts, self._pause = timeout, attempts, pause
        self._direct = host in ("127.0.0.1", "::1", "localhost")
        self._public_only = public_only

    def send(self, envelope: Envelope) -> Receipt:
        """Deliver a message and return its recipient's receipt."""
        answer = self._request("POST", "/v1/messages", envelope.encode())
        return Receipt.parse(answer, header=envelope.header)

    def _request(self, method: str, path: str, body: bytes) -> bytes:
        import httpx

        failure = ""
        for attempt in range(self._attempts):
            if attempt:
                # jitter, or all users of an operator that was restarted come back at once
                time.sleep(self._pause * 2 ** (attempt - 1) * random.uniform(0.75, 1.25))  # noqa: S311
            try:
                status, answer = self._once(method, path, body)
            except (httpx.HTTPError, UnicodeError) as error:  # a host name that cannot be looked up
                failure = type(error).__name__
                continue
            if status == 200:
                return answer
            if status not in _RETRIED:
                raise self._refusal(status, answer)
            failure = f"status {status}"
        raise PeerError(f"{self.url} does not answer ({failure}, {self._attempts} attempts)")

    def _once(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        import httpx

        environment = not self._direct and not self._public_only
        headers = {"Accept-Encoding": "identity"}
        certificates = _certificates(environment)
        transport = public_transport(certificates) if self._public_only else None
        with (
            httpx.Client(
                timeout=self._timeout, trust_env=environment, verify=certificates, transport=transport
            ) as client,
            client.stream(method, self.url + path, content=body, headers=headers) as response,
        ):
            if not is_plain(response.headers.get("content-encoding", "")):
                raise PeerError(f"{self.url} answers {path} compressed, which nobody asked for")
            return response.status_code, self._limited(response)

    def _limited(self, response: httpx.Response) -> bytes:
        found = bytearray()
        until = time.monotonic() + 3 * self._timeout
        for part in response.iter_raw():
            found += part
            if len(found) > MAX_ANSWER or time.monotonic() > until:
                raise PeerError(f"{self.url} answers with too much, or too slowly")
        return bytes(found)

    def _refusal(self, status: int, answer: bytes) -> TwopmError:
        try:
            fields = wire.Fields(wire.parse(answer, limit=4096), "answer", ("error", "message"))
            reason, message = fields.text("error", limit=40), fields.text("message", limit=2000)
        except MessageError:
            return PeerError(f"{self.url} answers with status {status}")
        if reason in ("not_found", "unavailable"):
            return PeerError(f"{self.url}: {message}")
        return MessageError(reason, f"{self.url} refuses the message: {message}")
