"""The distributions of test statistics. SciPy is imported on first use: it takes a third of a second."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]


def two_sided(statistics: Reals, df: int | None) -> Reals:
    """P(|T| > |t|) for each of ``statistics``, under Student's t with ``df`` degrees of freedom; None: the normal."""
    from scipy import special

    tail = special.ndtr(-np.abs(statistics)) if df is None else special.stdtr(df, -np.abs(statistics))
    return cast(Reals, 2 * tail)


def quantile(probability: float, df: int | None) -> float:
    """The value that Student's t with ``df`` degrees of freedom, or the normal (None), is below so often."""
    from scipy import special

    return float(special.ndtri(probability) if df is None else special.stdtrit(df, probability))


def chi_squared_tail(statistic: float, df: int) -> float:
    """P(X > statistic) for chi-squared with ``df`` degrees of freedom."""
    from scipy import special

    return float(special.chdtrc(df, max(statistic, 0.0)))


def f_tail(statistic: float, df: int, df_resid: int) -> float:
    """P(X > statistic) for F with ``df`` and ``df_resid`` degrees of freedom."""
    from scipy import special

    return float(special.fdtrc(df, df_resid, max(statistic, 0.0)))
