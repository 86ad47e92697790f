"""Exact second moments of quantised rows, from which the first step matrix is made."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from twopm_zk.numbers.fixed_point import Format

Matrix = npt.NDArray[np.float64]
ROW_WEIGHT_BITS = 16
_SLOPE_BITS = ROW_WEIGHT_BITS - 2  # of the largest row weight, 1/4


@dataclass(frozen=True)
class Moments:
    """Exact second moments of quantised rows with a column of ones last; those of several batches and nodes add up.

    They are private: of few rows, or together with other knowledge, they tell about rows.
    """

    rows: int = field(repr=False)
    sums: tuple[tuple[int, ...], ...] = field(repr=False)
    """Sum of row_weight x x', in units of 2^(-2 frac_bits - ROW_WEIGHT_BITS)."""

    @classmethod
    def of(
        cls,
        features: npt.NDArray[np.int64],
        format: Format,
        *,
        row_weights: npt.NDArray[np.int64] | None = None,
    ) -> Moments:
        """Of (rows, columns) in ``format``; ``row_weights`` up to 1/4 in units of 2^-ROW_WEIGHT_BITS, else all 1."""
        size = features.shape[1] + 1
        total = np.zeros((size, size), dtype=object)
        at_once = 1 << (62 - 2 * (format.bits - 1) - _SLOPE_BITS)  # so that sums stay below 2^63
        for start in range(0, len(features), at_once):
            part = slice(start, start + at_once)
            design = np.hstack([features[part], np.full((len(features[part]), 1), format.one, dtype=np.int64)])
            weighted = design if row_weights is None else design * row_weights[part, None]
            total += (weighted.T @ design).astype(object) << (ROW_WEIGHT_BITS if row_weights is None else 0)
        return cls(len(features), tuple(tuple(row) for row in total.tolist()))

    def __add__(self, other: Moments) -> Moments:
        pairs = zip(self.sums, other.sums, strict=True)
        return Moments(self.rows + other.rows, tuple(tuple(a + b for a, b in zip(x, y, strict=True)) for x, y in pairs))

    def real(self, format: Format) -> Matrix:
        """X'X, or the Hessian, as reals."""
        unit = 1 << (2 * format.frac_bits + ROW_WEIGHT_BITS)
        return np.array([[value / unit for value in row] for row in self.sums])
