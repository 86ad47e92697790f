"""What a node has shared, so that no two sums give it away.

Two sums at the same weights whose sets differ by one node give that node's opening, in one task or in two: every task
starts at zero weights. No rule of a contract can see that. So a node writes an entry before its share leaves the
machine, and then shares the same rows at the same weights with no other set: only with the one that the contract has
made of it since, which shrinks by a withdrawal, a proven lie or a silence that was paid for, or with one that has the
same points, whose sum is the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from twopm_zk.sharing.sets import Place, SharingSet


@dataclass(frozen=True, kw_only=True)
class Collection:
    """What a node would share: what it collects, at which weights, over which rows."""

    statement: str
    weights: int
    """A hash of the weights alone, the same one in every task: `commitments.model_commitment` of context 0."""
    data: frozenset[int]
    """The data commitments of the rows. Rows that are committed to once more, with another salt, are other rows here:
    then add what names them as well, such as a keyed hash of theirs."""

    def overlaps(self, other: Collection) -> bool:
        """Whether both collect the same at the same weights, and some rows are in both."""
        same = (self.statement, self.weights) == (other.statement, other.weights)
        return same and not self.data.isdisjoint(other.data)


@dataclass(frozen=True, kw_only=True)
class LedgerEntry:
    """One share that may have left the machine."""

    collection: Collection
    place: Place
    digest: bytes
    """The digest of the set that the share was made for."""
    contributions: bytes
    """`SharingSet.contributions` of that set."""

    @classmethod
    def of(cls, collection: Collection, sharing_set: SharingSet) -> LedgerEntry:
        """The entry to write before a share with this set is sent."""
        return cls(
            collection=collection,
            place=sharing_set.place,
            digest=sharing_set.digest,
            contributions=sharing_set.contributions,
        )

    def allows(self, sharing_set: SharingSet) -> bool:
        """Whether a share with this set tells no more than the one of this entry."""
        known = (sharing_set.digest, *sharing_set.earlier)
        return self.digest in known or self.contributions == sharing_set.contributions


@dataclass(frozen=True)
class Ledger:
    """All that a node has shared."""

    entries: tuple[LedgerEntry, ...] = field(default=())

    def with_share(self, collection: Collection, sharing_set: SharingSet) -> Ledger:
        """With one more entry; the same one twice is one."""
        entry = LedgerEntry.of(collection, sharing_set)
        return self if entry in self.entries else Ledger((*self.entries, entry))

    def conflicts(self, collection: Collection) -> tuple[LedgerEntry, ...]:
        """What was shared of these rows at these weights."""
        return tuple(entry for entry in self.entries if entry.collection.overlaps(collection))

    def has_shared(self, sharing_set: SharingSet) -> bool:
        """Whether a share with this very set may have left the machine: it may be sent again, for it is the same."""
        return any(entry.digest == sharing_set.digest for entry in self.entries)

    def has_shared_at(self, place: Place) -> bool:
        """Whether a share may have left the machine in this attempt."""
        return any(entry.place == place for entry in self.entries)
