"""The values that lambda may have: it is a whole number in the circuits."""

from __future__ import annotations

import math

from twopm_zk.statements.family import DISPERSION, Family
from twopm_zk.statements.policy import LAMBDA_FRAC_BITS

CIRCUIT_UNIT = 1 << LAMBDA_FRAC_BITS
"""What lambda of the circuits' loss is a multiple of the inverse of."""


def penalty_on_grid(penalty: float, family: Family = Family.LOGISTIC) -> float:
    """The nearest lambda that a task may have, and not 0 for one above 0; what is no number stays what it is."""
    if not math.isfinite(penalty) or penalty <= 0:
        return penalty
    unit = penalty_unit(family)
    return max(round(penalty * unit), 1) / unit


def penalty_unit(family: Family) -> int:
    """What lambda is a multiple of the inverse of: the circuits' own 2^-12, times the dispersion of the loss."""
    return CIRCUIT_UNIT // (DISPERSION if family is Family.GAUSSIAN else 1)
