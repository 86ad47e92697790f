"""A gateway at work: reader of the chain, audits, workshop and HTTP service, begun and ended together."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from twopm_zk.chat.service import Making
from twopm_zk.gateway.app import Gateway
from twopm_zk.gateway.audits import Audits, Work, run_audit
from twopm_zk.gateway.events import LiveNews
from twopm_zk.gateway.predictions import KeySource, Proofs
from twopm_zk.gateway.requests import Parts, busy_app
from twopm_zk.gateway.responses import HEADERS
from twopm_zk.gateway.sessions import Sessions
from twopm_zk.gateway.settings import GatewaySettings
from twopm_zk.gateway.state.accounts import Advise
from twopm_zk.gateway.state.documents import Documents
from twopm_zk.gateway.state.reader import ChainReader, Changes, Snapshot
from twopm_zk.gateway.static import Page, Snarkjs
from twopm_zk.gateway.workshop import Workshop
from twopm_zk.participants.news import Notify, ignore
from twopm_zk.participants.task_view import ChainView
from twopm_zk.proving.statement_prover import StatementProver
from twopm_zk.system import paths
from twopm_zk.system.http_server import HttpServer


class GatewayServer:
    """``with GatewayServer(view, ...) as server: server.url``.

    ``rpc_url`` is for the process that audits. ``conversation`` makes what has to do with conversations, once the
    reader of the chain is there. ``keys``, ``prover`` and ``audit`` are for tests. Raises ChainError
    where the chain cannot be read, InputError where the address cannot be bound.
    """

    def __init__(
        self,
        view: ChainView,
        *,
        rpc_url: str,
        folders: Sequence[Path] = (),
        settings: GatewaySettings | None = None,
        ptau: Path | None = None,
        backend: str | None = None,
        notify: Notify = ignore,
        advise: Advise = lambda kind, **facts: None,
        conversation: Making | None = None,
        keys: KeySource | None = None,
        prover: StatementProver | None = None,
        audit: Work = run_audit,
    ) -> None:
        settings = settings or GatewaySettings()
        limits = settings.limits
        self._live = LiveNews(listeners=limits.listeners, each_address=limits.listeners_each)
        self._workshop = Workshop(workers=1, queue=limits.queue)
        self._audits = Audits(
            rpc_url=rpc_url,
            deployment=view.deployment,
            fingerprint=view.fingerprint,
            ptau=ptau,
            backend=backend,
            work=audit,
            notify=notify,
        )
        self.reader = ChainReader(view, Documents(folders), poll=settings.poll, notify=notify, publish=self._published)
        self.conversation = None if conversation is None else conversation(self.reader)
        """The conversations that it takes part in."""
        self._http = HttpServer(
            self._app,
            host=settings.host,
            port=settings.port,
            connections=limits.connections,
            keep=True,
            busy=busy_app(),
            headers=HEADERS,
        )
        self.url, self.port = self._http.url, self._http.port
        self._gateway = Gateway(
            Parts(
                view=view,
                reader=self.reader,
                settings=settings,
                sessions=Sessions(chain_id=view.deployment.chain_id, origins=settings.origins(self.port)),
                proofs=Proofs(view.chain.code, ptau=ptau, backend=backend, keys=keys, prover=prover),
                workshop=self._workshop,
                live=self._live,
                audit_of=lambda task: self._audits.state(task),
                page=Page(settings.page or paths.page_dir()),
                snarkjs=Snarkjs(),
                advise=advise,
                notify=notify,
                conversation=self.conversation,
            )
        )
        self._answer = self._gateway.app()
        self._stack = ExitStack()

    async def _app(self, scope: object, receive: object, send: object) -> None:
        await self._answer(scope, receive, send)  # type: ignore[arg-type]

    def _published(self, snapshot: Snapshot, changes: Changes) -> None:
        self._live.publish(snapshot, changes)
        self._audits.look(snapshot)

    def __enter__(self) -> Self:
        self._stack.callback(self._workshop.close)
        self._stack.callback(self._gateway.close)
        self._stack.enter_context(self._audits)
        self._stack.enter_context(self.reader)
        self._stack.enter_context(self._http)
        self._stack.callback(self._live.close)
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()
