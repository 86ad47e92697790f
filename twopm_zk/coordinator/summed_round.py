"""A round whose sum is shared, as the chain has it, ready to be assessed; reading changes nothing."""

from __future__ import annotations

from twopm_zk.chain.tasks import Phase, TaskSnapshot
from twopm_zk.coordinator.assessment import RoundAssessment, assess
from twopm_zk.errors import InputError, TrainingError
from twopm_zk.participants.attempts import read_history
from twopm_zk.participants.task_view import ChainView, require_spec
from twopm_zk.task.specification import TaskSpec


def assess_round(view: ChainView, spec: TaskSpec, state: TaskSnapshot) -> RoundAssessment:
    """Assess the present round from the chain."""
    return assess(spec, state, read_history(view, state))


def assess_own_round(view: ChainView, spec: TaskSpec, task: int) -> RoundAssessment:
    """Assess a summed round, for who concludes it by hand.

    Raises InputError where it is still the coordinator's turn and this account is another one, TrainingError where
    nothing is summed, DeploymentError for another specification.
    """
    state = view.state(task)
    require_spec(state, spec)
    if state.phase not in (Phase.SUMMED, Phase.DISPUTED):
        raise TrainingError(
            f"{state.name()} is not summed: it is {state.phase.name.lower()}",
            kind="round-not-summed",
            task=state.id,
            phase=int(state.phase),
        )
    if state.coordinator != view.address and not state.late:
        raise InputError(
            f"until its deadline a round is concluded by the coordinator of task {state.id}, {state.coordinator}; "
            f"this account is {view.address}",
            hint="Sign with the coordinator's key, or wait for the deadline.",
            kind="not-the-coordinator",
            task=state.id,
        )
    assessment = assess_round(view, spec, state)
    assessment.require_sum()
    return assessment
