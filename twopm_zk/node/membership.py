"""Becoming a member by hand: IdentityContract first, then the attempt of a task that has a joining phase."""

from __future__ import annotations

from dataclasses import dataclass

from twopm_zk.chain.tasks import Phase, TaskSnapshot
from twopm_zk.errors import ChainError
from twopm_zk.participants.task_view import ChainView, require_spec
from twopm_zk.task.specification import TaskSpec


@dataclass(frozen=True)
class Membership:
    """How an account stands; ``obstacles`` are sentences on what keeps it out of the task's present round."""

    since: int
    new: bool
    stake: int
    """Wei of ETH."""
    task: TaskSnapshot | None
    joined_attempt: bool
    obstacles: tuple[str, ...]


def join(
    view: ChainView, spec: TaskSpec, public_key: bytes, *, task: int | None = None, stake: tuple[int, int] | None = None
) -> Membership:
    """Make the account a member, and join the task's attempt where nodes have to; what is done already stays.

    ``task`` defaults to the newest unfinished one of the specification, if there is one. ``stake`` is an asset's number
    and an amount to stake as well. A member's endpoint and key are left as they are: a coordinator's account may be a
    node's too.
    """
    state = _task(view, spec, task)
    new = view.member(view.address) is None
    if new:
        view.identity.join("", public_key)
    member = view.member(view.address)
    if member is None:
        raise ChainError(f"{view.address} has joined, and the node does not show it yet")
    if stake is not None:
        view.staking.stake(*stake)
    joined = state is not None and view.has_joined(state, view.address)
    if state is not None and state.phase is Phase.JOINING and member.since < state.opened_at and not joined:
        view.hlr.join(state.id, public_key)
        joined = True
    value = view.stake_of(view.address)
    return Membership(member.since, new, value, state, joined, tuple(_obstacles(view, state, member.since, value)))


def _task(view: ChainView, spec: TaskSpec, task: int | None) -> TaskSnapshot | None:
    candidates = [task] if task is not None else reversed(view.tasks_of(spec.spec_hash))
    for number in candidates:
        state = view.state(number)
        if task is not None or state.phase is not Phase.FINISHED:
            require_spec(state, spec)
            return state
    return None


def _obstacles(view: ChainView, state: TaskSnapshot | None, since: int, stake: int) -> list[str]:
    if state is None:
        return []
    found = []
    if state.phase is Phase.FINISHED:
        found.append(f"Task {state.id} is finished.")
    elif state.opened_at and since >= state.opened_at:
        found.append(f"Round {state.round} of task {state.id} opened before: it takes part from the next round on.")
    if stake < state.minimum_stake:
        found.append(
            f"Task {state.id} asks for {state.minimum_stake} wei at stake, {stake} are there: `twopm-zk stake add`."
        )
    if view.is_excluded(state, view.address):
        found.append(f"The coordinator has left this node out of {state.name()}.")
    return found
