"""What training in one process knows for its summary: sums over all rows at the final weights, as circuits prove them.

The information is in the circuits' integers. The evaluation is of the same rounded rows and weights, in floating point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from twopm_zk.errors import DataError
from twopm_zk.rows.batches import Batch, quantized_rows
from twopm_zk.rows.tables import Table
from twopm_zk.statements import Collection, Tally
from twopm_zk.statistics.gaussian import GaussianEvaluation
from twopm_zk.statistics.logistic import LogisticEvaluation
from twopm_zk.statistics.results import Evaluation, Family
from twopm_zk.task.specification import TaskSpec
from twopm_zk.training.optimiser import real_weights


@dataclass(frozen=True)
class FinalSums:
    """Sums over all rows of training at the final weights."""

    information: Tally = field(repr=False)
    evaluation: Evaluation
    information_proven: bool = False
    insecure_keys: bool = False
    """Whether proofs are under development keys."""

    @classmethod
    def of(
        cls, spec: TaskSpec, weights: Sequence[int], batches: Sequence[Batch], *, proven: Tally | None, insecure: bool
    ) -> FinalSums:
        """The sums of ``batches``; ``proven`` is the information at these weights, where it was proven."""
        tallies = (batch.tally(Collection.INFORMATION, weights) for batch in batches)
        information = list(accumulate(tallies))[-1] if proven is None else proven
        columns = len(spec.columns)
        features = np.vstack([batch.features[:, :columns] for batch in batches])
        labels = np.concatenate([batch.labels for batch in batches])
        return cls(information, _evaluate(spec, weights, features, labels), proven is not None, insecure)


def evaluate(tables: Sequence[Table], spec: TaskSpec, weights: Sequence[int]) -> Evaluation:
    """The evaluation of (unscaled) tables, one of each node, at integer ``weights``: of rows that were held out.

    Raises DataError and RangeError for rows that training would refuse, but for their number, and for no rows at all.
    """
    parts = [quantized_rows(one, spec, name=f"held-out rows of node {k}") for k, one in enumerate(tables, start=1)]
    if not sum(len(labels) for _, labels in parts):
        raise DataError("there are no held-out rows")
    features = np.vstack([features[:, : len(spec.columns)] for features, _ in parts])
    return _evaluate(spec, weights, features, np.concatenate([labels for _, labels in parts]))


def family_of(spec: TaskSpec) -> Family:
    """The family of a task's model."""
    found: Family = getattr(spec, "family", "logistic")
    return found


def _evaluate(
    spec: TaskSpec, weights: Sequence[int], features: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]
) -> Evaluation:
    *slopes, intercept = real_weights(spec, weights)
    predicted = features / spec.format.one @ np.array(slopes) + intercept
    if family_of(spec) == "logistic":
        return LogisticEvaluation.of(predicted, labels)
    column = spec.label_column  # type: ignore[attr-defined]
    scaled = GaussianEvaluation.of(predicted, labels / spec.format.one)
    return GaussianEvaluation.scaled(
        scaled.rows,
        scaled.total,
        scaled.total_squares,
        scaled.residual_squares,
        centre=column.centre,
        scale=column.scale,
    )
