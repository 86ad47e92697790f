"""What Gaussian noise costs in epsilon: the accountant of Renyi differential privacy of the package dp-accounting.

A release is its noise multiplier, the standard deviation over the L2 sensitivity. The noise here is discrete. The
Renyi divergences of a discrete Gaussian that is shifted by an integer are at most those of the continuous one (Canonne,
Kamath and Steinke 2020, proposition 5), so that an accountant of those is right for both; one of the continuous loss
distribution would not be.

What several nodes add is a sum of discrete Gaussians, which is one itself but for a factor on every probability that
`log2_of_difference` bounds (Kairouz, Liu and Steinke 2021).

The package takes seconds to import, and is imported when it is needed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from typing import Any

from twopm_zk.errors import InputError

LEAST_SIGMA = 4
"""Standard deviation of each node's noise in units of its lattice below which nothing is drawn: see
`log2_of_difference`."""
MARGIN = 1e-9
"""By so much is a multiplier rounded up: far more than doubles and `log2_of_difference` can make a difference of."""


def epsilon(multipliers: Iterable[float], delta: float) -> float:
    """The epsilon at ``delta`` of all these releases together; 0 for none. They may depend on each other's results."""
    return _epsilon(tuple(sorted(multipliers)), delta)


@cache
def _epsilon(multipliers: tuple[float, ...], delta: float) -> float:
    if not all(value > 0 for value in multipliers) or not 0 < delta < 1:
        raise InputError("noise multipliers are above 0, and delta between 0 and 1")
    if not multipliers:
        return 0.0
    import dp_accounting
    from dp_accounting.rdp import RdpAccountant

    accountant = RdpAccountant()
    for value in multipliers:
        accountant.compose(dp_accounting.GaussianDpEvent(value))
    return float(accountant.get_epsilon(delta))


@cache
def calibrate(epsilon: float, delta: float, releases: int = 1) -> float:
    """The smallest multiplier of each of so many releases that all together stay within (epsilon, delta)."""
    if releases < 1 or not epsilon > 0 or not 0 < delta < 1:
        raise InputError("calibration needs one release or more, an epsilon above 0, and a delta between 0 and 1")
    import dp_accounting
    from dp_accounting.rdp import RdpAccountant

    def event(multiplier: float) -> Any:
        return dp_accounting.GaussianDpEvent(multiplier)

    # releases of Gaussian noise compose to one, with the root of the sum of squares of 1 / multiplier
    one = dp_accounting.calibrate_dp_mechanism(RdpAccountant, event, epsilon, delta, tol=1e-6)
    return float(one) * math.sqrt(releases) * (1 + MARGIN)


def log2_of_difference(sigma_squared: float, nodes: int, sums: int) -> float:
    """log2 of how much the noise of several nodes may add to the root of twice the zero-concentrated privacy loss.

    Kairouz, Liu and Steinke 2021, theorem 1: with sigma in units of the lattice, ``nodes`` equal parts over ``sums``
    numbers add tau sqrt(sums), where tau = 10 sum of exp(-2 pi^2 sigma^2 k / (k + 1)) over k below ``nodes``, and
    k / (k + 1) is at least 1/2. At `LEAST_SIGMA` that is 2^-200 and less; where units are 2^-20, beyond 2^-1000.
    """
    if nodes == 1:
        return -math.inf
    exponent = math.pi**2 * sigma_squared / math.log(2)
    return math.log2(10 * (nodes - 1)) + math.log2(sums) / 2 - exponent
