"""What all may read: the sum of the shares of a set, which opens the sum of its points.

A vector is an opening as scalars modulo SUBGROUP_ORDER: packed lanes and the blinding, in the order of the statement's
generators; its masked form is what a node shares.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

from twopm_zk.errors import InputError
from twopm_zk.numbers.baby_jubjub import IDENTITY, SUBGROUP_ORDER, Point, add, sum_of_multiples

Vector = tuple[int, ...]


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
