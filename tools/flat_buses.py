"""Our circuits with every bus spelt out as single signals, for circomspect, which cannot parse buses.

The text is rewritten as far as our own style goes; tests/circuit/test_flat_buses.py holds the constraints of every
instance that uses a bus against those of the rewritten source.
"""

from __future__ import annotations

import re
from pathlib import Path

_BUS = re.compile(r"^bus (\w+)\(([^)]*)\) \{\n(.*?)^\}\n", re.MULTILINE | re.DOTALL)
_MEMBER = re.compile(r"^ +(?:signal|(\w+)\(([^)]*)\)) (\w+)((?:\[\w+\])*);$", re.MULTILINE)
_TEMPLATE = re.compile(r"^template (\w+)\(.*?^\}\n", re.MULTILINE | re.DOTALL)
_INPUT = re.compile(r"^ +input (\w+)\(([^)]*)\) (\w+);\n", re.MULTILINE)

Fields = list[tuple[str, str]]
"""Names of the signals of a bus, ``sum_gradient``, with their dimensions, ``[WEIGHTS]``."""


def flattened(folder: Path) -> dict[str, str]:
    """The text of every circuit file below ``folder`` by its relative path, without buses."""
    sources = {path.relative_to(folder).as_posix(): path.read_text() for path in sorted(folder.rglob("*.circom"))}
    whole = "\n".join(sources.values())
    buses = {name: (_names(parameters), body) for name, parameters, body in _BUS.findall(whole)}
    inputs = {
        (template.group(1), name): _fields(buses, bus, _names(arguments))
        for template in _TEMPLATE.finditer(whole)
        for bus, arguments, name in _INPUT.findall(template.group(0))
    }
    return {path: _without_buses(text, inputs) for path, text in sources.items()}


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _fields(buses: dict[str, tuple[list[str], str]], bus: str, arguments: list[str]) -> Fields:
    parameters, body = buses[bus]
    given = dict(zip(parameters, arguments, strict=True))
    found: Fields = []
    for inner, inner_arguments, name, dimensions in _MEMBER.findall(body):
        if inner:
            below = _fields(buses, inner, [given[argument] for argument in _names(inner_arguments)])
            found += [(f"{name}_{field}", shape) for field, shape in below]
        else:
            found.append((name, re.sub(r"\w+", lambda word: given[word.group(0)], dimensions)))
    return found


def _without_buses(text: str, inputs: dict[tuple[str, str], Fields]) -> str:
    def template(match: re.Match[str]) -> str:
        name, body = match.group(1), match.group(0)
        own = [mine for owner, mine in inputs if owner == name]
        body = _INPUT.sub(
            lambda found: "".join(
                f"    signal input {found.group(3)}_{field}{shape};\n" for field, shape in inputs[name, found.group(3)]
            ),
            body,
        )
        for (owner, mine), fields in inputs.items():
            for component in re.findall(rf"component (\w+) = {owner}\(", body):
                body = re.sub(
                    rf"^( +){component}\.{mine} <== ([\w.]+);\n",
                    lambda found, c=component, m=mine, fs=fields: "".join(
                        f"{found.group(1)}{c}.{m}_{field} <== {found.group(2).replace('.', '_')}_{field};\n"
                        for field, _ in fs
                    ),
                    body,
                    flags=re.MULTILINE,
                )
            body = re.sub(
                rf"\b({owner}\([^()]*\))\((\w+)\)",
                lambda found, fs=fields: f"{found.group(1)}({', '.join(f'{found.group(2)}_{f}' for f, _ in fs)})",
                body,
            )
        for mine in own:
            body = re.sub(rf"(?<![\w.]){mine}((?:\.\w+)+)", lambda found: found.group(0).replace(".", "_"), body)
        return body

    return _TEMPLATE.sub(template, _BUS.sub("", text))
