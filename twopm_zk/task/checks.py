"""Limits of a specification's values; every refusal names the key of the file."""

from __future__ import annotations

import math
from collections.abc import Sequence

from twopm_zk.errors import SpecError
from twopm_zk.numbers.fixed_point import Format
from twopm_zk.privacy.terms import UNITS, Privacy
from twopm_zk.task.columns import MAX_POWER, Column
from twopm_zk.task.inputs import Input

INTERCEPT = "intercept"
RENAME = "Rename the column, in the data and here, or the category."
"""What to do where a column has the name of one that is made of another."""


def check_format(format: Format) -> None:
    """SpecError for a format of features that no circuit could have."""
    if not 2 <= format.frac_bits < format.bits <= 24:
        raise SpecError(
            f"`format` has {_shown(format.bits)} bits, {_shown(format.frac_bits)} of them fractional; "
            "allowed: at most 24, and 2 or more fractional, fewer than all"
        )


def _shown(value: float) -> str:
    """A number for a message, however many digits a file gives it."""
    return f"{value:.12g}" if isinstance(value, float) or abs(value) < 1 << 64 else "a number of more than 64 bits"


def require(key: str, value: float, low: float, high: float, *, below: bool = False) -> None:
    """SpecError unless a value is within its limits; NaN is not."""
    if not low <= value <= high or (below and value == high):  # also refuses NaN
        raise SpecError(
            f"`{key}` is {_shown(value)}; allowed: {low:.12g} {'up to, not including,' if below else 'to'} {high:.12g}"
        )


def check_columns(columns: Sequence[Column], label: str, format: Format) -> None:
    """SpecError for names that repeat or cannot be, and for constants that do not fit the format."""
    if not columns:
        raise SpecError("`features` is empty: a task needs one or more")
    names = [column.name for column in columns]
    for name in [*names, label]:
        if not name.strip() or not name.isprintable():
            raise SpecError(f"{name!r} cannot be the name of a column: it is empty or cannot be printed")
    if repeated := [name for name in names if names.count(name) > 1]:
        raise SpecError(f"`features` has {repeated[0]!r} more than once")
    if label in names:
        raise SpecError(f"`label` is {label!r}, which is also a feature")
    if INTERCEPT in names:
        raise SpecError(f"a feature cannot be called {INTERCEPT!r}: every model has one already")
    for column in columns:
        check_column(column, format)


def check_inputs(columns: Sequence[Column], inputs: Sequence[Input], label: str, weights: str | None) -> None:
    """SpecError unless every input is used, under one name, and nothing is two things at once."""
    names = [one.name for one in inputs]
    if repeated := [name for name in names if names.count(name) > 1]:
        raise SpecError(f"`inputs` has {repeated[0]!r} more than once")
    used = {name for column in columns for name, _ in column.factors}
    for one in inputs:
        if one.categories and one.name in used:
            raise SpecError(f"features: {one.name!r} is a category, and has no number; its columns are its dummies'")
        if not used & {*one.factors}:
            raise SpecError(f"`inputs` has {one.name!r}, which no feature uses")
    owner: dict[str, str] = {}
    for one in inputs:
        for made in one.made:
            if made in owner or made in names:
                other = "a column of its own" if made in names else f"a column made of {owner[made]!r}"
                raise SpecError(f"{made!r} is a column made of {one.name!r}, and {other}", hint=RENAME)
            owner[made] = one.name
    for column in columns:
        if column.name in owner and column.product:
            raise SpecError(f"{column.name!r} is a column made of {owner[column.name]!r}, and a product", hint=RENAME)
        if any(not 1 <= power <= MAX_POWER for _, power in column.product):
            raise SpecError(f"features, {column.name!r}: powers in `product` are 1 to {MAX_POWER}")
    for key, name in (("label", label), ("weights", weights)):
        if name is not None and name in used | {*names}:
            raise SpecError(f"`{key}` is {name!r}, which is also a feature")
    if weights is not None and (weights == label or not weights.strip() or not weights.isprintable()):
        raise SpecError(f"`weights` is {weights!r}: no name of a column of its own")


def check_column(column: Column, format: Format, *, of: str = "features") -> None:
    """SpecError for constants of one column that make no sense or do not fit the format."""
    place = f"{of}, {column.name!r}"
    for key in ("centre", "scale", "low", "high", "unit"):
        value: float | None = getattr(column, key)
        if value is not None and not math.isfinite(value):
            raise SpecError(f"{place}: `{key}` is not finite")
    for key in ("scale", "unit"):
        value = getattr(column, key)
        if value is not None and value <= 0:
            raise SpecError(f"{place}: `{key}` is {value:g}; it must be above 0")
    if column.low is None and column.high is None:
        return
    if column.low is None or column.high is None or column.low >= column.high:
        raise SpecError(f"{place}: `low` and `high` come together, and `low` is the smaller")
    smallest, largest = format.limits
    for key, end in (("low", column.low), ("high", column.high)):
        scaled = (end - column.centre) / column.scale
        if not smallest - 0.5 / format.one <= scaled <= largest + 0.5 / format.one:
            raise SpecError(
                f"{place}: `{key}` is {scaled:g} after scaling; {format.bits} bits with {format.frac_bits} fractional "
                f"hold {smallest:g} to {largest:g}",
                hint="Leave `centre` and `scale` out to have them chosen, or give a larger scale.",
            )


def check_privacy(privacy: Privacy, *, minimum_nodes: int, weighted: bool) -> None:
    """SpecError for terms of privacy that no noise could keep."""
    require("privacy.epsilon", privacy.epsilon, 1 / 64, 20)
    require("privacy.delta", privacy.delta, 1e-15, 1e-2)
    if privacy.unit not in UNITS:
        raise SpecError(f"`privacy.unit` is {privacy.unit!r}; allowed: {', '.join(UNITS)}")
    require("privacy.honest", privacy.honest_of(minimum_nodes), 1, minimum_nodes)
    if privacy.clip is not None:
        require("privacy.clip", privacy.clip, 1 / 64, 1024)
    if weighted:
        raise SpecError(
            "`privacy` does not go with `weights` or `class_weights`: how many rows there are is public, and would "
            "tell what is in them"
        )
