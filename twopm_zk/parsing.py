"""JSON from files and the network, parsed without trust."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from twopm_zk.errors import InputError
from twopm_zk.project import read_bytes

MAX_DEPTH = 32
_BRACKET = re.compile(rb"[\[\]{}]")


def parse_json(content: bytes, *, what: str, error: type[InputError] = InputError) -> Any:
    """The document in ``content``; ``error`` says what it is not, and quotes none of it.

    Nesting beyond MAX_DEPTH is refused first: py_ecc raises Python's recursion limit, and deep nesting then
    overflows the C stack inside ``json``. (Brackets in strings count too: no document of ours has that many.)
    """
    depth = 0
    for match in _BRACKET.finditer(content):
        depth += 1 if match.group() in b"[{" else -1
        if depth > MAX_DEPTH:
            raise error(f"{what} is nested more than {MAX_DEPTH} deep")
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise error(f"{what} is not JSON") from None


def read_json(path: Path, *, what: str, error: type[InputError] = InputError) -> Any:
    """Parse a file that the user named."""
    return parse_json(read_bytes(path, what=what), what=f"{what} {str(path)!r}", error=error)
