"""A forest chart: an estimate and its interval on each line, over one axis with 0 on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from twopm_zk.html.elements import Html, element
from twopm_zk.html.scales import Scale, chart, line, text

WIDTH = 440.0
_ROW, _LEFT, _RIGHT = 42.0, 10.0, 430.0
_AXIS = 28.0
_LONGEST = 34
"""Letters of a name that have room beside its figures."""


@dataclass(frozen=True)
class Interval:
    """An estimate; ``low`` and ``high`` are nan where it has no interval."""

    name: str
    value: float
    low: float
    high: float
    figures: str
    """What is written beside the name."""

    @property
    def known(self) -> bool:
        """Whether there is an interval."""
        return math.isfinite(self.low) and math.isfinite(self.high)


def forest(key: str, title: str, intervals: Sequence[Interval], *, across: str) -> Html:
    """One line for each interval; ``across`` is what the axis has."""
    ends = [end for one in intervals for end in (one.value, one.low, one.high)]
    scale = Scale.around([0.0, *ends], _LEFT, _RIGHT)
    bottom = _ROW * len(intervals) + 4
    zero = scale.place(0.0)
    drawn = [
        *(line(at, 0, at, bottom, "grid") for _, at in scale.labels() if at != zero),
        line(zero, 0, zero, bottom, "limit"),
        line(_LEFT, bottom, _RIGHT, bottom, "axis"),
        *(text(label, at, bottom + 15, "soft middle") for label, at in scale.labels()),
        text(across, WIDTH / 2, bottom + _AXIS + 5, "soft middle"),
        *(_row(one, _ROW * place, scale) for place, one in enumerate(intervals)),
    ]
    said = "; ".join(f"{one.name}: {one.figures}" for one in intervals)
    return chart(key, title, f"{across}. {said}.", WIDTH, bottom + _AXIS + 10, *drawn)


def _row(one: Interval, top: float, scale: Scale) -> Html:
    name = one.name if len(one.name) <= _LONGEST else f"{one.name[: _LONGEST - 1]}…"
    at, middle = scale.place(one.value), top + 29
    drawn = [text(name, _LEFT, top + 15, "name"), text(one.figures, _RIGHT, top + 15, "end")]
    if one.known:
        low, high = scale.place(one.low), scale.place(one.high)
        drawn += [line(low, middle, high, middle, "line")]
        drawn += [line(end, middle - 5, end, middle + 5, "line") for end in (low, high)]
    drawn.append(element("circle", cx=at, cy=middle, r=4.5, class_="dot full"))
    return element("g", *drawn, class_="s0")
