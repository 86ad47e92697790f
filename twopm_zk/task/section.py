"""One table of a specification's file, of which every key has to be known."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TypeVar

from twopm_zk.errors import SpecError
from twopm_zk.task.inputs import level_text

T = TypeVar("T")
_NAMES = {str: "a text", bool: "true or false", int: "an integer", float: "a number", list: "a list", dict: "a table"}
_REFUSED = {
    "offset": "a coefficient fixed at 1 would need a column of its own in every circuit",
}


class Section:
    """One table of the file; remembers which keys were asked for, so that any other is an error."""

    def __init__(self, content: object, path: str) -> None:
        if not isinstance(content, Mapping):
            raise SpecError(f"`{path}` is not a table" if path else "a specification is a table of keys")
        self.content, self.path = content, path
        self.known: list[str] = []

    def __contains__(self, key: str) -> bool:
        return key in self.content

    def take(self, key: str, kind: type[T], default: T | None = None) -> T:
        """The value of ``key``, an integer also where a number is asked for; SpecError where it is missing."""
        value = self.optional(key, kind)
        if value is not None:
            return value
        if default is None:
            raise SpecError(f"`{self._place(key)}` is missing; it is {_NAMES[kind]}")
        return default

    def optional(self, key: str, kind: type[T]) -> T | None:
        """The value of ``key``, or None."""
        self.known.append(key)
        value = self.content.get(key)
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            try:
                value = float(value)
            except OverflowError:
                raise SpecError(f"`{self._place(key)}` is too large") from None
        if value is not None and (not isinstance(value, kind) or isinstance(value, bool) is not (kind is bool)):
            raise SpecError(f"`{self._place(key)}` is not {_NAMES[kind]}")
        return value

    def value(self, key: str) -> object:
        """The value of ``key``, whatever it is, or None."""
        self.known.append(key)
        return self.content.get(key)

    def section(self, key: str) -> Section:
        """A table below this one; empty where there is none."""
        self.known.append(key)
        return Section(self.content.get(key, {}), self._place(key))

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, or of numbers, which are texts from here on; empty where there is none."""
        values = self.optional(key, list) or []
        return tuple(level_text(value, f"`{self._place(key)}`: a value") for value in values)

    def done(self) -> None:
        """SpecError for the first key that nobody asked for."""
        for key in self.content:
            if key not in self.known and key in _REFUSED:
                raise SpecError(f"`{self._place(str(key))}` is refused: {_REFUSED[key]}")
            if key not in self.known:
                close = difflib.get_close_matches(str(key), self.known, n=1)
                allowed = f"Did you mean `{close[0]}`?" if close else f"Known here: {', '.join(sorted(self.known))}."
                raise SpecError(f"`{self._place(str(key))}` is no key of a specification", hint=allowed)

    def _place(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key
