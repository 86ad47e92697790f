"""The variance function: its error over all z, established by visiting every rounding interval."""

import numpy as np
import pytest

from twopm_zk.numbers import sigmoid, variance
from twopm_zk.numbers.fixed_point import Format
from twopm_zk.statements import InformationShape

Z_FRAC = 32
UNIT = 2.0**-9 / 13
"""Of T in |z|; the rounding rule itself is tested with the sigmoid."""


def derivative(z):
    return 1 / (2 + 2 * np.cosh(z))


@pytest.fixture(scope="module")
def values():
    return np.array([value / (1 << variance.SCALE_BITS) for value in variance.table()])


def test_error_over_all_z_is_within_a_thousandth_of_the_variance_and_of_a_hundredth(values):
    # sigma' falls with |z|, so that within one rounding interval the error is largest at an end
    T = np.arange(1 << sigmoid.INPUT_BITS)
    for ends in (np.maximum(T - 0.5, 0) * UNIT, (T + 0.5) * UNIT):
        error, exact = np.abs(values - derivative(ends)), derivative(ends)
        assert (error <= variance.RELATIVE_ERROR * exact + variance.ABSOLUTE_ERROR).all()
        assert error.max() <= 2.5e-4
        assert (error[ends <= 4] <= 1.2e-3 * exact[ends <= 4]).all()
        assert error.max() > 1e-5  # the scan did measure something


def test_beyond_the_table_the_variance_is_none_and_hardly_any_is_lost():
    end = (1 << sigmoid.INPUT_BITS) * UNIT
    assert derivative(end - UNIT / 2) < variance.BEYOND  # where |z| is rounded up to it
    for z in (end + 2**-20, 10.0, 30.0, 1e4):
        for sign in (1, -1):
            assert variance.variance_numerator(round(sign * z * 2**Z_FRAC), z_frac_bits=Z_FRAC) == 0
    assert derivative(end) < 5.3e-5


def test_it_is_positive_wherever_it_is_a_polynomial():
    """Sums of x x' v are then no more singular than the rows themselves."""
    assert min(variance.table()) > 0


def test_it_is_even_in_z():
    for z in (0, 1, 2**31, 3 * 2**32, 9 * 2**32, 2**47):
        found = variance.variance_numerator(z, z_frac_bits=Z_FRAC)
        assert found == variance.variance_numerator(-z, z_frac_bits=Z_FRAC)


@pytest.mark.slow
def test_limbs_put_together_are_the_table():
    limbs = variance.limbs()
    assert limbs.min() >= 0
    assert limbs.max() < 1 << variance.LIMB_BITS
    total = [sum(int(limb) << (variance.LIMB_BITS * i) for i, limb in enumerate(row)) for row in limbs.tolist()]
    assert total == [*variance.table(), 0]


def test_magnitudes_cover_every_value_and_no_sum_is_wider_than_its_digits():
    assert variance.magnitudes()[-1].magnitude == max(variance.table())
    assert all(bound.magnitude < bound.limit for bound in variance.magnitudes())
    # what the digits of a rounded sum in circuits/information.circom count on
    assert max(variance.table()) * 1024 * 4 <= 1025 << variance.SCALE_BITS
    for rows in (1, 47, 1023):
        shape = InformationShape(rows, 3, Format(16, 12))
        assert all(bound.magnitude < bound.limit for bound in shape.bounds())
