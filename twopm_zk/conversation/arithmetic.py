"""What a language model computes between its products, in integers.

A number of ``frac_bits`` fractional bits is an integer n that stands for n / 2^frac_bits. Integers are held in float64,
which is exact below 2^53; each step below names the largest magnitude it can reach. Steps are sums, differences and
products of such integers, products with powers of two followed by ``rint``, and single quotients and square roots,
whose nearest doubles IEEE 754 demands of every processor. So a result is the same wherever it is computed, in any
order. Values beyond the range of a format are saturated, so that no input leaves the range in which this holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

import numpy as np
import numpy.typing as npt

from twopm_zk.conversation.tables import (
    EXP_END,
    EXP_FRAC,
    EXP_STEPS,
    GATE_FRAC,
    ROTARY_FRAC,
    SILU_END,
    SILU_STEPS,
    tables,
)
from twopm_zk.conversation.weights import ACTIVATION_BITS, WEIGHT_FRAC
from twopm_zk.errors import FileFormatError

Reals = npt.NDArray[np.float64]
Exponents = npt.NDArray[np.int64]

RESIDUAL_FRAC = WEIGHT_FRAC
RESIDUAL_BITS = 46
"""The residual stream is saturated at 2^(RESIDUAL_BITS - RESIDUAL_FRAC), 4 million."""
HEAD_FRAC, HEAD_BITS = 16, 24
"""Queries, keys and values before the rotation: magnitudes up to 256."""
ROTATED_FRAC, ROTATED_BITS = 15, 23
"""Queries and keys after it; 64 products of two of them stay below 2^52."""
GATE_BITS = 26
"""Both factors of a gated unit: magnitudes up to 256, products up to 2^52."""
NORM_BITS = 26
"""Rows, their factors and weights of a norm: each product of two is below 2^53."""
_SQUARE_BITS = 21
HIDDEN = -(2.0**40)
"""What a score is set to so that its probability is 0; no other is below -2^30."""


@dataclass(frozen=True)
class Activations:
    """Rows of integers of at most 2^ACTIVATION_BITS, each with its power of two: values * 2^exponents."""

    values: Reals
    exponents: Exponents

    def __getitem__(self, rows: slice) -> Activations:
        """Some of the rows."""
        return Activations(self.values[rows], self.exponents[rows])


def power_of_two(exponents: Exponents) -> Reals:
    """2^exponents as doubles, from their bits."""
    return ((exponents + 1023) << 52).view(np.float64)


def bit_length(values: Reals) -> Exponents:
    """The number of bits of natural numbers, from the doubles' own exponents; 1 for 0."""
    return (np.maximum(values, 1.0).view(np.int64) >> 52) - 1022


def _largest(values: Reals) -> Reals:
    """The largest magnitude in each row, as a column."""
    found: Reals = np.maximum(values.max(1, keepdims=True), -values.min(1, keepdims=True))
    return found


def to_activations(values: Reals, frac_bits: int | Exponents, out: Activations) -> None:
    """Round each row to the bits of activations, with the power of two that its largest magnitude asks for."""
    shift = bit_length(_largest(values)) - ACTIVATION_BITS
    np.multiply(values, power_of_two(-shift), out=out.values)
    np.rint(out.values, out=out.values)
    out.exponents[:] = shift - frac_bits


def to_format(sums: Reals, exponents: Exponents, *, frac_bits: int, bits: int) -> Reals:
    """Integers times powers of two as integers of ``frac_bits``, saturated at 2^bits; in place."""
    sums *= power_of_two(exponents + frac_bits)
    np.rint(sums, out=sums)
    return np.clip(sums, -(2.0**bits), 2.0**bits, out=sums)


class Norm:
    """Root mean square norm with weights: x / sqrt(mean(x^2) + epsilon) * weights."""

    def __init__(self, weights: Reals, frac_bits: int, epsilon: float) -> None:
        """Take integer weights of at most 2^NORM_BITS. FileFormatError for a row too long to be exact."""
        size = len(weights)
        self.weights = weights
        self._frac_bits = frac_bits
        # sums of squares are in units of 4^(e - 19), where e is the power of two that a row is shortened by
        self._least = -_SQUARE_BITS
        while (epsilons := self._epsilons(size, epsilon))[0] >= 1 << 48:
            self._least += 1
        if (size << 2 * _SQUARE_BITS) + epsilons[0] >= 1 << 52:
            raise FileFormatError("a model's rows are too long for sums of squares that are exact")
        self._epsilon: Reals = np.array(epsilons, np.float64)
        self._root_bits = 50 - (isqrt(size << 64).bit_length() - 33)
        self._root = float(isqrt(size << 2 * self._root_bits))

    def _epsilons(self, size: int, epsilon: float) -> list[int]:
        """The sum of a row of epsilons, rounded down, in units of each power of two from the least on."""
        numerator, denominator = epsilon.as_integer_ratio()
        powers = range(self._least, RESIDUAL_BITS - NORM_BITS + 2)
        units = RESIDUAL_FRAC - NORM_BITS + _SQUARE_BITS
        return [(size * numerator << 2 * (units - power)) // denominator for power in powers if power <= units] + [
            size * numerator // (denominator << 2 * (power - units)) for power in powers if power > units
        ]

    def apply(self, rows: Reals, out: Activations) -> None:
        """The norm of rows of the residual stream."""
        shift = np.maximum(bit_length(_largest(rows)) - NORM_BITS, self._least)
        shortened = rows * power_of_two(-shift)
        np.rint(shortened, out=shortened)  # at most 2^26
        small = shortened * 2.0 ** (_SQUARE_BITS - NORM_BITS)
        np.rint(small, out=small)
        squares = (
            np.einsum("ij,ij->i", small, small)[:, None] + self._epsilon[shift - self._least]
        )  # below 2^52, checked above
        doubling = (52 - bit_length(squares)) >> 1
        root = np.floor(np.sqrt(np.maximum(squares, 1.0) * power_of_two(2 * doubling)))  # from 2^25 to 2^26
        factor = np.floor(self._root / root)  # below 2^26
        shortened *= factor * 2.0**-NORM_BITS
        np.rint(shortened, out=shortened)  # at most 2^26
        shortened *= self.weights
        to_activations(shortened, 0, out)
        # x / rms = shortened * factor * 2^(doubling - root_bits - 5)
        out.exponents[:] += doubling + (_SQUARE_BITS - self._root_bits - self._frac_bits)


def exp_of_minus(steps: Reals) -> Reals:
    """The numbers exp(-steps / EXP_STEPS), in units of 2^-EXP_FRAC, of steps of at most 26 fractional bits, at least 0.

    From the table, and to first order between its entries, which is right to 2^-23 of the value. ``steps`` is used up.
    """
    table = tables()[0]
    np.minimum(steps, float(EXP_END * EXP_STEPS), out=steps)
    place = steps.astype(np.intp)  # rounded down
    steps -= place
    found: Reals = table[place]
    steps *= found
    steps *= -1.0 / EXP_STEPS
    np.rint(steps, out=steps)
    found += steps
    return found


def softmax(scores: Reals) -> Reals:
    """Probabilities in units of 2^-EXP_FRAC for scores in units of 1 / EXP_STEPS. ``scores`` is used up.

    A quotient of numbers below 2^53 is the nearest double on every machine, and ``rint`` of it an integer.
    """
    np.subtract(scores.max(1, keepdims=True), scores, out=scores)
    found = exp_of_minus(scores)
    found /= found.sum(1, keepdims=True) * 2.0**-EXP_FRAC
    return np.rint(found, out=found)


def gated(gate: Reals, up: Reals) -> Reals:
    """The integers silu(gate) * up, of 2 GATE_FRAC fractional bits and at most 2^52; ``gate`` and ``up`` are used up.

    silu(x) = x / (1 + exp(-x)) = max(x, 0) - h(|x|), and h is taken from its table, linear between entries.
    """
    _, table, differences = tables()
    steps = np.abs(gate)
    steps *= SILU_STEPS * 2.0**-GATE_FRAC
    np.minimum(steps, float(SILU_END * SILU_STEPS), out=steps)
    place = steps.astype(np.intp)  # rounded down
    steps -= place
    steps *= differences[place]
    steps += table[place]  # in units of 2^-GATE_FRAC, and exact: their fractions have 21 bits at most
    np.rint(steps, out=steps)
    np.maximum(gate, 0.0, out=gate)
    gate -= steps
    up *= gate
    return up


def rotate(heads: Reals, cosines: Reals, sines: Reals) -> Reals:
    """Turn pairs of components of heads (n x heads x size), whose first halves hold the first of each pair.

    From HEAD_FRAC fractional bits to ROTATED_FRAC, saturated.
    """
    half = heads.shape[-1] // 2
    a, b = heads[..., :half], heads[..., half:]
    out = np.empty_like(heads)
    np.subtract(a * cosines, b * sines, out=out[..., :half])
    np.add(a * sines, b * cosines, out=out[..., half:])
    out *= 2.0 ** (ROTATED_FRAC - HEAD_FRAC - ROTARY_FRAC)
    np.rint(out, out=out)
    return np.clip(out, -(2.0**ROTATED_BITS), 2.0**ROTATED_BITS, out=out)
