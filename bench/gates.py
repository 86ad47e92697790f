"""Where the gates of a circuit go: PLONK gates per component, as snarkjs counts them.

Run: python bench/gates.py [INSTANCE ...]
"""

from __future__ import annotations

import re
import sys
from collections import Counter

from twopm_zk.circuit.compilation import Circuit, compile_circuit
from twopm_zk.circuit.instances import find_instance
from twopm_zk.circuit.r1cs import gates_of_constraints

ROWS = {
    "data commitment: hash": r"main\.rows\.hash\.block",
    "model commitment": r"main\.ModelCommitment",
    "update commitment: points": r"main\.point\.",
    "rounding of sums": r"main\.rounded",
    "features: range checks": r"main\.rows\.RangeCheck",
    "data commitment: packing": r"main\.rows\.hash\.items",
    "|z|: range checks": r"RoundedMagnitude\w*\.RangeCheck",
    "polynomial": r"main\.(sigmoid|Variance\w*)\[\d+\]\.(square|u\[)",
    "|z|: rounding, sign, saturation": r"main\.(sigmoid|Variance\w*)\[\d+\]\.",
    "residuals": r"main\.(residual|v\[)",
    "products of the sums": r"main\.(moment|weighted|product)",
    "dot products": r"main\.(LinearPredictor|z\[)",
    "labels, padding, row count": r"main\.(rows\.(active|count|features|reciprocal)|labels|features)",
}
ROUND = {
    "hash of the point": r"OpenedSum\w*\.point\.PublicHash",
    "opening of the point": r"OpenedSum",
    "step matrix": r"main\.StepMatrix",
    "contexts": r"main\.(Context|NextContext)",
    "model commitments": r"main\.ModelCommitment",
    "weight bound, row count": r"main\.(WithinBound|AtLeast)",
    "rounding or margin": r"main\.RangeCheck|main\.remainder|main\.allowed",
    "matrix times gradient": r"main\.product",
    "sums": r".",
}


def breakdown(circuit: Circuit, rules: dict[str, str]) -> Counter[str]:
    """Gates of each constraint, counted for the first rule that one of its signals matches."""
    r1cs, name_of = circuit.load_r1cs(), circuit.load_symbols().name_of
    patterns = [(label, re.compile(pattern)) for label, pattern in rules.items()]
    total: Counter[str] = Counter({"public inputs": r1cs.public})
    for index, gates in enumerate(gates_of_constraints(r1cs).tolist()):
        names = [name_of[wire] for wire in r1cs.wires_of(index)]
        label = next((label for label, pattern in patterns if any(pattern.search(name) for name in names)), "other")
        total[label] += gates
    return total


def main() -> None:
    for name in sys.argv[1:] or ["step-48x3", "step-119x3", "information-48x3", "aggregate-3"]:
        circuit = compile_circuit(find_instance(name))
        parts = breakdown(circuit, ROWS if name.startswith(("step", "information")) else ROUND)
        print(f"\n{name}: {circuit.gates} gates of {2**circuit.power}, {circuit.constraints} constraints")
        for label, gates in parts.most_common():
            print(f"  {label:<34} {gates:>7} {gates / circuit.gates:>6.1%}")
        assert sum(parts.values()) == circuit.gates


if __name__ == "__main__":
    main()
