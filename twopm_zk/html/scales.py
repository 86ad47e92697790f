"""From values to places in a chart: linear and logarithmic scales with their ticks, and the frame around all charts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from twopm_zk.html.elements import Html, element

_STEPS = (1.0, 2.0, 5.0, 10.0)
_MOST_DECADES = 6
_MOST_DIGITS = 10


@dataclass(frozen=True)
class Scale:
    """Where values between ``low`` and ``high`` are drawn, ``start`` and ``end`` being their places."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    @classmethod
    def around(
        cls, values: Iterable[float], start: float, end: float, *, logarithmic: bool = False, whole: bool = False
    ) -> Scale:
        """A scale that has all values, from one tick to another; ``whole`` for numbers that are counted."""
        known = [value for value in values if math.isfinite(value)] or [1.0]
        low, high = min(known), max(known)
        if logarithmic:
            low, high = 10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high))
            return cls(low, high if high > low else 10 * low, start, end, True)
        if whole:
            return cls(low, high if high > low else low + 1, start, end)
        if low == high:
            low, high = (low - abs(low) / 2, high + abs(high) / 2) if low else (-1.0, 1.0)
        step = _step(low, high, 4)
        return cls(math.floor(low / step) * step, math.ceil(high / step) * step, start, end)

    def place(self, value: float) -> float:
        """Where a value is drawn."""
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = math.log10(low), math.log10(high), math.log10(max(value, low))
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def ticks(self, most: int = 5) -> list[float]:
        """Round values within the scale, about ``most`` of them."""
        if self.logarithmic:
            first, last = round(math.log10(self.low)), round(math.log10(self.high))
            every = math.ceil((last - first + 1) / _MOST_DECADES)
            return [10.0**power for power in range(first, last + 1, every)]
        step = _step(self.low, self.high, most)
        first = math.ceil(self.low / step - 1e-9)
        return [number * step for number in range(first, math.floor(self.high / step + 1e-9) + 1)]

    def labels(self, most: int = 5) -> list[tuple[str, float]]:
        """The ticks in as many digits as tell them apart, and their places."""
        ticks = self.ticks(most)
        step = min((b - a for a, b in pairwise(ticks)), default=1.0)
        digits = max(4, math.ceil(math.log10(max(map(abs, ticks)) / step)) + 1) if not self.logarithmic else 4
        return [(shown(tick, min(digits, _MOST_DIGITS)), self.place(tick)) for tick in ticks]

    def whole_ticks(self, most: int = 8) -> list[int]:
        """Whole numbers within the scale, at most ``most`` of them."""
        step = max(1, math.ceil(_step(self.low, self.high, most)))
        first, last = math.ceil(self.low), math.floor(self.high)
        return list(range(first, last + 1, step))


def _step(low: float, high: float, most: int) -> float:
    """The least round step that makes no more than so many of the way from ``low`` to ``high``."""
    rough = (high - low) / most
    unit = 10.0 ** math.floor(math.log10(rough))
    return next(step * unit for step in _STEPS if step * unit >= rough * (1 - 1e-9))


def shown(value: float, digits: int = 4) -> str:
    """A value at a tick."""
    return f"{value:.{digits}g}".replace("-", "−")


def text(content: str, x: float, y: float, look: str = "") -> Html:
    """Words in a chart."""
    return element("text", content, x=x, y=y, class_=look or None)


def line(x: float, y: float, to_x: float, to_y: float, look: str) -> Html:
    """A straight line in a chart."""
    return element("line", x1=x, y1=y, x2=to_x, y2=to_y, class_=look)


def chart(key: str, title: str, description: str, width: float, height: float, *content: str) -> Html:
    """A drawing as wide as there is room, with a name and words for those who do not see it; ``key`` is unique."""
    return element(
        "svg",
        element("title", title, id=f"{key}-title"),
        element("desc", description, id=f"{key}-desc"),
        *content,
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_labelledby=f"{key}-title",
        aria_describedby=f"{key}-desc",
    )
