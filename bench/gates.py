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

STEP = {
    "data commitment: hash": r"main\.rows\.hash\.block",
    "model commitment": r"main\.model\.",
    "update commitment: hash": r"main\.update\.block",
    "gradient sums": r"main\.update\.items",
    "features: range checks": r"main\.rows\.RangeCheck",
    "data commitment: packing": r"main\.rows\.hash\.items",
    "|z|: range checks": r"main\.sigmoid\[\d+\]\.RangeCheck",
    "sigmoid polynomial": r"main\.sigmoid\[\d+\]\.(square|u\[)",
    "|z|: rounding, sign, saturation": r"main\.sigmoid\[\d+\]\.",
    "residuals": r"main\.residual",
    "gradient products": r"main\.moment",
    "dot products": r"main\.(term|z)\[",
    "labels, padding, row count": r"main\.(rows\.(active|count|features)|labels|features)",
}
ROUND = {
    "update commitments": r"\.update\[\d+\]\.",
    "digest": r"\.append\[\d+\]\.|\.appended|\.digests",
    "partial sum": r"\.partial\.",
    "step matrix": r"main\.StepMatrix",
    "context": r"main\.Context",
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
    for name in sys.argv[1:] or ["step-32x3", "step-128x3", "aggregate-4x3"]:
        circuit = compile_circuit(find_instance(name))
        parts = breakdown(circuit, STEP if name.startswith("step") else ROUND)
        print(f"\n{name}: {circuit.gates} gates of {2**circuit.power}, {circuit.constraints} constraints")
        for label, gates in parts.most_common():
            print(f"  {label:<34} {gates:>7} {gates / circuit.gates:>6.1%}")
        assert sum(parts.values()) == circuit.gates


if __name__ == "__main__":
    main()
