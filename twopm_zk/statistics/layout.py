"""Tables of a summary as text, in statsmodels' layout, and as HTML with its class names."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH = 78
_HALF = WIDTH // 2 - 1


@dataclass(frozen=True)
class Pairs:
    """Names and values in two columns of pairs."""

    left: tuple[tuple[str, str], ...]
    right: tuple[tuple[str, str], ...]
    title: str = ""


@dataclass(frozen=True)
class Rows:
    """A table with a header and a name before each row."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """Each begins with its name."""
    title: str = ""


@dataclass(frozen=True)
class Content:
    """All that a summary shows, in its order."""

    title: str
    tables: tuple[Pairs | Rows, ...]
    sentences: tuple[tuple[str, str], ...]
    """What is proven of each part: its name, and a sentence."""
    notes: tuple[str, ...] = field(default=())


def as_text(content: Content) -> str:
    """The summary for a terminal, at most 78 columns wide unless a name is long."""
    lines = [content.title.center(WIDTH).rstrip(), "=" * WIDTH]
    for table in content.tables:
        if table.title:
            lines += [table.title.center(WIDTH).rstrip(), "-" * WIDTH]
        lines += _pairs(table) if isinstance(table, Pairs) else _rows(table)
        lines.append("=" * WIDTH)
    widest = max(len(name) for name, _ in content.sentences) + 2
    for name, sentence in content.sentences:
        start = f"{name}:".ljust(widest)
        lines += textwrap.wrap(sentence, WIDTH, initial_indent=start, subsequent_indent=" " * widest)
    if content.notes:
        lines += ["", "Notes:"]
        for number, note in enumerate(content.notes, start=1):
            start = f"[{number}] "
            lines += textwrap.wrap(note, WIDTH, initial_indent=start, subsequent_indent=" " * len(start))
    return "\n".join(lines)


def _pairs(table: Pairs) -> list[str]:
    lines = []
    for index in range(max(len(table.left), len(table.right))):
        cells = [side[index] if index < len(side) else ("", "") for side in (table.left, table.right)]
        halves = [_pair(name, value) for name, value in cells]
        lines.append("  ".join(halves).rstrip())
    return lines


def _pair(name: str, value: str) -> str:
    start = f"{name}:" if name else ""
    return f"{start}{value.rjust(_HALF - len(start))}"


def _rows(table: Rows) -> list[str]:
    first = max([15, *(len(row[0]) for row in table.rows)])
    width = max(9, (WIDTH - first) // max(len(table.header), 1))
    lines = [" " * first + "".join(cell.rjust(width) for cell in table.header), "-" * WIDTH]
    for name, *cells in table.rows:
        lines.append(name.ljust(first) + "".join(cell.rjust(width) for cell in cells))
    return lines


def as_html(content: Content) -> str:
    """The summary for a notebook; every text in it is escaped."""
    parts = []
    for number, table in enumerate(content.tables):
        title = table.title or (content.title if not number else "")
        caption = f"<caption>{escape(title)}</caption>" if title else ""
        body = _html_pairs(table) if isinstance(table, Pairs) else _html_rows(table)
        parts.append(f'<table class="simpletable">{caption}{body}</table>')
    said = "".join(f"<li>{escape(name)}: {escape(sentence)}</li>" for name, sentence in content.sentences)
    parts.append(f"<ul>{said}</ul>")
    if content.notes:
        parts.append(f"<ol>{''.join(f'<li>{escape(note)}</li>' for note in content.notes)}</ol>")
    return f'<div class="twopm-summary">{"".join(parts)}</div>'


def _html_pairs(table: Pairs) -> str:
    lines = []
    for index in range(max(len(table.left), len(table.right))):
        cells = [side[index] if index < len(side) else ("", "") for side in (table.left, table.right)]
        lines.append(_html_row([(name, value) for name, value in cells]))
    return "".join(lines)


def _html_row(pairs: Sequence[tuple[str, str]]) -> str:
    cells = (f"<th>{escape(name)}{':' if name else ''}</th><td>{escape(value)}</td>" for name, value in pairs)
    return f"<tr>{''.join(cells)}</tr>"


def _html_rows(table: Rows) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.header)
    lines = [f"<tr><td></td>{head}</tr>"]
    for name, *cells in table.rows:
        values = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        lines.append(f"<tr><th>{escape(name)}</th>{values}</tr>")
    return "".join(lines)
