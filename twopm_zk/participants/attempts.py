"""An attempt as its events tell it: who handed in what, who is in the set that shares, what was shared, and the sum.

Nothing is believed: the set's digest is made anew from each event and compared, points are added here, and a sum counts
only where it opens the sum of the points.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations, groupby
from weakref import WeakKeyDictionary

from twopm_zk.chain.abi import DecodedEvent
from twopm_zk.chain.tasks import COLLECTIONS, Phase, TaskSnapshot, words
from twopm_zk.errors import DeploymentError, RangeError, UnsettledError
from twopm_zk.numbers.baby_jubjub import IDENTITY, Point, add
from twopm_zk.numbers.pedersen import Opening, Unit, vector_generators
from twopm_zk.participants.rounds.attempts import present_attempt
from twopm_zk.participants.rounds.sets import set_after
from twopm_zk.participants.task_view import ChainView
from twopm_zk.sharing import (
    Evidence,
    Place,
    SharingSet,
    open_sum,
    opening_of,
)
from twopm_zk.sharing.sums import Vector
from twopm_zk.statements import Collection, Family, Policy, RoundShape
from twopm_zk.training.public_sums import PublicSum


@dataclass(frozen=True)
class Dispute:
    """What has been said of one share attempt."""

    accuser: str
    sharing_set: SharingSet
    """Under which the shares were made: whoever is found out leaves the set, and changes its digest."""
    claims: Mapping[str, Mapping[str, Point]] = field(default_factory=dict)
    complete: frozenset[str] = frozenset()

    @property
    def contradictions(self) -> tuple[tuple[str, str], ...]:
        """The pairs of which both have claimed a point, and not the same one."""
        members = sorted(self.claims, key=lambda address: int(address, 16))
        return tuple(pair for pair in combinations(members, 2) if self.contradict(*pair))

    def contradict(self, one: str, other: str) -> bool:
        """Whether both of a pair have claimed a point, and not the same one."""
        claimed = self.claims.get(one, {}).get(other), self.claims.get(other, {}).get(one)
        return None not in claimed and claimed[0] != claimed[1]


@dataclass(frozen=True)
class AttemptView:
    """What the chain shows of one attempt."""

    collection: Collection
    weights: int
    """Number of weights, the intercept among them."""
    family: Family = Family.LOGISTIC
    points: Mapping[str, Point] = field(default_factory=dict)
    """The sum of each node's update commitments."""
    data: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """The data commitments of the updates that each node has handed in."""
    sharing_set: SharingSet | None = None
    """The set that shares; None until the attempt is closed."""
    vectors: Mapping[str, Vector] = field(default_factory=dict)
    """What was shared in the present share attempt."""
    dispute: Dispute | None = None

    @property
    def count(self) -> int:
        """Sums of an update."""
        return self.collection.sums(self.weights, self.family)

    @cached_property
    def generators(self) -> tuple[Point, ...]:
        """What the scalars of a vector multiply."""
        return vector_generators(self.unit, self.count)

    @property
    def unit(self) -> Unit:
        """What the sums are counted in."""
        return self.collection.unit(self.family)

    @property
    def batches(self) -> Mapping[str, int]:
        """How many updates each node has handed in."""
        return {node: len(data) for node, data in self.data.items()}

    @property
    def summed_data(self) -> frozenset[tuple[str, int]]:
        """Whose data commitments all updates of the set that shares are of: over which rows the sum is. Two accounts
        may have the same commitment, if they both know what it hides."""
        return frozenset((node, one) for node in self.nodes for one in self.data[node])

    @property
    def nodes(self) -> tuple[str, ...]:
        """Addresses of the set that shares."""
        return () if self.sharing_set is None else tuple(sorted(self.sharing_set.addresses))

    @property
    def silent(self) -> tuple[str, ...]:
        """Addresses of those in the set that have not shared."""
        return tuple(node for node in self.nodes if node not in self.vectors)

    @cached_property
    def total(self) -> Opening | None:
        """What opens the round's point, once all have shared; None before, and where somebody shared rubbish."""
        if self.sharing_set is None or not self.sharing_set.is_whole or not self.vectors:
            return None
        if set(self.vectors) != set(self.sharing_set.addresses):
            return None
        points = (member.point for member in self.sharing_set.members)
        vector = open_sum(self.generators, self.vectors.values(), points)
        if vector is None:
            return None
        try:
            return opening_of(self.unit, self.count, vector)
        except RangeError:  # the circuits cannot open it either
            return None

    @property
    def evidence(self) -> Evidence | None:
        """What a dispute goes by; None where there is none."""
        if self.dispute is None:
            return None
        return Evidence(
            sharing_set=self.dispute.sharing_set,
            generators=self.generators,
            vectors=self.vectors,
            claims=self.dispute.claims,
            accuser=self.dispute.accuser,
        )

    # --- one event after the other ---

    def after(self, event: DecodedEvent, place: Place) -> AttemptView:
        """The view once one more event of the attempt has happened."""
        handler = _HANDLERS.get(event.name)
        found = self if handler is None else handler(self, event, place)
        sharing_set = set_after(self.sharing_set, event, place)
        return found if sharing_set is self.sharing_set else replace(found, sharing_set=sharing_set)


def read_attempt(view: ChainView, state: TaskSnapshot) -> AttemptView:
    """The present attempt at the snapshot's block.

    Raises UnsettledError where the events that the endpoint shows are not those that the contract has counted: blocks
    were just replaced, or some are missing there. Nothing may be concluded from such a view.
    """
    return present_attempt(view, state, AttemptView(state.collection, len(state.weights), state.family), agree=_agree)


def _agree(found: AttemptView, state: TaskSnapshot) -> bool:
    if sum(found.batches.values()) != state.updates:
        return False
    if found.sharing_set is None:
        return state.phase in (Phase.CREATED, Phase.COLLECTING)
    shared = state.shared if state.phase in (Phase.SHARING, Phase.SUMMED, Phase.DISPUTED) else len(found.vectors)
    same = (found.sharing_set.digest, found.sharing_set.size) == (state.set_digest, state.ready)
    return same and len(found.vectors) == shared


def replay_attempt(events: Iterable[DecodedEvent], start: AttemptView, place: Place) -> AttemptView:
    """The view after all events of one attempt, from the one before them."""
    found = start
    for event in events:
        found = found.after(event, place)
    return found


def _update(found: AttemptView, event: DecodedEvent, _: Place) -> AttemptView:
    node = event["node"]
    points = {**found.points, node: add(found.points.get(node, IDENTITY), Point(event["x"], event["y"]))}
    return replace(found, points=points, data={**found.data, node: (*found.data.get(node, ()), event["data"])})


def _ready(found: AttemptView, event: DecodedEvent, _: Place) -> AttemptView:
    node, point = event["node"], Point(event["x"], event["y"])
    if point != found.points.get(node, IDENTITY):
        raise DeploymentError(f"node {node} was ready in another seat, or with other updates, than its events tell")
    return found


def _withdrawn(found: AttemptView, event: DecodedEvent, _: Place) -> AttemptView:
    points = {node: point for node, point in found.points.items() if node != event["node"]}
    return replace(found, points=points)


def _started(found: AttemptView, event: DecodedEvent, _: Place) -> AttemptView:
    return replace(found, vectors={}, dispute=None)


def _shared(found: AttemptView, event: DecodedEvent, _: Place) -> AttemptView:
    return replace(found, vectors={**found.vectors, event["node"]: tuple(event["vector"])})


def _disputed(found: AttemptView, event: DecodedEvent, _: Place) -> AttemptView:
    if found.sharing_set is None:
        raise DeploymentError("a dispute is opened before there is a set of nodes")
    return replace(found, dispute=Dispute(event["accuser"], found.sharing_set))


def _claimed(found: AttemptView, event: DecodedEvent, _: Place) -> AttemptView:
    if found.dispute is None:
        return found
    node, said = event["node"], found.dispute
    new = dict(zip(event["others"], (Point(x, y) for x, y in event["points"]), strict=True))
    claims = {**said.claims, node: {**said.claims.get(node, {}), **new}}
    complete = said.complete | {node} if event["complete"] else said.complete
    return replace(found, dispute=replace(said, claims=claims, complete=complete))


_HANDLERS = {
    "UpdateAccepted": _update,
    "NodeReady": _ready,
    "NodeLeft": _withdrawn,
    "UpdateWithdrawn": _withdrawn,
    "SharingStarted": _started,
    "Shared": _shared,
    "DisputeOpened": _disputed,
    "PairPointsClaimed": _claimed,
}


# --- all rounds of a task ---


@dataclass(frozen=True)
class Collected:
    """A round whose sum was shared: whose data it is of, and what it comes to."""

    round: int
    attempt: int
    weights: tuple[int, ...]
    """At which it was collected, in units of 2^-20."""
    matrix_hash: int
    """Of the step matrix that led to the weights."""
    view: AttemptView
    held_out: bool = False
    """Whether the rows are those that nodes held out of training."""

    @property
    def collected(self) -> str:
        """What the round collected, in words."""
        return words(self.view.collection, held_out=self.held_out)

    def policy(self, state: TaskSnapshot) -> Policy:
        """What the model commitment of this round binds, in the task of a snapshot."""
        return replace(state.policy, round=self.round, attempt=self.attempt, matrix_hash=self.matrix_hash)

    def public_sum(self, state: TaskSnapshot) -> PublicSum:
        """What is learnt from this round."""
        assert self.view.total is not None  # noqa: S101 - `read_history` has no others
        return PublicSum(
            self.view.collection,
            self.policy(state),
            self.weights,
            self.view.total,
            self.view.summed_data,
            self.held_out,
            self.view.nodes,
        )

    def gradient_bound(self, state: TaskSnapshot) -> int | None:
        """The smallest bound on the gradient per row that follows from the sum, lambda included, in units of 2^-32.

        None for other sums, and where there is nothing that a bound could be of.
        """
        total = self.view.total
        if self.view.collection is not Collection.GRADIENT or total is None or total.rows < 1:
            return None
        return RoundShape(len(self.weights) - 1).smallest_bound(self.policy(state), self.weights, total)


def certified_round(history: Sequence[Collected]) -> Sequence[Collected]:
    """The round that a certificate is of, the last one of a gradient; empty where there is none."""
    return [one for one in history if one.view.collection is Collection.GRADIENT][-1:]


def read_history(view: ChainView, state: TaskSnapshot) -> tuple[Collected, ...]:
    """All rounds of a task up to the snapshot whose nodes have shared, the present one too, in order.

    Only the last attempt of a round counts, and of it the last share attempt. Of each round that another one follows a
    sum was used: UnsettledError, as in `read_attempt`, where the endpoint does not show them all.
    """
    events = view.task_events(state.id, from_block=view.deployment.block, to_block=state.block)
    weights: tuple[int, ...] = ()
    matrix, found = 0, {}
    collections: dict[tuple[int, int], tuple[Collection, bool, tuple[int, ...], int]] = {}
    parts: dict[tuple[int, int], list[DecodedEvent]] = {}
    for event in events:
        if event.name == "ModelPublished":
            weights, matrix = tuple(event["weights"]), event["matrixHash"]
        elif event.name == "AttemptModel":
            kind = COLLECTIONS[event["collected"]]
            collections[event["round"], event["attempt"]] = (kind, event["heldOut"], weights, matrix)
        elif "attempt" in event.values and "round" in event.values:
            parts.setdefault((event["round"], event["attempt"]), []).append(event)
    for number, attempts in groupby(sorted(collections), key=lambda key: key[0]):
        last = list(attempts)[-1]
        kind, held_out, at, led = collections[last]
        place = replace(view.place_of(state), round=number, attempt=last[1])
        try:
            attempt = replay_attempt(parts.get(last, []), AttemptView(kind, len(at), state.family), place)
        except DeploymentError as error:
            raise UnsettledError(f"{state.name()}: {error.message}; looking again") from error
        if attempt.total is not None:
            found[number] = Collected(number, last[1], at, led, attempt, held_out)
    if missing := sorted(set(range(state.round)) - set(found)):
        raise UnsettledError(
            f"{state.name()}: the endpoint does not show the sum of round {missing[0]}, which its contract has used; "
            "looking again"
        )
    return tuple(found[number] for number in sorted(found))


def rows_of_sum(
    view: ChainView, state: TaskSnapshot, number: int, attempt: int
) -> Mapping[str, tuple[int, ...]] | None:
    """Whose rows were in the sum of a round: accounts with their data commitments; in a linear regression those that
    all its sums up to it were over. None where nothing was made of this attempt."""
    history = [one for one in read_history(view, state) if one.round <= number]
    if not history or (history[-1].round, history[-1].attempt) != (number, attempt):
        return None
    last = history[-1].view
    before = [one.view for one in history[:-1] if not one.held_out] if state.family is Family.GAUSSIAN else []
    return {node: last.data[node] for node in last.nodes if all(node in one.nodes for one in before)}


_Round = tuple[int, int, bytes]
_FIXED: WeakKeyDictionary[ChainView, tuple[_Round, Mapping[str, tuple[int, ...]]]] = WeakKeyDictionary()


def fixed_rows(view: ChainView, state: TaskSnapshot) -> Mapping[str, tuple[int, ...]] | None:
    """Whose rows the present round has to be over where a linear regression has begun: accounts with their data
    commitments.

    Those that all its sums so far were over: nodes share their rows only together with these, see `sharing.ledger`.
    None where any node may come, as with held-out rows, which are in no other sum.
    """
    if state.family is not Family.GAUSSIAN or state.held_out or not state.round:
        return None
    key, known = (state.id, state.round, view.block_hash(state.opened_at)), _FIXED.get(view)
    if known is None or known[0] != key:
        first, *others = [one.view for one in read_history(view, state) if one.round < state.round]
        rows = {node: first.data[node] for node in first.nodes if all(node in one.nodes for one in others)}
        _FIXED[view] = known = (key, rows)
    return known[1]
