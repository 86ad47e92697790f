"""Epsilon of Gaussian releases, against a second library and a closed form."""

import math
import warnings

import pytest
from scipy.stats import norm

from twopm_zk.errors import InputError
from twopm_zk.privacy import accounting
from twopm_zk.privacy.terms import Privacy

DELTA = 1e-6


def exact_epsilon(multiplier, delta):
    """Of the continuous Gaussian (Balle and Wang 2018, theorem 8); composition of Gaussians is one of them."""
    low, high = 0.0, 200.0
    for _ in range(100):
        middle = (low + high) / 2
        found = norm.cdf(0.5 / multiplier - middle * multiplier)
        found -= math.exp(middle + norm.logcdf(-0.5 / multiplier - middle * multiplier))
        low, high = (low, middle) if found <= delta else (middle, high)
    return high


def other_library(multipliers, delta):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from autodp.mechanism_zoo import GaussianMechanism
        from autodp.transformer_zoo import Composition

        parts = [GaussianMechanism(m, RDP_off=False, approxDP_off=True, fdp_off=True) for m in multipliers]
        return Composition()(parts, [1] * len(parts)).get_approxDP(delta)


@pytest.mark.parametrize(
    "multipliers", [[0.5], [1.0], [3.7], [10.0] * 6, [13.3] * 6 + [10.1] + [14.3, 14.3], [40.0] * 30]
)
def test_two_libraries_agree_and_neither_is_below_the_exact_value(multipliers):
    ours = accounting.epsilon(multipliers, DELTA)
    assert ours == pytest.approx(other_library(multipliers, DELTA), rel=2e-3)
    exact = exact_epsilon(1 / math.sqrt(sum(1 / m**2 for m in multipliers)), DELTA)
    assert exact <= ours <= 1.15 * exact


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 3.0, 10.0])
@pytest.mark.parametrize("releases", [1, 6, 31])
def test_calibrated_releases_keep_epsilon_and_waste_nothing(epsilon, releases):
    multiplier = accounting.calibrate(epsilon, DELTA, releases)
    assert accounting.epsilon([multiplier] * releases, DELTA) <= epsilon
    assert accounting.epsilon([multiplier * 0.999] * releases, DELTA) > epsilon


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 3.0, 10.0])
def test_the_closed_form_is_a_little_above_what_the_library_finds(epsilon):
    rough = Privacy(epsilon, DELTA).rough_multiplier
    assert 1 < rough / accounting.calibrate(epsilon, DELTA) < 1.3


def test_no_release_costs_nothing_and_each_one_costs_something():
    assert accounting.epsilon([], DELTA) == 0
    spent = [accounting.epsilon([5.0] * count, DELTA) for count in range(5)]
    assert spent == sorted(set(spent))


def test_several_nodes_noise_is_as_good_as_that_of_one():
    """Where it were not, the multiplier's margin would have to be as large: the bound can say so."""
    least = accounting.LEAST_SIGMA**2
    assert accounting.log2_of_difference(least, 65535, 1000) < -200 < math.log2(accounting.MARGIN)
    assert accounting.log2_of_difference((1 << 20) ** 2, 65535, 1000) < -1000
    assert accounting.log2_of_difference(0.5, 3, 30) > math.log2(accounting.MARGIN)
    assert accounting.log2_of_difference(0.5, 1, 30) == -math.inf


@pytest.mark.parametrize("call", [lambda: accounting.epsilon([0.0], DELTA), lambda: accounting.epsilon([1.0], 0.0)])
def test_noise_of_nothing_and_a_delta_of_nothing_are_refused(call):
    with pytest.raises(InputError, match="noise multipliers"):
        call()


@pytest.mark.parametrize("arguments", [(0.0, DELTA, 1), (1.0, 1.0, 1), (1.0, DELTA, 0)])
def test_calibration_to_nothing_is_refused(arguments):
    with pytest.raises(InputError, match="calibration"):
        accounting.calibrate(*arguments)
