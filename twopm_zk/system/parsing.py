"""JSON from files and the network, parsed without trust."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from twopm_zk.errors import InputError
from twopm_zk.system.files import read_bytes

MAX_DEPTH = 32
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


def parse_json(content: bytes, *, what: str, error: type[InputError] = InputError) -> Any:
    """The UTF-8 document in ``content``; ``error`` says what it is not, and quotes none of it.

    Nesting beyond MAX_DEPTH is refused first: py_ecc raises Python's recursion limit, and deep nesting then
    overflows the C stack inside ``json``.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise error(f"{what} is not JSON: not in UTF-8") from None
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match.group(), 0)
        if depth > MAX_DEPTH:
            raise error(f"{what} is nested more than {MAX_DEPTH} deep")
    try:
        return json.loads(text)
    except json.JSONDecodeError as wrong:
        raise error(f"{what} is not JSON: line {wrong.lineno}, column {wrong.colno}") from None
    except (ValueError, RecursionError):
        raise error(f"{what} is not JSON") from None


def read_json(path: Path, *, what: str, error: type[InputError] = InputError) -> Any:
    """Parse a file that the user named."""
    return parse_json(read_bytes(path, what=what), what=f"{what} {str(path)!r}", error=error)
