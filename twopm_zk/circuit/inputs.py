"""What the user gives for input signals, checked against the circuit and laid out flat.

Everything that circom's own witness programs document is taken: decimal and hexadecimal strings, an array as one
flat list, a bus as an object or as one flat list, ``[]`` for a signal of length 0. Stricter than snarkjs, which takes
any nesting and reduces any number: a wrong shape or an overflow is a mistake here. Inputs are private: messages name
signals, never values.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from twopm_zk.errors import InputError
from twopm_zk.numbers.field import FIELD_ORDER

if TYPE_CHECKING:
    from twopm_zk.circuit.compilation import Circuit

_DECIMAL = re.compile(r"-?[0-9]{1,80}")
_HEXADECIMAL = re.compile(r"0[xX][0-9a-fA-F]{1,64}")


def checked_inputs(circuit: Circuit, inputs: Mapping[str, Any]) -> dict[str, list[int]]:
    """Field elements of every input signal, in row-major order.

    Raises InputError for an unknown or missing signal, another shape than the signal's (one flat list will
    do), and anything but integers between -FIELD_ORDER and FIELD_ORDER.
    """
    if not isinstance(inputs, Mapping):
        raise InputError("inputs must be one object of signal names and values")
    found: dict[str, list[int]] = {}
    for name, value in _qualified(inputs):
        for signal, elements in _elements(circuit, name, value):
            if signal in found:
                raise InputError(f"input signal {signal!r} of circuit {circuit.name!r} is given twice")
            found[signal] = elements
    for name in circuit.inputs:
        if name not in found:
            raise InputError(f"input signal {name!r} of circuit {circuit.name!r} is missing")
    return {name: found[name] for name in circuit.inputs}


def _elements(circuit: Circuit, name: str, value: Any) -> Iterator[tuple[str, list[int]]]:
    """Field elements of the signals that ``name`` stands for: itself, or all of a bus in the order of its fields."""
    fields = [signal for signal in circuit.inputs if signal.startswith((f"{name}.", f"{name}["))]
    if name in circuit.inputs:
        yield name, _flattened(name, value, circuit.inputs[name])
    elif fields:
        sizes = {signal: math.prod(circuit.inputs[signal]) for signal in fields}
        subscripts = re.match(r"(?:\[\d+\])*", fields[-1].removeprefix(name))
        lengths = [int(last) + 1 for last in re.findall(r"\d+", subscripts.group() if subscripts else "")]
        each = sum(sizes.values()) // math.prod(lengths)
        flat = iter(_flattened(name, value, (*lengths, each)))
        for signal, size in sizes.items():
            yield signal, list(islice(flat, size))
    elif not _is_empty(value):
        known = ", ".join(circuit.inputs) or "none"
        raise InputError(f"circuit {circuit.name!r} has no input signal {name!r}; it has {known}")


def _is_empty(value: Any) -> bool:
    """Whether lists hold nothing at all: what a signal of length 0 takes, which no compiled circuit remembers."""
    return isinstance(value, list | tuple) and all(_is_empty(item) for item in value)


def _qualified(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Spell nested mappings (buses) out: ``{"p": {"x": 1}}`` as ``p.x``, lists of them as ``p[0].x``."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _qualified(inner, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, list | tuple) and _holds_mapping(value):
        for index, inner in enumerate(value):
            yield from _qualified(inner, f"{prefix}[{index}]")
    else:
        yield prefix, value


def _holds_mapping(value: Any) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, list | tuple) and len(value) > 0 and _holds_mapping(value[0])
    )


def _flattened(name: str, value: Any, shape: tuple[int, ...]) -> list[int]:
    size = math.prod(shape)
    flat: list[Any] = []
    found = _shape(value, flat)
    if found not in (shape, (size,)) or len(flat) != size:
        wanted = "x".join(map(str, shape)) or "a single value"
        got = "lists of unequal lengths" if found is None else "x".join(map(str, found)) or "a single value"
        raise InputError(f"input signal {name!r} takes {wanted}, not {got}")
    return [_field_element(name, item) for item in flat]


def _shape(value: Any, flat: list[Any]) -> tuple[int, ...] | None:
    """Shape of nested lists, their leaves appended to ``flat``; None where they are ragged."""
    if hasattr(value, "tolist"):  # numpy
        value = value.tolist()
    if not isinstance(value, list | tuple):
        flat.append(value)
        return ()
    inner = {_shape(item, flat) for item in value}
    if len(inner) > 1 or None in inner:
        return None
    return (len(value), *(inner.pop() or () if inner else ()))


def _field_element(name: str, value: Any) -> int:
    number = None
    if isinstance(value, str):
        base = 10 if _DECIMAL.fullmatch(value) else 16 if _HEXADECIMAL.fullmatch(value) else None
        number = None if base is None else int(value, base)
    elif not isinstance(value, bool):
        try:
            number = operator.index(value)
        except TypeError:
            number = None
    if number is None:
        raise InputError(
            f"input signal {name!r} has a value that is not an integer",
            hint="Write decimal digits, or 0x and up to 64 hexadecimal digits.",
        ) from None
    if not -FIELD_ORDER < number < FIELD_ORDER:
        raise InputError(f"input signal {name!r} has a value outside the field (its size is FIELD_ORDER)")
    return number % FIELD_ORDER
