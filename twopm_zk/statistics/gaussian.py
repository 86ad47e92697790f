"""How well a linear model fits rows, from three sums over them.

Definitions are those of statsmodels' `OLS` with an intercept; n rows, k weights of which one is the intercept, y the
label, e its residuals. Every figure that rows do not define, such as the spread of one row, is None.

* R2 = 1 - sum e^2 / sum (y - mean y)^2; adjusted 1 - (1 - R2) (n - 1) / (n - k).
* sigma^2 = sum e^2 / (n - k), statsmodels' `scale`; root mean squared error sqrt(sum e^2 / n).
* F = (explained sum of squares / (k - 1)) / sigma^2, with k - 1 and n - k degrees of freedom.
* llf = -n/2 (log(2 pi sum e^2 / n) + 1), at the maximum over sigma; AIC = 2 k - 2 llf, BIC = k log n - 2 llf.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from twopm_zk.errors import DataError
from twopm_zk.statistics.distributions import f_tail
from twopm_zk.statistics.noise import Figures

_ROUNDED = 1e-9
"""Relative: sums of squares may contradict each other by rounding."""


@dataclass(frozen=True)
class GaussianEvaluation:
    """Sums over rows at fixed weights: what ``evaluate`` proves of a linear model, in the label's own units.

    Raises DataError for no rows, and for sums that no rows have.
    """

    rows: int
    total: float
    """Sum of y - ``centre``."""
    total_squares: float
    """Sum of (y - ``centre``)^2."""
    residual_squares: float
    """Sum of squared residuals."""
    centre: float = 0.0
    """A public constant near the label's mean: the spread is lost in rounding where the mean is far larger."""
    noise: tuple[float, float, float] | None = None
    """Standard deviations of the noise that the three sums had; None for exact ones."""

    def __post_init__(self) -> None:
        if self.rows < 1:
            raise DataError("an evaluation needs rows")
        sums = (self.total, self.total_squares, self.residual_squares, self.centre)
        if not all(map(math.isfinite, sums)) or self.residual_squares < 0 or self.total_squares < 0:
            raise DataError("a sum of squares of an evaluation is negative, or a sum is not finite")
        if self.total**2 > self.rows * (self.total_squares * (1 + _ROUNDED) + sys.float_info.min):
            raise DataError("no rows have the label's sum and sum of squares of this evaluation")

    @classmethod
    def of(cls, predicted: npt.ArrayLike, labels: npt.ArrayLike, *, centre: float = 0.0) -> GaussianEvaluation:
        """The same sums from rows: ``predicted`` and true ``labels`` (rows,), in the label's own units."""
        found, true = np.asarray(predicted, dtype=np.float64), np.asarray(labels, dtype=np.float64)
        apart, residuals = true - centre, true - found
        return cls(len(true), float(apart.sum()), float((apart**2).sum()), float((residuals**2).sum()), centre)

    @classmethod
    def scaled(
        cls, rows: int, total: float, total_squares: float, residual_squares: float, *, centre: float, scale: float
    ) -> GaussianEvaluation:
        """From sums over labels (y - centre) / scale, as circuits have them, and their residuals."""
        square = scale * scale
        return cls(rows, scale * total, square * total_squares, square * residual_squares, centre)

    @classmethod
    def noisy(
        cls,
        rows: int,
        total: float,
        total_squares: float,
        residual_squares: float,
        *,
        noise: tuple[float, float, float],
        centre: float = 0.0,
    ) -> GaussianEvaluation:
        """From sums with noise, which may contradict each other, mended: no sum of squares is less than it can be."""
        least = total**2 / rows if rows else 0.0
        return cls(rows, total, max(total_squares, least), max(residual_squares, 0.0), centre, noise)

    def redrawn(self, rng: np.random.Generator) -> GaussianEvaluation:
        """The same sums with noise drawn once more."""
        assert self.noise is not None  # noqa: S101 - asked for only of sums with noise
        sums = rng.normal((self.total, self.total_squares, self.residual_squares), self.noise).tolist()
        return self.noisy(self.rows, *sums, noise=self.noise, centre=self.centre)

    @property
    def is_noisy(self) -> bool:
        """Whether the sums have noise, so that figures are estimates."""
        return self.noise is not None

    @property
    def spans(self) -> Mapping[str, float]:
        """How much a figure could differ, of those that may well be 0.

        The log-likelihood moves by rows / 2 where the sum of squared residuals doubles, or is halved; the mean could be
        anything.
        """
        likelihoods = {"llf": 1, "llnull": 1, "aic": 2, "bic": 2}
        found = {name: float(count * self.rows) for name, count in likelihoods.items()}
        return {"rsquared": 1.0, "rsquared_adj": 1.0, "mean": math.inf, **found}

    def figures(self, weights: int) -> Figures:
        """All figures of a model with so many ``weights``, by the names of `Results` where it has one."""
        return {
            "llf": self.log_likelihood,
            "llnull": self.null_log_likelihood,
            "rsquared": self.r2,
            "rsquared_adj": self.adjusted_r2(weights),
            "fvalue": self.f_statistic(weights),
            "scale": self.variance(weights),
            "sigma": self.sigma(weights),
            "aic": self.aic(weights),
            "bic": self.bic(weights),
            "rmse": self.rmse,
            "mean": self.mean,
        }

    @property
    def mean(self) -> float:
        """Mean of the label."""
        return self.centre + self.total / self.rows

    @property
    def spread_squares(self) -> float:
        """Sum of (y - mean y)^2: statsmodels' `centered_tss`."""
        return max(self.total_squares - self.total**2 / self.rows, 0.0)

    @property
    def r2(self) -> float | None:
        """R2 against the mean of these rows; None where the label has one value, as in a single row."""
        spread = self.spread_squares
        if spread <= _ROUNDED * _ROUNDED * self.total_squares or self.rows < 2:
            return None
        return 1 - self.residual_squares / spread

    def adjusted_r2(self, weights: int) -> float | None:
        """R2 that counts the ``weights``, the intercept among them; None without rows beyond them."""
        if self.r2 is None or self.rows <= weights:
            return None
        return 1 - (1 - self.r2) * (self.rows - 1) / (self.rows - weights)

    def variance(self, weights: int) -> float | None:
        """sigma^2, the residuals' variance: statsmodels' `scale`; None without rows beyond the weights."""
        return self.residual_squares / (self.rows - weights) if self.rows > weights else None

    def sigma(self, weights: int) -> float | None:
        """The residuals' standard deviation; None without rows beyond the weights."""
        variance = self.variance(weights)
        return None if variance is None else math.sqrt(variance)

    def f_statistic(self, weights: int) -> float | None:
        """F of all slopes together; None without slopes, without rows beyond the weights, or without residuals."""
        variance = self.variance(weights)
        if self.r2 is None or not variance or weights < 2:
            return None
        found = (self.spread_squares - self.residual_squares) / (weights - 1) / variance
        return found if math.isfinite(found) else None

    def f_p_value(self, weights: int) -> float | None:
        """How often a model whose slopes are all 0 gives a larger F; None where F is, and for sums with noise."""
        statistic = None if self.is_noisy else self.f_statistic(weights)
        return None if statistic is None else f_tail(statistic, weights - 1, self.rows - weights)

    @property
    def log_likelihood(self) -> float | None:
        """llf at the maximum over sigma; None where nothing is left unexplained: then there is no maximum."""
        if not self.residual_squares:
            return None
        return -self.rows / 2 * (math.log(2 * math.pi * self.residual_squares / self.rows) + 1)

    def aic(self, weights: int) -> float | None:
        """Akaike's criterion; like statsmodels, it does not count sigma."""
        return None if self.log_likelihood is None else 2 * weights - 2 * self.log_likelihood

    def bic(self, weights: int) -> float | None:
        """Schwarz's criterion; like statsmodels, it does not count sigma."""
        return None if self.log_likelihood is None else math.log(self.rows) * weights - 2 * self.log_likelihood

    @property
    def null_log_likelihood(self) -> float | None:
        """llnull: that of the mean of these rows alone; None where the label has one value."""
        if self.r2 is None:
            return None
        return -self.rows / 2 * (math.log(2 * math.pi * self.spread_squares / self.rows) + 1)

    @property
    def rmse(self) -> float:
        """Root mean squared error, in the label's own units."""
        return math.sqrt(self.residual_squares / self.rows)

    def to_json(self) -> dict[str, object]:
        """The sums, and what follows from them whatever the model's size."""
        return {
            "rows": self.rows,
            "mean": self.mean,
            "spread_squares": self.spread_squares,
            "residual_squares": self.residual_squares,
            "r2": self.r2,
            "rmse": self.rmse,
            "log_likelihood": self.log_likelihood,
            "sums_noise": None
            if self.noise is None
            else dict(zip(("total", "total_squares", "residual_squares"), self.noise, strict=True)),
        }
