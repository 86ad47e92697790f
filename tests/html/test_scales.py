"""Ticks are round, within their scale and told apart, whatever the values."""

import math

import pytest

from twopm_zk.html.scales import Scale

VALUES = {
    "few": [1.0, 2.0],
    "one": [0.3],
    "zero": [0.0],
    "negative": [-13.02, -12.9],
    "tiny": [1e-300, 3e-300],
    "large": [1e200, -1e250],
    "nearly equal": [2.8263600, 2.8263613],
    "nothing": [],
    "no numbers": [math.nan, math.inf],
}


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_a_scale_has_all_values_between_its_ends_and_labels_that_differ(values):
    scale = Scale.around(values, 10, 110)
    places = [scale.place(value) for value in values if math.isfinite(value)]
    assert all(10 - 1e-6 <= place <= 110 + 1e-6 for place in places)
    labels = scale.labels()
    assert 2 <= len(labels) <= 7
    assert len({label for label, _ in labels}) == len(labels)
    assert [place for _, place in labels] == sorted(place for _, place in labels)
    assert all(10 - 1e-6 <= place <= 110 + 1e-6 for _, place in labels)


def test_a_scale_may_run_upwards():
    scale = Scale.around([0, 10], 100, 0)
    assert (scale.place(0), scale.place(10)) == (100, 0)


@pytest.mark.parametrize("values", [[1.56e-1, 3.2e-2], [1.0], [1e-10, 1e10], [2e-16]])
def test_a_logarithmic_scale_has_ticks_at_few_powers_of_ten(values):
    scale = Scale.around(values, 0, 100, logarithmic=True)
    ticks = scale.ticks()
    assert 2 <= len(ticks) <= 7
    assert all(math.log10(tick) == pytest.approx(round(math.log10(tick))) for tick in ticks)
    assert all(0 <= scale.place(value) <= 100 for value in values)
    assert scale.place(0.0) == 0


@pytest.mark.parametrize(
    ("numbers", "ticks"), [([1, 2, 3], [1, 2, 3]), ([4], [4, 5]), ([0, 30], [0, 5, 10, 15, 20, 25, 30])]
)
def test_numbers_that_are_counted_have_whole_ticks(numbers, ticks):
    assert Scale.around(numbers, 0, 100, whole=True).whole_ticks() == ticks


def test_many_rounds_have_few_ticks():
    assert len(Scale.around(range(10_000), 0, 100, whole=True).whole_ticks()) <= 11
