"""What anybody may do for a task whose phase has missed its deadline, so that nobody can hold up others.

An attempt that has failed is started again, but where that comes to nothing. A linear regression goes on over the rows
that it began with (`sharing.ledger`): while somebody is missing every attempt fails, and each costs the others their
proofs and gas. So after `ATTEMPTS` of a round nobody starts another one but who was missing and is back; and where
somebody can never be back, only the end of the task is left, for its coordinator.
"""

from __future__ import annotations

from dataclasses import dataclass

from twopm_zk.chain.tasks import Phase, TaskSnapshot
from twopm_zk.errors import TransactionError
from twopm_zk.participants.attempts import AttemptView, fixed_rows, read_attempt
from twopm_zk.participants.rounds.moving import expel_all, move_sets_on, sent
from twopm_zk.participants.task_view import ChainView
from twopm_zk.sharing import vector_of
from twopm_zk.statements import Collection, Family

ATTEMPTS = 3
"""Of one round, before it is left to who was missing to start another one."""
_KEEPS = "the task ends with its certificate"


def move_on(view: ChainView, state: TaskSnapshot) -> str:
    """Send what the phase needs after its deadline; a word for it, or none where it is a proof, or somebody else's.

    What somebody else has done meanwhile is no error.
    """
    if state.phase in (Phase.COLLECTING, Phase.READY, Phase.SHARING):
        return move_sets_on(
            view.hlr, state, again=lambda: _again(view, state), silent=lambda: read_attempt(view, state).silent
        )
    if state.phase is Phase.SUMMED and state.late and state.collection is not Collection.GRADIENT:
        return _summed(view, state, read_attempt(view, state))
    if state.phase is Phase.DISPUTED:
        return settle(view, state)
    return ""


def _again(view: ChainView, state: TaskSnapshot) -> str:
    """Start an attempt again that has failed.

    A certified task ends instead where too few nodes came, or the second time: its certificate stays, and an absent
    coordinator does not leave it open for good. A linear regression that stands still is left to who was missing.
    """
    if state.certified and (state.phase is Phase.COLLECTING or state.attempt > 0):
        return sent(lambda: view.hlr.finish(state.id), _KEEPS)
    still = standstill(view, state)
    if still is not None and not still.ends_with(view.address):
        return ""
    return sent(lambda: view.hlr.reopen(state.id), "started again")


def _summed(view: ChainView, state: TaskSnapshot, attempt: AttemptView) -> str:
    """Open a late sum in which nothing is to be chosen; where it does not open, and nobody has disputed it for long,
    end a certified task, which keeps its certificate."""
    total = attempt.total
    if total is None:
        return sent(lambda: view.hlr.finish(state.id), _KEEPS) if state.certified and state.given_up else ""
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


# --- a linear regression that stands still ---


@dataclass(frozen=True)
class Standstill:
    """Why no attempt is started any more."""

    missing: tuple[str, ...]
    """Who was not there, or not with all its rows."""
    gone: tuple[str, ...] = ()
    """Those who can take part in this round no more: the contract refuses their updates."""
    begun: bool = True
    """Whether there is a sum already: else those who are missing may never come to share with each other."""

    @property
    def hopeless(self) -> bool:
        """Whether no attempt of this round can ever come to a sum that its nodes share."""
        return bool(self.gone)

    def ends_with(self, account: str) -> bool:
        """Whether it is for this account to start another attempt, because it was missing."""
        return self.begun and not self.hopeless and account in self.missing

    def sentence(self, state: TaskSnapshot) -> str:
        """For everybody: what is waited for, and what can still be done."""
        if self.hopeless:
            return (
                f"{state.name()}: this linear regression goes on with all nodes that it began with, and "
                f"{', '.join(self.gone)} can take part no more: no attempt comes to anything, and the task is for its "
                "coordinator to end. What was shared forbids a sum over others of these rows, in another task too"
            )
        if not self.begun:
            return (
                f"{state.name()}: {state.attempt + 1} attempts have failed, for {', '.join(self.missing)} handed in "
                "updates and shared them with nobody: nobody starts another attempt by itself, and the coordinator can "
                "end the task"
            )
        return (
            f"{state.name()}: {state.attempt + 1} attempts have failed without {', '.join(self.missing)}, and a linear "
            "regression goes on with all nodes that it began with: nobody starts another attempt until they are back, "
            "when their nodes do; or its coordinator ends the task"
        )


def gone(view: ChainView, state: TaskSnapshot) -> tuple[str, ...]:
    """Nodes that a linear regression cannot go on without, and that the contract lets into this round no more: out of
    the task for good, or without their data, which they have withdrawn, or no members any more, or only since the round
    opened."""
    fixed = fixed_rows(view, state)
    if not fixed:
        return ()
    barred = view.barred(state).union(view.withdrawals(state.collected_dataset))

    def is_gone(node: str) -> bool:
        member = view.member(node)
        return node in barred or member is None or member.since >= state.opened_at

    return tuple(sorted(filter(is_gone, fixed)))


def standstill(view: ChainView, state: TaskSnapshot) -> Standstill | None:
    """What stands in the way of another attempt of a linear regression that has no certificate; None elsewhere, and as
    long as attempts may still come to something."""
    failing = state.phase in (Phase.COLLECTING, Phase.READY, Phase.SHARING) and not state.shared_once
    if state.family is not Family.GAUSSIAN or state.certified or not failing:
        return None
    lost = gone(view, state)
    if not lost and state.attempt + 1 < ATTEMPTS:
        return None
    missing = _missing(view, state)
    return Standstill(missing, lost, fixed_rows(view, state) is not None) if missing or lost else None


def _missing(view: ChainView, state: TaskSnapshot) -> tuple[str, ...]:
    """Who of the nodes that it takes stood in the way of the attempt: who has not handed in all its rows; where all
    have, who was never ready, or has left the set. Of a first round, in which any may be, those who handed in count."""
    attempt, fixed = read_attempt(view, state), fixed_rows(view, state)
    wanted = attempt.data if fixed is None else fixed
    away = [node for node, rows in wanted.items() if not {*rows} <= {*attempt.data.get(node, ())}]
    if not away and state.phase is not Phase.COLLECTING:
        away = [node for node in wanted if node not in attempt.nodes]
        left = set() if attempt.sharing_set is None else {node for node, _ in attempt.sharing_set.departed}
        if state.phase is Phase.READY:  # whoever left it then had waited for the others
            away = [node for node in away if node not in left] or away
    return tuple(sorted(away))
