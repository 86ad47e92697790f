"""Reals as integers and BN254 scalars: q = round(x * 2**frac_bits), ties to even; negatives FIELD_ORDER - |q|.

Twin of circuits/lib/fixed_point.circom and circuits/lib/rounding.circom; change them together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from twopm_zk.errors import BoundError, RangeError
from twopm_zk.numbers.field import FIELD_ORDER


@dataclass(frozen=True)
class Format:
    """A signed fixed-point format: ``bits`` in all, of which ``frac_bits`` are fractional."""

    bits: int
    frac_bits: int

    @property
    def bias(self) -> int:
        """What is added to carry a signed integer as an unsigned one in a circuit."""
        return 1 << (self.bits - 1)

    @property
    def one(self) -> int:
        """The integer that stands for 1.0."""
        return 1 << self.frac_bits

    @property
    def limits(self) -> tuple[float, float]:
        """Smallest and largest real that the format holds."""
        return -self.bias / self.one, (self.bias - 1) / self.one

    def holds(self, value: int) -> bool:
        """Whether the integer ``value`` fits."""
        return -self.bias <= value < self.bias

    def biased(self, value: int) -> int:
        """``value`` in [0, 2^bits); raises RangeError where it does not fit."""
        if not self.holds(value):
            raise RangeError(f"an integer does not fit {self.bits} signed bits")
        return value + self.bias

    def quantize(self, values: npt.ArrayLike, *, name: str = "value") -> npt.NDArray[np.int64]:
        """Nearest integers of ``values`` (any shape), ties to even.

        Raises RangeError at the first value that is not finite or needs more than ``bits`` bits; the message
        says where, never the value.
        """
        reals = np.asarray(values, dtype=np.float64)
        # huge and non-finite values must not overflow the cast: they are found before it
        scaled = np.rint(reals * self.one)
        wrong = ~(np.isfinite(scaled) & (scaled >= -self.bias) & (scaled < self.bias))
        if wrong.any():
            index = tuple(int(i) for i in np.argwhere(wrong)[0])
            place = f"{name}{list(index)}" if index else name
            low, high = self.limits
            raise RangeError(f"{place} is outside [{low:g}, {high:g}]")
        return scaled.astype(np.int64)

    def dequantize(self, values: Iterable[int]) -> npt.NDArray[np.float64]:
        """The reals that integers stand for."""
        return np.array([value / self.one for value in values], dtype=np.float64)


FEATURES = Format(bits=16, frac_bits=12)
"""Default format of centred and scaled features; instances may have another."""
WEIGHTS = Format(bits=32, frac_bits=20)


def to_field(value: int) -> int:
    """A signed integer as a field element; |value| must stay below FIELD_ORDER / 2."""
    if not -FIELD_ORDER // 2 < value <= FIELD_ORDER // 2:
        raise RangeError("an integer does not fit the scalar field")
    return value % FIELD_ORDER


def from_field(element: int) -> int:
    """The signed integer that a field element stands for."""
    if not 0 <= element < FIELD_ORDER:
        raise RangeError("a number is not a field element: it is not in [0, FIELD_ORDER)")
    return element - FIELD_ORDER if element > FIELD_ORDER // 2 else element


def round_half_up(value: int, *, dropped: int) -> int:
    """floor((value + 2^(dropped - 1)) / 2^dropped): ``value`` without its lowest ``dropped`` bits.

    Where ``dropped`` is 0 or less it has as many more, of zeros.
    """
    if dropped <= 0:
        return value << -dropped
    return (value + (1 << (dropped - 1))) >> dropped


@dataclass(frozen=True)
class Bound:
    """The largest magnitude that a named intermediate of a circuit can reach."""

    name: str
    magnitude: int
    limit: int = FIELD_ORDER // 2

    @property
    def bits(self) -> float:
        """log2 of the magnitude."""
        return math.log2(self.magnitude) if self.magnitude else 0.0


def assert_bounds(bounds: Sequence[Bound], *, instance: str) -> None:
    """Raise BoundError at the first intermediate that could reach its limit."""
    for bound in bounds:
        if bound.magnitude >= bound.limit:
            raise BoundError(
                f"instance {instance!r}: {bound.name} can reach 2^{bound.bits:.1f}, "
                f"the limit is 2^{math.log2(bound.limit):.1f}",
                hint="Use fewer rows, features or bits in circuits/circuits.json.",
            )
