"""Points of BN254: G1 is y^2 = x^3 + 3 over the base field, and of prime order; G2 is a subgroup of its twist."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from twopm_zk.numbers.field import BASE_FIELD_ORDER, FIELD_ORDER


class G1Point(NamedTuple):
    """Affine point of y^2 = x^3 + 3; the point at infinity is (0, 0), as in EIP-196."""

    x: int
    y: int


class G2Point(NamedTuple):
    """Affine point of the twist; each coordinate is (real, imaginary), as snarkjs writes it."""

    x: tuple[int, int]
    y: tuple[int, int]


INFINITY = G1Point(0, 0)


def is_on_g1(x: int, y: int) -> bool:
    """Whether a pair of base field elements is on the curve, infinity aside."""
    return (y * y - x * x * x - 3) % BASE_FIELD_ORDER == 0


@lru_cache(maxsize=64)
def is_in_g2(point: G2Point) -> bool:
    """Whether a pair of coordinates is on the twist and in its subgroup of order FIELD_ORDER."""
    from py_ecc.optimized_bn128 import b2, is_inf, is_on_curve, multiply

    converted = g2_of(point)
    return bool(is_on_curve(converted, b2) and is_inf(multiply(converted, FIELD_ORDER)))


def g2_of(point: G2Point) -> Any:
    """The same point as py_ecc has it."""
    from py_ecc.optimized_bn128 import FQ2

    return FQ2(point.x), FQ2(point.y), FQ2.one()
