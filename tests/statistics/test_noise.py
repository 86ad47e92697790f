"""Evaluations whose sums carry noise: mended, with how much of each figure is noise."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from twopm_zk.errors import DataError
from twopm_zk.numbers import scores
from twopm_zk.numbers.pedersen import EVALUATION, SQUARES, Tally
from twopm_zk.privacy.spent import Spent
from twopm_zk.statistics.discrimination import ProbabilityHistogram
from twopm_zk.statistics.evaluations import evaluation_of
from twopm_zk.statistics.gaussian import GaussianEvaluation
from twopm_zk.statistics.logistic import LogisticEvaluation
from twopm_zk.statistics.noise import NoisyDescent, figure_noise, onto_simplex
from twopm_zk.statistics.provenance import Part, Provenance
from twopm_zk.statistics.summarise import Model, summarise
from twopm_zk.task.scaling import Scaling

SPENT = Spent(3.0, 1e-6, "row", 2, 3, 6, 4, 2.4)
KNOWN = Provenance(True, 2000, 3)
WEIGHTS = 3


@pytest.mark.parametrize("seed", range(4))
def test_mended_counts_are_the_nearest_that_are_not_negative_and_add_up(seed):
    from scipy.optimize import minimize

    found = np.random.default_rng(seed).normal(5, 20, size=8)
    mended = onto_simplex(found, 40)
    assert mended.min() >= 0
    assert mended.sum() == pytest.approx(40)
    limits = {"type": "eq", "fun": lambda c: c.sum() - 40}
    best = minimize(lambda c: ((c - found) ** 2).sum(), np.full(8, 5.0), bounds=[(0, None)] * 8, constraints=limits)
    assert mended == pytest.approx(best.x, abs=1e-4)


def test_counts_that_rows_have_stay_what_they_are():
    counts = [3.0, 0.0, 7.0, 10.0]
    assert onto_simplex(counts, 20) == pytest.approx(counts)
    assert onto_simplex([-50.0, -90.0], 5).tolist() == [5, 0]


def exact_evaluation(rows=2000, seed=0, slope=1.5):
    rng = np.random.default_rng(seed)
    odds = slope * rng.normal(size=rows)
    return LogisticEvaluation.of(odds, (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(int))


def with_noise(exact, noise, rng):
    counts = np.array(exact.histogram.counts)
    return LogisticEvaluation.noisy(
        exact.rows,
        exact.log_loss + rng.normal(scale=noise[0]),
        exact.brier + rng.normal(scale=noise[1]),
        counts + rng.normal(scale=noise[2], size=counts.shape),
        noise=noise,
    )


@pytest.mark.slow
def test_a_figure_lies_within_two_of_its_deviations_as_often_as_it_should():
    """Over 150 draws of noise on the same rows: in 90 to 100 of 100, because mending pulls figures a little."""
    exact, rng, noise = exact_evaluation(), np.random.default_rng(5), (40.0, 8.0, 12.0)
    truth, hits = exact.figures(WEIGHTS), {}
    for _ in range(150):
        found = with_noise(exact, noise, rng)
        deviations, figures = figure_noise(found, WEIGHTS), found.figures(WEIGHTS)
        for name in ("llf", "prsquared", "brier_score", "accuracy", "sensitivity", "specificity", "auc"):
            hits.setdefault(name, []).append(abs(figures[name] - truth[name]) <= 1.96 * deviations[name].deviation)
        hits.setdefault("interval", []).append(found.histogram.auc.low <= truth["auc"] <= found.histogram.auc.high)
    shares = {name: np.mean(one) for name, one in hits.items()}
    assert min(shares.values()) > 0.88, shares
    assert shares["llf"] < 0.995  # it is no wider than it says


@pytest.mark.slow
def test_a_gaussian_figure_lies_within_two_of_its_deviations_as_often_as_it_should():
    rng, noise = np.random.default_rng(2), (20.0, 60.0, 40.0)
    predicted = rng.normal(size=1000)
    exact = GaussianEvaluation.of(predicted, predicted + rng.normal(scale=0.6, size=1000))
    truth, hits = exact.figures(WEIGHTS), {}
    for _ in range(200):
        sums = rng.normal((exact.total, exact.total_squares, exact.residual_squares), noise)
        found = GaussianEvaluation.noisy(1000, *map(float, sums), noise=noise)
        for name in ("rsquared", "rsquared_adj", "sigma", "fvalue", "llf", "rmse", "mean"):
            near = (
                abs(found.figures(WEIGHTS)[name] - truth[name]) <= 1.96 * figure_noise(found, WEIGHTS)[name].deviation
            )
            hits.setdefault(name, []).append(near)
    shares = {name: np.mean(one) for name, one in hits.items()}
    assert 0.9 < min(shares.values()) <= max(shares.values()) < 0.995, shares


def test_more_noise_leaves_less_of_a_figure_and_at_last_nothing():
    exact, deviations = exact_evaluation(), []
    for scale in (0.5, 5.0, 50.0, 2000.0):
        found = with_noise(exact, (10 * scale, 3 * scale, scale), np.random.default_rng(0))
        one = figure_noise(found, WEIGHTS)
        deviations.append(one["accuracy"].deviation)
        assert {name: part.alone for name, part in one.items()}["accuracy"] is (scale > 100)
    assert deviations == sorted(deviations)


def test_a_figure_that_noise_alone_defines_says_so():
    """All rows of one class: sensitivity is defined where noise has moved a row to the other class."""
    none = LogisticEvaluation.of(np.zeros(30), np.zeros(30, dtype=int))
    found = LogisticEvaluation.noisy(30, 20.0, 7.0, none.histogram.counts, noise=(1.0, 1.0, 2.0))
    assert found.positives == 0
    assert figure_noise(found, WEIGHTS)["sensitivity"] == (math.inf, True)


def test_negative_counts_are_refused_of_exact_sums_alone():
    items = (13 << EVALUATION.frac_bits, 0, *[-4, 9], *[0] * (2 * scores.BINS - 2))
    tally = Tally(EVALUATION, items, 5)
    with pytest.raises(DataError, match="negative count"):
        evaluation_of(tally, Scaling())
    found = evaluation_of(tally, Scaling(), noise=(2.6, 1.0, 3.0))
    assert (found.rows, found.log_loss, found.log_loss_noise, found.histogram.noise) == (5, 1.0, 0.2, 3.0)
    assert np.array(found.histogram.counts).sum() == pytest.approx(5)
    assert found.histogram.counts[0][:2] == (0, pytest.approx(5))


def test_sums_of_squares_that_noise_makes_contradict_each_other_raise_nothing():
    unit = 1 << SQUARES.frac_bits
    tally = Tally(SQUARES, (90 * unit, 3 * unit, -8 * unit), 10)
    label = Scaling(5.0, 2.0)
    with pytest.raises(DataError, match="sum of squares"):
        evaluation_of(tally, label)
    found = evaluation_of(tally, label, noise=(4.0, 9.0, 25.0))
    assert found.noise == (8.0, 36.0, 100.0)
    assert (found.spread_squares, found.residual_squares, found.mean) == (0, 0, 23.0)
    said = figure_noise(found, 2)
    assert said["rsquared"].alone
    assert said["sigma"].alone


def test_the_interval_of_an_area_with_noise_is_wider_than_the_bounds_of_its_counts():
    exact = exact_evaluation().histogram
    noisy = ProbabilityHistogram.noisy(exact.counts, rows=2000, noise=15.0)
    assert noisy.auc.value == pytest.approx(exact.auc.value)
    assert noisy.auc.low < exact.auc.low - 0.01
    assert noisy.auc.high > exact.auc.high + 0.01
    assert ProbabilityHistogram.noisy(exact.counts, rows=2000, noise=5000.0).auc.low >= 0


def test_observed_rates_of_bins_say_how_much_of_them_is_noise():
    (one,) = [bin_ for bin_ in noisy_histogram((30.0, 10.0), 3.0).calibration if bin_.rows]
    assert one.observed == 0.25
    drawn = np.random.default_rng(1).normal((30, 10), 3.0, size=(20_000, 2))
    assert one.observed_noise == pytest.approx((drawn[:, 1] / drawn.sum(axis=1)).std(), rel=0.05)
    assert exact_evaluation().histogram.calibration[5].observed_noise == 0


def noisy_histogram(counts, noise):
    padded = [[one, *[0.0] * (scores.BINS - 1)] for one in counts]
    return ProbabilityHistogram.noisy(padded, rows=int(sum(counts)), noise=noise)


def logistic_summary(noise=(20.0, 4.0, 6.0), **changes):
    evaluation = with_noise(exact_evaluation(), noise, np.random.default_rng(3))
    descent = NoisyDescent(np.full(3, 9.0), np.eye(3) / 300, 5, 8.0)
    model = Model(
        family="logistic",
        label="ill",
        coefficients={"dose": 1.5, "age": 0.0, "intercept": 0.0},
        scaling=(Scaling(), Scaling()),
        noise=descent,
        privacy=SPENT,
    )
    part = Part.of(evaluation, KNOWN)
    settings = {"information": Part.of(np.diag([300.0, 250.0, 400.0]), KNOWN), "evaluation": part, "held_out": part}
    return summarise(model, KNOWN, **(settings | changes))


def shown(summary):
    return re.sub(r"\s+", " ", str(summary))


def test_a_summary_shows_how_much_of_each_figure_is_noise_and_claims_no_bounds():
    summary = logistic_summary()
    text = shown(summary)
    assert re.search(r"Log-Likelihood: -\d+\.\d ± (1[6-9]|2\d) ", text)
    assert re.search(r"Accuracy at 0.5: 0\.\d{4} ± 0\.0\d", text)
    assert "AUC 95% with noise: 0." in text
    assert "AUC between" not in text
    assert "LLR p-value: not defined" in text
    assert "LLR has no p value" in text
    assert "Privacy: differentially private: epsilon 3 at delta 1e-06 for each row, as long as 2 of the 3 nodes" in text
    assert max(map(len, str(summary).splitlines())) <= 78
    assert "AUC 95% with noise" in summary._repr_html_()


def test_one_class_that_noise_has_made_is_not_said_of_the_rows():
    found = LogisticEvaluation.noisy(30, 20.0, 7.0, np.full((2, 20), [[90.0], [-90.0]]), noise=(1.0, 1.0, 2.0))
    assert found.null_log_likelihood == 0
    assert "All rows are of one class" not in shown(logistic_summary(evaluation=Part.of(found, KNOWN)))


def test_figures_that_are_noise_alone_are_shown_as_that():
    text = shown(logistic_summary(noise=(9000.0, 900.0, 900.0)))
    assert "Log-Likelihood: noise alone" in text
    assert "Accuracy at 0.5: noise alone" in text
    written = logistic_summary(noise=(9000.0, 900.0, 900.0)).as_dict()["evaluation"]
    assert {"llf", "accuracy", "auc"} <= set(written["noise_alone"])
    assert logistic_summary().as_dict()["evaluation"]["noise_alone"] == []


def test_standard_errors_say_how_much_of_them_is_noise():
    summary = logistic_summary()
    shares = summary.inference.content.noise_shares
    text = shown(summary)
    assert f"up to {100 * shares.max():.2g}% of their squares" in text
    assert "exact to" not in text
    rows = summary.as_dict()["coefficients"]
    assert [row["noise_share"] for row in rows.values()] == pytest.approx(shares.tolist())
    exact = replace(summary.inference.content, noise=None, uncertainty=None)
    assert exact.noise_shares is None


def test_uncertainty_of_standard_errors_is_how_far_noise_of_the_information_moves_them():
    """By simulation: information of one column, whose standard error is known in closed form."""
    noisy = logistic_summary(information=Part.of(np.diag([300.0, 60.0, 400.0]), KNOWN)).inference.content
    draws = 60 + np.random.default_rng(0).normal(scale=8.0, size=4000)
    # age is independent of the others: what is left after its noise with them is second order
    assert noisy.uncertainty == pytest.approx(np.std((draws / 60) ** -0.5), rel=0.4)
    wild = logistic_summary(information=Part.of(np.diag([300.0, 9.0, 400.0]), KNOWN)).inference.content
    assert wild.uncertainty == math.inf
    assert "may leave nothing of them" in shown(
        logistic_summary(information=Part.of(np.diag([300.0, 9.0, 400.0]), KNOWN))
    )


def test_weights_that_solve_a_noisy_equation_have_its_covariance():
    hessian, noise = np.array([[9.0, 2.0], [2.0, 5.0]]), np.array([3.0, 4.0])
    inverse = np.linalg.inv(hessian)
    newton = NoisyDescent(noise, inverse, 7, 0.0)
    assert newton.covariance(hessian) == pytest.approx(inverse @ np.diag(noise**2) @ inverse)
    assert NoisyDescent(noise, inverse, 0, 0.0).covariance(hessian) == pytest.approx(np.zeros((2, 2)))
    assert NoisyDescent(noise, inverse, 7, 0.0, 3.0).covariance(hessian) == pytest.approx(
        9 * newton.covariance(hessian)
    )


def test_weights_on_their_way_carry_the_noise_of_all_moves():
    """By simulation of the moves themselves."""
    hessian, noise = np.array([[9.0, 2.0], [2.0, 5.0]]), np.array([3.0, 4.0])
    step, rng = np.diag([0.17, 0.05]), np.random.default_rng(0)
    step[0, 1] = step[1, 0] = 0.01
    moved = np.zeros((20_000, 2))
    for _ in range(6):
        moved = moved - (moved @ hessian + rng.normal(size=moved.shape) * noise) @ step
    said = NoisyDescent(noise, step, 6, 0.0).covariance(hessian)
    assert np.cov(moved.T) == pytest.approx(said, rel=0.06, abs=0.01)


def gaussian_summary(residuals_noise):
    rng = np.random.default_rng(0)
    predicted = rng.normal(size=500)
    exact = GaussianEvaluation.of(predicted, predicted + rng.normal(scale=0.5, size=500))
    noise = (5.0, 9.0, residuals_noise)
    found = GaussianEvaluation.noisy(500, exact.total, exact.total_squares, exact.residual_squares, noise=noise)
    model = Model(
        family="gaussian",
        label="loss",
        coefficients={"dose": 1.0, "intercept": 0.0},
        scaling=(Scaling(),),
        noise=NoisyDescent(np.full(2, 0.1), np.eye(2) / 10, 5, 0.1),
        privacy=SPENT,
    )
    known = replace(KNOWN, rows=500)
    return summarise(model, known, information=Part.of(np.eye(2) * 8, known), evaluation=Part.of(found, known))


def test_a_linear_model_shows_noise_too_and_has_no_standard_errors_of_residuals_that_are_noise():
    text = shown(gaussian_summary(4.0))
    assert re.search(r"R-squared: 0\.\d{3} ± 0\.0\d", text)
    assert re.search(r"Residual std. error: 0\.\d{4} ± 0\.00\d", text)
    assert "Prob (F-statistic): not defined" in text
    assert "F has no p value" in text
    assert "Standard errors: proven" in text
    loud = shown(gaussian_summary(400.0))
    assert "Standard errors: not known: they take the variance of the residuals, which is nothing but noise" in loud
    assert "Residual std. error: noise alone" in loud
