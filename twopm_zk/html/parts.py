"""Parts of a page: tables, banners, cards, lists, and figures around charts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from twopm_zk.html.elements import Html, element, joined


@dataclass(frozen=True)
class Column:
    """A column of a table: its header, and how its cells look."""

    name: str
    left: bool = False
    """Whether it is text, and begins at the left."""
    wide: bool = False
    """Whether its texts are long and may be broken."""

    @property
    def look(self) -> str | None:
        """Class names of its cells."""
        shape = "wide" if self.wide else "short"
        return f"left {shape}" if self.left or self.wide else shape


def table(name: str, columns: Sequence[Column | str], rows: Iterable[Sequence[str]]) -> Html:
    """A table that is called ``name`` for those who do not see it; the first cell of a row is its header.

    A column that is only named has numbers.
    """
    known = [Column(one) if isinstance(one, str) else one for one in columns]
    head = element("tr", *(element("th", one.name, scope="col", class_=one.look) for one in known))
    body = (
        element(
            "tr",
            *(
                element("td" if place else "th", cell, class_=one.look, scope=None if place else "row")
                for place, (one, cell) in enumerate(zip(known, row, strict=True))
            ),
        )
        for row in rows
    )
    return scrolling(name, element("table", element("thead", head), element("tbody", *body)))


def scrolling(name: str, content: str) -> Html:
    """Something wide, which scrolls by itself where a screen is narrow, by keyboard too."""
    return element("div", content, class_="scroll", role="region", aria_label=name, tabindex=0)


def banner(title: str, text: str, *, good: bool = False, bad: bool = False) -> Html:
    """What nobody should miss."""
    look = "banner good" if good else "banner bad" if bad else "banner"
    return element("div", element("b", title), text, class_=look, role="alert" if bad else None)


def cards(facts: Mapping[str, str]) -> Html:
    """Short figures by what they are."""
    return element(
        "dl",
        *(element("div", element("dt", key), element("dd", value), class_="card") for key, value in facts.items()),
        class_="cards",
    )


def definitions(facts: Mapping[str, str]) -> Html:
    """Longer texts by what they are."""
    pairs = (joined(element("dt", key), element("dd", value)) for key, value in facts.items())
    return element("dl", *pairs, class_="facts")


def items(texts: Iterable[str]) -> Html:
    """A list."""
    return element("ul", *(element("li", text) for text in texts))


def paragraph(*content: str) -> Html:
    """A paragraph, or nothing where there is no content."""
    return element("p", *content) if any(content) else Html()


def section(title: str, *content: str) -> Html:
    """A part of the page with its heading, or nothing where there is no content."""
    return element("section", element("h2", title), *content) if any(content) else Html()


def details(summary: str, *content: str) -> Html:
    """What is shown when somebody asks for it, and on paper."""
    return element("details", element("summary", summary), *content)


def folded(what: str, content: Html, count: int) -> Html:
    """Content of so many parts: as it is where these are few, else shown when somebody asks for it."""
    return content if count <= _MOST_SHOWN else details(f"{what}: {count:,}", content)


def figure(chart: str, caption: str, *, legend: Sequence[str] = (), filled: bool = False) -> Html:
    """A chart with what it shows in words, and names for its series: lines, or ``filled`` bars."""
    names = (element("li", _swatch(place, filled), element("span", name)) for place, name in enumerate(legend))
    listed = element("ul", *names, class_="legend") if legend else Html()
    return element("figure", chart, element("figcaption", listed, caption))


def _swatch(place: int, filled: bool) -> Html:
    if filled:
        drawn = element("rect", x=14, y=0, width=14, height=12, class_=f"bar {look(place)}")
    else:
        drawn = element("line", x1=0, y1=6, x2=28, y2=6, class_=f"line {look(place)}")
    return element("svg", drawn, viewBox="0 0 28 12", aria_hidden="true")


_MOST_SHOWN = 40
SERIES = 6
"""Looks of series that can be told apart."""


def look(place: int) -> str:
    """The class of a series by its place; colours come again where there are many."""
    return f"s{place % SERIES}"
