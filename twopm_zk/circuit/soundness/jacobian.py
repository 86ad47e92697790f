"""Signals that the linearised constraints leave free around a witness, once the inputs are fixed.

The derivative of A B - C at the witness has to have full column rank, modulo FIELD_ORDER, over all signals that are
not inputs: else some of them move together without breaking a constraint to first order. A missing constraint that
single changes do not show is found here. Full rank says that no other witness is near, not that there is none.
"""

from __future__ import annotations

from collections import defaultdict

from twopm_zk.circuit.compilation import Circuit
from twopm_zk.circuit.soundness.equations import equations, input_wires, names, value_of
from twopm_zk.circuit.witness import Witness
from twopm_zk.numbers.field import FIELD_ORDER


def free_signals(circuit: Circuit, witness: Witness) -> list[str]:
    """Names of signals without a pivot; for circuits of some thousands of constraints."""
    unknown = set(range(1, circuit.wires)) - input_wires(circuit)
    rows: list[dict[int, int]] = []
    for A, B, C in equations(circuit.load_r1cs()):
        derivative: dict[int, int] = defaultdict(int)
        for part, factor in ((A, value_of(B, witness.values)), (B, value_of(A, witness.values)), (C, -1)):
            for wire, coefficient in part.items():
                if wire in unknown:
                    derivative[wire] += coefficient * factor
        rows.append({wire: d % FIELD_ORDER for wire, d in derivative.items() if d % FIELD_ORDER})
    return names(circuit, sorted(unknown - pivots(rows)))


def pivots(rows: list[dict[int, int]]) -> set[int]:
    """Columns that get a pivot in Gaussian elimination of sparse ``rows``, which it consumes; a sparsest row first."""
    columns: dict[int, set[int]] = defaultdict(set)
    by_size: dict[int, set[int]] = defaultdict(set)
    for index, row in enumerate(rows):
        by_size[len(row)].add(index)
        for wire in row:
            columns[wire].add(index)
    found: set[int] = set()
    while sizes := [size for size in by_size if size and by_size[size]]:
        index = by_size[min(sizes)].pop()
        row = rows[index]
        wire = min(row, key=lambda w: len(columns[w]))
        found.add(wire)
        inverse = pow(row[wire], -1, FIELD_ORDER)
        for w in row:
            columns[w].discard(index)
        for other in list(columns[wire]):
            target = rows[other]
            by_size[len(target)].discard(other)
            _subtract(target, row, target[wire] * inverse % FIELD_ORDER, other, columns)
            by_size[len(target)].add(other)
    return found


def _subtract(
    target: dict[int, int], row: dict[int, int], factor: int, index: int, columns: dict[int, set[int]]
) -> None:
    for wire, coefficient in row.items():
        if changed := (target.get(wire, 0) - factor * coefficient) % FIELD_ORDER:
            target[wire] = changed
            columns[wire].add(index)
        elif wire in target:
            del target[wire]
            columns[wire].discard(index)
