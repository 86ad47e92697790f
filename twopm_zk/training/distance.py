"""How far weights are from the optimum, in standard errors, as it follows from the public sums of a task.

The Newton decrement sqrt(g' H^-1 g), with g the regularised gradient and H = X' diag(sigma') X + lambda I its Hessian
at the same weights (see `optimiser.decrement` for what it means). Both are sums of proven updates, so the number is as
proven as the certificate where the information was collected at the weights of the gradient, over the very same rows.
Then H lies between two matrices, and the decrement between two numbers:

* every batch rounds its sums by up to half a unit;
* the circuits' sigma' differs from the true one by what `variance` states, and X'X bounds what that can come to.

A decrement is the distance itself only as far as the loss is quadratic. How far the optimum really is follows from it:
in the direction d from the weights to it, the third derivative of the logistic loss is at most r times the second, with
r the largest |x'd| of any row (Bach 2010, Self-concordant analysis for logistic regression, section 2). With the norm
|d| = sqrt(d' H d), and R the largest |x'd| of a row with features as large as circuits take and |d| = 1,

    |d| <= -ln(1 - R decrement) / R    where R decrement < 1

and there is one optimum then. So whatever weights training began with, and whatever rows were in earlier sums, these
weights are the optimum over the rows of their certificate, but for so much: docs/consent.md.

Elsewhere the Hessian is an optimiser's estimate. What is proven is then a lower bound, where information was collected
at weights of zero and over all rows of the gradient: sigma' is at most 1/4, so H <= X'X / 4 + lambda I.

Weights that are 0 and whose sums are all 0, as those of padding, are left out: the distance is that of the others while
these stay at 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from twopm_zk.numbers import variance
from twopm_zk.numbers.pedersen import GRADIENT, INFORMATION
from twopm_zk.statements import DISPERSION, Collection, Family, RoundShape, symmetric
from twopm_zk.statements.policy import LAMBDA_FRAC_BITS
from twopm_zk.statements.rows import WHOLE_BITS
from twopm_zk.training.optimiser import Matrix, decrement
from twopm_zk.training.public_sums import PublicSum, SumsAtTheEnd
from twopm_zk.training.stopping import sigmoid_shift

_LARGEST = float(1 << (WHOLE_BITS - 1))
"""Of a scaled feature, in whatever format: the circuits check it."""
_FLATTEST = 1e-10
_FLOATING = 1e-6
"""Relative error of floating point where no eigenvalue of a scaled matrix is below `_FLATTEST`."""
_DIGITS = 3


@dataclass(frozen=True)
class Distance:
    """The distance of weights to the optimum in standard errors, and what is proven of it."""

    value: float | None
    """What the sums say: the decrement itself, or an estimate; None where nobody estimates it."""
    at_least: float
    """A lower bound that holds whatever the rows are."""
    at_most: float | None = None
    """An upper bound that holds whatever the rows are; None where there is none: then ``value`` is an estimate."""
    sigmoid: float | None = None
    """How far the optimum may lie from that of the exact sigmoid, in standard errors; None without an upper bound."""
    within: float | None = None
    """No combination of coefficients is more standard errors from the one optimum over these rows, that of the exact
    sigmoid, without any approximation; None where that cannot be said."""

    @property
    def proven(self) -> bool:
        """Whether the distance is proven, to within both bounds."""
        return self.at_most is not None

    @property
    def kind(self) -> str:
        """``proven``, ``estimated``, or ``unknown``."""
        if self.proven:
            return "proven"
        return "unknown" if self.value is None else "estimated"

    def sentence(self, *, unproven: str = "") -> str:
        """The distance in words; ``unproven`` is why nothing that was proven counts, such as insecure keys."""
        least, but = _outward(self.at_least, math.floor), f", which is not proven to anybody: {unproven}"
        only = f"proven is only that they are {least} or more" if self.at_least else "nothing of it is proven"
        if unproven and self.at_least:
            only = f"they are {least} or more{but}"
        if self.value is None:
            return f"how many standard errors the weights are from the optimum is not known; {only}"
        text = f"the weights are {self.value:.2g} standard errors from the optimum"
        if self.at_most is None:
            return f"{text}, as is estimated; {only}"
        between = f"between {least} and {_outward(self.at_most, math.ceil)}"
        return f"{text}, {between}{but}" if unproven else f"{text}, proven to be {between}"

    def to_json(self) -> dict[str, float | str | None]:
        """All of it."""
        return {
            "standard_errors": self.value,
            "kind": self.kind,
            "at_least": self.at_least,
            "at_most": self.at_most,
            "sigmoid_shift_at_most": self.sigmoid,
            "optimum_within": self.within,
        }


def distance(
    sums: Sequence[PublicSum], *, family: Family, estimate: float | None = None, noisy: bool = False
) -> Distance:
    """The distance at the weights of the last gradient among ``sums``, from all of them.

    Of sums that nodes add noise to (``noisy``) nothing is known: what they tell is mostly how large the noise is.

    ``estimate`` is what an optimiser knows; it is used where nothing better follows from the sums. In the gaussian
    family a standard error takes the residuals' variance, which an evaluation over the same rows tells: without one the
    distance is not known, and the lower bound is that of residuals as large as labels can be.
    """
    if noisy:
        return Distance(None, 0.0)
    final = SumsAtTheEnd.of(sums, family)
    assert final is not None  # noqa: S101 - asked for after a gradient
    if family is Family.GAUSSIAN:
        return _gaussian_distance(final)
    gradient = final.gradient
    information = [one for one in sums if one.collection is Collection.INFORMATION]
    at_zero = [one for one in information if not any(one.weights) and one.data >= gradient.data]
    same = [one for one in information if (one.weights, one.data) == (gradient.weights, gradient.data)]
    known = _Known.of(gradient, [*at_zero[-1:], *same[-1:]])
    moments = known.moments(at_zero[-1]) if at_zero else known.largest_moments()
    if not same:
        least = known.least(moments / 4 + known.penalty) if at_zero else 0.0
        return Distance(None if estimate is None else max(estimate, least), least)
    found, rounding = known.matrix(same[-1])
    unsure = rounding + variance.ABSOLUTE_ERROR * moments
    low = (found - unsure) / (1 + variance.RELATIVE_ERROR) + known.penalty
    high = (found + unsure) / (1 - variance.RELATIVE_ERROR) + variance.BEYOND * moments + known.penalty
    value, least, most = decrement(known.gradient, found + known.penalty), known.least(high), known.most(low)
    if most is None:  # too near to singular for its rounding
        return Distance(value, least)
    inverse = np.asarray(np.linalg.inv(low), dtype=np.float64)
    shift = sigmoid_shift(gradient.total.rows, moments, inverse)
    return Distance(value, least, most, shift, _within(most + shift, known.reach(inverse)))


def _within(decrement: float, reach: float) -> float | None:
    """The bound that the module's docstring gives, rounded up; None where it gives none."""
    steep = decrement * reach * (1 + _FLOATING)
    return -math.log1p(-steep) / reach * (1 + _FLOATING) if steep < 1 else None


def _gaussian_distance(final: SumsAtTheEnd) -> Distance:
    """The loss is quadratic: information has no error but its rounding, and squares fall as the distance does."""
    gradient, information, evaluation = final.gradient, final.information, final.evaluation
    if information is None or information.data != gradient.data:
        return Distance(None, 0.0)
    known = _Known.of(gradient, [information])
    found, rounding = known.matrix(information)
    least, most = known.least(found + rounding + known.penalty), known.most(found - rounding + known.penalty)
    free = gradient.total.rows - len(known.used)
    if evaluation is None or evaluation.data != gradient.data or most is None or free < 1:
        return Distance(None, least)
    squares, slack = evaluation.total.real[2], len(evaluation.data) / (1 << (evaluation.total.unit.frac_bits + 1))
    smallest = squares - slack - DISPERSION * most**2
    if smallest <= 0:
        return Distance(None, least)
    value = decrement(known.gradient, found + known.penalty)
    at_most = most * math.sqrt(DISPERSION * free / smallest)
    return Distance(
        value * math.sqrt(DISPERSION * free / squares),
        least * math.sqrt(DISPERSION * free / (squares + slack)),
        at_most,
        within=at_most,
    )


@dataclass(frozen=True)
class _Known:
    """The gradient at the weights that are not left out, and how far it may be rounded."""

    used: npt.NDArray[np.int64]
    intercept: int
    gradient: Matrix
    rounding: float
    penalty: Matrix
    rows: int

    @classmethod
    def of(cls, one: PublicSum, information: Sequence[PublicSum]) -> _Known:
        size = len(one.weights)
        regularised = RoundShape(size - 1).regularised(one.policy, one.weights, one.total)
        diagonals = [np.diag(symmetric(other.total)) for other in information]
        used = [
            index
            for index in range(size)
            if index == size - 1
            or one.weights[index]
            or regularised[index]
            or any(diagonal[index] for diagonal in diagonals)
        ]
        real = np.array([regularised[index] / (1 << GRADIENT.frac_bits) for index in used])
        each = one.policy.penalty / (1 << LAMBDA_FRAC_BITS)
        penalty = np.diag([0.0 if index == size - 1 else each for index in used])
        rounding = len(one.data) / (1 << (GRADIENT.frac_bits + 1))
        return cls(np.array(used, dtype=np.int64), size - 1, real, rounding, penalty, one.total.rows)

    def matrix(self, information: PublicSum) -> tuple[Matrix, Matrix]:
        """The collected information, and a bound on what rounding has added to it or taken away."""
        found = symmetric(information.total)[np.ix_(self.used, self.used)]
        half = len(information.data) / (1 << (INFORMATION.frac_bits + 1))
        return found, np.eye(len(self.used)) * half * len(self.used)

    def moments(self, at_zero: PublicSum) -> Matrix:
        """A bound on X'X from the information at weights of zero, where sigma' is 1/4."""
        found, rounding = self.matrix(at_zero)
        return (found + rounding) / ((1 - variance.RELATIVE_ERROR) / 4 - variance.ABSOLUTE_ERROR)

    def reach(self, inverse: Matrix) -> float:
        """The largest |x'd| of any row that circuits take, with d' H d = 1 and ``inverse`` nowhere below H^-1."""
        each = float(self._largest @ np.sqrt(np.diag(inverse)))
        together = float(np.linalg.norm(self._largest) * math.sqrt(np.linalg.eigvalsh(inverse)[-1]))
        return min(each, together)

    @property
    def _largest(self) -> Matrix:
        """The largest that each feature can be, and the 1 of the intercept."""
        return np.where(self.used == self.intercept, 1.0, _LARGEST)

    def largest_moments(self) -> Matrix:
        """A bound on X'X for any rows: x x' <= diag(|x_j| sum_k |x_k|)."""
        return self.rows * np.diag(self._largest * self._largest.sum())

    def least(self, above: Matrix) -> float:
        """A lower bound on the decrement, from a matrix that the Hessian is nowhere above."""
        found = _norms(self.gradient, above)
        if found is None:
            return 0.0
        size, errors = found
        return max(0.0, size - self.rounding * errors) * (1 - _FLOATING)

    def most(self, below: Matrix) -> float | None:
        """An upper bound on the decrement, from a matrix that the Hessian is nowhere below; None without one."""
        found = _norms(self.gradient, below)
        return None if found is None else (found[0] + self.rounding * found[1]) * (1 + _FLOATING)


def _norms(vector: Matrix, matrix: Matrix) -> tuple[float, float] | None:
    """sqrt(v' M^-1 v), and the sum of the roots of M^-1's diagonal; None where M is not definite."""
    diagonal = np.diag(matrix)
    if not len(vector) or not (diagonal > 0).all():
        return None
    scale = 1 / np.sqrt(diagonal)
    values, vectors = np.linalg.eigh(matrix * np.outer(scale, scale))
    if values[0] < _FLATTEST:
        return None
    inverse = (vectors / values) @ vectors.T
    size = float(np.sqrt(((vectors.T @ (vector * scale)) ** 2 / values).sum()))
    return size, float((scale * np.sqrt(np.diag(inverse))).sum())


def _outward(value: float, rounded: Callable[[float], int]) -> str:
    """A bound in few digits, rounded so that it still holds."""
    if not value:
        return "0"
    unit = 10.0 ** (math.floor(math.log10(value)) + 1 - _DIGITS)
    return f"{rounded(value / unit) * unit:.{_DIGITS}g}"
