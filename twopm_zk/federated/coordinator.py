"""The coordinator of a task: it opens rounds, collects openings, proves and publishes the next weights, certifies.

It can compute nothing but what its proofs allow. What it knows beyond the chain is its inbox; killed at any moment it
starts again from both. A node that opens nothing, or something else than it has committed to, is left out of the next
attempt, by name and on the chain.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from twopm_zk.chain.network import Phase
from twopm_zk.federated.aggregation import Aggregator, LostPartialSumError
from twopm_zk.federated.chain_view import AcceptedUpdate, ChainView, TaskSnapshot, dataset_of, require_spec
from twopm_zk.federated.coordinator_store import CoordinatorStore, Fault
from twopm_zk.federated.inbox import Inbox
from twopm_zk.federated.node_store import Attempt, secret_key
from twopm_zk.federated.participants import Loop, News, Notify, StatementProver, ignore
from twopm_zk.federated.spec import TaskSpec
from twopm_zk.federated.task_creation import first_optimiser, task_config, training_config
from twopm_zk.federated.transport import Server
from twopm_zk.federated.watch import describe
from twopm_zk.statements import StepMatrix

MAX_EXCLUDED = 32


@dataclass(frozen=True)
class Settings:
    """How a coordinator runs its task."""

    host: str = "127.0.0.1"
    port: int = 0
    endpoint: str | None = None
    """Where nodes reach it, if that is not ``http://host:port``: a proxy's URL."""
    nodes: int = 0
    """Enrolled nodes to wait for before the task is created; 0 stands for the specification's minimum."""
    minimum_stake: int = 0
    """Wei of ETH that nodes have at stake."""
    opening_seconds: int = 0
    """How long after closing an opening may take; 0 stands for a third of the time for aggregating."""
    straggler_seconds: int = 0
    """How long a round with its minimum of nodes waits for the others; 0 stands for a third of collecting."""
    poll: float = 2.0


class Coordinator:
    """One coordinator's task: ``with Coordinator(...) as coordinator: coordinator.run()``.

    ``task`` is one that exists; else this account's unfinished task of the specification, or a new one.
    """

    def __init__(
        self,
        view: ChainView,
        spec: TaskSpec,
        store: CoordinatorStore,
        *,
        prover: StatementProver,
        settings: Settings | None = None,
        task: int | None = None,
        matrix: StepMatrix | None = None,
        notify: Notify = ignore,
    ) -> None:
        store.belongs_to(view.address, view.fingerprint)
        self.view, self.spec, self.store = view, spec, store
        self.settings = settings or Settings()
        self._notify = notify
        self.task = task if task is not None else self._find_task()
        self._key = secret_key(store)
        if matrix is not None:
            store.add_matrix(matrix)
        self._aggregator = Aggregator(view, spec, store, prover=prover, notify=notify)
        self.loop = Loop(self.tick, poll=self.settings.poll, notify=notify)
        inbox = Inbox(view, spec, store, self._key, task=lambda: self.task, arrived=self.loop.wake)
        self.server = Server(inbox, host=self.settings.host, port=self.settings.port)
        self._published = False
        self._block: int | None = None
        self._absent: set[str] = set()
        self._told: set[object] = set()
        self._seen: dict[tuple[int, Phase], float] = {}

    def run(self) -> bool:
        """Until the task is finished; False where it was stopped before. The service must be running."""
        return self.loop.run()

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.server.close()

    def tick(self) -> bool:
        """Do what there is to do; whether the task is finished, or somebody else's by now."""
        if not self._published:
            self.view.publish(self.settings.endpoint or self.server.url, self._key.public_key().public_bytes_raw())
            self._published = True
        if self.task is None:
            self._create()
            return False
        state = self.view.state(self.task)
        require_spec(state, self.spec)
        self._watch(state)
        if state.phase is Phase.FINISHED:
            values = {
                "task": state.id,
                "certified": state.certified,
                "rounds": state.round,
                "coefficients": self.spec.coefficients(state.weights),
            }
            self._say("finished", f"task {state.id} is finished, {'' if state.certified else 'not '}certified", values)
            return True
        if state.coordinator != self.view.address:
            self._say("replaced", f"{state.coordinator} has taken this coordinator's place")
            return True
        if state.phase is Phase.CREATED:
            self._open(state)
        elif state.phase is Phase.COLLECTING:
            self._collect(state)
        elif state.phase is Phase.CLOSED:
            self._conclude(state)
        return False

    def _find_task(self) -> int | None:
        for task in reversed(self.view.tasks_of(self.spec.spec_hash)):
            state = self.view.state(task)
            if state.phase is not Phase.FINISHED and state.coordinator == self.view.address:
                return task
        return None

    # --- before the first round ---

    def _create(self) -> None:
        enrolments = self.store.enrolments(self.spec.spec_hash, self.spec.sizes.round)
        ready = [node for node in enrolments if self._is_ready(node, enrolments[node].batches)]
        wanted = max(self.settings.nodes, self.spec.minimum_nodes)
        self._say_once("waiting", f"{len(ready)} of {wanted} nodes have enrolled and registered their data")
        if len(ready) < wanted:
            return
        matrix = first_optimiser(self.spec, enrolments.values()).matrix
        self.store.add_matrix(matrix)
        config = task_config(self.spec, minimum_stake=self.settings.minimum_stake)
        training = training_config(self.spec, self.view.network, matrix_hash=matrix.hash)
        self.task = self.view.network.hlr.create_task(config, training)
        self._say("created", f"created task {self.task}", {"task": self.task})

    def _is_ready(self, node: str, batches: int) -> bool:
        registered = self.view.registrations(dataset_of(self.spec), before=self.view.block() + 1)
        if self.view.member(node) is None or len(registered.get(node, ())) < batches:
            return False
        return not self.settings.minimum_stake or self.view.stake_of(node) >= self.settings.minimum_stake

    def _open(self, state: TaskSnapshot) -> None:
        self.view.network.hlr.open_round(state.id)

    # --- collecting ---

    def _collect(self, state: TaskSnapshot) -> None:
        updates = self.view.updates(state)
        if state.nodes < state.minimum_nodes:
            if state.late or state.updates == state.maximum_updates:
                self._reopen(state, [], f"only {state.nodes} of {state.minimum_nodes} nodes handed in updates")
            return
        missing = self._missing(state, updates)
        waited = self._waited(state)
        patience = self.settings.straggler_seconds or max(1, self.spec.collecting_seconds // 3)
        if missing and not state.late and waited < patience and state.updates < state.maximum_updates:
            return
        for node in sorted(missing):
            self._say("silent", f"{node} has handed in no update in {state.name()}", {"node": node})
        self._absent = (self._absent | missing) - {update.node for update in updates}
        self.view.network.hlr.close(state.id)

    def _waited(self, state: TaskSnapshot) -> float:
        """Seconds since this process first saw the phase: nobody is blamed for a difference between clocks."""
        return time.monotonic() - self._seen.setdefault((state.key, state.phase), time.monotonic())

    def _missing(self, state: TaskSnapshot, updates: list[AcceptedUpdate]) -> set[str]:
        """Owners of registered batches that are still expected in this attempt."""
        used = {update.data for update in updates}
        found = set()
        for node, commitments in self.view.registrations(state.dataset, before=state.opened_at).items():
            if node not in self._absent and not used.issuperset(commitments) and not self.view.is_excluded(state, node):
                found.add(node)
        return found

    # --- closed ---

    def _conclude(self, state: TaskSnapshot) -> None:
        attempt = Attempt(state.task_key, state.round, state.attempt)
        updates = self.view.updates(state)
        received = self.store.received(attempt)
        missing = {update.node for update in updates if update.commitment not in received}
        if missing:
            self._leave_out(state, attempt, missing)
            return
        openings = self.store.openings(attempt, self.spec.sizes.round)
        ordered = [openings[update.commitment] for update in sorted(updates, key=lambda update: update.position)]
        rows = sum(opening.update.rows for opening in ordered)
        if rows < state.minimum_rows:
            # no proof can exist; who was left out may come back after the deadline
            self._say_once("rows", f"{state.name()} has {rows} rows of {state.minimum_rows}: it cannot be aggregated")
            if state.late:
                self._reopen(state, [], f"only {rows} of {state.minimum_rows} rows")
            return
        try:
            self._aggregator.conclude(state, ordered)
        except LostPartialSumError as error:
            self._reopen(state, [], error.message)
        else:
            # they are private, and have served
            self.store.forget_openings(Attempt(state.task_key, state.round + 1, 0))

    def _leave_out(self, state: TaskSnapshot, attempt: Attempt, missing: set[str]) -> None:
        """Once all missing nodes are at fault, or late, go on without them."""
        waited = self._waited(state)
        patience = self.settings.opening_seconds or max(1, self.spec.aggregating_seconds // 3)
        faults = [fault for fault in self.store.faults(state.task_key) if fault.attempt.round == state.round]
        now = {fault.node for fault in faults if fault.attempt == attempt}
        if waited >= patience:
            for node in sorted(missing - now):
                self.store.add_fault(Fault(attempt, node, "it has withheld its opening"))
            now |= missing
            faults = [fault for fault in self.store.faults(state.task_key) if fault.attempt.round == state.round]
        if not missing <= now:
            return
        reasons = {fault.node: fault.reason for fault in faults}
        for node in sorted(missing):
            values = {"node": node, "reason": reasons[node]}
            self._say("fault", f"{node} is left out of round {state.round}: {reasons[node]}", values)
        self._reopen(state, sorted(reasons)[:MAX_EXCLUDED], "openings are missing")

    def _reopen(self, state: TaskSnapshot, excluded: list[str], why: str) -> None:
        self.view.network.hlr.reopen(state.id, excluded)
        self._absent = set()
        self._say("reopened", f"{state.name()} starts again: {why}", {"excluded": excluded})

    # --- news ---

    def _watch(self, state: TaskSnapshot) -> None:
        first = self._block if self._block is not None else state.block
        if first <= state.block:
            for event in self.view.task_events(state.id, from_block=first, to_block=state.block):
                self._notify(describe(event, self.spec, account=None))
        self._block = state.block + 1

    def _say(self, kind: str, text: str, values: Mapping[str, object] | None = None) -> None:
        self._notify(News(kind, text, values or {}))

    def _say_once(self, kind: str, text: str) -> None:
        if (kind, text) not in self._told:
            self._told.add((kind, text))
            self._say(kind, text)
