"""Requests of one thread to one URL, over a connection that is kept.

Proxies, certificates and what the URL says of a user are looked up once, by requests; urllib3 makes each connection by
them, with the first request over it. Those that follow are written and read by http.client alone, in half the time.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection as MadeConnection
from urllib3.exceptions import ProtocolError
from urllib3.exceptions import TimeoutError as SilenceError

_PART = 1 << 16


class UnwantedAnswerError(Exception):
    """An answer of which the rest is not read; ``too_much`` where a smaller one might be."""

    def __init__(self, reason: str, *, too_much: bool = False) -> None:
        super().__init__(reason)
        self.too_much = too_much


@dataclass(frozen=True)
class Answer:
    """What has come back, as it was on the wire."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class _Kept(HTTPConnection):
    """Sends over a socket that it is given, head and body at once: the other side wakes up once for them."""

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self._parts: list[bytes] = []

    def send(self, data: Any) -> None:
        """Nothing yet: `getresponse` does."""
        self._parts.append(data)

    def getresponse(self) -> HTTPResponse:
        """The answer to all that was said to be sent."""
        self.sock.sendall(b"".join(self._parts))
        self._parts.clear()
        return super().getresponse()


class KeptConnection:
    """Where the requests of a thread go: ``headers`` are sent with each, ``seconds`` is how long nothing may come.

    ``most`` bytes of an answer are read, for three times as long at most. Raises what requests and urllib3 raise.
    """

    def __init__(self, url: str, headers: Mapping[str, str], *, seconds: float, most: int) -> None:
        session, adapter = requests.Session(), HTTPAdapter()
        request = session.prepare_request(requests.Request("POST", url, headers=dict(headers)))
        settings = session.merge_environment_settings(url, {}, True, None, None)
        verify, proxies, certificate = settings["verify"], settings["proxies"], settings["cert"]
        self._pool = adapter.get_connection_with_tls_context(request, verify, proxies, certificate)
        adapter.cert_verify(self._pool, url, verify, certificate)
        self._path = adapter.request_url(request, proxies)
        sent = {name: str(text) for name, text in request.headers.items() if name != "Content-Length"}
        self._headers = {"Host": urlsplit(str(request.url)).netloc.rpartition("@")[2], **sent}
        if not self._path.startswith("/"):  # it is the proxy that reads them
            self._headers |= self._pool.proxy_headers
        self._seconds, self._most = seconds, most
        self._made: MadeConnection | None = None
        self._kept = _Kept("")

    def post(self, body: bytes) -> Answer:
        """The answer to a request. Raises UnwantedAnswerError too."""
        made = self._made
        if made is None or not made.is_connected:
            return self._first(body)
        try:
            return self._next(made, body)
        except BaseException as error:
            made.close()
            if isinstance(error, TimeoutError):
                raise SilenceError from error
            if isinstance(error, OSError | HTTPException):
                raise ProtocolError from error
            raise

    def _first(self, body: bytes) -> Answer:
        with self._pool.urlopen(
            "POST",
            self._path,
            body=body,
            headers=self._headers,
            timeout=self._seconds,
            retries=False,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
        ) as answer:
            self._made, self._kept = cast(MadeConnection | None, answer.connection), _Kept("")
            content = self._read(answer.headers, answer.stream(_PART, decode_content=False))
            return Answer(answer.status, answer.headers, content)

    def _next(self, made: MadeConnection, body: bytes) -> Answer:
        self._kept.sock = made.sock
        self._kept.request("POST", self._path, body, self._headers)
        with self._kept.getresponse() as answer:
            headers = cast(Mapping[str, str], answer.headers)
            content = self._read(headers, iter(lambda: answer.read(_PART), b""))
            if answer.length:
                raise ProtocolError(f"{answer.length} bytes are missing")
            if answer.will_close:
                made.close()
            return Answer(answer.status, headers, content)

    def _read(self, headers: Mapping[str, str], parts: Iterable[bytes]) -> bytes:
        if headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            raise UnwantedAnswerError("it answers compressed, which nobody asked for")
        found = bytearray()
        until = time.monotonic() + 3 * self._seconds
        for part in parts:
            found += part
            if len(found) > self._most or time.monotonic() > until:
                raise UnwantedAnswerError("it answers with too much, or too slowly", too_much=True)
        return bytes(found)
