"""A chart of bars that lie on each other's end: how something is made up, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from twopm_zk.html.elements import Html, element
from twopm_zk.html.parts import look
from twopm_zk.html.scales import Scale, chart, line, shown, text

WIDTH = 440.0
_ROW, _LEFT, _RIGHT = 26.0, 34.0, 396.0


@dataclass(frozen=True)
class Bar:
    """One line: its name, and its parts, in the order of the series."""

    name: str
    parts: Sequence[float]


def bars(key: str, title: str, names: Sequence[str], found: Sequence[Bar], *, across: str) -> Html:
    """One line of parts for each bar; ``names`` are those of the parts, ``across`` is what is measured."""
    scale = Scale.around([0.0, *(sum(one.parts) for one in found)], _LEFT, _RIGHT)
    bottom = _ROW * len(found) + 4
    drawn = [
        *(line(at, 0, at, bottom, "grid") for _, at in scale.labels()),
        *(text(label, at, bottom + 16, "soft middle") for label, at in scale.labels()),
        text(across, WIDTH / 2, bottom + 33, "soft middle"),
        *(_bar(one, _ROW * place + 4, scale) for place, one in enumerate(found)),
    ]
    said = "; ".join(f"{one.name}: {shown(sum(one.parts))}" for one in found)
    return chart(key, title, f"{across}, made up of {', '.join(names)}. {said}.", WIDTH, bottom + 38, *drawn)


def _bar(one: Bar, top: float, scale: Scale) -> Html:
    drawn, below = [], 0.0
    for place, part in enumerate(one.parts):
        start, end = scale.place(below), scale.place(below + part)
        drawn.append(element("rect", x=start, y=top, width=end - start, height=_ROW - 8, class_=f"bar {look(place)}"))
        below += part
    label = text(one.name, _LEFT - 8, top + 14, "soft end")
    return element("g", label, *drawn, text(shown(round(below, 1)), scale.place(below) + 6, top + 14, "soft"))
