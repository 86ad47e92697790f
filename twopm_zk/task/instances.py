"""Which circuit instances a task uses, and the shapes that follow from them.

Rows and weights are padded with zeros to the width of the instances. Without instances (training without proofs)
the shapes are those of the data, and the integers the same: padding changes no weight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TypeVar

from twopm_zk.circuit.instances import Instance, find_instance, instances
from twopm_zk.errors import CircuitTooLargeError, SpecError
from twopm_zk.numbers.fixed_point import Format
from twopm_zk.statements import (
    Collection,
    EvaluateShape,
    Family,
    InformationShape,
    PredictShape,
    RoundShape,
    RowsShape,
    StepShape,
)
from twopm_zk.statements.rounds import MAX_UPDATES
from twopm_zk.task.canonical import Json

Shape = TypeVar("Shape", bound=RowsShape)

BATCH_ROWS = 119
"""Rows of a batch where nobody asks for others: as many of 3 features as a domain of 2^15 holds."""


TEMPLATES = {Collection.GRADIENT: "Step", Collection.INFORMATION: "Information", Collection.EVALUATION: "Evaluate"}
"""Of the circuits that are about rows, by what they collect."""
NO_NOISE: Mapping[Collection, int] = MappingProxyType({})


def batch_rows(family: Family, *, noise: bool = False) -> int:
    """The same for each family, whose rows differ in gates, and where noise takes some."""
    rows = 118 if family is Family.GAUSSIAN else BATCH_ROWS
    return rows - 2 if noise else rows


@dataclass(frozen=True)
class TaskInstances:
    """Names in circuits.json: of ``step`` one or more sizes, of ``information`` and ``evaluate`` none or the same."""

    step: tuple[str, ...]
    aggregate: str
    certify: str
    information: tuple[str, ...] = ()
    predict: str | None = None
    evaluate: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        predict = () if self.predict is None else (self.predict,)
        return (*self.step, *self.information, *self.evaluate, self.aggregate, self.certify, *predict)

    @property
    def document(self) -> dict[str, Json]:
        """The table ``[instances]`` as JSON."""
        named: dict[str, Json] = {"step": list(self.step), "aggregate": self.aggregate, "certify": self.certify}
        named |= {"information": list(self.information)} if self.information else {}
        named |= {"evaluate": list(self.evaluate)} if self.evaluate else {}
        return named | ({"predict": self.predict} if self.predict else {})


@dataclass(frozen=True)
class RowsInstances:
    """The instances that are about rows, by what is collected and how many rows they hold."""

    names: Mapping[tuple[Collection, int], str]

    @classmethod
    def of(cls, chosen: TaskInstances) -> RowsInstances:
        """Those of a task."""
        named = [(Collection.GRADIENT, name) for name in chosen.step]
        named += [(Collection.INFORMATION, name) for name in chosen.information]
        named += [(Collection.EVALUATION, name) for name in chosen.evaluate]
        return cls({(kind, find_instance(name).parameters["ROWS"]): name for kind, name in named})

    def name(self, collection: Collection, rows: int) -> str:
        """The name in circuits.json."""
        return self.names[collection, rows]


@dataclass(frozen=True)
class Sizes:
    """Shapes of a task."""

    steps: tuple[StepShape, ...]
    """From few rows to many, without noise."""
    round: RoundShape
    noise: Mapping[Collection, int] = field(default_factory=dict)
    """Whole units of noise in a sum of each collection, as a power of two; nothing for those without."""
    most_updates: int = MAX_UPDATES
    """Of a round: more could leave the lanes of their sums."""

    @property
    def width(self) -> int:
        """Columns after padding."""
        return self.round.features

    @cached_property
    def largest(self) -> StepShape:
        """The step with the most rows."""
        return self.steps[-1]

    @classmethod
    def free(cls, features: int, format: Format, family: Family) -> Sizes:
        """Of training without proofs."""
        return cls((StepShape(BATCH_ROWS, features, format, family),), RoundShape(features))


def sizes_of(chosen: TaskInstances, features: int, format: Format, family: Family) -> Sizes:
    """Shapes of the instances; SpecError where they do not fit each other, the features, the format or the family."""
    if not chosen.step:
        raise SpecError("`instances.step` is empty: it needs one name or more")
    found = [_rows("step", StepShape, name, format, family) for name in chosen.step]
    noise = {Collection.GRADIENT: _noise("step", found)}
    most = [shape.most_updates for shape in found]
    steps = sorted((replace(shape, noise=0) for shape in found), key=lambda shape: shape.rows)
    width = steps[0].features
    for name, shape in zip(chosen.step, found, strict=True):
        if shape.features != width:
            raise SpecError(f"`instances.step`: {name!r} has another number of features than {chosen.step[0]!r}")
    if features > width:
        raise SpecError(f"`instances.step`: {features} features do not fit the {width} of {chosen.step[0]!r}")
    wanted = {(shape.rows, shape.features) for shape in steps}
    others: tuple[tuple[str, Collection, type[RowsShape], tuple[str, ...]], ...] = (
        ("information", Collection.INFORMATION, InformationShape, chosen.information),
        ("evaluate", Collection.EVALUATION, EvaluateShape, chosen.evaluate),
    )
    for key, collection, kind, names in others:
        shapes = [_rows(key, kind, name, format, family) for name in names]
        noise[collection] = _noise(key, shapes)
        most += [shape.most_updates for shape in shapes]
        if names and {(shape.rows, shape.features) for shape in shapes} != wanted:
            raise SpecError(f"`instances.{key}` has other sizes than `instances.step`")
    for key, name in (("aggregate", chosen.aggregate), ("certify", chosen.certify)):
        round_shape = RoundShape.from_parameters(_instance(key, name, key.capitalize()).parameters)
        if round_shape.features != width:
            raise SpecError(
                f"`instances.{key}`: {name!r} is for {round_shape.features} features, the steps for {width}"
            )
    if chosen.predict is not None:
        asked = PredictShape.from_parameters(_instance("predict", chosen.predict, "Predict").parameters)
        if (asked.features, asked.format, asked.family) != (width, format, family):
            raise SpecError(
                f"`instances.predict`: {chosen.predict!r} is not for {width} features in this format and family"
            )
    known = {collection: bits for collection, bits in noise.items() if bits}
    return Sizes(tuple(steps), RoundShape(width), known, min(MAX_UPDATES, *most))


def _noise(key: str, shapes: Sequence[RowsShape]) -> int:
    """That of all instances of a collection, which is one."""
    found = {shape.noise for shape in shapes}
    if len(found) > 1:
        raise SpecError(f"`instances.{key}` has instances of different noise")
    return found.pop() if found else 0


def choose_instances(
    features: int,
    format: Format,
    *,
    rows: int | None = None,
    family: Family = Family.LOGISTIC,
    information: bool = True,
    evaluate: bool = False,
    noise: Mapping[Collection, int] = NO_NOISE,
) -> TaskInstances:
    """The smallest instances for batches of ``rows`` rows, or `batch_rows`.

    With those of ``information`` and ``evaluate`` where they are asked for, and all with ``noise`` or none. Raises
    CircuitTooLargeError where circuits.json has none.
    """
    noisy = bool(noise)
    steps = [StepShape.from_parameters(i.parameters) for i in _of("Step", noisy=noisy)]
    widths = {s.features for s in steps if (s.format, s.family) == (format, family) and s.features >= features}
    for width in sorted(widths):
        named = {
            kind: _by_rows(kind, width, format, family, noise.get(collection, 0), noisy=noisy)
            for collection, kind in TEMPLATES.items()
        }
        needed = ["Step", *["Information"] * information, *["Evaluate"] * evaluate]
        fitting = sorted(set.intersection(*(set(named[kind]) for kind in needed)))
        aggregate, certify = _of_width("Aggregate", width), _of_width("Certify", width)
        if aggregate is None or certify is None or not fitting:
            continue
        enough = next((r for r in fitting if r >= (rows or batch_rows(family, noise=noisy))), fitting[-1])
        used = [r for r in fitting if r <= enough]
        asked = PredictShape(width, format, family)
        predict = (i.name for i in _of("Predict") if PredictShape.from_parameters(i.parameters) == asked)
        return TaskInstances(
            tuple(named["Step"][r] for r in used),
            aggregate,
            certify,
            tuple(named["Information"][r] for r in used) if information else (),
            next(predict, None),
            tuple(named["Evaluate"][r] for r in used) if evaluate else (),
        )
    also = " and ".join([*["information"] * information, *["evaluation"] * evaluate])
    raise CircuitTooLargeError(
        f"no {family} instances for {features} features in {format.bits} bits with {format.frac_bits} "
        f"fractional{f', with {also}' if also else ''}{', with noise' if noisy else ''}",
        hint="Add them to circuits.json, or take fewer features.",
    )


def _of(template: str, *, noisy: bool = False) -> Iterable[Instance]:
    """Those of a template; of what is about rows, those with noise or those without."""
    return (i for i in instances().values() if i.template == template and bool(i.noise) is noisy)


def _by_rows(template: str, width: int, format: Format, family: Family, noise: int, *, noisy: bool) -> dict[int, str]:
    """Names of the instances about rows of one width, format, family and noise, by how many rows they hold."""
    shapes = ((i, StepShape.from_parameters(i.parameters)) for i in _of(template, noisy=noisy))
    fitting = {s.rows: i for i, s in shapes if (s.features, s.format, s.family) == (width, format, family)}
    return {rows: (i.with_number(noise) if noise else i).name for rows, i in fitting.items()}


def _of_width(template: str, width: int) -> str | None:
    names = (i.name for i in _of(template) if RoundShape.from_parameters(i.parameters).features == width)
    return next(names, None)


def _instance(key: str, name: str, template: str) -> Instance:
    instance = find_instance(name)
    if instance.template != template:
        raise SpecError(f"`instances.{key}`: {name!r} is of {instance.template}, not of {template}")
    return instance


def _rows(key: str, kind: type[Shape], name: str, format: Format, family: Family) -> Shape:
    shape = kind.from_parameters(_instance(key, name, key.capitalize()).parameters)
    if shape.format != format:
        raise SpecError(
            f"`instances.{key}`: {name!r} takes {shape.format.bits} bits with {shape.format.frac_bits} fractional, "
            f"`format` says {format.bits} with {format.frac_bits}"
        )
    if shape.family is not family:
        raise SpecError(f"`instances.{key}`: {name!r} is of the {shape.family} family, `family` is {family}")
    return shape
