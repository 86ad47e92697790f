"""From the entries of a specification's `features`, and its formula, to the columns of the model.

Everything is public and deterministic: the columns come in one order, whatever order a formula names them in (by number
of factors, then as `features` lists them), each with constants of its own that are given or follow from the ranges of
its factors by interval arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

from twopm_zk.errors import SpecError
from twopm_zk.numbers.fixed_point import Format
from twopm_zk.task.checks import RENAME
from twopm_zk.task.columns import Column, choose_column
from twopm_zk.task.formula import Formula
from twopm_zk.task.inputs import Input, Range, binary_column

MAX_COLUMNS = 1000
Factors = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Feature:
    """One entry of `features`: what its cells mean, and the constants of its column, given or to be chosen."""

    input: Input
    centre: float | None = None
    scale: float | None = None
    known: Mapping[str, float | None] = field(default_factory=dict)
    """``low``, ``high``, ``mean``, ``sd`` and ``unit``, as given."""
    product: Factors = ()

    @property
    def name(self) -> str:
        """Its name in the data, or that of its column."""
        return self.input.name

    def column(self, format: Format, ranges: Mapping[str, Range | None], units: Mapping[str, float]) -> Column:
        """The column of its number, or of its product. Raises SpecError where constants are missing."""
        unit = self.known.get("unit") if self.input.transform is None else None
        ends = _ends(self.known) if self.product else self.input.range
        if self.product and ends is None and self.centre is None and self.known.get("mean") is None:
            derived = product_column(self.product, ranges, units, format)
            return replace(derived, name=self.name)
        if self.centre is None or self.scale is None:
            if self.input.transform is not None and self.known.get("mean") is not None:
                raise SpecError(f"features, {self.name!r}: `mean` and `sd` do not go with `transform`; give ends")
            low, high = ends or (None, None)
            pair = {key: self.known.get(key) for key in ("mean", "sd")}
            chosen = choose_column(self.name, low=low, high=high, **pair, unit=unit, format=format)
        else:
            low, high = ends or (self.known.get("low"), self.known.get("high"))
            chosen = Column(self.name, self.centre, self.scale, low, high, unit)
        return replace(chosen, product=self.product)


@dataclass(frozen=True)
class Expanded:
    """What a specification holds of its features."""

    columns: tuple[Column, ...]
    inputs: tuple[Input, ...]


def expand(
    features: Sequence[Feature], inputs: Sequence[Input], formula: Formula | None, *, format: Format
) -> Expanded:
    """The columns of the model, and the inputs that are more than a plain column of the model.

    Without a ``formula`` every feature is in the model by itself. Raises SpecError that names the feature.
    """
    known = {feature.name: feature for feature in features}
    if len(known) < len(features):
        names = [feature.name for feature in features]
        twice = next(name for name in names if names.count(name) > 1)
        raise SpecError(f"`features` has {twice!r} more than once")
    if formula is not None and (made := [feature.name for feature in features if feature.product]):
        raise SpecError(f"features, {made[0]!r}: `product` goes without a `formula`, which names products itself")
    if repeated := {one.name for one in inputs} & {name for name, one in known.items() if not one.input.plain}:
        raise SpecError(f"{min(repeated)!r} is described in `features` and in `inputs`")
    for feature in features:  # those made of `inputs` have entries of their own where a specification is stored
        if taken := sorted({*feature.input.made} & {*known, *(one.name for one in inputs)}):
            raise SpecError(
                f"`features` has {taken[0]!r}, and {feature.name!r} makes a column of that name", hint=RENAME
            )
    sources = {feature.name: feature.input for feature in features} | {one.name: one for one in inputs}
    ranges, units = _known_of(features, sources)
    if formula is None:
        given = {feature.name for feature in features}
        columns = [
            column
            for one in features
            for column in _alone(one, sources[one.name], format, ranges, units)
            if column.name == one.name or column.name not in given
        ]
    else:
        columns = _by_formula(formula, known, sources, format, ranges, units)
    _check_number(len(columns))
    alone = {column.name for column in columns if not column.product}
    used = list(dict.fromkeys(name for column in columns for name, _ in column.factors))
    kept = [
        one for one in sources.values() if {*used} & {*one.factors} and (not one.plain or not {*one.factors} & alone)
    ]
    # in the order in which the model first takes them, however they were written down
    kept.sort(key=lambda one: min(used.index(factor) for factor in one.factors if factor in used))
    kept += [one for one in inputs if one not in kept]  # of no use, which is an error to be told
    return Expanded(tuple(columns), tuple(kept))


def _check_number(columns: int) -> None:
    if columns > MAX_COLUMNS:
        raise SpecError(f"`features` make {columns} columns; allowed: {MAX_COLUMNS}")


def product_column(
    factors: Factors, ranges: Mapping[str, Range | None], units: Mapping[str, float], format: Format
) -> Column:
    """A product with constants that follow from the ranges of its factors; SpecError where one has none."""
    name = ":".join(factor if power == 1 else f"{factor}**{power}" for factor, power in factors)
    whole, unit = (1.0, 1.0), 1.0
    for factor, power in factors:
        ends = ranges.get(factor)
        if ends is None:
            raise SpecError(
                f"features: {name!r} takes the range of {factor!r}, which has no `low` and `high`",
                hint=f"Give them, or an entry of `features` named {name!r} with constants of its own.",
            )
        try:
            whole = _times(whole, _to_the(ends, power))
            unit *= units.get(factor, 0.0) ** power
        except OverflowError:
            raise SpecError(f"features: the range of {name!r} is beyond what a number holds") from None
    chosen = choose_column(name, low=whole[0], high=whole[1], unit=unit or None, format=format)
    return replace(chosen, product=factors)


def _known_of(
    features: Sequence[Feature], sources: Mapping[str, Input]
) -> tuple[dict[str, Range | None], dict[str, float]]:
    """Ranges of all factors, and units of those whose values are all multiples of one."""
    ranges: dict[str, Range | None] = {}
    units: dict[str, float] = {}
    for source in sources.values():
        for factor in source.factors:
            ranges[factor] = source.range if factor == source.name else (0.0, 1.0)
            if factor != source.name:
                units[factor] = 1.0
    for feature in features:
        unit, ends = feature.known.get("unit"), feature.input.range
        if unit and ends and feature.input.transform is None and (ends[0] / unit).is_integer():
            units[feature.name] = unit
    return ranges, units


def _alone(
    feature: Feature,
    source: Input,
    format: Format,
    ranges: Mapping[str, Range | None],
    units: Mapping[str, float],
) -> list[Column]:
    """A feature's columns where no formula says which are in the model."""
    if source.categories:
        if feature.centre is not None or any(value is not None for value in feature.known.values()):
            raise SpecError(f"features, {feature.name!r}: `categories` take no constants: their columns hold 0 and 1")
        columns = [binary_column(name) for name in source.dummies]
    else:
        columns = [feature.column(format, ranges, units)]
    return columns + ([binary_column(source.indicator)] if source.indicator else [])


def _by_formula(
    formula: Formula,
    known: Mapping[str, Feature],
    sources: Mapping[str, Input],
    format: Format,
    ranges: Mapping[str, Range | None],
    units: Mapping[str, float],
) -> list[Column]:
    place = {name: index for index, name in enumerate(known)}
    if unknown := [name for term in formula.terms for name in term if name not in place]:
        raise SpecError(f"`formula` names {unknown[0]!r}, which is not in `features`")
    unordered = (tuple(sorted(term.items(), key=lambda pair: place[pair[0]])) for term in formula.terms)
    terms: list[Factors] = list(dict.fromkeys(unordered))
    terms.sort(key=lambda term: (sum(power for _, power in term), [(place[name], power) for name, power in term]))
    _check_margins(terms, sources)
    _check_number(sum(math.prod(len(sources[name].main) for name, _ in term) for term in terms))
    columns: list[Column] = []
    indicated: set[str] = set()
    for term in terms:
        levels = [[(factor, power) for factor in sources[name].main] for name, power in term]
        for factors in product(*levels):
            columns.append(_model_column(factors, known, sources, format, ranges, units))
        for name, _ in term:
            indicator = sources[name].indicator
            if indicator is not None and name not in indicated:
                indicated.add(name)
                columns.append(binary_column(indicator))
    said = {column.name for column in columns} | {name for term in terms for name, _ in term}
    if unused := [name for name in known if name not in said]:
        raise SpecError(f"`features` has {unused[0]!r}, which `formula` does not use", hint="Leave it out.")
    return columns


def _model_column(
    factors: Factors,
    known: Mapping[str, Feature],
    sources: Mapping[str, Input],
    format: Format,
    ranges: Mapping[str, Range | None],
    units: Mapping[str, float],
) -> Column:
    if factors[0][0] in known and len(factors) == 1 and factors[0][1] == 1:
        return known[factors[0][0]].column(format, ranges, units)
    if len(factors) == 1 and factors[0][1] == 1:
        return binary_column(factors[0][0])
    name = ":".join(factor if power == 1 else f"{factor}**{power}" for factor, power in factors)
    given = known.get(name)
    if given is not None:
        return replace(given, product=factors).column(format, ranges, units)
    return product_column(factors, ranges, units, format)


def _check_margins(terms: Sequence[Factors], sources: Mapping[str, Input]) -> None:
    """A category has no power, and its products come with what they are products of: dummies leave one level out."""
    present = {frozenset(term) for term in terms} | {frozenset[tuple[str, int]]()}
    for term in terms:
        for name, power in term:
            if not sources[name].categories:
                continue
            if power != 1:
                raise SpecError(f"`formula` takes a power of {name!r}, which is a category")
            rest = frozenset(pair for pair in term if pair[0] != name)
            if rest not in present:
                words = ":".join(one if to == 1 else f"I({one}**{to})" for one, to in term if one != name)
                raise SpecError(
                    f"`formula` has a product with {name!r} and not {words} itself: the reference level of "
                    f"{name!r} would have none of it",
                    hint=f"Add {words} to the formula.",
                )


def _ends(known: Mapping[str, float | None]) -> Range | None:
    low, high = known.get("low"), known.get("high")
    return None if low is None or high is None else (low, high)


def _times(first: Range, second: Range) -> Range:
    corners = [one * other for one in first for other in second]
    return min(corners), max(corners)


def _to_the(ends: Range, power: int) -> Range:
    low, high = sorted(end**power for end in ends)
    return (0.0, high) if power % 2 == 0 and ends[0] < 0 < ends[1] else (low, high)
