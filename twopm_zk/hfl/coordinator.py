"""The coordinator of a federated task: it creates it, opens and closes rounds, and starts failed ones again.

It takes part in nothing private, and decides nothing about a result: a quorum of the nodes does. Killed at any moment
it starts again from the chain; if it stays away, anybody moves the task on after its deadlines, and a node of the set
takes its place.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from twopm_zk.chain.federated import FederatedSnapshot
from twopm_zk.chain.rounds import TaskConfig
from twopm_zk.chain.tasks import Phase
from twopm_zk.coordinator.beginning import TaskCreator
from twopm_zk.coordinator.task_creation import Stakes, wanted_nodes
from twopm_zk.errors import PeerError
from twopm_zk.federated import FederatedSpec, RoundResult, Storage
from twopm_zk.hfl.attempts import FederatedAttempt, fixed_nodes, read_attempt
from twopm_zk.hfl.moving import MOST_ATTEMPTS, move_on
from twopm_zk.hfl.results import find_result, hash_before, initial_of, recompute
from twopm_zk.hfl.store import CoordinatorState
from twopm_zk.hfl.view import FederatedView, dataset_of, require_federated
from twopm_zk.participants.news import Notify, ignore
from twopm_zk.participants.rounds.attested import attested, open_dataset
from twopm_zk.participants.watch import describe


@dataclass(frozen=True, kw_only=True)
class FederatedSettings:
    """How a coordinator runs its task."""

    nodes: int = 0
    """Registered nodes to wait for before the task is created; 0 stands for the specification's minimum."""
    stakes: Stakes = field(default_factory=Stakes)
    straggler_seconds: int = 0
    """How long a round with its minimum of nodes waits for the others; 0 stands for a third of collecting."""
    attempts: int = MOST_ATTEMPTS
    """So often a round is tried once a sum of it was spoilt, or left without a quorum, before the task is ended."""
    poll: float = 2.0
    """Seconds between two looks at the chain."""


class FederatedCoordinator(TaskCreator[FederatedView, FederatedSpec, CoordinatorState]):
    """One coordinator's task.

    Without ``task`` it goes on with the task of the specification that it ran last, if it has not told its end yet, or
    with this account's unfinished one, or creates one.
    """

    def __init__(
        self,
        view: FederatedView,
        spec: FederatedSpec,
        store: CoordinatorState,
        *,
        settings: FederatedSettings | None = None,
        task: int | None = None,
        notify: Notify = ignore,
    ) -> None:
        self.settings = settings or FederatedSettings()
        self._wanted = wanted_nodes(spec, self.settings.nodes)
        super().__init__(view, spec, store, poll=self.settings.poll, notify=notify)
        self._storage = Storage.of(spec)
        self._take_up(task)
        self._seen: dict[tuple[int, Phase], float] = {}
        self._absent: set[str] = set()
        """Who handed in nothing the last time, such as strangers who only registered: nobody waits for them again."""
        self._from: int | None = None

    def _created(self) -> int:
        return create_task(self.view, self.spec, stakes=self.settings.stakes)

    def tick(self) -> bool:
        """Do what there is to do; whether the task is finished, or somebody else's by now."""
        if self.task is None:
            self._create(stakes=self.settings.stakes, wanted=self._wanted)
            return False
        state = self.view.state(self.task)
        require_federated(state, self.spec)
        self._watch(state)
        if state.phase is Phase.FINISHED:
            latest = state.latest_result.hex() if state.results else None
            text = f"task {state.id} is finished, with {state.results} accepted results"
            self._say("finished", text, {"task": state.id, "results": state.results, "result": latest})
            self._end()
            return True
        if state.coordinator != self.view.address:
            self._say("replaced", f"{state.coordinator} has taken this coordinator's place")
            self._end()
            return True
        if state.phase is Phase.CREATED:
            self.view.hfl.open_round(state.id)
            self.loop.wake()
        elif state.phase is Phase.COLLECTING:
            self._collect(state)
        elif state.phase is Phase.SUMMED:
            self._await_quorum(state)
        elif state.late or state.set_is_dead:
            self._move_on(state)
        else:
            self._say_who_is_awaited(state)
        return False

    def _watch(self, state: FederatedSnapshot) -> None:
        """News of what has happened to the task since the last look; of its past only what is recent."""
        first = state.block if self._from is None else self._from
        if first <= state.block:
            for event in self.view.task_events(state.id, from_block=first, to_block=state.block):
                self._notify(describe(event))
        self._from = state.block + 1

    # --- collecting ---

    def _collect(self, state: FederatedSnapshot) -> None:
        attempt, fixed = read_attempt(self.view, state), fixed_nodes(self.view, state)
        self._absent -= attempt.updates.keys()
        expected = self._expected(state) if fixed is None else fixed
        missing = sorted(expected - attempt.updates.keys() - (self._absent if fixed is None else frozenset()))
        if missing:
            text = f"{state.name()}: updates of {state.nodes} nodes are here, the minimum is {state.minimum_nodes}"
            self._say_once("waiting", f"{text}; waiting for {', '.join(missing)}", {"missing": missing})
        full = state.updates == state.maximum_updates
        if state.nodes < state.minimum_nodes:
            if state.late or full:
                self._move_on(state)
            return
        patience = self.settings.straggler_seconds or max(1, self.spec.collecting_seconds // 3)
        waiting = fixed is not None or self._waited(state) < patience
        if missing and not state.late and waiting and not full:
            return
        self._absent |= set(missing)
        self.view.hfl.close(state.id)
        self.loop.wake()

    def _expected(self, state: FederatedSnapshot) -> frozenset[str]:
        """The accounts that may hand in an update in this round: those with data that an attestation holds of, where
        the data set asks for one."""
        may = self.view.registrations(state.dataset, before=state.opened_at)
        return frozenset(attested(self.view, state.dataset, may)) - self.view.barred(state)

    def _waited(self, state: FederatedSnapshot) -> float:
        """Seconds since this process first saw the phase: nobody is blamed for a difference between clocks."""
        return time.monotonic() - self._seen.setdefault((state.key, state.phase), time.monotonic())

    # --- the sum ---

    def _say_who_is_awaited(self, state: FederatedSnapshot) -> None:
        attempt = read_attempt(self.view, state)
        if state.phase is Phase.READY:
            missing = sorted(set(attempt.updates) - set(attempt.nodes))
            text = f"{state.name()}: {state.ready} of {state.nodes} nodes are ready to share"
        else:
            missing = list(attempt.silent)
            text = f"{state.name()}: {state.shared} of {state.ready} nodes have shared"
        self._say_once("waiting", f"{text}; waiting for {', '.join(missing)}", {"missing": missing})

    def _await_quorum(self, state: FederatedSnapshot) -> None:
        attempt = read_attempt(self.view, state)
        if not state.late:
            text = f"{state.name()}: {len(attempt.confirmed)} of {state.ready} nodes have confirmed a result"
            self._say_once("waiting", text, {"confirmed": sorted(attempt.confirmed)})
            return
        why = self._why_not_accepted(state, attempt)
        self._say("failed", f"{state.name()}: {why}", {"attempt": state.attempt})
        self._move_on(state, shared=True)
        self.loop.wake()

    def _why_not_accepted(self, state: FederatedSnapshot, attempt: FederatedAttempt) -> str:
        """Everybody can see it, this account too: the sum is spoilt, something is missing, or nodes do not agree."""
        try:
            before: RoundResult = find_result(
                self.spec, self._storage, hash_before(self.spec, state), round_=state.round
            )
        except PeerError as error:
            return f"no quorum, and here no result to compute it from: {error.message}"
        found = recompute(self.spec, self._storage, before, attempt)
        if found.spoilt:
            return f"{found.spoilt}, by a node that masks hide"
        if found.missing:
            return f"no quorum; the masked updates of {', '.join(sorted(found.missing))} are not to be had here"
        assert found.result is not None  # noqa: S101 - nothing else is left
        votes = sum(result == found.result.hash for result in attempt.confirmed.values())
        return f"no quorum: {votes} of {state.ready} nodes have confirmed {found.result.hash.hex()[:16]}..."

    def _move_on(self, state: FederatedSnapshot, *, shared: bool = False) -> None:
        """Go on after a deadline. A round that was ``shared``, and comes to nothing time and again, is the last one: no
        others than its nodes can go on with it."""
        last = state.attempt + 1 >= self.settings.attempts and _has_failed(state)
        if last and (shared or fixed_nodes(self.view, state) is not None):
            text = f"{state.name()}, for the last time: the task ends with its {state.results} accepted results"
            self._say("unfinished", text, {"attempts": state.attempt + 1})
            self.view.hfl.finish(state.id)
            return
        if done := move_on(self.view, state):
            self._say("unstuck", f"moved on {state.name()}: {done}")


def _has_failed(state: FederatedSnapshot) -> bool:
    """Whether nothing can come of an attempt any more, once a phase of it is over."""
    if state.phase is Phase.SHARING:
        return not state.shared_once
    there = state.nodes if state.phase is Phase.COLLECTING else state.ready
    return state.phase is Phase.SUMMED or there < state.minimum_nodes


def create_task(view: FederatedView, spec: FederatedSpec, *, stakes: Stakes) -> int:
    """Create a task, and open its data set where nobody has; its number. Nodes that register before its first round
    opens can take part.

    PeerError where what training starts from is in none of the specification's storage locations.
    """
    require_initial(spec)
    open_dataset(view, spec.data_terms)
    return view.hfl.create_task(task_config(spec, stakes=stakes), quorum_percent=spec.quorum_percent)


def require_initial(spec: FederatedSpec) -> RoundResult:
    """What training starts from, from the storage. PeerError of kind ``no-initial-stored`` where it is not there."""
    try:
        return find_result(spec, Storage.of(spec), initial_of(spec), round_=0)
    except PeerError as error:
        raise PeerError(
            f"what training starts from is not in the storage: {error.message}", kind="no-initial-stored"
        ) from error


def task_config(spec: FederatedSpec, *, stakes: Stakes) -> TaskConfig:
    """The rules of the rounds of a specification's task."""
    return TaskConfig(
        spec_hash=spec.spec_hash,
        dataset=dataset_of(spec),
        minimum_stake=stakes.minimum,
        penalty=stakes.penalty,
        minimum_nodes=spec.minimum_nodes,
        maximum_updates=spec.maximum_nodes,
        maximum_batches=1,
        collect_seconds=spec.collecting_seconds,
        ready_seconds=spec.ready_seconds,
        share_seconds=spec.sharing_seconds,
        dispute_seconds=0,
        aggregate_seconds=spec.aggregating_seconds,
        maximum_rounds=spec.maximum_rounds,
    )
