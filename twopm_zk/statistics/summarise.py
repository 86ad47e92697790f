"""From weights and public sums to a summary: the one way, for sums from a chain as for those of rows at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from twopm_zk.errors import DataError
from twopm_zk.privacy.spent import Spent
from twopm_zk.statistics.gaussian import GaussianEvaluation
from twopm_zk.statistics.inference import Inference, Reals, gaussian_inference, logistic_inference
from twopm_zk.statistics.noise import NoisyDescent, figure_noise
from twopm_zk.statistics.provenance import Part, Provenance
from twopm_zk.statistics.results import Evaluation, Family
from twopm_zk.statistics.summary import Summary
from twopm_zk.task.scaling import Scaling


@dataclass(frozen=True, kw_only=True)
class Model:
    """A fitted model in the terms of its task."""

    family: Family
    label: str
    coefficients: Mapping[str, float]
    """In the columns' own units, and the label's, ``intercept`` last."""
    scaling: tuple[Scaling, ...]
    """Of the columns."""
    penalty: float = 0.0
    """lambda of the loss of the scaled columns and label: log-loss, or half of the squared deviation."""
    noise: NoisyDescent | None = None
    """What noise has done to coefficients and information; None for exact sums."""
    privacy: Spent | None = None
    """What is promised to the people in the rows."""


def summarise(
    model: Model,
    fit: Provenance,
    *,
    information: Part[Reals],
    between: tuple[Reals, Reals] | None = None,
    evaluation: Part[Evaluation],
    held_out: Part[Evaluation] | None = None,
    converged: bool | None = None,
    notes: Sequence[str] = (),
) -> Summary:
    """The summary of ``model``, whose certificate is ``fit``.

    ``information`` is the matrix (weights, weights) at the model's weights, ``between`` what `information_bounds` says
    of it, and ``evaluation`` over the rows of training. The standard errors are as proven as the information, and for a
    gaussian model as the evaluation too.
    """
    return Summary(
        model.family,
        model.label,
        model.coefficients,
        model.penalty,
        fit,
        _inference(model, information, between, evaluation),
        evaluation,
        held_out,
        converged,
        tuple(notes),
        model.privacy,
    )


def _inference(
    model: Model, information: Part[Reals], between: tuple[Reals, Reals] | None, evaluation: Part[Evaluation]
) -> Part[Inference]:
    if information.content is None or information.provenance is None:
        return Part.unknown(information.missing)
    try:
        if model.family == "logistic":
            found = logistic_inference(
                model.coefficients,
                information.content,
                scaling=model.scaling,
                penalty=model.penalty,
                between=between,
                noise=model.noise,
            )
            return Part.of(found, information.provenance)
        return _gaussian(model, information.content, information.provenance, between, evaluation)
    except DataError as error:
        if error.kind != "singular-information":
            raise
        return Part.unknown(error.message)


def _gaussian(
    model: Model,
    information: Reals,
    known: Provenance,
    between: tuple[Reals, Reals] | None,
    evaluation: Part[Evaluation],
) -> Part[Inference]:
    residuals, judged = evaluation.content, evaluation.provenance
    if not isinstance(residuals, GaussianEvaluation) or judged is None:
        return Part.unknown(f"they take the variance of the residuals; {evaluation.missing}")
    if judged.rows != known.rows:
        return Part.unknown(f"the information is over {known.rows} rows, the residuals over {judged.rows}")
    weights = len(model.coefficients)
    variance = residuals.variance(weights)
    if variance is None:
        return Part.unknown(f"{known.rows} rows are too few for the variance of the residuals of {weights} weights")
    if residuals.is_noisy and figure_noise(residuals, weights)["scale"].alone:
        return Part.unknown("they take the variance of the residuals, which is nothing but noise")
    if not variance:
        return Part.unknown("the model leaves no residuals")
    found = gaussian_inference(
        model.coefficients,
        information,
        scaling=model.scaling,
        variance=variance,
        df_resid=known.rows - weights,
        penalty=model.penalty,
        between=between,
        noise=model.noise,
    )
    return Part.of(found, judged if known.counts and not judged.counts else known)
