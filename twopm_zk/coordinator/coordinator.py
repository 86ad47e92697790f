"""The coordinator of a task: it creates it, closes rounds, proves and publishes the next weights, certifies.

It sees what everybody sees, and can compute nothing but what its proofs allow. Killed at any moment it starts again
from the chain; if it stays away, anybody goes on after its deadline.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from twopm_zk.chain.tasks import Phase, TaskSnapshot
from twopm_zk.coordinator.aggregation import RoundExecutor
from twopm_zk.coordinator.assessment import Action, RoundAssessment
from twopm_zk.coordinator.beginning import TaskCreator
from twopm_zk.coordinator.store import CoordinatorStore
from twopm_zk.coordinator.summed_round import assess_round
from twopm_zk.coordinator.task_creation import Stakes, create_task, wanted_nodes
from twopm_zk.participants.attempts import fixed_rows, read_attempt
from twopm_zk.participants.moving import move_on, settle, standstill
from twopm_zk.participants.news import Notify, ignore
from twopm_zk.participants.participant import Participant
from twopm_zk.participants.preflight import require_verifiers
from twopm_zk.participants.rounds.attested import attested
from twopm_zk.participants.task_view import ChainView, require_spec
from twopm_zk.proving.statement_prover import StatementProver
from twopm_zk.task.specification import TaskSpec

_ALL = "; the others of a linear regression share only with all nodes that it began with"
"""What news of waiting add once that is so."""


@dataclass(frozen=True, kw_only=True)
class CoordinatorSettings:
    """How a coordinator runs its task."""

    nodes: int = 0
    """Registered nodes to wait for before the task is created; 0 stands for the specification's minimum."""
    stakes: Stakes = field(default_factory=Stakes)
    straggler_seconds: int = 0
    """How long a round with its minimum of nodes waits for the others; 0 stands for a third of collecting."""
    poll: float = 2.0
    """Seconds between two looks at the chain."""


class Coordinator(Participant[CoordinatorStore], TaskCreator[ChainView, TaskSpec, CoordinatorStore]):
    """One coordinator's task.

    Without ``task`` it goes on with the task of the specification that it ran last, if it has not told its end yet, or
    with this account's unfinished one, or creates one.
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
        notify: Notify = ignore,
    ) -> None:
        self.settings = settings or CoordinatorSettings()
        self._wanted = wanted_nodes(spec, self.settings.nodes)
        super().__init__(view, spec, store, poll=self.settings.poll, notify=notify)
        self._take_up(task)
        self._executor = RoundExecutor(view, spec, store, prover=prover, notify=notify)
        self._seen: dict[tuple[int, Phase], float] = {}
        self._absent: set[str] = set()
        """Who handed in nothing the last time, such as strangers who only registered: nobody waits for them again."""
        self._from: int | None = None
        self._checked = False

    def _created(self) -> int:
        return create_task(self.view, self.spec, stakes=self.settings.stakes)

    def tick(self) -> bool:
        """Do what there is to do; whether the task is finished, or somebody else's by now."""
        if not self._checked:
            require_verifiers(self.view, self.spec)
            self._checked = True
        if self.task is None:
            self._create(stakes=self.settings.stakes, wanted=self._wanted)
            return False
        state = self.view.state(self.task)
        require_spec(state, self.spec)
        self._watch(state)
        if state.phase is Phase.FINISHED:
            self._tell_end(state)
            self._end()
            return True
        if state.coordinator != self.view.address:
            self._say("replaced", f"{state.coordinator} has taken this coordinator's place")
            self._end()
            return True
        if state.phase is Phase.CREATED:
            self.view.hlr.open_round(state.id)
            self.loop.wake()
        elif state.phase is Phase.COLLECTING:
            self._collect(state)
        elif state.phase is Phase.SUMMED:
            self._conclude(state)
        elif state.phase is Phase.DISPUTED:
            self._dispute(state)
        elif state.late or state.set_is_dead:
            self._move_on(state)
        else:
            self._say_who_is_awaited(state)
        return False

    def _watch(self, state: TaskSnapshot) -> None:
        """News of what has happened to the task since the last look; of its past only what is recent."""
        first = state.block if self._from is None else self._from
        self._tell_events(state, first)
        self._from = state.block + 1

    # --- collecting ---

    def _collect(self, state: TaskSnapshot) -> None:
        missing = self._missing(state)
        if missing:
            self._say_who_is_missing(state, missing)
        full = state.updates == state.maximum_updates
        if state.nodes < state.minimum_nodes:
            if state.certified and (state.late or len(self._expected(state)) < state.minimum_nodes):
                self._end_statistics(state)
            elif state.late or full:
                self._move_on(state)
            return
        patience = self.settings.straggler_seconds or max(1, self.spec.collecting_seconds // 3)
        waiting = self._needs_all(state) or self._waited(state) < patience
        if missing and not state.late and waiting and not full:
            return
        self._absent |= {node for node, (handed_in, _) in missing.items() if not handed_in}
        for node, (handed_in, batches) in sorted(missing.items()):
            text = f"{node} has handed in {handed_in or 'none'} of its {batches} batches in {state.name()}"
            self._say("silent", text, {"node": node, "batches": handed_in, "registered": batches})
        self.view.hlr.close(state.id)
        self.loop.wake()

    def _end_statistics(self, state: TaskSnapshot) -> None:
        """End a certified task whose statistics not enough nodes take part in: the certificate stays."""
        text = f"{state.name()}: too few nodes for the {state.collected}; the task ends with its certificate"
        self._finish(state, "no-statistics", text, {"nodes": state.nodes, "minimum": state.minimum_nodes})

    def _waited(self, state: TaskSnapshot) -> float:
        """Seconds since this process first saw the phase: nobody is blamed for a difference between clocks."""
        return time.monotonic() - self._seen.setdefault((state.key, state.phase), time.monotonic())

    def _missing(self, state: TaskSnapshot) -> dict[str, tuple[int, int]]:
        """Nodes that are still expected in this attempt: batches that they have handed in, of those registered."""
        used, all_needed = {(one.node, one.data) for one in self.view.updates(state)}, self._needs_all(state)
        found = {}
        for node, commitments in self._expected(state).items():
            handed_in = sum((node, one) in used for one in commitments)
            if handed_in:
                self._absent.discard(node)
            if handed_in < len(commitments) and (all_needed or node not in self._absent):
                found[node] = handed_in, len(commitments)
        return found

    def _expected(self, state: TaskSnapshot) -> dict[str, Sequence[int]]:
        """The batches that may be handed in in this attempt, by node: also of nodes that did not come the last time.

        Without those that no attestation holds of, where the data set asks for one, unless a linear regression has to
        wait for them.
        """
        barred = self.view.barred(state)
        fixed = fixed_rows(self.view, state)
        everybody = self.view.registrations(state.collected_dataset, before=state.data_before)
        usable = attested(self.view, state.collected_dataset, everybody)
        may: Mapping[str, Sequence[int]] = usable if fixed is None else fixed
        return {node: commitments for node, commitments in may.items() if node not in barred}

    def _needs_all(self, state: TaskSnapshot) -> bool:
        """Whether nodes will share with nobody left out: a linear regression has begun."""
        return fixed_rows(self.view, state) is not None

    def _say_who_is_missing(self, state: TaskSnapshot, missing: dict[str, tuple[int, int]]) -> None:
        """News of who is waited for, whenever that changes."""
        named = ", ".join(f"{node} ({done} of {batches} batches)" for node, (done, batches) in sorted(missing.items()))
        values = {"nodes": state.nodes, "minimum": state.minimum_nodes, "missing": sorted(missing)}
        text = f"{state.name()}: updates of {state.nodes} nodes are here, the minimum is {state.minimum_nodes}"
        text = f"{text}; waiting for {named}" if named else text
        self._say_once("waiting", f"{text}{_ALL}" if self._needs_all(state) else text, values)

    # --- the sum ---

    def _say_who_is_awaited(self, state: TaskSnapshot) -> None:
        attempt = read_attempt(self.view, state)
        if state.phase is Phase.READY:
            missing = sorted(set(attempt.points) - set(attempt.nodes))
            text = f"{state.name()}: {state.ready} of {state.nodes} nodes are ready to share"
        else:
            missing = list(attempt.silent)
            text = f"{state.name()}: {state.shared} of {state.ready} nodes have shared"
        text = f"{text}; waiting for {', '.join(missing)}"
        self._say_once("waiting", f"{text}{_ALL}" if self._needs_all(state) else text, {"missing": missing})

    def _conclude(self, state: TaskSnapshot) -> None:
        assessment = assess_round(self.view, self.spec, state)
        if assessment.action is Action.WAIT:
            self._wait_for_dispute(state)
            return
        if assessment.action is Action.FINISH and not state.late:
            text = (
                f"{state.name()} ends the task without a certificate, after the deadline until which nodes may dispute"
            )
            self._say_once("waiting", text, key=state.key)
            return
        self._act(assessment)

    def _wait_for_dispute(self, state: TaskSnapshot) -> None:
        """A sum that does not open is for a node of its set to dispute; where none does for long, nothing is left."""
        text = f"the sum of {state.name()} does not open"
        if not state.given_up:
            self._say_once("waiting", f"{text}: a node of the set has to dispute it", key=state.key)
            return
        kept = "with its certificate" if state.certified else "without a certificate"
        self._finish(state, "undisputed", f"{text}, and no node of its set disputes it: the task ends {kept}")

    def _finish(self, state: TaskSnapshot, kind: str, text: str, values: Mapping[str, object] | None = None) -> None:
        self.view.hlr.finish(state.id)
        self._say(kind, text, values)
        self.loop.wake()

    def _act(self, assessment: RoundAssessment) -> None:
        if assessment.action is Action.STOP and assessment.obstacle is not None:
            raise assessment.obstacle
        self._executor.conclude(assessment)

    def _dispute(self, state: TaskSnapshot) -> None:
        assessment = assess_round(self.view, self.spec, state)
        if assessment.action not in (Action.WAIT, Action.FINISH):  # what is proven of the sum ends the dispute too
            self._act(assessment)
        elif done := settle(self.view, state):
            self._say("unstuck", f"{state.name()}: {done}")
        else:
            self._say_once("waiting", f"{state.name()} is disputed: waiting for the nodes' claims", key=state.key)

    def _move_on(self, state: TaskSnapshot) -> None:
        if done := move_on(self.view, state):
            self._say("unstuck", f"moved on {state.name()}: {done}")
        elif (still := standstill(self.view, state)) is not None:
            if still.hopeless:
                self._finish(state, "hopeless", f"{still.sentence(state)}. This coordinator ends it")
            else:
                self._say_once("standstill", still.sentence(state), {"missing": list(still.missing)}, key=state.key)
