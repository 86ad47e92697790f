"""The twist of BN254, y^2 = x^3 + 3 / (9 + i) over Fp2 = Fp[i] / (i^2 + 1), in plain integers.

py_ecc computes the same with an object for each number, which takes ten times as long and half a second to import.
Points are in Jacobian coordinates, (X / Z^2, Y / Z^3); the formulas are dbl-2009-l and madd-2007-bl of the
Explicit-Formulas Database (https://hyperelliptic.org/EFD/g1p/auto-shortw-jacobian-0.html).
"""

from __future__ import annotations

from typing import NamedTuple

from twopm_zk.numbers.field import BASE_FIELD_ORDER as P

Fp2 = tuple[int, int]
"""Real and imaginary part, both reduced."""
_ONE: Fp2 = (1, 0)
_ZERO: Fp2 = (0, 0)
_U = 4965661367192848881
"""The parameter of the curve: p and r are polynomials of it, and the trace of Frobenius is 6 u^2 + 1."""


class _Point(NamedTuple):
    x: Fp2
    y: Fp2
    z: Fp2
    """Zero for the point at infinity."""


_INFINITY = _Point(_ONE, _ONE, _ZERO)


def is_on_twist(x: Fp2, y: Fp2) -> bool:
    """Whether affine coordinates, each part in [0, p), are on the twist."""
    a, b = _minus(_squared(y), _times(_squared(x), x))
    return (9 * a - b - 3) % P == 0 and (a + 9 * b) % P == 0


def has_group_order(x: Fp2, y: Fp2) -> bool:
    """Whether a point of the twist is in the subgroup of order r.

    Frobenius' endomorphism psi satisfies psi^2 - t psi + p = 0, with t = 6 u^2 + 1. Where psi(Q) = (t - 1) Q that says
    ((t - 1)^2 - t (t - 1) + p) Q = (p + 1 - t) Q = r Q = 0; and on the subgroup psi is multiplication by p, which is
    t - 1 modulo r (Scott, https://eprint.iacr.org/2021/1130).
    """
    point = _multiple(x, y, 6 * _U * _U)
    if point.z == _ZERO:
        return False
    square = _squared(point.z)
    image_x, image_y = _times(_conjugate(x), _FACTORS[0]), _times(_conjugate(y), _FACTORS[1])
    return point.x == _times(image_x, square) and point.y == _times(image_y, _times(square, point.z))


def _multiple(x: Fp2, y: Fp2, scalar: int) -> _Point:
    found = _INFINITY
    for bit in f"{scalar:b}":
        found = _doubled(found)
        if bit == "1":
            found = _sum(found, x, y)
    return found


def _doubled(point: _Point) -> _Point:
    a, b = _squared(point.x), _squared(point.y)
    c = _squared(b)
    sum_squared = _squared(_plus(point.x, b))
    d = _scaled(_minus(_minus(sum_squared, a), c), 2)
    e = _scaled(a, 3)
    x = _minus(_squared(e), _scaled(d, 2))
    return _Point(x, _minus(_times(e, _minus(d, x)), _scaled(c, 8)), _scaled(_times(point.y, point.z), 2))


def _sum(point: _Point, x: Fp2, y: Fp2) -> _Point:
    """A point and an affine one."""
    if point.z == _ZERO:
        return _Point(x, y, _ONE)
    square = _squared(point.z)
    h = _minus(_times(x, square), point.x)
    r = _scaled(_minus(_times(y, _times(square, point.z)), point.y), 2)
    if h == _ZERO:
        return _doubled(point) if r == _ZERO else _INFINITY
    i = _squared(_scaled(h, 2))
    j, v = _times(h, i), _times(point.x, i)
    new_x = _minus(_minus(_squared(r), j), _scaled(v, 2))
    new_y = _minus(_times(r, _minus(v, new_x)), _scaled(_times(point.y, j), 2))
    return _Point(new_x, new_y, _scaled(_times(point.z, h), 2))


def _times(first: Fp2, second: Fp2) -> Fp2:
    (a, b), (c, d) = first, second
    return (a * c - b * d) % P, (a * d + b * c) % P


def _squared(value: Fp2) -> Fp2:
    a, b = value
    return (a + b) * (a - b) % P, 2 * a * b % P


def _plus(first: Fp2, second: Fp2) -> Fp2:
    return (first[0] + second[0]) % P, (first[1] + second[1]) % P


def _minus(first: Fp2, second: Fp2) -> Fp2:
    return (first[0] - second[0]) % P, (first[1] - second[1]) % P


def _scaled(value: Fp2, factor: int) -> Fp2:
    return factor * value[0] % P, factor * value[1] % P


def _conjugate(value: Fp2) -> Fp2:
    return value[0], -value[1] % P


def _power(value: Fp2, exponent: int) -> Fp2:
    found = _ONE
    for bit in f"{exponent:b}":
        found = _squared(found)
        if bit == "1":
            found = _times(found, value)
    return found


_FACTORS = (_power((9, 1), (P - 1) // 3), _power((9, 1), (P - 1) // 2))
"""Of the conjugates of x and y, in psi."""
