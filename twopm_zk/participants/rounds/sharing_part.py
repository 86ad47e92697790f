"""A node's part in a set, whatever is summed: when it is ready, when it leaves, and what speaks against sharing.

Everything is written down before it is sent: the store's ledger knows what may have left the machine, whatever happens
to the process or the chain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

from twopm_zk.chain.tasks import TaskState
from twopm_zk.participants.rounds.role import View
from twopm_zk.participants.rounds.store import SharingStore
from twopm_zk.sharing import Conditions, KeyOwner, Objection, PhaseTime, SharingSet, withdrawal_objections

Say = Callable[..., None]
"""Tells news once: kind, text, values, and a key that tells repetitions from what is new."""
WAITS = frozenset({"too-late", "shared-before"})
"""Objections that every honest node of a set has alike, so that none of them shares, and the round starts again."""
WITHDRAWN = Objection("data-withdrawn", "this account has withdrawn the data that it has handed in updates of")
Stored = TypeVar("Stored", bound=SharingStore)


class SetPart(Generic[View, Stored]):
    """What one account does in the phases of a set, from the chain and its store."""

    def __init__(self, view: View, store: Stored, *, conditions: Conditions, say: Say) -> None:
        self.view, self.store = view, store
        self._conditions, self._say = conditions, say

    # --- ready ---

    def _say_ready(self, state: TaskState) -> None:
        """Say that this node is there, with a fresh key; not with another lasting key than the store's."""
        key = self.store.lasting_key.aggregation_key(self._owner)
        if self.view.identity.aggregation_key_of(self.view.address) != key.hash:
            text = f"stays out of {state.name()}: its account has another key registered than is in its store"
            self._say("objection", f"this node {text}", {"objection": "other-key"}, key=state.key)
            return
        round_key = self.store.begin_round_key(self.view.attempt_of(state))
        receipt = self.view.rounds.ready(state.id, key.eighth, round_key.posted.eighth)
        values = {"transaction": receipt.transaction, "gas": receipt.gas_used}
        self._say("ready", f"ready to share in {state.name()}", values, key=state.key)

    def _leave_free(self, state: TaskState, objections: Sequence[Objection]) -> None:
        """Leave where anything speaks against the set, while that costs nothing."""
        if self._objects(state, "leaves", objections):
            self.view.rounds.withdraw(state.id)
            self._say("withdrawn", f"withdrew from {state.name()}", {"penalty": 0}, key=state.key)

    # --- sharing ---

    def _may_share(self, state: TaskState, sharing_set: SharingSet, objections: Sequence[Objection]) -> bool:
        """Whether nothing speaks against sharing now. Where something does, this node waits or leaves, as is best."""
        if self._objects(state, "does not share in", objections):
            waits = not state.shared_once and WAITS.issuperset(objection.kind for objection in objections)
            if waits and not self._may_be_known(state):
                text = f"{state.name()}: nobody has shared; if nobody does, the round starts again and nobody pays"
                self._say("waiting", text, key=sharing_set.digest)
            elif not self._is_late_here_alone(state, objections):
                self._leave(state, sharing_set)
            return False
        if not self._has_stake(state, sharing_set):
            return False
        if not self.view.is_final(state):
            self._say("waiting", f"{state.name()}: sharing once the set is final on the chain", key=sharing_set.digest)
            return False
        return True

    def _is_late_here_alone(self, state: TaskState, objections: Sequence[Objection]) -> bool:
        """Whether all that speaks against sharing is this machine's clock, which may be wrong: nobody pays for that."""
        if any(objection.kind != "too-late" for objection in objections):
            return False
        chain = self.view.chain.time
        if replace(self._time(state), now=chain).is_late:
            return False
        text = (
            f"{state.name()}: this machine's clock is {state.time - chain} seconds ahead of the newest block; this "
            "node shares once it is right, or newer blocks show that it is"
        )
        self._say("clock", text, key=(state.key, "clock"))
        return True

    def _has_stake(self, state: TaskState, sharing_set: SharingSet) -> bool:
        """Whether the contract takes a share: from the second share attempt on it asks for the stake again."""
        if not state.share_attempt or not state.minimum_stake:
            return True
        stake = self.view.stake_of(self.view.address)
        if stake < state.minimum_stake:
            text = (
                f"{state.name()}: to share again takes a stake of {state.minimum_stake} wei, {stake} are there: stake "
                "more before the deadline, or this node pays for its silence"
            )
            self._say("stake", text, key=(sharing_set.digest, stake))
        return stake >= state.minimum_stake

    def _leave(self, state: TaskState, sharing_set: SharingSet, *, lost: bool = False) -> None:
        """Withdraw, so that the others need not wait for a share that does not come.

        Not where a share of this attempt may be known, for then the sum without it would give it away; and not where
        only this store is in the way and leaving costs something, for its owner may bring it back before the deadline.
        """
        cost = f", which costs it {state.stake_penalty} wei of its stake" if state.stake_penalty else ""
        if self._may_be_known(state):
            text = f"{state.name()}: a share of this node may be known already, so that it stays in the set, silent"
            self._say("stuck", text, key=sharing_set.digest)
        elif lost and (cost or state.shared_once):
            text = f"{state.name()}: bring this node's store back before the deadline, or it pays for its silence"
            self._say("stuck", text, key=sharing_set.digest)
        else:
            self.view.rounds.withdraw(state.id)
            self._say(
                "withdrawn", f"withdrew from {state.name()}{cost}", {"penalty": state.stake_penalty}, key=state.key
            )

    def _may_be_known(self, state: TaskState) -> bool:
        """Whether a share of this attempt has left this node."""
        return bool(withdrawal_objections(self.store.ledger(), self.view.place_of(state)))

    # --- all ---

    @property
    def _owner(self) -> KeyOwner:
        return KeyOwner(self.view.identity.address, self.view.chain.chain_id, self.view.address)

    def _time(self, state: TaskState) -> PhaseTime:
        return PhaseTime(state.time, state.deadline, state.seconds[state.phase])

    def _objects(self, state: TaskState, what: str, objections: Sequence[Objection]) -> bool:
        for objection in objections:
            text = f"this node {what} {state.name()}: {objection.message}"
            self._say("objection", text, {"objection": objection.kind}, key=(state.key, objection.kind))
        return bool(objections)
