"""What a network's metadata document says of its model, for the people who ask it.

JSON in UTF-8, with the usual fields of a model card, and a label, a unit and a range for each value that goes in. The
registry keeps the SHA-256 of the document's bytes as they are: who shows a document compares that first. All texts are
plain text, never markup. The document explains a specification, and changes none of its meaning.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from twopm_zk.errors import MetadataError
from twopm_zk.system.parsing import parse_json
from twopm_zk.task.inputs import MAX_CATEGORIES, Input
from twopm_zk.task.specification import TaskSpec

FORMAT = 1
MAX_BYTES = 1 << 16
_TEXTS = {"title": 120, "purpose": 2000, "intended_use": 2000, "limits": 2000, "contact": 200, "licence": 200}
"""The most characters of each."""
_NAME, _LABEL, _UNIT, _HELP = 200, 80, 40, 500
_HASH = re.compile(r"0x[0-9a-f]{64}")


@dataclass(frozen=True)
class MetadataInput:
    """One value that goes in: a source of the specification, as people read it."""

    name: str
    """As in the specification."""
    label: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    help: str = ""
    categories: Mapping[str, str] = field(default_factory=dict)
    """Labels of the categories, by their name in the specification."""


@dataclass(frozen=True)
class MetadataOutput:
    """What comes out, as people read it."""

    label: str
    unit: str = ""
    help: str = ""


@dataclass(frozen=True, kw_only=True)
class NetworkMetadata:
    """A metadata document."""

    title: str
    purpose: str
    intended_use: str
    limits: str
    contact: str
    specification: str
    """The specification's hash, as 0x text."""
    inputs: tuple[MetadataInput, ...]
    output: MetadataOutput
    licence: str = ""
    content: bytes = field(default=b"", repr=False, compare=False)
    """The document's bytes as they were read; written anew where there are none."""

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """The document in these bytes. Raises MetadataError."""
        if len(content) > MAX_BYTES:
            raise MetadataError(f"the metadata document has {len(content)} bytes; {MAX_BYTES} are allowed")
        fields = _Fields(parse_json(content, what="the metadata document", error=MetadataError), "")
        if fields.take("format") != FORMAT:
            raise MetadataError(f"`format` of the metadata document is not {FORMAT}")
        texts = {name: fields.text(name, most, empty=name == "licence") for name, most in _TEXTS.items()}
        specification = fields.text("specification", 66)
        if not _HASH.fullmatch(specification):
            raise MetadataError("`specification` is not a hash: 0x and 64 digits, letters in lower case")
        items = fields.take("inputs")
        if not isinstance(items, list):
            raise MetadataError("`inputs` is not a list")
        inputs = tuple(_input(_Fields(item, f"inputs[{place}].")) for place, item in enumerate(items))
        names = [one.name for one in inputs]
        if repeated := [name for name in names if names.count(name) > 1]:
            raise MetadataError(f"`inputs` has {repeated[0]!r} more than once")
        output = _output(_Fields(fields.take("output"), "output."))
        fields.done()
        return cls(**texts, specification=specification, inputs=inputs, output=output, content=content)

    @property
    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        found: dict[str, Any] = {"format": FORMAT}
        found |= {name: getattr(self, name) for name in _TEXTS if name != "licence" or self.licence}
        found["specification"] = self.specification
        found["inputs"] = [_input_document(one) for one in self.inputs]
        found["output"] = {"label": self.output.label, "unit": self.output.unit, "help": self.output.help}
        return found

    @property
    def encoded(self) -> bytes:
        """The bytes whose hash the registry keeps."""
        return self.content or (json.dumps(self.document, indent=2, ensure_ascii=False) + "\n").encode()

    @property
    def sha256(self) -> bytes:
        """What the registry keeps."""
        return hashlib.sha256(self.encoded).digest()

    def require_specification(self, spec_hash: bytes) -> None:
        """Raise MetadataError where the document is of another specification."""
        if self.specification != "0x" + spec_hash.hex():
            raise MetadataError(
                f"the metadata document is of specification {self.specification}, not of 0x{spec_hash.hex()}",
                kind="other-specification",
            )

    def require_of(self, spec: TaskSpec) -> None:
        """Raise MetadataError where the document is of another specification, or its inputs are not that one's."""
        self.require_specification(spec.spec_hash)
        names = [one.name for one in self.inputs]
        sources = {one.name: one for one in spec.sources}
        if other := [name for name in sources if name not in names] + [name for name in names if name not in sources]:
            raise MetadataError(f"`inputs` and the features of the specification differ in {other[0]!r}")
        for one in self.inputs:
            known = sources[one.name].categories
            if unknown := [name for name in one.categories if name not in known]:
                raise MetadataError(f"`inputs`: {one.name!r} has no category {unknown[0]!r} in the specification")


def draft(spec: TaskSpec) -> NetworkMetadata:
    """A document to fill in: all that the specification says, and for the rest what belongs there."""
    title = spec.name or f"A model of {spec.label}"
    inputs = tuple(_draft_input(one, spec) for one in spec.sources)
    return draft_of(title, spec.spec_hash, inputs=inputs, output=MetadataOutput(spec.label))


def draft_of(
    title: str, spec_hash: bytes, *, inputs: tuple[MetadataInput, ...] = (), output: MetadataOutput
) -> NetworkMetadata:
    """A document to fill in, of a model with these values; without inputs of one that takes no single values."""
    return NetworkMetadata(
        title=title,
        purpose="What the model tells, and why it was made.",
        intended_use="Who may rely on its predictions, and for what.",
        limits="What it was not made for, and where it is known to be wrong.",
        contact="Whom to write to.",
        specification="0x" + spec_hash.hex(),
        inputs=inputs,
        output=output,
    )


def _draft_input(one: Input, spec: TaskSpec) -> MetadataInput:
    ends = next((column for column in spec.columns if one.plain and column.name == one.name), one)
    categories = {name: name for name in one.categories}
    return MetadataInput(one.name, one.name, minimum=ends.low, maximum=ends.high, categories=categories)


def hash_text(spec: TaskSpec) -> str:
    """The hash of a specification as a metadata document has it."""
    return "0x" + spec.spec_hash.hex()


class _Fields:
    """One object of the document; remembers which fields were asked for, so that any other is an error."""

    def __init__(self, content: object, path: str) -> None:
        if not isinstance(content, dict):
            raise MetadataError(f"`{path.removesuffix('.')}` is not an object" if path else "it is not an object")
        self.content, self.path = content, path
        self._known: set[str] = set()

    def take(self, name: str) -> Any:
        """The value of a field; MetadataError where it is missing."""
        self._known.add(name)
        if name not in self.content:
            raise MetadataError(f"`{self.path}{name}` of the metadata document is missing")
        return self.content[name]

    def text(self, name: str, most: int, *, empty: bool = False) -> str:
        """A text of at most so many characters, none of them a control character but a line's end."""
        if empty and name not in self.content:
            self._known.add(name)
            return ""
        value = self.take(name)
        if not isinstance(value, str) or not (empty or value.strip()):
            raise MetadataError(f"`{self.path}{name}` of the metadata document is not a text")
        if len(value) > most:
            raise MetadataError(
                f"`{self.path}{name}` of the metadata document has {len(value)} characters; {most} are allowed"
            )
        if any(not (char.isprintable() or char == "\n") for char in value):
            raise MetadataError(f"`{self.path}{name}` of the metadata document has a character that cannot be shown")
        return value

    def bound(self, name: str) -> float | None:
        """A finite number, or None."""
        value = self.take(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise MetadataError(f"`{self.path}{name}` of the metadata document is neither a number nor null")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise MetadataError(f"`{self.path}{name}` of the metadata document is not finite")
        return number

    def done(self) -> None:
        """MetadataError for the first field that nobody asked for."""
        if unknown := [name for name in self.content if name not in self._known]:
            raise MetadataError(f"`{self.path}{unknown[0]:.40}` is no field of a metadata document")


def _input(fields: _Fields) -> MetadataInput:
    name, label = fields.text("name", _NAME), fields.text("label", _LABEL)
    unit, note = fields.text("unit", _UNIT, empty=True), fields.text("help", _HELP, empty=True)
    low, high = fields.bound("minimum"), fields.bound("maximum")
    if low is not None and high is not None and low > high:
        raise MetadataError(f"`{fields.path}minimum` of the metadata document is above its maximum")
    categories: dict[str, str] = {}
    if "categories" in fields.content:
        named = _Fields(fields.take("categories"), f"{fields.path}categories.")
        if not 0 < len(named.content) <= MAX_CATEGORIES:
            raise MetadataError(f"`{fields.path}categories` has none, or more than {MAX_CATEGORIES}")
        categories = {key: named.text(key, _LABEL) for key in named.content}
    fields.done()
    return MetadataInput(name, label, unit, low, high, note, categories)


def _output(fields: _Fields) -> MetadataOutput:
    found = MetadataOutput(
        fields.text("label", _LABEL), fields.text("unit", _UNIT, empty=True), fields.text("help", _HELP, empty=True)
    )
    fields.done()
    return found


def _input_document(one: MetadataInput) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": one.name,
        "label": one.label,
        "unit": one.unit,
        "minimum": one.minimum,
        "maximum": one.maximum,
        "help": one.help,
    }
    return found | ({"categories": dict(one.categories)} if one.categories else {})
