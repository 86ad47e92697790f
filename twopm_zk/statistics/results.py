"""What is known of a fitted model: coefficients, their standard errors, how well it fits, and who vouches for each.

The attributes are statsmodels'. A figure that is not known, or that these rows do not define, is None, and a Series
that is not known raises DataError with the reason. Nothing is a nan but, with lambda above 0, what a Series has of a
column that is 0 in all scaled rows: lambda alone sets its coefficient, and there is no standard error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from twopm_zk.privacy.spent import Spent
from twopm_zk.statistics.gaussian import GaussianEvaluation
from twopm_zk.statistics.inference import Inference, Reals, WaldTest, level_of
from twopm_zk.statistics.logistic import LogisticEvaluation
from twopm_zk.statistics.noise import FigureNoise, figure_noise
from twopm_zk.statistics.provenance import Part, Provenance

if TYPE_CHECKING:
    import pandas as pd

Family = Literal["logistic", "gaussian"]
Evaluation = LogisticEvaluation | GaussianEvaluation


@dataclass(frozen=True)
class Results:
    """A fitted model with statsmodels' attributes."""

    family: Family
    label: str
    coefficients: Mapping[str, float]
    """In the columns' own units, ``intercept`` last."""
    penalty: float
    """lambda, of the scaled columns."""
    fit: Provenance
    """Of the coefficients: what the certificate says."""
    inference: Part[Inference] = field(repr=False)
    """Standard errors, tests and intervals."""
    evaluation: Part[Evaluation] = field(repr=False)
    """How well the model fits the rows of training."""
    held_out: Part[Evaluation] | None = field(default=None, repr=False)
    """How well it fits other rows; None where nobody asked."""
    converged: bool | None = None
    """Whether the weights are as near to the optimum as was asked; None where that is not known."""
    notes: tuple[str, ...] = ()
    """What else is to be said, whole sentences."""
    privacy: Spent | None = None
    """What is promised to the people in the rows, where sums carry noise; None for exact sums."""

    @property
    def params(self) -> pd.Series:
        """Coefficients in the columns' own units."""
        return self._series(np.array(list(self.coefficients.values())))

    @property
    def bse(self) -> pd.Series:
        """Standard errors."""
        return self._series(self._inferred.standard_errors)

    @property
    def tvalues(self) -> pd.Series:
        """Coefficients in their standard errors: z of a logistic model, t of a gaussian one."""
        return self._series(self._inferred.statistics)

    @property
    def pvalues(self) -> pd.Series:
        """Two-sided p values of each coefficient being 0."""
        return self._series(self._inferred.p_values)

    def conf_int(self, alpha: float = 0.05) -> pd.DataFrame:
        """Confidence intervals at level 1 - ``alpha``, columns 0 and 1."""
        import pandas as pd

        return pd.DataFrame(self._inferred.intervals(level_of(alpha)), index=self._index)

    def cov_params(self) -> pd.DataFrame:
        """Covariance of the estimates, in the columns' own units."""
        return self._frame(self._inferred.covariance)

    def correlation(self) -> pd.DataFrame:
        """Correlation of the estimates."""
        return self._frame(self._inferred.correlation)

    def wald_test(
        self, R: npt.ArrayLike | Mapping[str, float] | Sequence[Mapping[str, float]], q: npt.ArrayLike = 0.0
    ) -> WaldTest:
        """Test R b = q; see `Inference.wald_test`."""
        return self._inferred.wald_test(R, q)

    @property
    def nobs(self) -> int:
        """Rows of training."""
        return self.fit.rows

    @property
    def df_model(self) -> int:
        """Slopes: coefficients without the intercept."""
        return len(self.coefficients) - 1

    @property
    def df_resid(self) -> int:
        """Rows without coefficients."""
        return self.nobs - len(self.coefficients)

    @property
    def llf(self) -> float | None:
        """Log-likelihood."""
        return self.evaluation.then(lambda found: found.log_likelihood)

    @property
    def llnull(self) -> float | None:
        """Log-likelihood of the intercept alone."""
        return self.evaluation.then(lambda found: found.null_log_likelihood)

    @property
    def prsquared(self) -> float | None:
        """McFadden's pseudo-R2 of a logistic model."""
        return None if self._logistic is None else self._logistic.pseudo_r2

    @property
    def llr(self) -> float | None:
        """The likelihood ratio against the intercept alone, of a logistic model."""
        return None if self._logistic is None else self._logistic.likelihood_ratio

    @property
    def llr_pvalue(self) -> float | None:
        """Its p value; None with lambda above 0 or noise, where the ratio is not chi-squared."""
        if self._logistic is None or self.penalty:
            return None
        return self._logistic.likelihood_ratio_p_value(self.df_model)

    @property
    def aic(self) -> float | None:
        """Akaike's criterion, every coefficient counted as one whatever lambda is."""
        return self.evaluation.then(lambda found: found.aic(len(self.coefficients)))

    @property
    def bic(self) -> float | None:
        """Schwarz's criterion, likewise."""
        return self.evaluation.then(lambda found: found.bic(len(self.coefficients)))

    @property
    def rsquared(self) -> float | None:
        """R2 of a gaussian model."""
        return None if self._gaussian is None else self._gaussian.r2

    @property
    def rsquared_adj(self) -> float | None:
        """R2 of a gaussian model that counts its coefficients."""
        return None if self._gaussian is None else self._gaussian.adjusted_r2(len(self.coefficients))

    @property
    def fvalue(self) -> float | None:
        """F of all slopes of a gaussian model."""
        return None if self._gaussian is None else self._gaussian.f_statistic(len(self.coefficients))

    @property
    def f_pvalue(self) -> float | None:
        """Its p value; None with lambda above 0 or noise, where the statistic does not follow F."""
        if self._gaussian is None or self.penalty:
            return None
        return self._gaussian.f_p_value(len(self.coefficients))

    @property
    def scale(self) -> float | None:
        """Variance of the residuals of a gaussian model; 1 for a logistic one."""
        if self.family == "logistic":
            return 1.0
        return None if self._gaussian is None else self._gaussian.variance(len(self.coefficients))

    def noise_of(self, evaluation: Evaluation | None) -> Mapping[str, FigureNoise]:
        """How much of the figures of an evaluation is noise; nothing for exact sums."""
        if evaluation is None or not evaluation.is_noisy:
            return {}
        return figure_noise(evaluation, len(self.coefficients))

    @property
    def _inferred(self) -> Inference:
        return self.inference.require("standard errors are")

    @property
    def _logistic(self) -> LogisticEvaluation | None:
        found = self.evaluation.content
        return found if isinstance(found, LogisticEvaluation) else None

    @property
    def _gaussian(self) -> GaussianEvaluation | None:
        found = self.evaluation.content
        return found if isinstance(found, GaussianEvaluation) else None

    @property
    def _index(self) -> list[str]:
        return list(self.coefficients)

    def _series(self, values: Reals) -> pd.Series:
        import pandas as pd

        return pd.Series(values, index=self._index)

    def _frame(self, values: Reals) -> pd.DataFrame:
        import pandas as pd

        return pd.DataFrame(values, index=self._index, columns=self._index)
