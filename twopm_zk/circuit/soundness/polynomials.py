"""Polynomials of small degree in one variable over the scalar field, lowest coefficient first: product and roots.

Roots by Cantor and Zassenhaus (1981): gcd(x^p - x, f) is the product of x - r over the roots r, and gcd with
(x + s)^((p-1)/2) - 1 separates them.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import count
from typing import TypeAlias

from twopm_zk.numbers.field import FIELD_ORDER

Polynomial: TypeAlias = tuple[int, ...]


def trimmed(f: list[int] | Polynomial) -> Polynomial:
    """Reduced modulo FIELD_ORDER, without leading zeros: () is 0."""
    reduced = [value % FIELD_ORDER for value in f]
    while reduced and not reduced[-1]:
        reduced.pop()
    return tuple(reduced)


def plus(f: Polynomial, g: Polynomial, factor: int = 1) -> Polynomial:
    """f + factor g."""
    size = max(len(f), len(g))
    f, g = f + (0,) * (size - len(f)), g + (0,) * (size - len(g))
    return trimmed([a + factor * b for a, b in zip(f, g, strict=True)])


def times(f: Polynomial, g: Polynomial) -> Polynomial:
    """f g."""
    if not f or not g:
        return ()
    total = [0] * (len(f) + len(g) - 1)
    for i, a in enumerate(f):
        for j, b in enumerate(g):
            total[i + j] += a * b
    return trimmed(total)


def divided(f: Polynomial, g: Polynomial) -> tuple[Polynomial, Polynomial]:
    """Quotient and remainder of f by g, which is not 0."""
    rest, lead = list(f), pow(g[-1], -1, FIELD_ORDER)
    quotient = [0] * max(0, len(f) - len(g) + 1)
    for at in range(len(f) - len(g), -1, -1):
        quotient[at] = factor = rest[at + len(g) - 1] * lead % FIELD_ORDER
        for i, value in enumerate(g):
            rest[at + i] -= factor * value
    return trimmed(quotient), trimmed(rest[: len(g) - 1])


def common(f: Polynomial, g: Polynomial) -> Polynomial:
    """The greatest common divisor, up to a factor."""
    while g:
        f, g = g, divided(f, g)[1]
    return f


def power(f: Polynomial, exponent: int, modulus: Polynomial) -> Polynomial:
    """f^exponent modulo another polynomial."""
    result: Polynomial = (1,)
    for bit in bin(exponent)[2:]:
        result = divided(times(result, result), modulus)[1]
        if bit == "1":
            result = divided(times(result, f), modulus)[1]
    return result


@lru_cache(maxsize=4096)
def roots(f: Polynomial) -> frozenset[int]:
    """All roots in the field of a polynomial that is not 0."""
    if len(f) <= 1:
        return frozenset()
    if len(f) == 2:
        return frozenset({-f[0] * pow(f[1], -1, FIELD_ORDER) % FIELD_ORDER})
    linear = common(f, plus(power((0, 1), FIELD_ORDER, f), (0, 1), -1))
    return _split(linear)


def _split(f: Polynomial) -> frozenset[int]:
    """The roots of a product of distinct linear factors."""
    if len(f) <= 2:
        return roots(f)
    for shift in count():
        part = common(f, plus(power((shift, 1), FIELD_ORDER // 2, f), (1,), -1))
        if 1 < len(part) < len(f):
            return _split(part) | _split(divided(f, part)[0])
    raise AssertionError
