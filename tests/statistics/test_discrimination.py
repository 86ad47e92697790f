"""A histogram of predicted probabilities by class: thresholds, ROC, the area under it, calibration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twopm_zk.errors import DataError
from twopm_zk.numbers.scores import PROBABILITY_EDGES
from twopm_zk.statistics.discrimination import ProbabilityHistogram

scored = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=1, max_size=200)


def exact_auc(scores, labels):
    some, none = scores[labels == 1][:, None], scores[labels == 0]
    return float(((some > none) + (some == none) / 2).mean())


def test_edges_are_of_twenty_bins_and_symmetric_about_one_half():
    edges = np.array(PROBABILITY_EDGES)
    assert len(edges) == 21
    assert (np.diff(edges) > 0).all()
    assert edges + edges[::-1] == pytest.approx(np.ones(21), abs=1e-15)
    assert (edges[0], edges[10], edges[20]) == (0, 0.5, 1)


@given(rows=scored)
def test_bounds_of_the_auc_hold_the_exact_one(rows):
    scores, labels = (np.array(one) for one in zip(*rows, strict=True))
    found = ProbabilityHistogram.of(scores, labels).auc
    if labels.min() == labels.max():
        assert found is None
        return
    assert found.low - 1e-12 <= exact_auc(scores, labels) <= found.high + 1e-12
    assert found.low <= found.value <= found.high


@given(counts=st.lists(st.tuples(st.integers(0, 50), st.booleans()), min_size=20, max_size=20))
def test_bounds_of_the_auc_meet_where_bins_hold_one_class_only(counts):
    none = tuple(0 if some else count for count, some in counts)
    some = tuple(count if some else 0 for count, some in counts)
    found = ProbabilityHistogram((none, some)).auc
    assert found is None or found.low == found.value == found.high


@given(rows=scored)
def test_both_bounds_of_the_auc_occur(rows):
    """With every row of class 1 at the upper end of its bin, and at the lower."""
    scores, labels = (np.array(one) for one in zip(*rows, strict=True))
    if labels.min() == labels.max():
        return
    histogram = ProbabilityHistogram.of(scores, labels)
    edges = np.array(PROBABILITY_EDGES)
    bins = np.clip(np.searchsorted(edges, scores, side="right") - 1, 0, 19)
    for sign, bound in ((1, histogram.auc.high), (-1, histogram.auc.low)):
        moved = bins + sign * 0.25 * (2 * labels - 1)
        assert exact_auc(moved, labels) == pytest.approx(bound, abs=1e-12)


@given(rows=scored)
def test_every_row_is_in_one_bin_of_the_calibration_table(rows):
    scores, labels = (np.array(one) for one in zip(*rows, strict=True))
    table = ProbabilityHistogram.of(scores, labels).calibration
    assert sum(one.rows for one in table) == len(rows)
    assert sum(one.positives for one in table) == labels.sum()
    for one in table:
        inside = (scores >= one.low) & ((scores < one.high) | (one.high == 1))
        assert one.rows == inside.sum()
        assert (one.observed is None) == (one.rows == 0)
        if one.rows:
            assert one.low - 1e-12 <= scores[inside].mean() <= one.high + 1e-12  # a mean rounds


@given(rows=scored)
def test_each_edge_as_a_threshold_is_what_it_decides(rows):
    scores, labels = (np.array(one) for one in zip(*rows, strict=True))
    histogram = ProbabilityHistogram.of(scores, labels)
    for edge, found in zip(PROBABILITY_EDGES[:-1], histogram.thresholds, strict=False):
        taken = scores >= edge
        assert found.accuracy == pytest.approx((taken == labels).mean())
        assert found.true_positives == (taken & (labels == 1)).sum()
        assert found.false_positives == (taken & (labels == 0)).sum()
    assert histogram.thresholds[-1].true_positives == 0


def test_a_good_model_has_the_figures_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(3)
    odds = rng.normal(size=500) * 2
    labels = (rng.random(500) < 1 / (1 + np.exp(-odds))).astype(int)
    scores = 1 / (1 + np.exp(-odds))
    histogram = ProbabilityHistogram.of(scores, labels)
    half = histogram.at_threshold(0.5)
    taken = (scores >= 0.5).astype(int)
    assert half.sensitivity == metrics.recall_score(labels, taken)
    assert half.specificity == metrics.recall_score(labels, taken, pos_label=0)
    assert half.precision == metrics.precision_score(labels, taken)
    assert histogram.auc.value == pytest.approx(metrics.roc_auc_score(labels, scores), abs=0.01)
    curve = np.array(histogram.roc)
    assert curve[0].tolist() == [0, 0]
    assert curve[-1].tolist() == [1, 1]
    assert np.trapezoid(curve[:, 1], curve[:, 0]) == pytest.approx(histogram.auc.value)
    assert 0.01 < histogram.auc_standard_error < 0.03


def test_hanley_and_mcneils_standard_error_is_that_of_their_formula():
    """AUC 0.9 of 60 and 40: Q1 = 0.9/1.1, Q2 = 1.62/1.9."""
    none, some = [0] * 20, [0] * 20
    none[2], some[15] = 32, 60
    none[15] = 8  # 8 of 40 tied with all of class 1: area 0.8 + 0.1
    histogram = ProbabilityHistogram((tuple(none), tuple(some)))
    assert histogram.auc.value == pytest.approx(0.9)
    expected = ((0.09 + 59 * (0.9 / 1.1 - 0.81) + 39 * (1.62 / 1.9 - 0.81)) / 2400) ** 0.5
    assert histogram.auc_standard_error == pytest.approx(expected)


def test_held_out_breast_cancer_has_an_auc_within_a_hundredth():
    pytest.importorskip("sklearn")
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.preprocessing import StandardScaler

    data = load_breast_cancer()
    scaled = StandardScaler().fit_transform(data.data)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(569)
        model = LogisticRegression(max_iter=1000).fit(scaled[order[:426]], data.target[order[:426]])
        scores, labels = model.predict_proba(scaled[order[426:]])[:, 1], data.target[order[426:]]
        area = ProbabilityHistogram.of(scores, labels).auc
        assert area.low <= roc_auc_score(labels, scores) <= area.high <= area.low + 0.01


@pytest.mark.parametrize("label", [0, 1])
def test_of_one_class_only_what_is_not_defined_is_none(label):
    found = ProbabilityHistogram.of([0.2, 0.9], [label, label])
    assert found.auc is None
    assert found.roc is None
    assert found.auc_standard_error is None
    half = found.at_threshold(0.5)
    assert half.accuracy == 0.5
    assert (half.sensitivity is None) == (label == 0)
    assert (half.specificity is None) == (label == 1)
    assert found.thresholds[-1].precision is None


def test_a_threshold_between_edges_is_refused():
    with pytest.raises(DataError, match=r"0.45 is no edge of the histogram"):
        ProbabilityHistogram.of([0.2], [1]).at_threshold(0.45)


@pytest.mark.parametrize(
    ("counts", "edges", "said"),
    [
        (((1,), (1, 2)), (0, 0.5, 1), "2 classes of 2 counts"),
        (((1, 2),), (0, 0.5, 1), "2 classes of 2 counts"),
        (((1, -2), (0, 0)), (0, 0.5, 1), "negative count"),
        (((1, 2), (0, 0)), (0, 0.5, 0.9), "do not ascend from 0 to 1"),
        (((1, 2), (0, 0)), (0, 0, 1), "do not ascend from 0 to 1"),
    ],
)
def test_a_histogram_that_cannot_be_is_refused(counts, edges, said):
    with pytest.raises(DataError, match=said):
        ProbabilityHistogram(counts, edges)
