"""What one node of a large task reads of an attempt: its own events, those of its neighbours, and who has left.

Nothing is taken on trust that masks depend on. Each neighbour's keys and point are a leaf of the tree that the set's
digest holds; the endpoint answers with what leads from these leaves to the root, and with another key it would lead to
another digest than the one that the share names. A set of `LARGE` nodes or fewer is read as a whole
(`participants.attempts`), and so is every linear regression.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from twopm_zk.chain.abi import DecodedEvent
from twopm_zk.chain.tasks import Phase, TaskSnapshot
from twopm_zk.errors import InputError, UnsettledError
from twopm_zk.numbers.baby_jubjub import IDENTITY, Point, add
from twopm_zk.participants.attempts import AttemptView, Dispute
from twopm_zk.participants.rounds.sets import member_of, reason_of
from twopm_zk.participants.task_view import ChainView
from twopm_zk.sharing import Member, Place, SharingSet, tree

_LEAVES_AT_ONCE = 4096
"""Leaves that one question to the endpoint is about, a power of two: each is a word of storage to it."""
_SEATS_AT_ONCE = 200
"""Seats in one question for events."""
_COURSE = ("SetOpened", "NodeLeft", "SharingStarted", "DisputeOpened")


@dataclass(frozen=True)
class _Known:
    """A set that was proven, and the events that it follows from."""

    place: Place
    course: list[DecodedEvent]
    accounts: frozenset[str]
    present: SharingSet
    disputed: SharingSet | None
    """The set that shared what is disputed."""


class Following:
    """One account's view of the present attempt of a large task; its owner wants ``accounts`` in the set."""

    def __init__(self, view: ChainView, accounts: Iterable[str]) -> None:
        self._view, self._accounts = view, frozenset(accounts)
        self._known: _Known | None = None

    def read(self, state: TaskSnapshot) -> AttemptView:
        """The attempt at the snapshot's block, as far as it concerns this node.

        Raises UnsettledError where the endpoint does not show what the contract has: blocks were just replaced, or it
        hides something, or it shows other nodes than those of the set.
        """
        try:
            return self._read(state)
        except InputError as error:
            raise UnsettledError(f"{state.name()}: {error.message}; looking again") from error

    def _read(self, state: TaskSnapshot) -> AttemptView:
        view, me = self._view, self._view.address
        updates = view.updates(state, node=me)
        found = AttemptView(state.collection, len(state.weights), state.family)
        if updates:
            point = IDENTITY
            for update in updates:
                point = add(point, update.point)
            found = replace(found, points={me: point}, data={me: tuple(update.data for update in updates)})
        if state.phase in (Phase.CREATED, Phase.COLLECTING):
            return found
        known = self._sets(state, found)
        found = replace(found, sharing_set=known.present)
        if not known.present.started or me not in (known.disputed or known.present):
            return found
        share_attempt = known.present.share_attempt
        shared = [
            event for event in view.events_about(state, "Shared", node=me) if event["shareAttempt"] == share_attempt
        ]
        found = replace(found, vectors={event["node"]: tuple(event["vector"]) for event in shared})
        return found if known.disputed is None else replace(found, dispute=self._dispute(state, known))

    # --- the set ---

    def _sets(self, state: TaskSnapshot, found: AttemptView) -> _Known:
        course, place = self._view.events_about(state, *_COURSE), self._view.place_of(state)
        known, accounts = self._known, frozenset(self.inside(state, ready=True))
        if known is not None and (known.place, known.course, known.accounts) == (place, course, accounts):
            return known
        first = next((event for event in course if event.name == "SetOpened"), None)
        if first is None:
            raise InputError("the endpoint does not show that collecting has closed", kind="not-shown")
        opened = SharingSet(place, bytes.fromhex(first["digest"][2:]))
        present, disputed = self._replayed(opened, course, b"", ())
        if present.started:
            me = self._view.address
            seats = {seat for one in accounts if (seat := self._view.seat_of(state, one)) is not None}
            for one in (present, disputed) if disputed is not None else (present,):
                mine = self._view.seat_of(state, me)
                if mine is not None:
                    seats |= one.neighbour_seats(mine) | {mine}
            members, root = self._proven(state, seats, present.seats)
            present, disputed = self._replayed(opened, course, root, members)
            if found.points and me in present and present.member(me).point != found.points[me]:
                raise InputError("the set has another point of this node than its updates add up to", kind="not-shown")
        elif (seat := self._view.seat_of(state, self._view.address)) is not None:
            present = replace(present, members=tuple(self._ready(state, {seat}).values()))
        if present.started and present.digest != state.set_digest:
            raise InputError("the endpoint shows other nodes than its contract has in the set", kind="other-set")
        self._known = _Known(place, course, accounts, present, disputed)
        return self._known

    def inside(self, state: TaskSnapshot, *, ready: bool) -> list[str]:
        """The accounts that the owner asks for and that take part, or are ready, as the endpoint says. Once sharing has
        begun it has to prove that they are in the set."""
        there = self._view.is_in_set if ready else self._view.participates
        return [one for one in sorted(self._accounts) if there(state, one)]

    @staticmethod
    def _replayed(
        opened: SharingSet, course: Iterable[DecodedEvent], root: bytes, members: Iterable[Member]
    ) -> tuple[SharingSet, SharingSet | None]:
        """The set after its events, and the one that shared what is disputed. Without a ``root`` digests are those that
        events have: then the sets say which seats are near, and nothing is proven."""
        found, disputed = opened, None
        for event in course:
            if event.name == "NodeLeft":
                found = found.left(event["node"], event["seat"], reason_of(event))
            elif event.name == "SharingStarted":
                seats = event["nodes"] + len(found.gone)
                again = found.started
                found = found.next_share_attempt() if again else found.begun_with(root, seats, members)
                disputed = None
            elif event.name == "DisputeOpened":
                disputed = found
            else:
                continue
            said = bytes.fromhex(event["digest"][2:]) if "digest" in event.values else found.digest
            if root and said != found.digest:
                raise InputError("the endpoint shows other nodes than those of the set's digest", kind="other-set")
            if not root:
                found = replace(found, digest=said)
                disputed = found if event.name == "DisputeOpened" else disputed
        return found, disputed

    def _proven(self, state: TaskSnapshot, seats: set[int], count: int) -> tuple[list[Member], bytes]:
        """The nodes of some seats, and the root that their leaves lead to with what the endpoint says of all others."""
        members = self._ready(state, seats)
        if missing := seats - members.keys():
            raise InputError(f"the endpoint does not show who was ready in {len(missing)} seats", kind="not-shown")
        peaks: tree.Hashes = ()
        for number, first in enumerate(range(0, count, _LEAVES_AT_ONCE)):
            size = min(_LEAVES_AT_ONCE, count - first)
            leaves = {seat: members[seat].leaf for seat in seats if first <= seat < first + size}
            proof = self._view.hlr.proof_of(state.id, first, size, sorted(leaves), block=state.block)
            peaks = tree.appended(peaks, number, tree.proven_root(first, size, leaves, proof))
        return [members[seat] for seat in sorted(seats)], tree.root_of(peaks)

    def _ready(self, state: TaskSnapshot, seats: set[int]) -> Mapping[int, Member]:
        wanted, found = sorted(seats), dict[int, Member]()
        for start in range(0, len(wanted), _SEATS_AT_ONCE):
            part = wanted[start : start + _SEATS_AT_ONCE]
            for event in self._view.events_about(state, "NodeReady", seats=part):
                found[event["seat"]] = member_of(event)
        return found

    # --- disputes ---

    def _dispute(self, state: TaskSnapshot, known: _Known) -> Dispute:
        """What was said of this node's pairs: its own claims, and those of whoever contradicts it."""
        view, me, present = self._view, self._view.address, known.present.share_attempt
        assert known.disputed is not None  # noqa: S101 - only then is it asked for
        opened = [event for event in known.course if event.name == "DisputeOpened"][-1]
        said = Dispute(opened["accuser"], known.disputed)
        against = {
            other
            for event in view.events_about(state, "Contradiction")
            for other in {event["node"], event["other"]} - {me}
            if event["shareAttempt"] == present and me in (event["node"], event["other"])
        }
        for node in (me, *sorted(against)):
            for event in view.events_about(state, "PairPointsClaimed", node=node):
                if event["shareAttempt"] == present:
                    points = dict(zip(event["others"], (Point(x, y) for x, y in event["points"]), strict=True))
                    claims = {**said.claims, node: {**said.claims.get(node, {}), **points}}
                    complete = said.complete | {node} if event["complete"] else said.complete
                    said = replace(said, claims=claims, complete=complete)
        return said
