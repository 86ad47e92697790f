"""The sigmoid: its error over all z, established by visiting every rounding interval."""

from fractions import Fraction

import numpy as np
import pytest

from twopm_zk.numbers import sigmoid

Z_FRAC = 32


def interval_ends() -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest real |z| that each T stands for, from the rounding rule in integers."""
    dropped = sigmoid.dropped_bits(Z_FRAC)
    half = (1 << (dropped - 1)) - 1
    T = np.arange(1 << sigmoid.INPUT_BITS, dtype=object)
    lowest = [max(0, -(-((int(t) << dropped) - half) // sigmoid.UNIT_DIVISOR)) for t in T]
    highest = [(((int(t) + 1) << dropped) - 1 - half) // sigmoid.UNIT_DIVISOR for t in T]
    return np.array(lowest, dtype=float) / 2**Z_FRAC, np.array(highest, dtype=float) / 2**Z_FRAC


def test_error_is_at_most_the_limit_for_every_integer_z():
    # sigma is monotone, so that within one rounding interval the error is largest at an end
    values = np.array([float(Fraction(p, 1 << sigmoid.SCALE_BITS)) for p in sigmoid.polynomial_table()])
    lowest, highest = interval_ends()
    inside = max(np.abs(values - np.tanh(lowest / 2)).max(), np.abs(values - np.tanh(highest / 2)).max()) / 2
    saturated = sigmoid.sigmoid_numerator(1 << 60, z_frac_bits=Z_FRAC) / (1 << sigmoid.SCALE_BITS)
    first_saturated = highest[-1] + 2.0**-Z_FRAC
    tail = max(abs(saturated - np.tanh(first_saturated / 2)), abs(1 - saturated)) / 2
    assert max(inside, tail) <= sigmoid.MAX_ERROR
    assert inside > 1e-5  # the scan did measure something


def test_intervals_of_the_scan_are_those_of_the_rounding_rule():
    lowest, highest = interval_ends()
    for T in (0, 1, 2, 777, 40_000, (1 << 16) - 1):
        for end in (lowest[T], highest[T]):
            assert sigmoid.rounded_input(round(end * 2**Z_FRAC), z_frac_bits=Z_FRAC) == T
        assert sigmoid.rounded_input(round(highest[T] * 2**Z_FRAC) + 1, z_frac_bits=Z_FRAC) == T + 1


def test_polynomial_is_exactly_zero_at_zero():
    # the circuit leaves the sign of z free where T = 0
    assert sigmoid.polynomial_table()[0] == 0


@pytest.mark.parametrize("z", [0, 1, 2**31, 3 * 2**32, 9 * 2**32, 10 * 2**32, 2**47])
def test_numerator_is_odd_in_z(z):
    assert sigmoid.sigmoid_numerator(-z, z_frac_bits=Z_FRAC) == -sigmoid.sigmoid_numerator(z, z_frac_bits=Z_FRAC)


def test_magnitudes_cover_every_value_of_the_polynomial():
    bounds = {bound.name: bound.magnitude for bound in sigmoid.magnitudes()}
    assert bounds["sigmoid value"] >= max(abs(p) for p in sigmoid.polynomial_table())
    assert all(bound.magnitude < bound.limit for bound in sigmoid.magnitudes())


def test_real_valued_sigmoid_keeps_shape_and_is_near_the_true_one():
    z = np.linspace(-12, 12, 60).reshape(6, 10)
    assert sigmoid.sigmoid(z).shape == z.shape
    np.testing.assert_allclose(sigmoid.sigmoid(z), 1 / (1 + np.exp(-z)), atol=sigmoid.MAX_ERROR)
