"""What anybody may do for a task whose phase has missed its deadline, so that nobody can hold up others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twopm_zk.chain.tasks import Phase, TaskSnapshot
from twopm_zk.errors import TransactionError
from twopm_zk.participants.attempts import AttemptView, read_attempt
from twopm_zk.participants.loop import OVERTAKEN
from twopm_zk.participants.task_view import ChainView
from twopm_zk.sharing import vector_of
from twopm_zk.statements import Collection


def move_on(view: ChainView, state: TaskSnapshot) -> str:
    """Send what the phase needs after its deadline; a word for it, or none where it is a proof, or somebody else's.

    What somebody else has done meanwhile is no error.
    """
    hlr = view.hlr
    if state.phase is Phase.COLLECTING:
        if state.nodes >= state.minimum_nodes:
            return _sent(lambda: hlr.close(state.id), "closed")
        return _again(view, state)
    if state.phase is Phase.READY:
        if state.ready >= state.minimum_nodes:
            return _sent(lambda: hlr.start_sharing(state.id), "sharing begins")
        return _again(view, state)
    if state.phase is Phase.SHARING:
        if not state.shared_once:
            return _again(view, state)
        return _expelled(view, state, read_attempt(view, state).silent)
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
        return _sent(lambda: view.hlr.finish(state.id), "the task ends with its certificate")
    return _sent(lambda: view.hlr.reopen(state.id), "started again")


def _opened(view: ChainView, state: TaskSnapshot, attempt: AttemptView) -> str:
    """Open the sum of information or of an evaluation, in which nothing is to be chosen."""
    total = attempt.total
    if total is None:
        return ""
    text = f"the sum of the {state.collected} is opened"
    try:
        return _sent(lambda: view.hlr.proceed(state.id, vector_of(total), attempt.generators), text)
    except TransactionError as error:
        if error.error == "NotTheCoordinator":  # the chain's clock is behind this machine's, so that it is not late yet
            return ""
        raise


def settle(view: ChainView, state: TaskSnapshot) -> str:
    """End a dispute once a liar is proven or all have claimed the same, or long after its deadline; a word for it."""
    hlr, dispute = view.hlr, view.dispute_of(state)
    if dispute.liar_found or (state.late and dispute.is_settled(state.ready)):
        return _sent(lambda: hlr.settle(state.id), "the dispute is settled")
    if state.time <= state.deadline + state.seconds[Phase.DISPUTED]:
        return ""
    attempt = read_attempt(view, state)
    said = attempt.dispute
    if said is None:
        return ""
    _expelled(view, state, [node for node in attempt.nodes if node not in said.complete])
    for one, other in said.contradictions:  # of those that are out by now too: the contract counts pairs
        _sent(lambda one=one, other=other: hlr.expel_pair(state.id, one, other), "out")  # type: ignore[misc]
    return _sent(lambda: hlr.settle(state.id), "the dispute is undecided, and the task ends")


def _expelled(view: ChainView, state: TaskSnapshot, silent: Sequence[str]) -> str:
    """Leave nodes out; whom somebody else has left out meanwhile is not told."""
    out = [node for node in silent if _sent(lambda node=node: view.hlr.expel(state.id, node), "out")]  # type: ignore[misc]
    return f"left out {', '.join(out)} for silence" if out else ""


def _sent(send: Callable[[], object], word: str) -> str:
    try:
        send()
    except TransactionError as error:
        if error.error in OVERTAKEN:
            return ""
        raise
    return word
