"""Specifications as files: TOML or JSON, parsed strictly into `TaskSpec`.

An unknown key, a value of another type, a missing key: each is an error that names the key. A feature without
``centre`` and ``scale`` gets them from its ``low``, ``high``, ``mean``, ``sd`` and ``unit``.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from twopm_zk.errors import SpecError
from twopm_zk.numbers.fixed_point import FEATURES, Format
from twopm_zk.statements import Family
from twopm_zk.system.files import StrPath, read_bytes, write_text
from twopm_zk.system.parsing import parse_json
from twopm_zk.task.columns import Column, choose_column
from twopm_zk.task.instances import BATCH_ROWS, TaskInstances, choose_instances
from twopm_zk.task.specification import SECONDS, VERSION, Statistics, StepRule, TaskSpec, check_format, default_rule

T = TypeVar("T")
_NAMES = {str: "a text", bool: "true or false", int: "an integer", float: "a number", list: "a list", dict: "a table"}
_DEFAULTS = {name: field.default for name, field in TaskSpec.__dataclass_fields__.items()}


def read_spec(path: StrPath) -> TaskSpec:
    """Parse a ``.toml`` or ``.json`` file. Raises InputError where it cannot be read, SpecError for its content."""
    path = Path(path)
    content = read_bytes(path, what="specification")
    if path.suffix != ".toml":
        return parse_spec(parse_json(content, what=f"specification {str(path)!r}", error=SpecError))
    try:
        return parse_spec(tomllib.loads(content.decode()))
    except (ValueError, RecursionError) as error:
        raise SpecError(f"specification {str(path)!r} is not TOML: {error}") from error


def write_spec(spec: TaskSpec, path: StrPath) -> None:
    """Write a JSON file with every default in it; reading it back gives the same hash."""
    write_text(path, json.dumps(spec.document, indent=2, ensure_ascii=False) + "\n")


def parse_spec(document: object) -> TaskSpec:
    """A specification from what a TOML or JSON parser returned."""
    top = _Section(document, "")
    version = top.take("version", int, VERSION)
    if version != VERSION:
        raise SpecError(f"`version` is {version}; this release reads version {VERSION}")
    shape = top.section("format")
    format = Format(shape.take("bits", int, FEATURES.bits), shape.take("frac_bits", int, FEATURES.frac_bits))
    shape.done()
    check_format(format)
    family = _family(top.take("family", str, Family.LOGISTIC.name.lower()))
    step = top.section("step")
    rule = StepRule(
        step.take("rule", str, default_rule(family).rule),
        step.take("factor", float, StepRule.factor),
        step.take("curvature", str, StepRule.curvature),  # type: ignore[arg-type]
    )
    step.done()
    entries = top.take("features", list)
    columns = tuple(_column(entry, index, format) for index, entry in enumerate(entries))
    rounds, minimum, maximum = top.section("rounds"), top.section("minimum"), top.section("maximum")
    asked = top.section("statistics")
    statistics = Statistics(**{key: asked.take(key, bool, False) for key in ("information", "evaluation", "held_out")})
    spec: dict[str, Any] = {
        "columns": columns,
        "label": top.take("label", str),
        "family": family,
        "penalty": top.take("lambda", float),
        "name": top.take("name", str, ""),
        "format": format,
        "weight_bound": top.take("weight_bound", float, _DEFAULTS["weight_bound"]),
        "step": rule,
        "decrement_bound": top.take("decrement_bound", float, _DEFAULTS["decrement_bound"]),
        "gradient_bound": top.optional("gradient_bound", float),
        "maximum_rounds": rounds.take("maximum", int, _DEFAULTS["maximum_rounds"]),
        **{name: rounds.take(name, int, _DEFAULTS[name]) for name in SECONDS},
        "maximum_updates": maximum.take("updates", int, _DEFAULTS["maximum_updates"]),
        "maximum_node_updates": maximum.take("updates_per_node", int, _DEFAULTS["maximum_node_updates"]),
        "minimum_nodes": minimum.take("nodes", int, _DEFAULTS["minimum_nodes"]),
        "minimum_rows": minimum.take("rows", int, _DEFAULTS["minimum_rows"]),
        "minimum_node_rows": minimum.take("rows_per_node", int, _DEFAULTS["minimum_node_rows"]),
        "statistics": statistics,
    }
    chosen = top.section("instances") if "instances" in top else None
    for section in (rounds, minimum, maximum, asked, top):
        section.done()
    parsed = TaskSpec(**spec)
    if chosen is not None:
        parsed = replace(parsed, instances=_instances(chosen, parsed))
        _ = parsed.round_instances
    return parsed


def _column(entry: object, index: int, format: Format) -> Column:
    section = _Section(entry, f"features[{index}]")
    name = section.take("name", str)
    known = {key: section.optional(key, float) for key in ("low", "high", "mean", "sd", "unit")}
    centre, scale = section.optional("centre", float), section.optional("scale", float)
    section.done()
    if scale is None and centre is None:
        return choose_column(name, **known, format=format)
    if known["mean"] is not None or known["sd"] is not None:
        raise SpecError(f"features, {name!r}: `mean` and `sd` serve to choose `centre` and `scale`; give one pair")
    if centre is None or scale is None:
        raise SpecError(f"features, {name!r}: `centre` and `scale` come together")
    return Column(name, centre, scale, known["low"], known["high"], known["unit"])


def _family(name: str) -> Family:
    if name not in (names := [family.name.lower() for family in Family]):
        raise SpecError(f"`family` is {name!r}; allowed: {', '.join(names)}")
    return Family[name.upper()]


def _instances(section: _Section, spec: TaskSpec) -> TaskInstances:
    """Either names, or a size: ``rows`` of a batch."""
    if "step" not in section:
        rows = section.take("rows", int, BATCH_ROWS)
        section.done()
        if rows < 1:
            raise SpecError(f"`instances.rows` is {rows}; it must be 1 or more")
        return choose_instances(
            len(spec.columns),
            spec.format,
            rows=rows,
            family=spec.family,
            information=spec.collects_information,
            evaluate=spec.statistics.evaluates,
        )
    chosen = TaskInstances(
        _names(section, "step"),
        section.take("aggregate", str),
        section.take("certify", str),
        _names(section, "information") if "information" in section else (),
        _names(section, "evaluate") if "evaluate" in section else (),
        section.optional("predict", str),
    )
    section.done()
    return chosen


def _names(section: _Section, key: str) -> tuple[str, ...]:
    names = section.take(key, list)
    if not all(isinstance(name, str) for name in names):
        raise SpecError(f"`instances.{key}` is not a list of names")
    return tuple(names)


class _Section:
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

    def section(self, key: str) -> _Section:
        """A table below this one; empty where there is none."""
        self.known.append(key)
        return _Section(self.content.get(key, {}), self._place(key))

    def done(self) -> None:
        """SpecError for the first key that nobody asked for."""
        for key in self.content:
            if key not in self.known:
                close = difflib.get_close_matches(str(key), self.known, n=1)
                allowed = f"Did you mean `{close[0]}`?" if close else f"Known here: {', '.join(sorted(self.known))}."
                raise SpecError(f"`{self._place(str(key))}` is no key of a specification", hint=allowed)

    def _place(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key
