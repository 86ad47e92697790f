"""What all may read: the sum of the shares of a set, which opens the sum of its points.

A vector is an opening as scalars modulo SUBGROUP_ORDER, in the order of `pedersen.vector_generators`: packed sums,
rows, blinding. With masks it is what a node shares.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

from twopm_zk.errors import InputError
from twopm_zk.numbers.baby_jubjub import IDENTITY, SUBGROUP_ORDER, Point, add, sum_of_multiples
from twopm_zk.numbers.pedersen import Opening, Unit, centred, pack, unpack

Vector = tuple[int, ...]


def vector_of(opening: Opening) -> Vector:
    """An opening as the vector that a node masks and shares."""
    scalars = (*pack(opening.unit, opening.items), opening.rows, opening.blinding)
    return tuple(scalar % SUBGROUP_ORDER for scalar in scalars)


def opening_of(unit: Unit, count: int, vector: Sequence[int]) -> Opening:
    """The opening of ``count`` sums that a vector stands for, each of its integers the one nearest to 0.

    InputError for a vector of another length, RangeError where a packed scalar holds no such sums.
    """
    if len(vector) != unit.scalars(count) + 2:
        raise InputError(f"a vector has {len(vector)} scalars, its statement {unit.scalars(count) + 2}")
    *packed, rows, blinding = vector
    return Opening(unit, unpack(unit, packed, count), centred(rows), centred(blinding))


def commit(generators: Sequence[Point], vector: Sequence[int]) -> Point:
    """The point that commits to a vector. InputError where it has another length than the generators."""
    if len(generators) != len(vector):
        raise InputError(f"a vector has {len(vector)} scalars, its statement {len(generators)}")
    return sum_of_multiples(zip(generators, (scalar % SUBGROUP_ORDER for scalar in vector), strict=True))


def add_up(points: Iterable[Point]) -> Point:
    """The sum of points."""
    return reduce(add, points, IDENTITY)


def open_sum(generators: Sequence[Point], vectors: Iterable[Sequence[int]], points: Iterable[Point]) -> Vector | None:
    """The sum of all shares of a set, modulo SUBGROUP_ORDER, where it opens the sum of the set's points; else None.

    None says that somebody shared rubbish, or that shares are missing.
    """
    total = tuple(sum(column) % SUBGROUP_ORDER for column in zip(*vectors, strict=True))
    return total if len(total) == len(generators) and commit(generators, total) == add_up(points) else None
