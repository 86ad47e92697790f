"""What a summary shows, in statsmodels' order and words; `layout` turns it into text or HTML."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import ROUND_CEILING, Context

from twopm_zk.statistics.gaussian import GaussianEvaluation
from twopm_zk.statistics.inference import Inference
from twopm_zk.statistics.layout import Content, Pairs, Rows
from twopm_zk.statistics.logistic import HALF, LogisticEvaluation
from twopm_zk.statistics.noise import DRAWS, FigureNoise
from twopm_zk.statistics.results import Evaluation, Results

_UNKNOWN, _UNDEFINED, _NOISE = "not known", "not defined", "noise alone"
LEVEL = 0.95
"""Of the confidence intervals that a summary shows."""
_LARGE, _SMALL = 1e4, 1e-4


def content_of(summary: Results) -> Content:
    """The tables, what is proven of each part, and notes."""
    logistic = summary.family == "logistic"
    tables: list[Pairs | Rows] = [
        _logistic_top(summary) if logistic else _gaussian_top(summary),
        _coefficients(summary),
    ]
    if summary.evaluation.content is not None and logistic:
        tables.append(_classification(summary, summary.evaluation.content, "Rows of training"))
    sentences = [
        ("Coefficients", summary.fit.sentence),
        ("Standard errors", summary.inference.sentence),
        ("Fit", summary.evaluation.sentence),
    ]
    if summary.held_out is not None:
        if summary.held_out.content is not None:
            tables.append(_held_out(summary, summary.held_out.content))
        sentences.append(("Held-out rows", summary.held_out.sentence))
    if summary.privacy is not None:
        sentences.append(("Privacy", summary.privacy.sentence))
    title = f"{'Logit' if logistic else 'OLS'} Regression Results"
    return Content(title, tuple(tables), tuple(sentences), _notes(summary))


def _notes(summary: Results) -> tuple[str, ...]:
    notes = list(summary.notes)
    if summary.converged is False:
        notes.append(
            "The weights are not as near to the optimum as was asked, or there is none: standard errors and tests are "
            "those of an optimum."
        )
    if summary.penalty:
        notes.append(
            f"The fit is penalised (lambda = {summary.penalty:g} on the scaled columns): coefficients are pulled "
            "towards 0, standard errors are those of the penalised estimate (H^-1 I H^-1), and intervals do not cover "
            "the coefficients of a fit without penalty. AIC and BIC count every coefficient as one."
        )
    inferred, evaluation = summary.inference.content, summary.evaluation.content
    if inferred is not None:
        if inferred.undefined:
            notes.append(
                f"Standard errors are not defined for {', '.join(map(repr, inferred.undefined))}: these rows have one "
                "value there, the column's centre, so that lambda alone sets the coefficient."
            )
        notes.append(_exactness(inferred) if inferred.noise is None else _noisiness(inferred))
    held_out = None if summary.held_out is None else summary.held_out.content
    if any(found is not None and found.is_noisy for found in (evaluation, held_out)):
        notes.append(_noisy_figures(summary))
    if evaluation is not None and evaluation.is_noisy:
        return tuple(notes)
    if isinstance(evaluation, LogisticEvaluation) and not evaluation.null_log_likelihood:
        notes.append("All rows are of one class: pseudo-R2, AUC and the likelihood ratio are not defined.")
    if isinstance(evaluation, GaussianEvaluation) and evaluation.log_likelihood is None:
        notes.append("The model leaves no residuals: log-likelihood, AIC, BIC, F and standard errors are not defined.")
    return tuple(notes)


def _noisiness(inferred: Inference) -> str:
    """What standard errors count of noise, and what they do not, in whole sentences."""
    shares = inferred.noise_shares
    assert shares is not None  # noqa: S101 - asked for with noise
    assert inferred.uncertainty is not None  # noqa: S101 - likewise
    unsure = (
        "may leave nothing of them"
        if math.isinf(inferred.uncertainty)
        else f"makes them uncertain by up to {_percent_up(inferred.uncertainty)}"
    )
    return (
        f"Standard errors count the noise of the gradients that have moved the weights, up to "
        f"{_percent(float(shares.max()))} of their squares, as if the weights were at their optimum but for rows and "
        f"noise. The noise of the information itself {unsure}, which intervals do not count; nor do they what circuits "
        "round, and what shortening rows changes."
    )


def _noisy_figures(summary: Results) -> str:
    logistic = summary.family == "logistic"
    mended = (
        "counts are the nearest ones that are not negative and add up to the rows" if logistic else "none is negative"
    )
    return (
        f"Sums are mended where noise makes them what no rows have: {mended}. Behind ± is how much of a figure is "
        f"noise: a standard deviation, by {DRAWS} draws from a fixed seed. Of figures that are noise alone nothing is "
        f"left. {'LLR' if logistic else 'F'} has no p value: with noise it does not follow its distribution."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2g}%" if share < 0.995 else "100%"


def _exactness(inferred: Inference) -> str:
    """How far off standard errors may be, in whole sentences."""
    if inferred.error_share is not None:
        share = _percent_up(inferred.error_share)
        return (
            f"Standard errors are exact to {share}, as far as circuits round and approximate, beyond the rounding of "
            "cells to their columns' units."
        )
    why = "no bound is known with lambda above 0" if inferred.penalised else "no bound follows from these sums"
    return f"How far circuits' rounding and approximation moves the standard errors is not known: {why}."


def _percent_up(share: float) -> str:
    """A bound as a percentage of at most two digits that is nowhere below it, without powers of ten."""
    percent = Context(prec=2, rounding=ROUND_CEILING).create_decimal(repr(100 * share))
    return f"{percent.normalize():f}%"


def _logistic_top(summary: Results) -> Pairs:
    known = summary.evaluation.content is not None
    found, penalised = summary.evaluation.content, bool(summary.penalty)
    error = found.log_likelihood_error if isinstance(found, LogisticEvaluation) else 0.0
    noise = summary.noise_of(found)
    return Pairs(
        (
            ("Dep. Variable", summary.label),
            ("Model", "Logit"),
            ("Method", "Penalised MLE" if penalised else "MLE"),
            ("lambda", f"{summary.penalty:g}"),
            ("Covariance Type", "penalised" if penalised else "nonrobust"),
            ("converged", _UNKNOWN if summary.converged is None else str(summary.converged)),
            ("AIC", _figure("aic", summary.aic, ".4g", noise, known=known)),
            ("BIC", _figure("bic", summary.bic, ".4g", noise, known=known)),
        ),
        (
            ("No. Observations", str(summary.nobs)),
            ("Df Residuals", str(summary.df_resid)),
            ("Df Model", str(summary.df_model)),
            ("Pseudo R-squ.", _figure("prsquared", summary.prsquared, ".4g", noise, known=known)),
            ("Log-Likelihood", _figure("llf", summary.llf, ".5g", noise, known=known, error=error)),
            ("LL-Null", _figure("llnull", summary.llnull, ".5g", noise, known=known)),
            ("LLR p-value", _number(summary.llr_pvalue, ".4g", known=known)),
        ),
    )


def _gaussian_top(summary: Results) -> Pairs:
    known, penalised = summary.evaluation.content is not None, bool(summary.penalty)
    found = summary.evaluation.content
    sigma = found.sigma(len(summary.coefficients)) if isinstance(found, GaussianEvaluation) else None
    noise = summary.noise_of(found)
    return Pairs(
        (
            ("Dep. Variable", summary.label),
            ("Model", "OLS"),
            ("Method", "Penalised Least Squares" if penalised else "Least Squares"),
            ("lambda", f"{summary.penalty:g}"),
            ("No. Observations", str(summary.nobs)),
            ("Df Residuals", str(summary.df_resid)),
            ("Df Model", str(summary.df_model)),
            ("Covariance Type", "penalised" if penalised else "nonrobust"),
        ),
        (
            ("R-squared", _figure("rsquared", summary.rsquared, ".3f", noise, known=known)),
            ("Adj. R-squared", _figure("rsquared_adj", summary.rsquared_adj, ".3f", noise, known=known)),
            ("F-statistic", _figure("fvalue", summary.fvalue, ".4g", noise, known=known)),
            ("Prob (F-statistic)", _number(summary.f_pvalue, ".3g", known=known)),
            ("Log-Likelihood", _figure("llf", summary.llf, ".5g", noise, known=known)),
            ("AIC", _figure("aic", summary.aic, ".4g", noise, known=known)),
            ("BIC", _figure("bic", summary.bic, ".4g", noise, known=known)),
            ("Residual std. error", _figure("sigma", sigma, ".4g", noise, known=known)),
        ),
    )


def _coefficients(summary: Results) -> Rows:
    inferred = summary.inference.content
    if inferred is None:
        return Rows(("coef",), tuple((name, _fixed(value, 4)) for name, value in summary.coefficients.items()))
    letter = "z" if summary.family == "logistic" else "t"
    low, high = (1 - LEVEL) / 2, (1 + LEVEL) / 2
    columns = zip(
        summary.coefficients.items(),
        inferred.standard_errors,
        inferred.statistics,
        inferred.p_values,
        inferred.intervals(LEVEL),
        strict=True,
    )
    return Rows(
        ("coef", "std err", letter, f"P>|{letter}|", f"[{low:g}", f"{high:g}]"),
        tuple(
            (name, _fixed(value, 4), *_inferred(error, statistic, p, *ends))
            for (name, value), error, statistic, p, ends in columns
        ),
    )


def _inferred(error: float, statistic: float, p: float, low: float, high: float) -> tuple[str, ...]:
    """The cells behind a coefficient, which are blank where it has no standard error."""
    if math.isnan(error):
        return ("",) * 5
    return _fixed(error, 3), f"{statistic:.3f}", f"{p:.3f}", _fixed(low, 3), _fixed(high, 3)


def _classification(summary: Results, found: Evaluation, title: str, *extra: tuple[str, str]) -> Pairs:
    assert isinstance(found, LogisticEvaluation)  # noqa: S101 - the family is logistic
    half, auc, noise = found.histogram.at_threshold(HALF), found.histogram.auc, summary.noise_of(found)
    area = _figure("auc", None if auc is None else auc.value, ".4f", noise)
    between = _UNDEFINED if auc is None else f"{auc.low:.4f} to {auc.high:.4f}"
    return Pairs(
        (
            ("Accuracy at 0.5", _figure("accuracy", half.accuracy, ".4f", noise)),
            ("Sensitivity", _figure("sensitivity", half.sensitivity, ".4f", noise)),
            ("Specificity", _figure("specificity", half.specificity, ".4f", noise)),
            ("Precision", _figure("precision", half.precision, ".4f", noise)),
            *extra,
        ),
        (
            ("Positives", f"{_figure('positives', found.positives, '.0f', noise)} of {found.rows}"),
            ("AUC", area),
            ("AUC 95% with noise" if noise else "AUC between", between),
            ("AUC std err", _number(found.histogram.auc_standard_error, ".4f")),
            ("Brier score", _figure("brier_score", found.brier_score, ".4f", noise, error=found.brier_error)),
        ),
        title,
    )


def _held_out(summary: Results, found: Evaluation) -> Pairs:
    noise = summary.noise_of(found)
    if isinstance(found, LogisticEvaluation):
        loss = _figure("mean_log_loss", found.mean_log_loss, ".4f", noise, error=found.log_loss_error)
        return _classification(summary, found, "Held-out rows", ("Log-loss per row", loss))
    return Pairs(
        (("No. Observations", str(found.rows)), ("RMSE", _figure("rmse", found.rmse, ".4g", noise))),
        (
            ("R-squared", _figure("rsquared", found.r2, ".3f", noise)),
            ("Mean of the label", _figure("mean", found.mean, ".4g", noise)),
        ),
        "Held-out rows",
    )


def _figure(
    name: str,
    value: float | None,
    format_: str,
    noise: Mapping[str, FigureNoise],
    *,
    known: bool = True,
    error: float = 0.0,
) -> str:
    """A figure of an evaluation with how much of it is noise, or the circuits' error; or why it is not there."""
    if name not in noise:
        return _number(value, format_, known=known, error=error)
    if noise[name].alone:
        return _NOISE
    return _number(value, format_, error=noise[name].deviation)


def _number(value: float | None, format_: str, *, known: bool = True, error: float = 0.0) -> str:
    """A figure with its error; or that it is not known, or not defined."""
    if not known:
        return _UNKNOWN
    if value is None:
        return _UNDEFINED
    shown = format(value, format_ if format_.endswith("f") else f"#{format_}")
    return f"{shown} ± {error:.0f}" if error >= 10 else f"{shown} ± {error:.1g}" if error else shown


def _fixed(value: float, places: int) -> str:
    """As statsmodels prints coefficients: so many places, and powers of ten where they would not do."""
    if value and not _SMALL <= abs(value) < _LARGE:
        return f"{value:.{places}g}"
    return f"{value:.{places}f}"
