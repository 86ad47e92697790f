"""A first specification from what people know of their columns: answers, or a data dictionary; never from rows.

A data dictionary is a CSV file with a line for each column: ``name``, ``type`` (number, category, label, weight or
ignore), ``low``, ``high``, ``unit``, ``categories`` separated by bars, ``missing``, ``transform``; only ``name`` and
``type`` have to be there. A label with ``low`` and ``high`` is a number: then the model is a linear regression.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from twopm_zk.errors import CircuitTooLargeError, SpecError
from twopm_zk.privacy.terms import Privacy
from twopm_zk.statements import Family
from twopm_zk.system.parsing import parse_number
from twopm_zk.task.canonical import number
from twopm_zk.task.columns import same_name
from twopm_zk.task.instances import batch_rows
from twopm_zk.task.parts.penalty import penalty_on_grid
from twopm_zk.task.specification import TaskSpec
from twopm_zk.task.specification_file import parse_spec

TYPES = ("number", "category", "label", "weight", "ignore")
KEYS = ("name", "type", "low", "high", "unit", "categories", "missing", "transform", "positive", "negative")
_NUMBERS = ("low", "high", "unit")
_OF_TYPE = {
    "number": (*_NUMBERS, "missing", "transform"),
    "category": ("categories", "missing"),
    "label": (*_NUMBERS, "positive", "negative", "categories"),
    "weight": (),
    "ignore": KEYS,
}
"""Keys that mean something for a type."""
_STATISTICS = """
[statistics] # at the certified weights
information = true # standard errors
evaluation = true # how well they predict the rows of training
"""


@dataclass(frozen=True)
class Draft:
    """What is known of a task so far: entries of a data dictionary, and keys of the specification."""

    entries: tuple[Mapping[str, str], ...]
    penalty: float = 1.0
    name: str = ""
    formula: str | None = None
    privacy: Privacy | None = None
    data_name: str = ""
    """Of the data set, where that is not the task's name."""
    issuers: tuple[str, ...] = ()
    """Addresses of who may attest to an owner's data; empty where nobody has to."""
    statistics: bool = True
    """Ask for standard errors and an evaluation at the certified weights, where there are circuits for them."""
    batch: int | None = None
    """Rows of a batch, each of which is one proof; as many as usual where nobody says."""

    @property
    def rounded_penalty(self) -> float:
        """The nearest lambda that circuits hold."""
        return penalty_on_grid(self.penalty, self._family)

    @property
    def _family(self) -> Family:
        is_number = any(_is_number(entry) for entry in self.entries if entry.get("type") == "label")
        return Family.GAUSSIAN if is_number else Family.LOGISTIC

    def text(self) -> str:
        """The specification as TOML, which is parsed before it is given out. Raises SpecError that names the column."""
        content = "\n".join([*self._lines(), *self._data(), *self._privacy()]) + "\n"
        rows = self.batch or batch_rows(parse_spec(tomllib.loads(content)).family)
        instances = f"\n[instances]\nrows = {rows} # of a batch\n"
        for more in (*([_STATISTICS] if self.statistics else []), ""):
            try:
                parse_spec(tomllib.loads(content + more + instances))
            except CircuitTooLargeError:  # more columns than any circuit takes
                continue
            return content + more + instances
        return content

    def spec(self) -> TaskSpec:
        """What the text says."""
        return parse_spec(tomllib.loads(self.text()))

    def _lines(self) -> list[str]:
        by_type: dict[str, list[Mapping[str, str]]] = {kind: [] for kind in TYPES}
        for entry in self.entries:
            kind = entry.get("type", "") or "number"
            if kind not in by_type:
                raise SpecError(f"column {entry['name']!r} is of type {kind!r}; known: {', '.join(TYPES)}")
            by_type[kind].append(entry)
        if len(by_type["label"]) != 1 or len(by_type["weight"]) > 1:
            raise SpecError(
                f"there are {len(by_type['label'])} labels and {len(by_type['weight'])} weights",
                hint="A task has one label, and at most one column of weights.",
            )
        for kind, entries in by_type.items():
            for entry in entries:
                if other := [key for key in KEYS[2:] if entry.get(key) and key not in _OF_TYPE[kind]]:
                    raise SpecError(f"column {entry['name']!r} is of type {kind!r}, which has no `{other[0]}`")
        features = [entry for entry in self.entries if (entry.get("type") or "number") in ("number", "category")]
        lines = ["# Ranges, units and categories are public knowledge: a code book's, never a node's rows."]
        lines += [f"name = {_text(self.name)}"] if self.name else []
        lines += [f"family = {_text(self._family)}"] if self._family is Family.GAUSSIAN else []
        lines += [f"lambda = {_number(str(self.penalty), '`lambda`', self.rounded_penalty)}"]
        lines += [f"formula = {_text(self.formula)}"] if self.formula else []
        lines += [f"weights = {_text(entry['name'])}" for entry in by_type["weight"]]
        lines += self._label(by_type["label"][0])
        for entry in features:
            lines += ["", "[[features]]", f"name = {_text(entry['name'])}", *_feature(entry)]
        return lines

    def _data(self) -> list[str]:
        named = ["", "[data]", f"name = {_text(self.data_name)}"] if self.data_name else []
        if not self.issuers:
            return named
        issuers = f"issuers = [{', '.join(map(_text, self.issuers))}]"
        return [*named, "", "[provenance] # any one of them attests to each owner's data", issuers]

    def _privacy(self) -> list[str]:
        terms = self.privacy
        if terms is None:
            return []
        lines = ["", "[privacy] # noise that hides any one of them in what is published"]
        lines += [f"{key} = {_number(str(getattr(terms, key)), f'`privacy.{key}`')}" for key in ("epsilon", "delta")]
        lines += [f"unit = {_text(terms.unit)}"] if terms.unit != Privacy.unit else []
        lines += [f"honest = {terms.honest} # nodes of a set"] if terms.honest is not None else []
        norm = "" if terms.clip is None else _number(str(terms.clip), "`privacy.clip`")
        return lines + ([f"clip = {norm} # norm of a row's scaled features"] if norm else [])

    @staticmethod
    def _label(entry: Mapping[str, str]) -> list[str]:
        if _is_number(entry):
            if entry.get("positive") or entry.get("categories"):
                raise SpecError(f"label {entry['name']!r} has both a range and classes: it is a number, or one of two")
            ends = [f"{key} = {_number(entry[key], f'label: `{key}`')}" for key in _NUMBERS if entry.get(key)]
            return ["", "[label]", f"name = {_text(entry['name'])}", *ends]
        positive, negative = entry.get("positive", ""), _parts(entry.get("negative", ""))
        levels = _parts(entry.get("categories", ""))
        if not positive and levels:
            raise SpecError(f"label {entry['name']!r} has categories: say which is `positive`")
        if not positive:
            return [f"label = {_text(entry['name'])}"]
        negative = negative or [level for level in levels if level != positive]
        return [
            "",
            "[label]",
            f"name = {_text(entry['name'])}",
            f"positive = {_text(positive)}",
            *([f"negative = [{', '.join(map(_text, negative))}]"] if negative else []),
        ]


def entries_of(header: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[Mapping[str, str], ...]:
    """The entries of a data dictionary. Raises SpecError for keys that are unknown or missing."""
    keys = [name.strip().lower() for name in header]
    if unknown := [key for key in keys if key and key not in KEYS]:
        raise SpecError(f"a data dictionary has no {unknown[0]!r}", hint=f"Known: {', '.join(KEYS)}.")
    if "name" not in keys or "type" not in keys:
        raise SpecError("a data dictionary has a `name` and a `type` for each column")
    entries = [{key: cell.strip() for key, cell in zip(keys, row, strict=True) if key} for row in rows]
    for line, entry in enumerate(entries, start=1):
        if not entry["name"] and any(entry.values()):
            raise SpecError(f"entry {line} of the data dictionary has no `name`")
    return tuple({**entry, "name": same_name(entry["name"])} for entry in entries if entry["name"])


def _feature(entry: Mapping[str, str]) -> list[str]:
    levels, missing = _parts(entry.get("categories", "")), entry.get("missing", "")
    place = f"column {entry['name']!r}"
    if entry.get("type") == "category":
        lines = [f"categories = [{', '.join(map(_text, levels))}] # the first is the reference level"]
        return lines + ([f"missing = {_text(missing)}"] if missing else [])
    lines = [f"{key} = {_number(entry[key], f'{place}: `{key}`')}" for key in _NUMBERS if entry.get(key)]
    if missing:
        lines.append(f"missing = {_text(missing) if missing == 'refuse' else _number(missing, f'{place}: `missing`')}")
    if entry.get("transform"):
        lines.append(f"transform = {_text(entry['transform'])}")
    return lines


def _is_number(label: Mapping[str, str]) -> bool:
    return bool(label.get("low") or label.get("high"))


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split("|") if part.strip()]


def _number(text: str, place: str, value: float | None = None) -> str:
    """A number as the specification has it, or another ``value`` in place of a finite one."""
    try:
        read = parse_number(text)
    except ValueError:
        raise SpecError(f"{place} is not a number") from None
    if not math.isfinite(read):
        raise SpecError(f"{place} is not finite")
    return number(read if value is None else value)


def _text(value: str) -> str:
    """A text in TOML, whose escapes are those of JSON."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise SpecError("a name or text is not UTF-8") from None
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
