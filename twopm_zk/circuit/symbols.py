"""The ``.sym`` file: one line ``label,wire,component,name`` per signal, wire -1 if it was optimised away.

circom numbers labels from 1: main's outputs, its public and its private inputs, then the rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from twopm_zk.errors import FileFormatError
from twopm_zk.system.files import read_bytes

if TYPE_CHECKING:
    from twopm_zk.circuit.r1cs import R1cs

_INDEX = re.compile(r"\[(\d+)\]")
_TRAILING = re.compile(r"(?:\[\d+\])*$")


@dataclass(frozen=True)
class Symbols:
    """Signal names in label order, each with its wire or -1."""

    labels: tuple[str, ...]
    wires: tuple[int, ...]

    @cached_property
    def wire_of(self) -> dict[str, int]:
        """Name to wire, -1 for a signal that was optimised away."""
        return dict(zip(self.labels, self.wires, strict=True))

    @cached_property
    def name_of(self) -> dict[int, str]:
        """Wire to the first name it has."""
        return dict(zip(reversed(self.wires), reversed(self.labels), strict=True))

    def inputs(self, r1cs: R1cs) -> dict[str, tuple[int, ...]]:
        """Shape of every input signal of main, without the ``main.``; a bus has one entry per field."""
        first = r1cs.public_outputs
        last = r1cs.public + r1cs.private_inputs
        shapes: dict[str, tuple[int, ...]] = {}
        for label in self.labels[first:last]:
            indices = _TRAILING.search(label)
            subscripts = indices.group(0) if indices else ""
            name = label[len("main.") : len(label) - len(subscripts)]
            # Labels run in row-major order, so the last one seen has the largest indices.
            shapes[name] = tuple(int(index) + 1 for index in _INDEX.findall(subscripts))
        return shapes


def read_symbols(path: Path) -> Symbols:
    """Parse a ``.sym`` file."""
    try:
        rows = [line.split(",") for line in read_bytes(path, what="symbols").decode().splitlines()]
        return Symbols(tuple(row[3] for row in rows), tuple(int(row[1]) for row in rows))
    except (ValueError, IndexError) as error:
        raise FileFormatError(f"symbol file {str(path)!r} is damaged") from error
