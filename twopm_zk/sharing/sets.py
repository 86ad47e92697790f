"""Who shares with whom: the set of one attempt, and the digest that the contract keeps of it.

    closing          digest = H(chain id, contract, task, round, attempt, hash of the block before the closing one)
    ready            leaf of the node's seat = H(node, H(lasting key), round key, commitment)
    left, left out   digest = H(digest, node, seat)
    sharing begins   digest = H(digest, number of seats, root of all leaves)
    sharing anew     digest = H(digest, share attempt)

H is keccak256 of the ABI encoding; seats are numbered in the order in which nodes are ready. Masks are derived from the
digest, so that they are never the same twice: not after a reorganisation, a reopening, on a redeployed contract, or
after a node has gone. And a share goes to the contract with it, so that one made for another set is refused.

A set may be known in part: one node needs those alone that it has masks with, each proven to be a leaf of the tree, and
who has left.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property

from twopm_zk.errors import InputError
from twopm_zk.numbers.baby_jubjub import Point, is_on_curve
from twopm_zk.sharing import graph, tree
from twopm_zk.sharing.hashes import abi_hash
from twopm_zk.sharing.keys import PostedKey


@dataclass(frozen=True, kw_only=True)
class Place:
    """One attempt of one round of one task: what is known of a set before anybody is in it."""

    chain_id: int
    contract: str
    task: int
    round: int
    attempt: int
    identity: str
    """Address of the IdentityContract that the members' lasting keys are from."""


@dataclass(frozen=True)
class UpdateHash:
    """A salted hash of what a node shares, where no proof is about it. InputError where it has not 32 bytes."""

    digest: bytes

    def __post_init__(self) -> None:
        if len(self.digest) != 32:
            raise InputError(f"the hash of an update has {len(self.digest)} bytes, not 32")

    @property
    def words(self) -> tuple[int, int]:
        """What stands in a leaf where a point has its coordinates."""
        return int.from_bytes(self.digest, "big"), 0


@dataclass(frozen=True)
class Member:
    """A node that has said that it is ready."""

    address: str
    lasting: PostedKey
    """Its key in IdentityContract when it said so; what is set later changes nothing."""
    round_key: PostedKey
    commitment: Point | UpdateHash
    """To all its updates of the attempt: a point in logistic regression."""
    seat: int = 0
    """How many were ready before it."""

    def __post_init__(self) -> None:
        if isinstance(self.commitment, Point) and not is_on_curve(self.commitment):
            raise InputError(f"the updates of node {self.address} add up to no point of the curve")

    @property
    def point(self) -> Point:
        """The commitment that is a point. InputError where it is a hash."""
        if isinstance(self.commitment, UpdateHash):
            raise InputError(f"node {self.address} has committed to its update by a hash, not by a point")
        return self.commitment

    @property
    def words(self) -> tuple[int, int]:
        """The commitment as the contract has it: two numbers."""
        return self.commitment.words if isinstance(self.commitment, UpdateHash) else self.commitment

    @cached_property
    def leaf(self) -> bytes:
        """What the tree of its set has of it."""
        return abi_hash(
            ("address", self.address),
            ("bytes32", self.lasting.hash),
            *(("uint256", number) for number in (*self.round_key.eighth, *self.words)),
        )


class Departure(Enum):
    """Why a node is in a set no more."""

    WITHDREW = "withdrew"
    LIED = "lied"
    SILENT = "silent"


@dataclass(frozen=True)
class SharingSet:
    """The set at one moment. The members are in the order in which they became ready."""

    place: Place
    digest: bytes
    members: tuple[Member, ...] = ()
    """All of them, or those that are known of a set that shares."""
    share_attempt: int = 0
    departed: tuple[tuple[str, Departure], ...] = ()
    earlier: tuple[bytes, ...] = ()
    """The digests that this one was made from, the first one first."""
    seats: int = 0
    """How many were ever ready."""
    gone: frozenset[int] = frozenset()
    """The seats of those that have left."""
    peaks: tree.Hashes = ()
    """What the tree is appended to."""
    started: bool = False
    """Whether sharing has begun, so that the digest is of these members."""

    @classmethod
    def closed(cls, place: Place, block_hash: bytes) -> SharingSet:
        """The empty set when collecting has closed; ``block_hash`` is that of the block before the closing one."""
        digest = abi_hash(
            ("uint256", place.chain_id),
            ("address", place.contract),
            ("uint256", place.task),
            ("uint256", place.round),
            ("uint256", place.attempt),
            ("bytes32", block_hash),
        )
        return cls(place, digest)

    def with_ready(self, member: Member) -> SharingSet:
        """With one more node, in the next seat. InputError where it is in the set already, or was."""
        if member.address in self or order(member.address) in {order(gone) for gone, _ in self.departed}:
            raise InputError(f"node {member.address} was ready before", kind="ready-twice", node=member.address)
        seated = replace(member, seat=self.seats)
        return replace(
            self,
            members=(*self.members, seated),
            seats=self.seats + 1,
            peaks=tree.appended(self.peaks, self.seats, seated.leaf),
        )

    def without(self, address: str, reason: Departure) -> SharingSet:
        """Without a node that has left, or was left out. InputError where it is not in the set."""
        gone = self.member(address)
        return self.left(gone.address, gone.seat, reason)

    def left(self, address: str, seat: int, reason: Departure) -> SharingSet:
        """Without the node of a seat, of which no more need be known."""
        digest = abi_hash(("bytes32", self.digest), ("address", address), ("uint256", seat))
        members = tuple(member for member in self.members if member.seat != seat)
        departed, gone = (*self.departed, (address, reason)), self.gone | {seat}
        return self._changed(digest, members=members, departed=departed, gone=gone)

    def begun(self) -> SharingSet:
        """The set in which sharing begins. InputError where nobody was ready."""
        return self.begun_with(tree.root_of(self.peaks), self.seats)

    def begun_with(self, root: bytes, seats: int, members: Iterable[Member] = ()) -> SharingSet:
        """Likewise, with a tree of which not all is known here; ``members`` are those that were proven to be in it."""
        digest = abi_hash(("bytes32", self.digest), ("uint256", seats), ("bytes32", root))
        known = (*self.members, *(member for member in members if member.seat not in self.gone))
        return self._changed(digest, started=True, seats=seats, members=known)

    def next_share_attempt(self) -> SharingSet:
        """The same set, which shares once more, under other masks."""
        attempt = self.share_attempt + 1
        digest = abi_hash(("bytes32", self.digest), ("uint256", attempt))
        return self._changed(digest, share_attempt=attempt)

    def _changed(self, digest: bytes, **changes: object) -> SharingSet:
        return replace(self, digest=digest, earlier=(*self.earlier, self.digest), **changes)  # type: ignore[arg-type]

    @property
    def size(self) -> int:
        """How many nodes are in the set, known here or not."""
        return self.seats - len(self.gone)

    @property
    def is_whole(self) -> bool:
        """Whether all members are known here."""
        return len(self.members) == self.size

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses of all members, in the order in which they became ready."""
        return tuple(member.address for member in self.members)

    @cached_property
    def _by_order(self) -> dict[int, Member]:
        return {order(member.address): member for member in self.members}

    def __contains__(self, address: str) -> bool:
        return order(address) in self._by_order

    def member(self, address: str) -> Member:
        """The member with this address; InputError where there is none."""
        try:
            return self._by_order[order(address)]
        except KeyError:
            raise InputError(f"node {address} is not in the set", kind="not-in-set", node=address) from None

    def are_neighbours(self, one: str, other: str) -> bool:
        """Whether two members have masks with each other. InputError where one is not in the set."""
        return graph.are_neighbours(self.digest, self.size, self.member(one).seat, self.member(other).seat)

    def neighbours(self, address: str) -> tuple[Member, ...]:
        """The members that one has masks with, ascending by address: in a small set all others.

        InputError where sharing has not begun, so that no digest holds them, and where one of them is not known here.
        """
        if not self.started:
            raise InputError("sharing has not begun, so that nobody has neighbours yet", kind="not-begun")
        wanted = self.neighbour_seats(self.member(address).seat)
        found = [member for member in self.members if member.seat in wanted]
        if len(found) != len(wanted):
            missing = len(wanted) - len(found)
            raise InputError(f"{missing} of the nodes that {address} has masks with are not known", kind="not-known")
        return tuple(sorted(found, key=lambda member: order(member.address)))

    def neighbour_seats(self, seat: int) -> frozenset[int]:
        """The seats of those that the node of a seat has masks with."""
        return graph.neighbour_seats(self.digest, self.size, self.seats, seat) - self.gone

    @cached_property
    def contributions(self) -> bytes:
        """A hash of who adds what to the sum: two sets with the same one open the same sum. Of a set that is known in
        part it is another one for every digest."""
        if not self.is_whole:
            return abi_hash(("string", "a set that is known in part"), ("bytes32", self.digest))
        members = [member for _, member in sorted(self._by_order.items())]
        return abi_hash(
            ("address[]", [member.address for member in members]),
            ("uint256[2][]", [list(member.words) for member in members]),
        )


def order(address: str) -> int:
    """What addresses are ordered and compared by."""
    return int(address, 16)
