"""What a node has shared, so that no two sums give it away.

Two sums at the same weights whose sets differ by one node give that node's opening, in one task or in two: every task
starts at zero weights, or at those of the task that it descends from. No rule of a contract can see that. So a node
writes an entry before its share leaves the machine, and then shares the same rows at the same weights with no other
set: only with the one that the contract has made of it since, which shrinks by a withdrawal, a proven lie or a silence
that was paid for, or with one that has the same points, or where sums are exact the same rows of the same nodes, whose
sum is the same.

Whoever withdraws its data for good may **release** the others: then sums over the same rows without its own are allowed
too, although the difference tells its own, which it alone can decide. Nobody else may be missing with it: the
difference would be of both, and whoever knows one of them knows the other.

In a linear regression sums are linear in the weights: with A the sum of x x' over a set, its gradient at w is A w - b.
So A and one gradient give the gradients of that set at all weights, and two gradients give A times the difference of
their weights. An evaluation is linear in A, b and the sum of y y'. A sum over another set, at whatever weights, then
gives sums of the nodes in which the two sets differ. So there all weights count as one, gradients, information and
evaluations as one statement, and a node shares its rows again only together with the same rows of the same nodes: the
**base** of a linear regression, those that all its sums have been over. Then the base is in every sum as a whole, and
its own sums are all that they tell of its nodes. Whoever joins later may be in a sum or not: it gives away its own
rows, with those of others who join and leave as it does. If nodes refused a set of more than the base, a stranger could
join it last, share, and have all others pay for leaving.

In federated learning of any model (HFL) a round whose sum was spoilt is tried again at the same weights. Each node then
shares the very update that it has kept, so that a sum over the same nodes is the same sum; over others it would tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from twopm_zk.sharing.hashes import abi_hash
from twopm_zk.sharing.sets import Place, SharingSet, order

Rows = Mapping[str, Iterable[int]]
"""Whose rows are in an attempt: the data commitments that each account has handed in updates of."""


@dataclass(frozen=True, kw_only=True)
class Collection:
    """What a node would share: what it collects, at which weights, over which rows."""

    statement: str
    """A name for the sums: those of two collections with one name must not be of two sets at the same weights."""
    weights: int | None
    """A hash of the weights alone, the same one in every task: `commitments.model_commitment` of context 0. None where
    the sums are linear in the weights, so that all weights count as one."""
    data: frozenset[int]
    """The data commitments of the rows. Rows that are committed to once more, with another salt, are other rows here:
    then add what names them as well, such as a keyed hash of theirs."""
    same_rows: bool = False
    """Whether another sum at these weights may be shared over the same rows of the same nodes, as it is where all
    weights count as one, or sums are exact; else only where it is the same to the point."""

    @property
    def goes_by_rows(self) -> bool:
        """Whether what counts is whose rows are in a sum."""
        return self.same_rows or self.weights is None

    def overlaps(self, other: Collection) -> bool:
        """Whether both collect the same at the same weights, and some rows are in both."""
        same = (self.statement, self.weights) == (other.statement, other.weights)
        return same and not self.data.isdisjoint(other.data)


@dataclass(frozen=True)
class Earlier:
    """The sum that an entry is of, as somebody says whose word counts for nothing: the entry has a hash of it."""

    rows: Rows
    """Of each node of the base: its data commitments in that sum."""
    released: frozenset[str] = frozenset()
    """Who of them has withdrawn these data for good, and released the others."""

    def is_whole(self, entry: LedgerEntry, rows: Rows, accounts: Iterable[str]) -> bool:
        """Whether some accounts have between them the rows of the entry, but for those of whoever has released them,
        and no others. With a stranger among them nobody says ready: it could share first, and have all others pay for
        leaving."""
        if entry.rows != fingerprint(self.rows, self.rows):
            return False
        gone = {order(one) for one in self.released}
        left = {order(one): frozenset(found) for one, found in self.rows.items() if order(one) not in gone}
        there = {order(one): frozenset(rows[one]) for one in accounts}
        return left == there


@dataclass(frozen=True)
class LedgerEntry:
    """One share that may have left the machine."""

    collection: Collection
    place: Place
    digest: bytes
    """The digest of the set that the share was made for."""
    contributions: bytes
    """`SharingSet.contributions` of that set."""
    rows: bytes
    """`fingerprint` of the base in that set where the collection goes by rows, else zeros: there nobody asks for it."""

    @classmethod
    def of(
        cls, collection: Collection, sharing_set: SharingSet, rows: Rows, base: Iterable[str] | None = None
    ) -> LedgerEntry:
        """The entry to write before a share with this set is sent; ``rows`` are those of the attempt, and ``base`` who
        a linear regression began with, None where it begins."""
        inside = sharing_set.addresses if base is None else [one for one in base if one in sharing_set]
        return cls(
            collection=collection,
            place=sharing_set.place,
            digest=sharing_set.digest,
            contributions=sharing_set.contributions,
            rows=fingerprint(rows, inside) if collection.goes_by_rows else bytes(32),
        )

    def allows(self, sharing_set: SharingSet) -> bool:
        """Whether a share with this set tells no more than the one of this entry."""
        known = (sharing_set.digest, *sharing_set.earlier)
        return self.digest in known or self.contributions == sharing_set.contributions


@dataclass(frozen=True)
class Ledger:
    """All that a node has shared."""

    entries: tuple[LedgerEntry, ...] = field(default=())

    def with_share(
        self, collection: Collection, sharing_set: SharingSet, rows: Rows, base: Iterable[str] | None = None
    ) -> Ledger:
        """With one more entry; the same one twice is one."""
        entry = LedgerEntry.of(collection, sharing_set, rows, base)
        return self if entry in self.entries else Ledger((*self.entries, entry))

    def conflicts(self, collection: Collection) -> tuple[LedgerEntry, ...]:
        """What was shared of these rows at these weights, in the order in which it was."""
        return tuple(entry for entry in self.entries if entry.collection.overlaps(collection))

    def allows_ready(
        self,
        collection: Collection,
        place: Place,
        rows: Rows,
        candidates: Iterable[str],
        base: Iterable[str] | None = None,
        earlier: Earlier | None = None,
    ) -> bool:
        """Whether a set of these candidates in this attempt could be one to share with; ``base`` and ``earlier`` as in
        `allows`."""
        found, candidates = self.conflicts(collection), tuple(candidates)
        if not collection.goes_by_rows:
            return all(entry.place == place for entry in found)
        if not found or found[-1].place == place or _is_base_of(found[-1], rows, candidates, base):
            return True
        return earlier is not None and earlier.is_whole(found[-1], rows, candidates)

    def allows(
        self,
        collection: Collection,
        sharing_set: SharingSet,
        rows: Rows,
        base: Iterable[str] | None = None,
        earlier: Earlier | None = None,
    ) -> bool:
        """Whether a share with this set tells no more than those before, of nobody who has not released the others.

        Where a collection goes by rows, what was shared last counts: its base was that of what was shared before it, or
        what was left of that in the same attempt. ``base`` names it, as somebody says whose word counts for nothing:
        what the entry has is a hash of it. None stands for the whole set. ``earlier`` is the sum that was shared last.
        """
        found = self.conflicts(collection)
        if not collection.goes_by_rows:
            return all(entry.allows(sharing_set) for entry in found)
        if not found or found[-1].allows(sharing_set):
            return True
        if _is_base_of(found[-1], rows, sharing_set.addresses, base):
            return True
        return earlier is not None and earlier.is_whole(found[-1], rows, sharing_set.addresses)

    def has_shared(self, sharing_set: SharingSet) -> bool:
        """Whether a share with this very set may have left the machine: it may be sent again, for it is the same."""
        return any(entry.digest == sharing_set.digest for entry in self.entries)

    def has_shared_at(self, place: Place) -> bool:
        """Whether a share may have left the machine in this attempt."""
        return any(entry.place == place for entry in self.entries)


def _is_base_of(entry: LedgerEntry, rows: Rows, accounts: Iterable[str], base: Iterable[str] | None) -> bool:
    """Whether some accounts are the entry's base, with the same rows, and perhaps others besides."""
    there = {order(account): account for account in accounts}
    wanted = there.values() if base is None else tuple(base)
    return all(order(one) in there for one in wanted) and entry.rows == fingerprint(rows, wanted)


def fingerprint(rows: Rows, accounts: Iterable[str]) -> bytes:
    """A hash of whose rows the sum of some accounts is of: each account with its data commitments, both in order."""
    hashes = []
    for account in sorted(accounts, key=order):
        hashes.append(abi_hash(("address", account), ("uint256[]", sorted(rows[account]))))
    return abi_hash(("bytes32[]", hashes))
