"""What noise on sums does to the figures that follow from them.

Privacy is closed under whatever is made of noisy sums, so that they may be mended: counts become the nearest ones that
are not negative and add up to the rows, which are public. How much of a figure is noise is told by simulation: noise is
drawn anew, `DRAWS` times with a fixed seed, onto what the mended sums say, and mended again; the deviation of a figure
is the root mean square of what that changes it by, what mending adds on average included (a parametric bootstrap, Efron
and Tibshirani 1993, 6.5).

Weights that move by w' = w - P (g + noise) carry on the noise of all their moves. With H the Hessian at the optimum

    N' = (1 - P H) N (1 - P H)' + P S P'

is the covariance that it gives them (delta method), S being that of a gradient's noise. Where P is H^-1, as for
Newton's rule, N is H^-1 S H^-1: that of weights which solve a noisy equation (Avella-Medina, Bradshaw and Loh 2023,
Annals of Statistics 51, 2067-2092).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple, Protocol, Self

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]
Figures = Mapping[str, float | None]
DRAWS = 200
SEED = 1
_MOST_UNDEFINED = 0.1


class FigureNoise(NamedTuple):
    """How much of a figure is noise."""

    deviation: float
    """Infinity for a figure that noise alone defines, or takes away."""
    alone: bool
    """Whether noise leaves nothing of it: two deviations to either side are all that it could be."""


class NoisyFigures(Protocol):
    """Mended sums, and the figures that follow from them."""

    def redrawn(self, rng: np.random.Generator) -> Self:
        """The same sums with noise drawn once more, and mended."""

    def figures(self, weights: int) -> Figures:
        """What follows for a model of so many weights; None for what is not defined."""

    @property
    def spans(self) -> Mapping[str, float]:
        """How much a figure could differ; of those without one, twice its magnitude."""


@lru_cache(maxsize=64)
def figure_noise(found: NoisyFigures, weights: int) -> Mapping[str, FigureNoise]:
    """How much of each figure of a model with so many ``weights`` is noise."""
    rng, values, spans = np.random.default_rng(SEED), found.figures(weights), found.spans
    drawn = [found.redrawn(rng).figures(weights) for _ in range(DRAWS)]
    said = {}
    for name, value in values.items():
        deviation = _deviation(value, [one[name] for one in drawn])
        span = spans.get(name, 2 * abs(value or 0.0))
        said[name] = FigureNoise(deviation, deviation > 0 and 4 * deviation >= span)
    return said


def _deviation(value: float | None, drawn: list[float | None]) -> float:
    known = [one for one in drawn if one is not None]
    if value is None:
        return math.inf if known else 0.0
    if len(known) < len(drawn) * (1 - _MOST_UNDEFINED):
        return math.inf
    return math.sqrt(math.fsum((one - value) ** 2 for one in known) / len(known))


def onto_simplex(values: npt.ArrayLike, total: float) -> Reals:
    """The nearest numbers that are not negative and add up to ``total`` (Held, Wolfe and Crowder 1974)."""
    found = np.asarray(values, dtype=np.float64)
    descending = -np.sort(-found)
    excess = (np.cumsum(descending) - total) / np.arange(1, len(found) + 1)
    above = excess[np.flatnonzero(descending > excess)[-1]]
    return np.asarray(np.maximum(found - above, 0.0), dtype=np.float64)


@dataclass(frozen=True)
class NoisyDescent:
    """What noise has done to weights on their way, and to the information at the last ones; of scaled columns."""

    gradient: Reals = field(repr=False)
    """(weights,): standard deviation of the noise on each component of a gradient."""
    step: Reals = field(repr=False)
    """P, (weights, weights)."""
    moves: int
    information: float
    """Standard deviation of the noise on each cell of the information."""
    unit: float = 1.0
    """What the covariance of the weights is in, such as the label's scale."""

    def covariance(self, hessian: Reals) -> Reals:
        """N, with H at the last weights."""
        kept = np.eye(len(hessian)) - self.step @ hessian
        added = (self.step * self.gradient**2) @ self.step.T
        found = np.zeros_like(added)
        for _ in range(self.moves):
            found = kept @ found @ kept.T + added
        return np.asarray(found * self.unit**2, dtype=np.float64)

    def redrawn(self, information: Reals, rng: np.random.Generator) -> Reals:
        """The information with its noise drawn once more."""
        upper = np.triu(rng.normal(scale=self.information, size=information.shape))
        return np.asarray(information + upper + np.triu(upper, 1).T, dtype=np.float64)
