"""How the cells of one column of the data become numbers, where that takes more than reading a number.

A column may hold one of several public categories, of which all but the first (the reference level) get a dummy column;
a missing cell may stand for a public constant, with an indicator column; a number may be held between public ends
(winsorised) and then enter as log(1 + x). All of it is public and the same for every row: nothing is learnt from data.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Literal

from twopm_zk.errors import SpecError
from twopm_zk.task.canonical import Json, number
from twopm_zk.task.columns import Column, same_name

Transform = Literal["log1p"]
Range = tuple[float, float]
MAX_CATEGORIES = 1000
INDICATOR = "missing"


def factor_name(name: str, part: str) -> str:
    """The name of a dummy or of an indicator: ``ward[B]``, ``age[missing]``."""
    return f"{name}[{part}]"


def level_text(value: object, place: str) -> str:
    """A category or class as a text, a number as the shortest that is the same. SpecError for anything else."""
    if isinstance(value, str):
        text = same_name(value.strip())
    elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max:
        text = number(float(value))
    else:
        raise SpecError(f"{place} is neither a text nor a number")
    if not text or not text.isprintable():
        raise SpecError(f"{place} is empty or cannot be printed")
    return text


def binary_column(name: str) -> Column:
    """A column of 0 and 1, which is exact in any format."""
    return Column(name, 0.0, 1.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class Input:
    """A column of the data: ``low``, ``high`` and ``missing`` in its own units, before any transform."""

    name: str
    low: float | None = None
    high: float | None = None
    categories: tuple[str, ...] = ()
    """The first is the reference level, which has no dummy."""
    missing: float | str | None = None
    """What a missing cell stands for; None where it is refused."""
    transform: Transform | None = None
    winsorise: Range | None = None
    """Values beyond these ends are taken as the ends."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", same_name(self.name))
        self._check()

    @property
    def plain(self) -> bool:
        """Whether nothing is done but to read a number."""
        return not self.categories and self.missing is None and self.transform is None and self.winsorise is None

    @property
    def dummies(self) -> tuple[str, ...]:
        """Names of the dummy columns, one for each category but the first."""
        return tuple(factor_name(self.name, level) for level in self.categories[1:])

    @property
    def indicator(self) -> str | None:
        """The name of the column that is 1 where a cell is missing."""
        return None if self.missing is None else factor_name(self.name, INDICATOR)

    @property
    def made(self) -> tuple[str, ...]:
        """Names of the columns that are made of it: its dummies and its indicator."""
        return self.dummies if self.indicator is None else (*self.dummies, self.indicator)

    @property
    def main(self) -> tuple[str, ...]:
        """The factors that stand for the column in a model: its number, or its dummies."""
        return self.dummies if self.categories else (self.name,)

    @property
    def factors(self) -> tuple[str, ...]:
        """All that columns of the model can be made of."""
        return self.main if self.indicator is None else (*self.main, self.indicator)

    @property
    def _ends(self) -> Range | None:
        """Smallest and largest number after winsorising, before any transform."""
        if self.winsorise is not None:
            return self.winsorise
        return None if self.low is None or self.high is None else (self.low, self.high)

    @property
    def range(self) -> Range | None:
        """Smallest and largest number after winsorising and transform; None where no ends are known."""
        ends = self._ends
        if ends is None or self.transform is None:
            return ends
        # few enough digits that every machine has the same: they are part of what is hashed
        return float(f"{math.log1p(ends[0]):.12g}"), float(f"{math.log1p(ends[1]):.12g}")

    @property
    def document(self) -> Json:
        """What is not the default, as JSON."""
        known: dict[str, Json] = {
            "low": self.low,
            "high": self.high,
            "categories": list(self.categories) or None,
            "missing": self.missing,
            "transform": self.transform,
            "winsorise": None if self.winsorise is None else list(self.winsorise),
        }
        return {"name": self.name, **{key: value for key, value in known.items() if value is not None}}

    def _check(self) -> None:
        place = f"{self.name!r}"
        numbers = (self.low, self.high, *(self.winsorise or ()))
        if any(value is not None and not math.isfinite(value) for value in numbers):
            raise SpecError(f"{place}: `low`, `high` and `winsorise` are finite numbers")
        if (self.low is None) != (self.high is None) or (self.low is not None and self.low >= (self.high or 0.0)):
            raise SpecError(f"{place}: `low` and `high` come together, and `low` is the smaller")
        if self.categories:
            self._check_categories(place)
            return
        if self.winsorise is not None:
            low, high = self.winsorise
            if low >= high or (self.low is not None and low < self.low) or (self.high is not None and high > self.high):
                raise SpecError(f"{place}: `winsorise` is two ends within `low` and `high`, the smaller first")
        if self.transform not in (None, "log1p"):
            raise SpecError(f"{place}: `transform` is {self.transform!r}; allowed: log1p")
        if self.transform == "log1p" and (self._ends is None or self._ends[0] <= -1):
            raise SpecError(f"{place}: `log1p` takes `low` and `high`, or `winsorise`, and a low end above -1")
        if self.missing is not None and (not isinstance(self.missing, float) or not math.isfinite(self.missing)):
            raise SpecError(f"{place}: `missing` is 'refuse', or the number that a missing cell stands for")
        if isinstance(self.missing, float) and not (
            (self.low is None or self.missing >= self.low) and (self.high is None or self.missing <= self.high)
        ):
            raise SpecError(f"{place}: `missing` is {self.missing:g}, outside `low` to `high`")

    def _check_categories(self, place: str) -> None:
        if self.low is not None or self.transform is not None or self.winsorise is not None:
            raise SpecError(f"{place}: `categories` go with no `low`, `high`, `transform` or `winsorise`")
        if not 2 <= len(self.categories) <= MAX_CATEGORIES:
            raise SpecError(f"{place}: `categories` has {len(self.categories)} values; allowed: 2 to {MAX_CATEGORIES}")
        if repeated := [level for level in self.categories if self.categories.count(level) > 1]:
            raise SpecError(f"{place}: `categories` has {repeated[0]!r} more than once")
        if self.missing is None:
            return
        if self.missing not in self.categories:
            raise SpecError(f"{place}: `missing` is 'refuse', or one of the `categories`")
        if INDICATOR in self.categories:
            raise SpecError(f"{place}: a category {INDICATOR!r} and an indicator of missing cells have one name")
