"""Which circuit instances a task uses, and the shapes that follow from them.

Rows and weights are padded with zeros to the width of the instances. Without instances (training without proofs)
the shapes are those of the data, and the integers the same: padding changes no weight.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from twopm_zk.circuit.instances import Instance, find_instance, instances
from twopm_zk.errors import CircuitTooLargeError, SpecError
from twopm_zk.numbers.fixed_point import Format
from twopm_zk.statements import PredictShape, RoundShape, StepShape
from twopm_zk.statements.rounds import MAX_UPDATES

_BATCH_ROWS = 128
_SLOTS = 16


@dataclass(frozen=True)
class TaskInstances:
    """Names in circuits.json; ``step`` holds one or more sizes."""

    step: tuple[str, ...]
    aggregate: str
    certify: str
    fold: str | None = None
    predict: str | None = None
    segments: int = 1
    """Most segments of a round, each with as many updates as ``aggregate`` has slots; above 1 needs ``fold``."""


@dataclass(frozen=True)
class Sizes:
    """Shapes of a task."""

    steps: tuple[StepShape, ...]
    """From few rows to many."""
    round: RoundShape
    capacity: int | None
    """Most updates of a round; None without instances."""

    @property
    def width(self) -> int:
        """Columns after padding."""
        return self.round.features

    @cached_property
    def largest(self) -> StepShape:
        """The step with the most rows."""
        return self.steps[-1]

    @classmethod
    def free(cls, features: int, format: Format) -> Sizes:
        """Of training without proofs."""
        shape = StepShape(_BATCH_ROWS, features, format)
        return cls((shape,), RoundShape(_SLOTS, features, format.frac_bits), None)


def sizes_of(chosen: TaskInstances, features: int, format: Format) -> Sizes:
    """Shapes of the instances; SpecError where they do not fit each other, the features or the format."""
    if not chosen.step:
        raise SpecError("`instances.step` is empty: it needs one name or more")
    steps = sorted((_step(name, format) for name in chosen.step), key=lambda shape: shape.rows)
    width = steps[0].features
    for name in chosen.step:
        if _step(name, format).features != width:
            raise SpecError(f"`instances.step`: {name!r} has another number of features than {chosen.step[0]!r}")
    if features > width:
        raise SpecError(f"`instances.step`: {features} features do not fit the {width} of {chosen.step[0]!r}")
    shapes = {key: _round(key, name, width, format) for key, name in _rounds(chosen)}
    slots = {shape.slots for shape in shapes.values()}
    if len(slots) > 1:
        raise SpecError("`instances.aggregate`, `instances.certify` and `instances.fold` have different slots")
    if chosen.predict is not None:
        shape = PredictShape.from_parameters(_instance("predict", chosen.predict, "Predict").parameters)
        if (shape.features, shape.format) != (width, format):
            raise SpecError(f"`instances.predict`: {chosen.predict!r} is not for {width} features in this format")
    most = MAX_UPDATES // shapes["aggregate"].slots if chosen.fold else 1
    if not 1 <= chosen.segments <= most:
        why = "" if chosen.fold else "; more need `instances.fold`"
        raise SpecError(f"`instances.segments` is {chosen.segments}; allowed: 1 to {most}{why}")
    return Sizes(tuple(steps), shapes["aggregate"], chosen.segments * shapes["aggregate"].slots)


def choose_instances(features: int, format: Format, *, rows: int = _BATCH_ROWS, updates: int = _SLOTS) -> TaskInstances:
    """The smallest instances for batches of ``rows`` rows and rounds of ``updates`` updates.

    Raises CircuitTooLargeError where circuits.json has none.
    """
    steps = [(i, StepShape.from_parameters(i.parameters)) for i in _of("Step")]
    widths = sorted({shape.features for _, shape in steps if shape.format == format and shape.features >= features})
    for width in widths:
        fitting = [(i, s) for i, s in steps if (s.features, s.format) == (width, format)]
        enough = min((s.rows for _, s in fitting if s.rows >= rows), default=max(s.rows for _, s in fitting))
        names = tuple(i.name for i, s in sorted(fitting, key=lambda pair: pair[1].rows) if s.rows <= enough)
        rounds = {t: _by_slots(t, width, format) for t in ("Aggregate", "Certify", "Fold")}
        predict = next(
            (
                i.name
                for i in _of("Predict")
                if PredictShape.from_parameters(i.parameters) == PredictShape(width, format)
            ),
            None,
        )
        both = sorted(rounds["Aggregate"].keys() & rounds["Certify"].keys())
        for slots in [*(s for s in both if s >= updates), *reversed(both)]:
            fold = rounds["Fold"].get(slots)
            if slots >= updates or fold is not None:
                segments = -(-updates // slots)
                aggregate, certify = rounds["Aggregate"][slots], rounds["Certify"][slots]
                return TaskInstances(names, aggregate, certify, fold, predict, segments)
    raise CircuitTooLargeError(
        f"no instances for {features} features in {format.bits} bits with {format.frac_bits} fractional, "
        f"and {updates} updates a round",
        hint="Add them to circuits.json, or take fewer features or larger batches.",
    )


def _of(template: str) -> Iterable[Instance]:
    return (instance for instance in instances().values() if instance.template == template)


def _by_slots(template: str, width: int, format: Format) -> dict[int, str]:
    found = {}
    for instance in _of(template):
        shape = RoundShape.from_parameters(instance.parameters)
        if (shape.features, shape.x_frac_bits) == (width, format.frac_bits):
            found[shape.slots] = instance.name
    return found


def _instance(key: str, name: str, template: str) -> Instance:
    instance = find_instance(name)
    if instance.template != template:
        raise SpecError(f"`instances.{key}`: {name!r} is a {instance.template}, not a {template}")
    return instance


def _step(name: str, format: Format) -> StepShape:
    shape = StepShape.from_parameters(_instance("step", name, "Step").parameters)
    if shape.format != format:
        raise SpecError(
            f"`instances.step`: {name!r} takes {shape.format.bits} bits with {shape.format.frac_bits} fractional, "
            f"`format` says {format.bits} with {format.frac_bits}"
        )
    return shape


def _rounds(chosen: TaskInstances) -> list[tuple[str, str]]:
    named = [("aggregate", chosen.aggregate), ("certify", chosen.certify)]
    return named if chosen.fold is None else [*named, ("fold", chosen.fold)]


def _round(key: str, name: str, width: int, format: Format) -> RoundShape:
    shape = RoundShape.from_parameters(_instance(key, name, key.capitalize()).parameters)
    if (shape.features, shape.x_frac_bits) != (width, format.frac_bits):
        raise SpecError(
            f"`instances.{key}`: {name!r} is for {shape.features} features with {shape.x_frac_bits} fractional bits, "
            f"the steps for {width} with {format.frac_bits}"
        )
    return shape
