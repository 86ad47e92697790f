"""Points of BN254: G1 is y^2 = x^3 + 3 over the base field, and of prime order; G2 is a subgroup of its twist."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from twopm_zk.numbers.field import BASE_FIELD_ORDER, FIELD_ORDER
from twopm_zk.numbers.twist import has_group_order, is_on_twist


class G1Point(NamedTuple):
    """Affine point of y^2 = x^3 + 3; the point at infinity is (0, 0), as in EIP-196."""

    x: int
    y: int


class G2Point(NamedTuple):
    """Affine point of the twist; each coordinate is (real, imaginary), as snarkjs writes it."""

    x: tuple[int, int]
    y: tuple[int, int]


INFINITY = G1Point(0, 0)
G1_GENERATOR = G1Point(1, 2)
G2_GENERATOR = G2Point(
    (
        10857046999023057135944570762232829481370756359578518086990519993285655852781,
        11559732032986387107991004021392285783925812861821192530917403151452391805634,
    ),
    (
        8495653923123431417604973247489272438418190587263600148770280649306958101930,
        4082367875863433681332203403145435568316851327593401208105741076214120093531,
    ),
)


def is_on_g1(x: int, y: int) -> bool:
    """Whether a pair of base field elements is on the curve, infinity aside."""
    return (y * y - x * x * x - 3) % BASE_FIELD_ORDER == 0


@lru_cache(maxsize=64)
def is_in_g2(point: G2Point) -> bool:
    """Whether a pair of coordinates is on the twist and in its subgroup of order FIELD_ORDER."""
    return is_on_twist(*point) and has_group_order(*point)


def g2_of(point: G2Point) -> Any:
    """The same point as py_ecc has it."""
    from py_ecc.optimized_bn128 import FQ2

    return FQ2(point.x), FQ2(point.y), FQ2.one()


def pairings_cancel(*pairs: tuple[G2Point, Any]) -> bool:
    """Whether the pairings of points of G2 with points of G1, as py_ecc has these, multiply to 1.

    Raises ValueError for a point that is not on its curve.
    """
    from py_ecc.fields import optimized_bn128_FQ12 as FQ12
    from py_ecc.optimized_bn128 import b, is_inf, is_on_curve, normalize

    if not all(is_on_curve(point, b) for _, point in pairs):
        raise ValueError("a point is not on the curve of G1")
    finite = [(_lines(fixed), normalize(point)) for fixed, point in pairs if not is_inf(point)]
    f = FQ12.one()
    for steps in zip(*(lines for (lines, _), _ in finite), strict=True):
        if steps[0].squared:
            f = f * f
        for step, (_, (x, y)) in zip(steps, finite, strict=True):
            f = f * (step.constant + step.of_x * x.n + step.of_y * y.n)
    for (_, inverse), _ in finite:
        f = f * inverse
    return bool(_final_power(f) == FQ12.one())


class _Line(NamedTuple):
    """A step of Miller's loop, as a linear function of the coordinates of the point of G1."""

    squared: bool
    """Whether the product of the steps before it is squared first."""
    constant: Any
    of_x: Any
    of_y: Any


@lru_cache(maxsize=16)
def _lines(point: G2Point) -> tuple[list[_Line], Any]:
    """The lines of Miller's loop for a point of G2, and the inverse of the product of their denominators.

    They depend on that point alone, which is the same for all proofs under a key. The loop is py_ecc's ``miller_loop``;
    points stay on the twist, where doubling is cheap.
    """
    from py_ecc.fields import optimized_bn128_FQ12 as FQ12
    from py_ecc.optimized_bn128 import add, b2, double, is_on_curve, neg, twist
    from py_ecc.optimized_bn128.optimized_pairing import pseudo_binary_encoding

    Q = R = g2_of(point)
    if not is_on_curve(Q, b2):
        raise ValueError("a point is not on the curve of G2")
    lines: list[_Line] = []
    denominators = FQ12.one()

    def through(first: Any, second: Any) -> None:
        """The line through two points; the tangent where it is twice the same."""
        nonlocal denominators
        (x1, y1, z1), (x2, y2, z2), tangent = first, second, first is second
        rise, run = (3 * x1 * x1, 2 * y1 * z1) if tangent else (y2 * z1 - y1 * z2, x2 * z1 - x1 * z2)
        denominator = run * z1
        lines.append(_Line(tangent, run * y1 - rise * x1, rise * z1, -denominator))
        denominators = (denominators * denominators if tangent else denominators) * denominator

    for digit in pseudo_binary_encoding[63::-1]:
        twisted = twist(R)
        through(twisted, twisted)
        R = double(R)
        if digit:
            added = Q if digit == 1 else neg(Q)
            through(twist(R), twist(added))
            R = add(R, added)
    Q1 = tuple(coordinate**BASE_FIELD_ORDER for coordinate in twist(Q))
    x, y, z = (coordinate**BASE_FIELD_ORDER for coordinate in Q1)
    through(twist(R), Q1)
    through(add(twist(R), Q1), (x, -y, z))
    return lines, FQ12.one() / denominators


def _final_power(f: Any) -> Any:
    """``f`` to the power of (p^12 - 1) / r, which is (p^6 - 1) (p^2 + 1) times (p^4 - p^2 + 1) / r.

    Powers of p are free: with F = Fp[w] / (w^12 - 18 w^6 + 82), w^(p^6) = -w, and w^(p^2) is w times a root of unity.
    """
    p, r = BASE_FIELD_ORDER, FIELD_ORDER
    f = _with_powers(f, -1) / f
    f = _with_powers(f, _root_of_unity()) * f
    return f ** ((p**4 - p**2 + 1) // r)


def _with_powers(f: Any, root: int) -> Any:
    """``f`` with ``root`` times w in place of w."""
    return type(f)([int(c) * pow(root, power, BASE_FIELD_ORDER) % BASE_FIELD_ORDER for power, c in enumerate(f.coeffs)])


@lru_cache(maxsize=1)
def _root_of_unity() -> int:
    """w^(p^2 - 1), a number."""
    from py_ecc.fields import optimized_bn128_FQ12 as FQ12

    root, *others = (FQ12([0, 1] + [0] * 10) ** (BASE_FIELD_ORDER**2 - 1)).coeffs
    assert not any(others)  # noqa: S101 (an element of Fp)
    return int(root)
