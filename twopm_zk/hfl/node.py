"""A data owner's node of federated learning: it trains its model round after round, and shares updates under masks.

What happens next follows from the chain, the storage and the node's own store, so a node that is killed goes on where
it was. Nothing private leaves it: the chain gets hashes, and the storage a masked update, which tells nothing but
together with those of all others.
"""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from twopm_zk.chain.federated import FederatedSnapshot
from twopm_zk.chain.tasks import Phase
from twopm_zk.errors import InputError, PeerError, TransactionError, TwopmError
from twopm_zk.federated import FederatedSpec, Model, RoundResult, Storage, first_result, train, update_of
from twopm_zk.federated.model import flat
from twopm_zk.hfl.attempts import fixed_nodes, read_attempt
from twopm_zk.hfl.data import register_data
from twopm_zk.hfl.moving import MOST_ATTEMPTS, move_on
from twopm_zk.hfl.results import find_result, hash_before
from twopm_zk.hfl.sharing_part import FederatedPart, Held
from twopm_zk.hfl.store import FederatedStore, StoredUpdate
from twopm_zk.hfl.view import FederatedView, require_federated
from twopm_zk.participants.loop import HANDED_IN, OVERTAKEN
from twopm_zk.participants.news import Notify, ignore
from twopm_zk.participants.rounds.attested import REFUSED, unattested
from twopm_zk.participants.rounds.membership import has_withdrawn, hindrance, is_registered, register_key
from twopm_zk.participants.rounds.role import Role
from twopm_zk.participants.rounds.sets import event_bytes
from twopm_zk.participants.watch import describe
from twopm_zk.sharing import Conditions

Returned = TypeVar("Returned")


@dataclass(frozen=True)
class FederatedConsent:
    """Limits below which a node takes no part, whatever the task says; 0 stands for the specification's own minimum."""

    minimum_nodes: int = 0
    accounts: frozenset[str] = frozenset()
    """Accounts that must be in the set that this node shares with."""
    refuse_after_silence: bool = False
    """Share no more after another node was left out for silence, or as missing; see `sharing.Conditions`."""
    any_initial: bool = False
    """Train from what the specification names although the model makes other parameters. Whoever chose them can have
    chosen such that a sum shows single examples."""


class FederatedNode(Role[FederatedView, FederatedSpec, FederatedStore]):
    """One data owner's part in one task.

    ``data`` is a digest of what the model trains on (`hfl.data`), None where the store has one already. ``coordinator``
    is the address that the owner has agreed to work with; ``task`` its task, else the newest one of this specification.
    ``location`` is the storage location to put things into first.

    Raises InputError where the model is none of the specification's, or where there is no such location, and SpecError
    of kind ``other-initial`` where it begins with other parameters than the specification.
    """

    def __init__(
        self,
        view: FederatedView,
        spec: FederatedSpec,
        store: FederatedStore,
        *,
        model: Model,
        coordinator: str,
        data: bytes | None = None,
        task: int | None = None,
        location: int = 0,
        consent: FederatedConsent | None = None,
        notify: Notify = ignore,
        poll: float = 2.0,
    ) -> None:
        super().__init__(view, spec, store, poll=poll, notify=notify)
        if not 0 <= location < len(spec.locations):
            raise InputError(
                f"storage location {location} is none of the specification's {len(spec.locations)}",
                kind="no-such-location",
            )
        self._model, self._coordinator, self._task, self._data = model, coordinator, task, data
        self._consent = consent or FederatedConsent()
        parameters = called("parameters", model.parameters)
        flat(spec, parameters, what="the parameters of the model")
        if not self._consent.any_initial:
            first_result(spec, parameters)
        self._storage = Storage.of(spec)
        conditions = Conditions(
            nodes=max(self._consent.minimum_nodes, spec.minimum_nodes),
            accounts=self._consent.accounts,
            refuse_after_silence=self._consent.refuse_after_silence,
        )
        self._sharing = FederatedPart(
            view,
            spec,
            store,
            storage=self._storage,
            location=location,
            conditions=conditions,
            say=self._say_once,
        )
        self._registered: tuple[int, int] | None = None
        """The commitment to the data, and its index in DataHub."""
        self._before: RoundResult | None = None
        self._last_held: tuple[tuple[int, int], Held] | None = None
        """What this node holds, by task and round: large, and read once."""
        self._forgotten: tuple[int, int] | None = None
        self._accepted_task: int | None = None
        self._patience = random.randint(2, 6)  # noqa: S311 - so that not all nodes act at once

    # --- one look at the chain ---

    def tick(self) -> bool:
        """Do what there is to do; whether the task is finished."""
        if self._registered is None:
            self._register()
        assert self._registered is not None  # noqa: S101 - `_register` has set it
        state = self._find_task() if self._task is None else self.view.state(self._task)
        if state is None:
            self._say_once("waiting", f"waiting for coordinator {self._coordinator} to create the task")
            if not is_registered(self.view, self._registered[0]):
                self._registered = None
            return False
        self._require_acceptable(state)
        self._watch(state)
        task_key = self.view.attempt_of(state).task_key
        if state.phase is Phase.FINISHED:
            self.store.forget_before(task_key, None)
            self._tell_end(state)
            return True
        if state.phase in (Phase.CREATED, Phase.COLLECTING) and has_withdrawn(self.view, state):
            self._tell_withdrawn(state)
            return True
        if state.phase is Phase.COLLECTING and not state.late:
            self._forget_before(task_key, state.round)
            self._take_part(state)
        elif state.phase in (Phase.READY, Phase.SHARING, Phase.SUMMED):
            self._sharing.act(state, self._held(state))
        if state.late or state.set_is_dead:
            self._unstick(state)
        return False

    def _register(self) -> None:
        if self.view.member(self.view.address) is None:
            self.view.identity.join("", b"")
        register_key(self.view, self.store)
        self._registered = register_data(self.view, self.spec, self.store, self._data)
        self._say("registered", "this node's data are registered", {"index": self._registered[1]})
        self._is_attested()

    def _find_task(self) -> FederatedSnapshot | None:
        """The newest task of specification and coordinator that is not over, or that this node took part in."""

        def wanted(state: FederatedSnapshot) -> bool:
            known = self.store.block(self.view.attempt_of(state).task_key) is not None
            return known or state.phase is not Phase.FINISHED

        return self.view.newest_task(self.spec.spec_hash, wanted, creator=self._coordinator)

    def _require_acceptable(self, state: FederatedSnapshot) -> None:
        if self._accepted_task == state.id:
            return
        require_federated(state, self.spec)
        nodes = self._consent.minimum_nodes or self.spec.minimum_nodes
        if state.minimum_nodes < nodes:
            raise InputError(
                f"task {state.id} goes on with {state.minimum_nodes} nodes; this node takes part from {nodes} on",
                hint="Ask for a task with more nodes, or lower this node's own minimum.",
            )
        self._accepted_task = state.id
        cost = f"; silence once others have shared costs {state.stake_penalty} wei" if state.stake_penalty else ""
        self._say("task", f"taking part in task {state.id}{cost}", {"task": state.id, "penalty": state.stake_penalty})

    def _watch(self, state: FederatedSnapshot) -> None:
        key = self.view.attempt_of(state).task_key
        seen = self.store.block(key)
        first = self.view.deployment.block if seen is None else seen + 1
        if state.block >= first:
            for event in self.view.task_events(state.id, from_block=first, to_block=state.block):
                self._notify(describe(event, account=self.view.address))
            self.store.set_block(key, state.block)

    def _tell_end(self, state: FederatedSnapshot) -> None:
        text = f"task {state.id} is finished, with {state.results} accepted results"
        latest = state.latest_result.hex() if state.results else None
        self._say("finished", text, {"task": state.id, "results": state.results, "result": latest})

    # --- collecting ---

    def _take_part(self, state: FederatedSnapshot) -> None:
        me = self.view.address
        if (why := hindrance(self.view, state)) is not None:
            self._say_once(why.kind, why.text, key=why.key)
            return
        assert self._registered is not None  # noqa: S101 - `tick` has registered
        data, index = self._registered
        if data not in self.view.registrations(state.dataset, before=state.opened_at, owner=me).get(me, ()):
            text = f"{state.name()} opened before this node's data were registered"
            self._say_once("waiting", text, key=state.key)
            return
        if me not in (fixed_nodes(self.view, state) or (me,)):
            text = f"{state.name()}: this round was shared before, and goes on with those nodes, not with this one"
            self._say_once("waiting", text, key=state.key)
            return
        if me in read_attempt(self.view, state).updates or not self._agrees(state) or not self._is_attested(state):
            return
        before = self._result_before(state)
        if before is None or not self._sharing.can_store(before):
            return
        stored = self._trained(state, before)
        try:
            receipt = self.view.hfl.commit_update(state.id, index, stored.commitment)
        except TransactionError as error:
            now = self.view.state(state.id)
            moved = (now.key, now.phase) != (state.key, state.phase)
            if error.error in HANDED_IN:
                return
            if error.error in REFUSED:  # it has ended since this node looked
                self._is_attested(state)
                return
            if error.error not in OVERTAKEN and not moved:
                raise
            self._say("overtaken", f"{state.name()} went on without this node's update: {error.message}")
            return
        values = {"transaction": receipt.transaction, "gas": receipt.gas_used}
        self._say("committed", f"committed to an update in {state.name()}", values)

    def _is_attested(self, state: FederatedSnapshot | None = None) -> bool:
        """Whether an update may use this node's data, where their terms ask for an attestation: one may come later."""
        assert self._registered is not None  # noqa: S101 - `tick` has registered
        missing = unattested(self.view, self.spec.data_terms.id, self.view.address, [self._registered[0]])
        if missing is None:
            return True
        where = "" if state is None else f"{state.name()}: "
        self._say_once(
            "not-attested",
            f"{where}this node's data cannot be used so far: {missing.sentence()}",
            {"commitments": list(missing.commitments), "issuers": list(missing.issuers)},
            key=(None if state is None else state.key, missing),
        )
        return False

    def _agrees(self, state: FederatedSnapshot) -> bool:
        """Whether what was accepted last is what this node had computed. If not, it takes no further part."""
        known = self.store.computed(self.view.attempt_of(state).task_key, state.round - 1)
        if known is None or known[0] == state.latest_result:
            return True
        events = self.view.task_events(state.id, from_block=self.view.deployment.block, to_block=state.block)
        started = [one for one in events if one.name == "SharingStarted" and one["round"] == state.round - 1]
        if not started or event_bytes(started[-1]["digest"]) != known[1]:
            return True  # it was over another set, which this node was not in
        accepted, computed = state.latest_result.hex(), known[0].hex()
        self._say_once(
            "fault",
            f"the result {accepted[:16]}... of round {state.round - 1} of task {state.id} was accepted, and this node "
            f"computes {computed[:16]}... from the same masked updates: it takes no further part",
            {"accepted": accepted, "computed": computed},
            key=state.round,
        )
        return False

    def _result_before(self, state: FederatedSnapshot) -> RoundResult | None:
        """What the round trains from: of this node's own store, or found in the storage; None where it is nowhere."""
        digest = hash_before(self.spec, state)
        if self._before is not None and self._before.hash == digest:
            return self._before
        own = self.store.result(self.spec, self.view.attempt_of(state).task_key, state.round - 1)
        try:
            found = own if own is not None and own.hash == digest else None
            found = found or find_result(self.spec, self._storage, digest, round_=state.round)
        except PeerError as error:
            text = f"{state.name()} waits for the result that it trains from, {digest.hex()[:16]}...: {error.message}"
            self._say_once("storage", text, {"kind": error.kind}, key=(state.round, error.kind))
            return None
        self._before = found
        return found

    def _trained(self, state: FederatedSnapshot, before: RoundResult) -> StoredUpdate:
        """This node's update of the round: the one that it has, or made now."""
        task_key = self.view.attempt_of(state).task_key
        known = self.store.update(self.spec, task_key, state.round)
        if known is not None and known.before == before.hash:
            return known
        self._say("training", f"training in {state.name()}", {"round": state.round})
        trained = called("fit", lambda: train(self._model, self.spec, before.arrays(self.spec), round=before.round + 1))
        update = update_of(self.spec, before, trained)
        return self.store.add_update(self.spec, task_key, state.round, before=before.hash, update=update)

    def _held(self, state: FederatedSnapshot) -> Held | None:
        """What this node holds of the present round; None where it has no part in it."""
        key = self.view.attempt_of(state).task_key, state.round
        if self._last_held is not None and self._last_held[0] == key:
            return self._last_held[1]
        stored = self.store.update(self.spec, *key)
        if stored is None or self._registered is None or (before := self._result_before(state)) is None:
            return None
        self._last_held = key, Held(stored, self._registered[0], before)
        return self._last_held[1]

    def _forget_before(self, task_key: int, round_: int) -> None:
        """Forget what was of earlier rounds, once in each."""
        if self._forgotten != (task_key, round_):
            self.store.forget_before(task_key, round_)
            self._forgotten, self._last_held = (task_key, round_), None

    # --- when others are late ---

    def _unstick(self, state: FederatedSnapshot) -> None:
        """Where a phase is over anyone may move the task on; some patience lets the coordinator do it."""
        if state.attempt + 1 >= MOST_ATTEMPTS and fixed_nodes(self.view, state) is not None:
            text = f"{state.name()}: nothing came of what was shared, time and again: its coordinator may end the task"
            self._say_once("waiting", text, key=state.key)
            return
        self._patience -= 1
        if self._patience > 0:
            return
        self._patience = random.randint(2, 6)  # noqa: S311
        if done := move_on(self.view, state):
            self._say("unstuck", f"moved on {state.name()}: {done}")


def called(what: str, function: Callable[[], Returned]) -> Returned:
    """What an owner's code returns. InputError of kind ``model-raised`` where it raises: with the place, and without
    the message, which may hold values of its data."""
    try:
        return function()
    except TwopmError:
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        where = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else "its code"
        raise InputError(
            f"`{what}` of the model raised {type(error).__name__} in {where}", kind="model-raised"
        ) from error
