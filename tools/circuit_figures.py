"""Compiles every instance and writes down what it costs, with the digest of all that went in.

Run: make figures

Large instances take a minute each: the tests compile the smallest of each kind, and compare the sources of all with
the digests.
"""

from __future__ import annotations

import json
from pathlib import Path

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.instances import instances

FILE = Path(__file__).parents[1] / "tests" / "statements" / "figures.json"


def main() -> None:
    """Write the file."""
    figures = {}
    for name, instance in instances().items():
        circuit = compile_circuit(instance, progress=lambda text: print(text, flush=True))
        figures[name] = {
            "constraints": circuit.constraints,
            "gates": circuit.gates,
            "power": circuit.power,
            "sources": circuit.digest,
        }
    FILE.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
