"""The coordinator's public step matrix P of w' = w - P G.

Any P is allowed: a bad one makes training slow, never wrong, because ``certify`` judges the weights themselves.

* Boehning and Lindsay (1988): sigma' <= 1/4, so A = X'X/4 + lambda I bounds the Hessian everywhere, and
  P = factor A^-1 with a factor below 2 lowers the loss in every step.
* BFGS starts from factor A^-1 and learns from the gradients of all rounds so far.
* Newton takes the inverse of the information at the present weights, which is collected before every gradient.
* Gradient: factor / (largest eigenvalue of A), the same for all weights.

All of it follows from sums that are public once a round is over: whoever reads the chain makes the same matrix.
A comes from the information at weights of zero, or from the specification's ranges: docs/training.md.

Where sums carry noise, the eigenvalues of an information matrix are lifted to the size of those that noise alone has,
so that no step is longer than what is known of its direction allows; nothing is learnt from differences of gradients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from twopm_zk.errors import DataError
from twopm_zk.numbers.fixed_point import WEIGHTS
from twopm_zk.numbers.pedersen import GRADIENT as GRADIENT_UNIT
from twopm_zk.statements import DISPERSION, Family, StepMatrix, Tally, symmetric
from twopm_zk.task.parts.step_rule import BFGS, GRADIENT, NEWTON
from twopm_zk.task.specification import TaskSpec

Matrix = npt.NDArray[np.float64]
LARGEST_EIGENVALUE = 32767.0
"""Of P, so that every entry fits the format MATRIX; flatter directions are walked more slowly, and still downhill."""
SMALLEST_MOVE = 64
"""A largest weight change below this many units in the last place is mostly rounding: BFGS learns nothing from it."""
_SINGULAR = 1e-9
_INVOLVED = 0.1
_FEW_ROWS = 8  # that a batch holds at least, on average: as many times is a sum rounded
_ZERO_SLACK = 1.01  # the circuits' sigma'(0) is 1/4 but for a relative error of 2^-10
_TINY = 1e-30
_NO_INFORMATION = 1e-13
_GROWTH = 4.0


def information_curvature(spec: TaskSpec, total: Tally, *, noise: float = 0.0) -> Matrix:
    """A = X'X/4 + lambda I from the information at weights of zero, the intercept not regularised.

    In the gaussian family it is the Hessian itself, X'X/DISPERSION + lambda I, with the circuits' lambda. ``noise`` is
    the largest eigenvalue that its noise may have.

    Raises DataError where lambda is 0 and a column is constant, or columns depend on each other.
    """
    curvature = lifted(_without_padding(spec, symmetric(total)), noise)
    if not spec.penalty and not noise:
        _require_regular(spec, total, curvature)
    slack = 1.0 if spec.family is Family.GAUSSIAN else _ZERO_SLACK
    return curvature * slack + _penalty(spec)


def hessian(spec: TaskSpec, total: Tally, *, noise: float = 0.0) -> Matrix:
    """X' diag(v) X + lambda I, from the information at some weights; ``noise`` as in `information_curvature`."""
    return lifted(_without_padding(spec, symmetric(total)), noise) + _penalty(spec)


def range_curvature(spec: TaskSpec, rows: int) -> Matrix:
    """A diagonal bound on X'X v + lambda I for any ``rows`` rows within the specification's ranges, v the largest
    variance.

    x x' <= diag(|x_j| sum_k |x_k|), as each 2 x 2 part shows; then the largest |x_j| of each column. Where rows are
    shortened to a norm C, x x' <= (1 + C^2) I as well: the one with the smaller largest eigenvalue is taken.
    """
    largest = np.array([*(column.magnitude(spec.format) for column in spec.columns), 1.0])
    bound = largest * largest.sum()
    if spec.privacy is not None and spec.privacy.clip is not None:
        by_norm = spec.row_limits.squared_norm
        bound = np.full_like(bound, by_norm) if by_norm < bound.max() else bound
    return np.diag(rows * largest_variance(spec) * bound) + _penalty(spec)


def largest_variance(spec: TaskSpec) -> float:
    """The largest v: sigma' is at most 1/4."""
    return 1 / DISPERSION if spec.family is Family.GAUSSIAN else 1 / 4


def real_weights(spec: TaskSpec, weights: Sequence[int]) -> Matrix:
    """Integer weights (padded) as reals, without the padding."""
    return np.array([weights[i] / WEIGHTS.one for i in [*range(len(spec.columns)), -1]])


def real_gradient(spec: TaskSpec, gradient: Sequence[int]) -> Matrix:
    """A gradient (padded) in the units of an update as reals, without the padding."""
    unit = 1 << GRADIENT_UNIT.frac_bits
    return np.array([gradient[i] / unit for i in [*range(len(spec.columns)), -1]])


def decrement(gradient: Matrix, information: Matrix) -> float:
    """The Newton decrement sqrt(g' H^-1 g): how many standard errors the weights are from the optimum.

    With d = H^-1 g the way to the optimum, it is the largest |c'd| / se(c'w) over all contrasts c, so that no
    coefficient, and no other combination of them, is further away. A singular H gives a large number, not an error.
    """
    scale = 1 / np.sqrt(np.maximum(np.diag(information), _TINY))
    values, vectors = np.linalg.eigh(information * np.outer(scale, scale))
    parts = vectors.T @ (gradient * scale)
    return float(np.sqrt((parts**2 / np.maximum(values, _NO_INFORMATION)).sum()))


def lifted(matrix: Matrix, least: float) -> Matrix:
    """A symmetric matrix whose eigenvalues below ``least`` are that; itself for 0."""
    if not least:
        return matrix
    values, vectors = np.linalg.eigh(matrix)
    found: Matrix = (vectors * np.maximum(values, least)) @ vectors.T
    return found


def _penalty(spec: TaskSpec) -> Matrix:
    return np.diag([spec.circuit_penalty] * len(spec.columns) + [0.0])


def _without_padding(spec: TaskSpec, matrix: Matrix) -> Matrix:
    keep = [*range(len(spec.columns)), -1]
    return matrix[np.ix_(keep, keep)]


def _require_regular(spec: TaskSpec, total: Tally, curvature: Matrix) -> None:
    """Refuse data without a single optimum, as far as rounded sums can tell.

    Every batch rounds by up to half a unit, and all of them may by the same.
    """
    rounded = (1 + total.rows / _FEW_ROWS) / (1 << total.unit.frac_bits)  # twice what there can be
    count = curvature[-1, -1]
    for index, column in enumerate(spec.columns):
        # n sum x^2 = (sum x)^2 for a constant
        spread = curvature[index, index] - curvature[index, -1] ** 2 / count
        if spread <= rounded * (1 + abs(curvature[index, -1]) / count) ** 2:
            raise DataError(
                f"column {column.name!r} has one value in all rows, or varies by less than its scale resolves: "
                "with lambda = 0 it has no weight of its own",
                hint="Leave it out or give a `lambda` above 0; or, where its values differ, a narrower range, a "
                "smaller unit, or a transformation that brings them apart.",
            )
    scale = 1 / np.sqrt(np.diag(curvature))
    values, vectors = np.linalg.eigh(curvature * np.outer(scale, scale))
    flattest = np.abs(vectors[:, 0])
    if values[0] < max(_SINGULAR, rounded * float(flattest @ scale) ** 2):
        involved = [spec.weight_name(int(i)) for i in np.flatnonzero(flattest > _INVOLVED)]
        raise DataError(
            f"with lambda = 0 there is no single optimum: {', '.join(involved)} depend on each other",
            hint="Leave one of them out, or give a `lambda` above 0.",
        )


@dataclass(frozen=True)
class _Pair:
    """A move of the weights and the change of the gradient that came with it: what BFGS learns from."""

    move: Matrix
    change: Matrix
    curvature: float

    @classmethod
    def of(cls, move: Matrix, change: Matrix) -> _Pair | None:
        """None where the pair would teach noise."""
        curvature = float(move @ change)
        if np.abs(move).max() * WEIGHTS.one < SMALLEST_MOVE or curvature <= 0:
            return None
        return cls(move, change, curvature)

    def learnt(self, inverse: Matrix, *, rescale: bool) -> Matrix:
        """The BFGS update of an inverse Hessian (Nocedal and Wright, 6.17)."""
        if rescale:  # a bound from ranges alone is far too careful; 6.20 there
            inverse = inverse * (self.curvature / float(self.change @ inverse @ self.change))
        project = np.eye(len(self.move)) - np.outer(self.move, self.change) / self.curvature
        updated: Matrix = project @ inverse @ project.T + np.outer(self.move, self.move) / self.curvature
        return updated


class Optimiser:
    """Gives the step matrix of each move, once it has observed the gradient that the matrix is for."""

    def __init__(self, spec: TaskSpec, curvature: Matrix) -> None:
        self._spec = spec
        self._bound = curvature
        values, vectors = np.linalg.eigh(curvature)
        self.estimate = (vectors / np.maximum(values, _TINY)) @ vectors.T
        """The inverse of the information at the last weights, as well as it is known."""
        if spec.step.rule == GRADIENT:
            values = np.full_like(values, values[-1])
        self._start = (vectors * (spec.step.factor / np.maximum(values, _TINY))) @ vectors.T
        self._inverse = self._start
        self._last: tuple[Matrix, Matrix] | None = None
        self._smallest = np.inf
        self._rescale = spec.step.curvature == "ranges"
        self.matrix = self._quantized()
        self.decrements: list[float] = []
        """The distance to the optimum in standard errors at all weights so far, as well as it is known."""
        self.steps: list[Matrix] = []
        """The way to the optimum from all weights so far, as well as it is known."""

    def observe(
        self, weights: Sequence[int], gradient: Sequence[int], total: Tally | None = None, *, noise: float = 0.0
    ) -> None:
        """Take in the regularised gradient (integers, padded) at ``weights``; may change ``matrix``.

        For Newton's rule also the ``total`` of the information at these weights, and what `hessian` says of ``noise``.
        """
        w, g = real_weights(self._spec, weights), real_gradient(self._spec, gradient)
        size = float(g @ self._start @ g)
        astray = size > _GROWTH * self._smallest and self._spec.privacy is None
        pair = None
        if self._last is not None and self._spec.privacy is None:
            pair = _Pair.of(w - self._last[0], g - self._last[1])
        if total is not None:
            information = hessian(self._spec, total, noise=noise)
            values, vectors = np.linalg.eigh(information)
            self.estimate = (vectors / np.maximum(values, _TINY)) @ vectors.T
            self.decrements.append(decrement(g, information) * self._spec.decrement_scale)
        else:
            if pair is not None:
                self.estimate = pair.learnt(self.estimate, rescale=self._rescale)
            known = max(float(g @ self.estimate @ g), 0.0) ** 0.5
            self.decrements.append(max(known, decrement(g, self._bound)) * self._spec.decrement_scale)
        self.steps.append(-self.estimate @ g)
        if self._spec.step.rule in (BFGS, NEWTON):
            if astray:
                self._inverse = self._start  # what was learnt has led astray: go downhill by the bound again
            elif total is not None:
                self._inverse = self.estimate
            elif pair is not None:
                self._inverse = pair.learnt(self._inverse, rescale=self._rescale)
        if pair is not None and not (astray and self._spec.step.rule == BFGS):
            self._rescale = False
        self._smallest = min(self._smallest, size)
        self._last = (w, g)
        self.matrix = self._quantized()

    @property
    def moments(self) -> Matrix:
        """X'X, where the curvature is from information."""
        return (self._bound - _penalty(self._spec)) / largest_variance(self._spec)

    def _quantized(self) -> StepMatrix:
        values, vectors = np.linalg.eigh((self._inverse + self._inverse.T) / 2)
        tame = (vectors * np.clip(values, 0, LARGEST_EIGENVALUE)) @ vectors.T
        width = self._spec.sizes.width
        keep = [*range(len(self._spec.columns)), width]
        padded = np.zeros((width + 1, width + 1))
        padded[np.ix_(keep, keep)] = tame
        return StepMatrix.quantized(padded)
