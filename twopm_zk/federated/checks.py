"""Limits of a federated specification's values; every refusal names the key of the file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from twopm_zk.errors import SpecError
from twopm_zk.system.content_store import objection
from twopm_zk.task.checks import require

MAX_PARAMETERS = 1 << 27
MAX_ARRAYS = 4096
MAX_DIMENSIONS = 8
MAX_SETTINGS = 64
MAX_LOCATIONS = 16
_MAX_TEXT = 4000
_SAFE_INTEGER = 1 << 53

Setting = str | bool | int | float
Shape = tuple[int, ...]


def check_texts(title: str, description: str, model: str) -> None:
    """SpecError for texts that are too long or cannot be printed, and for a title that is empty."""
    if not title.strip():
        raise SpecError("`title` is empty")
    for key, text, most in (
        ("title", title, 200),
        ("description", description, _MAX_TEXT),
        ("model.name", model, 200),
    ):
        if len(text) > most:
            raise SpecError(f"`{key}` has {len(text)} characters; allowed: {most}")
        if not all(character.isprintable() or character in "\n\t" for character in text):
            raise SpecError(f"`{key}` has a character that cannot be printed")


def check_shapes(shapes: Sequence[Shape]) -> None:
    """SpecError unless all are shapes of arrays that are not too large together."""
    require("model.arrays", len(shapes), 1, MAX_ARRAYS)
    for index, shape in enumerate(shapes):
        if len(shape) > MAX_DIMENSIONS or not all(0 < side <= MAX_PARAMETERS for side in shape):
            raise SpecError(
                f"`model.arrays[{index}]` is no shape: up to {MAX_DIMENSIONS} integers from 1 to {MAX_PARAMETERS}"
            )
    count = sum(math.prod(shape) for shape in shapes)
    if count > MAX_PARAMETERS:
        raise SpecError(f"`model.arrays` have {count} numbers together; allowed: {MAX_PARAMETERS}")


def checked_settings(fit: Mapping[str, Setting]) -> dict[str, Setting]:
    """Settings as all participants get them: a number that is whole is an integer, as canonical JSON has it."""
    if len(fit) > MAX_SETTINGS:
        raise SpecError(f"`fit` has {len(fit)} keys; allowed: {MAX_SETTINGS}")
    found: dict[str, Setting] = {}
    for key, value in fit.items():
        if not key.isascii() or not key.isidentifier() or len(key) > 64 or key in ("round", "proximal_mu"):
            raise SpecError(f"`fit` has the key {key[:80]!r}; keys are names, and not `round` or `proximal_mu`")
        if isinstance(value, str):
            if len(value) > _MAX_TEXT:
                raise SpecError(f"`fit.{key}` has {len(value)} characters; allowed: {_MAX_TEXT}")
        elif not isinstance(value, bool):
            if not isinstance(value, int | float) or not abs(value) < math.inf:
                raise SpecError(f"`fit.{key}` is neither a text, nor a finite number, nor true or false")
            if value == int(value):
                value = int(value)
                if abs(value) > _SAFE_INTEGER:
                    raise SpecError(f"`fit.{key}` is an integer beyond 2^53")
        found[key] = value
    return found


def check_locations(locations: Sequence[str]) -> None:
    """SpecError unless each is a URL of a folder that may be stored in, and no two are the same.

    A specification is somebody else's text, and every node reads and writes what it names.
    """
    if not 1 <= len(locations) <= MAX_LOCATIONS:
        raise SpecError(f"`storage.locations` has {len(locations)} URLs; allowed: 1 to {MAX_LOCATIONS}")
    for index, location in enumerate(locations):
        if reason := objection(location):
            raise SpecError(f"`storage.locations[{index}]` {reason}")
    if len({location.rstrip("/") for location in locations}) < len(locations):
        raise SpecError("`storage.locations` has a folder more than once")
