"""``evaluate``: how well given weights predict one data owner's rows. Twin of circuits/evaluate.circom.

In the logistic family: log-loss (Good 1952), squared error of the probability (Brier 1950), and rows by class and bin
of the probability. In the gaussian family: sums of the scaled label, its square, and the squared deviation from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from twopm_zk.errors import RangeError
from twopm_zk.numbers import scores, sigmoid
from twopm_zk.numbers.fixed_point import Bound, round_half_up
from twopm_zk.numbers.pedersen import EVALUATION, SQUARES, Tally, Unit
from twopm_zk.statements.family import Family
from twopm_zk.statements.rows import MAX_ROWS, ROWS_AT_ONCE, RowsShape, RowsStatement

_LARGEST_SQUARES = (1 << 57) - 1
_LARGEST_LOSS = (1 << 41) - 1  # 13 times
_LARGEST_ERROR = (1 << 31) - 1


def evaluation_noise_unit(family: Family, index: int) -> int:
    """log2 of what noise in one sum of an evaluation is measured by, in the unit of its integers.

    A row may move y by 2^4, y^2 by 2^6, (z - y)^2 by 2^12; 13 times its log-loss by 2^8, its squared error by 1, and a
    count by 1.
    """
    if family is Family.GAUSSIAN:
        return SQUARES.frac_bits + (4, 6, 12)[index]
    return (EVALUATION.frac_bits + 8, EVALUATION.frac_bits)[index] if index < EVALUATION.wide else 0


@dataclass(frozen=True)
class EvaluateShape(RowsShape):
    """Sizes of an ``evaluate`` instance."""

    @property
    def unit(self) -> Unit:
        """What an update is counted in."""
        return SQUARES if self.family is Family.GAUSSIAN else EVALUATION

    def noise_unit(self, index: int) -> int:
        """log2 of what noise in one sum is measured by: about what a row can add to it."""
        return evaluation_noise_unit(self.family, index)

    def largest_sums(self) -> tuple[int, ...]:
        """Largest magnitude of each rounded sum: of a log-loss, the largest that has a proof."""
        if self.family is Family.GAUSSIAN:
            return (_LARGEST_SQUARES,) * 3
        return (_LARGEST_LOSS, _LARGEST_ERROR, *[MAX_ROWS] * (2 * scores.BINS))

    def bounds(self) -> tuple[Bound, ...]:
        """Largest magnitude of each intermediate of the circuit; the ones in sums count all summands."""
        of_family = self._square_bounds() if self.family is Family.GAUSSIAN else self._score_bounds()
        return *self._row_bounds(), *of_family

    def _square_bounds(self) -> tuple[Bound, ...]:
        frac, labels = self.format.frac_bits, self.rows * self.format.bias
        sums = {
            "labels": (labels, frac),
            "squares of labels": (labels * self.format.bias, 2 * frac),
            "squares of deviations": (self.rows * self.deviation_max**2, 2 * self.z_frac_bits),
        }
        exact = [Bound(f"sum of {name}", value, limit=1 << 250) for name, (value, _) in sums.items()]
        rounded = [
            Bound(
                f"rounded sum of {name}",
                round_half_up(value, dropped=bits - SQUARES.frac_bits),
                limit=_LARGEST_SQUARES + 1,
            )
            for name, (value, bits) in sums.items()
        ]
        return *exact, *rounded

    def _score_bounds(self) -> tuple[Bound, ...]:
        magnitude = (self.z_max * sigmoid.UNIT_DIVISOR) >> sigmoid.dropped_bits(self.z_frac_bits)
        loss = max(scores.loss_table()) + ((magnitude + 1) << scores.CROSSED_SHIFT)
        error = max(scores.square_table()) + 2 * max(
            b.magnitude for b in sigmoid.magnitudes() if b.name == "sigmoid value"
        )
        rounded = round_half_up(self.rows * error, dropped=scores.ERROR_SCALE_BITS - EVALUATION.frac_bits)
        return (
            *sigmoid.magnitudes(),
            *scores.magnitudes(),
            Bound("log-loss", self.rows * loss, limit=1 << 250),
            Bound("squared error", self.rows * error, limit=1 << 250),
            Bound("rounded squared error", rounded, limit=_LARGEST_ERROR + 1),
            Bound("count of a bin", self.rows, limit=1 << (scores.BIN_LANE - 1)),
            Bound(
                "four times the lanes of a class and sign", 4 << (scores.BIN_LANE * scores.BINS // 2), limit=1 << 250
            ),
        )


def evaluation_tally(
    shape: EvaluateShape, weights: Sequence[int], features: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]
) -> Tally:
    """The sums over quantised ``features`` (rows, columns) and ``labels``, as the circuit has them.

    Raises InputError for another number of weights, RangeError for integers that the circuit would refuse.
    """
    shape.check_integers(weights, features)
    if shape.family is Family.GAUSSIAN:
        return _squares(shape, weights, features, labels)
    exact = [0] * scores.SCORES
    for start in range(0, len(labels), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        exact = [a + b for a, b in zip(exact, _scores(shape, weights, features[part], labels[part]), strict=True)]
    loss = round_half_up(exact[0], dropped=scores.LOSS_SCALE_BITS - EVALUATION.frac_bits)
    error = round_half_up(exact[1], dropped=scores.ERROR_SCALE_BITS - EVALUATION.frac_bits)
    return Tally(EVALUATION, (loss, error, *exact[2:]), len(labels))


def _scores(
    shape: EvaluateShape, weights: Sequence[int], features: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]
) -> list[int]:
    z = features @ np.array(weights[:-1], dtype=np.int64) + shape.format.one * weights[-1]
    T = sigmoid.rounded_inputs(z, z_frac_bits=shape.z_frac_bits)
    negative = z < 0
    signs, marks = np.where(negative, -1, 1), 1 - 2 * labels
    wrong = signs == marks
    unclipped = sigmoid.unclipped_inputs(z[wrong], z_frac_bits=shape.z_frac_bits)
    loss = _joined(scores.loss_limbs()[T].sum(axis=0)) + (int(unclipped.sum()) << scores.CROSSED_SHIFT)
    tanh = _joined((signs * marks) @ sigmoid.polynomial_limbs()[T])
    error = _joined(scores.square_limbs()[T].sum(axis=0)) + 2 * tanh
    cells = np.bincount(labels * scores.BINS + scores.bins(T, negative), minlength=2 * scores.BINS)
    return [loss, error, *(int(count) for count in cells)]


def _joined(limbs: npt.NDArray[np.int64]) -> int:
    return sum(int(limb) << (scores.LIMB_BITS * index) for index, limb in enumerate(limbs))


def _squares(
    shape: EvaluateShape, weights: Sequence[int], features: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]
) -> Tally:
    deviations = [int(value) for value in shape.deviations(weights, features, labels)]
    y = [int(value) for value in labels]
    frac = shape.format.frac_bits
    sums = ((sum(y), frac), (sum(v * v for v in y), 2 * frac), (sum(v * v for v in deviations), 2 * shape.z_frac_bits))
    items = (round_half_up(value, dropped=bits - SQUARES.frac_bits) for value, bits in sums)
    return Tally(SQUARES, tuple(items), len(labels))


@dataclass(frozen=True)
class EvaluateStatement(RowsStatement):
    """One proof of ``evaluate``."""

    shape: EvaluateShape

    def tally(self) -> Tally:
        """The rounded sums; RangeError for a log-loss that has no proof."""
        found = evaluation_tally(self.shape, self.weights, *self.data.used())
        if found.unit == EVALUATION and found.items[0] > _LARGEST_LOSS:
            raise RangeError(
                "the log-loss of these rows at these weights is larger than an evaluation can prove",
                hint="Give the features smaller scales, or evaluate weights that were trained.",
            )
        return found
