"""Canonical JSON (RFC 8785), so that one specification has one hash whoever computes it.

Keys in order, no white space, UTF-8, and doubles written as ECMAScript writes them. Keys here are ASCII, for
which the RFC's order and Python's agree.
"""

from __future__ import annotations

import json
import math
from decimal import Decimal

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def canonical(value: Json) -> bytes:
    """The canonical bytes of a JSON value; ValueError for NaN, infinity, and integers that a double cannot hold."""
    return _text(value).encode()


def _text(value: Json) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{_string(key)}:{_text(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_text(item) for item in value) + "]"
    if isinstance(value, str):
        return _string(value)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int) and int(float(value)) != value:
        raise ValueError("an integer is not a double")
    return number(float(value))


def _string(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def number(value: float) -> str:
    """A double as ECMAScript's Number::toString has it: 3, 0.64, 1e-7, 1.5e+21."""
    if not math.isfinite(value):
        raise ValueError("a number is not finite")
    if value == 0:
        return "0"  # also for -0
    sign, digits_of, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)  # noqa: S101 (narrows the type: the value is finite)
    digits = "".join(map(str, digits_of))
    minus = "-" if sign else ""
    point = len(digits) + exponent  # the value is 0.digits * 10^point
    if len(digits) <= point <= 21:
        return minus + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{minus}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{minus}0.{'0' * -point}{digits}"
    mantissa = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
    return f"{minus}{mantissa}e{point - 1:+d}"
