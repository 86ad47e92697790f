"""What the user gives for input signals, checked against the circuit and laid out flat.

Stricter than snarkjs, which takes any nesting and reduces any number: a wrong shape or an overflow is a
mistake here. Inputs are private: messages name signals, never values.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from twopm_zk.errors import InputError
from twopm_zk.numbers.field import FIELD_ORDER

if TYPE_CHECKING:
    from twopm_zk.circuit.compilation import Circuit

_DECIMAL = re.compile(r"-?[0-9]{1,80}")


def checked_inputs(circuit: Circuit, inputs: Mapping[str, Any]) -> dict[str, list[int]]:
    """Field elements of every input signal, in row-major order.

    Raises InputError for an unknown or missing signal, another shape than the signal's (one flat list will
    do), and anything but integers between -FIELD_ORDER and FIELD_ORDER.
    """
    if not isinstance(inputs, Mapping):
        raise InputError("inputs must be one object of signal names and values")
    given = dict(_qualified(inputs))
    for name in given:
        if name not in circuit.inputs:
            known = ", ".join(circuit.inputs) or "none"
            raise InputError(f"circuit {circuit.name!r} has no input signal {name!r}; it has {known}")
    for name in circuit.inputs:
        if name not in given:
            raise InputError(f"input signal {name!r} of circuit {circuit.name!r} is missing")
    return {name: _flattened(name, given[name], shape) for name, shape in circuit.inputs.items()}


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
    size = 1
    for length in shape:
        size *= length
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
        number = int(value) if _DECIMAL.fullmatch(value) else None
    elif not isinstance(value, bool):
        try:
            number = operator.index(value)
        except TypeError:
            number = None
    if number is None:
        raise InputError(f"input signal {name!r} has a value that is not an integer") from None
    if not -FIELD_ORDER < number < FIELD_ORDER:
        raise InputError(f"input signal {name!r} has a value outside the field (its size is FIELD_ORDER)")
    return number % FIELD_ORDER
