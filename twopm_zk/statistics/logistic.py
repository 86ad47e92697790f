"""How well a logistic model fits rows, from four sums and a histogram over them.

Definitions are those of statsmodels' `Logit`. Every figure that rows do not define, such as a share of none, is None.

* Pseudo-R2: 1 - llf / llnull (McFadden 1974, Frontiers in Econometrics, 105-142).
* Brier score: the mean of (p - y)^2 (Brier 1950, Monthly Weather Review 78, 1-3).
* Likelihood ratio against the intercept alone, chi-squared where lambda is 0 and the rows are those of training.
  Of sums with noise it has no p value.
* AIC = 2 k - 2 llf (Akaike 1974), BIC = k log n - 2 llf (Schwarz 1978), with k weights and n rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from twopm_zk.errors import DataError
from twopm_zk.statistics.discrimination import ProbabilityHistogram
from twopm_zk.statistics.distributions import chi_squared_tail
from twopm_zk.statistics.noise import Figures

HALF = 0.5
"""The threshold of accuracy, sensitivity and specificity where none is named."""


@dataclass(frozen=True)
class LogisticEvaluation:
    """Sums over rows at fixed weights: what ``evaluate`` proves of a logistic model.

    Raises DataError for no rows, and for sums that contradict each other.
    """

    rows: int
    positives: float
    """Rows of class 1; an estimate where counts have noise."""
    log_loss: float
    """Sum of -log of the probability of each row's own class, in nats."""
    brier: float
    """Sum of (p - y)^2."""
    histogram: ProbabilityHistogram = field(repr=False)
    log_loss_error: float = 0.0
    """The most that a circuit's approximations change the log-loss of a row by, in nats."""
    brier_error: float = 0.0
    """The most that a circuit's approximations change (p - y)^2 of a row by."""
    log_loss_noise: float = 0.0
    """Standard deviation of the noise that the log-loss had."""
    brier_noise: float = 0.0
    """Standard deviation of the noise that the sum of (p - y)^2 had."""

    def __post_init__(self) -> None:
        if self.rows < 1:
            raise DataError("an evaluation needs rows")
        found = self.histogram.positives, self.histogram.negatives
        if not self.is_noisy and found != (self.positives, self.rows - self.positives):
            raise DataError(
                f"the histogram has {found[0]} rows of class 1 and {found[1]} of class 0; the sums are of "
                f"{self.positives} and {self.rows - self.positives}"
            )
        if not (math.isfinite(self.log_loss) and math.isfinite(self.brier)):
            raise DataError("the log-loss or the Brier score of an evaluation is not finite")

    @classmethod
    def of(cls, log_odds: npt.ArrayLike, labels: npt.ArrayLike) -> LogisticEvaluation:
        """The same sums from rows: predicted ``log_odds`` (rows,) and ``labels`` (rows,) of 0 and 1."""
        odds, classes = np.asarray(log_odds, dtype=np.float64), np.asarray(labels)
        decay = np.exp(-np.abs(odds))
        probability = np.where(odds < 0, decay, 1.0) / (1 + decay)
        loss = np.logaddexp(0, np.where(classes == 1, -odds, odds))
        return cls(
            len(classes),
            int((classes == 1).sum()),
            float(loss.sum()),
            float(((probability - classes) ** 2).sum()),
            ProbabilityHistogram.of(probability, classes),
        )

    @classmethod
    def noisy(
        cls,
        rows: int,
        log_loss: float,
        brier: float,
        counts: npt.ArrayLike,
        *,
        noise: tuple[float, float, float],
        errors: tuple[float, float] = (0.0, 0.0),
    ) -> LogisticEvaluation:
        """From sums and counts (2, bins) with noise, mended: see `twopm_zk.statistics.noise`.

        ``noise`` are its standard deviations on log-loss, squared error and each count; ``errors`` those of circuits.
        """
        histogram = ProbabilityHistogram.noisy(counts, rows=rows, noise=noise[2])
        mended = max(log_loss, 0.0), min(max(brier, 0.0), float(rows))
        return cls(rows, histogram.positives, *mended, histogram, *errors, *noise[:2])

    def redrawn(self, rng: np.random.Generator) -> LogisticEvaluation:
        """The same sums with noise drawn once more."""
        counts, noise = np.array(self.histogram.counts), (self.log_loss_noise, self.brier_noise, self.histogram.noise)
        log_loss, brier = rng.normal((self.log_loss, self.brier), noise[:2])
        drawn = rng.normal(counts, noise[2])
        errors = self.log_loss_error, self.brier_error
        return self.noisy(self.rows, float(log_loss), float(brier), drawn, noise=noise, errors=errors)

    @property
    def is_noisy(self) -> bool:
        """Whether sums and counts have noise, so that figures are estimates."""
        return bool(self.histogram.noise)

    @property
    def spans(self) -> Mapping[str, float]:
        """How much a figure could differ: a share by 1, losses by twice what a probability of 1/2 for all rows has."""
        shares = dict.fromkeys(("accuracy", "sensitivity", "specificity", "precision", "auc", "prsquared"), 1.0)
        loss = 2 * math.log(2)
        likelihoods = {"llf": 1, "llnull": 1, "llr": 2, "aic": 2, "bic": 2}
        sums = {name: count * loss * self.rows for name, count in likelihoods.items()}
        return {**shares, **sums, "mean_log_loss": loss, "brier_score": 0.5, "positives": float(self.rows)}

    def figures(self, weights: int) -> Figures:
        """All figures of a model with so many ``weights``, by the names of `Results` where it has one."""
        half, area = self.histogram.at_threshold(HALF), self.histogram.area
        return {
            "llf": self.log_likelihood,
            "llnull": self.null_log_likelihood,
            "prsquared": self.pseudo_r2,
            "llr": self.likelihood_ratio,
            "aic": self.aic(weights),
            "bic": self.bic(weights),
            "positives": self.positives,
            "mean_log_loss": self.mean_log_loss,
            "brier_score": self.brier_score,
            "accuracy": half.accuracy,
            "sensitivity": half.sensitivity,
            "specificity": half.specificity,
            "precision": half.precision,
            "auc": None if area is None else area.value,
        }

    @property
    def log_likelihood(self) -> float:
        """llf: the sum of the logarithms of the probabilities of the rows' own classes, in nats."""
        return -self.log_loss

    @property
    def log_likelihood_error(self) -> float:
        """The most that the log-likelihood is off by."""
        return self.rows * self.log_loss_error

    @property
    def null_log_likelihood(self) -> float:
        """llnull: that of a model of the intercept alone, fitted to the same rows; 0 where all are of one class."""
        counts = self.histogram.positives, self.histogram.negatives
        return math.fsum(count * math.log(count / self.rows) for count in counts) if all(counts) else 0.0

    @property
    def pseudo_r2(self) -> float | None:
        """McFadden's pseudo-R2; None where all rows are of one class."""
        null = self.null_log_likelihood
        return 1 - self.log_likelihood / null if null else None

    @property
    def likelihood_ratio(self) -> float:
        """2 (llf - llnull)."""
        return 2 * (self.log_likelihood - self.null_log_likelihood)

    def likelihood_ratio_p_value(self, slopes: int) -> float | None:
        """How often a model of as many ``slopes``, all 0, gives a larger ratio.

        None where nothing is fitted, and for sums with noise.
        """
        if not slopes or not self.null_log_likelihood or self.is_noisy:
            return None
        return chi_squared_tail(self.likelihood_ratio, slopes)

    def aic(self, weights: int) -> float:
        """Akaike's criterion of a model with as many ``weights``, the intercept among them."""
        return 2 * weights - 2 * self.log_likelihood

    def bic(self, weights: int) -> float:
        """Schwarz's criterion, from the log-likelihood: statsmodels' `bic_llf`."""
        return math.log(self.rows) * weights - 2 * self.log_likelihood

    @property
    def mean_log_loss(self) -> float:
        """Log-loss of a row on average, in nats."""
        return self.log_loss / self.rows

    @property
    def brier_score(self) -> float:
        """Mean of (p - y)^2: 0 is best, and 1/4 what a probability of 1/2 for every row has."""
        return self.brier / self.rows

    def to_json(self) -> dict[str, object]:
        """The sums, what follows from them, and the histogram."""
        half, auc = self.histogram.at_threshold(HALF), self.histogram.auc
        return {
            "rows": self.rows,
            "positives": self.positives,
            "log_likelihood": self.log_likelihood,
            "log_likelihood_error": self.log_likelihood_error,
            "null_log_likelihood": self.null_log_likelihood,
            "pseudo_r2": self.pseudo_r2,
            "brier_score": self.brier_score,
            "brier_score_error": self.brier_error,
            "auc": None if auc is None else auc._asdict(),
            "auc_standard_error": self.histogram.auc_standard_error,
            "threshold": HALF,
            "accuracy": half.accuracy,
            "sensitivity": half.sensitivity,
            "specificity": half.specificity,
            "precision": half.precision,
            "histogram": {"edges": list(self.histogram.edges), "counts": [list(one) for one in self.histogram.counts]},
            "sums_noise": {"log_loss": self.log_loss_noise, "brier": self.brier_noise, "count": self.histogram.noise}
            if self.is_noisy
            else None,
        }
