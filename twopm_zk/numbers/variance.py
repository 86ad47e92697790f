"""The variance function sigma'(z) = sigma(z) (1 - sigma(z)) as the circuits compute it: one exact polynomial of |z|.

Twin of circuits/lib/variance.circom; tools/design_variance.py says where the constants come from. |z| is rounded as for
the sigmoid; beyond its table the result is 0.
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

_CONSTANTS = json.loads((paths.circuits_dir() / "lib" / "variance.json").read_text())
SCALE_BITS: int = _CONSTANTS["scale_bits"]
LIMB_BITS = 8
RELATIVE_ERROR = 1e-3
"""Of the result within the table, with ``ABSOLUTE_ERROR`` beside it: both together are enough for every z."""
ABSOLUTE_ERROR = 1e-5
"""What the result may differ from sigma' by, beside ``RELATIVE_ERROR``."""
BEYOND = 5.4e-5
"""sigma' is below this wherever the result is 0 because |z| is beyond the sigmoid's table."""


def _horner(T: Any) -> list[Any]:
    """All u_i at T, an integer or an array of them; the last one is the value."""
    u: list[Any] = [_CONSTANTS["coefficients"][0]]
    for coefficient in _CONSTANTS["coefficients"][1:]:
        u.append(u[-1] * (T - _CONSTANTS["centre"]) + coefficient)
    return u


@cache
def table() -> tuple[int, ...]:
    """The numerator of sigma' for every T in [0, 2**INPUT_BITS) of the sigmoid."""
    return tuple(_horner(sigmoid.every_input())[-1].tolist())


def variance_numerator(z: int, *, z_frac_bits: int) -> int:
    """Exact integer N with N / 2**SCALE_BITS nearly sigma'(z / 2**z_frac_bits)."""
    T = sigmoid.rounded_input(z, z_frac_bits=z_frac_bits)
    return 0 if T >> sigmoid.INPUT_BITS else int(_horner(T)[-1])


@cache
def limbs() -> npt.NDArray[np.int64]:
    """The table in limbs of LIMB_BITS bits, lowest first, one row for each T; the last row, beyond the table, is 0."""
    return sigmoid.in_limbs([*table(), 0], bits=LIMB_BITS)


@cache
def magnitudes() -> tuple[Bound, ...]:
    """Largest magnitude of every intermediate of the polynomial, over all T (exhaustive)."""
    worst = [sigmoid.largest_magnitude(u) for u in _horner(sigmoid.every_input())]
    return tuple(Bound(f"variance u[{i}]", value) for i, value in enumerate(worst))
