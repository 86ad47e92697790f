"""The HTTP application: all endpoints, answered from the snapshot but where the chain itself is needed."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from twopm_zk import __version__
from twopm_zk.chain.compiler import compile_contract
from twopm_zk.chain.deployment import DEVELOPMENT_CHAINS
from twopm_zk.errors import InputError
from twopm_zk.gateway.audits import AuditState
from twopm_zk.gateway.conversations import ConversationRequests
from twopm_zk.gateway.deliveries import MAX_DELIVERY, deliver
from twopm_zk.gateway.endpoints import ENDPOINTS, openapi
from twopm_zk.gateway.limits import Buckets
from twopm_zk.gateway.predictions import MAX_INPUTS, parse_proof
from twopm_zk.gateway.requests import PAGES, Handler, Parts
from twopm_zk.gateway.responses import (
    NOT_KEPT,
    Guarded,
    RefusedError,
    bytes_answer,
    encoded,
    json_answer,
    not_found,
)
from twopm_zk.gateway.state.accounts import account_document, request_with_proof
from twopm_zk.gateway.state.networks import Model, NetworkState
from twopm_zk.gateway.state.reader import Snapshot
from twopm_zk.html import POLICY as REPORT_POLICY
from twopm_zk.participants.task_view import ChainView
from twopm_zk.system.http_server import read_body
from twopm_zk.system.parsing import parse_natural

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

_T = TypeVar("_T")
_FILE_COST = 0.25
_ACCOUNTS_KEPT = 500
_LARGEST_NUMBER = 1 << 63
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_PROVER_FILES = ("circuit.wasm", "circuit.zkey", "verification_key.json")
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_OPENAPI = encoded(openapi(__version__))


class Gateway(ConversationRequests):
    """The handlers of all endpoints; each is named as in the list of endpoints."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._view = parts.view
        self._accounts = Buckets(parts.settings.limits.account)
        self._account_answers: OrderedDict[tuple[int, str], bytes] = OrderedDict()
        self._audits_made: dict[int, tuple[AuditState, bytes]] = {}
        self._token = view_token(parts.view)

    def app(self) -> ASGIApp:
        """The application."""
        from starlette.applications import Starlette
        from starlette.routing import Route

        routes = [
            Route(one.path, self.answering(getattr(self, f"on_{one.name}"), one.cost), methods=[one.method])
            for one in ENDPOINTS
        ]
        files: dict[str, Handler] = dict.fromkeys(PAGES, self._index)
        files |= {
            "/assets/{name:path}": self._asset,
            "/client.js": self._client,
            "/client.d.ts": self._client,
            "/prover/snarkjs.min.js": self._snarkjs,
        }
        routes += [Route(path, self.answering(handler, _FILE_COST)) for path, handler in files.items()]
        routes.append(Route("/{path:path}", self.answering(self.elsewhere, 1), methods=_METHODS))
        return Guarded(Starlette(routes=routes))

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
                "proving": self.settings.proves,
                "conversation": None if self.parts.conversation is None else self.parts.conversation.to_json(),
            }

        return self.snapshot_answer("status", document)

    async def on_networks(self, _: Request) -> Response:
        """All networks."""
        return self.snapshot_answer("networks", lambda snapshot: {"networks": snapshot.network_list})

    async def on_network(self, request: Request) -> Response:
        """One network."""
        number = self._network(request).entry.id
        return self.snapshot_answer(("network", number), lambda snapshot: snapshot.details[number])

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
        return self.snapshot_answer(("form", number), lambda snapshot: snapshot.forms[number] or {})

    async def on_tasks(self, _: Request) -> Response:
        """All tasks."""
        return self.snapshot_answer("tasks", lambda snapshot: {"tasks": snapshot.task_list})

    async def on_task(self, request: Request) -> Response:
        """One task."""
        number = _number(request, "task")
        if number not in self.snapshot.tasks:
            raise not_found("task")
        return self.snapshot_answer(("task", number), lambda snapshot: snapshot.tasks[number])

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
            document = await self.from_chain(lambda: account_document(self._view, snapshot, account, self.parts.advise))
            known = self._account_answers[key] = encoded({**document, "stale": False})
            if len(self._account_answers) > _ACCOUNTS_KEPT:
                self._account_answers.popitem(last=False)
        return json_answer(known)

    async def on_request(self, request: Request) -> Response:
        """A request of InferenceContract."""
        number, snapshot = _number(request, "request"), self.snapshot

        def read() -> dict[str, Any]:
            try:
                return request_with_proof(self._view, snapshot, number)
            except InputError:
                raise not_found("request") from None

        return json_answer({**await self.from_chain(read), "stale": False})

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
        state = self.parts.audit_of(task)
        known = self._audits_made.get(task)
        if known is None or known[0] is not state:
            known = self._audits_made[task] = state, encoded(state.to_json())
        return json_answer(known[1])

    async def on_report(self, request: Request) -> Response:
        """The audit as a page, whose policy allows its own style alone."""
        result = self.parts.audit_of(self._audited_task(request)).result
        if result is None:
            raise not_found("report, or not yet")
        headers = {"Content-Security-Policy": REPORT_POLICY, "Cache-Control": NOT_KEPT}
        return bytes_answer(result.page.encode(), 200, headers, "text/html; charset=utf-8")

    def _audited_task(self, request: Request) -> int:
        network = self._network(request)
        return network.entry.task if network.proven else 0

    async def on_events(self, request: Request) -> Response:
        """Live news."""
        from starlette.responses import Response, StreamingResponse

        headers = {"Cache-Control": NOT_KEPT, "X-Accel-Buffering": "no"}
        if request.method == "HEAD":
            return Response(headers=headers, media_type="text/event-stream")
        stream = self.parts.live.listen(self.address(request))
        return StreamingResponse(stream, headers=headers, media_type="text/event-stream")

    # --- sessions, predictions and proofs ---

    async def on_nonce(self, _: Request) -> Response:
        """A nonce to sign in with."""
        return json_answer({"nonce": self.parts.sessions.nonce()})

    async def on_sign_in(self, request: Request) -> Response:
        """Sign in."""
        body = await self.json(request)
        message, signature = body.get("message"), body.get("signature")
        if set(body) != {"message", "signature"} or not isinstance(message, str) or not isinstance(signature, str):
            raise RefusedError(422, "malformed", "the body has to be a message and its signature")
        token, session = self.parts.sessions.sign_in(message, signature, origin=request.headers.get("origin"))
        return json_answer({"token": token, "account": session.account, "expires": session.expires})

    async def on_sign_out(self, request: Request) -> Response:
        """End a session."""
        from starlette.responses import Response

        self.parts.sessions.end(request.headers.get("authorization"))
        return Response(status_code=204, headers={"Cache-Control": NOT_KEPT})

    async def on_predict(self, request: Request) -> Response:
        """Proven predictions that are made here."""
        if not self.settings.proves:
            raise RefusedError(409, "no-proving", "this server makes no predictions; a browser or an operator does")
        session = self.parts.sessions.session(request.headers.get("authorization"))
        network = self._network(request)
        rows = _rows(await self.json(request))
        spec, state, model = network.spec, network.certified, network.model
        if spec is None or state is None or model is None:
            raise _no_predictions()
        if network.entry.closed:
            raise RefusedError(409, "closed", "the network takes no new requests")
        self._accounts.take(session.account, len(rows))
        await self.require_stake(session.account, network.entry.terms.user_stake)
        insecure = [self._view.verifier_name(address) for address in network.insecure_verifiers]
        proofs = self.parts.proofs
        found = await self.parts.workshop.run(lambda: proofs.predict(spec, state, model, insecure, rows))
        return json_answer({"predictions": found})

    async def on_verify(self, request: Request) -> Response:
        """Whether a proof holds."""
        body = await self.json(request)
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
        return json_answer(await self.parts.workshop.run(lambda: self.parts.proofs.verify(network, proof, public)))

    async def on_deliver(self, request: Request) -> Response:
        """Pass a sealed input on to its operator."""
        body = await read_body(request, limit=MAX_DELIVERY)
        snapshot, view = self.snapshot, self._view
        chain_id, contract = view.deployment.chain_id, view.inference.address
        return json_answer(
            await self.couriers.run(
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
        file = self.parts.proofs.known(model, name)
        if file is None:
            file = await self.parts.workshop.run(lambda: self.parts.proofs.file(model, name))
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
        return self.parts.page.file("index.html").answer(request)

    async def _asset(self, request: Request) -> Response:
        return self.parts.page.file(f"assets/{request.path_params['name']}").answer(request)

    async def _client(self, request: Request) -> Response:
        return self.parts.page.file(request.url.path.removeprefix("/")).answer(request)

    async def _snarkjs(self, request: Request) -> Response:
        return (await self._from_disk(self.parts.snarkjs.file)).answer(request)

    @staticmethod
    async def _from_disk(read: Callable[[], _T]) -> _T:
        from starlette.concurrency import run_in_threadpool

        return await run_in_threadpool(read)


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
        "the network has no certified model or no verifier of predictions, or this server lacks its specification",
    )
