"""The coordinator of a task: it opens rounds, collects openings, proves and publishes the next weights, certifies.

It can compute nothing but what its proofs allow. What it knows beyond the chain is its inbox; killed at any moment it
starts again from both. A node that opens nothing, or something else than it has committed to, is left out of the next
attempt, by name and on the chain.
"""

from __future__ import annotations

import time

from twopm_zk.chain.tasks import AcceptedUpdate, Phase, TaskSnapshot
from twopm_zk.coordinator.aggregation import CERTIFY, LostPartialSumError, RoundExecutor
from twopm_zk.coordinator.assessment import Action
from twopm_zk.coordinator.closed_round import assess_round
from twopm_zk.coordinator.service import CoordinatorService, CoordinatorSettings
from twopm_zk.coordinator.store import CoordinatorStore, Fault
from twopm_zk.coordinator.task_creation import create_task, enrolled
from twopm_zk.participants.news import Notify, ignore
from twopm_zk.participants.records import Attempt
from twopm_zk.participants.task_view import ChainView, require_spec
from twopm_zk.proving.statement_prover import StatementProver
from twopm_zk.statements import StepMatrix
from twopm_zk.task.specification import TaskSpec

MAX_EXCLUDED = 32


class Coordinator(CoordinatorService):
    """One coordinator's task: ``with Coordinator(...) as coordinator: coordinator.run()``.

    Without ``task`` it goes on with this account's unfinished task of the specification, or creates one.
    """

    def __init__(
        self,
        view: ChainView,
        spec: TaskSpec,
        store: CoordinatorStore,
        *,
        prover: StatementProver,
        settings: CoordinatorSettings | None = None,
        task: int | None = None,
        matrix: StepMatrix | None = None,
        notify: Notify = ignore,
    ) -> None:
        super().__init__(view, spec, store, settings=settings, task=task, notify=notify)
        if matrix is not None:
            store.add_matrix(matrix)
        self._executor = RoundExecutor(view, spec, store, prover=prover, notify=notify)
        self._absent: set[str] = set()
        self._seen: dict[tuple[int, Phase], float] = {}

    def tick(self) -> bool:
        """Do what there is to do; whether the task is finished, or somebody else's by now."""
        self._publish()
        if self.task is None:
            self._create()
            return False
        state = self.view.state(self.task)
        require_spec(state, self.spec)
        self._watch(state)
        if state.phase is Phase.FINISHED:
            done = self.store.work(Attempt.of(state), CERTIFY) or {}
            self._tell_end(state, rows=done.get("rows"))
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

    # --- before the first round ---

    def _create(self) -> None:
        stake = self.settings.minimum_stake
        found = enrolled(self.view, self.spec, self.store, minimum_stake=stake)
        if self._enough(found):
            self.task = create_task(self.view, self.spec, self.store, found, minimum_stake=stake)
            self._say("created", f"created task {self.task}", {"task": self.task})

    def _open(self, state: TaskSnapshot) -> None:
        self.view.hlr.open_round(state.id)

    # --- collecting ---

    def _collect(self, state: TaskSnapshot) -> None:
        updates = self.view.updates(state)
        missing = self._missing(state, updates)
        if missing:
            self._say_who_is_missing(state, missing)
        if state.nodes < state.minimum_nodes:
            if state.late or state.updates == state.maximum_updates:
                self._reopen(state, [], f"only {state.nodes} of {state.minimum_nodes} nodes handed in updates")
            return
        waited = self._waited(state)
        patience = self.settings.straggler_seconds or max(1, self.spec.collecting_seconds // 3)
        if missing and not state.late and waited < patience and state.updates < state.maximum_updates:
            return
        for node, (handed_in, batches) in sorted(missing.items()):
            text = f"{node} has handed in {handed_in or 'none'} of its {batches} batches in {state.name()}"
            self._say("silent", text, {"node": node, "batches": handed_in, "registered": batches})
        self._absent = (self._absent | missing.keys()) - {update.node for update in updates}
        self.view.hlr.close(state.id)

    def _waited(self, state: TaskSnapshot) -> float:
        """Seconds since this process first saw the phase: nobody is blamed for a difference between clocks."""
        return time.monotonic() - self._seen.setdefault((state.key, state.phase), time.monotonic())

    def _missing(self, state: TaskSnapshot, updates: list[AcceptedUpdate]) -> dict[str, tuple[int, int]]:
        """Nodes that are still expected in this attempt: batches that they have handed in, of those registered."""
        used = {update.data for update in updates}
        found = {}
        for node, commitments in self.view.registrations(state.dataset, before=state.opened_at).items():
            handed_in = len(used.intersection(commitments))
            if node not in self._absent and handed_in < len(commitments) and not self.view.is_excluded(state, node):
                found[node] = handed_in, len(commitments)
        return found

    def _say_who_is_missing(self, state: TaskSnapshot, missing: dict[str, tuple[int, int]]) -> None:
        """News of who is waited for, whenever that changes."""
        named = ", ".join(f"{node} ({done} of {batches} batches)" for node, (done, batches) in sorted(missing.items()))
        values = {"nodes": state.nodes, "minimum": state.minimum_nodes, "missing": sorted(missing)}
        text = f"{state.name()}: updates of {state.nodes} nodes are here, the minimum is {state.minimum_nodes}"
        self._say_once("waiting", f"{text}; waiting for {named}" if named else text, values)

    # --- closed ---

    def _conclude(self, state: TaskSnapshot) -> None:
        assessment = assess_round(self.view, self.spec, self.store, state)
        if assessment.action is Action.COLLECT:
            self._leave_out(state, Attempt.of(state), set(assessment.collected.missing))
            return
        if assessment.action is Action.REOPEN:
            # no proof can exist; who was left out may come back after the deadline
            self._say_once(
                "rows", f"{state.name()} has {assessment.rows} rows of {state.minimum_rows}: it cannot be aggregated"
            )
            if state.late:
                self._reopen(state, [], f"only {assessment.rows} of {state.minimum_rows} rows")
            return
        try:
            self._executor.conclude(assessment)
        except LostPartialSumError as error:
            self._reopen(state, [], error.message)

    def _leave_out(self, state: TaskSnapshot, attempt: Attempt, missing: set[str]) -> None:
        """Go on without the missing nodes, once all of them are at fault, or late."""
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
            named = ", ".join(sorted(missing - now))
            self._say_once("waiting", f"{state.name()}: waiting for openings of {named}", {"missing": sorted(missing)})
            return
        reasons = {fault.node: fault.reason for fault in faults}
        for node in sorted(missing):
            values = {"node": node, "reason": reasons[node]}
            self._say("fault", f"{node} is left out of round {state.round}: {reasons[node]}", values)
        self._reopen(state, sorted(reasons)[:MAX_EXCLUDED], "openings are missing")

    def _reopen(self, state: TaskSnapshot, excluded: list[str], why: str) -> None:
        self.view.hlr.reopen(state.id, excluded)
        self._absent = set()
        self._say("reopened", f"{state.name()} starts again: {why}", {"excluded": excluded})
