"""Log-loss, squared error and bins: their errors over all z, established by visiting every rounding interval."""

from fractions import Fraction

import numpy as np
import pytest

from twopm_zk.numbers import scores, sigmoid

UNIT = 2.0**-9 / sigmoid.UNIT_DIVISOR
"""Of T in |z|; the rounding rule itself is tested with the sigmoid."""
T = np.arange(1 << sigmoid.INPUT_BITS)
ENDS = (np.maximum(T - 0.5, 0) * UNIT, (T + 0.5) * UNIT)
"""The smallest and largest |z| of every T."""
FIRST_BEYOND = (len(T) - 0.5) * UNIT


def reals(values, *, scale_bits):
    return np.array([float(Fraction(value, 1 << scale_bits)) for value in values])


@pytest.fixture(scope="module")
def losses():
    """log(1 + e^-|z|) of every T, and beyond the table."""
    return reals(scores.loss_table(), scale_bits=scores.LOSS_SCALE_BITS) / scores.LOSS_DIVISOR


@pytest.fixture(scope="module")
def squares():
    """Squared errors of every T, and beyond the table: where the sign of z is right, and where it is wrong."""
    square = reals(scores.square_table(), scale_bits=sigmoid.SCALE_BITS)
    far = sigmoid.sigmoid_numerator(1 << 60, z_frac_bits=32)
    tanh = reals([*sigmoid.polynomial_table(), far], scale_bits=sigmoid.SCALE_BITS)
    return {False: (square - 2 * tanh) / 4, True: (square + 2 * tanh) / 4}


def true_loss(magnitude, wrong):
    return np.log1p(np.exp(-magnitude)) + wrong * magnitude


def true_square(magnitude, wrong):
    return 1 / (1 + np.exp(-magnitude if wrong else magnitude)) ** 2


def test_log_loss_is_within_its_error_for_every_z(losses):
    # the loss is monotone in |z| on either side, so that within one rounding interval the error is largest at an end
    found = {}
    for wrong in (False, True):
        inside = max(np.abs(losses[:-1] + wrong * T * UNIT - true_loss(z, wrong)).max() for z in ENDS)
        # beyond the table |z| goes on, half a unit off, and log(1 + e^-|z|) falls to 0
        constant = max(abs(losses[-1] - true_loss(FIRST_BEYOND, False)), losses[-1])
        found[wrong] = max(inside, constant + wrong * UNIT / 2)
    assert found[False] <= 5.2e-5
    assert found[True] <= scores.LOSS_ERROR
    assert found[True] > 0.99 * scores.LOSS_ERROR  # the constant is not larger than it must be


def test_squared_error_is_within_its_error_for_every_z(squares):
    worst = 0.0
    for wrong, values in squares.items():
        worst = max(worst, *(np.abs(values[:-1] - true_square(z, wrong)).max() for z in ENDS))
        worst = max(worst, abs(values[-1] - true_square(FIRST_BEYOND, wrong)), abs(values[-1] - wrong))
    assert 0.99 * scores.SQUARED_ERROR_ERROR < worst <= scores.SQUARED_ERROR_ERROR


def test_ends_of_the_scan_are_those_of_the_rounding_rule():
    dropped = sigmoid.dropped_bits(32)
    for t in (1, 2, 777, 40_000, len(T) - 1):
        ends = [round(float(end[t]) * 2**32) for end in ENDS]
        assert all(
            sigmoid.rounded_input(end + inward, z_frac_bits=32) == t for end, inward in zip(ends, (2, -2), strict=True)
        )
        assert sigmoid.rounded_input(ends[1] + 2, z_frac_bits=32) == t + 1
    assert dropped == 23


@pytest.mark.parametrize("z_frac_bits", [32, 36, 43])
def test_unclipped_inputs_are_exact_as_far_as_z_goes(z_frac_bits):
    """13 |z| may leave 64 bits where |z| itself does not."""
    edges = [0, 1, 1 << 40, (1 << 58) - 1, 1 << 58, (1 << 60) + 12345, (1 << 62) - 1, (1 << 63) - 1]
    z = [sign * value for value in edges for sign in (1, -1)]
    found = sigmoid.unclipped_inputs(np.array(z, dtype=np.int64), z_frac_bits=z_frac_bits)
    assert found.tolist() == [sigmoid.rounded_input(value, z_frac_bits=z_frac_bits) for value in z]


@pytest.mark.slow
def test_limbs_put_together_are_the_tables():
    for table, limbs in ((scores.loss_table(), scores.loss_limbs()), (scores.square_table(), scores.square_limbs())):
        assert limbs.min() >= 0
        assert limbs.max() < 1 << scores.LIMB_BITS
        total = [sum(int(limb) << (scores.LIMB_BITS * i) for i, limb in enumerate(row)) for row in limbs.tolist()]
        assert total == list(table)


def test_magnitudes_cover_every_value():
    bounds = {bound.name: bound.magnitude for bound in scores.magnitudes()}
    degree = len(bounds) // 2 - 1
    assert bounds[f"loss u[{degree}]"] == max(scores.loss_table()[:-1])
    one = 1 << sigmoid.SCALE_BITS
    assert bounds[f"square u[{degree}]"] == max(abs(value - one) for value in scores.square_table()[:-1])
    assert all(bound.magnitude < bound.limit for bound in scores.magnitudes())


EDGES = [round(np.log(p / (1 - p)) / UNIT) for p in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)]


def test_edges_of_bins_are_those_of_the_probabilities_that_are_published():
    """To 1e-4, which is what a unit of T and the rounding of an edge to one leave."""
    of_T = [1 / (1 + np.exp(-edge * UNIT)) for edge in EDGES]
    half = scores.BINS // 2
    edges = scores.PROBABILITY_EDGES
    assert len(edges) == scores.BINS + 1
    assert list(edges) == sorted(edges)
    np.testing.assert_allclose(edges[half:-1], of_T, atol=1e-4)
    np.testing.assert_allclose(edges[1 : half + 1], [1 - p for p in reversed(of_T)], atol=1e-4)
    assert (edges[0], edges[-1]) == (0, 1)


@pytest.mark.parametrize(("index", "edge"), list(enumerate(EDGES)))
def test_a_bin_begins_at_its_edge_on_either_side_of_one_half(index, edge):
    half = scores.BINS // 2
    around = np.array([edge, *([edge - 1] if edge else [])])
    expected = [half + index, half + index - 1][: len(around)]
    assert scores.bins(around, np.zeros(len(around), dtype=bool)).tolist() == expected
    mirrored = [scores.BINS - 1 - k if t else half for k, t in zip(expected, around, strict=True)]
    assert scores.bins(around, np.ones(len(around), dtype=bool)).tolist() == mirrored


def test_the_last_bins_have_all_that_is_beyond_the_table():
    beyond = np.array([len(T) - 1, len(T)])
    assert scores.bins(beyond, np.array([False, False])).tolist() == [scores.BINS - 1] * 2
    assert scores.bins(beyond, np.array([True, True])).tolist() == [0, 0]


def test_where_z_rounds_to_zero_the_sign_does_not_count():
    assert scores.bins(np.array([0, 0]), np.array([True, False])).tolist() == [scores.BINS // 2] * 2
