"""Linear regression behind scikit-learn's interface."""

from dataclasses import fields

import numpy as np
import pytest

from twopm_zk.task.specification import TaskSpec

sklearn = pytest.importorskip("sklearn")
if "family" not in {field.name for field in fields(TaskSpec)}:
    pytest.skip("specifications have no families yet", allow_module_level=True)

from sklearn.linear_model import LinearRegression, Ridge  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402
from support.fitted_models import diabetes, longley, peer  # noqa: E402

from twopm_zk.errors import RangeError  # noqa: E402
from twopm_zk.task.scaling import Scaling  # noqa: E402
from twopm_zk.training.linear_estimator import TwoPMLinearRegression  # noqa: E402


@parametrize_with_checks([TwoPMLinearRegression(), TwoPMLinearRegression(alpha=0.5, rule="bfgs", nodes=2)])
def test_estimator_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3)) * [1, 20, 0.1] + [0, 100, 3]
    return X, X @ [2.0, -0.1, 5.0] + 7 + rng.normal(size=300)


def test_without_penalty_it_is_least_squares(data):
    ours, theirs = TwoPMLinearRegression().fit(*data), LinearRegression().fit(*data)
    assert ours.coef_ == pytest.approx(theirs.coef_, rel=1e-3)
    assert ours.intercept_ == pytest.approx(theirs.intercept_, rel=1e-3)
    assert ours.score(*data) == pytest.approx(theirs.score(*data), abs=1e-6)
    assert ours.n_iter_ <= 2


def test_with_a_penalty_it_is_ridge_regression_of_scaled_columns(data):
    X, y = data
    scaled = StandardScaler().fit_transform(X)
    ours = TwoPMLinearRegression(alpha=2.0, scaling=[Scaling()] * 3, label_scaling=Scaling(0.0, 8.0)).fit(scaled, y)
    theirs = Ridge(alpha=2.0).fit(scaled, y)
    assert ours.coef_ == pytest.approx(theirs.coef_, rel=1e-3)


@pytest.mark.parametrize(("load", "least"), [(diabetes, 1e-3), (longley, 5e-2)])
def test_its_summary_is_that_of_statsmodels(load, least):
    """Longley's columns are so nearly dependent that rounding them to 12 places moves the coefficients."""
    found = load()
    ours, theirs = TwoPMLinearRegression().fit(found.features, found.label).summary(), peer(found, "gaussian")
    print(ours)
    assert ours.params.to_numpy() == pytest.approx(theirs.params.to_numpy(), rel=least)
    assert ours.bse.to_numpy() == pytest.approx(theirs.bse.to_numpy(), rel=max(2e-3, least))
    assert ours.rsquared == pytest.approx(theirs.rsquared, rel=1e-3)
    assert ours.scale**0.5 == pytest.approx(theirs.scale**0.5, rel=max(1e-3, least))
    assert ours.label == found.label.name


def test_held_out_rows_are_judged_against_their_own_mean(data):
    X, y = data
    model = TwoPMLinearRegression(nodes=3).fit(X[:200], y[:200])
    found = model.summary(X[200:], y[200:]).held_out.content
    assert found.rows == 100
    assert found.r2 == pytest.approx(model.score(X[200:], y[200:]), abs=1e-4)


def test_public_constants_of_the_label_have_to_fit(data):
    with pytest.raises(RangeError, match="outside"):
        TwoPMLinearRegression(label_scaling=Scaling(0.0, 0.01)).fit(*data)
