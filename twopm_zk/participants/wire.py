"""JSON from other participants, parsed once and strictly.

An object has exactly the keys that are asked for, none of them twice; numbers that can be large are strings in one
spelling; text, lists and nesting have limits. Whatever is wrong is a MessageError ``malformed`` that names the key
and never shows a value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from twopm_zk.errors import MessageError

MALFORMED = "malformed"
_MAX_BRACKETS = 4096
_MAX_DIGITS = 160
_SMALL_DIGITS = 18
_DECIMAL = re.compile(r"0|-?[1-9][0-9]*")
_HEX = re.compile(r"(?:[0-9a-f]{2})*")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


def malformed(what: str) -> MessageError:
    """The error for a message that is not one."""
    return MessageError(MALFORMED, f"the message is malformed: {what}")


def encode(value: Any) -> bytes:
    """A value as the JSON bytes that `parse` reads."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def parse(data: bytes, *, limit: int) -> Any:
    """A JSON value of at most ``limit`` bytes, without floats, repeated keys or deep nesting."""
    if len(data) > limit:
        raise MessageError("too_large", f"a message has {len(data)} bytes, the limit is {limit}")
    if data.count(b"[") + data.count(b"{") > _MAX_BRACKETS:
        raise malformed("too many brackets")
    try:
        return json.loads(
            data.decode(),
            object_pairs_hook=_object,
            parse_int=_small_integer,
            parse_float=_no_number,
            parse_constant=_no_number,
        )
    except (ValueError, RecursionError):
        raise malformed("not JSON") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise malformed("a key appears twice")
    return found


def _small_integer(text: str) -> int:
    if len(text) > _SMALL_DIGITS or text == "-0":
        raise malformed("a number is too long")
    return int(text)


def _no_number(text: str) -> Any:
    raise malformed("a number is not an integer")


class Fields:
    """The keys of one object, each of a type and in a range."""

    def __init__(self, value: Any, what: str, names: Iterable[str]) -> None:
        if not isinstance(value, dict):
            raise malformed(f"{what} is not an object")
        wanted = set(names)
        if missing := sorted(wanted - value.keys()):
            raise malformed(f"{what} lacks {missing[0]!r}")
        if value.keys() - wanted:
            raise malformed(f"{what} has a key that is not known")
        self._value, self._what = value, what

    def _wrong(self, name: str, why: str) -> MessageError:
        return malformed(f"{name!r} of {self._what} {why}")

    def any(self, name: str) -> Any:
        """The value of a key, whatever it is."""
        return self._value[name]

    def text(self, name: str, *, limit: int) -> str:
        """Printable text of at most ``limit`` characters."""
        value = self._value[name]
        if not isinstance(value, str) or len(value) > limit or not value.isprintable():
            raise self._wrong(name, f"is not a printable text of at most {limit} characters")
        return value

    def choice(self, name: str, allowed: Iterable[str]) -> str:
        """The value of a key, which is one of the allowed words."""
        value = self._value[name]
        if not isinstance(value, str) or value not in allowed:
            raise self._wrong(name, "is not one of the known words")
        return value

    def integer(self, name: str, *, low: int = 0, high: int) -> int:
        """A JSON number from ``low`` to ``high``."""
        value = self._value[name]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self._wrong(name, f"is not an integer from {low} to {high}")
        return value

    def decimal(self, name: str, *, low: int = 0, high: int) -> int:
        """An integer of any size, as a decimal string in its shortest spelling."""
        return self._decimal(name, self._value[name], low, high)

    def decimals(self, name: str, *, count: int, low: int, high: int) -> tuple[int, ...]:
        """A list of exactly ``count`` such strings."""
        return tuple(self._decimal(name, item, low, high) for item in self.items(name, count=count))

    def _decimal(self, name: str, value: Any, low: int, high: int) -> int:
        if not isinstance(value, str) or len(value) > _MAX_DIGITS or not _DECIMAL.fullmatch(value):
            raise self._wrong(name, "is not a decimal string")
        number = int(value)
        if not low <= number <= high:
            raise self._wrong(name, "is out of range")
        return number

    def items(self, name: str, *, count: int) -> list[Any]:
        """A list of exactly ``count`` values."""
        value = self._value[name]
        if not isinstance(value, list) or len(value) != count:
            raise self._wrong(name, f"is not a list of {count}")
        return value

    def hexadecimal(self, name: str, *, length: int | None = None, limit: int | None = None) -> bytes:
        """Lower-case hexadecimal of exactly ``length``, or at most ``limit``, bytes."""
        value = self._value[name]
        if not isinstance(value, str) or not _HEX.fullmatch(value):
            raise self._wrong(name, "is not lower-case hexadecimal")
        found = bytes.fromhex(value)
        if (length is not None and len(found) != length) or (limit is not None and len(found) > limit):
            raise self._wrong(name, "has another length")
        return found

    def address(self, name: str) -> str:
        """An account or contract, with its checksum."""
        from eth_utils.address import to_checksum_address

        value = self._value[name]
        if not isinstance(value, str) or not _ADDRESS.fullmatch(value) or to_checksum_address(value) != value:
            raise self._wrong(name, "is not an address with its checksum")
        return value
