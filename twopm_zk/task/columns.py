"""What is publicly known of a column, and constants that follow from it.

A value x becomes (x - centre) / scale, and then a fixed-point integer. The constants are part of the task's
public specification, so they come from public knowledge (a scale's ends, a published mean, the unit in which
something is recorded) and never from a node's rows. With ``unit`` known, a scale of unit * 2^k loses nothing.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass, replace

from twopm_zk.errors import SpecError
from twopm_zk.numbers.fixed_point import FEATURES, Format
from twopm_zk.task.canonical import Json
from twopm_zk.task.scaling import Scaling


def same_name(name: str) -> str:
    """The one spelling of a column's name (Unicode's form NFC): two that look the same are the same."""
    return unicodedata.normalize("NFC", name)


SPREAD = 2.0
"""Ends of a known range are brought near to plus and minus this."""
MAX_POWER = 6
"""Of a factor in a product."""
_FURTHEST = 1e200
"""What a range may be of its unit at most, or as little, so that doubles hold its constants."""
USEFUL_BITS = 9
"""A range that takes fewer bits than these is worth a warning."""


@dataclass(frozen=True)
class Column:
    """A feature: its name, its public constants, and, where they are known, its range and unit."""

    name: str
    centre: float = 0.0
    scale: float = 1.0
    low: float | None = None
    """Smallest value there can be; nodes refuse rows below it."""
    high: float | None = None
    unit: float | None = None
    """Every value is ``low`` (or 0) plus a multiple of it."""
    product: tuple[tuple[str, int], ...] = ()
    """Factors and their powers, where the column is a product; empty where it is the factor of its own name."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", same_name(self.name))
        object.__setattr__(self, "product", tuple((same_name(name), power) for name, power in self.product))

    @property
    def factors(self) -> tuple[tuple[str, int], ...]:
        """What is multiplied, with powers: inputs, or dummies and indicators of them."""
        return self.product or ((self.name, 1),)

    @property
    def scaling(self) -> Scaling:
        """The constants, as tables take them."""
        return Scaling(self.centre, self.scale)

    @property
    def document(self) -> Json:
        """What is known of the column, as JSON."""
        known = {"low": self.low, "high": self.high, "unit": self.unit}
        return {
            "name": self.name,
            "centre": self.centre,
            "scale": self.scale,
            **{key: value for key, value in known.items() if value is not None},
            **({"product": [[name, power] for name, power in self.product]} if self.product else {}),
        }

    def has(self, value: float) -> bool:
        """Whether a value is in the column's own range."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def limits(self, format: Format) -> tuple[float, float]:
        """Smallest and largest value that the specification takes: the column's range, where the format reaches it."""
        half = 0.5 / format.one
        low, high = format.limits
        ends = sorted((self.centre + self.scale * (low - half), self.centre + self.scale * (high + half)))
        known = -math.inf if self.low is None else self.low, math.inf if self.high is None else self.high
        return max(ends[0], known[0]), min(ends[1], known[1])

    def magnitude(self, format: Format) -> float:
        """Largest |x| after scaling: from the range, else all that the format holds."""
        if self.low is None or self.high is None:
            return -format.limits[0]
        return max(abs(self.low - self.centre), abs(self.high - self.centre)) / self.scale

    def loses(self, format: Format) -> float:
        """Largest rounding error of a value, in the column's own unit; 0 where its values are exact."""
        if self.unit is not None:
            first = ((self.low or 0.0) - self.centre) / self.scale * format.one
            steps = self.unit / self.scale * format.one
            if all(math.isclose(value, round(value), rel_tol=1e-9, abs_tol=1e-6) for value in (first, steps)):
                return 0.0
        return self.scale / format.one / 2

    def warnings(self, format: Format) -> list[str]:
        """What one might want to change about the constants."""
        found = []
        lost = self.loses(format)
        if self.unit is not None and lost:
            exact = self.unit * 2.0 ** min(max(round(math.log2(self.scale / self.unit)), 0), format.frac_bits)
            fits = replace(self, scale=exact)
            better = f"a scale of {exact:g} loses less"
            if self.low is not None and fits.magnitude(format) > format.limits[1]:
                better = "a wider format loses less"
            elif not fits.loses(format):
                better = f"a scale of {exact:g} would be exact"
            found.append(
                f"{self.name!r}: steps of {self.unit:g} are rounded by up to {lost:.2g} at a scale of "
                f"{self.scale:g}; {better}"
            )
        if self.low is not None and self.high is not None:
            levels = (self.high - self.low) / self.scale * format.one
            if lost and levels < 1 << USEFUL_BITS:
                found.append(
                    f"{self.name!r}: its whole range takes {max(levels, 1):.0f} steps of {1 << format.bits}; "
                    "choose a smaller scale"
                )
        return found


def choose_column(
    name: str,
    *,
    low: float | None = None,
    high: float | None = None,
    mean: float | None = None,
    sd: float | None = None,
    unit: float | None = None,
    format: Format = FEATURES,
) -> Column:
    """A column with constants from public knowledge: ``low`` and ``high``, or ``mean`` and ``sd``, or all four.

    The range is brought to about plus and minus SPREAD, or the standard deviation to about 1. Scales are powers of
    two times ``unit``, or plain powers of two: dividing by them loses nothing. Raises SpecError where neither pair
    is given, or a pair makes no sense.
    """
    place = f"column {name!r}"
    if (low is None) != (high is None) or (mean is None) != (sd is None) or (low is None and mean is None):
        raise SpecError(f"{place}: give `low` and `high`, or `mean` and `sd`, from public knowledge")
    for key, value in (("low", low), ("high", high), ("mean", mean), ("sd", sd), ("unit", unit)):
        if value is not None and not math.isfinite(value):
            raise SpecError(f"{place}: `{key}` is not finite")
    if unit is not None and unit <= 0:
        raise SpecError(f"{place}: `unit` is {unit:g}; it must be above 0")
    if mean is not None and sd is not None:
        if sd <= 0:
            raise SpecError(f"{place}: `sd` is {sd:g}; it must be above 0")
        middle, wanted = mean, sd
    else:
        assert low is not None  # noqa: S101 (narrows the type)
        assert high is not None  # noqa: S101
        if low >= high:
            raise SpecError(f"{place}: `low` is {low:g}, which is not below `high`, {high:g}")
        middle, wanted = (low + high) / 2, (high - low) / (2 * SPREAD)
    step = 1.0 if unit is None else unit
    if not 1 / _FURTHEST < wanted / step < _FURTHEST:
        raise SpecError(f"{place}: its range and its unit are too far apart, or its range too wide or too narrow")
    power = round(math.log2(wanted / step))
    while True:
        scale = step * 2.0**power
        # a short number, and exact where the unit is: people read it
        grain = scale / 16 if unit is None else unit / 2
        first = 0.0 if unit is None or low is None else low
        centre = float(f"{first + round((middle - first) / grain) * grain:.12g}")
        column = Column(name, centre, scale, low, high, unit)
        if column.low is None or column.magnitude(format) <= format.limits[1]:
            return column
        power += 1
