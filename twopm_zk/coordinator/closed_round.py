"""A closed round as the chain and a coordinator's store have it, ready to be assessed; reading changes neither."""

from __future__ import annotations

from twopm_zk.chain.tasks import Phase, TaskSnapshot
from twopm_zk.coordinator.assessment import Collected, Contribution, Memory, RoundAssessment, assess
from twopm_zk.coordinator.store import CoordinatorStore
from twopm_zk.errors import InputError, TrainingError
from twopm_zk.participants.records import Attempt
from twopm_zk.participants.task_view import ChainView, require_spec
from twopm_zk.statements import StepMatrix
from twopm_zk.task.specification import TaskSpec


def gather(view: ChainView, spec: TaskSpec, store: CoordinatorStore, state: TaskSnapshot) -> Collected:
    """The openings of the present attempt that are in the store, compared with the updates on the chain."""
    attempt = Attempt.of(state)
    updates, received = view.updates(state), store.received(attempt)
    if missing := frozenset(update.node for update in updates if update.commitment not in received):
        return Collected((), missing)
    openings = store.openings(attempt, spec.sizes.round)
    ordered = sorted(updates, key=lambda update: update.position)
    return Collected(tuple(Contribution(update.node, openings[update.commitment]) for update in ordered), missing)


def remember(
    spec: TaskSpec, store: CoordinatorStore, state: TaskSnapshot, *, matrix: StepMatrix | None = None
) -> Memory:
    """What the store has beyond the present attempt; ``matrix`` is one that somebody else has kept."""
    made = store.work(Attempt.of(state), "aggregate")
    history = {number: seen for number, seen in store.history(state.task_key).items() if number < state.round}
    wanted = state.matrix_hash if made is None else int(made["matrix"])
    return Memory(
        tuple(store.enrolments(spec.spec_hash, spec.sizes.round).values()),
        history,
        matrix if matrix is not None and matrix.hash == wanted else store.matrix(wanted),
        fixed=made is not None,
    )


def assess_round(view: ChainView, spec: TaskSpec, store: CoordinatorStore, state: TaskSnapshot) -> RoundAssessment:
    """Assess a closed round from the chain and a coordinator's store; neither is changed."""
    found = gather(view, spec, store, state)
    return assess(spec, state, found, Memory() if found.missing else remember(spec, store, state))


def assess_own_round(
    view: ChainView, spec: TaskSpec, store: CoordinatorStore, task: int, *, matrix: StepMatrix | None = None
) -> RoundAssessment:
    """Assess the closed round of this account's task, for who concludes it by hand.

    ``matrix`` is a step matrix that a node has kept, where the store has lost it.

    Raises InputError for somebody else's task, TrainingError where the round is not closed, openings are missing or
    there are too few rows, DeploymentError for another specification.
    """
    state = view.state(task)
    require_spec(state, spec)
    if state.phase is not Phase.CLOSED:
        raise TrainingError(
            f"{state.name()} is not closed: it is {state.phase.name.lower()}",
            kind="round-not-closed",
            task=state.id,
            phase=int(state.phase),
        )
    if state.coordinator != view.address:
        raise InputError(
            f"the coordinator of task {state.id} is {state.coordinator}; this account is {view.address}",
            hint="Sign with the coordinator's key.",
            kind="not-the-coordinator",
            task=state.id,
        )
    found = gather(view, spec, store, state)
    assessment = assess(spec, state, found, remember(spec, store, state, matrix=matrix))
    assessment.require_complete()
    return assessment
