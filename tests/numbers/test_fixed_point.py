"""Quantisation and the field: both sides of every edge."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twopm_zk.errors import BoundError, RangeError
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.fixed_point import (
    FEATURES,
    WEIGHTS,
    Bound,
    Format,
    assert_bounds,
    from_field,
    round_half_up,
    to_field,
)


@pytest.mark.parametrize("format", [FEATURES, WEIGHTS, Format(20, 16)])
def test_quantize_takes_its_whole_range_and_nothing_beyond(format):
    low, high = format.limits
    assert format.quantize([low, high]).tolist() == [-format.bias, format.bias - 1]
    for outside in (low - 1 / format.one, high + 1 / format.one):
        with pytest.raises(RangeError, match=r"value\[1\] is outside"):
            format.quantize([0.0, outside])


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), 1e300])
def test_quantize_refuses_what_is_not_a_finite_number_in_range(bad):
    with pytest.raises(RangeError, match=r"x\[0, 1\] is outside") as caught:
        FEATURES.quantize([[0.0, bad]], name="x")
    assert str(bad) not in str(caught.value)


def test_quantize_rounds_ties_to_even():
    halves = np.array([0.5, 1.5, 2.5, -0.5, -1.5]) / FEATURES.one
    assert FEATURES.quantize(halves).tolist() == [0, 2, 2, 0, -2]


@given(st.integers(-FEATURES.bias, FEATURES.bias - 1))
def test_dequantize_inverts_quantize(value):
    assert FEATURES.quantize(FEATURES.dequantize([value])).tolist() == [value]


@pytest.mark.parametrize(
    ("value", "rounded"), [(0, 0), (1, 0), (2, 1), (5, 1), (6, 2), (-1, 0), (-2, 0), (-3, -1), (-6, -1), (-7, -2)]
)
def test_halves_are_rounded_up(value, rounded):
    assert round_half_up(value, dropped=2) == rounded


@pytest.mark.parametrize("value", [0, 1, -1, FIELD_ORDER // 2, -(FIELD_ORDER // 2)])
def test_field_encoding_round_trips_up_to_half_the_order(value):
    assert from_field(to_field(value)) == value


@pytest.mark.parametrize("value", [FIELD_ORDER // 2 + 1, -(FIELD_ORDER // 2) - 1, FIELD_ORDER])
def test_field_encoding_refuses_more_than_half_the_order(value):
    with pytest.raises(RangeError):
        to_field(value)


@pytest.mark.parametrize("element", [-1, FIELD_ORDER])
def test_decoding_refuses_numbers_that_are_not_reduced(element):
    with pytest.raises(RangeError):
        from_field(element)


@pytest.mark.parametrize("value", [FEATURES.bias, -FEATURES.bias - 1])
def test_bias_refuses_integers_outside_the_format(value):
    with pytest.raises(RangeError):
        FEATURES.biased(value)


def test_bound_table_refuses_an_intermediate_at_its_limit_and_names_it():
    assert_bounds([Bound("z", 9, limit=10)], instance="x")
    with pytest.raises(BoundError, match="'x': z can reach"):
        assert_bounds([Bound("z", 10, limit=10)], instance="x")
