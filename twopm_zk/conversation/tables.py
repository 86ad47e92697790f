"""Tables of the functions that a language model needs, each entry the nearest integer to its value.

They are made of Python's integers alone: Taylor series and square roots at 128 bits, far more than a table holds. No
function of the C library takes part, whose last bits differ from one library to the next. The tables are digested,
and the digest is compared with the one that is written here.
"""

from __future__ import annotations

import hashlib
from functools import cache
from math import isqrt

import numpy as np
import numpy.typing as npt

from twopm_zk.errors import ToolError

Reals = npt.NDArray[np.float64]

EXP_STEPS = 2048
"""Entries of the table of exp(-x) for each unit of x."""
EXP_END = 19
"""Beyond this x, exp(-x) is nothing in units of 2^-EXP_FRAC."""
EXP_FRAC = 26
SILU_STEPS = 512
"""Entries of the table of x / (1 + exp(x)) for each unit of x."""
SILU_END = 24
SILU_FRAC = 28
GATE_FRAC = 18
"""Fractional bits of what the table is asked for."""
ROTARY_FRAC = 27
TABLES_DIGEST = "675eb04341afa49b2b28e9af2c505ab109fe05a5a0839a5008889177011ba837"
"""SHA-256 of the tables of exp(-x) and x / (1 + exp(x)), as 64-bit little-endian integers."""

_BITS = 128
_ONE = 1 << _BITS


def _rounded(value: int, frac_bits: int) -> int:
    """The nearest multiple of 2^-frac_bits, ties up, of a number of 128 fractional bits."""
    return (value + (1 << (_BITS - frac_bits - 1))) >> (_BITS - frac_bits)


def _exp_of_minus_one_over(steps: int) -> int:
    """The number exp(-1 / steps) with 128 fractional bits."""
    total, term, n = 0, _ONE, 0
    while term:
        total += term if n % 2 == 0 else -term
        n += 1
        term //= n * steps
    return total


def exp_entries() -> list[int]:
    """The entries exp(-i / EXP_STEPS), in units of 2^-EXP_FRAC."""
    ratio, value, entries = _exp_of_minus_one_over(EXP_STEPS), _ONE, []
    for _ in range(EXP_END * EXP_STEPS):
        entries.append(_rounded(value, EXP_FRAC))
        value = value * ratio >> _BITS
    return [*entries, 0]


def silu_entries() -> list[int]:
    """The entries a / (1 + exp(a)) for a = i / SILU_STEPS, in units of 2^-SILU_FRAC.

    For any x, x sigmoid(x) is max(x, 0) less this function of its magnitude.
    """
    ratio, value, entries = _exp_of_minus_one_over(SILU_STEPS), _ONE, []
    for i in range(SILU_END * SILU_STEPS):
        entries.append(_rounded(i * value * _ONE // (SILU_STEPS * (_ONE + value)), SILU_FRAC))
        value = value * ratio >> _BITS
    return [*entries, 0]


@cache
def tables() -> tuple[Reals, Reals, Reals]:
    """The table of exp(-x), that of x / (1 + exp(x)) in units of 2^-GATE_FRAC, and the differences of its neighbours.

    Raises ToolError where they are not those that everybody else has: a damaged Python, or a damaged machine.
    """
    exponential, silu = np.array(exp_entries(), np.int64), np.array(silu_entries(), np.int64)
    if digest_of_integers(exponential, silu) != TABLES_DIGEST:
        raise ToolError("this machine computes other tables than everybody else: its Python or its memory is damaged")
    scaled = silu.astype(np.float64)
    scaled *= 2.0 ** (GATE_FRAC - SILU_FRAC)
    return exponential.astype(np.float64), scaled, np.append(np.diff(scaled), 0.0)


def digest_of_integers(*arrays: npt.NDArray[np.int64]) -> str:
    """SHA-256 of integers as 64-bit little-endian words, each array after its size."""
    total = hashlib.sha256()
    for array in arrays:
        total.update(array.size.to_bytes(8, "little") + array.astype("<i8").tobytes())
    return total.hexdigest()


def rotary(positions: int, half: int, base: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Cosine and sine of position * base^(-i / half), in units of 2^-ROTARY_FRAC: arrays of positions x half.

    ``half`` is a power of two.
    """
    root, left = base << _BITS, half
    while left > 1:  # base^(1 / half), by square roots
        root, left = isqrt(root << _BITS), left // 2
    cosines, sines = np.empty((positions, half), np.int64), np.empty((positions, half), np.int64)
    angle = _ONE
    for i in range(half):
        step_x, step_y = _cos_sin(angle)
        x, y = _ONE, 0
        for position in range(positions):
            cosines[position, i], sines[position, i] = _rounded(x, ROTARY_FRAC), _rounded(y, ROTARY_FRAC)
            x, y = (x * step_x - y * step_y) >> _BITS, (x * step_y + y * step_x) >> _BITS
        angle = (angle << _BITS) // root
    return cosines, sines


def _cos_sin(angle: int) -> tuple[int, int]:
    """Cosine and sine of an angle of at most 1, all with 128 fractional bits: the Taylor series of exp(i angle)."""
    parts, term, n = [0, 0], _ONE, 0
    while term:
        parts[n % 2] += term if n % 4 < 2 else -term
        n += 1
        term = (term * angle >> _BITS) // n
    return parts[0], parts[1]
