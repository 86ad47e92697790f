"""Families of the generalised linear model (McCullagh and Nelder 1989). Twin of circuits/lib/family.circom.

With z = w . x, x scaled and the intercept's x 1, the loss of a row is log(1 + e^z) - y z for a label y of 0 or 1 in the
logistic family (canonical link: logit), and (z - y)^2 / (2 DISPERSION) for a scaled label y that is a number in the
gaussian one (link: identity). The constant is that of a normal distribution of variance DISPERSION: it moves no
optimum, and keeps gradients and information of both families in one size.
"""

from __future__ import annotations

from enum import IntEnum

DISPERSION_LOG2 = 6
DISPERSION = 1 << DISPERSION_LOG2
"""Of the gaussian family; a proof needs |z - y| of every row to be at most as much."""


class Family(IntEnum):
    """What a label is, and which loss it has; numbered as circuits and contracts do."""

    LOGISTIC = 0
    GAUSSIAN = 1

    @property
    def label_columns(self) -> int:
        """Columns of a row's cells beside the features: 1 where the label is a number."""
        return int(self is Family.GAUSSIAN)
