"""Baby Jubjub (ERC-2494), the twisted Edwards curve over BN254's scalar field: 168700 x^2 + y^2 = 1 + 168696 x^2 y^2.

a = 168700 is a square and d = 168696 is not, so the addition law has no exceptional case. Multiples are computed by
the native module where it is built, whose time does not depend on the scalars, else by its readable twin
`readable_sum`, whose time does. The group has COFACTOR * SUBGROUP_ORDER points; whoever takes a point from somebody
else asks `is_on_curve`, and multiplies it by COFACTOR, or asks `in_subgroup`, before a secret scalar meets it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

from twopm_zk.errors import RangeError
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.system import extension

SUBGROUP_ORDER = 2736030358979909402780800718157159386076813972158567259200215660948447373041
COFACTOR = 8
SCALAR_BITS = 256
"""Scalars have at most so many bits."""
_BYTES = SCALAR_BITS // 8
_A, _D = 168700, 168696
_DOMAIN = b"twopm-zk point on Baby Jubjub"


class Point(NamedTuple):
    """Affine point in Edwards form."""

    x: int
    y: int


IDENTITY = Point(0, 1)
BASE = Point(
    5299619240641551281634865583518297030282874472190772894086521144482721001553,
    16950150798460657717958625567821834550301663161624707787222815936182638968203,
)
"""The generator of the subgroup that ERC-2494 publishes."""


def is_on_curve(point: Point) -> bool:
    """Whether both coordinates are field elements and satisfy the curve's equation."""
    x, y = point
    if not (0 <= x < FIELD_ORDER and 0 <= y < FIELD_ORDER):
        return False
    return (_A * x * x + y * y - 1 - _D * x * x % FIELD_ORDER * y * y) % FIELD_ORDER == 0


def in_subgroup(point: Point) -> bool:
    """Whether a point is on the curve and SUBGROUP_ORDER times it is the identity."""
    return is_on_curve(point) and multiply(point, SUBGROUP_ORDER) == IDENTITY


def add(left: Point, right: Point) -> Point:
    """The sum of two points of the curve."""
    return _affine(_add(_extended(left), _extended(right)))


def negate(point: Point) -> Point:
    """The point that adds to the identity."""
    return Point(-point.x % FIELD_ORDER, point.y)


def multiply(point: Point, scalar: int) -> Point:
    """``scalar`` times a point: `sum_of_multiples` of one term."""
    return sum_of_multiples([(point, scalar)])


def sum_of_multiples(terms: Iterable[tuple[Point, int]]) -> Point:
    """The sum of each point times its scalar, which may be secret; how many there are shows.

    A scalar is any integer in [0, 2^SCALAR_BITS), and is not reduced modulo SUBGROUP_ORDER: its point may have a part
    of small order. Raises RangeError for another scalar, and for a point off the curve.
    """
    terms = list(terms)
    for point, scalar in terms:
        if not 0 <= scalar < 1 << SCALAR_BITS:
            raise RangeError(f"a scalar is outside [0, 2^{SCALAR_BITS})")
        if not is_on_curve(point):
            raise RangeError("a point is off the curve")
    return native_sum(terms) if extension.provides("sum_of_multiples") else readable_sum(terms)


def native_sum(terms: Sequence[tuple[Point, int]]) -> Point:
    """`sum_of_multiples` in Rust, constant time in the scalars; ImportError where that is not built."""
    from twopm_zk import _native

    points = b"".join(coordinate.to_bytes(_BYTES, "little") for point, _ in terms for coordinate in point)
    scalars = b"".join(scalar.to_bytes(_BYTES, "little") for _, scalar in terms)
    result = _native.sum_of_multiples(points, scalars)
    return Point(int.from_bytes(result[:_BYTES], "little"), int.from_bytes(result[_BYTES:], "little"))


def readable_sum(terms: Sequence[tuple[Point, int]]) -> Point:
    """`sum_of_multiples` in plain integers: a scalar's bits decide what is added, so that its time shows them."""
    total = _extended(IDENTITY)
    for point, scalar in terms:
        doubled = _extended(point)
        while scalar:
            if scalar & 1:
                total = _add(total, doubled)
            doubled = _add(doubled, doubled)
            scalar >>= 1
    return _affine(total)


def lift(y: int) -> Point | None:
    """The point with this y and the smaller x, or None where there is none; the other one is its negative."""
    if not 0 <= y < FIELD_ORDER:
        return None
    # a - d y^2 is never 0, because a / d is no square
    x = _square_root((1 - y * y) * pow(_A - _D * y * y, -1, FIELD_ORDER) % FIELD_ORDER)
    return None if x is None else Point(min(x, FIELD_ORDER - x), y)


@cache
def hash_to_point(name: str) -> Point:
    """A point of the subgroup, not the identity, that depends on ``name`` alone.

    SHA-512 of a domain, a counter and the name gives y, the first y that a point has is lifted, and the cofactor is
    cleared. Nobody knows a relation between such points, or their logarithm to another generator: the hash gives
    coordinates, not a scalar times something, and whoever found names with a known relation would have computed a
    discrete logarithm or inverted SHA-512. Timing depends on the name, which is public.
    """
    counter = 0
    while True:
        digest = hashlib.sha512(_DOMAIN + counter.to_bytes(4, "big") + name.encode()).digest()
        lifted = lift(int.from_bytes(digest, "big") % FIELD_ORDER)
        if lifted is not None and (point := multiply(lifted, COFACTOR)) != IDENTITY:
            return point
        counter += 1


# Extended coordinates (x, y, t, z) stand for (x / z, y / z) with t = x y / z: Hisil, Wong, Carter, Dawson, "Twisted
# Edwards curves revisited" (ePrint 2008/522), section 3.1. One inversion at the end, in place of two an addition.
_Extended = tuple[int, int, int, int]


def _extended(point: Point) -> _Extended:
    x, y = point
    return x, y, x * y % FIELD_ORDER, 1


def _affine(point: _Extended) -> Point:
    x, y, _, z = point
    inverse = pow(z, -1, FIELD_ORDER)
    return Point(x * inverse % FIELD_ORDER, y * inverse % FIELD_ORDER)


def _add(left: _Extended, right: _Extended) -> _Extended:
    x1, y1, t1, z1 = left
    x2, y2, t2, z2 = right
    a, b = x1 * x2, y1 * y2
    c, d = _D * t1 * t2 % FIELD_ORDER, z1 * z2
    e = (x1 + y1) * (x2 + y2) - a - b
    f, g, h = d - c, d + c, b - _A * a
    return e * f % FIELD_ORDER, g * h % FIELD_ORDER, e * h % FIELD_ORDER, f * g % FIELD_ORDER


def _square_root(n: int) -> int | None:
    """Tonelli and Shanks; FIELD_ORDER - 1 is 2^28 times an odd number, and 5 is no square."""
    if n == 0:
        return 0
    if pow(n, (FIELD_ORDER - 1) // 2, FIELD_ORDER) != 1:
        return None
    odd = (FIELD_ORDER - 1) >> 28
    order, generator = 28, pow(5, odd, FIELD_ORDER)
    rest, root = pow(n, odd, FIELD_ORDER), pow(n, (odd + 1) // 2, FIELD_ORDER)
    while rest != 1:
        smaller, square = 0, rest
        while square != 1:
            square, smaller = square * square % FIELD_ORDER, smaller + 1
        factor = pow(generator, 1 << (order - smaller - 1), FIELD_ORDER)
        order, generator = smaller, factor * factor % FIELD_ORDER
        rest, root = rest * generator % FIELD_ORDER, root * factor % FIELD_ORDER
    return root
