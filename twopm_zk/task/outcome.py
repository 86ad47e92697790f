"""What is known of a task's label: the family of the model, the classes, or the constants of a real-valued label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from twopm_zk.errors import SpecError
from twopm_zk.statements import Family
from twopm_zk.task.canonical import Json
from twopm_zk.task.columns import Column

MAX_WEIGHT = 1000
"""Most rows that one row may stand for: each is proven like any other."""


@dataclass(frozen=True)
class Outcome:
    """How the label's cells are read: ``positive`` and ``negative`` in logistic tasks, ``scale`` in gaussian ones."""

    positive: str | None = None
    """The value that is 1; without it the label holds 0 and 1."""
    negative: tuple[str, ...] = ()
    """The values that are 0; without them exactly one other value may occur."""
    scale: Column | None = None
    """Constants of a real-valued label, in the format of features."""

    def check(self, family: Family, label: str) -> None:
        """SpecError unless the parts fit each other and the family."""
        if family is Family.GAUSSIAN:
            if self.scale is None:
                raise SpecError("`label` needs `centre` and `scale`, or `low` and `high`: the family is gaussian")
            if self.positive is not None or self.negative:
                raise SpecError("`label.positive` and `label.negative` are of logistic tasks")
            return
        if self.scale is not None:
            raise SpecError("`label` has constants of a real-valued label, and the family is logistic")
        if self.negative and self.positive is None:
            raise SpecError("`label.negative` is given without `label.positive`")
        if len(set(self.negative)) < len(self.negative) or self.positive in self.negative:
            raise SpecError(f"the classes of {label!r} have a value more than once")

    def document(self, label: str) -> Json:
        """The label as JSON: its name, where that is all."""
        if self == Outcome():
            return label
        known: dict[str, Json] = {"positive": self.positive, "negative": list(self.negative) or None}
        if self.scale is not None:
            known |= {key: getattr(self.scale, key) for key in ("centre", "scale", "low", "high", "unit")}
        return {"name": label, **{key: value for key, value in known.items() if value is not None}}


@dataclass(frozen=True)
class Frequencies:
    """How many rows a row stands for, so that each is proven as often."""

    column: str | None = None
    """The column of the data that says so."""
    negative: int = 1
    """Times every row of class 0."""
    positive: int = 1

    def __post_init__(self) -> None:
        for value in (self.negative, self.positive):
            if not 1 <= value <= MAX_WEIGHT:
                raise SpecError(
                    f"`class_weights` has {value}; allowed: whole numbers from 1 to {MAX_WEIGHT}",
                    hint="A row of weight k is proven k times, so a weight counts rows.",
                )

    @property
    def most(self) -> int:
        """The most rows that one row may stand for."""
        return max(self.negative, self.positive) * (1 if self.column is None else MAX_WEIGHT)

    @property
    def trivial(self) -> bool:
        """Whether every row stands for itself."""
        return self == Frequencies()

    @property
    def document(self) -> dict[str, Json]:
        """What is not the default, by key of the specification."""
        known: dict[str, Json] = {} if self.column is None else {"weights": self.column}
        if (self.negative, self.positive) != (1, 1):
            known["class_weights"] = {"negative": self.negative, "positive": self.positive}
        return known


_WHY_NOT = {"poisson": "A log link fits these circuits up to a mean of 64 alone, and rates take an offset."}


def family_named(name: str) -> Family:
    """A family by its name. SpecError for what is none."""
    try:
        return Family(name)
    except ValueError:
        allowed = ", ".join(Family)
        raise SpecError(f"`family` is {name!r}; allowed: {allowed}", hint=_WHY_NOT.get(name)) from None


def class_weights(given: Mapping[str, object], outcome: Outcome, family: Family) -> tuple[int, int]:
    """Weights of class 0 and 1 from a table of a file: by the classes' values, or ``negative`` and ``positive``."""
    if given and family is not Family.LOGISTIC:
        raise SpecError("`class_weights` are of logistic tasks: a real-valued label has no classes")
    names = {"negative": 0, "positive": 1}
    values = {"1": 1, "0": 0} if outcome.positive is None else {outcome.positive: 1}
    if len(outcome.negative) == 1:
        values[outcome.negative[0]] = 0
    for value, place in values.items():
        if names.setdefault(value, place) != place:
            raise SpecError(f"`class_weights`: {value!r} is a word for the other class; give the label other values")
    found = [1, 1]
    for name, weight in given.items():
        if name not in names:
            raise SpecError(f"`class_weights.{name}` is no class", hint=f"Known here: {', '.join(sorted(names))}.")
        if isinstance(weight, bool) or not isinstance(weight, int):
            raise SpecError(
                f"`class_weights.{name}` is not a whole number",
                hint="A row of weight k is proven k times, so a weight counts rows.",
            )
        found[names[name]] = weight
    return found[0], found[1]
