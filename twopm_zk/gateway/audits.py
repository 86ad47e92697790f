"""Audits of the networks' tasks, in the background: one at a time, in a process of its own, kept in the cache.

A certified or finished task is audited without being asked for, so that nobody can make the server work. What is found
is kept by deployment, task, the task's last event, specification and the sources of this version: whatever changes one
of them has the task audited again. An auditor verifies every proof once more, which takes a core; the process has it
to itself and leaves requests alone.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from twopm_zk.auditor.keys import Keyring
from twopm_zk.auditor.report import CHECKS
from twopm_zk.chain.deployment import Deployment
from twopm_zk.chain.tasks import Phase
from twopm_zk.errors import InputError, TwopmError
from twopm_zk.gateway.state.networks import NetworkState
from twopm_zk.gateway.state.reader import Snapshot
from twopm_zk.participants.news import News, Notify, ignore
from twopm_zk.system.files import digest_of, write_text
from twopm_zk.system.paths import PACKAGE_DIR, cached
from twopm_zk.task.specification import TaskSpec

Progress = Callable[[str, str], None]
NONE, RUNNING, DONE, FAILED = "none", "running", "done", "failed"
_AGAIN_SECONDS = 600.0
"""After which an audit that failed, for want of a chain, is tried again."""
_LONGEST_SECONDS = 4 * 3600.0
_NICENESS = 10
"""Requests, and whoever proves on this machine, come first."""


@dataclass(frozen=True)
class AuditJob:
    """What an audit is about, as it goes to another process."""

    rpc_url: str = field(repr=False)
    deployment: Deployment = field(repr=False)
    task: int
    spec: TaskSpec | None = field(repr=False)
    title: str | None = None
    ptau: Path | None = None
    backend: str | None = None


@dataclass(frozen=True)
class AuditResult:
    """What an audit has found: its report as JSON, and as a page."""

    document: Mapping[str, Any] = field(repr=False)
    page: str = field(repr=False)


@dataclass(frozen=True)
class AuditState:
    """How the audit of a task stands. An earlier result is kept while a new one is made."""

    state: str = NONE
    step: str = ""
    progress: str = ""
    result: AuditResult | None = field(default=None, repr=False)

    def to_json(self) -> dict[str, Any]:
        """The state as the API shows it."""
        report = None if self.result is None else self.result.document
        words = {"step": self.step, "progress": self.progress}
        return {"state": self.state, **words, "report": report, "texts": CHECKS}


def run_audit(job: AuditJob, progress: Progress, *, keyring: Keyring | None = None) -> AuditResult:
    """Audit a task, in the process that this runs in; with keys derived here, unless there is a ``keyring``."""
    from datetime import UTC, datetime

    from twopm_zk import __version__
    from twopm_zk.auditor.audit import audit
    from twopm_zk.auditor.page import ReportContext, render
    from twopm_zk.chain.contracts import Chain
    from twopm_zk.chain.network import Network
    from twopm_zk.participants.task_view import ChainView

    view = ChainView(Network(Chain(job.rpc_url), job.deployment))
    report = audit(
        view, job.task, spec=job.spec, ptau=job.ptau, backend=job.backend, keyring=keyring, progress=progress
    )
    context = ReportContext(
        version=__version__,
        generated_at=datetime.now(UTC),
        contracts={name: entry.address for name, entry in job.deployment.contracts.items()},
        specification=job.spec,
        title=job.title,
    )
    return AuditResult(report.to_json(), render(report, context))


Work = Callable[[AuditJob, Progress], AuditResult]


def _in_child(work: Work, job: AuditJob, connection: Connection) -> None:
    """What the other process does: it sends steps, and at last the result, or the words of an error."""
    if parent_process() is not None:
        os.nice(_NICENESS)
    try:
        result = work(job, lambda step, detail: connection.send((step, detail)))
        connection.send(result)
    except TwopmError as error:
        connection.send(error.message)
    except Exception as error:  # its words may hold anything
        connection.send(type(error).__name__)


class Audits:
    """The audits of all networks: ``with Audits(...) as audits``; `look` at each snapshot, `state` for requests."""

    def __init__(
        self,
        *,
        rpc_url: str,
        deployment: Deployment,
        fingerprint: str,
        ptau: Path | None = None,
        backend: str | None = None,
        work: Work = run_audit,
        notify: Notify = ignore,
    ) -> None:
        self._rpc_url, self._deployment, self._fingerprint = rpc_url, deployment, fingerprint
        self._ptau, self._backend, self._work, self._notify = ptau, backend, work, notify
        self._sources = digest_of(*sorted(PACKAGE_DIR.rglob("*.py")), *sorted(PACKAGE_DIR.rglob("*.css")))
        self._lock = threading.Lock()
        self._wake, self._stop = threading.Event(), threading.Event()
        self._snapshot: Snapshot | None = None
        self._states: dict[int, AuditState] = {}
        self._done: dict[int, str] = {}
        self._tried: dict[str, float] = {}
        self._thread = threading.Thread(target=self._run, name="audits", daemon=True)

    def __enter__(self) -> Audits:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def look(self, snapshot: Snapshot) -> None:
        """A new snapshot, in which something may have changed that was audited."""
        self._snapshot = snapshot
        self._wake.set()

    def state(self, task: int) -> AuditState:
        """How the audit of a task stands."""
        with self._lock:
            return self._states.get(task, AuditState())

    def _set(self, task: int, state: AuditState) -> None:
        with self._lock:
            self._states[task] = state

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(_AGAIN_SECONDS)
            self._wake.clear()
            while not self._stop.is_set() and (found := self._next()) is not None:
                self._audit(*found)

    def _next(self) -> tuple[NetworkState, str] | None:
        """The first network whose task is over, or certified, and was not audited as it is now."""
        snapshot = self._snapshot
        for network in () if snapshot is None or snapshot.stale else snapshot.networks.values():
            if network.training is None or not (network.certified or network.state.phase is Phase.FINISHED):
                continue
            key = self._key(network, snapshot)
            if self._done.get(network.entry.task) == key:
                continue
            if time.monotonic() - self._tried.get(key, -_AGAIN_SECONDS) >= _AGAIN_SECONDS:
                return network, key
        return None

    def _key(self, network: NetworkState, snapshot: Snapshot | None) -> str:
        moment = None if snapshot is None else snapshot.last_events.get(network.entry.task)
        spec = "" if network.spec is None else network.spec.spec_hash.hex()
        title = str((network.document or {}).get("title", ""))
        ptau = [] if self._ptau is None else [str(self._ptau.resolve())]
        parts = self._fingerprint, str(network.entry.task), str(moment), spec, title, self._sources, *ptau
        return digest_of(*parts)

    def _audit(self, network: NetworkState, key: str) -> None:
        task, before = network.entry.task, self.state(network.entry.task).result
        path = cached("audits", key)
        result = _kept(path)
        if result is None:
            self._tried[key] = time.monotonic()
            title = (network.document or {}).get("title")
            job = AuditJob(self._rpc_url, self._deployment, task, network.spec, title, self._ptau, self._backend)
            self._set(task, AuditState(RUNNING, result=before))
            made = self._made(job)
            if not isinstance(made, AuditResult):
                self._notify(News("audit-failed", f"task {task} could not be audited: {made}", {"task": task}))
                self._set(task, AuditState(FAILED, result=before))
                return
            result = made
            _keep(path, result)
        self._done[task] = key
        self._set(task, AuditState(DONE, result=result))
        self._notify(News("audited", f"task {task} was audited: {result.document['verdict']}", {"task": task}))

    def _made(self, job: AuditJob) -> AuditResult | str:
        """The result of an audit in a process of its own, or what went wrong."""
        context = get_context("spawn")  # a fork of a process with threads may hang
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_in_child, args=(self._work, job, theirs), daemon=True)
        try:
            process.start()
        except (OSError, RuntimeError):
            return "no process could be started"
        finally:
            theirs.close()
        until = time.monotonic() + _LONGEST_SECONDS
        try:
            while not self._stop.is_set() and time.monotonic() < until:
                if not ours.poll(0.2):
                    continue
                said = ours.recv()
                if not isinstance(said, tuple):
                    return said if isinstance(said, AuditResult) else str(said)
                self._set(job.task, replace(self.state(job.task), step=said[0], progress=said[1]))
            return "it was stopped"
        except EOFError:
            return "its process has died"
        finally:
            process.kill()
            process.join()
            ours.close()


def _kept(path: Path) -> AuditResult | None:
    """What `_keep` has written; None where it is not there, or damaged."""
    try:
        digest, _, content = path.read_text().partition("\n")
        return AuditResult(**json.loads(content)) if digest == digest_of(content) else None
    except (OSError, ValueError):
        return None


def _keep(path: Path, result: AuditResult) -> None:
    content = json.dumps({"document": result.document, "page": result.page})
    with suppress(InputError):  # a full disk: it stays in memory
        write_text(path, f"{digest_of(content)}\n{content}")
