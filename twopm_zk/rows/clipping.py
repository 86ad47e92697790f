"""Rows that are longer than a task's public norm are shortened to it, so that noise for that norm hides any of them.

The row is changed, not its gradient: what is trained on then are rows like any others, the loss stays convex, and its
optimum has a certificate. A clipped gradient is that of no loss. Nobody proves it, because it protects the owner's own
people: an owner who leaves it out endangers them alone, and moves a sum no further than invented rows could.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from twopm_zk.numbers.fixed_point import Format

_INWARD = 1 - 1e-12
"""Doubles round by far less."""


def too_long(features: npt.NDArray[np.int64], norm: float, format: Format) -> npt.NDArray[np.bool_]:
    """Which rows of quantised features (rows, columns) have an L2 norm above ``norm``, exactly."""
    limit = math.floor((Fraction(norm) * format.one) ** 2)
    longer: npt.NDArray[np.bool_] = (features * features).sum(axis=1) > limit
    return longer


def shortened(features: npt.NDArray[np.int64], norm: float, format: Format) -> npt.NDArray[np.int64]:
    """The same rows, the ones that are too long scaled down to ``norm``, each cell rounded towards 0."""
    rows = too_long(features, norm, format)
    found = features.copy()
    lengths = np.sqrt((features[rows] ** 2).sum(axis=1, dtype=np.float64))
    scaled = features[rows] * (norm * format.one * _INWARD / lengths)[:, None]
    found[rows] = np.trunc(scaled).astype(np.int64)
    return found
