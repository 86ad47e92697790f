"""The instances of ``circuits/circuits.json``: templates of ours with their parameters."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass, replace
from typing import Any

from twopm_zk.errors import InputError
from twopm_zk.system.files import read_bytes, shown
from twopm_zk.system.paths import circuits_dir


@dataclass(frozen=True)
class Instance:
    """A template of ``circuits/`` with its parameters, in the template's order."""

    name: str
    file: str
    template: str
    parameters: dict[str, int]
    public: tuple[str, ...] = ()
    open: tuple[str, int, int] | None = None
    """A parameter that the number at the end of the name gives, its least value and its largest."""

    @property
    def noise(self) -> int:
        """log2 of the noise that each sum of an update may carry, in units of its statement; 0 for none."""
        return self.parameters.get("NOISE", 0)

    def with_number(self, value: int) -> Instance:
        """The instance whose open parameter is ``value``. Raises InputError where there is none of that value."""
        if self.open is None:
            raise InputError(f"circuit {self.name!r} has no open parameter")
        parameter, least, largest = self.open
        if not least <= value <= largest:
            raise InputError(f"{parameter} of {self.name!r} is {value}; allowed: {least} to {largest}")
        name = f"{_numbered(self.name)[0]}{value}"
        return replace(self, name=name, parameters={**self.parameters, parameter: value})

    def main(self) -> str:
        """Circom source of its ``component main``."""
        public = f" {{public [{', '.join(self.public)}]}}" if self.public else ""
        arguments = ", ".join(str(value) for value in self.parameters.values())
        return (
            f'pragma circom 2.1.9;\n\ninclude "{self.file}";\n\n'
            f"component main{public} = {self.template}({arguments});\n"
        )


def _numbered(name: str) -> tuple[str, int | None]:
    """A name without the number at its end, and that number."""
    found = re.fullmatch(r"(.*?)(0|[1-9]\d{0,4})", name, re.ASCII)
    return (name, None) if found is None else (found[1], int(found[2]))


def instances() -> dict[str, Instance]:
    """Every instance of ``circuits/circuits.json``, by name; with one value of each that is open."""
    file = circuits_dir() / "circuits.json"
    try:
        table: dict[str, dict[str, Any]] = json.loads(read_bytes(file, what="list of circuits"))["instances"]
        return {
            name: Instance(
                name,
                row["file"],
                row["template"],
                dict(row["parameters"]),
                tuple(row.get("public", ())),
                tuple(row["open"]) if "open" in row else None,
            )
            for name, row in table.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"list of circuits {str(file)!r} is malformed: {error}") from error


def listed_name(name: str) -> str:
    """The name under which ``name`` is in the list: its own, or that of another value of its open parameter."""
    stem = _numbered(name)[0]
    return next((k for k, one in instances().items() if k != name and one.open and _numbered(k)[0] == stem), name)


def find_instance(name: str) -> Instance:
    """The instance called ``name``, which may give an open parameter another value than the list does.

    Raises InputError, with the closest names, where there is none.
    """
    known = instances()
    if name in known:
        return known[name]
    number = _numbered(name)[1]
    if number is not None and (listed := listed_name(name)) != name:
        return known[listed].with_number(number)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if close:
        raise InputError(f"there is no circuit {name!r}", hint=f"Did you mean {' or '.join(close)}?")
    raise InputError(f"there is no circuit {shown(name)}", kind="no-circuit")
