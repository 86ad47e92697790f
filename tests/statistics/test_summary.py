"""What a summary says of itself: who vouches for each part, what is not known, and what is not defined."""

import json
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from twopm_zk.errors import DataError, InputError
from twopm_zk.statistics.gaussian import GaussianEvaluation
from twopm_zk.statistics.inference import Inference
from twopm_zk.statistics.logistic import LogisticEvaluation
from twopm_zk.statistics.provenance import Part, Provenance
from twopm_zk.statistics.summarise import Model, summarise
from twopm_zk.task.scaling import Scaling

PROVEN = Provenance(True, 200, 3, addresses=("0xaa", "0xbb", "0xcc"))
COMPUTED = Provenance(False, 200, 3)
COEFFICIENTS = {"dose": 1.0, "age": -0.5, "intercept": 0.2}


def rows():
    rng = np.random.default_rng(0)
    return np.column_stack([rng.normal(size=(200, 2)), np.ones(200)]), rng


def model(family, label, penalty):
    return Model(family=family, label=label, coefficients=COEFFICIENTS, scaling=(Scaling(), Scaling()), penalty=penalty)


def logistic(*, penalty=0.0, **changes):
    design, rng = rows()
    odds = design @ list(COEFFICIENTS.values())
    p = 1 / (1 + np.exp(-odds))
    settings = {
        "fit": PROVEN,
        "information": Part.of((design.T * (p * (1 - p))) @ design, PROVEN),
        "evaluation": Part.of(LogisticEvaluation.of(odds, (rng.random(200) < p).astype(int)), COMPUTED),
        "converged": True,
    } | changes
    return summarise(model("logistic", "ill", penalty), settings.pop("fit"), **settings)


def gaussian(*, penalty=0.0, **changes):
    design, rng = rows()
    mean = design @ list(COEFFICIENTS.values())
    settings = {
        "fit": PROVEN,
        "information": Part.of(design.T @ design / 64, PROVEN),
        "evaluation": Part.of(GaussianEvaluation.of(mean, mean + rng.normal(size=200)), PROVEN),
    } | changes
    return summarise(model("gaussian", "loss", penalty), settings.pop("fit"), **settings)


def shown(summary):
    """As text in one line."""
    return re.sub(r"\s+", " ", str(summary))


@pytest.mark.parametrize(
    ("made", "title", "words"),
    [
        (logistic, "Logit Regression Results", ["Pseudo R-squ.", "Log-Likelihood", "LL-Null", "LLR p-value", "P>|z|"]),
        (gaussian, "OLS Regression Results", ["R-squared", "Adj. R-squared", "F-statistic", "Log-Likelihood", "P>|t|"]),
    ],
)
def test_layout_and_words_are_those_of_statsmodels(made, title, words):
    lines = str(made()).splitlines()
    assert lines[0].strip() == title
    assert max(map(len, lines)) <= 78
    for word in [*words, "Dep. Variable", "No. Observations", "Df Residuals", "Df Model", "[0.025", "0.975]"]:
        assert word in str(made()), word
    assert "nan" not in str(made())


def test_every_part_says_over_which_rows_and_nodes_it_is_proven_or_that_it_is_not():
    text = shown(logistic(held_out=Part.of(LogisticEvaluation.of([1.0, -1.0], [1, 0]), Provenance(True, 2, 1))))
    assert "Coefficients: proven over 200 rows of 3 nodes (0xaa, 0xbb, 0xcc)" in text
    assert "Standard errors: proven over 200 rows of 3 nodes" in text
    assert "Fit: computed, not proven, over 200 rows of 3 nodes" in text
    assert "Held-out rows: proven over 2 rows of 1 node" in text


def test_proofs_under_development_keys_are_said_to_prove_nothing():
    insecure = replace(PROVEN, insecure_keys=True)
    summary = logistic(fit=insecure)
    assert "INSECURE KEYS: nothing of this is proven to anybody" in shown(summary)
    assert not insecure.counts
    assert summary.as_dict()["provenance"]["coefficients"]["insecure_keys"] is True
    assert "INSECURE" not in shown(logistic())


def test_without_information_the_table_says_so_and_its_attributes_raise():
    summary = logistic(information=Part.unknown("no information was collected at these weights"))
    text = shown(summary)
    assert "Standard errors: not known: no information was collected at these weights" in text
    assert "P>|z|" not in text
    for ask in ("bse", "tvalues", "pvalues"):
        with pytest.raises(DataError, match="standard errors are not known: no information was collected"):
            getattr(summary, ask)
    for call in (summary.conf_int, summary.cov_params, lambda: summary.wald_test([1, 0, 0])):
        with pytest.raises(DataError, match="standard errors are not known"):
            call()
    assert summary.params["dose"] == 1.0


@pytest.mark.parametrize("made", [logistic, gaussian])
def test_without_an_evaluation_what_follows_from_it_is_not_known(made):
    summary = made(evaluation=Part.unknown("nobody has evaluated it"))
    assert "Log-Likelihood: not known" in shown(summary)
    assert "Fit: not known: nobody has evaluated it" in shown(summary)
    names = ("llf", "llnull", "aic", "bic", "prsquared", "llr", "rsquared", "rsquared_adj", "fvalue", "f_pvalue")
    assert [name for name in names if getattr(summary, name) is not None] == []
    json.dumps(summary.as_dict(), allow_nan=False)


def test_a_gaussian_model_has_standard_errors_only_with_residuals_over_the_same_rows():
    design, _ = rows()
    nobody = gaussian(evaluation=Part.unknown("nobody has evaluated it"))
    assert "they take the variance of the residuals; nobody has evaluated it" in shown(nobody)
    fewer = GaussianEvaluation.of(design[:150, 0], design[:150, 1])
    others = gaussian(evaluation=Part.of(fewer, replace(PROVEN, rows=150)))
    assert "the information is over 200 rows, the residuals over 150" in shown(others)
    exact = gaussian(evaluation=Part.of(GaussianEvaluation.of(design[:, 0], design[:, 0]), PROVEN))
    assert "the model leaves no residuals" in shown(exact)
    assert "Log-Likelihood: not defined" in shown(exact)
    few = replace(PROVEN, rows=3)
    three = gaussian(
        fit=few,
        information=Part.of(design[:3].T @ design[:3] / 64, few),
        evaluation=Part.of(GaussianEvaluation.of(design[:3, 0], design[:3, 1]), few),
    )
    assert "3 rows are too few" in shown(three)


def test_standard_errors_of_a_gaussian_model_are_no_more_proven_than_its_residuals():
    assert "Standard errors: proven" in shown(gaussian())
    residuals = gaussian(evaluation=replace(gaussian().evaluation, provenance=COMPUTED))
    assert "Standard errors: computed, not proven" in shown(residuals)
    information = gaussian(information=Part.of(np.eye(3), COMPUTED))
    assert "Standard errors: computed, not proven" in shown(information)


def test_rows_of_one_class_leave_figures_that_are_not_defined():
    one = LogisticEvaluation.of(np.zeros(200), np.zeros(200, dtype=int))
    summary = logistic(evaluation=Part.of(one, COMPUTED))
    text = shown(summary)
    assert "Pseudo R-squ.: not defined" in text
    assert "AUC: not defined" in text
    assert "All rows are of one class" in text
    assert summary.prsquared is None
    json.dumps(summary.as_dict(), allow_nan=False)


def test_separated_classes_leave_standard_errors_that_are_not_known():
    text = shown(logistic(information=Part.of(np.zeros((3, 3)), PROVEN), converged=False))
    assert "Standard errors: not known: these rows do not determine 'dose', 'age', 'intercept'" in text
    assert "not as near to the optimum as was asked, or there is none" in text


@pytest.mark.parametrize("made", [logistic, gaussian])
def test_a_penalised_fit_is_labelled_so(made):
    summary = made(penalty=2.0)
    assert "The fit is penalised (lambda = 2 on the scaled columns)" in shown(summary)
    assert "Covariance Type: penalised" in shown(summary)
    assert "Covariance Type: nonrobust" in shown(made())
    assert summary.llr_pvalue is None
    assert summary.f_pvalue is None


@pytest.mark.parametrize("made", [logistic, gaussian])
def test_with_a_penalty_only_the_row_of_a_column_that_is_0_in_all_rows_has_no_figures(made):
    information = made().inference.content.covariance * 0 + np.diag([4.0, 0.0, 4.0])
    summary = made(penalty=2.0, information=Part.of(information, PROVEN))
    lines = {line.split()[0]: line.split() for line in str(summary).splitlines() if line[:3] in ("dos", "age", "int")}
    assert {name: len(cells) for name, cells in lines.items()} == {"dose": 7, "age": 2, "intercept": 7}
    assert "Standard errors are not defined for 'age': these rows have one value there" in shown(summary)
    assert "Standard errors: proven" in shown(summary)
    assert "nan" not in shown(summary)
    assert summary._repr_html_().count("<td></td>") >= 5
    assert summary.bse.isna().tolist() == [False, True, False]
    written = json.loads(json.dumps(summary.as_dict(), allow_nan=False))
    assert written["coefficients"]["age"] == {"coefficient": -0.5} | dict.fromkeys(
        ["standard_error", "statistic", "p_value", "low", "high"]
    )
    assert written["covariance"][1] == [None] * 3
    assert written["coefficients"]["dose"]["standard_error"] == summary.bse["dose"]
    assert "not determine 'age'" in shown(made(information=Part.of(information, PROVEN)))


def test_errors_of_the_circuits_are_shown_beside_their_figures():
    found = replace(logistic().evaluation.content, log_loss_error=1e-5, brier_error=1e-4)
    text = shown(logistic(evaluation=Part.of(found, PROVEN)))
    assert re.search(r"Log-Likelihood: -\d+\.\d+ ± 0\.002", text)
    assert re.search(r"Brier score: 0\.\d{4} ± 0\.0001", text)
    assert "±" not in shown(logistic())


def test_how_exact_standard_errors_are_is_a_note():
    information = logistic().cov_params().to_numpy()
    found = np.linalg.inv(information)
    summary = logistic(information=Part.of(found, PROVEN), between=(found * 0.99, found * 1.01))
    assert (
        "Standard errors are exact to 0.51%, as far as circuits round and approximate, "
        "beyond the rounding of cells to their columns' units."
    ) in shown(summary)
    assert summary.as_dict()["standard_error_share"] == pytest.approx(0.00504, rel=1e-3)


@pytest.mark.parametrize(
    ("share", "percent"),
    [(0.0003, "0.03%"), (0.000301, "0.031%"), (0.0999, "10%"), (0.1001, "11%"), (2.34, "240%"), (0.0, "0%")],
)
def test_the_bound_of_standard_errors_is_rounded_up_and_printed_plainly(share, percent, monkeypatch):
    monkeypatch.setattr(Inference, "error_share", share)
    assert f"exact to {percent}, as far" in shown(logistic())


@pytest.mark.parametrize(("penalty", "why"), [(0.0, "no bound follows from these sums"), (1.0, "lambda above 0")])
def test_where_no_bound_of_standard_errors_is_known_a_note_says_so(penalty, why):
    text = shown(logistic(penalty=penalty))
    assert "approximation moves the standard errors is not known: no bound" in text
    assert why in text
    assert "standard errors is not known" not in shown(logistic(information=Part.unknown("nobody has")))


@pytest.mark.parametrize("made", [logistic, gaussian])
def test_as_json_it_has_what_the_table_has_and_no_nan(made):
    summary = made()
    written = json.loads(json.dumps(summary.as_dict(), allow_nan=False))
    assert written["coefficients"]["dose"]["standard_error"] == summary.bse["dose"]
    assert written["coefficients"]["dose"]["low"] == summary.conf_int().loc["dose", 0]
    assert written["statistics"]["llf"] == summary.llf
    assert written["provenance"]["standard_errors"]["sentence"].startswith("proven over 200 rows of 3 nodes")


def test_html_escapes_names_and_has_every_table():
    page = replace(logistic(), label="<script>alert(1)</script>")._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert page.count("<table") == page.count("</table>") == 3
    assert "proven over 200 rows of 3 nodes" in page


@pytest.mark.parametrize("alpha", [0, 1, 5, float("nan")])
def test_alpha_is_between_0_and_1(alpha):
    with pytest.raises(InputError, match="must be between 0 and 1"):
        logistic().conf_int(alpha)


@pytest.mark.slow
def test_importing_it_needs_neither_scipy_nor_pandas():
    code = "import sys, twopm_zk.statistics.summary; print({'scipy', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
