"""What participants tell whoever watches them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class News:
    """Something that happened; ``values`` are public, or the participant's own and not secret."""

    kind: str
    text: str
    values: Mapping[str, Any] = field(default_factory=dict)


Notify = Callable[[News], None]


def ignore(news: News) -> None:
    """Take news and do nothing with it, for those who do not watch."""
