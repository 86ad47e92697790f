"""Necessary conditions of soundness that can be checked on any small circuit and witness.

``undetected_changes``: wires that can change alone without breaking a constraint. ``free_wires``: wires that the
linearised constraints leave undetermined around the witness once the inputs are fixed (Jacobian rank, mod p): a
missing constraint that single changes do not show is found here.
"""

from __future__ import annotations

import random
from collections import defaultdict
from functools import lru_cache

from twopm_zk.circuit.compilation import Circuit
from twopm_zk.circuit.r1cs import R1cs
from twopm_zk.circuit.witness import Witness
from twopm_zk.numbers.field import FIELD_ORDER

Combination = dict[int, int]


@lru_cache(maxsize=4)  # tests of a module ask again and again about a few circuits; nobody changes what is returned
def constraints(r1cs: R1cs) -> list[tuple[Combination, Combination, Combination]]:
    """Every constraint as three sums of coefficient times wire."""
    combinations = []
    for k in range(3 * r1cs.constraints):
        start, end = int(r1cs.bounds[k]), int(r1cs.bounds[k + 1])
        wires = r1cs.term_wires[start:end].tolist()
        indices = r1cs.term_coefficients[start:end].tolist()
        combination: Combination = defaultdict(int)
        for wire, index in zip(wires, indices, strict=True):
            combination[wire] += r1cs.coefficients[index]
        combinations.append(dict(combination))
    return [tuple(combinations[i : i + 3]) for i in range(0, len(combinations), 3)]


def value_of(combination: Combination, values: list[int]) -> int:
    return sum(coefficient * values[wire] for wire, coefficient in combination.items()) % FIELD_ORDER


def determined_wires(circuit: Circuit) -> list[int]:
    """Wires that are not inputs: the circuit must determine them."""
    r1cs = circuit.load_r1cs()
    first_input = 1 + r1cs.public_outputs
    inputs = range(first_input, first_input + r1cs.public_inputs + r1cs.private_inputs)
    return [wire for wire in range(1, r1cs.wires) if wire not in inputs]


def undetected_changes(circuit: Circuit, witness: Witness, *, seed: int = 0) -> list[str]:
    rng = random.Random(seed)
    rows = constraints(circuit.load_r1cs())
    touching = defaultdict(list)
    for index, row in enumerate(rows):
        for wire in {wire for combination in row for wire in combination}:
            touching[wire].append(index)
    values = list(witness.values)
    missed = []
    for wire in determined_wires(circuit):
        honest = values[wire]
        for forged in {honest + 1, -honest, 1 - honest, rng.randrange(FIELD_ORDER)}:
            values[wire] = forged % FIELD_ORDER
            if values[wire] == honest:
                continue
            if all(holds(rows[index], values) for index in touching[wire]):
                missed.append(wire)
                break
        values[wire] = honest
    return names(circuit, missed)


def holds(row: tuple[Combination, Combination, Combination], values: list[int]) -> bool:
    a, b, c = (value_of(combination, values) for combination in row)
    return (a * b - c) % FIELD_ORDER == 0


def names(circuit: Circuit, wires: list[int]) -> list[str]:
    """Names of ``wires``, without the inverse in IsZero: for an input of 0 it is free, and used nowhere else."""
    name_of = circuit.load_symbols().name_of
    return [name for name in (name_of[wire] for wire in wires) if not name.endswith(".inverse")]


def free_wires(circuit: Circuit, witness: Witness) -> list[str]:
    unknown = set(determined_wires(circuit))
    values = list(witness.values)
    rows: list[Combination] = []
    for A, B, C in constraints(circuit.load_r1cs()):
        a, b = value_of(A, values), value_of(B, values)
        derivative: Combination = defaultdict(int)
        for combination, factor in ((A, b), (B, a), (C, -1)):
            for wire, coefficient in combination.items():
                if wire in unknown:
                    derivative[wire] += coefficient * factor
        rows.append({wire: d % FIELD_ORDER for wire, d in derivative.items() if d % FIELD_ORDER})
    return names(circuit, sorted(unknown - eliminate(rows)))


def eliminate(rows: list[Combination]) -> set[int]:
    """Gaussian elimination mod p, a sparsest row first; the wires that became pivots."""
    columns = defaultdict(set)
    by_size = defaultdict(set)
    for index, row in enumerate(rows):
        by_size[len(row)].add(index)
        for wire in row:
            columns[wire].add(index)
    pivots: set[int] = set()
    while any(by_size[size] for size in by_size if size):
        size = min(size for size in by_size if size and by_size[size])
        index = by_size[size].pop()
        row = rows[index]
        wire = min(row, key=lambda w: len(columns[w]))
        pivots.add(wire)
        inverse = pow(row[wire], -1, FIELD_ORDER)
        for w in row:
            columns[w].discard(index)
        for other in list(columns[wire]):
            target = rows[other]
            by_size[len(target)].discard(other)
            factor = target[wire] * inverse % FIELD_ORDER
            for w, coefficient in row.items():
                changed = (target.get(w, 0) - factor * coefficient) % FIELD_ORDER
                if changed:
                    target[w] = changed
                    columns[w].add(other)
                elif w in target:
                    del target[w]
                    columns[w].discard(other)
            by_size[len(target)].add(other)
    return pivots
