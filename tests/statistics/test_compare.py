"""Ours beside statsmodels, for five data sets that statsmodels and scikit-learn bring."""

import numpy as np
import pytest
from support.fitted_models import (
    breast_cancer,
    diabetes,
    fair,
    gaussian_summary,
    logistic_summary,
    longley,
    peer,
    spector,
)

GREENE = {"GPA": 1.2629, "TUCE": 0.1416, "PSI": 1.0646, "intercept": 4.9313}
"""Standard errors of Greene's table for Spector and Mazzeo (1980)."""
MODELS = {
    "spector": ("logistic", spector),
    "fair": ("logistic", fair),
    "breast cancer": ("logistic", breast_cancer),
    "longley": ("gaussian", longley),
    "diabetes": ("gaussian", diabetes),
}


@pytest.fixture(scope="module", params=MODELS)
def both(request):
    if request.param in ("breast cancer", "diabetes"):
        pytest.importorskip("sklearn")
    family, load = MODELS[request.param]
    data = load()
    ours = (logistic_summary if family == "logistic" else gaussian_summary)(data)
    return ours, peer(data, family)


def test_coefficients_and_standard_errors_are_statsmodels(both):
    ours, theirs = both
    print(f"\n{'':24}{'coef':>14}{'statsmodels':>14}{'std err':>14}{'statsmodels':>14}")
    for name in theirs.params.index:
        pairs = (ours.params[name], theirs.params[name], ours.bse[name], theirs.bse[name])
        print(f"{name:24}" + "".join(f"{value:14.6g}" for value in pairs))
    assert list(ours.params.index) == list(theirs.params.index)
    assert ours.params.to_numpy() == pytest.approx(theirs.params.to_numpy(), rel=1e-3)
    assert ours.bse.to_numpy() == pytest.approx(theirs.bse.to_numpy(), rel=2e-3)


def test_tests_and_intervals_are_statsmodels(both):
    ours, theirs = both
    assert ours.tvalues.to_numpy() == pytest.approx(theirs.tvalues.to_numpy(), rel=3e-3)
    assert ours.pvalues.to_numpy() == pytest.approx(theirs.pvalues.to_numpy(), rel=0.05, abs=1e-4)
    for alpha in (0.05, 0.2):
        apart = np.abs(ours.conf_int(alpha).to_numpy() - theirs.conf_int(alpha).to_numpy())
        assert (apart <= 6e-3 * theirs.bse.to_numpy()[:, None]).all()
    assert ours.correlation().to_numpy() == pytest.approx(
        theirs.cov_params().to_numpy() / np.outer(theirs.bse, theirs.bse), abs=2e-3
    )


def test_goodness_of_fit_is_statsmodels(both):
    ours, theirs = both
    names = ("llf", "aic", "bic", "nobs", "df_model", "df_resid")
    if ours.family == "logistic":
        names += ("llnull", "prsquared", "llr")
        assert ours.llr_pvalue == pytest.approx(theirs.llr_pvalue, rel=0.01)
    else:
        names += ("rsquared", "rsquared_adj", "fvalue", "scale")
        assert ours.f_pvalue == pytest.approx(theirs.f_pvalue, rel=0.01)
    print()
    for name in names:
        print(f"{name:16}{getattr(ours, name):16.6f}{getattr(theirs, name):16.6f}")
    # the circuits' log-loss is exact to 1.1e-4 a row; what is off in one row is made up for by others
    assert ours.llf == pytest.approx(theirs.llf, abs=1e-3 + 1e-6 * theirs.nobs)
    for name in names:
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name), rel=1e-3), name


def test_wald_tests_are_statsmodels(both):
    ours, theirs = both
    size = len(ours.params)
    everything = np.eye(size)[:-1]
    pair = np.eye(size)[0] - np.eye(size)[1]
    for contrasts, values in ((everything, 0.0), (pair, 0.0), (np.eye(size)[:2], [0.1, -0.2])):
        mine = ours.wald_test(contrasts, values)
        peers = theirs.wald_test((contrasts, np.broadcast_to(values, len(np.atleast_2d(contrasts)))), scalar=True)
        assert mine.statistic == pytest.approx(peers.statistic, rel=5e-3)
        assert mine.pvalue == pytest.approx(peers.pvalue, rel=0.05, abs=1e-9)
    named = {ours.params.index[0]: 1.0, ours.params.index[1]: -1.0}
    assert ours.wald_test(named) == ours.wald_test(pair)


def test_greenes_table_for_spector_and_mazzeo():
    ours = logistic_summary(spector())
    for name, error in GREENE.items():
        assert ours.bse[name] == pytest.approx(error, rel=5e-4)
    assert ours.llf == pytest.approx(-12.8896, abs=1e-3)
