"""Masks that cancel: of each pair, one adds the mask and the other one takes it away.

    seed     H(digest, lower address, higher address, S of the lasting keys, S of the round's keys)
    mask_i   512 bits of the seed and 2 i, 2 i + 1, modulo SUBGROUP_ORDER
    share    opening + sum of masks with higher addresses - sum of masks with lower ones

Each S is the point that two keys have in common. The round's keys are thrown away after it, so that a lasting key that
is stolen years later opens nothing. Nobody derives a mask who does not know both S.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from twopm_zk.numbers.baby_jubjub import SUBGROUP_ORDER, Point
from twopm_zk.sharing.hashes import abi_hash, scalar_of
from twopm_zk.sharing.sets import order
from twopm_zk.sharing.sums import Vector


@dataclass(frozen=True)
class SharedPoints:
    """What two nodes have in common: a point of their lasting keys, and one of their keys of the round."""

    lasting: Point = field(repr=False)
    round_key: Point = field(repr=False)


def pair_seed(digest: bytes, one: str, other: str, shared: SharedPoints) -> bytes:
    """What the masks of a pair are made from; it does not matter who of the two asks."""
    low, high = sorted((one, other), key=order)
    return abi_hash(
        ("bytes32", digest),
        ("address", low),
        ("address", high),
        *(("uint256", number) for number in (*shared.lasting, *shared.round_key)),
    )


def pair_mask(seed: bytes, size: int) -> Vector:
    """The mask of a pair, of ``size`` scalars."""
    return tuple(scalar_of(seed, index) for index in range(size))


def sign(address: str, other: str) -> int:
    """1 where the first one adds the mask of both, -1 where it takes it away."""
    return 1 if order(address) < order(other) else -1


def masked(address: str, opening: Sequence[int], masks: Mapping[str, Sequence[int]]) -> Vector:
    """What a node shares: its opening with its mask of each other node, modulo SUBGROUP_ORDER."""
    terms = [(sign(address, other), mask) for other, mask in masks.items()]
    return tuple(
        (scalar + sum(one * mask[index] for one, mask in terms)) % SUBGROUP_ORDER
        for index, scalar in enumerate(opening)
    )
