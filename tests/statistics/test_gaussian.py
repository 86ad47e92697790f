"""Goodness of fit of a linear model, from sums."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from twopm_zk.errors import DataError
from twopm_zk.statistics.gaussian import GaussianEvaluation


def test_the_same_figures_follow_from_scaled_sums_and_about_any_centre():
    rng = np.random.default_rng(1)
    labels = rng.normal(size=50) * 3 + 1e6
    predicted = labels + rng.normal(size=50)
    plain = GaussianEvaluation.of(predicted, labels, centre=1e6)
    scaled = (labels - 999_990) / 4
    other = GaussianEvaluation.scaled(
        50,
        scaled.sum(),
        (scaled**2).sum(),
        (((predicted - 999_990) / 4 - scaled) ** 2).sum(),
        centre=999_990,
        scale=4,
    )
    for found in (plain, other):
        assert found.mean == pytest.approx(labels.mean(), rel=1e-12)
        assert found.spread_squares == pytest.approx(((labels - labels.mean()) ** 2).sum(), rel=1e-6)
        assert found.rmse == pytest.approx(np.sqrt(((labels - predicted) ** 2).mean()), rel=1e-6)
    assert plain.r2 == pytest.approx(other.r2, rel=1e-6)


def test_held_out_rows_are_judged_against_their_own_mean():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(2)
    labels, predicted = rng.normal(size=40), rng.normal(size=40)
    found = GaussianEvaluation.of(predicted, labels)
    assert found.r2 == pytest.approx(metrics.r2_score(labels, predicted))
    assert found.r2 < 0
    assert found.rmse == pytest.approx(metrics.root_mean_squared_error(labels, predicted))


def test_one_row_has_an_error_and_no_more():
    found = GaussianEvaluation.of([3.0], [5.0])
    assert found.rmse == 2
    assert found.r2 is None
    for undefined in (found.adjusted_r2, found.variance, found.sigma, found.f_statistic, found.f_p_value):
        assert undefined(2) is None
    assert found.null_log_likelihood is None


def test_a_label_of_one_value_has_no_r2():
    found = GaussianEvaluation.of([0.1, 0.2, 0.3], [0.1, 0.1, 0.1])
    assert found.r2 is None
    assert found.f_statistic(2) is None
    assert found.variance(2) is not None


def test_a_model_without_residuals_has_no_likelihood_and_no_f():
    found = GaussianEvaluation.of([1.0, 2.0, 4.0], [1.0, 2.0, 4.0])
    assert found.r2 == 1
    assert found.log_likelihood is None
    assert found.aic(2) is None
    assert found.bic(2) is None
    assert found.f_statistic(2) is None


@example(labels=[0.0, 0.0, 1.0], shift=9.045895580333232e-159)  # residuals of next to nothing: F is beyond all numbers
@given(labels=st.lists(st.floats(-100, 100), min_size=1, max_size=30), shift=st.floats(-10, 10))
def test_figures_are_numbers_or_none_whatever_the_rows(labels, shift):
    found = GaussianEvaluation.of(np.array(labels) + shift, labels)
    figures = [found.r2, found.adjusted_r2(2), found.sigma(2), found.f_statistic(2), found.f_p_value(2)]
    figures += [found.log_likelihood, found.aic(2), found.bic(2), found.null_log_likelihood, found.rmse]
    assert all(one is None or np.isfinite(one) for one in figures)


@pytest.mark.parametrize(
    ("sums", "said"),
    [
        ((0, 0, 0, 0), "needs rows"),
        ((2, 0, -1, 0), "negative"),
        ((2, 0, 1, -1), "negative"),
        ((2, 0, 1, float("nan")), "not finite"),
        ((2, 3, 4, 0), "no rows have"),
    ],
)
def test_sums_that_no_rows_have_are_refused(sums, said):
    with pytest.raises(DataError, match=said):
        GaussianEvaluation(*sums)
