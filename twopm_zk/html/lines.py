"""A chart of values over rounds, as lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from twopm_zk.html.elements import Html, element, joined
from twopm_zk.html.parts import look
from twopm_zk.html.scales import Scale, chart, line, text

WIDTH, HEIGHT = 440.0, 250.0
_SMALL_WIDTH, _SMALL_HEIGHT = 220.0, 118.0
_MOST_DOTS = 60


@dataclass(frozen=True)
class Series:
    """Values by whole numbers, such as rounds, in order."""

    name: str
    points: Sequence[tuple[int, float]]


@dataclass(frozen=True)
class _Frame:
    """The edges of the drawing within its chart."""

    left: float
    right: float
    top: float
    bottom: float


def lines(
    key: str,
    title: str,
    series: Sequence[Series],
    *,
    across: str,
    up: str,
    logarithmic: bool = False,
    limit: tuple[str, float] | None = None,
    marked: int | None = None,
    small: bool = False,
) -> Html:
    """One line for each series; ``across`` and ``up`` are what the axes have.

    ``limit`` is a value with its name, drawn as a broken line, ``marked`` the point across that has a full dot. A
    ``small`` chart has no names at its axes.
    """
    numbers = [x for one in series for x, _ in one.points]
    values = [y for one in series for _, y in one.points] + ([limit[1]] if limit is not None else [])
    if logarithmic:
        values = _above_zero(values)
    width, height = (_SMALL_WIDTH, _SMALL_HEIGHT) if small else (WIDTH, HEIGHT)
    frame = _Frame(52, width - 12, 10 if small else 24, height - (20 if small else 38))
    x_scale = Scale.around(numbers, frame.left + 8, frame.right - 8, whole=True)
    y_scale = Scale.around(values, frame.bottom, frame.top, logarithmic=logarithmic)
    y_ticks, x_ticks = y_scale.labels(2 if small else 5), x_scale.whole_ticks(4 if small else 8)
    drawn = [
        *(line(frame.left, at, frame.right, at, "grid") for _, at in y_ticks),
        *(text(label, frame.left - 6, at + 4, "soft end") for label, at in y_ticks),
        line(frame.left, frame.bottom, frame.right, frame.bottom, "axis"),
        *(text(f"{tick}", x_scale.place(tick), frame.bottom + 16, "soft middle") for tick in x_ticks),
    ]
    if not small:
        drawn += [
            text(up, 0, 11, "soft"),
            text(across, (frame.left + frame.right) / 2, height - 4, "soft middle"),
        ]
    if limit is not None:
        at = y_scale.place(limit[1])
        drawn += [line(frame.left, at, frame.right, at, "limit"), text(limit[0], frame.left + 4, at - 5, "soft")]
    drawn += [_line(one, place, x_scale, y_scale, marked) for place, one in enumerate(series)]
    return chart(key, title, _description(series, across, up, limit), width, height, *drawn)


def _above_zero(values: Sequence[float]) -> list[float]:
    positive = [value for value in values if value > 0]
    return positive or [1.0]


def _line(one: Series, place: int, x_scale: Scale, y_scale: Scale, marked: int | None) -> Html:
    points = [(x, x_scale.place(x), y_scale.place(y)) for x, y in one.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for _, x, y in points)
    parts = [element("polyline", points=path, class_=f"line {look(place)}")]
    parts += [
        element("circle", cx=x, cy=y, r=5.0 if at == marked else 3.0, class_="dot full" if at == marked else "dot")
        for at, x, y in points
        if len(points) <= _MOST_DOTS or at == marked
    ]
    return element("g", joined(*parts), class_=look(place))


def _description(series: Sequence[Series], across: str, up: str, limit: tuple[str, float] | None) -> str:
    """The chart in words: where each line begins and ends."""
    said = []
    for one in series:
        (first, begins), (last, ends) = one.points[0], one.points[-1]
        change = f"{begins:.3g} at {first}" + (f", {ends:.3g} at {last}" if last != first else "")
        said.append(f"{one.name}: {change}.")
    if limit is not None:
        said.append(f"{limit[0]}: {limit[1]:.3g}.")
    return f"{up}, by {across}. {' '.join(said)}"
