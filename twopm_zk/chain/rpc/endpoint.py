"""One JSON-RPC endpoint as endpoints are: it limits requests, loses connections, and its URL may hold a key.

A request that was refused because there were too many is made again after pauses that grow, with jitter, or that are as
long as ``Retry-After`` says. Reads are made again after a lost connection too; a transaction is not, because whoever
sends it has to know that the node may have taken it. What requests and web3 say is told anew, without their exceptions
as causes: those quote the URL.
"""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar, cast

import requests
from urllib3.exceptions import HTTPError, NewConnectionError, ProxyError, SSLError, TimeoutError
from web3.exceptions import Web3Exception, Web3RPCError
from web3.providers import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from twopm_zk.chain.rpc.kept_connection import KeptConnection, UnwantedAnswerError
from twopm_zk.errors import ChainError
from twopm_zk.system.parsing import is_nested
from twopm_zk.system.urls import require_web_url, shown_url, without_secrets

REQUEST_SECONDS = 30.0
PATIENCE = 180.0
"""Seconds for which one request is made again and again while the endpoint refuses it for too many."""
MAX_ANSWER = 64 << 20
"""Bytes of one answer. Nothing compressed is taken: a few kilobytes can stand for gigabytes."""
MOST_TOGETHER = 20
"""Requests in one body: endpoints that limit them take more."""
_HEADERS = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
_FIRST_PAUSE, _LONGEST_PAUSE, _LONGEST_ASKED = 0.5, 20.0, 60.0
_LOST_ATTEMPTS = 4
_MAYBE_ATTEMPTS = 3
_LIMIT_CODES = frozenset({429, -32005, -32007, -32011, -32016, -32029, -32090})
_LIMIT_WORDS = re.compile(
    r"rate.?limit|limit.{0,20}rate|too many (?:requests|calls)|request (?:limit|rate|count)|(?:requests?|calls?|units?)"
    r" per (?:second|minute|day)|per.second capacity|throttl|slow down|try again later|over(?:all)? capacity",
    re.IGNORECASE,
)
_SIZE_WORDS = re.compile(r"range|results|response size|block.{0,9}limit|too large|too big|timed? ?out", re.IGNORECASE)
_T = TypeVar("_T")


class EndpointError(OSError):
    """An endpoint that cannot be reached, or does not answer as a node does.

    ``overloaded`` where it may have been asked for too much at once.
    """

    def __init__(self, message: str, *, overloaded: bool = False) -> None:
        super().__init__(message)
        self.overloaded = overloaded


class TooManyRequestsError(EndpointError):
    """An endpoint that still refuses a request for too many, however long was waited."""


class _LostError(Exception):
    """No answer; ``again`` where the same request may have one, ``overloaded`` where a smaller one may."""

    def __init__(self, reason: str, *, again: bool = True, overloaded: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.again, self.overloaded = reason, again, overloaded


class _LimitedError(Exception):
    """Refused for too many requests; ``seconds`` where the endpoint says how long to wait."""

    def __init__(self, reason: str, seconds: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.seconds = reason, seconds


class RpcProvider(JSONBaseProvider):
    """What web3 sends its requests through. ``sleep`` and ``patience`` are for tests.

    Raises InputError for a URL that is none, and EndpointError when asked.
    """

    def __init__(self, url: str, *, patience: float = PATIENCE, sleep: Callable[[float], None] = time.sleep) -> None:
        super().__init__()
        self._url = require_web_url(url, what="the RPC endpoint")
        self._patience, self._sleep = patience, sleep
        self._local = threading.local()
        self._chain_id: RPCResponse | None = None
        self._together = MOST_TOGETHER

    def __str__(self) -> str:
        return f"RPC endpoint {shown_url(self._url)}"

    def clean(self, text: str) -> str:
        """A text of the endpoint's without what its URL keeps secret."""
        return without_secrets(text, self._url)

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """The answer to one request, errors of what was asked included."""
        if method == "eth_chainId" and self._chain_id is not None:
            return self._chain_id  # web3 asks for it before every call
        response = cast(RPCResponse, self._answered(method, self.encode_rpc_request(method, params)))
        if method == "eth_chainId" and "result" in response:
            self._chain_id = response
        return response

    def make_together(self, asked: Sequence[tuple[RPCEndpoint, Any]]) -> list[RPCResponse]:
        """The answers to reads, in their order: over one connection and in few bodies (JSON-RPC 2.0, section 6), as far
        as the endpoint takes that. What has no answer there is asked for alone, and fewer go together from then on."""
        answers: list[RPCResponse] = []
        while len(answers) < len(asked):
            part = asked[len(answers) : len(answers) + self._together]
            found = self._batch(part) if len(part) > 1 else [None]
            answers += [self.make_request(*one) if had is None else had for one, had in zip(part, found, strict=True)]
        return answers

    def _batch(self, asked: Sequence[tuple[RPCEndpoint, Any]]) -> list[RPCResponse | None]:
        """What the endpoint says to requests in one body; None for those to be asked alone."""
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(asked)
        ]
        try:
            found = self._answered("batch", json.dumps(body).encode(), together=True)
        except EndpointError:
            found = None
        taken = _matched(found, [method for method, _ in asked])
        if None in taken:  # it takes none, not so many, or not so many a second
            self._together = max(1, len(asked) // 2)
        return taken

    def _answered(self, method: str, body: bytes, *, together: bool = False) -> Any:
        begun, limited, lost = time.monotonic(), 0, 0
        while True:
            failure: EndpointError
            try:
                response = self._once(body, together)
                reason = None if together else _limit(method, cast(RPCResponse, response))
                if reason is None or (not reason.certain and limited + 1 >= _MAYBE_ATTEMPTS):
                    return response
                raise _LimitedError(reason.text)
            except _LimitedError as refusal:
                limited += 1
                pause = min(_FIRST_PAUSE * 2 ** (limited - 1), _LONGEST_PAUSE) * random.uniform(0.75, 1.25)  # noqa: S311
                pause = max(pause, min(refusal.seconds or 0.0, _LONGEST_ASKED))
                failure = TooManyRequestsError(f"too many requests: {refusal.reason[:200]}")
                done = together or time.monotonic() - begun + pause > self._patience
            except _LostError as loss:
                lost += 1
                pause = 0.2 * 2 ** (lost - 1) * random.uniform(0.75, 1.25)  # noqa: S311
                failure = EndpointError(loss.reason, overloaded=loss.overloaded)
                done = not loss.again or together or lost == _LOST_ATTEMPTS or method == "eth_sendRawTransaction"
            if done:
                raise failure
            self._sleep(pause)

    def _once(self, body: bytes, together: bool) -> RPCResponse | list[RPCResponse]:
        try:
            local = self._local
            if not hasattr(local, "connection"):
                local.connection = KeptConnection(self._url, _HEADERS, seconds=REQUEST_SECONDS, most=MAX_ANSWER)
            answer = local.connection.post(body)
        except UnwantedAnswerError as error:
            raise _LostError(str(error), again=False, overloaded=error.too_much) from None
        except (requests.RequestException, HTTPError) as error:
            raise _lost(error) from None
        except (OSError, ValueError, UnicodeError):  # a host that is no name
            raise _LostError("its host cannot be looked up", again=False) from None
        content = answer.content
        document = _document(self.clean(content.decode(errors="replace")) if b'"error"' in content else content)
        if answer.status == 429 or (answer.status == 503 and "Retry-After" in answer.headers):
            text = _error(document)[1] or f"status {answer.status}"
            raise _LimitedError(text, _seconds(answer.headers))
        if document is not None and (together or not isinstance(document, list)):
            return document
        if answer.status in (401, 403):
            raise _LostError(f"it refuses the request with status {answer.status}", again=False)
        if answer.status == 200:
            raise _LostError("it answers with something else than JSON-RPC", again=False)
        busy = answer.status >= 500
        reason = f"it answers with status {answer.status}"
        raise _LostError(reason, again=busy, overloaded=busy or answer.status == 413)


def _matched(found: Any, methods: Sequence[str]) -> list[RPCResponse | None]:
    """Of the answers in one body, in any order, that to each of the requests, which are numbered from 0; None where
    there is none, or it only says that there were too many requests."""
    known = {one["id"]: one for one in found if isinstance(one.get("id"), int)} if isinstance(found, list) else {}
    answers = [known.get(number) for number in range(len(methods))]
    return [None if one is None or _limit(method, one) else one for one, method in zip(answers, methods, strict=True)]


@dataclass(frozen=True)
class _Limit:
    text: str
    certain: bool
    """False where the same code may also say that the request itself was too large."""


def _limit(method: str, response: RPCResponse) -> _Limit | None:
    """Whether an answer says that there were too many requests, by its code or in words."""
    code, message = _error(response)
    if (not message and code is None) or "revert" in message.lower():
        return None  # the words of a revert are the contract's
    if method == "eth_getLogs" and _SIZE_WORDS.search(message):
        return None
    if _LIMIT_WORDS.search(message):
        return _Limit(message, certain=True)
    if code in _LIMIT_CODES:
        return _Limit(message or f"code {code}", certain=method != "eth_getLogs")
    return None


def _error(document: Mapping[str, Any] | Sequence[Any] | None) -> tuple[int | None, str]:
    error = document.get("error") if isinstance(document, Mapping) else None
    if isinstance(error, str):
        return None, error
    if not isinstance(error, Mapping):
        return None, ""
    code = error.get("code")
    return (code if isinstance(code, int) else None), str(error.get("message", ""))


def _document(content: str | bytes) -> RPCResponse | list[RPCResponse] | None:
    """An answer, or those of one body; None for anything else."""
    content = content.encode() if isinstance(content, str) else content
    try:
        found = None if is_nested(content) else json.loads(content.decode())
    except (ValueError, RecursionError):
        return None
    if isinstance(found, list):
        return [cast(RPCResponse, one) for one in found if _is_answer(one)] if found else None
    return cast(RPCResponse, found) if _is_answer(found) else None


def _is_answer(found: Any) -> bool:
    return isinstance(found, dict) and ("result" in found or "error" in found)


def _seconds(headers: Mapping[str, str]) -> float | None:
    """What ``Retry-After`` asks for: a number of seconds, or a date."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _lost(error: requests.RequestException | HTTPError) -> _LostError:
    if isinstance(error, NewConnectionError | ProxyError):
        refused = "refused" in str(error) or "resolve" in str(error)
        return _LostError("it cannot be reached", again=not refused)
    if isinstance(error, TimeoutError):
        return _LostError("it does not answer in time", overloaded=True)
    if isinstance(error, SSLError):
        return _LostError("its certificate is not accepted", again=False)
    if isinstance(error, ValueError):  # requests' InvalidURL, urllib3's LocationValueError and their like
        return _LostError("its URL cannot be used", again=False)
    return _LostError(f"the connection is lost ({type(error).__name__})")


def reading(what: str, read: Callable[[], _T]) -> _T:
    """A read from the chain; whatever the connection does becomes a ChainError, which participants try again."""
    try:
        return read()
    except (Web3Exception, OSError, json.JSONDecodeError) as error:
        raise ChainError(
            f"{what} could not be read from the chain: {rpc_message(error)}", kind=rpc_kind(error)
        ) from error


def rpc_message(error: Exception | None) -> str:
    """What an endpoint or the way to it says, in one line."""
    if isinstance(error, Web3RPCError) and error.rpc_response:
        detail = error.rpc_response.get("error")
        if isinstance(detail, dict):
            return " ".join(str(detail.get("message", detail)).split())[:400]
    if isinstance(error, requests.RequestException | HTTPError):
        return _lost(error).reason
    return " ".join(str(error).split())[:200] or type(error).__name__


def rpc_kind(error: Exception | None) -> str | None:
    """Where the connection is to blame, and not what was asked: the kind of the error that tells of it."""
    if isinstance(error, TooManyRequestsError):
        return "rate-limited"
    return "no-rpc" if isinstance(error, OSError) else None
