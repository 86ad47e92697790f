"""Becoming a member by hand: IdentityContract, the key to share with, and a stake."""

from __future__ import annotations

from dataclasses import dataclass

from twopm_zk.chain.tasks import Phase, TaskSnapshot
from twopm_zk.errors import ChainError
from twopm_zk.node.store import NodeStore
from twopm_zk.participants.preflight import require_verifiers
from twopm_zk.participants.rounds.membership import register_key
from twopm_zk.participants.task_view import ChainView, require_spec
from twopm_zk.task.specification import TaskSpec


@dataclass(frozen=True)
class Obstacle:
    """What keeps an account out of a task's present round: its kind in a word, and a sentence."""

    kind: str
    sentence: str


@dataclass(frozen=True)
class Membership:
    """How an account stands, and what keeps it out of the task's present round."""

    since: int
    new: bool
    stake: int
    """Wei of ETH."""
    task: TaskSnapshot | None
    obstacles: tuple[Obstacle, ...]


def join(
    view: ChainView, spec: TaskSpec, store: NodeStore, *, task: int | None = None, stake: tuple[int, int] | None = None
) -> Membership:
    """Make the account a member with a key to share with; what is done already stays.

    ``task`` defaults to the newest unfinished one of the specification, if there is one. ``stake`` is an asset's number
    and an amount to stake as well. A member's endpoint and key for messages are left as they are: an operator's account
    may be a node's too.
    """
    state = _task(view, spec, task)
    require_verifiers(view, spec)
    new = view.member(view.address) is None
    if new:
        view.identity.join("", b"")
    register_key(view, store)
    member = view.member(view.address)
    if member is None:
        raise ChainError(f"{view.address} has joined, and the node does not show it yet")
    if stake is not None:
        view.staking.stake(*stake)
    value = view.stake_of(view.address)
    return Membership(member.since, new, value, state, tuple(_obstacles(view, state, member.since, value)))


def _task(view: ChainView, spec: TaskSpec, task: int | None) -> TaskSnapshot | None:
    state = view.state(task) if task is not None else _newest_unfinished(view, spec)
    if state is not None:
        require_spec(state, spec)
    return state


def _newest_unfinished(view: ChainView, spec: TaskSpec) -> TaskSnapshot | None:
    return view.newest_task(spec.spec_hash, lambda state: state.phase is not Phase.FINISHED)


def _obstacles(view: ChainView, state: TaskSnapshot | None, since: int, stake: int) -> list[Obstacle]:
    if state is None:
        return []
    found = []
    if state.phase is Phase.FINISHED:
        found.append(Obstacle("finished", f"Task {state.id} is finished."))
    elif state.opened_at and since >= state.opened_at:
        sentence = f"Round {state.round} of task {state.id} opened before: it takes part from the next round on."
        found.append(Obstacle("opened-before", sentence))
    if stake < state.minimum_stake:
        sentence = f"Task {state.id} asks for {state.minimum_stake} wei at stake, {stake} are there."
        found.append(Obstacle("stake-too-low", sentence))
    if view.is_barred(state, view.address):
        found.append(Obstacle("barred", f"This node is out of task {state.id} for good."))
    return found
