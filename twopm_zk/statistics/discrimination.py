"""How well predicted probabilities tell two classes apart, from a histogram of them by class.

Everything here follows from 40 counts. Whatever a threshold at an edge decides is exact: sensitivity, specificity,
points of the ROC curve. The area under it is known up to the order of rows within a bin, so it comes with bounds.

With noise the counts are estimates and no integers, and the area comes with an interval in the place of bounds.

* Area under the ROC curve (AUC): the probability that a row of class 1 is given a higher probability than one of class
  0, ties counting one half (Hanley and McNeil 1982, Radiology 143, 29-36).
* Calibration: observed rate beside predicted probability, by bin (Hosmer, Lemeshow and Sturdivant, Applied Logistic
  Regression, 3rd edition, 5.2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from twopm_zk.errors import DataError
from twopm_zk.numbers.scores import PROBABILITY_EDGES
from twopm_zk.statistics.noise import DRAWS, SEED, onto_simplex

_REACH = 1.96
"""Standard deviations of noise in an interval of 95%."""


class Bounded(NamedTuple):
    """A figure that is known between two bounds, both of which can occur; of noisy counts, an interval of 95%."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Confusion:
    """Counts at one threshold: rows whose predicted probability is at or above it are taken to be of class 1."""

    threshold: float
    true_positives: float
    false_positives: float
    true_negatives: float
    false_negatives: float

    @property
    def rows(self) -> float:
        """All rows."""
        return self.true_positives + self.false_positives + self.true_negatives + self.false_negatives

    @property
    def accuracy(self) -> float:
        """Share of rows that are classified rightly."""
        return (self.true_positives + self.true_negatives) / self.rows

    @property
    def sensitivity(self) -> float | None:
        """Share of class 1 that is found, also called recall; None where there is no row of class 1."""
        return _share(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def specificity(self) -> float | None:
        """Share of class 0 that is found; None where there is no row of class 0."""
        return _share(self.true_negatives, self.true_negatives + self.false_positives)

    @property
    def precision(self) -> float | None:
        """Share of class 1 among rows taken to be so, the positive predictive value; None where there are none."""
        return _share(self.true_positives, self.true_positives + self.false_positives)


@dataclass(frozen=True)
class CalibrationBin:
    """The rows whose predicted probability is between two edges; so is the mean of their probabilities."""

    low: float
    high: float
    rows: float
    positives: float
    noise: float = 0.0
    """Standard deviation of the noise on the count of either class."""

    @property
    def observed(self) -> float | None:
        """Share of class 1; None in an empty bin."""
        return _share(self.positives, self.rows)

    @property
    def observed_noise(self) -> float | None:
        """How much of the share is noise: its standard deviation by the delta method; None in an empty bin."""
        if self.observed is None:
            return None
        return self.noise * math.hypot(self.observed, 1 - self.observed) / self.rows


@dataclass(frozen=True)
class ProbabilityHistogram:
    """Rows by class and bin of predicted probability: ``counts`` are 20 of class 0, then 20 of class 1.

    Of counts with ``noise`` it is made by `noisy`.

    Bin k holds probabilities from ``edges[k]`` up to ``edges[k + 1]``. Raises DataError for other than two rows of
    counts between the edges, for negative counts, and for edges that do not ascend from 0 to 1.
    """

    counts: tuple[tuple[float, ...], tuple[float, ...]]
    edges: tuple[float, ...] = PROBABILITY_EDGES
    noise: float = 0.0
    """Standard deviation of the noise that each count had; 0 for exact ones, which are integers."""

    def __post_init__(self) -> None:
        edges = tuple(float(edge) for edge in self.edges)
        number = float if self.noise else int
        counts = tuple(tuple(number(count) for count in of_class) for of_class in self.counts)
        if edges[:1] != (0.0,) or edges[-1:] != (1.0,) or any(a >= b for a, b in pairwise(edges)):
            raise DataError("the edges of a histogram of probabilities do not ascend from 0 to 1")
        if len(counts) != 2 or any(len(of_class) != len(edges) - 1 for of_class in counts):
            raise DataError(f"a histogram of probabilities needs 2 classes of {len(edges) - 1} counts")
        if min(map(min, counts)) < 0:
            raise DataError("a histogram has a negative count")
        object.__setattr__(self, "edges", edges)
        object.__setattr__(self, "counts", counts)

    @classmethod
    def of(
        cls, probabilities: npt.ArrayLike, labels: npt.ArrayLike, edges: Sequence[float] = PROBABILITY_EDGES
    ) -> ProbabilityHistogram:
        """The histogram of predicted ``probabilities`` (rows,) of rows with ``labels`` (rows,) of 0 and 1."""
        found, classes = np.asarray(probabilities, dtype=np.float64), np.asarray(labels)
        bins = np.clip(np.searchsorted(edges, found, side="right") - 1, 0, len(edges) - 2)
        none, some = (np.bincount(bins[classes == one], minlength=len(edges) - 1) for one in (0, 1))
        return cls((tuple(none.tolist()), tuple(some.tolist())), tuple(edges))

    @classmethod
    def noisy(
        cls,
        counts: npt.ArrayLike,
        *,
        rows: int,
        noise: float,
        edges: Sequence[float] = PROBABILITY_EDGES,
    ) -> ProbabilityHistogram:
        """From counts (2, bins) with noise: the nearest ones of so many rows that are not negative."""
        none, some = onto_simplex(np.ravel(counts), rows).reshape(2, -1).tolist()
        return cls((tuple(none), tuple(some)), tuple(edges), noise)

    def redrawn(self, rng: np.random.Generator) -> ProbabilityHistogram:
        """The same counts with noise drawn once more."""
        counts = np.array(self.counts)
        drawn = counts + rng.normal(scale=self.noise, size=counts.shape)
        return self.noisy(drawn, rows=round(counts.sum()), noise=self.noise, edges=self.edges)

    @property
    def negatives(self) -> float:
        """Rows of class 0."""
        return sum(self.counts[0])

    @property
    def positives(self) -> float:
        """Rows of class 1."""
        return sum(self.counts[1])

    def at(self, edge: int) -> Confusion:
        """What the edge of this number as a threshold decides; 0 takes every row for class 1, the last none."""
        none, some = self.counts
        return Confusion(self.edges[edge], sum(some[edge:]), sum(none[edge:]), sum(none[:edge]), sum(some[:edge]))

    def at_threshold(self, threshold: float) -> Confusion:
        """What a threshold decides that is one of the edges; DataError for any other, which the counts do not tell."""
        near = [index for index, edge in enumerate(self.edges) if math.isclose(edge, threshold, abs_tol=1e-12)]
        if not near:
            raise DataError(
                f"{threshold:g} is no edge of the histogram, so that its rows are not counted",
                hint=f"Edges are {', '.join(f'{edge:.4g}' for edge in self.edges)}.",
            )
        return self.at(near[0])

    @property
    def thresholds(self) -> tuple[Confusion, ...]:
        """What each edge decides, ascending."""
        return tuple(self.at(index) for index in range(len(self.edges)))

    @property
    def roc(self) -> tuple[tuple[float, float], ...] | None:
        """Points of the ROC curve (1 - specificity, sensitivity), from (0, 0) to (1, 1); None with one class only."""
        if not self.positives or not self.negatives:
            return None
        return tuple(
            (one.false_positives / self.negatives, one.true_positives / self.positives)
            for one in reversed(self.thresholds)
        )

    @cached_property
    def auc(self) -> Bounded | None:
        """The area under the ROC curve, counting pairs within a bin as ties; None with one class only.

        The bounds are reached where each bin has all of class 1 below, or above, all of class 0. Of noisy counts they
        are as far apart as noise moves them in 95 of 100 cases: an interval, of which nothing is proven.
        """
        found = self.area
        if found is None or not self.noise:
            return found
        rng = np.random.default_rng(SEED)
        drawn = np.array([one for one in (self.redrawn(rng).area for _ in range(DRAWS)) if one is not None])
        reach = _REACH * np.sqrt(((drawn - found) ** 2).mean(axis=0)) if len(drawn) else np.ones(3)
        return Bounded(found.value, max(found.low - float(reach[1]), 0.0), min(found.high + float(reach[2]), 1.0))

    @cached_property
    def area(self) -> Bounded | None:
        """The area that these counts have, with its bounds, as if they were exact; None with one class only."""
        pairs = self.positives * self.negatives
        if not pairs:
            return None
        below: float = 0
        inside: float = 0
        first: float = 0
        for none, some in zip(*self.counts, strict=True):
            first += some * below
            inside += some * none
            below += none
        return Bounded((2 * first + inside) / (2 * pairs), first / pairs, (first + inside) / pairs)

    @property
    def auc_standard_error(self) -> float | None:
        """Hanley and McNeil's (1982) standard error of the AUC at its value; None with one class only."""
        if self.area is None:
            return None
        area, some, none = self.area.value, self.positives, self.negatives
        first, second = area / (2 - area), 2 * area**2 / (1 + area)
        spread = area * (1 - area) + (some - 1) * (first - area**2) + (none - 1) * (second - area**2)
        return math.sqrt(max(spread, 0.0) / (some * none))

    @property
    def calibration(self) -> tuple[CalibrationBin, ...]:
        """Observed rates beside predicted probabilities, bin by bin, the empty ones too."""
        ends = pairwise(self.edges)
        return tuple(
            CalibrationBin(low, high, none + some, some, self.noise)
            for (low, high), none, some in zip(ends, *self.counts, strict=True)
        )


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
