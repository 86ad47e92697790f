"""HTML that cannot be forgotten to be escaped: any text is, but what `element` has made."""

from __future__ import annotations

from html import escape

VOID = frozenset({"br", "col", "meta"})
"""Elements of HTML that have no end."""


class Html(str):
    """HTML as it is. Joined to other text by anything but `joined`, it is plain text again, and would be escaped."""

    __slots__ = ()


def joined(*parts: str) -> Html:
    """Parts one after the other; those that are plain text are escaped."""
    return Html("".join(part if isinstance(part, Html) else _escaped(part) for part in parts))


def element(tag: str, /, *content: str, **attributes: str | float | bool | None) -> Html:
    """One element around its content. Plain text is escaped, and so are all values of attributes.

    An underscore at an attribute's end is left out, any other is a hyphen: ``class_``, ``aria_label``. True is an
    attribute without a value, None and False are none.
    """
    said = "".join(_attribute(key, value) for key, value in attributes.items())
    if tag in VOID:
        return Html(f"<{tag}{said}>")
    return Html(f"<{tag}{said}>{joined(*content)}</{tag}>")


def _attribute(key: str, value: str | float | bool | None) -> str:
    name = key.removesuffix("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{_escaped(_shown(value))}"'


def _escaped(text: str) -> str:
    """Text that means itself, in HTML and in quotes; halves of characters, which no file can hold, are replaced."""
    return escape(text.encode(errors="replace").decode())


def _shown(value: str | float) -> str:
    """A number in few digits: coordinates of charts."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
