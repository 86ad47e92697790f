"""A node's part in a federated sum: ready, its masked update, what the round comes to, and what it cannot get.

Nobody puts a masked update into the storage before the chain has its hash: who read it earlier, and kept the
transaction away, could have a sum with this node and later one without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from twopm_zk.chain.federated import FederatedSnapshot
from twopm_zk.chain.tasks import Phase, TaskState
from twopm_zk.errors import InputError, PeerError, TransactionError
from twopm_zk.federated import FederatedSpec, RoundResult, Storage, masked_update, result_size
from twopm_zk.hfl.attempts import FederatedAttempt, fixed_nodes, read_attempt
from twopm_zk.hfl.results import UNREACHABLE, Recomputed, get_masked, recompute
from twopm_zk.hfl.store import FederatedStore, StoredUpdate
from twopm_zk.hfl.view import FederatedView
from twopm_zk.participants.loop import OVERTAKEN
from twopm_zk.participants.rounds.membership import has_withdrawn
from twopm_zk.participants.rounds.sharing_part import WITHDRAWN, Say, SetPart
from twopm_zk.sharing import (
    Conditions,
    LedgerEntry,
    Objection,
    PairSecrets,
    SharingSet,
    ledger,
    ready_objections,
    share_objections,
)

_OVERTAKEN = OVERTAKEN | {"AlreadyConfirmed", "AlreadyReported"}


@dataclass(frozen=True)
class Held:
    """What this node holds of a round: its update, its data's commitment, and what it has trained from."""

    stored: StoredUpdate = field(repr=False)
    data: int
    before: RoundResult = field(repr=False)


class FederatedPart(SetPart[FederatedView, FederatedStore]):
    """What one account does from being ready to confirming a result."""

    def __init__(
        self,
        view: FederatedView,
        spec: FederatedSpec,
        store: FederatedStore,
        *,
        storage: Storage,
        location: int,
        conditions: Conditions,
        say: Say,
    ) -> None:
        super().__init__(view, store, conditions=conditions, say=say)
        self.spec, self._storage, self._location = spec, storage, location
        self._outcomes: dict[bytes, Recomputed] = {}
        """What followed from the masked updates of a set, by its digest, once all of them were there."""
        self._done: set[object] = set()
        """What was put into the storage by this process."""

    def act(self, state: FederatedSnapshot, held: Held | None) -> None:
        """Do what the phase asks of this node, if anything. What the chain has overtaken is no error."""
        attempt = read_attempt(self.view, state)
        if held is not None and attempt.updates.get(self.view.address) != held.stored.commitment:
            held = None
        try:
            if state.phase is Phase.READY and held is not None:
                self._ready(state, attempt, held)
            elif state.phase is Phase.SHARING:
                self._share(state, attempt, held)
            elif state.phase is Phase.SUMMED:
                self._conclude(state, attempt, held)
        except TransactionError as error:
            if error.error not in _OVERTAKEN:
                raise
            self._say("overtaken", f"{state.name()} went on meanwhile: {error.message}", key=(state.key, error.error))

    # --- ready ---

    def _ready(self, state: FederatedSnapshot, attempt: FederatedAttempt, held: Held) -> None:
        if state.late:
            return
        time, inside = self._time(state), self.view.address in attempt.has_set
        withdrawn = has_withdrawn(self.view, state)
        if inside and not time.is_late and not withdrawn:
            return
        objections = ready_objections(
            self._conditions,
            self._collection(held),
            place=self.view.place_of(state),
            candidates=self._candidates(state, attempt, inside=inside),
            rows=attempt.data,
            own_rows=self._conditions.rows,
            time=time,
            ledger=self.store.ledger(),
        )
        objections += (WITHDRAWN,) if withdrawn else ()
        if inside:  # no honest node comes in any more: now is the last time to leave for nothing
            self._leave_free(state, [objection for objection in objections if objection.kind != "too-late"])
        elif not self._objects(state, "stays out of", objections):
            self._say_ready(state)

    def _candidates(self, state: FederatedSnapshot, attempt: FederatedAttempt, *, inside: bool) -> Sequence[str]:
        """The nodes that a set may come to be of, or is of as far as it goes. A round that was shared before goes on
        without a stranger to it, who falls out unless it says that it is ready."""
        ready = attempt.has_set.addresses
        if inside:
            return ready
        fixed = fixed_nodes(self.view, state)
        return [node for node in attempt.updates if fixed is None or node in fixed or node in ready]

    # --- sharing ---

    def _share(self, state: FederatedSnapshot, attempt: FederatedAttempt, held: Held | None) -> None:
        sharing_set, me = attempt.has_set, self.view.address
        if me not in sharing_set or sharing_set.size < state.minimum_nodes:
            return
        if me in attempt.shared:
            self._keep_own(state, attempt, held)
            return
        if state.late:
            return
        pairs = None if held is None else self._pairs(state, sharing_set)
        if held is None or pairs is None:
            self._leave(state, sharing_set, lost=True)
            return
        objections = [
            *share_objections(
                self._conditions,
                self._collection(held),
                sharing_set=sharing_set,
                rows=attempt.data,
                digest=state.set_digest,
                own_rows=self._conditions.rows,
                time=self._time(state),
                ledger=self.store.ledger(),
            ),
            *self._had_what_is_missing(state, attempt),
        ]
        if not self._may_share(state, sharing_set, objections):
            return
        masked = masked_update(self.spec, pairs, held.stored.update)
        self.store.write_down(LedgerEntry.of(self._collection(held), sharing_set, attempt.data))
        receipt = self.view.hfl.share(state.id, sharing_set.digest, masked.hash, self._location)
        values = {"transaction": receipt.transaction, "gas": receipt.gas_used, "nodes": sharing_set.size}
        values |= {"content": masked.hash.hex(), "bytes": len(masked.encoded)}
        text = f"shared in {state.name()}, with {sharing_set.size} nodes"
        self._say("shared", text, values, key=sharing_set.digest)
        if self._put(masked.encoded, first=self._location):
            self._done.add((masked.hash, False))

    def _had_what_is_missing(self, state: FederatedSnapshot, attempt: FederatedAttempt) -> Iterator[Objection]:
        """Against another sum, without a node whose masked update this one had: both together would give it away."""
        me, missed = self.view.address, self.store.missing(self.view.attempt_of(state))
        had = [node for node, said in attempt.missing.items() if me not in said and node not in missed]
        if had and not self.store.ledger().has_shared(attempt.has_set):
            text = f"{', '.join(had)} was left out as missing, and this node had what it shared"
            yield Objection("was-not-missing", text)

    def _leave(self, state: TaskState, sharing_set: SharingSet, *, lost: bool = False) -> None:
        """Likewise, and at once where the others say that something is missing which this node had: that is free. What
        the two sums then differ by is the update of who is out and those of all that leave."""
        assert isinstance(state, FederatedSnapshot)  # noqa: S101 - it came from `act`
        if any(True for _ in self._had_what_is_missing(state, read_attempt(self.view, state))):
            self.view.hfl.withdraw(state.id)
            self._say("withdrawn", f"withdrew from {state.name()}", {"penalty": 0}, key=state.key)
            return
        super()._leave(state, sharing_set, lost=lost)

    # --- the result ---

    def _conclude(self, state: FederatedSnapshot, attempt: FederatedAttempt, held: Held | None) -> None:
        sharing_set, me = attempt.has_set, self.view.address
        if me not in sharing_set or held is None:
            return
        self._keep_own(state, attempt, held)
        self._rescue(attempt)
        if me in attempt.confirmed:
            return
        found = self._outcome(attempt, held.before)
        self._note_missing(state, found)
        if found.spoilt:
            self._say(
                "spoilt",
                f"{state.name()}: {found.spoilt}. A node has handed in something else than its update, and masks hide "
                "which one. Nobody can confirm anything; after the deadline the round starts again, with these nodes",
                {"reason": found.spoilt, "nodes": list(attempt.nodes)},
                key=sharing_set.digest,
            )
        elif found.result is not None:
            self._confirm(state, sharing_set, found.result)
        else:
            self._tell_missing(state, attempt, held.before, found)

    def _outcome(self, attempt: FederatedAttempt, before: RoundResult) -> Recomputed:
        digest = attempt.has_set.digest
        if digest not in self._outcomes:
            found = recompute(self.spec, self._storage, before, attempt)
            if found.missing:
                return found
            self._outcomes = {digest: found}
        return self._outcomes[digest]

    def _confirm(self, state: FederatedSnapshot, sharing_set: SharingSet, result: RoundResult) -> None:
        task_key = self.view.attempt_of(state).task_key
        self.store.add_result(task_key, state.round, result, digest=sharing_set.digest)
        self._put(result.encoded, first=self._location)
        receipt = self.view.hfl.confirm(state.id, result.hash)
        values: dict[str, object] = {"result": result.hash.hex(), "weight": result.weight, "loss": result.mean_loss}
        values |= {"transaction": receipt.transaction, "gas": receipt.gas_used}
        self._say("confirmed", f"confirmed the result of {state.name()}: {result.hash.hex()[:16]}...", values)

    # --- what is missing ---

    def _note_missing(self, state: FederatedSnapshot, found: Recomputed) -> None:
        """Remember what could not be had: by that this node knows later whether it may share again without it."""
        now = self.view.attempt_of(state)
        if frozenset(found.missing) != self.store.missing(now):
            self.store.set_missing(now, found.missing)

    def _tell_missing(
        self, state: FederatedSnapshot, attempt: FederatedAttempt, before: RoundResult, found: Recomputed
    ) -> None:
        """Wait for what may still come; in the last third of the phase, say that it has not."""
        named = ", ".join(f"{node} ({kind})" for node, kind in sorted(found.missing.items()))
        text = f"{state.name()}: the masked updates of {named} are not to be had yet"
        self._say("waiting", text, {"missing": sorted(found.missing)}, key=(attempt.has_set.digest, named))
        if not self._time(state).is_late or state.late:
            return
        me = self.view.address
        if me in found.missing:  # not even its own: the storage, or the way there, is at fault, and not the others
            text = f"{state.name()}: this node cannot get what it has stored itself, so that it reports nobody"
            self._say("storage", text, key=attempt.has_set.digest)
            return
        for account, kind in found.missing.items():
            if me in attempt.reports.get(account, ()):
                continue
            if kind == UNREACHABLE and not self._is_reached(attempt.shared[account].location, before):
                text = f"{state.name()}: storage location {attempt.shared[account].location} is not reached"
                self._say("storage", text, key=(attempt.has_set.digest, account))
                continue
            self.view.hfl.report_missing(state.id, account)
            text = f"{state.name()}: reported that the masked update of {account} is not to be had"
            self._say("reported", text, {"node": account, "reason": kind}, key=(attempt.has_set.digest, account))

    def _is_reached(self, location: int, before: RoundResult) -> bool:
        """Whether a location answers at all."""
        try:
            self._storage.get(location, before.hash, result_size(self.spec))
        except (PeerError, InputError) as error:
            return error.kind not in (UNREACHABLE, "no-such-location")
        return True

    def _rescue(self, attempt: FederatedAttempt) -> None:
        """Put what others cannot get, and this node can, where they look too."""
        for account, reporters in attempt.reports.items():
            key = (attempt.has_set.digest, account)
            if self.view.address in reporters or account not in attempt.shared or key in self._done:
                continue
            with suppress(PeerError):
                masked = get_masked(self.spec, self._storage, attempt.shared[account])
                self._put_everywhere(masked.encoded)
                self._done.add(key)

    def _keep_own(self, state: FederatedSnapshot, attempt: FederatedAttempt, held: Held | None) -> None:
        """Keep this node's masked update in the storage: everywhere where somebody misses it."""
        me = self.view.address
        shared, missed = attempt.shared[me], me in attempt.reports
        if held is None or (shared.content, missed) in self._done:
            return
        if (pairs := self._pairs(state, attempt.has_set)) is None:
            return
        masked = masked_update(self.spec, pairs, held.stored.update)
        if masked.hash != shared.content:
            text = f"{state.name()}: this node has shared something else than its store has"
            self._say("lost", text, key=shared.content)
            return
        if missed:
            self._put_everywhere(masked.encoded)
        elif not self._put(masked.encoded, first=shared.location):
            return
        self._done.add((shared.content, missed))

    def can_store(self, before: RoundResult) -> bool:
        """Whether a location takes something: what a round trains from, which belongs there anyway. What is shared and
        cannot be stored costs the penalty, so that this is asked before anything is committed to."""
        return before.hash in self._done or self._put(before.encoded, first=self._location)

    def _put(self, content: bytes, *, first: int) -> bool:
        """Whether a location has taken it; the first one of the list that does, from ``first`` on."""
        order = [first, *(index for index in range(len(self._storage.locations)) if index != first)]
        for location in order:
            try:
                self._storage.put(location, content)
            except (PeerError, InputError) as error:
                text = f"nothing could be stored: {error.message}"
                self._say("storage", text, {"location": location}, key=(location, error.kind))
            else:
                return True
        return False

    def _put_everywhere(self, content: bytes) -> None:
        for location in range(len(self._storage.locations)):
            with suppress(PeerError):
                self._storage.put(location, content)

    # --- all ---

    def _collection(self, held: Held) -> ledger.Collection:
        weights = int.from_bytes(held.before.parameters_hash, "big")
        return ledger.Collection(statement="update", weights=weights, data=frozenset({held.data}), same_rows=True)

    def _pairs(self, state: FederatedSnapshot, sharing_set: SharingSet) -> PairSecrets | None:
        round_key = self.store.round_key(self.view.attempt_of(state))
        try:
            if round_key is None:
                raise InputError("the key of this attempt is not in this store")
            return PairSecrets(sharing_set, self.view.address, self.store.lasting_key, round_key)
        except InputError as error:
            self._say("lost", f"this node cannot share in {state.name()}: {error.message}", key=sharing_set.digest)
            return None
