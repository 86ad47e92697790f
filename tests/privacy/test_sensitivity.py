"""How far one row moves the sums: never beyond the bound, and some rows nearly as far."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twopm_zk.errors import RangeError
from twopm_zk.numbers.fixed_point import FEATURES, WEIGHTS
from twopm_zk.privacy.sensitivity import RowLimits
from twopm_zk.statements import (
    Collection,
    EvaluateShape,
    Family,
    InformationShape,
    StepShape,
    evaluation_tally,
    gradient_tally,
    information_tally,
)

COLUMNS = 3
CLIP = 4.0
ONE = FEATURES.one
FAMILIES = list(Family)


def limits(family, clip=CLIP):
    return RowLimits(family, (7.5,) * COLUMNS, 7.5, clip)


def tally(collection, family, weights, features, labels):
    shape = {Collection.GRADIENT: StepShape, Collection.INFORMATION: InformationShape}.get(collection, EvaluateShape)
    shape = shape(119, COLUMNS, FEATURES, family)
    if collection is Collection.INFORMATION:
        return information_tally(shape, weights, features)
    of = gradient_tally if collection is Collection.GRADIENT else evaluation_tally
    return of(shape, weights, features, labels)


def blocks_of(collection, family, weights, clip=CLIP):
    known = limits(family, clip)
    z = known.largest_z(weights)
    if collection is Collection.GRADIENT:
        return known.gradient(z)
    return known.information() if collection is Collection.INFORMATION else known.evaluation(z)


def moved(collection, family, weights, one, other):
    """The distance between the sums of one row and those of another, by block, in whole units."""
    first, second = (tally(collection, family, weights, x[None, :], np.array([y])) for x, y in (one, other))
    difference = np.array([a - b for a, b in zip(first.items, second.items, strict=True)], dtype=object)
    found, start = [], 0
    for block in blocks_of(collection, family, weights):
        part = difference[start : start + block.sums]
        found.append(math.sqrt(sum(int(v) ** 2 for v in part)) / (1 << block.frac_bits))
        start += block.sums
    assert start == len(difference)
    return found


def of_norm(values, norm):
    """Integers of a feature vector in this direction, no longer than ``norm``."""
    vector = np.array(values, dtype=float)
    length = np.linalg.norm(vector)
    scaled = vector if length <= norm else vector * norm / length
    return np.trunc(scaled * ONE).astype(np.int64)


reals = st.lists(st.floats(-7.5, 7.5), min_size=COLUMNS, max_size=COLUMNS)


@st.composite
def rows(draw, family):
    x = of_norm(draw(reals), CLIP)
    y = draw(st.integers(0, 1)) if family is Family.LOGISTIC else draw(st.integers(-7 * ONE, 7 * ONE))
    return x, y


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("collection", list(Collection))
def test_no_row_moves_a_sum_beyond_its_bound(collection, family):
    @settings(max_examples=150)
    @given(one=rows(family), other=rows(family), w=st.lists(st.floats(-3, 3), min_size=4, max_size=4))
    def check(one, other, w):
        weights = [round(v * WEIGHTS.one) for v in w]
        found = moved(collection, family, weights, one, other)
        for distance, block in zip(found, blocks_of(collection, family, weights), strict=True):
            assert distance <= block.sensitivity()

    check()


X = of_norm([4, 0, 0], CLIP)
NONE = np.zeros(COLUMNS, dtype=np.int64)
LEFT, RIGHT = (of_norm([sign * 3, 7, 0], CLIP) for sign in (-1, 1))
NEARLY = [
    # both far from what the weights expect, and alike but for what these look at
    (Collection.GRADIENT, Family.LOGISTIC, [3, 0, 0, 0], (RIGHT, 0), (LEFT, 1), 0.9),
    (Collection.GRADIENT, Family.LOGISTIC, [0, 0, 0, 0], (X, 0), (X, 1), 0.99),
    (Collection.GRADIENT, Family.GAUSSIAN, [0, 0, 0, 0], (X, 7 * ONE), (X, -7 * ONE), 0.9),
    # x and x' at a right angle, as far as the intercept allows
    (Collection.INFORMATION, Family.LOGISTIC, [0, 0, 0, 0], (X, 0), (of_norm([0, 4, 0], CLIP), 0), 0.9),
    (Collection.INFORMATION, Family.GAUSSIAN, [0, 0, 0, 0], (X, 0), (of_norm([0, 4, 0], CLIP), 0), 0.9),
]


@pytest.mark.parametrize(("collection", "family", "w", "one", "other", "part"), NEARLY)
def test_some_rows_move_the_sums_nearly_as_far(collection, family, w, one, other, part):
    weights = [round(v * WEIGHTS.one) for v in w]
    found = moved(collection, family, weights, one, other)
    bounds = [block.sensitivity() for block in blocks_of(collection, family, weights)]
    assert max(f / b for f, b in zip(found, bounds, strict=True)) >= part


def test_every_sum_of_an_evaluation_can_move_nearly_as_far():
    weights = [round(3 * WEIGHTS.one), 0, 0, 0]
    found = moved(Collection.EVALUATION, Family.LOGISTIC, weights, (X, 1), (X, 0))
    bounds = [block.sensitivity() for block in blocks_of(Collection.EVALUATION, Family.LOGISTIC, weights)]
    assert all(f >= 0.99 * b for f, b in zip(found, bounds, strict=True))
    right, wrong = (X, 7 * ONE), (-X, -7 * ONE)
    found = moved(Collection.EVALUATION, Family.GAUSSIAN, [-w for w in weights], right, wrong)
    bounds = [block.sensitivity() for block in blocks_of(Collection.EVALUATION, Family.GAUSSIAN, weights)]
    assert found[0] >= 0.9 * bounds[0]
    found = moved(Collection.EVALUATION, Family.GAUSSIAN, [-w for w in weights], right, (NONE, 0))
    assert found[1] >= 0.85 * bounds[1]
    assert found[2] >= 0.9 * bounds[2]


def test_all_rows_of_a_node_move_a_sum_as_far_as_all_of_them_together():
    features, labels = np.tile(X, (100, 1)), np.zeros(100, dtype=np.int64)
    weights = [0] * 4
    one = tally(Collection.GRADIENT, Family.LOGISTIC, weights, features, labels)
    other = tally(Collection.GRADIENT, Family.LOGISTIC, weights, features, 1 - labels)
    distance = float(np.linalg.norm(one.real - other.real))
    (block,) = blocks_of(Collection.GRADIENT, Family.LOGISTIC, weights)
    assert block.sensitivity() < distance
    assert 0.99 * block.sensitivity(100, 2) <= distance <= block.sensitivity(100, 2)


def test_residuals_of_a_gradient_never_exceed_one_whatever_the_weights():
    at_any = limits(Family.LOGISTIC).gradient()[0].distance
    assert at_any == pytest.approx(2 * (1 + 2**-14) * math.sqrt(17))
    assert limits(Family.LOGISTIC).gradient(0.0)[0].distance == pytest.approx(at_any / 2, rel=1e-3)
    assert limits(Family.GAUSSIAN).gradient(1e9)[0].distance == pytest.approx(2 * math.sqrt(17))


def test_the_norm_is_what_ranges_allow_where_that_is_less_than_the_clip():
    assert limits(Family.LOGISTIC, None).norm == pytest.approx(7.5 * math.sqrt(3))
    assert limits(Family.LOGISTIC, 100.0).norm == pytest.approx(7.5 * math.sqrt(3))
    assert limits(Family.LOGISTIC, 2.0).norm == 2.0


def test_a_label_out_of_reach_of_the_circuits_is_refused_before_it_can_move_a_sum():
    """The gaussian residual is within 1 because a row further away has no update at all."""
    with pytest.raises(RangeError, match="64 or more"):
        tally(Collection.GRADIENT, Family.GAUSSIAN, [100 * WEIGHTS.one, 0, 0, 0], X[None, :], np.array([0]))
