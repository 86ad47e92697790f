"""What an account needs before it takes part in a round: membership, a key to share with, and its stake."""

from __future__ import annotations

from typing import Any, NamedTuple

from twopm_zk.chain.rpc import reading
from twopm_zk.chain.tasks import TaskState
from twopm_zk.participants.rounds.store import SharingStore
from twopm_zk.participants.rounds.view import RoundsView
from twopm_zk.sharing import KeyOwner


class Hindrance(NamedTuple):
    """Why an account cannot take part in a round: a kind of news, a sentence, and what tells repetitions."""

    kind: str
    text: str
    key: object


def register_key(view: RoundsView[Any], store: SharingStore) -> None:
    """Register the key that this node shares with, where another one or none is registered."""
    owner = KeyOwner(view.identity.address, view.chain.chain_id, view.address)
    key = store.lasting_key.aggregation_key(owner)
    if view.identity.aggregation_key_of(view.address) != key.hash:
        view.identity.set_aggregation_key(key.numbers)


def is_registered(view: RoundsView[Any], commitment: int) -> bool:
    """Whether the chain has the commitment of this account, also after it was reorganised: with its blocks all that
    this account has done before them would be gone too."""
    return reading("registered data", lambda: view.data_hub.registered_at(view.address, commitment)) > 0


def has_withdrawn(view: RoundsView[Any], state: TaskState) -> bool:
    """Whether this account has withdrawn the data that the present round collects."""
    return view.address in view.withdrawals(state.collected_dataset, owner=view.address)


def hindrance(view: RoundsView[Any], state: TaskState) -> Hindrance | None:
    """What keeps this account out of the present round, if anything does."""
    me = view.address
    if has_withdrawn(view, state):
        return Hindrance(
            "data-withdrawn", f"this account has withdrawn the data that task {state.id} collects", state.id
        )
    if view.is_barred(state, me):
        return Hindrance("barred", f"this node is out of task {state.id} for good", state.key)
    member = view.member(me)
    if member is None or member.since >= state.opened_at:
        return Hindrance("waiting", f"{state.name()} opened before this node was a member", state.key)
    stake = view.stake_of(me) if state.minimum_stake else 0
    if stake < state.minimum_stake:
        text = f"a stake of {state.minimum_stake} wei is needed, {stake} are there: stake more"
        return Hindrance("stake", text, stake)
    return None
