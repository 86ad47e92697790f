"""Chat completions over HTTP: what is sent, and server-sent events as they come, within limits.

Nothing compressed is taken, and no more bytes, lines or seconds than a whole answer has.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from twopm_zk.errors import BusyError, InputError, MessageError, PeerError, TwopmError
from twopm_zk.participants import wire
from twopm_zk.participants.transport import endpoint_host
from twopm_zk.system.http_server import is_plain
from twopm_zk.system.parsing import parse_json
from twopm_zk.system.public_addresses import public_transport
from twopm_zk.system.urls import shown_url

if TYPE_CHECKING:
    import httpx

PATH = "/v1/chat/completions"
MAX_ANSWER = 16 << 20
"""Bytes of a whole answer: each of 2,048 pieces may be sealed, and the last has all tokens."""
MAX_LINE = 4 << 20
LONGEST_SECONDS = 2400.0
_SILENT_SECONDS = 300.0
"""How long nothing may come: an answer waits for its turn, and a long prompt is read before its first word."""
_MAX_REFUSAL = 8192


class Caller:
    """A service that answers conversations, or passes them on. InputError for a URL that is none."""

    def __init__(self, url: str, *, public_only: bool = False) -> None:
        host = endpoint_host(url)
        self.url = url.rstrip("/")
        self._direct = host in ("127.0.0.1", "::1", "localhost")
        self._public_only = public_only

    def _client(self) -> httpx.Client:
        import httpx

        environment = not self._direct and not self._public_only
        certificates = httpx.create_ssl_context(trust_env=environment)
        transport = public_transport(certificates) if self._public_only else None
        timeout = httpx.Timeout(10.0, read=_SILENT_SECONDS)
        headers = {"Accept-Encoding": "identity"}
        return httpx.Client(
            timeout=timeout, trust_env=environment, verify=certificates, transport=transport, headers=headers
        )

    def get(self, path: str) -> Any:
        """A document. PeerError where none comes, BusyError, MessageError with the reason of a refusal."""
        return self._whole("GET", path, None, {})

    def post(self, path: str, document: Mapping[str, Any], *, token: str | None = None) -> Any:
        """The answer to a document, as `get` has it."""
        return self._whole("POST", path, document, _authorization(token))

    def _whole(self, method: str, path: str, document: Mapping[str, Any] | None, headers: dict[str, str]) -> Any:
        import httpx

        try:
            with (
                self._client() as client,
                client.stream(method, self.url + path, json=document, headers=headers) as response,
            ):
                self._require(response)
                found = bytearray()
                for part in response.iter_raw():
                    found += part
                    if len(found) > MAX_ANSWER:
                        raise PeerError(f"{shown_url(self.url)} answers with too much")
        except (httpx.HTTPError, UnicodeError) as error:
            raise self._lost(error) from None
        return _document(bytes(found))

    def events(
        self,
        document: Mapping[str, Any],
        *,
        token: str | None = None,
        wanted: Callable[[], bool] = lambda: True,
    ) -> Iterator[Any]:
        """The documents of an answer as they come, up to its end; they end early where no more are ``wanted``."""
        import httpx

        try:
            with (
                self._client() as client,
                client.stream("POST", self.url + PATH, json=document, headers=_authorization(token)) as response,
            ):
                self._require(response)
                yield from self._events(response, wanted)
        except (httpx.HTTPError, UnicodeError) as error:
            raise self._lost(error) from None

    def _events(self, response: httpx.Response, wanted: Callable[[], bool]) -> Iterator[Any]:
        total, text, until = 0, b"", time.monotonic() + LONGEST_SECONDS
        for part in response.iter_raw():
            total, text = total + len(part), text + part
            if total > MAX_ANSWER or len(text) > MAX_LINE or time.monotonic() > until:
                raise PeerError(f"{shown_url(self.url)} answers with too much, or too slowly")
            *lines, text = text.split(b"\n")
            for line in lines:
                if not wanted():
                    return
                if line.startswith(b"data:"):
                    content = line.removeprefix(b"data:").strip()
                    if content == b"[DONE]":
                        return
                    yield _document(content)
        raise PeerError(f"{shown_url(self.url)} has broken its answer off")

    def _require(self, response: httpx.Response) -> None:
        """Raise what a refusal says."""
        if not is_plain(response.headers.get("content-encoding", "")):
            raise PeerError(f"{shown_url(self.url)} answers compressed, which nobody asked for")
        if response.status_code != 200:
            raise self._refusal(response)

    def _refusal(self, response: httpx.Response) -> TwopmError:
        content, status = bytearray(), response.status_code
        for part in response.iter_raw():
            content += part
            if len(content) > _MAX_REFUSAL:
                break
        try:
            fields = wire.Fields(wire.parse(bytes(content), limit=_MAX_REFUSAL), "answer", ("error", "message"))
            reason, message = fields.text("error", limit=40), fields.text("message", limit=2000)
        except MessageError:
            return PeerError(f"{shown_url(self.url)} answers with status {status}")
        said = f"{shown_url(self.url)}: {message}"
        if status in (429, 503):
            after = response.headers.get("retry-after", "")
            seconds = int(after) if after.isascii() and after.isdecimal() and len(after) < 6 else 0
            return BusyError(said, kind=reason, seconds=seconds)
        return MessageError(reason.replace("-", "_"), said, kind=reason)

    def _lost(self, error: Exception) -> PeerError:
        return PeerError(f"{shown_url(self.url)} does not answer ({type(error).__name__})")


def _document(content: bytes) -> Any:
    try:
        return parse_json(content, what="an answer")
    except InputError as error:
        raise PeerError(error.message) from None


def _authorization(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}
