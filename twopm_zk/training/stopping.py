"""When training ends, and what it says where it ends short of the optimum.

Training goes on until the Newton decrement, the distance to the optimum in standard errors, is within the
specification's limit, and the gradient within the bound that the contract accepts. Two things can stand in the way:
the sigmoid of the circuits, whose error of up to 5e-5 matters where events are rarer than that, and data whose
classes can be told apart without error, which have no optimum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from twopm_zk.numbers import sigmoid
from twopm_zk.statements import Family
from twopm_zk.task.specification import TaskSpec
from twopm_zk.training.optimiser import Matrix, Optimiser, decrement
from twopm_zk.training.results import Round

PATIENCE = 20
"""Rounds without a new smallest decrement after which it is taken to be as small as it gets."""
SHIFT_LIMIT = 0.05
"""Standard errors by which the sigmoid's error may move the optimum without a warning."""
_LARGEST_SHIFT = 0.2
"""The same where only the largest that is possible is known, which is several times what happens."""
_STEPS = 40
_STRAIGHT = 1e-6
_SUSPECT = 0.2
_INVOLVED = 0.1
_RECENT = 5
_NEARLY = 10.0
_LARGEST_ERROR = 20.0


def stands_still(decrements: Sequence[float]) -> bool:
    """Whether the last ``PATIENCE`` rounds have brought the weights no nearer to the optimum than before them."""
    return len(decrements) > PATIENCE and min(decrements[-PATIENCE:]) >= min(decrements[:-PATIENCE])


@dataclass(frozen=True)
class Obstacles:
    """What stands between trained weights and the optimum of the true loss."""

    separating: tuple[str, ...]
    """Columns that tell the classes apart, in whole or in part; then there is no optimum."""
    shift: float
    """How far the sigmoid's error moves the optimum, in standard errors."""


def find_obstacles(
    spec: TaskSpec,
    features: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int64],
    weights: Matrix,
    gradient: Matrix,
    *,
    arrived: bool,
) -> Obstacles:
    """Look at all rows, ``features`` (rows, columns) quantised and ``labels`` of 0 and 1, at trained real ``weights``.

    ``gradient`` is the regularised one of the circuits there.

    Separation is said only where a direction is found along which no row is worse off, and some are better. The rows
    are searched for one where ``arrived`` is False or a Newton step still moves some row's log-odds by much.
    """
    design = np.hstack([features / spec.format.one, np.ones((len(labels), 1))])
    if (
        spec.family is Family.GAUSSIAN
    ):  # a quadratic loss, exact in the circuits, and columns that are not regular were refused
        return Obstacles((), 0.0)
    penalty = np.array([spec.penalty] * features.shape[1] + [0.0])
    true, information = _derivatives(design, labels, weights, penalty)
    shift = decrement(true - gradient, information)
    if spec.penalty:
        return Obstacles((), shift)
    if arrived and np.abs(design @ _newton_step(true, information)).max() < _SUSPECT:
        return Obstacles((), shift)
    alone = [name for index, name in enumerate(spec.features) if _splits(features[:, index], labels)]
    if alone:
        return Obstacles(tuple(alone), shift)
    direction = _separating_direction(design, labels, weights)
    if direction is None:
        return Obstacles((), shift)
    reach = np.abs(direction[:-1]) * np.abs(design[:, :-1]).max(axis=0)
    involved = np.flatnonzero(reach > _INVOLVED * reach.max())
    return Obstacles(tuple(spec.features[int(index)] for index in involved), shift)


def shortcomings(spec: TaskSpec, rounds: Sequence[Round], found: Obstacles, *, limit: float) -> list[str]:
    """What is to be said of training that ended after ``rounds``; nothing where all is well.

    ``limit`` is the decrement at which it would have ended by itself: see `Learner.limit`.
    """
    last, missed = rounds[-1], []
    if found.separating:
        names = ", ".join(repr(name) for name in found.separating)
        return [
            f"not converged: {names} tell{'s' if len(found.separating) == 1 else ''} the classes apart, in whole or in "
            "part; with lambda = 0 the weights grow without end, and the ones here are no optimum: give a `lambda` "
            "above 0"
        ]
    if last.decrement > limit:
        missed.append(
            f"the weights are {last.decrement:.3g} standard errors from the optimum, {spec.decrement_bound:g} "
            "were asked for (`decrement_bound`)"
            if spec.privacy is None
            else f"the gradient is {last.decrement / limit:.3g} times what noise alone would leave of it"
        )
    if last.gradient_bound > spec.gradient_bound_units:
        missed.append(f"the gradient is {last.bound_per_row:.3g} per row, above the target {spec.gradient_target:g}")
    if missed and spec.privacy is not None:
        missed.append("more rounds come nearer and carry more noise each; so do more rows, without")
    elif missed and last.number == spec.maximum_rounds:
        missed.append("raise `rounds.maximum`, or let `step.rule` be 'bfgs' or 'newton'")
    elif missed:
        missed.append("rounding keeps more rounds from bringing them nearer")
    if missed:
        *what, advice = missed
        return [f"not converged: after {last.number} rounds {', and '.join(what)}; {advice}"]
    if found.shift > SHIFT_LIMIT:
        return [
            f"the sigmoid of the circuits, exact to {sigmoid.MAX_ERROR:g}, moves the optimum of these rows by "
            f"{found.shift:.2g} standard errors: one class is too rare for it, or there are very many rows"
        ]
    return []


def doubts(spec: TaskSpec, optimiser: Optimiser, rows: int, *, near: bool) -> list[str]:
    """What is to be said of training that ends with what ``optimiser`` knows from sums, for who has no rows."""
    said = []
    if not near and spec.privacy is not None:
        return ["the gradient is more than what noise alone would leave of it: the weights are not at the optimum yet"]
    if not near:
        said.append(
            f"the weights are {optimiser.decrements[-1]:.3g} standard errors from the optimum, "
            f"{spec.decrement_bound:g} were asked for (`decrement_bound`)"
        )
    if spec.family is Family.GAUSSIAN or spec.privacy is not None:
        return said
    settled = near or stands_still(optimiser.decrements)
    growing = [spec.features[int(k)] for k in np.flatnonzero(_growing(spec, optimiser)[:-1])]
    if growing and settled and not spec.penalty:
        names = ", ".join(repr(name) for name in growing)
        said.append(
            f"the weights of {names} still grow where the gradient has vanished: these columns may tell the classes "
            "apart, in whole or in part, and then there is no optimum; give a `lambda` above 0 in a new task"
        )
    elif near and spec.step.curvature == "information" and spec.descent is None:  # else its information is elsewhere
        shift = sigmoid_shift(rows, optimiser.moments, optimiser.estimate)
        if shift > _LARGEST_SHIFT:
            said.append(
                f"the sigmoid of the circuits, exact to {sigmoid.MAX_ERROR:g}, may move the optimum by up to "
                f"{shift:.2g} standard errors: one class is too rare for it, or there are very many rows"
            )
    return said


def _growing(spec: TaskSpec, optimiser: Optimiser) -> npt.NDArray[np.bool_]:
    """Weights that have still far to go, or had lately, when the gradient said that the optimum was all but reached.

    A step is at most the decrement times its standard error, and no estimate has one above `_LARGEST_ERROR`.
    """
    growing: npt.NDArray[np.bool_] = np.abs(optimiser.steps[-1]) > _SUSPECT
    recent = list(zip(optimiser.decrements, optimiser.steps, strict=True))[-_RECENT:]
    for distance, step in recent:
        if distance <= _NEARLY * spec.decrement_bound:
            growing = growing | (np.abs(step) > max(_SUSPECT, _LARGEST_ERROR * distance))
    return growing


def sigmoid_shift(rows: int, moments: Matrix, inverse: Matrix) -> float:
    """The most that the sigmoid's error can move the optimum, in standard errors, from sums alone.

    With X'X in ``moments``, H^-1 in ``inverse`` and errors e of at most MAX_ERROR in each row, the decrement of X'e is
    at most MAX_ERROR sqrt(rows * largest eigenvalue of X'X H^-1).
    """
    values, vectors = np.linalg.eigh(moments)  # a constant column may leave an eigenvalue of 0
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    largest = float(np.linalg.eigvalsh(root.T @ inverse @ root)[-1])
    return sigmoid.MAX_ERROR * float(np.sqrt(rows * max(largest, 0.0)))


def _derivatives(
    design: Matrix, labels: npt.NDArray[np.int64], weights: Matrix, penalty: Matrix
) -> tuple[Matrix, Matrix]:
    """Gradient and information of the true loss."""
    odds = design @ weights
    decay = np.exp(-np.abs(odds))
    probability = np.where(odds < 0, decay, 1.0) / (1 + decay)
    gradient = design.T @ (probability - labels) + penalty * weights
    information = (design.T * (decay / (1 + decay) ** 2)) @ design + np.diag(penalty)
    return gradient, information


def _newton_step(gradient: Matrix, information: Matrix) -> Matrix:
    scale = 1 / np.sqrt(np.maximum(np.diag(information), 1e-300))
    step: Matrix = -scale * np.linalg.lstsq(information * np.outer(scale, scale), gradient * scale, rcond=1e-12)[0]
    return step


def _splits(column: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]) -> bool:
    """Whether a threshold on this column alone leaves one class on either side, shared values allowed at it."""
    none, some = column[labels == 0], column[labels == 1]
    return bool(none.max() <= some.min() or some.max() <= none.min()) and bool(column.min() < column.max())


def _separating_direction(design: Matrix, labels: npt.NDArray[np.int64], weights: Matrix) -> Matrix | None:
    """A direction along which every row's loss falls or stays: Newton's steps point there where there is one."""
    marks = 2 * labels - 1
    none = np.zeros(len(weights))
    for _ in range(_STEPS):
        gradient, information = _derivatives(design, labels, weights, none)
        step = _newton_step(gradient, information)
        for direction in (weights, step):
            margins = marks * (design @ direction)
            if margins.max() > 0 and margins.min() >= -_STRAIGHT * margins.max():
                return direction
        if float(np.abs(design @ step).max()) < _SUSPECT / 10:
            return None  # the steps end: there is an optimum
        before = _loss(marks * (design @ weights))
        while _loss(marks * (design @ (weights + step))) >= before:
            step = step / 2
            if not np.abs(design @ step).max() > _STRAIGHT:
                return None
        weights = weights + step
    return None


def _loss(margins: Matrix) -> float:
    return float(np.logaddexp(0, -margins).sum())
