"""What anybody may do for a task whose phase has missed its deadline, so that nobody can hold up others."""

from __future__ import annotations

from twopm_zk.chain.tasks import Phase, TaskSnapshot
from twopm_zk.errors import TransactionError
from twopm_zk.participants.attempts import AttemptView, read_attempt
from twopm_zk.participants.rounds.moving import expel_all, move_sets_on, sent
from twopm_zk.participants.task_view import ChainView
from twopm_zk.sharing import vector_of
from twopm_zk.statements import Collection


def move_on(view: ChainView, state: TaskSnapshot) -> str:
    """Send what the phase needs after its deadline; a word for it, or none where it is a proof, or somebody else's.

    What somebody else has done meanwhile is no error.
    """
    if state.phase in (Phase.COLLECTING, Phase.READY, Phase.SHARING):
        return move_sets_on(
            view.hlr, state, again=lambda: _again(view, state), silent=lambda: read_attempt(view, state).silent
        )
    if state.phase is Phase.SUMMED and state.late and state.collection is not Collection.GRADIENT:
        return _opened(view, state, read_attempt(view, state))
    if state.phase is Phase.DISPUTED:
        return settle(view, state)
    return ""


def _again(view: ChainView, state: TaskSnapshot) -> str:
    """Start an attempt again that has failed.

    A certified task ends instead where too few nodes came, or the second time: its certificate stays, and an absent
    coordinator does not leave it open for good.
    """
    if state.certified and (state.phase is Phase.COLLECTING or state.attempt > 0):
        return sent(lambda: view.hlr.finish(state.id), "the task ends with its certificate")
    return sent(lambda: view.hlr.reopen(state.id), "started again")


def _opened(view: ChainView, state: TaskSnapshot, attempt: AttemptView) -> str:
    """Open the sum of information or of an evaluation, in which nothing is to be chosen."""
    total = attempt.total
    if total is None:
        return ""
    text = f"the sum of the {state.collected} is opened"
    try:
        return sent(lambda: view.hlr.proceed(state.id, vector_of(total), attempt.generators), text)
    except TransactionError as error:
        if error.error == "NotTheCoordinator":  # the chain's clock is behind this machine's, so that it is not late yet
            return ""
        raise


def settle(view: ChainView, state: TaskSnapshot) -> str:
    """End a dispute once a liar is proven or all have claimed the same, or long after its deadline; a word for it."""
    hlr, dispute = view.hlr, view.dispute_of(state)
    if dispute.liar_found or (state.late and dispute.is_settled(state.ready)):
        return sent(lambda: hlr.settle(state.id), "the dispute is settled")
    if state.time <= state.deadline + state.seconds[Phase.DISPUTED]:
        return ""
    attempt = read_attempt(view, state)
    said = attempt.dispute
    if said is None:
        return ""
    expel_all(hlr, state, [node for node in attempt.nodes if node not in said.complete])
    for one, other in said.contradictions:  # of those that are out by now too: the contract counts pairs
        sent(lambda one=one, other=other: hlr.expel_pair(state.id, one, other), "out")  # type: ignore[misc]
    return sent(lambda: hlr.settle(state.id), "the dispute is undecided, and the task ends")
