"""Rows longer than a public norm are shortened to it, and no others are touched."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.privacy import private_spec

from twopm_zk.numbers.fixed_point import FEATURES, Format
from twopm_zk.privacy.terms import Privacy
from twopm_zk.rows.batches import prepare
from twopm_zk.rows.check import check_rows
from twopm_zk.rows.clipping import shortened, too_long
from twopm_zk.rows.tables import Table


@pytest.mark.slow
@settings(max_examples=200)
@given(
    rows=st.lists(st.lists(st.integers(-(1 << 23), (1 << 23) - 1), min_size=3, max_size=3), min_size=1, max_size=5),
    norm=st.floats(1 / 64, 1024),
    frac_bits=st.integers(2, 23),
)
def test_a_shortened_row_is_within_the_norm_exactly_and_points_the_same_way(rows, norm, frac_bits):
    format, features = Format(24, frac_bits), np.array(rows, dtype=np.int64)
    found = shortened(features, norm, format)
    limit = (norm * format.one) ** 2
    for before, after, long in zip(features, found, too_long(features, norm, format), strict=True):
        squares = sum(int(v) ** 2 for v in after)
        assert squares <= limit
        assert long == (sum(int(v) ** 2 for v in before) > limit)
        if not long:
            assert (before == after).all()
            continue
        exact = before * (norm * format.one / np.linalg.norm(before.astype(float)))
        assert np.abs(after - exact).max() <= 1 + 1e-6
        assert (np.abs(after) <= np.abs(exact)).all()


def test_a_row_of_the_very_norm_stays_as_it_is():
    features = np.array([[3 * FEATURES.one, 4 * FEATURES.one, 0], [3 * FEATURES.one, 4 * FEATURES.one, 1]])
    assert too_long(features, 5.0, FEATURES).tolist() == [False, True]
    assert (shortened(features, 5.0, FEATURES)[0] == features[0]).all()


def table():
    return Table(("x0", "x1"), np.array([[3.0, 4.0], [0.5, 0.5], [-4.0, 0.0]]), np.array([0, 1, 1]))


def test_a_node_trains_on_shortened_rows():
    spec = private_spec(privacy=Privacy(1.0, 1e-6, clip=2.0))
    (batch,) = prepare(table(), spec).batches
    real = batch.features / FEATURES.one
    assert real[0] == pytest.approx([1.2, 1.6], abs=1e-3)
    assert real[1].tolist() == [0.5, 0.5]
    assert real[2] == pytest.approx([-2.0, 0.0], abs=1e-3)
    (whole,) = prepare(table(), replace(spec, privacy=None)).batches
    assert (whole.features[0] / FEATURES.one).tolist() == [3.0, 4.0]


def test_an_owner_is_told_how_many_rows_are_shortened_and_nobody_else():
    spec = private_spec(privacy=Privacy(1.0, 1e-6, clip=2.0))
    report = check_rows(table(), spec)
    assert report.shortened == 2
    assert "shortened" not in repr(report)
    assert check_rows(table(), replace(spec, privacy=None)).shortened is None
    assert check_rows(table(), replace(spec, privacy=Privacy(1.0, 1e-6))).shortened is None
