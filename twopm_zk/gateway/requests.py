"""What happens around every request: who pays for it, which pages may read the answer, and errors as answers."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from twopm_zk.chat.service import Conversation
from twopm_zk.errors import InputError
from twopm_zk.gateway.audits import AuditState
from twopm_zk.gateway.endpoints import ENDPOINTS
from twopm_zk.gateway.events import LiveNews
from twopm_zk.gateway.limits import Buckets, address_name, client_address
from twopm_zk.gateway.predictions import Proofs
from twopm_zk.gateway.responses import (
    NOT_KEPT,
    Guarded,
    RefusedError,
    encoded,
    error_answer,
    json_answer,
    not_found,
    refusal_of,
    unavailable,
)
from twopm_zk.gateway.sessions import Sessions
from twopm_zk.gateway.settings import GatewaySettings
from twopm_zk.gateway.state.accounts import Advise
from twopm_zk.gateway.state.reader import ChainReader, Snapshot
from twopm_zk.gateway.static import Page, Snarkjs
from twopm_zk.gateway.workshop import Workshop
from twopm_zk.participants.news import News, Notify
from twopm_zk.participants.task_view import ChainView
from twopm_zk.system.http_server import read_body
from twopm_zk.system.parsing import parse_json

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

Handler = Callable[["Request"], Awaitable["Response"]]
_T = TypeVar("_T")
PAGES = ("/", "/networks/{id}", "/networks/{id}/ask", "/tasks", "/tasks/{id}", "/me", "/converse")
"""Routes of the page, which are all the same file."""
_CHAIN_SECONDS = 10.0
_DELIVERY_SECONDS = 30.0
_DELIVERIES = 16
"""That are on their way, and wait, at most: an operator that does not answer holds up no more than these."""
_READERS = 4


@dataclass
class Parts:
    """What the application is made of."""

    view: ChainView
    reader: ChainReader
    settings: GatewaySettings
    sessions: Sessions
    proofs: Proofs
    workshop: Workshop
    live: LiveNews
    audit_of: Callable[[int], AuditState]
    page: Page
    snarkjs: Snarkjs
    advise: Advise
    notify: Notify = field(repr=False)
    conversation: Conversation | None = None


class Requests:
    """What all handlers share."""

    def __init__(self, parts: Parts) -> None:
        self.parts, self.settings = parts, parts.settings
        self._addresses = Buckets(parts.settings.limits.address)
        reads = parts.settings.limits.reads
        self._readers = Workshop(workers=_READERS, queue=reads, seconds=_CHAIN_SECONDS, kind="no-chain")
        self.couriers = Workshop(workers=_READERS, queue=_DELIVERIES, seconds=_DELIVERY_SECONDS, kind="no-operator")

    def close(self) -> None:
        """Take no more requests that wait for others."""
        self._readers.close()
        self.couriers.close()

    @property
    def snapshot(self) -> Snapshot:
        """What is known of the chain now."""
        return self.parts.reader.snapshot

    def answering(self, handler: Handler, cost: float) -> Handler:
        """A handler whose errors are answers, and for which the address pays."""

        async def answer(request: Request) -> Response:
            try:
                self._addresses.take(self.address(request), cost)
                response = await handler(request)
            except Exception as error:
                refusal = refusal_of(error)
                if refusal.status == 500:  # its words may hold anything, an input among them
                    said = f"a request has failed ({type(error).__name__})"
                    self.parts.notify(News("fault", said, {"path": request.scope["route"].path}))
                response = error_answer(refusal)
            self._allow_origin(request, response)
            return response

        return answer

    def address(self, request: Request) -> str:
        """Whose request it is, as buckets have it."""
        peer = request.client.host if request.client else ""
        forwarded = ",".join(request.headers.getlist("x-forwarded-for"))
        return address_name(client_address(peer, forwarded, trusted=self.settings.behind_proxy))

    def _allow_origin(self, request: Request, response: Response) -> None:
        """Let pages of applications read the API, and nothing else."""
        if not request.url.path.startswith("/v1/"):
            return
        response.headers.append("Vary", "Origin")
        origin = request.headers.get("origin")
        if origin in self.settings.allowed_origins and origin is not None:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = "Retry-After"

    async def elsewhere(self, request: Request) -> Response:
        """What no route is for: a browser's question before a request of another origin's page, or a mistake."""
        from starlette.responses import Response

        path = request.url.path
        methods = sorted({one.method for one in ENDPOINTS if _matches(one.path, path)})
        if request.method == "OPTIONS" and path.startswith("/v1/"):
            headers = {"Allow": ", ".join([*methods, "OPTIONS"]), "Cache-Control": NOT_KEPT}
            if request.headers.get("origin") in self.settings.allowed_origins:
                headers |= {
                    "Access-Control-Allow-Methods": "GET, POST, DELETE",
                    "Access-Control-Allow-Headers": "Authorization, Content-Type",
                    "Access-Control-Max-Age": "600",
                }
            return Response(status_code=204, headers=headers)
        if methods or (request.method not in ("GET", "HEAD") and any(_matches(one, path) for one in PAGES)):
            allowed = {"Allow": ", ".join(methods or ["GET"])}
            raise RefusedError(405, "wrong-method", "this cannot be asked in this way", headers=allowed)
        raise not_found("page")

    async def from_chain(self, read: Callable[[], _T]) -> _T:
        """What has to be read from the chain now. RefusedError 503 where it does not answer, or too many wait."""
        if self.snapshot.stale:
            raise unavailable("the chain does not answer at present", kind="no-chain")
        return await self._readers.run(read)

    async def require_stake(self, account: str, least: int) -> None:
        """RefusedError 403 for an account with less than this at stake, in wei of ETH."""
        stake = await self.from_chain(lambda: self.parts.view.stake_of(account))
        if stake < least:
            raise RefusedError(
                403, "stake-too-low", f"{account} has {stake} wei of ETH at stake; the network asks for {least}"
            )

    async def json(self, request: Request, *, limit: int | None = None) -> dict[str, Any]:
        """The object that a request holds, of at most ``limit`` bytes. RefusedError, InputError."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise RefusedError(415, "not-json", "the body has to be application/json, and say so")
        body = await read_body(request, limit=limit or self.settings.limits.body)
        try:
            document = parse_json(body, what="the body")
        except InputError as error:
            raise RefusedError(422, "malformed", error.message) from None
        if not isinstance(document, dict):
            raise RefusedError(422, "malformed", "the body is not an object")
        return document

    def snapshot_answer(self, key: object, make: Callable[[Snapshot], Mapping[str, Any]]) -> Response:
        """An answer that follows from the snapshot, made once for each."""
        snapshot = self.snapshot
        return json_answer(snapshot.answer(key, lambda: encoded({**make(snapshot), "stale": snapshot.stale})))


def busy_app() -> ASGIApp:
    """What answers when there are too many connections."""
    from starlette.types import Receive, Scope, Send

    async def busy(scope: Scope, receive: Receive, send: Send) -> None:
        await error_answer(unavailable("too many are connected", kind="busy"))(scope, receive, send)

    return Guarded(busy)


def _matches(pattern: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(pattern)), path) is not None
