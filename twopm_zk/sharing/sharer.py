"""One node's part in a set: the vector that it shares, and what it publishes in a dispute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from twopm_zk.errors import InputError
from twopm_zk.numbers.baby_jubjub import Point
from twopm_zk.sharing.disputes import ProvenPoint, Reveal
from twopm_zk.sharing.masks import masked, pair_mask
from twopm_zk.sharing.pairs import PairSecrets
from twopm_zk.sharing.sums import Vector, commit


@dataclass(frozen=True)
class Sharer(PairSecrets):
    """A member of a set with its secrets, which shares its opening."""

    def masks(self, size: int) -> dict[str, Vector]:
        """The masks that this node has with each other one, ascending by address."""
        return {address: pair_mask(seed, size) for address, seed in self.seeds.items()}

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
