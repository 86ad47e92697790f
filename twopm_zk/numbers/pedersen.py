"""Vector Pedersen commitments on Baby Jubjub: C = sum of s_j g_j + rows N + blinding H.

Scalars s_j hold several sums each, in lanes (`Unit.places`): the sum that starts at bit b multiplies 2^b g_j.

They add up: the sum of commitments opens as the sum of what was committed to. Perfectly hiding with a uniform
blinding; binding as long as nobody knows a relation between generators, which are hashes of their names
(`baby_jubjub.hash_to_point`). The twin of circuits/lib/pedersen.circom, whose constants tools/pedersen_generators.py
writes.

Names hold what a commitment is of: the statement, the unit of its integers and their number. Commitments of other
units or lengths have another N, so that a sum of mixed ones opens as nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt

from twopm_zk.errors import InputError, RangeError
from twopm_zk.numbers.baby_jubjub import SUBGROUP_ORDER, Point, hash_to_point, multiply, sum_of_multiples

BLINDING_DIGITS = 126
"""Base-4 digits that hold every blinding, centred modulo the order."""
X_BITS = 252
"""A single commitment has an x below 2^252, which leaves one of x and -x: then y alone tells the point."""


@dataclass(frozen=True)
class Place:
    """Where a sum is in a vector of packed scalars: at bit ``offset`` of scalar ``scalar``, ``bits`` wide."""

    scalar: int
    offset: int
    bits: int


@dataclass(frozen=True)
class Unit:
    """What a statement collects, as integers in units of 2^-frac_bits."""

    statement: str
    frac_bits: int
    lane_bits: int
    """Of a sum over many updates, the sign among them; so far apart are the lanes of a packed scalar."""
    wide: int = 0
    """The first so many sums have lanes of twice as many bits."""

    @cache  # noqa: B019 - units are few, and live as long as the module
    def places(self, count: int) -> tuple[Place, ...]:
        """Where ``count`` sums are: sums that share a scalar together stay below half of the subgroup's order."""
        found, scalar, offset = [], 0, 0
        for index in range(count):
            bits = 2 * self.lane_bits if index < self.wide else self.lane_bits
            if offset + bits > SUBGROUP_ORDER.bit_length() - 2:
                scalar, offset = scalar + 1, 0
            found.append(Place(scalar, offset, bits))
            offset += bits
        return tuple(found)

    def scalars(self, count: int) -> int:
        """How many scalars hold ``count`` sums."""
        return self.places(count)[-1].scalar + 1 if count else 0

    def __str__(self) -> str:
        return f"{self.statement} 2^-{self.frac_bits}"


GRADIENT = Unit("gradient", 48, 82)
"""Sums of x times the residual, rounded."""
INFORMATION = Unit("information", 20, 62)
"""Sums of x x' times the variance, rounded; the upper triangle by rows."""
EVALUATION = Unit("evaluation", 20, 31, wide=2)
"""Sums of log-loss and squared error, rounded, and after them counts, which have no fractional bits."""
SQUARES = Unit("squares", 32, 82)
"""Sums of a label, its square, and the squared deviation from it, rounded."""


def scalar_generators(unit: Unit, count: int) -> tuple[Point, ...]:
    """The points that the scalars of ``count`` packed sums multiply; those of rows and blinding are others."""
    return tuple(_generator(unit, index) for index in range(unit.scalars(count)))


def generators(unit: Unit, count: int) -> tuple[Point, ...]:
    """G_0 to G_(count - 1), one for each sum: 2^b g_j for the one that starts at bit b of scalar j."""
    return tuple(multiply(_generator(unit, place.scalar), 1 << place.offset) for place in unit.places(count))


def vector_generators(unit: Unit, count: int) -> tuple[Point, ...]:
    """What a whole vector multiplies: packed sums, rows, blinding."""
    return (*scalar_generators(unit, count), rows_generator(unit, count), blinding_generator())


def pack(unit: Unit, items: Sequence[int]) -> list[int]:
    """Signed sums as the integers that share scalars: each times 2^b, where it starts at bit b."""
    scalars = [0] * unit.scalars(len(items))
    for item, place in zip(items, unit.places(len(items)), strict=True):
        scalars[place.scalar] += item << place.offset
    return scalars


def unpack(unit: Unit, scalars: Sequence[int], count: int) -> tuple[int, ...]:
    """The inverse of `pack` for ``count`` sums in [-2^(bits - 1), 2^(bits - 1)) each, by the bits of their lanes.

    Takes scalars modulo SUBGROUP_ORDER. Raises RangeError where one of them holds no such sums, InputError for another
    number of scalars.
    """
    if len(scalars) != unit.scalars(count):
        raise InputError(f"{len(scalars)} scalars for {count} sums; there are {unit.scalars(count)}")
    rest, found = [centred(scalar) for scalar in scalars], []
    for place in unit.places(count):
        half = 1 << (place.bits - 1)
        item = (rest[place.scalar] + half) % (2 * half) - half
        found.append(item)
        rest[place.scalar] = (rest[place.scalar] - item) >> place.bits
    if any(rest):
        raise RangeError("a scalar holds more than the sums of its lanes")
    return tuple(found)


def rows_generator(unit: Unit, count: int) -> Point:
    """N of commitments to ``count`` integers; it is another one for every count."""
    return hash_to_point(f"{unit} rows of {count}")


def blinding_generator() -> Point:
    """H."""
    return hash_to_point("blinding")


def start_point() -> Point:
    """Where a circuit starts to add: a point that nobody can meet on the way, since nobody knows its logarithm."""
    return hash_to_point("start")


@cache
def _generator(unit: Unit, index: int) -> Point:
    return hash_to_point(f"{unit} {index}")


def commit(unit: Unit, items: Sequence[int], rows: int, blinding: int) -> Point:
    """The point that commits to signed ``items`` and ``rows``; all scalars count modulo SUBGROUP_ORDER."""
    scalars = [scalar % SUBGROUP_ORDER for scalar in (*pack(unit, items), rows, blinding)]
    return sum_of_multiples(zip(vector_generators(unit, len(items)), scalars, strict=True))


def centred(scalar: int) -> int:
    """The integer nearest to 0 that equals ``scalar`` modulo SUBGROUP_ORDER."""
    half = SUBGROUP_ORDER // 2
    return (scalar + half) % SUBGROUP_ORDER - half


def signed_digits(value: int, count: int) -> list[int]:
    """Odd digits d in {-3, -1, 1, 3}, lowest first, with 2 value + 1 = sum of d_i 4^i.

    They are 2 e - 3 for the base-4 digits e of value + 4^count / 2: every value in [-4^count / 2, 4^count / 2) has
    them, once, and RangeError is raised for all others.
    """
    biased = value + (1 << (2 * count - 1))
    if not 0 <= biased < 1 << (2 * count):
        raise RangeError(f"an integer does not fit {count} signed digits of two bits")
    return [2 * (biased >> (2 * place) & 3) - 3 for place in range(count)]


def digits_for(magnitude: int) -> int:
    """The smallest number of signed digits that holds every value up to ``magnitude``, of either sign."""
    return (magnitude.bit_length() + 2) // 2


@dataclass(frozen=True)
class Tally:
    """What updates add up to: signed sums in a unit, and over how many rows."""

    unit: Unit
    items: tuple[int, ...] = field(repr=False)
    rows: int = field(repr=False)

    def __add__(self, other: Tally) -> Tally:
        """The tally of both. Raises InputError for another unit or number of sums."""
        self._require_same(other)
        items = tuple(a + b for a, b in zip(self.items, other.items, strict=True))
        return Tally(self.unit, items, self.rows + other.rows)

    def with_noise(self, noise: Sequence[int]) -> Tally:
        """The same over the same rows, with a number added to each sum."""
        items = tuple(item + value for item, value in zip(self.items, noise, strict=True))
        return Tally(self.unit, items, self.rows)

    @property
    def real(self) -> npt.NDArray[np.float64]:
        """The sums as reals."""
        return np.array([value / (1 << self.unit.frac_bits) for value in self.items])

    def _require_same(self, other: Tally) -> None:
        if (self.unit, len(self.items)) != (other.unit, len(other.items)):
            raise InputError("commitments to other units, or to another number of integers, do not add up")


@dataclass(frozen=True)
class Opening(Tally):
    """What opens a commitment: a tally, and the blinding."""

    blinding: int = field(repr=False)

    @property
    def tally(self) -> Tally:
        """What is committed to."""
        return Tally(self.unit, self.items, self.rows)

    @classmethod
    def drawn(cls, unit: Unit, items: Sequence[int], rows: int) -> Opening:
        """With a fresh blinding from the operating system, uniform among those that leave x below 2^X_BITS.

        About three are tried. Use the blinding once: two commitments under one tell the difference of their items.
        """
        while True:
            opening = cls(unit, tuple(items), rows, centred(secrets.randbelow(SUBGROUP_ORDER)))
            if opening.point.x < 1 << X_BITS:
                return opening

    @cached_property
    def point(self) -> Point:
        """The commitment."""
        return commit(self.unit, self.items, self.rows, self.blinding)

    def __add__(self, other: Tally) -> Opening:
        """What opens the sum of both commitments: every scalar is added modulo SUBGROUP_ORDER, and centred."""
        self._require_same(other)
        if not isinstance(other, Opening):
            raise InputError("a tally without a blinding opens nothing")
        items = tuple(centred(a + b) for a, b in zip(self.items, other.items, strict=True))
        return Opening(self.unit, items, centred(self.rows + other.rows), centred(self.blinding + other.blinding))
