"""Specifications as files: TOML or JSON, parsed strictly into `TaskSpec`.

An unknown key, a value of another type, a missing key: each is an error that names the key. A feature without
``centre`` and ``scale`` gets them from its ``low``, ``high``, ``mean``, ``sd`` and ``unit``.
"""

from __future__ import annotations

import json
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from twopm_zk.errors import SpecError
from twopm_zk.numbers.fixed_point import FEATURES, Format
from twopm_zk.privacy.terms import Privacy
from twopm_zk.statements import Family
from twopm_zk.system.files import StrPath, read_bytes, write_text
from twopm_zk.system.parsing import parse_json
from twopm_zk.task.checks import check_format
from twopm_zk.task.columns import Column, choose_column, same_name
from twopm_zk.task.expansion import Feature, expand
from twopm_zk.task.formula import parse_formula
from twopm_zk.task.inputs import Input, level_text
from twopm_zk.task.instances import TaskInstances, batch_rows
from twopm_zk.task.outcome import Frequencies, Outcome, class_weights, family_named
from twopm_zk.task.parts.data import read_provenance
from twopm_zk.task.parts.descent import read_descent
from twopm_zk.task.parts.statistics import Statistics
from twopm_zk.task.parts.step_rule import NEWTON, StepRule, default_rule
from twopm_zk.task.section import Section
from twopm_zk.task.specification import PRIVATE_ROUNDS, SECONDS, VERSION, TaskSpec

_DEFAULTS = {name: field.default for name, field in TaskSpec.__dataclass_fields__.items()}


def read_spec(path: StrPath) -> TaskSpec:
    """Parse a ``.toml`` or ``.json`` file. Raises InputError where it cannot be read, SpecError for its content."""
    return parse_spec(read_document(path))


def read_document(path: StrPath) -> object:
    """What a ``.toml`` or ``.json`` file says, before anything of it is known to be right."""
    path = Path(path)
    content = read_bytes(path, what="specification")
    if path.suffix != ".toml":
        return parse_json(content, what=f"specification {str(path)!r}", error=SpecError)
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SpecError(f"specification {str(path)!r} is not TOML: {error}") from error


def write_spec(spec: TaskSpec, path: StrPath) -> None:
    """Write a JSON file with every default in it; reading it back gives the same hash."""
    write_text(path, json.dumps(spec.document, indent=2, ensure_ascii=False) + "\n")


def parse_spec(document: object) -> TaskSpec:
    """A specification from what a TOML or JSON parser returned."""
    top = Section(document, "")
    if "kind" in top:
        raise SpecError("`kind` is given: this is no specification of a regression, which has none", kind="other-kind")
    version = top.take("version", int, VERSION)
    if version != VERSION:
        raise SpecError(f"`version` is {version}; this release reads version {VERSION}")
    shape = top.section("format")
    format = Format(shape.take("bits", int, FEATURES.bits), shape.take("frac_bits", int, FEATURES.frac_bits))
    shape.done()
    check_format(format)
    family = family_named(top.take("family", str, Family.LOGISTIC.value))
    privacy = _privacy(top)
    step = top.section("step")
    usual = default_rule(family, private=privacy is not None)
    rule = StepRule(
        step.take("rule", str, usual.rule),
        step.take("factor", float, usual.factor),
        step.take("curvature", str, _curvature(step, usual)),  # type: ignore[arg-type]
    )
    step.done()
    label, outcome = _label(top, family, format)
    features = [_feature(entry, index) for index, entry in enumerate(top.take("features", list))]
    inputs = [_input(entry, index) for index, entry in enumerate(top.optional("inputs", list) or [])]
    text = top.optional("formula", str)
    formula = None if text is None else parse_formula(text)
    if formula is not None and formula.label not in (None, label):
        raise SpecError(f"`formula` is of {formula.label!r}, `label` is {label!r}")
    expanded = expand(features, inputs, formula, format=format)
    weights = class_weights(top.optional("class_weights", dict) or {}, outcome, family)
    column = top.optional("weights", str)
    data = top.section("data")
    rounds, minimum, maximum = top.section("rounds"), top.section("minimum"), top.section("maximum")
    asked = top.section("statistics")
    statistics = Statistics(**{key: asked.take(key, bool, False) for key in ("information", "evaluation", "held_out")})
    spec: dict[str, Any] = {
        "columns": expanded.columns,
        "label": label,
        "inputs": expanded.inputs,
        "family": family,
        "outcome": outcome,
        "frequencies": Frequencies(None if column is None else same_name(column), *weights),
        "penalty": top.take("lambda", float),
        "name": top.take("name", str, ""),
        "data_name": data.optional("name", str),
        "provenance": read_provenance(top),
        "format": format,
        "weight_bound": top.take("weight_bound", float, _DEFAULTS["weight_bound"]),
        "step": rule,
        "decrement_bound": top.take("decrement_bound", float, _DEFAULTS["decrement_bound"]),
        "gradient_bound": top.optional("gradient_bound", float),
        "maximum_rounds": rounds.take("maximum", int, PRIVATE_ROUNDS if privacy else _DEFAULTS["maximum_rounds"]),
        **{name: rounds.take(name, int, _DEFAULTS[name]) for name in SECONDS},
        "maximum_updates": maximum.take("updates", int, _DEFAULTS["maximum_updates"]),
        "maximum_node_updates": maximum.take("updates_per_node", int, _DEFAULTS["maximum_node_updates"]),
        "minimum_nodes": minimum.take("nodes", int, _DEFAULTS["minimum_nodes"]),
        "minimum_rows": minimum.take("rows", int, _DEFAULTS["minimum_rows"]),
        "minimum_node_rows": minimum.take("rows_per_node", int, _DEFAULTS["minimum_node_rows"]),
        "statistics": statistics,
        "privacy": privacy,
        "descent": read_descent(top),
    }
    chosen = top.section("instances") if "instances" in top else None
    for section in (data, rounds, minimum, maximum, asked, top):
        section.done()
    parsed = TaskSpec(**spec)
    if chosen is not None:
        parsed = replace(parsed, instances=_instances(chosen, parsed))
        _ = parsed.round_instances
    return parsed


def _curvature(step: Section, usual: StepRule) -> str:
    """Newton's rule takes information, whatever other rules start from."""
    return StepRule.curvature if step.content.get("rule") == NEWTON else usual.curvature


def _privacy(top: Section) -> Privacy | None:
    if "privacy" not in top:
        return None
    section = top.section("privacy")
    terms = Privacy(
        section.take("epsilon", float),
        section.take("delta", float),
        section.take("unit", str, Privacy.unit),  # type: ignore[arg-type]
        section.optional("honest", int),
        section.optional("clip", float),
    )
    section.done()
    return terms


def _label(top: Section, family: Family, format: Format) -> tuple[str, Outcome]:
    """The label's name, alone or in a table with what is known of its values."""
    if not isinstance(top.content.get("label"), dict):
        return same_name(top.take("label", str)), Outcome()
    section = top.section("label")
    name = same_name(section.take("name", str))
    value = section.value("positive")
    positive = None if value is None else level_text(value, "`label.positive`")
    negative = section.texts("negative")
    known = {key: section.optional(key, float) for key in ("low", "high", "mean", "sd", "unit")}
    centre, scale = section.optional("centre", float), section.optional("scale", float)
    section.done()
    if family == "logistic" and all(value is None for value in (*known.values(), centre, scale)):
        return name, Outcome(positive, negative)
    column = _constants(name, known, centre, scale, of="label")
    return name, Outcome(positive, negative, column or choose_column(name, **known, format=format))


def _constants(
    name: str, known: dict[str, float | None], centre: float | None, scale: float | None, *, of: str
) -> Column | None:
    """The column that has its constants already; None where they are to be chosen."""
    if scale is None and centre is None:
        return None
    if known["mean"] is not None or known["sd"] is not None:
        raise SpecError(f"{of}, {name!r}: `mean` and `sd` serve to choose `centre` and `scale`; give one pair")
    if centre is None or scale is None:
        raise SpecError(f"{of}, {name!r}: `centre` and `scale` come together")
    return Column(name, centre, scale, known["low"], known["high"], known["unit"])


def _feature(entry: object, index: int) -> Feature:
    section = Section(entry, f"features[{index}]")
    name = section.take("name", str)
    known = {key: section.optional(key, float) for key in ("low", "high", "mean", "sd", "unit")}
    centre, scale = section.optional("centre", float), section.optional("scale", float)
    product = tuple(_factor(pair, name) for pair in section.optional("product", list) or [])
    if product:
        section.done()
    one = Input(name) if product else _read_as(section, name, known["low"], known["high"])
    _constants(name, known, centre, scale, of="features")
    return Feature(one, centre, scale, known, product)


def _factor(pair: object, name: str) -> tuple[str, int]:
    match pair:
        case [str(factor), int(power)] if not isinstance(power, bool):
            return same_name(factor), power
    raise SpecError(f"features, {name!r}: `product` is a list of pairs of a name and a power")


def _input(entry: object, index: int) -> Input:
    section = Section(entry, f"inputs[{index}]")
    name = section.take("name", str)
    return _read_as(section, name, section.optional("low", float), section.optional("high", float))


def _read_as(section: Section, name: str, low: float | None, high: float | None) -> Input:
    """How the cells of a column are read, by the keys of its entry that are not read yet."""
    ends, missing = section.optional("winsorise", list), section.value("missing")
    categories, transform = section.texts("categories"), section.optional("transform", str)
    section.done()
    winsorise = None if ends is None else tuple(_number(end) for end in ends)
    if winsorise is not None and (len(winsorise) != 2 or any(isinstance(end, str) for end in winsorise)):
        raise SpecError(f"{name!r}: `winsorise` is two numbers")
    if "categories" in section and not categories:
        raise SpecError(f"{name!r}: `categories` is empty")
    if missing == "refuse":
        missing = None
    elif missing is not None:
        missing = level_text(missing, f"{name!r}: `missing`") if categories else _number(missing)
    return Input(name, low, high, categories, missing, transform, winsorise)  # type: ignore[arg-type]


def _number(value: object) -> float | str:
    """A number as such, and anything else as what `Input` refuses."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        return "no number"
    return float(value)


def _instances(section: Section, spec: TaskSpec) -> TaskInstances:
    """Either names, or a size: ``rows`` of a batch."""
    if "step" not in section:
        rows = section.take("rows", int, batch_rows(spec.family, noise=spec.privacy is not None))
        section.done()
        if rows < 1:
            raise SpecError(f"`instances.rows` is {rows}; it must be 1 or more")
        return spec.smallest_instances(rows=rows)
    chosen = TaskInstances(
        _names(section, "step"),
        section.take("aggregate", str),
        section.take("certify", str),
        _names(section, "information") if "information" in section else (),
        section.optional("predict", str),
        _names(section, "evaluate") if "evaluate" in section else (),
    )
    section.done()
    return chosen


def _names(section: Section, key: str) -> tuple[str, ...]:
    names = section.take(key, list)
    if not all(isinstance(name, str) for name in names):
        raise SpecError(f"`instances.{key}` is not a list of names")
    return tuple(names)
