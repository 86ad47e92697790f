"""How well a probability predicts, as the evaluation circuit computes it: log-loss, squared error, and a bin.

Twin of circuits/lib/evaluation.circom; tools/design_evaluation.py says where the constants come from. |z| is rounded as
for the sigmoid; beyond its table loss and squared error are constants, and |z| itself is added without a limit.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from twopm_zk.numbers import sigmoid
from twopm_zk.numbers.fixed_point import Bound
from twopm_zk.system import paths

_CONSTANTS = json.loads((paths.circuits_dir() / "lib" / "evaluation.json").read_text())
LOSS_SCALE_BITS: int = _CONSTANTS["loss_scale_bits"]
LOSS_DIVISOR = sigmoid.UNIT_DIVISOR
"""The circuit sums so many times the log-loss, so that |z| needs no division."""
ERROR_SCALE_BITS = sigmoid.SCALE_BITS + 2
"""Of the squared error; a quarter of what the circuit sums at the sigmoid's own scale."""
BINS = 2 * len(_CONSTANTS["edges"])
SCORES = 2 + 2 * BINS
"""Sums: log-loss, squared error, rows of class 0 by bin of their probability, those of class 1."""
PROBABILITY_EDGES: tuple[float, ...] = (
    0.0,
    *(1 - p for p in reversed(_CONSTANTS["probabilities"][1:])),
    *_CONSTANTS["probabilities"],
    1.0,
)
"""Edges of the bins of the probability, lowest first; each bin holds its lower edge, and the last one 1."""
LOSS_ERROR = 1.02e-4
"""What the log-loss of a row may differ by from the true one, for every z: half a unit of |z|, 7.52e-5, where its sign
is wrong, and 2.65e-5 beyond the table, where log(1 + e^-|z|) is a constant."""
SQUARED_ERROR_ERROR = 7e-5
"""Likewise its squared error: 6e-5 of it are the polynomials'."""
BIN_LANE = 12
"""Bits of each bin where counts share a number: a count, and a sign."""
CROSSED_SHIFT = LOSS_SCALE_BITS + sigmoid.UNIT_LOG2
"""log2 of what a unit of T counts in the summed loss where the sign of z is wrong."""
LIMB_BITS = 24


def _horner(coefficients: list[int], T: Any) -> list[Any]:
    """All u_i at T, an integer or an array of them; the last one is the value."""
    u: list[Any] = [coefficients[0]]
    for coefficient in coefficients[1:]:
        u.append(u[-1] * (T - _CONSTANTS["centre"]) + coefficient)
    return u


@cache
def _inside(name: str) -> tuple[npt.NDArray[np.object_], tuple[int, ...]]:
    """A polynomial for every T in [0, 2**INPUT_BITS), and the largest magnitude of each u_i over all of them."""
    u = _horner(_CONSTANTS[name], sigmoid.every_input())
    return u[-1], tuple(sigmoid.largest_magnitude(values) for values in u)


@cache
def loss_table() -> tuple[int, ...]:
    """13 log(1 + e^-|z|) over 2^-LOSS_SCALE_BITS for every T in [0, 2**INPUT_BITS), and at last beyond the table."""
    return (*_inside("loss")[0].tolist(), _CONSTANTS["loss_far"])


@cache
def square_table() -> tuple[int, ...]:
    """1 + tanh(|z| / 2)^2 at the sigmoid's scale, likewise."""
    one = 1 << sigmoid.SCALE_BITS
    return (*(one + _inside("square")[0]).tolist(), one + _CONSTANTS["square_far"])


@cache
def loss_limbs() -> npt.NDArray[np.int64]:
    """`loss_table` in limbs of LIMB_BITS bits, lowest first, one row for each T."""
    return sigmoid.in_limbs(loss_table(), bits=LIMB_BITS)


@cache
def square_limbs() -> npt.NDArray[np.int64]:
    """`square_table` likewise."""
    return sigmoid.in_limbs(square_table(), bits=LIMB_BITS)


def bins(T: npt.NDArray[np.int64], negative: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """The bin of the probability for each T, beyond the table included, and sign of z; 0 is the lowest.

    Where T is 0 the sign does not count: then the bin is the one from 1/2 up.
    """
    half = BINS // 2
    bin_of_magnitude = np.searchsorted(np.array(_CONSTANTS["edges"]), T, side="right") - 1
    below = negative & (T > 0)
    return np.where(below, half - 1 - bin_of_magnitude, half + bin_of_magnitude)


@cache
def magnitudes() -> tuple[Bound, ...]:
    """Largest magnitude of every intermediate of both polynomials, over all T (exhaustive)."""
    return tuple(
        Bound(f"{name} u[{i}]", value) for name in ("loss", "square") for i, value in enumerate(_inside(name)[1])
    )
