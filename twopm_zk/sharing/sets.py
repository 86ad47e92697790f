"""Who shares with whom: the set of one attempt, and the digest that the contract keeps of it.

    closing          digest = H(chain id, contract, task, round, attempt, hash of the block before the closing one)
    ready            digest = H(digest, node, H(lasting key), round key, point)
    left, left out   digest = H(digest, node)
    sharing anew     digest = H(digest, share attempt)

H is keccak256 of the ABI encoding. Masks are derived from the digest, so that they are never the same twice: not after
a reorganisation, a reopening, on a redeployed contract, or after a node has gone. And a share goes to the contract
with it, so that one made for another set is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property

from twopm_zk.errors import InputError
from twopm_zk.numbers.baby_jubjub import Point, is_on_curve
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
class Member:
    """A node that has said that it is ready."""

    address: str
    lasting: PostedKey
    """Its key in IdentityContract when it said so; what is set later changes nothing."""
    round_key: PostedKey
    point: Point
    """The commitment to all its updates of the attempt."""

    def __post_init__(self) -> None:
        if not is_on_curve(self.point):
            raise InputError(f"the updates of node {self.address} add up to no point of the curve")


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
    share_attempt: int = 0
    departed: tuple[tuple[str, Departure], ...] = ()
    earlier: tuple[bytes, ...] = ()
    """The digests that this one was made from, the first one first."""

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
        """With one more node. InputError where it is in the set already, or was."""
        if member.address in self or order(member.address) in {order(gone) for gone, _ in self.departed}:
            raise InputError(f"node {member.address} was ready before", kind="ready-twice", node=member.address)
        digest = abi_hash(
            ("bytes32", self.digest),
            ("address", member.address),
            ("bytes32", member.lasting.hash),
            *(("uint256", number) for number in (*member.round_key.eighth, *member.point)),
        )
        return self._changed(digest, members=(*self.members, member))

    def without(self, address: str, reason: Departure) -> SharingSet:
        """Without a node that has left, or was left out. InputError where it is not in the set."""
        gone = self.member(address)
        digest = abi_hash(("bytes32", self.digest), ("address", address))
        members = tuple(member for member in self.members if member is not gone)
        return self._changed(digest, members=members, departed=(*self.departed, (gone.address, reason)))

    def next_share_attempt(self) -> SharingSet:
        """The same set, which shares once more, under other masks."""
        attempt = self.share_attempt + 1
        digest = abi_hash(("bytes32", self.digest), ("uint256", attempt))
        return self._changed(digest, share_attempt=attempt)

    def _changed(self, digest: bytes, **changes: object) -> SharingSet:
        return replace(self, digest=digest, earlier=(*self.earlier, self.digest), **changes)  # type: ignore[arg-type]

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

    def others(self, address: str) -> tuple[Member, ...]:
        """All members but one, ascending by address."""
        return tuple(member for place, member in sorted(self._by_order.items()) if place != order(address))

    @cached_property
    def contributions(self) -> bytes:
        """A hash of who adds what to the sum: two sets with the same one open the same sum."""
        members = [member for _, member in sorted(self._by_order.items())]
        return abi_hash(
            ("address[]", [member.address for member in members]),
            ("uint256[2][]", [list(member.point) for member in members]),
        )


def order(address: str) -> int:
    """What addresses are ordered and compared by."""
    return int(address, 16)
