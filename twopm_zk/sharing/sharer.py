"""One node's part in a set: the vector that it shares, and what it publishes in a dispute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from twopm_zk.errors import InputError
from twopm_zk.numbers.baby_jubjub import Point
from twopm_zk.sharing.disputes import ProvenPoint, Reveal
from twopm_zk.sharing.keys import SecretKey
from twopm_zk.sharing.masks import SharedPoints, masked, pair_mask, pair_seed
from twopm_zk.sharing.sets import Member, SharingSet
from twopm_zk.sharing.sums import Vector, commit


@dataclass(frozen=True)
class Sharer:
    """A member of a set with its secrets.

    InputError where the secrets belong to other keys than those in the set, or where it has masks with no other member:
    then its share would be its opening.
    """

    sharing_set: SharingSet
    address: str
    lasting: SecretKey
    round_key: SecretKey

    def __post_init__(self) -> None:
        mine = self.sharing_set.member(self.address)
        if (mine.lasting.eighth, mine.round_key) != (self.lasting.posted.eighth, self.round_key.posted):
            raise InputError(f"the set has other keys of node {self.address} than this node", kind="other-keys")
        if not self.others:
            raise InputError("there is no other node in the set, and so no mask", kind="no-masks")

    @cached_property
    def others(self) -> tuple[Member, ...]:
        """The members that it has masks with, ascending by address."""
        return self.sharing_set.neighbours(self.address)

    @cached_property
    def _seeds(self) -> dict[str, bytes]:
        return {
            other.address: pair_seed(self.sharing_set.digest, self.address, other.address, self.shared_points(other))
            for other in self.others
        }

    def shared_points(self, other: Member) -> SharedPoints:
        """What this node and another one have in common. Whoever knows it knows their masks of this round."""
        return SharedPoints(self.lasting.shared_with(other.lasting), self.round_key.shared_with(other.round_key))

    def masks(self, size: int) -> dict[str, Vector]:
        """The masks that this node has with each other one, ascending by address."""
        return {address: pair_mask(seed, size) for address, seed in self._seeds.items()}

    def vector(self, generators: Sequence[Point], opening: Sequence[int]) -> Vector:
        """What this node shares. InputError where ``opening`` is not what its point commits to."""
        if commit(generators, opening) != self.sharing_set.member(self.address).point:
            raise InputError("the opening is not what this node's updates commit to", kind="other-opening")
        return masked(self.address, opening, self.masks(len(generators)))

    def claims(self, generators: Sequence[Point]) -> dict[str, Point]:
        """The pair points E that a dispute asks for, ascending by address."""
        return {other: commit(generators, mask) for other, mask in self.masks(len(generators)).items()}

    def answers(self, generators: Sequence[Point], claims: Mapping[str, Mapping[str, Point]]) -> tuple[Reveal, ...]:
        """What to show of the pairs in which another node has claimed something else than the truth, and of no other.

        It tells all the masks of these pairs in this round, which the other node knew. ``claims[k][j]`` is E_kj.
        """
        truths = self.claims(generators)
        return tuple(
            self._reveal(other)
            for other, truth in truths.items()
            if claims.get(other, {}).get(self.address, truth) != truth
        )

    def _reveal(self, address: str) -> Reveal:
        other = self.sharing_set.member(address)
        return Reveal(
            self.address,
            address,
            ProvenPoint.of(self.lasting, other.lasting),
            ProvenPoint.of(self.round_key, other.round_key),
        )
