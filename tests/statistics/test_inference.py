"""Standard errors, tests and intervals from information."""

import numpy as np
import pytest

from twopm_zk.errors import DataError, InputError
from twopm_zk.numbers import variance
from twopm_zk.numbers.pedersen import INFORMATION
from twopm_zk.statistics.inference import (
    DISPERSION,
    gaussian_inference,
    information_bounds,
    logistic_inference,
    moments_bound,
)
from twopm_zk.task.scaling import Scaling

SCALING = (Scaling(100.0, 20.0), Scaling(-3.0, 0.25))
COEFFICIENTS = {"a": 0.02, "b": 1.5, "intercept": 0.5}


def rows(count=400, seed=0):
    rng = np.random.default_rng(seed)
    own = np.column_stack([rng.normal(100, 20, count), rng.normal(-3, 0.25, count), np.ones(count)])
    scaled = own.copy()
    for index, one in enumerate(SCALING):
        scaled[:, index] = (own[:, index] - one.centre) / one.scale
    return own, scaled


def information_of(design):
    odds = design @ np.array([0.3, 0.2, 0.1])
    p = 1 / (1 + np.exp(-odds))
    return (design.T * (p * (1 - p))) @ design


def test_the_covariance_is_that_of_the_columns_own_units_the_intercept_too():
    """The same information of columns in their own units, by the inverse map."""
    own, scaled = rows()
    to_own = np.linalg.lstsq(scaled, own, rcond=None)[0]  # own = scaled @ to_own
    inside = information_of(scaled)
    found = logistic_inference(COEFFICIENTS, inside, scaling=SCALING)
    assert found.covariance == pytest.approx(np.linalg.inv(to_own.T @ inside @ to_own), rel=1e-8)
    assert found.names == ("a", "b", "intercept")
    assert found.params.tolist() == list(COEFFICIENTS.values())


def test_a_penalty_gives_the_covariance_of_the_penalised_estimate():
    """By simulation: 4,000 penalised fits of one Newton step each from the truth, whose gradient is random."""
    _, scaled = rows(200)
    inside = information_of(scaled)
    hessian = inside + np.diag([30.0, 30.0, 0.0])
    scores = np.random.default_rng(0).multivariate_normal(np.zeros(3), inside, size=4000)
    simulated = np.cov(np.linalg.solve(hessian, scores.T))
    found = logistic_inference(COEFFICIENTS, inside, scaling=(Scaling(), Scaling()), penalty=30.0)
    assert found.penalised
    assert found.covariance == pytest.approx(simulated, rel=0.1, abs=1e-3)


def test_a_gaussian_covariance_is_sigma_squared_times_the_inverse_of_xx():
    own, scaled = rows()
    found = gaussian_inference(
        COEFFICIENTS, scaled.T @ scaled / DISPERSION, scaling=SCALING, variance=2.5, df_resid=397
    )
    assert found.covariance == pytest.approx(2.5 * np.linalg.inv(own.T @ own), rel=1e-6)
    assert found.df_resid == 397


def test_a_penalised_gaussian_covariance_is_that_of_ridge_regression():
    _, scaled = rows()
    ridge = np.linalg.inv(scaled.T @ scaled + np.diag([64.0, 64.0, 0.0]))
    found = gaussian_inference(
        COEFFICIENTS,
        scaled.T @ scaled / DISPERSION,
        scaling=(Scaling(), Scaling()),
        variance=2.5,
        df_resid=397,
        penalty=64,
    )
    assert found.covariance == pytest.approx(2.5 * ridge @ (scaled.T @ scaled) @ ridge, rel=1e-8)


def test_student_is_used_where_the_variance_is_estimated_and_the_normal_where_it_is_not():
    from scipy import stats

    information = np.diag([4.0, 4.0, 4.0])
    normal = logistic_inference({"a": 1.0, "b": 0.0, "intercept": -1.0}, information, scaling=(Scaling(), Scaling()))
    student = gaussian_inference(
        {"a": 1.0, "b": 0.0, "intercept": -1.0},
        information / DISPERSION,
        scaling=(Scaling(), Scaling()),
        variance=1.0,
        df_resid=5,
    )
    assert normal.statistics.tolist() == student.statistics.tolist() == [2, 0, -2]
    assert normal.p_values == pytest.approx(2 * stats.norm.sf([2, 0, 2]))
    assert student.p_values == pytest.approx(2 * stats.t.sf([2, 0, 2], 5))
    assert normal.intervals(0.9)[0] == pytest.approx(stats.norm.interval(0.9, 1, 0.5))
    assert student.intervals(0.9)[0] == pytest.approx(stats.t.interval(0.9, 5, 1, 0.5))
    assert normal.wald_test({"a": 1}).pvalue == pytest.approx(normal.p_values[0])
    assert student.wald_test([1, 0, 0]).pvalue == pytest.approx(student.p_values[0])
    assert (normal.wald_test([1, 0, 0]).distribution, student.wald_test([1, 0, 0]).distribution) == ("chi2", "F")


@pytest.mark.parametrize(
    ("information", "named"),
    [
        (np.diag([1.0, 0.0, 1.0]), "'b'"),
        (np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), "'a', 'b'"),
        (np.zeros((3, 3)), "'a', 'b', 'intercept'"),
        (np.diag([1.0, -1e-6, 1.0]), "'b'"),
    ],
)
def test_information_that_does_not_determine_a_coefficient_names_it(information, named):
    with pytest.raises(DataError, match=f"do not determine {named}: the information is singular") as caught:
        logistic_inference(COEFFICIENTS, information, scaling=SCALING)
    assert caught.value.kind == "singular-information"


def test_a_penalty_determines_columns_that_depend_on_each_other():
    twice = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    found = logistic_inference(COEFFICIENTS, twice, scaling=(Scaling(), Scaling()), penalty=1.0)
    assert found.standard_errors[:2] == pytest.approx([1 / 3] * 2)


@pytest.mark.parametrize("make", [logistic_inference, gaussian_inference])
def test_with_a_penalty_a_column_that_is_0_in_all_rows_costs_no_other_its_standard_error(make):
    _, scaled = rows()
    settings = {"penalty": 2.0} | ({} if make is logistic_inference else {"variance": 2.5, "df_resid": 397})
    without = make(COEFFICIENTS, information_of(scaled), scaling=SCALING, **settings)
    wider = np.insert(np.insert(information_of(scaled), 1, 0.0, axis=0), 1, 0.0, axis=1)
    names = {"a": 0.02, "a[missing]": 0.0, "b": 1.5, "intercept": 0.5}
    found = make(names, wider, scaling=(SCALING[0], Scaling(0.5, 2.0), SCALING[1]), **settings)
    kept = [0, 2, 3]
    assert found.undefined == ("a[missing]",)
    assert without.undefined == ()
    assert found.standard_errors[kept] == pytest.approx(without.standard_errors)
    assert found.covariance[np.ix_(kept, kept)] == pytest.approx(without.covariance)
    for figures in (found.standard_errors, found.statistics, found.p_values, found.intervals()[:, 0]):
        assert np.isnan(figures).tolist() == [False, True, False, False]
    assert found.wald_test({"a": 1, "b": -1}).pvalue == pytest.approx(without.wald_test({"a": 1, "b": -1}).pvalue)
    with pytest.raises(InputError, match=r"coefficient without a standard error: a\[missing\]"):
        found.wald_test({"a": 1, "a[missing]": 1})


def test_a_penalty_does_not_determine_the_intercept_and_names_what_is_left_undetermined():
    scaling = (Scaling(), Scaling())
    with pytest.raises(DataError, match="do not determine 'b', 'intercept'"):
        logistic_inference(COEFFICIENTS, np.diag([1.0, 0.0, 0.0]), scaling=scaling, penalty=1.0)
    with pytest.raises(DataError, match="do not determine 'b'"):
        logistic_inference(COEFFICIENTS, np.diag([1.0, 0.0, 1.0]), scaling=scaling)


def test_information_of_another_size_is_refused():
    with pytest.raises(InputError, match="3 coefficients is 3 x 3"):
        logistic_inference(COEFFICIENTS, np.eye(4), scaling=SCALING)


@pytest.fixture
def inference():
    return logistic_inference(COEFFICIENTS, information_of(rows()[1]), scaling=SCALING)


@pytest.mark.parametrize(
    ("contrasts", "values", "said"),
    [
        ([1, 0], 0, "rows of 3 factors"),
        ([], 0, "rows of 3 factors"),
        ([[0, 0, 0]], 0, "a contrast is zero"),
        ([[1, 0, 0], [2, 0, 0]], 0, "depend on each other"),
        ([1, 0, float("nan")], 0, "not finite"),
        ([1, 0, 0], float("inf"), "not finite"),
        ([[1, 0, 0], [0, 1, 0]], [1, 2, 3], "one number, or 2, one for each"),
        ([1, 0, 0], "x", "one number, or 1, one for each"),
        ([1, 0, 0], {"a": 1}, "one number, or 1, one for each"),
        ({"c": 1}, 0, "no coefficient 'c'"),
        ({1: 1}, 0, "no coefficient 1"),
        ({"a": float("nan")}, 0, "not finite"),
        ("a = b", 0, "neither an array"),
        ({"a": "x"}, 0, "neither an array"),
        ({"a": None}, 0, "neither an array"),
        ({"a": 10**400}, 0, "neither an array"),
        ([{"a": 1}, [0, 1, 0]], 0, "neither an array"),
        ([[1, 0, 0], {"b": 1}], 0, "neither an array"),
        ([{"a": 1}, "b"], 0, "neither an array"),
        ([{"a": 1}, 3], 0, "neither an array"),
        ([[1, 0, 0], [1, 0]], 0, "neither an array"),
        (10**400, 0, "neither an array"),
    ],
)
def test_contrasts_that_test_nothing_are_refused(inference, contrasts, values, said):
    with pytest.raises(InputError, match=said):
        inference.wald_test(contrasts, values)


@pytest.mark.parametrize("level", [0, 1, -0.5, 95, float("nan")])
def test_a_confidence_level_is_between_0_and_1(inference, level):
    with pytest.raises(InputError, match="not between 0 and 1"):
        inference.intervals(level)


@pytest.mark.parametrize("seed", range(5))
def test_whatever_circuits_round_and_approximate_standard_errors_lie_between_their_bounds(seed):
    rng = np.random.default_rng(seed)
    _, scaled = rows(200, seed)
    odds = scaled @ rng.normal(size=3) * 2
    p = 1 / (1 + np.exp(-odds))
    exact = p * (1 - p)
    wrong = exact * (1 + rng.choice([-1, 1], 200) * variance.RELATIVE_ERROR) + variance.ABSOLUTE_ERROR
    unit = 1 << INFORMATION.frac_bits
    circuits = np.round((scaled.T * wrong) @ scaled * unit) / unit
    moments = moments_bound(np.round(scaled.T @ scaled / 4 * unit) / unit, updates=1)
    assert np.linalg.eigvalsh(moments - scaled.T @ scaled)[0] > 0
    assert moments == pytest.approx(scaled.T @ scaled, rel=2e-3)
    between = information_bounds(circuits, updates=1, moments=moments)
    found = logistic_inference(COEFFICIENTS, circuits, scaling=SCALING, between=between)
    true = logistic_inference(COEFFICIENTS, (scaled.T * exact) @ scaled, scaling=SCALING).standard_errors
    assert (found.error_bounds[:, 0] <= true).all()
    assert (true <= found.error_bounds[:, 1]).all()
    assert (np.abs(true / found.standard_errors - 1) <= found.error_share).all()
    assert found.error_share < 0.02


def test_a_gaussian_model_has_no_error_but_rounding():
    _, scaled = rows()
    inside = scaled.T @ scaled / DISPERSION
    rounded = np.round(inside * (1 << INFORMATION.frac_bits)) / (1 << INFORMATION.frac_bits)
    kept = {"scaling": SCALING, "variance": 2.5, "df_resid": 397}
    found = gaussian_inference(COEFFICIENTS, rounded, between=information_bounds(rounded, updates=1), **kept)
    true = gaussian_inference(COEFFICIENTS, inside, **kept).standard_errors
    assert (found.error_bounds[:, 0] <= true).all()
    assert (true <= found.error_bounds[:, 1]).all()
    assert found.error_share < 1e-5


def test_where_rounding_may_be_all_that_information_says_standard_errors_have_no_bounds():
    _, scaled = rows(50)
    tiny = (scaled.T * 1e-6) @ scaled
    between = information_bounds(tiny, updates=100, moments=scaled.T @ scaled)
    assert logistic_inference(COEFFICIENTS, tiny, scaling=SCALING, between=between).error_share is None
    large = information_of(scaled)
    between = information_bounds(large, updates=1, moments=scaled.T @ scaled)
    penalised = logistic_inference(COEFFICIENTS, large, scaling=SCALING, between=between, penalty=1.0)
    assert penalised.error_share is None
