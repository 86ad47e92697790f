"""The logistic function as the circuits compute it: one exact polynomial of a 16-bit |z|, saturating.

Twin of circuits/lib/sigmoid.circom; tools/design_sigmoid.py says where the constants come from. The result
is the numerator of 2 sigma(z) - 1 over 2**SCALE_BITS, an exact integer; the error of the sigmoid is at most
MAX_ERROR for every integer z, which a test establishes by visiting every rounding interval.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from twopm_zk.numbers.fixed_point import Bound
from twopm_zk.system import paths

MAX_ERROR = 5e-5
_CONSTANTS = json.loads((paths.circuits_dir() / "lib" / "sigmoid.json").read_text())
SCALE_BITS: int = _CONSTANTS["scale_bits"]
INPUT_BITS: int = _CONSTANTS["input_bits"]
UNIT_DIVISOR: int = _CONSTANTS["unit_divisor"]
UNIT_LOG2: int = _CONSTANTS["unit_log2"]
_SATURATED: int = _CONSTANTS["saturated"]


def dropped_bits(z_frac_bits: int) -> int:
    """How many low bits of UNIT_DIVISOR * |z| are rounded away."""
    return z_frac_bits + UNIT_LOG2


@cache
def polynomial_table() -> tuple[int, ...]:
    """P(T) for every T in [0, 2**INPUT_BITS)."""
    return tuple(_polynomial(every_input())[-1].tolist())


def every_input() -> npt.NDArray[np.object_]:
    """Every T in [0, 2**INPUT_BITS), as integers of any size: a polynomial of all of them at once is quick."""
    return np.arange(1 << INPUT_BITS).astype(object)


def largest_magnitude(values: Any) -> int:
    """Of an integer, or of all in an array."""
    return int(np.max(np.abs(values)))


def _polynomial(T: Any) -> list[Any]:
    """All u_i of the Knuth-Eve form at T, an integer or an array of them; the last one is P(T)."""
    x = T - _CONSTANTS["centre"]
    square = x * x
    u = [_CONSTANTS["lead"] * x + _CONSTANTS["offset"]]
    for alpha, beta in zip(_CONSTANTS["alpha"], _CONSTANTS["beta"], strict=True):
        u.append(u[-1] * (square - alpha) + beta)
    return u


def rounded_input(z: int, *, z_frac_bits: int) -> int:
    """T: |z| in units of the polynomial, rounded half down; at or above 2**INPUT_BITS it saturates."""
    dropped = dropped_bits(z_frac_bits)
    return (abs(z) * UNIT_DIVISOR + (1 << (dropped - 1)) - 1) >> dropped


def sigmoid_numerator(z: int, *, z_frac_bits: int) -> int:
    """Exact integer N with N / 2**SCALE_BITS = 2 sigma(z / 2**z_frac_bits) - 1, to 2 * MAX_ERROR."""
    T = rounded_input(z, z_frac_bits=z_frac_bits)
    value: int = _SATURATED if T >> INPUT_BITS else _polynomial(T)[-1]
    return -value if z < 0 else value


LIMB_BITS = 24


@cache
def polynomial_limbs() -> npt.NDArray[np.int64]:
    """P(T) in limbs of LIMB_BITS bits, lowest first, one row for each T; the last row is the saturated value.

    Sums of limbs times features are exact in 64 bits, where P(T) itself has 172.
    """
    return in_limbs([*polynomial_table(), _SATURATED], bits=LIMB_BITS)


def in_limbs(values: Sequence[int], *, bits: int) -> npt.NDArray[np.int64]:
    """Non-negative integers of any size in limbs of ``bits`` bits, a multiple of 8; (values, limbs), lowest first."""
    count = -(-max(values).bit_length() // bits)
    width = bits // 8
    raw = b"".join(value.to_bytes(count * width, "little") for value in values)
    octets = np.frombuffer(raw, dtype=np.uint8).reshape(len(values), count, width).astype(np.int64)
    limbs: npt.NDArray[np.int64] = (octets << (8 * np.arange(width))).sum(axis=2)
    limbs.setflags(write=False)
    return limbs


def unclipped_inputs(z: npt.NDArray[np.int64], *, z_frac_bits: int) -> npt.NDArray[np.int64]:
    """``rounded_input`` of many z at once, each below 2^63 in magnitude."""
    dropped = dropped_bits(z_frac_bits)
    magnitude = np.abs(z)
    high, low = magnitude >> dropped, magnitude & ((1 << dropped) - 1)
    # |z| times the divisor may leave 64 bits, each part of it does not
    result: npt.NDArray[np.int64] = high * UNIT_DIVISOR + ((low * UNIT_DIVISOR + (1 << (dropped - 1)) - 1) >> dropped)
    return result


def rounded_inputs(z: npt.NDArray[np.int64], *, z_frac_bits: int) -> npt.NDArray[np.int64]:
    """``rounded_input`` of many z at once, each at most 2**INPUT_BITS: there all that saturate end."""
    dropped = dropped_bits(z_frac_bits)
    offset = (1 << (dropped - 1)) - 1
    smallest_saturated = -(-((1 << (INPUT_BITS + dropped)) - offset) // UNIT_DIVISOR)
    # without the minimum a large |z| would leave 64 bits here
    result: npt.NDArray[np.int64] = (np.minimum(np.abs(z), smallest_saturated) * UNIT_DIVISOR + offset) >> dropped
    return result


def sigmoid(z: npt.ArrayLike, *, z_frac_bits: int = 32) -> npt.NDArray[np.float64]:
    """The circuit's sigma of real ``z`` (any shape), for people and plots."""
    reals = np.asarray(z, dtype=np.float64)
    scale = 1 << z_frac_bits
    numerators = [sigmoid_numerator(round(float(v) * scale), z_frac_bits=z_frac_bits) for v in reals.ravel()]
    return np.array([(1 + n / (1 << SCALE_BITS)) / 2 for n in numerators]).reshape(reals.shape)


@cache
def magnitudes() -> tuple[Bound, ...]:
    """Largest magnitude of every intermediate of the polynomial, over all T (exhaustive)."""
    worst = [largest_magnitude(u) for u in _polynomial(every_input())]
    largest_square = max(_CONSTANTS["centre"], (1 << INPUT_BITS) - _CONSTANTS["centre"]) ** 2
    bounds = [Bound("sigmoid square", largest_square)]
    bounds += [Bound(f"sigmoid u[{i}]", value) for i, value in enumerate(worst)]
    bounds.append(Bound("sigmoid value", max(worst[-1], _SATURATED)))
    return tuple(bounds)
