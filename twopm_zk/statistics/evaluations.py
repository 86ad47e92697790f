"""From the sums that ``evaluate`` proves to what follows from them."""

from __future__ import annotations

from twopm_zk.errors import DataError
from twopm_zk.numbers import scores
from twopm_zk.numbers.pedersen import EVALUATION, SQUARES, Tally
from twopm_zk.statistics.discrimination import ProbabilityHistogram
from twopm_zk.statistics.gaussian import GaussianEvaluation
from twopm_zk.statistics.logistic import LogisticEvaluation
from twopm_zk.statistics.results import Evaluation
from twopm_zk.task.scaling import Scaling


def evaluation_of(total: Tally, label: Scaling) -> Evaluation:
    """What the sums of an evaluation say; ``label`` are the label's public constants.

    Raises DataError for sums of something else, and for sums that no rows have.
    """
    if total.unit == SQUARES:
        y, y_squares, squares = (float(value) for value in total.real)
        return GaussianEvaluation.scaled(total.rows, y, y_squares, squares, centre=label.centre, scale=label.scale)
    if total.unit != EVALUATION:
        raise DataError("these are not the sums of an evaluation")
    unit, counts = 1 << EVALUATION.frac_bits, total.items[2:]
    histogram = ProbabilityHistogram((counts[: scores.BINS], counts[scores.BINS :]), scores.PROBABILITY_EDGES)
    return LogisticEvaluation(
        total.rows,
        histogram.positives,
        total.items[0] / (scores.LOSS_DIVISOR * unit),
        total.items[1] / unit,
        histogram,
        scores.LOSS_ERROR,
        scores.SQUARED_ERROR_ERROR,
    )
