"""Specifications of federated learning as files: TOML or JSON with ``kind = "federated"``, parsed strictly."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from twopm_zk.errors import SpecError
from twopm_zk.federated.checks import Shape
from twopm_zk.federated.rule import AggregationRule
from twopm_zk.federated.specification import KIND, SECONDS, VERSION, FederatedSpec
from twopm_zk.privacy.terms import Privacy
from twopm_zk.system.files import StrPath, write_text
from twopm_zk.task.parts.data import read_provenance
from twopm_zk.task.section import Section
from twopm_zk.task.specification import TaskSpec
from twopm_zk.task.specification_file import parse_spec, read_document

_DEFAULTS = {name: field.default for name, field in FederatedSpec.__dataclass_fields__.items()}


def read_specification(path: StrPath) -> TaskSpec | FederatedSpec:
    """Parse a ``.toml`` or ``.json`` file of either kind. InputError where it cannot be read, SpecError for content."""
    document = read_document(path)
    return parse_federated(document) if is_federated(document) else parse_spec(document)


def read_federated(path: StrPath) -> FederatedSpec:
    """Parse a file of federated learning. InputError where it cannot be read, SpecError for its content."""
    return parse_federated(read_document(path))


def write_federated(spec: FederatedSpec, path: StrPath) -> None:
    """Write a JSON file with every default in it; reading it back gives the same hash."""
    write_text(path, json.dumps(spec.document, indent=2, ensure_ascii=False) + "\n")


def is_federated(document: object) -> bool:
    """Whether what a parser returned says that it is of federated learning."""
    return isinstance(document, dict) and document.get("kind") == KIND


def parse_federated(document: object) -> FederatedSpec:
    """A specification from what a TOML or JSON parser returned."""
    top = Section(document, "")
    kind = top.take("kind", str)
    if kind != KIND:
        raise SpecError(f"`kind` is {kind!r}; of federated learning it is {KIND!r}")
    version = top.take("version", int, VERSION)
    if version != VERSION:
        raise SpecError(f"`version` is {version}; this release reads version {VERSION}")
    model, update, rule, rounds = (top.section(key) for key in ("model", "update", "rule", "rounds"))
    minimum, maximum, storage, data = (top.section(key) for key in ("minimum", "maximum", "storage", "data"))
    fit = top.optional("fit", dict) or {}
    initial = model.optional("initial", str)
    spec: dict[str, Any] = {
        "title": top.take("title", str),
        "description": top.take("description", str, ""),
        "model": model.take("name", str, ""),
        "shapes": tuple(_shape(entry, index) for index, entry in enumerate(model.take("arrays", list))),
        "initial": None if initial is None else _digest(initial),
        "clip": update.take("clip", float),
        **{key: _take(update, key) for key in ("frac_bits", "weighting", "maximum_examples", "evaluate")},
        "rule": AggregationRule(
            rule.take("name", str, AggregationRule.name),
            *(rule.take(key, float, getattr(AggregationRule, key)) for key in ("server_rate", "momentum", "proximal")),
        ),
        "fit": fit,
        "maximum_rounds": rounds.take("maximum", int, _DEFAULTS["maximum_rounds"]),
        **{key: _take(rounds, key) for key in ("quorum_percent", *SECONDS)},
        "minimum_nodes": minimum.take("nodes", int, _DEFAULTS["minimum_nodes"]),
        "maximum_nodes": maximum.take("nodes", int, _DEFAULTS["maximum_nodes"]),
        "locations": tuple(storage.texts("locations")),
        "privacy": _privacy(top),
        "data_name": data.optional("name", str),
        "data_fields": data.texts("fields"),
        "provenance": read_provenance(top),
    }
    for section in (model, update, rule, rounds, minimum, maximum, storage, data, top):
        section.done()
    return FederatedSpec(**spec)


def with_initial(spec: FederatedSpec, initial: bytes) -> FederatedSpec:
    """The specification that names what training starts from, by the hash of `results.first_result`."""
    return replace(spec, initial=initial)


def _take(section: Section, key: str) -> Any:
    default = _DEFAULTS[key]
    return section.take(key, type(default), default)


def _shape(entry: object, index: int) -> Shape:
    if not isinstance(entry, list) or not all(type(side) is int for side in entry):
        raise SpecError(f"`model.arrays[{index}]` is not a list of integers")
    return tuple(entry)


def _digest(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != 32 or found.hex() != text:
        raise SpecError("`model.initial` is not a SHA-256: 64 hex digits in lower case")
    return found


def _privacy(top: Section) -> Privacy | None:
    if "privacy" not in top:
        return None
    section = top.section("privacy")
    terms = Privacy(
        section.take("epsilon", float),
        section.take("delta", float),
        section.take("unit", str, "node"),  # type: ignore[arg-type]
        section.optional("honest", int),
    )
    section.done()
    return terms
