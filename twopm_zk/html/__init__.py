"""Pieces of pages that are one file: text is escaped unless it is HTML already, nothing is loaded, and nothing runs."""

from twopm_zk.html.bars import Bar, bars
from twopm_zk.html.elements import Html, element, joined
from twopm_zk.html.forest import Interval, forest
from twopm_zk.html.lines import Series, lines
from twopm_zk.html.page import POLICY, page
from twopm_zk.html.parts import (
    Column,
    banner,
    cards,
    definitions,
    details,
    figure,
    folded,
    items,
    paragraph,
    section,
    table,
)

__all__ = [
    "POLICY",
    "Bar",
    "Column",
    "Html",
    "Interval",
    "Series",
    "banner",
    "bars",
    "cards",
    "definitions",
    "details",
    "element",
    "figure",
    "folded",
    "forest",
    "items",
    "joined",
    "lines",
    "page",
    "paragraph",
    "section",
    "table",
]
