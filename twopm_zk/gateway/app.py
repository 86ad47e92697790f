"""The HTTP application: who may ask what, and the answers, all of them from the snapshot but where the chain is needed."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from twopm_zk import __version__
from twopm_zk.chain.compiler import compile_contract
from twopm_zk.chain.deployment import DEVELOPMENT_CHAINS
from twopm_zk.errors import InputError
from twopm_zk.gateway.audits import AuditState
from twopm_zk.gateway.deliveries import MAX_DELIVERY, deliver
from twopm_zk.gateway.endpoints import ENDPOINTS, Endpoint, openapi
from twopm_zk.gateway.events import News as LiveNews
from twopm_zk.gateway.limits import Buckets, address_name, client_address
from twopm_zk.gateway.predictions import MAX_INPUTS, Proofs, Workshop, parse_proof
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
from twopm_zk.gateway.state.accounts import Advise, account_document, request_document
from twopm_zk.gateway.state.networks import Model, NetworkState
from twopm_zk.gateway.state.reader import ChainReader, Snapshot
from twopm_zk.gateway.static import Page, Snarkjs
from twopm_zk.html import POLICY as REPORT_POLICY
from twopm_zk.participants.news import News, Notify
from twopm_zk.participants.task_view import ChainView
from twopm_zk.system.http_server import read_body
from twopm_zk.system.parsing import parse_json, parse_natural

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

Handler = Callable[["Request"], Awaitable["Response"]]
_T = TypeVar("_T")
_PAGES = ("/", "/networks/{id}", "/networks/{id}/ask", "/tasks", "/tasks/{id}", "/me")
"""Routes of the page, which are all the same file."""
_FILE_COST = 0.25
_CHAIN_SECONDS = 10.0
_READERS = 4
_ACCOUNTS_KEPT = 500
_LARGEST_NUMBER = 1 << 63
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_PROVER_FILES = ("circuit.wasm", "circuit.zkey", "verification_key.json")


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


class Gateway:
    """The handlers of all endpoints; each is named as in the list of endpoints."""

    def __init__(self, parts: Parts) -> None:
        self._parts, self._view, self._settings = parts, parts.view, parts.settings
        self._addresses, self._accounts = Buckets(parts.settings.limits.address), Buckets(parts.settings.limits.account)
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="chain")
        self._reading = 0
        self._account_answers: OrderedDict[tuple[int, str], bytes] = OrderedDict()
        self._audits_made: dict[int, tuple[AuditState, bytes]] = {}
        self._token = view_token(parts.view)

    def app(self) -> ASGIApp:
        """The application."""
        from starlette.applications import Starlette
        from starlette.routing import Route

        routes = [Route(one.path, self._endpoint(one), methods=[one.method], name=one.name) for one in ENDPOINTS]
        files: dict[str, Handler] = dict.fromkeys(_PAGES, self._index)
        files |= {
            "/assets/{name:path}": self._asset,
            "/client.js": self._client,
            "/client.d.ts": self._client,
            "/prover/snarkjs.min.js": self._snarkjs,
        }
        routes += [Route(path, self._answering(handler, _FILE_COST)) for path, handler in files.items()]
        routes.append(Route("/{path:path}", self._answering(self._elsewhere, 1), methods=_METHODS))
        return Guarded(Starlette(routes=routes))

    def close(self) -> None:
        """Take no more requests that need the chain."""
        self._readers.shutdown(wait=False, cancel_futures=True)

    @property
    def snapshot(self) -> Snapshot:
        """What is known of the chain now."""
        return self._parts.reader.snapshot

    # --- around every request ---

    def _endpoint(self, one: Endpoint) -> Handler:
        handler: Handler = getattr(self, f"on_{one.name}")
        return self._answering(handler, one.cost)

    def _answering(self, handler: Handler, cost: float) -> Handler:
        """A handler whose errors are answers, and for which the address pays."""

        async def answer(request: Request) -> Response:
            try:
                self._addresses.take(self._address(request), cost)
                response = await handler(request)
            except Exception as error:
                refusal = refusal_of(error)
                if refusal.status == 500:  # its words may hold anything, an input among them
                    said = f"a request has failed ({type(error).__name__})"
                    self._parts.notify(News("fault", said, {"path": request.scope["route"].path}))
                response = error_answer(refusal)
            self._allow_origin(request, response)
            return response

        return answer

    def _address(self, request: Request) -> str:
        peer = request.client.host if request.client else ""
        forwarded = ",".join(request.headers.getlist("x-forwarded-for"))
        return address_name(client_address(peer, forwarded, trusted=self._settings.behind_proxy))

    def _allow_origin(self, request: Request, response: Response) -> None:
        """Let pages of applications read the API, and nothing else."""
        if not request.url.path.startswith("/v1/"):
            return
        response.headers.append("Vary", "Origin")
        origin = request.headers.get("origin")
        if origin in self._settings.allowed_origins and origin is not None:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = "Retry-After"

    async def _elsewhere(self, request: Request) -> Response:
        """What no route is for: a browser's question before a request of another origin's page, or a mistake."""
        from starlette.responses import Response

        path = request.url.path
        methods = sorted({one.method for one in ENDPOINTS if _matches(one.path, path)})
        if request.method == "OPTIONS" and path.startswith("/v1/"):
            headers = {"Allow": ", ".join([*methods, "OPTIONS"]), "Cache-Control": NOT_KEPT}
            if request.headers.get("origin") in self._settings.allowed_origins:
                headers |= {
                    "Access-Control-Allow-Methods": "GET, POST, DELETE",
                    "Access-Control-Allow-Headers": "Authorization, Content-Type",
                    "Access-Control-Max-Age": "600",
                }
            return Response(status_code=204, headers=headers)
        if methods or (request.method not in ("GET", "HEAD") and any(_matches(one, path) for one in _PAGES)):
            allowed = {"Allow": ", ".join(methods or ["GET"])}
            raise RefusedError(405, "wrong-method", "this cannot be asked in this way", headers=allowed)
        raise not_found("page")

    async def _from_chain(self, read: Callable[[], _T]) -> _T:
        """What has to be read from the chain now. RefusedError 503 where it does not answer, or too many wait for it."""
        if self.snapshot.stale:
            raise unavailable("the chain does not answer at present", kind="no-chain")
        if self._reading >= self._settings.limits.reads:
            raise unavailable("too many requests wait for the chain", kind="busy")
        self._reading += 1
        try:
            future = asyncio.get_running_loop().run_in_executor(self._readers, read)
            return await asyncio.wait_for(asyncio.shield(future), _CHAIN_SECONDS)
        except TimeoutError:
            raise unavailable("the chain does not answer at present", kind="no-chain") from None
        finally:
            self._reading -= 1

    async def _json(self, request: Request) -> dict[str, Any]:
        """The object that a request holds. RefusedError, InputError."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise RefusedError(415, "not-json", "the body has to be application/json, and say so")
        body = await read_body(request, limit=self._settings.limits.body)
        try:
            document = parse_json(body, what="the body")
        except InputError as error:
            raise RefusedError(422, "malformed", error.message) from None
        if not isinstance(document, dict):
            raise RefusedError(422, "malformed", "the body is not an object")
        return document

    def _snapshot_answer(self, key: object, make: Callable[[Snapshot], Mapping[str, Any]]) -> Response:
        snapshot = self.snapshot
        return json_answer(snapshot.answer(key, lambda: encoded({**make(snapshot), "stale": snapshot.stale})))

    # --- the chain ---

    async def on_status(self, _: Request) -> Response:
        """The server, its chain and its contracts."""
        deployment = self._view.deployment

        def document(snapshot: Snapshot) -> Mapping[str, Any]:
            chain = {"id": deployment.chain_id, "block": snapshot.block, "time": snapshot.time}
            return {
                "version": __version__,
                "chain": {**chain, "development": deployment.chain_id in DEVELOPMENT_CHAINS},
                "contracts": {name: entry.address for name, entry in deployment.contracts.items()},
                "token": self._token,
                "insecure": deployment.insecure,
                "proving": self._settings.proves,
            }

        return self._snapshot_answer("status", document)

    async def on_networks(self, _: Request) -> Response:
        """All networks."""
        return self._snapshot_answer("networks", lambda snapshot: {"networks": snapshot.network_list})

    async def on_network(self, request: Request) -> Response:
        """One network."""
        number = self._network(request).entry.id
        return self._snapshot_answer(("network", number), lambda snapshot: snapshot.details[number])

    async def on_metadata(self, request: Request) -> Response:
        """The bytes of a network's metadata, as they were found."""
        network = self._network(request)
        if network.file is None:
            raise not_found("metadata document here")
        return json_answer(network.file.encoded)

    async def on_form(self, request: Request) -> Response:
        """What a form is made of."""
        number = self._network(request).entry.id
        if self.snapshot.forms[number] is None:
            raise _no_predictions()
        return self._snapshot_answer(("form", number), lambda snapshot: snapshot.forms[number] or {})

    async def on_tasks(self, _: Request) -> Response:
        """All tasks."""
        return self._snapshot_answer("tasks", lambda snapshot: {"tasks": snapshot.task_list})

    async def on_task(self, request: Request) -> Response:
        """One task."""
        number = _number(request, "task")
        if number not in self.snapshot.tasks:
            raise not_found("task")
        return self._snapshot_answer(("task", number), lambda snapshot: snapshot.tasks[number])

    async def on_account(self, request: Request) -> Response:
        """An account, read from the chain once for each block."""
        from eth_utils.address import to_checksum_address

        text = request.path_params["address"]
        if not _ADDRESS.fullmatch(text):
            raise RefusedError(422, "no-address", "an address is 0x and 40 hexadecimal digits")
        account, snapshot = to_checksum_address(text), self.snapshot
        key = snapshot.block, account
        known = None if snapshot.stale else self._account_answers.get(key)
        if known is None:
            document = await self._from_chain(
                lambda: account_document(self._view, snapshot, account, self._parts.advise)
            )
            known = self._account_answers[key] = encoded({**document, "stale": False})
            if len(self._account_answers) > _ACCOUNTS_KEPT:
                self._account_answers.popitem(last=False)
        return json_answer(known)

    async def on_request(self, request: Request) -> Response:
        """A request of InferenceContract."""
        number, answered = _number(request, "request"), self.snapshot.requests.answered

        def read() -> dict[str, Any]:
            try:
                return request_document(self._view, number, transaction=answered.get(number))
            except InputError:
                raise not_found("request") from None

        return json_answer({**await self._from_chain(read), "stale": False})

    def _network(self, request: Request) -> NetworkState:
        return self._network_numbered(_number(request, "network"))

    def _network_numbered(self, number: int) -> NetworkState:
        found = self.snapshot.networks.get(number)
        if found is None:
            raise not_found("network")
        return found

    # --- audits and live news ---

    async def on_audit(self, request: Request) -> Response:
        """How the audit of a network's task stands."""
        task = self._audited_task(request)
        state = self._parts.audit_of(task)
        known = self._audits_made.get(task)
        if known is None or known[0] is not state:
            known = self._audits_made[task] = state, encoded(state.to_json())
        return json_answer(known[1])

    async def on_report(self, request: Request) -> Response:
        """The audit as a page, whose policy allows its own style alone."""
        from starlette.responses import Response

        result = self._parts.audit_of(self._audited_task(request)).result
        if result is None:
            raise not_found("report, or not yet")
        headers = {"Content-Security-Policy": REPORT_POLICY, "Cache-Control": NOT_KEPT}
        return Response(result.page, headers=headers, media_type="text/html; charset=utf-8")

    def _audited_task(self, request: Request) -> int:
        network = self._network(request)
        return network.entry.task if network.proven else 0

    async def on_events(self, request: Request) -> Response:
        """Live news."""
        from starlette.responses import StreamingResponse

        stream = self._parts.live.listen(self._address(request))
        headers = {"Cache-Control": NOT_KEPT, "X-Accel-Buffering": "no"}
        return StreamingResponse(stream, headers=headers, media_type="text/event-stream")

    # --- sessions, predictions and proofs ---

    async def on_nonce(self, _: Request) -> Response:
        """A nonce to sign in with."""
        return json_answer({"nonce": self._parts.sessions.nonce()})

    async def on_sign_in(self, request: Request) -> Response:
        """Sign in."""
        body = await self._json(request)
        message, signature = body.get("message"), body.get("signature")
        if set(body) != {"message", "signature"} or not isinstance(message, str) or not isinstance(signature, str):
            raise RefusedError(422, "malformed", "the body has to be a message and its signature")
        token, session = self._parts.sessions.sign_in(message, signature, origin=request.headers.get("origin"))
        return json_answer({"token": token, "account": session.account, "expires": session.expires})

    async def on_sign_out(self, request: Request) -> Response:
        """End a session."""
        from starlette.responses import Response

        self._parts.sessions.end(request.headers.get("authorization"))
        return Response(status_code=204, headers={"Cache-Control": NOT_KEPT})

    async def on_predict(self, request: Request) -> Response:
        """Proven predictions that are made here."""
        if not self._settings.proves:
            raise RefusedError(409, "no-proving", "this server makes no predictions; a browser or an operator does")
        session = self._parts.sessions.session(request.headers.get("authorization"))
        network = self._network(request)
        rows = _rows(await self._json(request))
        spec, state, model = network.spec, network.certified, network.model
        if spec is None or state is None or model is None:
            raise _no_predictions()
        if network.entry.closed:
            raise RefusedError(409, "closed", "the network takes no new requests")
        self._accounts.take(session.account, len(rows))
        stake, least = (
            await self._from_chain(lambda: self._view.stake_of(session.account)),
            network.entry.terms.user_stake,
        )
        if stake < least:
            raise RefusedError(
                403, "stake-too-low", f"{session.account} has {stake} wei of ETH at stake; the network asks for {least}"
            )
        insecure = [self._view.verifier_name(address) for address in network.insecure_verifiers]
        proofs = self._parts.proofs
        found = await self._parts.workshop.run(lambda: proofs.predict(spec, state, model, insecure, rows))
        return json_answer({"predictions": found})

    async def on_verify(self, request: Request) -> Response:
        """Whether a proof holds."""
        body = await self._json(request)
        number = body.get("network")
        if set(body) != {"network", "proof", "public"} or not isinstance(number, int) or isinstance(number, bool):
            raise RefusedError(
                422, "malformed", "the body has to be the number of a network, a proof and its public inputs"
            )
        network = self._network_numbered(number)
        try:
            proof, public = parse_proof(body["proof"], body["public"])
        except InputError as error:
            raise RefusedError(422, "malformed", error.message) from None
        return json_answer(await self._parts.workshop.run(lambda: self._parts.proofs.verify(network, proof, public)))

    async def on_deliver(self, request: Request) -> Response:
        """Pass a sealed input on to its operator."""
        body = await read_body(request, limit=MAX_DELIVERY)
        snapshot, view = self.snapshot, self._view
        chain_id, contract = view.deployment.chain_id, view.inference.address
        return json_answer(
            await self._from_chain(
                lambda: deliver(snapshot, body, chain_id=chain_id, contract=contract, public=view.public)
            )
        )

    # --- files ---

    async def on_prover_file(self, request: Request) -> Response:
        """What a browser proves with, where it is of the verifier on the chain."""
        network, name = self._network(request), request.path_params["file"]
        if name not in _PROVER_FILES:
            raise not_found("file")
        if network.model is None:
            raise _no_predictions()
        model: Model = network.model
        file = self._parts.proofs.known(model, name)
        if file is None:
            file = await self._parts.workshop.run(lambda: self._parts.proofs.file(model, name))
        return file.answer(request)

    async def on_openapi(self, _: Request) -> Response:
        """The OpenAPI document."""
        return json_answer(_OPENAPI)

    async def on_abi(self, request: Request) -> Response:
        """The ABI of one of the deployment's contracts."""
        name = request.path_params["contract"]
        if name not in self._view.deployment.contracts:
            raise not_found("contract")
        return json_answer(compile_contract(name).abi)

    async def _index(self, request: Request) -> Response:
        return self._parts.page.file("index.html").answer(request)

    async def _asset(self, request: Request) -> Response:
        return self._parts.page.file(f"assets/{request.path_params['name']}").answer(request)

    async def _client(self, request: Request) -> Response:
        return self._parts.page.file(request.url.path.removeprefix("/")).answer(request)

    async def _snarkjs(self, request: Request) -> Response:
        return (await self._from_disk(self._parts.snarkjs.file)).answer(request)

    @staticmethod
    async def _from_disk(read: Callable[[], _T]) -> _T:
        from starlette.concurrency import run_in_threadpool

        return await run_in_threadpool(read)


_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_OPENAPI = encoded(openapi(__version__))


def busy_app() -> ASGIApp:
    """What answers when there are too many connections."""
    from starlette.types import Receive, Scope, Send

    async def busy(scope: Scope, receive: Receive, send: Send) -> None:
        await error_answer(unavailable("too many are connected", kind="busy"))(scope, receive, send)

    return Guarded(busy)


def view_token(view: ChainView) -> dict[str, Any] | None:
    """The token that fees can be in, as the API shows it."""
    token = view.network.networks.token
    return None if token is None else {"address": token.address, "symbol": token.symbol, "decimals": token.decimals}


def _number(request: Request, what: str) -> int:
    try:
        return parse_natural(request.path_params["id"], what=what, limit=_LARGEST_NUMBER)
    except InputError:
        raise not_found(what) from None


def _rows(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The rows of a question. RefusedError where it is none."""
    rows = [body["input"]] if set(body) == {"input"} else body.get("inputs") if set(body) == {"inputs"} else None
    if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_INPUTS or not all(isinstance(row, dict) for row in rows):
        raise RefusedError(
            422,
            "malformed",
            f"the body has to be an `input`, or 1 to {MAX_INPUTS} `inputs`: objects of values by column",
        )
    return rows


def _no_predictions() -> RefusedError:
    return RefusedError(
        409,
        "no-predictions",
        "the network has no certified model, no verifier of predictions, or a specification that this server does not have",
    )


def _matches(pattern: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(pattern)), path) is not None
