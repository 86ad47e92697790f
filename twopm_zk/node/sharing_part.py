"""A node's part in a sum: it says that it is ready, shares its masked opening, and stands by it in a dispute.

Everything is written down before it is sent. A share that was sent is the only one for its rows and weights, and in a
linear regression the next one has all nodes and rows that it began with: the store's ledger knows, whatever happens to
the process or the chain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add

from twopm_zk.chain.tasks import Phase, TaskSnapshot
from twopm_zk.errors import InputError, TransactionError
from twopm_zk.node.following import Following
from twopm_zk.node.privacy_part import PrivacyPart
from twopm_zk.node.store import NodeStore, StoredBatch
from twopm_zk.numbers.baby_jubjub import Point
from twopm_zk.numbers.commitments import model_commitment
from twopm_zk.participants.attempts import AttemptView, fixed_rows, read_attempt, rows_of_sum
from twopm_zk.participants.loop import OVERTAKEN
from twopm_zk.participants.records import Attempt
from twopm_zk.participants.rounds.membership import has_withdrawn
from twopm_zk.participants.rounds.sharing_part import WITHDRAWN, Say, SetPart
from twopm_zk.participants.task_view import ChainView
from twopm_zk.sharing import (
    Conditions,
    Earlier,
    LedgerEntry,
    Member,
    Reveal,
    Sharer,
    SharingSet,
    ledger,
    ready_objections,
    share_objections,
    vector_of,
)
from twopm_zk.statements import Collection, Family, Opening
from twopm_zk.task.specification import TaskSpec

_CLAIMS_AT_ONCE = 50
"""Pair points in one transaction."""


@dataclass(frozen=True)
class _Held:
    """What this node holds of an attempt: its own total opening, and the rows that it is of."""

    opening: Opening = field(repr=False)
    data: frozenset[int]
    noisy: bool
    """Whether the node's noise is in it."""


class SharingPart(SetPart[ChainView, NodeStore]):
    """What one account does in the phases of a sum, from the chain and its store."""

    def __init__(
        self,
        view: ChainView,
        spec: TaskSpec,
        store: NodeStore,
        *,
        conditions: Conditions,
        privacy: PrivacyPart,
        say: Say,
    ) -> None:
        super().__init__(view, store, conditions=conditions, say=say)
        self.spec, self._privacy = spec, privacy
        self._following = Following(view, conditions.accounts)

    def act(self, state: TaskSnapshot, batches: Sequence[StoredBatch]) -> None:
        """Do what the phase asks of this node, if anything. What the chain has overtaken is no error."""
        attempt = self._following.read(state) if self.view.is_large(state) else read_attempt(self.view, state)
        held = self._held(state, attempt, batches)
        try:
            if state.phase is Phase.SUMMED:
                self._check(state, attempt)
            elif state.phase is Phase.DISPUTED:
                self._answer(state, attempt)
            elif state.phase is Phase.READY and held is not None:
                self._ready(state, attempt, held)
            elif state.phase is Phase.SHARING:
                self._share(state, attempt, held)
        except TransactionError as error:
            if error.error not in OVERTAKEN:
                raise
            self._say("overtaken", f"{state.name()} went on meanwhile: {error.message}", key=(state.key, error.error))

    def _held(self, state: TaskSnapshot, attempt: AttemptView, batches: Sequence[StoredBatch]) -> _Held | None:
        """What opens this node's point of the attempt; None where it has none, or can open it no more."""
        me = self.view.address
        if me not in attempt.points:
            return None
        stored = self.store.updates(Attempt.of(state))
        mine = frozenset(attempt.data[me])
        numbers = [entry.number for entry in batches if entry.batch.commitment in mine]
        openings = [stored[number].opening for number in numbers if number in stored]
        if len(openings) == len(mine) and (total := reduce(add, openings)).point == attempt.points[me]:
            return _Held(total, mine, any(stored[number].noisy for number in numbers))
        self._say("lost", f"openings of {state.name()} are not in this store: this node cannot share", key=state.key)
        return None

    # --- ready ---

    def _ready(self, state: TaskSnapshot, attempt: AttemptView, held: _Held) -> None:
        sharing_set, me = _set_of(attempt), self.view.address
        if state.late:
            return
        time, inside, withdrawn = self._time(state), me in sharing_set, has_withdrawn(self.view, state)
        if inside and not time.is_late and not withdrawn:
            return
        collection = self._asked(state, self._collection(state, held))
        objections = [
            *([WITHDRAWN] if withdrawn else []),
            *ready_objections(
                self._conditions,
                collection,
                place=self.view.place_of(state),
                candidates=self._candidates(state, attempt, inside=inside),
                nodes=(state.ready if inside else state.nodes) if self.view.is_large(state) else None,
                rows=attempt.data,
                own_rows=held.opening.rows,
                time=time,
                ledger=self.store.ledger(),
                base=fixed_rows(self.view, state),
                earlier=self._earlier(state, collection),
            ),
            *self._privacy.objections(state, noisy=held.noisy),
        ]
        if inside:  # no honest node comes in any more: now is the last time to leave for nothing
            self._leave_free(state, [objection for objection in objections if objection.kind != "too-late"])
            return
        if self._objects(state, "stays out of", objections):
            return
        self._say_ready(state)

    def _candidates(self, state: TaskSnapshot, attempt: AttemptView, *, inside: bool) -> Sequence[str]:
        """The nodes that a set may come to be of, or is of as far as it goes; of a large task those that the owner asks
        for."""
        if self.view.is_large(state):
            return [self.view.address, *self._following.inside(state, ready=inside)]
        return _set_of(attempt).addresses if inside else list(attempt.points)

    # --- sharing ---

    def _share(self, state: TaskSnapshot, attempt: AttemptView, held: _Held | None) -> None:
        sharing_set, me = _set_of(attempt), self.view.address
        if me not in sharing_set or me in attempt.vectors or state.late or sharing_set.size < state.minimum_nodes:
            return
        sharer = None if held is None else self._sharer(state, sharing_set)
        if held is None or sharer is None:
            self._leave(state, sharing_set, lost=True)
            return
        collection, base = self._collection(state, held), fixed_rows(self.view, state)
        objections = [
            *share_objections(
                self._conditions,
                self._asked(state, collection),
                sharing_set=sharing_set,
                rows=attempt.data,
                digest=state.set_digest,
                own_rows=held.opening.rows,
                time=self._time(state),
                ledger=self.store.ledger(),
                base=base,
                earlier=self._earlier(state, collection),
            ),
            *self._privacy.objections(state, noisy=held.noisy),
        ]
        if not self._may_share(state, sharing_set, objections):
            return
        vector = sharer.vector(attempt.generators, vector_of(held.opening))
        entry = LedgerEntry.of(collection, sharing_set, attempt.data, base)
        spending = self._privacy.spending(state)
        self.store.add_to_ledger(entry, spending, rows=self._privacy.rows)
        receipt = self.view.hlr.share(state.id, sharing_set.digest, vector)
        values = {"transaction": receipt.transaction, "gas": receipt.gas_used, "nodes": sharing_set.size}
        text = f"shared in {state.name()}, with {sharing_set.size} nodes"
        self._say("shared", text, values, key=sharing_set.digest)

    # --- disputes ---

    def _check(self, state: TaskSnapshot, attempt: AttemptView) -> None:
        """Dispute a sum that does not open, as one of those that shared. In a large task all shares are read only where
        nobody has made anything of the sum until late: then somebody has to find out why."""
        if self.view.address not in attempt.nodes or state.disputed:
            return
        if self.view.is_large(state):
            if not self._time(state).is_late:
                return
            attempt = read_attempt(self.view, state)
        if attempt.total is not None:
            return
        self.view.hlr.dispute(state.id)
        self._say("dispute", f"the sum of {state.name()} does not open: somebody shared something else", key=state.key)

    def _answer(self, state: TaskSnapshot, attempt: AttemptView) -> None:
        said, me = attempt.dispute, self.view.address
        if said is None or me not in _set_of(attempt):
            return
        if (sharer := self._sharer(state, said.sharing_set)) is None:
            return
        if me not in said.complete:
            if not state.late and said.sharing_set is attempt.sharing_set:
                self._claim(state, attempt, sharer.claims(attempt.generators), said.claims.get(me, {}))
            return
        # what a pair has in common is shown where the contract asks for it, and told to no endpoint otherwise
        if not any(said.contradict(me, other) for other in attempt.nodes):
            return
        for reveal in sharer.answers(attempt.generators, said.claims):
            if reveal.other in _set_of(attempt) and said.contradict(me, reveal.other):
                self._reveal(state, said.sharing_set, attempt.generators, reveal)

    def _claim(
        self, state: TaskSnapshot, attempt: AttemptView, claims: Mapping[str, Point], done: Mapping[str, Point]
    ) -> None:
        waiting = [(other, point) for other, point in claims.items() if other not in done]
        for start in range(0, len(waiting), _CLAIMS_AT_ONCE):
            part = waiting[start : start + _CLAIMS_AT_ONCE]
            last = start + _CLAIMS_AT_ONCE >= len(waiting)
            self.view.hlr.claim(
                state.id,
                [other for other, _ in part],
                [point for _, point in part],
                vector=attempt.vectors[self.view.address] if last else (),
                generators=attempt.generators if last else (),
            )
        self._say("claimed", f"claimed the pair points of {state.name()}", key=_set_of(attempt).digest)

    def _reveal(
        self, state: TaskSnapshot, sharing_set: SharingSet, generators: Sequence[Point], reveal: Reveal
    ) -> None:
        shown = [(*proven.eighth, proven.challenge, proven.response) for proven in (reveal.lasting, reveal.round_key)]
        mine, theirs = (_keys(sharing_set.member(node)) for node in (reveal.revealer, reveal.other))
        self.view.hlr.reveal(state.id, reveal.other, mine, theirs, shown, generators)
        self._say("revealed", f"{state.name()}: showed what {reveal.other} should have claimed", key=reveal.other)

    # --- all ---

    def _collection(self, state: TaskSnapshot, held: _Held) -> ledger.Collection:
        # a sum with noise is another one each time; of a large set a node knows its own rows alone
        exact = self.spec.privacy is None and not self.view.is_large(state)
        return collection_of(state.family, state.collection, state.weights, held.data, exact=exact)

    def _asked(self, state: TaskSnapshot, collection: ledger.Collection) -> ledger.Collection:
        """The collection as the ledger is asked about it. In another attempt of one round the others have shared
        nothing that keeps them from a smaller set: a node that has does not come to be in one that it would refuse."""
        found, here = self.store.ledger().conflicts(collection), self.view.place_of(state)
        again = bool(found) and found[-1].place != here and replace(found[-1].place, attempt=here.attempt) == here
        return replace(collection, same_rows=False) if again else collection

    def _earlier(self, state: TaskSnapshot, collection: ledger.Collection) -> Earlier | None:
        """The sum of another task that these rows were last shared in at these weights, as the chain shows it, and who
        of its nodes has released the others since."""
        found = self.store.ledger().conflicts(collection)
        if not found or not collection.goes_by_rows:
            return None
        place = found[-1].place
        here = replace(self.view.place_of(state), task=place.task, round=place.round, attempt=place.attempt)
        if place.task == state.id or place != here:
            return None
        rows = rows_of_sum(self.view, self.view.state(place.task), place.round, place.attempt)
        gone = self.view.withdrawals(state.collected_dataset)
        return None if rows is None else Earlier(rows, frozenset(one for one, said in gone.items() if said.retraining))

    def _sharer(self, state: TaskSnapshot, sharing_set: SharingSet) -> Sharer | None:
        round_key = self.store.round_key(Attempt.of(state))
        try:
            if round_key is None:
                raise InputError("the key of this attempt is not in this store")
            return Sharer(sharing_set, self.view.address, self.store.lasting_key, round_key)
        except InputError as error:
            self._say("lost", f"this node cannot share in {state.name()}: {error.message}", key=sharing_set.digest)
            return None


def collection_of(
    family: Family, collected: Collection, weights: Sequence[int], data: frozenset[int], *, exact: bool
) -> ledger.Collection:
    """What a share is of, as the ledger knows it: of these rows, at these integer weights, and whether it is exact."""
    if family is Family.GAUSSIAN:  # gradients, information and evaluations follow from the same moments
        return ledger.Collection(statement="moments", weights=None, data=data)
    statement, at = str(collected.unit(family)), model_commitment(0, weights)
    return ledger.Collection(statement=statement, weights=at, data=data, same_rows=exact)


def _set_of(attempt: AttemptView) -> SharingSet:
    assert attempt.sharing_set is not None  # noqa: S101 - the contract has one from closing on
    return attempt.sharing_set


def _keys(member: Member) -> tuple[list[int], int, int]:
    return list(member.lasting.eighth), *member.round_key.eighth
