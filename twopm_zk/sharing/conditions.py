"""When a node is willing: what its owner wants of a set, when it is too late, and what it has shared before.

Each function gives all objections, none of which holds a private value; a node goes on where there is none. One that
was ready and objects to the set withdraws, as long as it has sent no share: that is free until sharing begins. From
then on it waits with what all others object to as well, for then the round starts again, until somebody shares.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from twopm_zk.sharing.ledger import Collection, Earlier, Ledger, Rows
from twopm_zk.sharing.sets import Departure, Place, SharingSet, order


class Objection(NamedTuple):
    """Why a node does not go on: a name in lower case with hyphens, and a sentence."""

    kind: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What a node's owner wants of a set, for its own update to be hidden in the sum."""

    nodes: int = 3
    """The smallest number of nodes in the set, itself among them."""
    rows: int = 1
    """The smallest number of rows of its own: the sum of few is theirs, if all others are the same person."""
    accounts: frozenset[str] = frozenset()
    """Accounts that must be in the set. A number of strangers proves nothing: they may be one person."""
    refuse_after_silence: bool = False
    """Whether to share no more after a node was left out for silence. The next sum may give that node away to somebody
    who caused its silence; the price of refusing is this node's own penalty. Where ``accounts`` are named, the silence
    of these alone counts: a stranger could join, fall silent, and have everybody pay who refuses after that."""


@dataclass(frozen=True)
class PhaseTime:
    """Where a phase stands, in seconds."""

    now: int
    deadline: int
    length: int

    @property
    def is_late(self) -> bool:
        """Whether the last third of the phase has begun. What is sent then may arrive too late: it is seen, not taken,
        and the sum of the others gives it away."""
        return 3 * (self.deadline - self.now) <= self.length


def ready_objections(
    conditions: Conditions,
    collection: Collection,
    *,
    place: Place,
    candidates: Iterable[str],
    rows: Rows,
    own_rows: int,
    time: PhaseTime,
    ledger: Ledger,
    nodes: int | None = None,
    base: Iterable[str] | None = None,
    earlier: Earlier | None = None,
) -> tuple[Objection, ...]:
    """Against saying ready. ``candidates`` are the nodes with updates in this attempt, this one among them; ``rows`` is
    what they are of, ``base`` who a linear regression began with, ``earlier`` what was shared last of these rows.
    ``nodes`` is how many they are where not all of them are named."""
    candidates = tuple(candidates)
    count = len(candidates) if nodes is None else nodes
    found = [*_of_owner(conditions, candidates, count, own_rows), *_of_time(time)]
    if not ledger.allows_ready(collection, place, rows, candidates, base, earlier):
        found.append(_shared_before(collection))
    return tuple(found)


def share_objections(
    conditions: Conditions,
    collection: Collection,
    *,
    sharing_set: SharingSet,
    rows: Rows,
    digest: bytes,
    own_rows: int,
    time: PhaseTime,
    ledger: Ledger,
    base: Iterable[str] | None = None,
    earlier: Earlier | None = None,
) -> tuple[Objection, ...]:
    """Against sharing with a set; ``rows`` are those of the attempt, ``digest`` is the contract's own, ``base`` is who
    a linear regression began with, ``earlier`` what was shared last of these rows.

    A share that was sent with this very set is the same when it is sent again, which neither conditions nor time speak
    against.
    """
    sent = ledger.has_shared(sharing_set)
    found = (
        []
        if sent
        else [
            *_of_owner(conditions, sharing_set.addresses, sharing_set.size, own_rows),
            *_of_time(time),
        ]
    )
    if digest != sharing_set.digest:
        found.append(Objection("another-set", "the contract has another set than its events tell"))
    if not ledger.allows(collection, sharing_set, rows, base, earlier):
        found.append(_shared_before(collection))
    named = {order(account) for account in conditions.accounts}
    silent = [
        node
        for node, reason in sharing_set.departed
        if reason in (Departure.SILENT, Departure.MISSING) and (not named or order(node) in named)
    ]
    if silent and conditions.refuse_after_silence and not sent:
        found.append(
            Objection(
                "left-out-for-silence",
                f"{', '.join(silent)} was left out for silence, or as missing",
            )
        )
    return tuple(found)


def withdrawal_objections(ledger: Ledger, place: Place) -> tuple[Objection, ...]:
    """Against withdrawing from an attempt: a share that was sent can be read, whether it was taken or not."""
    if ledger.has_shared_at(place):
        return (Objection("share-sent", "a share of this attempt was sent: the sum without it would give it away"),)
    return ()


def _shared_before(collection: Collection) -> Objection:
    what = "at these weights, with another set: two sums would tell them"
    if collection.weights is None:
        what = (
            "in a linear regression, with nodes or rows that are not all here: two sums would tell the difference, at "
            "whatever weights; it goes on once all of them are back"
        )
    elif collection.same_rows:
        what = (
            "at these weights, with other nodes than those here: two sums would tell the difference; it goes on once "
            "all of them are back"
        )
    return Objection("shared-before", f"rows of this node were shared before {what}")


def _of_owner(conditions: Conditions, accounts: Iterable[str], nodes: int, own_rows: int) -> Iterable[Objection]:
    there = {order(account) for account in accounts}
    missing = sorted(account for account in conditions.accounts if order(account) not in there)
    if nodes < conditions.nodes:
        message = f"{nodes} nodes, the owner wants at least {conditions.nodes}"
        yield Objection("too-few-nodes", message)
    if own_rows < conditions.rows:
        yield Objection("too-few-own-rows", f"this node has fewer rows than the {conditions.rows} its owner wants")
    if missing:
        yield Objection("accounts-missing", f"the owner wants {', '.join(missing)} in the set")


def _of_time(time: PhaseTime) -> Iterable[Objection]:
    if time.is_late:
        yield Objection("too-late", "the last third of the phase has begun")
