"""From the sums that ``evaluate`` proves to what follows from them."""

from __future__ import annotations

from collections.abc import Sequence

from twopm_zk.errors import DataError
from twopm_zk.numbers import scores
from twopm_zk.numbers.pedersen import EVALUATION, SQUARES, Tally
from twopm_zk.statistics.discrimination import ProbabilityHistogram
from twopm_zk.statistics.gaussian import GaussianEvaluation
from twopm_zk.statistics.logistic import LogisticEvaluation
from twopm_zk.statistics.results import Evaluation
from twopm_zk.task.scaling import Scaling


def evaluation_of(total: Tally, label: Scaling, *, noise: Sequence[float] = ()) -> Evaluation:
    """What the sums of an evaluation say; ``label`` are the label's public constants.

    ``noise`` are the standard deviations of the noise on each number, in whole units: sums that have some are mended.
    Raises DataError for sums of something else, and for exact sums that no rows have.
    """
    if total.unit == SQUARES:
        return _gaussian(total, label, noise)
    if total.unit != EVALUATION:
        raise DataError("these are not the sums of an evaluation")
    unit, counts = 1 << EVALUATION.frac_bits, total.items[2:]
    loss, brier = total.items[0] / (scores.LOSS_DIVISOR * unit), total.items[1] / unit
    by_class, errors = (counts[: scores.BINS], counts[scores.BINS :]), (scores.LOSS_ERROR, scores.SQUARED_ERROR_ERROR)
    if noise:
        deviations = noise[0] / scores.LOSS_DIVISOR, noise[1], noise[2]
        return LogisticEvaluation.noisy(total.rows, loss, brier, by_class, noise=deviations, errors=errors)
    histogram = ProbabilityHistogram(by_class, scores.PROBABILITY_EDGES)
    return LogisticEvaluation(total.rows, histogram.positives, loss, brier, histogram, *errors)


def _gaussian(total: Tally, label: Scaling, noise: Sequence[float]) -> GaussianEvaluation:
    """Sums over labels (y - centre) / scale in the label's own units."""
    y, y_squares, squares = (float(value) for value in total.real)
    if not noise:
        return GaussianEvaluation.scaled(total.rows, y, y_squares, squares, centre=label.centre, scale=label.scale)
    one, square = label.scale, label.scale**2
    deviations = one * noise[0], square * noise[1], square * noise[2]
    sums = one * y, square * y_squares, square * squares
    return GaussianEvaluation.noisy(total.rows, *sums, noise=deviations, centre=label.centre)


def named_noise(evaluation: Evaluation) -> tuple[tuple[str, float], ...]:
    """The standard deviations of the noise on its sums in the label's own units; nothing for exact sums."""
    if isinstance(evaluation, GaussianEvaluation):
        names = ("the sum of labels", "that of their squares", "that of squared residuals")
        return () if evaluation.noise is None else tuple(zip(names, evaluation.noise, strict=True))
    if not evaluation.is_noisy:
        return ()
    return (
        ("the log-loss", evaluation.log_loss_noise),
        ("the sum of squared errors", evaluation.brier_noise),
        ("each count", evaluation.histogram.noise),
    )
