"""Goodness of fit of a logistic model, from sums."""

import math
from dataclasses import replace

import numpy as np
import pytest

from twopm_zk.errors import DataError
from twopm_zk.statistics.logistic import LogisticEvaluation


@pytest.fixture
def evaluation():
    rng = np.random.default_rng(5)
    odds = rng.normal(size=200)
    return LogisticEvaluation.of(odds, (rng.random(200) < 1 / (1 + np.exp(-odds))).astype(int))


def test_sums_over_rows_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(6)
    odds, labels = rng.normal(size=100), rng.integers(0, 2, 100)
    scores, found = 1 / (1 + np.exp(-odds)), LogisticEvaluation.of(odds, labels)
    assert found.mean_log_loss == pytest.approx(metrics.log_loss(labels, scores))
    assert found.brier_score == pytest.approx(metrics.brier_score_loss(labels, scores))
    assert found.log_likelihood == -found.log_loss


def test_log_odds_that_saturate_keep_their_loss_finite():
    found = LogisticEvaluation.of([-800.0, 800.0, 800.0], [1, 1, 0])
    assert found.log_loss == pytest.approx(1600)
    assert found.brier == pytest.approx(2)


@pytest.mark.parametrize("label", [0, 1])
def test_of_one_class_only_pseudo_r2_and_ratio_are_not_defined(label):
    found = LogisticEvaluation.of([0.5, -1.0], [label, label])
    assert found.null_log_likelihood == 0
    assert found.pseudo_r2 is None
    assert found.likelihood_ratio_p_value(1) is None
    assert found.to_json()["auc"] is None


def test_one_row_has_a_loss_and_no_more():
    found = LogisticEvaluation.of([0.0], [1])
    assert found.log_loss == pytest.approx(math.log(2))
    assert found.pseudo_r2 is None
    assert found.bic(1) == pytest.approx(2 * math.log(2))


def test_errors_of_the_circuits_add_up_over_rows(evaluation):
    found = replace(evaluation, log_loss_error=1e-5, brier_error=2e-5)
    assert found.log_likelihood_error == pytest.approx(200e-5)
    assert found.to_json()["brier_score_error"] == 2e-5
    assert evaluation.log_likelihood_error == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rows": 0}, "needs rows"),
        ({"positives": 3}, "the sums are of 3 and 197"),
        ({"rows": 199}, "the histogram has"),
        ({"log_loss": math.nan}, "not finite"),
        ({"brier": math.inf}, "not finite"),
    ],
)
def test_sums_that_contradict_each_other_are_refused(evaluation, changes, said):
    with pytest.raises(DataError, match=said):
        replace(evaluation, **changes)
