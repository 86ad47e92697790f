"""Every hint forged to every other value of its range, on small templates, past the asserts of the witness program.

The inputs are given and the hint is false: propagation, and a search where it stops, look for all other signals.
Either the constraints contradict each other, or, for a hint that the table leaves open, every output is what it was.
"""

import random
import re

import pytest
from soundness.circuits.gadgets import FREE, GADGETS
from soundness.circuits.harness import domains_of, honest, matches, pattern
from soundness.circuits.mutants import CIRCUITS

from twopm_zk.circuit.soundness.domains import ContradictionError, Domains
from twopm_zk.circuit.soundness.equations import equations, input_wires
from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.numbers.field import FIELD_ORDER

pytestmark = pytest.mark.circuit

QUICK = {"RangeCheck-8", "IsZero", "RoundHalfUp-5", "RoundedMagnitude"}
FORGED = (
    *("RangeCheck-8", "RangeCheck-7", "IsZero", "RoundHalfUp-5", "BoundedNoise", "Deviation"),
    *("RoundedMagnitude", "Sigmoid", "Variance", "ProbabilityError", "RowScore", "Rows-logistic", "Rows-gaussian"),
    *("PedersenPoint", "PedersenCommitment", "PedersenHash", "OpenedSum", "certify", "predict-gaussian"),
)


def hints_of(text):
    return set(re.findall(r"^\s*(?:signal )?(\w+)(?:\[\w+\])* <--", text, re.MULTILINE))


HINTS = set().union(*(hints_of(path.read_text()) for path in CIRCUITS.rglob("*.circom")))


SAMPLE = 64
"""Values of a hint whose range is too large for all of them, besides those at its ends and near the honest one."""


def cases(domains):
    """What is known in every case of a search that no constraint contradicts: the signals with few values take each."""
    pending = [domains]
    while pending:
        here = pending.pop()
        try:
            here.propagate()
        except ContradictionError:
            continue
        if not here.sets:
            yield here
            continue
        wire = min(here.sets, key=lambda w: len(here.sets[w]))
        for value in here.sets[wire]:
            pending.append(here.copy())
            pending[-1].assume({wire: value})


def forgeries(domains, wire, value, most, rng):
    """Other values of a hint: all of its range, or so many of them, and some where it has none."""
    if wire in domains.sets:
        return domains.sets[wire] - {value}
    ends = domains.range_of(wire) or (0, FIELD_ORDER - 1)
    size = ends[1] - ends[0] + 1
    if size <= most:
        chosen = set(range(ends[0], ends[1] + 1))
    else:
        near = {value + step for step in (-2, -1, 1, 2)} | {-value, 0, 1, ends[0], ends[1]}
        chosen = near | {ends[0] + rng.randrange(size) for _ in range(min(most, SAMPLE))}
    return {each % FIELD_ORDER for each in chosen} - {value}


def witnesses(base, wire, value):
    """What is known of all witnesses in which a signal has this value, case by case."""
    here = base.copy()
    try:
        here.assume({wire: value})
    except ContradictionError:
        return
    yield from cases(here)


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.full) for n in FORGED])
def test_a_forged_hint_leaves_no_witness_or_the_same_outputs(name, amount, tally):
    gadget, circuit, rng = GADGETS[name], honest(name), random.Random(name)
    known, name_of = domains_of(circuit), circuit.load_symbols().name_of
    few, many = (3, 1 << 8) if circuit.constraints > 500 else (20, 1 << 17)
    outputs = range(1, 1 + circuit.load_r1cs().public_outputs)
    hints = [w for w in range(1, circuit.wires) if pattern(name_of[w]).split(".")[-1].removesuffix("[#]") in HINTS]
    assert hints
    aliases = {w for w in range(1, circuit.wires) if matches(pattern(name_of[w]), gadget.given)} - set(hints)
    held = input_wires(circuit) | aliases  # an input that circom keeps under an output's name
    for inputs in gadget.examples()[:: amount(2, 1)]:
        witness = calculate_witness(circuit, inputs)
        base = known.copy()
        base.assume({wire: witness.values[wire] for wire in held})
        base.propagate()
        tried = refused = 0
        for wire in hints:
            for value in forgeries(known, wire, witness.values[wire], amount(few, many), rng):
                stands = list(witnesses(base, wire, value))
                if stands and matches(pattern(name_of[wire]), gadget.open):
                    for case in stands:
                        assert all(case.values.get(out) == witness.values[out] for out in unsigned(outputs, circuit))
                    continue
                tried, refused = tried + 1, refused + (not stands)
        tally.attacks("circuits: hints forged", tried=tried, refused=refused)


APART = 21
"""Constraints from one that is left out to the next, of one batch: seven batches leave out every third one."""


@pytest.mark.slow
@pytest.mark.parametrize("batch", [0, *(pytest.param(batch, marks=pytest.mark.full) for batch in range(1, 7))])
def test_a_forged_hint_stands_where_a_constraint_of_a_commitment_is_left_out(batch, amount, tally):
    """Planted bugs: no constraint of digits, lines and the last point's form can be spared, and the harness sees it."""
    circuit, rng = honest("PedersenPoint"), random.Random(batch)
    (inputs,) = GADGETS["PedersenPoint"].examples()
    witness, name_of = calculate_witness(circuit, inputs), circuit.load_symbols().name_of
    rows = equations(circuit.load_r1cs())
    hints = [w for w in range(1, circuit.wires) if pattern(name_of[w]).removesuffix("[#]") in HINTS]
    unnoticed, left_out = [], range(batch, len(rows), amount(8 * APART, APART))
    for index in left_out:
        base = Domains([*rows[:index], *rows[index + 1 :]])
        base.assume({wire: witness.values[wire] for wire in input_wires(circuit)})
        base.propagate()
        free = sorted((wire for wire in hints if wire not in base.values), key=lambda wire: pattern(name_of[wire]))
        forged = ((wire, value) for wire in free for value in forgeries(base, wire, witness.values[wire], 8, rng))
        if not any(found for wire, value in forged for found in witnesses(base, wire, value)):
            unnoticed.append(sorted(name_of[wire] for wire in rows[index].wires))
    assert unnoticed == []
    tally.mutants("circuits: constraints of commitments left out", tried=len(left_out), killed=len(left_out))


def unsigned(outputs, circuit):
    """Outputs but the sign of RoundedMagnitude, which its callers use for nothing where it is free."""
    name_of = circuit.load_symbols().name_of
    return [wire for wire in outputs if name_of[wire] != "main.sign"]


@pytest.mark.parametrize(
    "name",
    ["Sigmoid", pytest.param("Variance", marks=pytest.mark.full), pytest.param("RowScore", marks=pytest.mark.full)],
)
def test_a_sign_that_is_free_changes_no_output(name, amount, tally):
    """At every z of a small gadget where both signs pass, and beyond."""
    circuit = honest(name)
    known, wire_of = domains_of(circuit), circuit.load_symbols().wire_of
    (sign,) = [wire for label, wire in wire_of.items() if label.endswith(".sign") and wire >= 0]
    outputs = range(1, 1 + circuit.load_r1cs().public_outputs)
    tried = both = 0
    for z in range(-FREE - 2, FREE + 3, amount(631, 1)):
        inputs = {"z": z, "active": 1} | ({"mark": 1} if name == "RowScore" else {})
        witness = calculate_witness(circuit, inputs)
        here = known.copy()
        here.assume({wire: witness.values[wire] for wire in input_wires(circuit)})
        found = list(cases(here))
        assert found
        for case in found:
            assert [case.values.get(wire) for wire in outputs] == [witness.values[wire] for wire in outputs]
        signs = {case.values[sign] for case in found}
        assert len(signs) == (2 if abs(z) <= FREE and name != "RowScore" else 1)
        tried, both = tried + 1, both + (len(signs) == 2)
    tally.attacks("circuits: free signs, the same outputs", tried=tried, refused=tried)
    assert (both > 0) == (name != "RowScore")
