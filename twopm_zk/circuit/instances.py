"""The instances of ``circuits/circuits.json``: templates of ours with their parameters."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
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

    def main(self) -> str:
        """Circom source of its ``component main``."""
        public = f" {{public [{', '.join(self.public)}]}}" if self.public else ""
        arguments = ", ".join(str(value) for value in self.parameters.values())
        return (
            f'pragma circom 2.1.9;\n\ninclude "{self.file}";\n\n'
            f"component main{public} = {self.template}({arguments});\n"
        )


def instances() -> dict[str, Instance]:
    """Every instance of ``circuits/circuits.json``, by name."""
    file = circuits_dir() / "circuits.json"
    try:
        table: dict[str, dict[str, Any]] = json.loads(read_bytes(file, what="list of circuits"))["instances"]
        return {
            name: Instance(name, row["file"], row["template"], dict(row["parameters"]), tuple(row.get("public", ())))
            for name, row in table.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"list of circuits {str(file)!r} is malformed: {error}") from error


def find_instance(name: str) -> Instance:
    """The instance called ``name``; InputError with the closest names otherwise."""
    known = instances()
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if close:
        raise InputError(f"there is no circuit {name!r}", hint=f"Did you mean {' or '.join(close)}?")
    raise InputError(f"there is no circuit {shown(name)}", kind="no-circuit")
