"""Standard errors, tests and confidence intervals, from the information matrix at fitted weights.

The information I is the sum of x x' v over scaled columns, the intercept last, with v = p (1 - p) for a logistic model
and v = 1 / DISPERSION for a gaussian one. With H = I + diag(lambda, ..., lambda, 0) the covariance of the weights is

    phi H^-1 I H^-1

where phi is 1, or sigma^2 / DISPERSION with the residuals' variance sigma^2. With lambda = 0 this is I^-1, that of a
maximum likelihood estimate (sigma^2 (X'X)^-1 for a gaussian one). With lambda above 0 it is that of the penalised
estimate about what it estimates on average (Gray 1992, JASA 87, 942-951), which is pulled towards 0: intervals do not
cover the coefficients of a fit without penalty. A column that is 0 in all scaled rows then has a weight of 0 whatever
the rows, and no standard error, while those of the others are what they are without it. No robust ("sandwich")
covariance is computed: it takes other sums.

Where sums carry noise, the weights vary with it too: the covariance is phi H^-1 I H^-1 + N, with N as
`twopm_zk.statistics.noise` has it. That holds for weights that are at their optimum but for rows and noise, and rows
that were not shortened. The noise of I itself is in no covariance: `Inference.uncertainty` says how uncertain standard
errors are by it.

A column x is scaled as (x - c) / s, so that coefficients in the columns' own units are a linear map of the weights, the
intercept too; the covariance goes through the same map.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from twopm_zk.errors import DataError, InputError
from twopm_zk.numbers import variance as variance_of
from twopm_zk.numbers.pedersen import INFORMATION
from twopm_zk.statements import DISPERSION
from twopm_zk.statistics.distributions import chi_squared_tail, f_tail, quantile, two_sided
from twopm_zk.statistics.noise import DRAWS, SEED, NoisyDescent
from twopm_zk.task.scaling import Scaling

_SINGULAR = 1e-10
"""Least eigenvalue of H with a unit diagonal below which its inverse is taken to be rounding."""
_NAMED = 0.1
_NO_NUMBERS = (TypeError, ValueError, OverflowError)
"""What conversion to numbers raises where there are none."""

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class WaldTest:
    """A test that linear combinations of the coefficients have given values. Names are statsmodels'."""

    statistic: float
    pvalue: float
    df_num: int
    """How many combinations are tested."""
    df_denom: int | None
    """Degrees of freedom of the residuals, for F; None for chi-squared."""

    @property
    def distribution(self) -> str:
        """``F`` or ``chi2``: what the statistic follows where the combinations have these values."""
        return "chi2" if self.df_denom is None else "F"


@dataclass(frozen=True)
class Inference:
    """Coefficients in the columns' own units with their covariance; ``names`` with the intercept last."""

    names: tuple[str, ...]
    params: Reals
    """(weights,)"""
    covariance: Reals = field(repr=False)
    """(weights, weights)"""
    df_resid: int | None
    """Degrees of freedom of Student's t; None for the normal distribution."""
    penalised: bool
    error_bounds: Reals | None = field(default=None, repr=False)
    """(weights, 2): what the standard errors lie between, whatever circuits round; None where that is not known."""
    noise: Reals | None = field(default=None, repr=False)
    """(weights, weights): the part of the covariance that is due to noise; None for exact sums."""
    uncertainty: float | None = None
    """The root mean square of how far the noise of the information moves a standard error, as a share of it, for the
    one that it moves most: infinity where it may leave none. None for exact sums."""

    @property
    def noise_shares(self) -> Reals | None:
        """(weights,): how much of the squared standard errors is noise; None for exact sums."""
        if self.noise is None:
            return None
        return np.asarray(np.diag(self.noise) / np.diag(self.covariance), dtype=np.float64)

    @property
    def error_share(self) -> float | None:
        """The most by which a standard error is off, as a share of it; None where that is not known."""
        if self.error_bounds is None:
            return None
        return float(np.abs(self.error_bounds / self.standard_errors[:, None] - 1).max())

    @property
    def undefined(self) -> tuple[str, ...]:
        """The coefficients of which these rows say nothing, that lambda alone sets: their figures are nan."""
        return tuple(self.names[int(k)] for k in np.flatnonzero(np.isnan(self.standard_errors)))

    @property
    def standard_errors(self) -> Reals:
        """Roots of the covariance's diagonal."""
        return np.asarray(np.sqrt(np.diag(self.covariance)), dtype=np.float64)

    @property
    def statistics(self) -> Reals:
        """z, or t: coefficients in their standard errors."""
        return np.asarray(self.params / self.standard_errors, dtype=np.float64)

    @property
    def p_values(self) -> Reals:
        """Two-sided, of each coefficient being 0."""
        return two_sided(self.statistics, self.df_resid)

    def intervals(self, level: float = 0.95) -> Reals:
        """Confidence intervals (weights, 2) at a ``level`` between 0 and 1, which else raises InputError."""
        if not 0 < level < 1:
            raise InputError(f"a confidence level of {level:g} is not between 0 and 1")
        half = quantile((1 + level) / 2, self.df_resid) * self.standard_errors
        return np.column_stack([self.params - half, self.params + half])

    @property
    def correlation(self) -> Reals:
        """Correlation of the estimates, (weights, weights)."""
        errors = self.standard_errors
        return np.asarray(self.covariance / np.outer(errors, errors), dtype=np.float64)

    def wald_test(
        self, R: npt.ArrayLike | Mapping[str, float] | Sequence[Mapping[str, float]], q: npt.ArrayLike = 0.0
    ) -> WaldTest:
        """Test R b = q for contrasts ``R``: (contrasts, weights), or mappings from names to factors.

        F for a gaussian model, divided by the number of contrasts, and chi-squared for a logistic one. Raises
        InputError for contrasts that are of other columns, or of one without a standard error, are not finite, or
        depend on each other.
        """
        contrasts = self._contrasts(R)
        if not len(contrasts) or contrasts.shape[1:] != (len(self.names),):
            raise InputError(f"contrasts have to be an array of rows of {len(self.names)} factors")
        try:
            values = np.broadcast_to(np.asarray(q, dtype=np.float64), (len(contrasts),))
        except _NO_NUMBERS:
            raise InputError(f"values of contrasts are one number, or {len(contrasts)}, one for each") from None
        if not (np.isfinite(contrasts).all() and np.isfinite(values).all()):
            raise InputError("a factor or a value of a contrast is not finite")
        known = np.isfinite(self.standard_errors)
        if contrasts[:, ~known].any():
            raise InputError(f"a contrast has a coefficient without a standard error: {', '.join(self.undefined)}")
        spread = contrasts[:, known] @ self.covariance[np.ix_(known, known)] @ contrasts[:, known].T
        size = np.sqrt(np.diag(spread))
        if not (size > 0).all() or np.linalg.eigvalsh(spread / np.outer(size, size))[0] < _SINGULAR:
            raise InputError("a contrast is zero, or the contrasts depend on each other")
        apart = contrasts @ self.params - values
        statistic, count = float(apart @ np.linalg.solve(spread, apart)), len(contrasts)
        if self.df_resid is None:
            return WaldTest(statistic, chi_squared_tail(statistic, count), count, None)
        return WaldTest(statistic / count, f_tail(statistic / count, count, self.df_resid), count, self.df_resid)

    def _contrasts(self, R: npt.ArrayLike | Mapping[str, float] | Sequence[Mapping[str, float]]) -> Reals:
        named = [R] if isinstance(R, Mapping) else R
        try:
            if not isinstance(named, Sequence) or not any(isinstance(contrast, Mapping) for contrast in named):
                return np.atleast_2d(np.asarray(R, dtype=np.float64))
            rows = np.zeros((len(named), len(self.names)))
            for row, contrast in zip(rows, named, strict=True):
                for name, factor in dict(contrast).items():
                    row[self._index(name)] = float(factor)
        except _NO_NUMBERS:
            raise InputError("contrasts are neither an array of numbers nor mappings from names to them") from None
        return rows

    def _index(self, name: str) -> int:
        if name not in self.names:
            raise InputError(f"there is no coefficient {name!r}", hint=f"There are {', '.join(self.names)}.")
        return self.names.index(name)


def logistic_inference(
    coefficients: Mapping[str, float],
    information: npt.ArrayLike,
    *,
    scaling: Sequence[Scaling],
    penalty: float = 0.0,
    between: tuple[Reals, Reals] | None = None,
    noise: NoisyDescent | None = None,
) -> Inference:
    """Inference of a logistic model from its ``information`` (weights, weights) over the scaled columns.

    ``coefficients`` are in the columns' own units, those of the columns in the order of the information and of
    ``scaling``, the intercept last; ``between`` is what `information_bounds` says, and ``noise`` what sums carry.
    Raises DataError, of kind ``singular-information``, where the rows do not determine some coefficient; with a penalty
    only where that is so without the columns that are 0 in all rows.
    """
    names, inside = tuple(coefficients), np.asarray(information, dtype=np.float64)
    covariance = _covariance(names, inside, penalty, scaling)
    bounds = _error_bounds(between, scaling, penalty)
    found = Inference(names, _values(coefficients), covariance, None, bool(penalty), bounds)
    return found if noise is None else _with_noise(found, inside, penalty, scaling, noise)


def gaussian_inference(
    coefficients: Mapping[str, float],
    information: npt.ArrayLike,
    *,
    scaling: Sequence[Scaling],
    variance: float,
    df_resid: int,
    penalty: float = 0.0,
    between: tuple[Reals, Reals] | None = None,
    noise: NoisyDescent | None = None,
) -> Inference:
    """Inference of a linear model whose ``information`` is the sum of x x' / DISPERSION.

    ``variance`` is that of the residuals in the label's own units, over the rows of the information, with ``df_resid``
    degrees of freedom; ``penalty`` is lambda beside half of the squared residuals. ``noise`` is in the same units.
    Else as `logistic_inference`.
    """
    names, inside, each = tuple(coefficients), np.asarray(information, dtype=np.float64), penalty / DISPERSION
    covariance = _covariance(names, inside, each, scaling) * (variance / DISPERSION)
    bounds = _error_bounds(between, scaling, penalty / DISPERSION)
    if bounds is not None:
        bounds = bounds * math.sqrt(variance / DISPERSION)
    found = Inference(names, _values(coefficients), covariance, df_resid, bool(penalty), bounds)
    return found if noise is None else _with_noise(found, inside, each, scaling, noise, variance / DISPERSION)


def _with_noise(
    found: Inference,
    information: Reals,
    penalty: float,
    scaling: Sequence[Scaling],
    noise: NoisyDescent,
    phi: float = 1.0,
) -> Inference:
    """What was found as if sums were exact, with what noise adds."""
    penalties = np.diag([*[penalty] * len(scaling), 0.0])

    def added(inside: Reals) -> Reals:
        return _own_units(noise.covariance(inside + penalties), scaling)

    def errors(inside: Reals) -> Reals:
        covariance = phi * _covariance(found.names, inside, penalty, scaling) + added(inside)
        with np.errstate(invalid="ignore"):  # noise may leave an information that none can be
            return np.asarray(np.sqrt(np.diag(covariance)), dtype=np.float64)

    with_noise = replace(found, covariance=found.covariance + added(information), noise=added(information))
    rng = np.random.default_rng(SEED)
    try:
        drawn = np.array([errors(noise.redrawn(information, rng)) for _ in range(DRAWS)])
    except DataError:
        return replace(with_noise, uncertainty=math.inf)
    moved = np.sqrt(((drawn / with_noise.standard_errors - 1) ** 2).mean(axis=0))
    return replace(with_noise, uncertainty=math.inf if np.isnan(moved).any() else float(moved.max()))


def moments_bound(at_zero: Reals, *, updates: int) -> Reals:
    """What X'X is nowhere above, from the circuits' information at weights of zero, where p (1 - p) is 1/4."""
    size = len(at_zero)
    rounding = np.eye(size) * (size * updates / (1 << (INFORMATION.frac_bits + 1)))
    return (at_zero + rounding) / ((1 - variance_of.RELATIVE_ERROR) / 4 - variance_of.ABSOLUTE_ERROR)


def information_bounds(information: Reals, *, updates: int, moments: Reals | None = None) -> tuple[Reals, Reals]:
    """Two matrices that the true information lies between, in the order of definite matrices.

    Each of ``updates`` sums is rounded by up to half a unit, and the circuits' p (1 - p) differs from the true one by
    what `twopm_zk.numbers.variance` states: ``moments`` is X'X, or what is nowhere below it. Without them v is exact,
    as for a gaussian model.
    """
    size = len(information)
    unsure = np.eye(size) * (size * updates / (1 << (INFORMATION.frac_bits + 1)))
    if moments is None:
        return information - unsure, information + unsure
    unsure = unsure + variance_of.ABSOLUTE_ERROR * moments
    high = (information + unsure) / (1 - variance_of.RELATIVE_ERROR) + variance_of.BEYOND * moments
    return (information - unsure) / (1 + variance_of.RELATIVE_ERROR), high


def _values(coefficients: Mapping[str, float]) -> Reals:
    return np.array(list(coefficients.values()), dtype=np.float64)


def _own_units(spread: Reals, scaling: Sequence[Scaling]) -> Reals:
    """The covariance of coefficients of columns in their own units: w_j / s_j, and w_0 - sum of w_j c_j / s_j."""
    scales = np.array([one.scale for one in scaling])
    linear = np.diag([*(1 / scales), 1.0])
    linear[-1, :-1] = -np.array([one.centre for one in scaling]) / scales
    return np.asarray(linear @ spread @ linear.T, dtype=np.float64)


def _error_bounds(between: tuple[Reals, Reals] | None, scaling: Sequence[Scaling], penalty: float) -> Reals | None:
    """Standard errors where the information is the upper matrix, and the lower; with a penalty they need not bound."""
    if between is None or penalty:
        return None
    ends = []
    for matrix in reversed(between):
        scale = 1 / np.sqrt(np.maximum(np.diag(matrix), 1e-300))
        values, vectors = np.linalg.eigh(matrix * np.outer(scale, scale))
        if values[0] < _SINGULAR:
            return None
        inverse = ((vectors / values) @ vectors.T) * np.outer(scale, scale)
        ends.append(np.sqrt(np.diag(_own_units(inverse, scaling))))
    return np.column_stack(ends)


def _covariance(names: Sequence[str], information: Reals, penalty: float, scaling: Sequence[Scaling]) -> Reals:
    """The covariance in the columns' own units; with a penalty nan for columns that are 0 in all scaled rows."""
    if information.shape != (len(names), len(names)):
        raise InputError(f"information of {len(names)} coefficients is {len(names)} x {len(names)}")
    known = np.diag(information) > 0
    if not penalty or not known[-1]:
        known[:] = True
    kept = np.ix_(known, known)
    spread = np.zeros_like(information)
    spread[kept] = _spread([names[int(k)] for k in np.flatnonzero(known)], information[kept], penalty)
    covariance = _own_units(spread, scaling)
    covariance[~known, :] = covariance[:, ~known] = np.nan
    return covariance


def _spread(names: Sequence[str], information: Reals, penalty: float) -> Reals:
    """H^-1 I H^-1, by way of a unit diagonal."""
    curvature = information + np.diag([*[penalty] * (len(names) - 1), 0.0])
    diagonal = np.diag(curvature)
    undetermined = [name for name, value in zip(names, np.diag(information), strict=True) if not value > 0]
    if not undetermined:
        scale = 1 / np.sqrt(diagonal)
        values, vectors = np.linalg.eigh(curvature * np.outer(scale, scale))
        if values[0] >= _SINGULAR:
            inverse = ((vectors / values) @ vectors.T) * np.outer(scale, scale)
            spread: Reals = inverse @ information @ inverse if penalty else inverse
            return (spread + spread.T) / 2
        undetermined = [names[int(k)] for k in np.flatnonzero(np.abs(vectors[:, 0]) > _NAMED)]
    raise DataError(
        f"these rows do not determine {', '.join(map(repr, undetermined))}: the information is singular",
        hint="Columns depend on each other or are constant, or the classes can be told apart without error.",
        kind="singular-information",
    )


def level_of(alpha: float) -> float:
    """The confidence level of statsmodels' ``alpha``. Raises InputError unless it is between 0 and 1."""
    if not 0 < alpha < 1 or not math.isfinite(alpha):
        raise InputError(f"alpha is {alpha:g}; it must be between 0 and 1")
    return 1 - alpha
