"""Compiles every instance and writes down what it costs, with the digest of all that went in.

Run: make figures

Large instances take a minute each: the tests compile the smallest of each kind, and compare the sources of all with
the digests. A seal over the figures of an instance shows where somebody changed one by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.instances import instances
from twopm_zk.system.files import digest_of

FILE = Path(__file__).parents[1] / "tests" / "statements" / "figures.json"


def seal(name: str, measured: Mapping[str, int | str]) -> str:
    """A digest over all other figures of an instance."""
    return digest_of(name, *(f"{key} {measured[key]}" for key in ("constraints", "gates", "power", "sources")))


def main() -> None:
    """Write the file."""
    figures = {}
    for name, instance in instances().items():
        circuit = compile_circuit(instance, progress=lambda text: print(text, flush=True))
        measured = {
            "constraints": circuit.constraints,
            "gates": circuit.gates,
            "power": circuit.power,
            "sources": circuit.digest,
        }
        figures[name] = {**measured, "seal": seal(name, measured)}
    FILE.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
