"""When training ends: near the optimum, in standard errors, or with a warning that says why not."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.small_tasks import curvature_of, make_spec, make_table, spector_spec, total_of

from twopm_zk.rows.batches import prepare
from twopm_zk.rows.tables import Table, load_spector
from twopm_zk.statements import Collection
from twopm_zk.task.parts.step_rule import StepRule
from twopm_zk.training.in_process import train
from twopm_zk.training.learner import Learner
from twopm_zk.training.optimiser import (
    Optimiser,
    decrement,
    hessian,
    real_gradient,
    real_weights,
)
from twopm_zk.training.results import TrainingWarning
from twopm_zk.training.stopping import PATIENCE, doubts, find_obstacles, sigmoid_shift, stands_still


def spec(columns=1, rule="newton", **changes):
    return make_spec(columns, penalty=0.0, step=StepRule(rule), maximum_rounds=100, **changes)


def rare_events(rows=100_000, events=10):
    """Events of one row in ten thousand; statsmodels 0.15 finds -9.7841 and 1.0660, with errors 0.54 and 0.32."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=rows)
    labels = np.zeros(rows, dtype=np.int64)
    labels[rng.choice(rows, size=events, replace=False, p=np.exp(x) / np.exp(x).sum())] = 1
    return Table(("x0",), x[:, None], labels)


def quasi_separated():
    """x = 1 always has the label 1, x = 0 has both."""
    labels = np.r_[np.ones(10), np.arange(30) % 3 == 0].astype(np.int64)
    return Table(("x0",), np.r_[np.ones(10), np.zeros(30)][:, None], labels)


def learn(learner, rules, one):
    """What a round collected, as a coordinator takes it in."""
    if one.information is not None:
        learner.take(Collection.INFORMATION, rules.policy(1), one.weights, one.information)
    learner.take(Collection.GRADIENT, rules.policy(1), one.weights, one.gradient)


def said(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", TrainingWarning)
        result = call()
    return result, [str(one.message) for one in caught if issubclass(one.category, TrainingWarning)]


def test_the_decrement_is_the_largest_distance_of_any_contrast_in_standard_errors():
    rng = np.random.default_rng(1)
    root, gradient = rng.normal(size=(4, 4)), rng.normal(size=4)
    information = root @ root.T + np.eye(4)
    way, covariance = np.linalg.solve(information, gradient), np.linalg.inv(information)
    distance = decrement(gradient, information)
    for contrast in [*np.eye(4), *rng.normal(size=(200, 4))]:
        assert abs(contrast @ way) <= distance * np.sqrt(contrast @ covariance @ contrast) * (1 + 1e-9)
    worst = information @ way
    assert abs(worst @ way) == pytest.approx(distance * np.sqrt(worst @ covariance @ worst))
    assert decrement(gradient, np.zeros((4, 4))) > 1e6


@pytest.mark.parametrize(("rule", "moves"), [("newton", 4), ("bfgs", 5), ("boehning-lindsay", 9)])
def test_training_without_a_bound_of_its_own_ends_within_a_hundredth_of_a_standard_error(rule, moves):
    result, texts = said(lambda: train(load_spector(), spector_spec(rule, gradient_bound=None)))
    assert texts == []
    assert (result.moves, result.converged) == (moves, True)
    assert result.rounds[-1].decrement <= 0.01 < result.rounds[-2].decrement
    assert result.coefficients["GPA"] == pytest.approx(2.82611259, abs=0.01 * 1.263)


@pytest.mark.slow
def test_rare_events_are_followed_to_the_end_and_what_the_sigmoid_costs_is_said():
    result, texts = said(lambda: train(rare_events(), spec()))
    assert result.rounds[-1].decrement <= 0.01
    # 2.5e-5 per row, a quarter of the rate of events, was reached with a slope of 0.77
    assert result.certificate.bound_per_row < 1e-6
    assert result.coefficients["x0"] == pytest.approx(1.0660, abs=0.15 * 0.32)
    assert len(texts) == 1
    assert "moves the optimum of these rows by 0.14 standard errors" in texts[0]


@pytest.mark.parametrize("rule", ["newton", "bfgs", "boehning-lindsay"])
def test_quasi_separated_rows_are_named_and_never_converged(rule):
    result, texts = said(lambda: train(quasi_separated(), spec(rule=rule)))
    assert not result.converged
    assert any("'x0' tells the classes apart, in whole or in part" in text for text in texts)
    assert result.moves < 60


@pytest.mark.parametrize("rule", ["newton", "bfgs"])
def test_rows_that_only_several_columns_together_tell_apart_are_found(rule):
    rng = np.random.default_rng(3)
    features = rng.normal(size=(200, 3)).clip(-4, 4)
    score = features[:, 0] + features[:, 1]
    table = Table(("x0", "x1", "x2"), features, (score > 0).astype(np.int64))
    result, texts = said(lambda: train(table, spec(3, rule, weight_bound=2047.0)))
    assert not result.converged
    (text,) = [text for text in texts if "apart" in text]
    assert text.startswith("not converged: 'x0', 'x1' tell the classes apart")


@pytest.mark.slow
def test_all_thirty_columns_of_the_breast_cancer_data_tell_the_classes_apart():
    datasets = pytest.importorskip("sklearn.datasets")
    from sklearn.exceptions import ConvergenceWarning

    from twopm_zk.training.estimator import TwoPMLogisticRegression

    features, labels = datasets.load_breast_cancer(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match="tell the classes apart"):
        TwoPMLogisticRegression(alpha=0).fit(features, labels)
    features, labels = datasets.load_iris(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match="'x2', 'x3' tell the classes apart"):
        TwoPMLogisticRegression(alpha=0).fit(features, labels == 0)
    with pytest.warns(ConvergenceWarning, match="'x0' tells the classes apart"):
        TwoPMLogisticRegression(alpha=0).fit([[0.0], [1], [2], [3]], [0, 0, 1, 1])


@pytest.mark.slow
@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    rows=st.integers(100, 600),
    columns=st.integers(1, 3),
    steep=st.floats(0, 1.5),
    rule=st.sampled_from(["newton", "bfgs"]),
)
def test_there_is_no_false_alarm_on_well_posed_data(seed, rows, columns, steep, rule):
    drawn = make_table(rows, columns, seed=seed, steep=steep)
    if not 20 <= drawn.labels.sum() <= rows - 20:
        return
    rules = spec(columns, rule)
    result, texts = said(lambda: train(drawn, rules))
    assert texts == []
    assert result.converged
    learner = Learner(rules)
    for one in result.rounds:
        learn(learner, rules, one)
    assert doubts(rules, learner.optimiser, drawn.rows, near=True) == []


@pytest.mark.parametrize("rule", ["newton", "bfgs"])
@pytest.mark.parametrize(
    ("table", "separated"), [(quasi_separated(), True), (load_spector(), False), (make_table(300, 2), False)]
)
def test_sums_alone_tell_of_separation_too(rule, table, separated):
    rules = spector_spec(rule) if "GPA" in table.names else spec(len(table.names), rule)
    result, _ = said(lambda: train(table, rules))
    learner = Learner(rules)
    for one in result.rounds:  # until a coordinator would certify
        learn(learner, rules, one)
        near = learner.optimiser.decrements[-1] <= rules.decrement_bound
        if near or stands_still(learner.optimiser.decrements):
            break
    texts = doubts(rules, learner.optimiser, table.rows, near=near)
    assert any("'x0' still grow" in text for text in texts) is separated
    assert separated or texts == []


def test_what_an_optimiser_knows_from_gradients_is_near_the_truth_at_the_end():
    for rule in ("bfgs", "boehning-lindsay"):
        rules = spector_spec(rule)
        node = prepare(load_spector(), rules)
        learner = Learner(rules)
        rounds = train(load_spector(), rules).rounds
        for one in rounds:
            learn(learner, rules, one)
            gradient = rules.sizes.round.regularised(rules.policy(1), one.weights, one.gradient)
            information = total_of(Collection.INFORMATION, node, one.weights)
            exact = decrement(real_gradient(rules, gradient), hessian(rules, information))
            assert learner.optimiser.decrements[-1] > 0.4 * exact
        assert learner.optimiser.decrements[-1] == pytest.approx(exact, rel=0.5)


@pytest.mark.slow
def test_the_largest_shift_from_sums_is_above_the_one_that_rows_show():
    table = rare_events(20_000, 4)
    rules = spec()
    node = prepare(table, rules)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = train(table, rules)
    weights = real_weights(rules, result.weights)
    information = hessian(rules, total_of(Collection.INFORMATION, node, result.weights))
    features = np.vstack([batch.features for batch in node.batches])
    gradient = result.rounds[-1].gradient.items
    found = find_obstacles(rules, features, table.labels, weights, real_gradient(rules, gradient), arrived=True)
    moments = Optimiser(rules, curvature_of(table, rules)).moments
    largest = sigmoid_shift(table.rows, moments, np.linalg.inv(information))
    assert 0.05 < found.shift < largest < 3


def test_training_that_is_asked_for_little_is_not_blamed_on_the_sigmoid():
    result, texts = said(lambda: train(load_spector(), spector_spec(gradient_bound=0.1, decrement_bound=1e6)))
    assert (result.converged, texts) == (True, [])


def test_it_stands_still_after_so_many_rounds_without_a_new_smallest():
    falling = [1 / (k + 1) for k in range(50)]
    assert not stands_still(falling)
    assert not stands_still([*falling, *[0.02] * (PATIENCE - 1)])
    assert stands_still([*falling, *[0.02] * PATIENCE])
    assert not stands_still([*falling, *[0.02] * PATIENCE, 0.019])
