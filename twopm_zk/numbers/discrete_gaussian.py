"""Exact draws from the discrete Gaussian: P(x) proportional to exp(-x^2 / (2 sigma^2)) on the integers.

Algorithms 1 to 3 of Canonne, Kamath and Steinke, The Discrete Gaussian for Differential Privacy (NeurIPS 2020):
integers and rationals only, so that no floating point number shapes a tail, and randomness from the operating system.
How long a draw takes depends on it: nobody should be able to time one alone.
"""

from __future__ import annotations

import math
import secrets
from fractions import Fraction

from twopm_zk.errors import InputError


def sample(sigma_squared: int | Fraction, count: int, *, below: int | None = None) -> tuple[int, ...]:
    """``count`` independent draws of variance parameter ``sigma_squared``, above 0. Keep them secret.

    With ``below``, a vector of which a component reaches that magnitude is drawn anew, whole. What is drawn then is
    the discrete Gaussian on the condition that no component does: of all events the probability changes by at most
    `tail` of the vector, so that an (epsilon, delta) becomes (epsilon, delta + (1 + e^epsilon) tail).

    Raises InputError for a variance that is not above 0, or a ``below`` that most vectors would reach.
    """
    variance = Fraction(sigma_squared)
    if variance <= 0 or count < 0:
        raise InputError("a discrete Gaussian has a variance above 0, and a number of draws that is not negative")
    if below is not None and tail(variance, count, below) > 0.5:
        raise InputError("the limit of the noise is too near to its standard deviation: most draws would reach it")
    while True:
        drawn = tuple(_gaussian(variance) for _ in range(count))
        if below is None or all(abs(value) < below for value in drawn):
            return drawn


def tail(sigma_squared: int | Fraction, count: int, below: int) -> float:
    """A bound on the probability that one of ``count`` draws has a magnitude of ``below`` or more.

    P(x >= m) is at most that of the continuous Gaussian from m - 1 on (proposition 25 there), and at most
    exp(-m^2 / (2 sigma^2)), because the discrete one is sub-Gaussian (corollary 17 there).
    """
    if below <= 0:
        return 1.0
    one_side = 0.5 * math.erfc((below - 1) / math.sqrt(2 * sigma_squared))
    return min(1.0, 2 * count * min(one_side, math.exp(-float(Fraction(below) ** 2 / (2 * sigma_squared)))))


def _gaussian(variance: Fraction) -> int:
    """Algorithm 3: a discrete Laplace of a scale t, kept with probability exp(-(|y| - sigma^2 / t)^2 / (2 sigma^2))."""
    top, bottom = variance.numerator, variance.denominator
    scale = math.isqrt(top // bottom) + 1
    denominator = 2 * top * bottom * scale * scale
    while True:
        y = _laplace(scale)
        if _bernoulli_exp((abs(y) * scale * bottom - top) ** 2, denominator):
            return y


def _laplace(scale: int) -> int:
    """Algorithm 2: P(y) proportional to exp(-|y| / scale)."""
    while True:
        low = secrets.randbelow(scale)
        if not _bernoulli_exp(low, scale):
            continue
        high = 0
        while _bernoulli_exp(1, 1):
            high += 1
        magnitude = low + scale * high
        negative = secrets.randbits(1)
        if not (negative and magnitude == 0):
            return -magnitude if negative else magnitude


def _bernoulli_exp(top: int, bottom: int) -> bool:
    """Algorithm 1: true with probability exp(-top / bottom)."""
    while top > bottom:  # exp(-g) = exp(-1) exp(-(g - 1))
        if not _bernoulli_exp(1, 1):
            return False
        top -= bottom
    k = 1
    while secrets.randbelow(bottom * k) < top:
        k += 1
    return k % 2 == 1
