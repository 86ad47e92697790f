"""Constants from public knowledge."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twopm_zk.errors import SpecError
from twopm_zk.numbers.fixed_point import FEATURES
from twopm_zk.task.columns import Column, choose_column


@pytest.mark.parametrize(
    ("known", "centre", "scale"),
    [
        ({"low": 2, "high": 4, "unit": 0.01}, 3.0, 0.64),
        ({"low": 0, "high": 33, "unit": 1}, 16.5, 8.0),
        ({"low": 0, "high": 1, "unit": 1}, 0.5, 0.25),
        ({"mean": 14.1, "sd": 3.5}, 14.0, 4.0),
    ],
)
def test_chosen_constants_are_short_and_centre_the_column(known, centre, scale):
    column = choose_column("x", **known)
    assert (column.centre, column.scale) == (centre, scale)


@given(data=st.data())
def test_values_in_units_survive_quantisation_exactly(data):
    unit = data.draw(st.sampled_from([1, 0.5, 0.1, 0.01, 0.25, 3]))
    low = unit * data.draw(st.integers(-1000, 1000))
    high = low + unit * data.draw(st.integers(1, 4096))
    column = choose_column("x", low=low, high=high, unit=unit)
    assert column.loses(FEATURES) == 0
    assert column.warnings(FEATURES) == []
    values = low + unit * np.arange(round((high - low) / unit) + 1)
    integers = FEATURES.quantize((values - column.centre) / column.scale)
    assert np.allclose(integers / FEATURES.one * column.scale + column.centre, values, rtol=1e-12, atol=1e-9 * unit)
    # equal steps stay equal: nothing was rounded
    assert len(set(np.diff(integers))) <= 1


@given(low=st.floats(-1e9, 1e9), width=st.floats(1e-6, 1e9), mean=st.floats(0, 1), sd=st.floats(1e-3, 1))
def test_the_whole_range_fits_the_format(low, width, mean, sd):
    high = low + width
    if not low < high:
        return
    known = {"mean": low + mean * width, "sd": sd * width} if sd < 0.5 else {}
    column = choose_column("x", low=low, high=high, **known)
    assert column.magnitude(FEATURES) <= FEATURES.limits[1]


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({}, "`low` and `high`, or `mean` and `sd`"),
        ({"low": 1}, "`low` and `high`, or `mean` and `sd`"),
        ({"low": 1, "high": 1}, "not below `high`"),
        ({"mean": 1, "sd": 0}, "`sd` is 0; it must be above 0"),
        ({"low": 0, "high": 1, "unit": -1}, "`unit` is -1"),
        ({"low": 0, "high": float("inf")}, "`high` is not finite"),
    ],
)
def test_knowledge_that_makes_no_sense_is_refused(known, message):
    with pytest.raises(SpecError, match=message):
        choose_column("x", **known)


def test_lossy_constants_are_named_with_better_ones():
    (warning,) = Column("GPA", 3.0, 1.0, 0.0, 4.0, 0.01).warnings(FEATURES)
    assert "'GPA': steps of 0.01 are rounded" in warning
    assert "1.28 would be exact" in warning
    # exact steps would not fit 16 bits over this range
    (warning,) = Column("income", 5e5, 2.5e5, 0.0, 1e6, 0.01).warnings(FEATURES)
    assert "a wider format" in warning
    (warning,) = Column("age", 50.0, 4096.0, 0.0, 100.0).warnings(FEATURES)
    assert "'age': its whole range takes 100 steps" in warning
