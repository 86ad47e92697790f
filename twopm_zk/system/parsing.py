"""JSON from files and the network, parsed without trust."""

from __future__ import annotations

import json
import re
from typing import Any

from twopm_zk.errors import InputError
from twopm_zk.system.files import StrPath, read_bytes, shown

MAX_DEPTH = 32
MAX_JSON = 256 << 20
"""Bytes of a file: a million inputs of a circuit have 80."""
MAX_DIGITS = 100
"""The longest integer that is read from text: the largest that means anything here, a word of 256 bits, has 78."""
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf(?:inity)?)", re.IGNORECASE)
_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_OTHERS = bytes(byte for byte in range(256) if byte not in b'"[]{}')
_STEPS = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}


def is_nested(content: bytes, *, deeper: int = MAX_DEPTH) -> bool:
    """Whether brackets of a document in UTF-8, JSON or none, are open in one another more than ``deeper``.

    py_ecc raises Python's recursion limit, and deep nesting then overflows the C stack inside ``json``: ask this first.
    """
    if b"\\" not in content:  # a pair of quotes with nothing between them changes nothing for what is around it
        content = content.translate(None, _OTHERS).replace(b'""', b"")
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(content):
        depth += _STEPS.get(match.group(), 0)
        if depth > deeper:
            return True
    return False


def parse_json(content: bytes, *, what: str, error: type[InputError] = InputError) -> Any:
    """The UTF-8 document in ``content``; ``error`` says what it is not, and quotes none of it.

    Nesting beyond MAX_DEPTH is refused first.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise error(f"{what} is not JSON: not in UTF-8") from None
    if is_nested(content):
        raise error(f"{what} is nested more than {MAX_DEPTH} deep")

    def integer(digits: str) -> int:
        if len(digits) > MAX_DIGITS:
            raise error(f"{what} holds an integer of more than {MAX_DIGITS} digits")
        return int(digits)

    try:
        return json.loads(text, parse_int=integer)
    except json.JSONDecodeError as wrong:
        raise error(f"{what} is not JSON: line {wrong.lineno}, column {wrong.colno}") from None
    except (ValueError, RecursionError):
        raise error(f"{what} is not JSON") from None


def parse_natural(text: str, *, what: str, limit: int) -> int:
    """A natural number below ``limit`` in decimal digits. InputError for anything else, which is not quoted."""
    digits = text if len(text) <= MAX_DIGITS and text.isascii() and text.isdecimal() else None
    if digits is None or int(digits) >= limit:
        raise InputError(f"{what} is not a natural number below {limit}")
    return int(digits)


def parse_number(text: str) -> float:
    """A decimal number with ASCII digits; infinite or NaN where it says so, or is beyond what a double holds.

    Raises ValueError for anything else that Python's ``float`` would take: underscores, digits of other scripts.
    """
    if not (_NUMBER.fullmatch(text.strip()) or _NOT_FINITE.fullmatch(text.strip())):
        raise ValueError("not a decimal number")
    return float(text)


def read_json(path: StrPath, *, what: str, error: type[InputError] = InputError) -> Any:
    """Parse a file that the user named."""
    return parse_json(read_bytes(path, what=what, limit=MAX_JSON), what=f"{what} {shown(path)}", error=error)
