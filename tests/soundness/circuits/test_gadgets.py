"""Every template keeps what it promises, by its constraints alone, and leaves open only what has a reason."""

import re
from pathlib import Path

import pytest
from soundness.circuits.gadgets import GADGETS, REASONS
from soundness.circuits.harness import (
    Names,
    changes,
    determination,
    domains_of,
    honest,
    inner_twin,
    jacobian,
    kept,
    promises,
)

from twopm_zk.circuit.soundness.changes import single_changes
from twopm_zk.circuit.soundness.equations import input_wires
from twopm_zk.circuit.witness import calculate_witness

pytestmark = pytest.mark.circuit

SMALL = {"RangeCheck-8", "IsZero", "Rows-gaussian", "RoundHalfUp-5", "RoundedMagnitude", "Deviation", "BoundedNoise"}
"""Gadgets of a quick run."""
ALL = [name if name in SMALL else pytest.param(name, marks=pytest.mark.full) for name in GADGETS]
CIRCUITS = Path(__file__).parents[3] / "circuits"


@pytest.fixture(params=ALL)
def gadget(request):
    return GADGETS[request.param]


@pytest.fixture
def circuit(gadget):
    return honest(gadget.name)


@pytest.fixture
def witnesses(gadget, circuit):
    return [calculate_witness(circuit, inputs) for inputs in gadget.examples()]


def test_no_signal_takes_another_value(gadget, circuit, witnesses, tally):
    """All other values of the field at once, of every signal of every example."""
    for witness in witnesses:
        assert changes(gadget, circuit, witness) == []
        found = single_changes(circuit, witness)
        refused = found.signals - len(found.accepted)
        if refused:  # RangeCheck(1) has an input alone
            tally.attacks("circuits: signals changed to any other value", tried=refused, refused=refused)


def test_every_signal_is_determined_to_first_order(gadget, circuit, witnesses):
    for witness in witnesses:
        assert jacobian(gadget, circuit, witness) == []


def test_the_inputs_determine_every_signal(gadget, circuit, witnesses, tally):
    for witness in witnesses:
        assert determination(gadget, circuit, witness) == []
    open_or_given = set(Names(circuit).matching((*gadget.open, *gadget.given)))
    proven = circuit.wires - 1 - len(input_wires(circuit)) - len(open_or_given)
    tally.attacks("circuits: signals shown to have one value", tried=max(1, proven), refused=max(1, proven))


def test_inner_signals_are_those_of_the_twin(gadget, witnesses):
    for witness, inputs in zip(witnesses, gadget.examples(), strict=True):
        assert inner_twin(gadget, witness, inputs) == []


def test_constraints_keep_every_promise(gadget, circuit, tally):
    assert promises(gadget, circuit) == []
    if gadget.promises:
        tally.attacks("circuits: ranges and cases enforced", tried=len(gadget.promises), refused=len(gadget.promises))


def test_what_is_known_of_signals_is_true_of_honest_ones(gadget, circuit, witnesses):
    """A rule that drops a value which a witness has would keep promises that are broken."""
    known = domains_of(circuit)
    for witness in witnesses:
        here = known.copy()
        here.assume({wire: witness.values[wire] for wire in input_wires(circuit)})
        here.propagate()
        for domains in (known, here):
            assert all(domains.allows(wire, value) for wire, value in enumerate(witness.values))


def test_promises_are_as_narrow_as_what_is_enforced(gadget, circuit):
    """A table that promises less than its circuit enforces hides what a change of the circuit loses.

    In a statement what is enforced elsewhere may narrow a range.
    """
    if not gadget.file.startswith("lib/"):
        return
    known, names = domains_of(circuit), Names(circuit)
    for promise in gadget.promises:
        if not hasattr(promise, "sum") or promise.low == promise.high:
            continue
        for low, high in ((promise.low + 1, promise.high), (promise.low, promise.high - 1)):
            assert not kept(type(promise)(promise.sum, low, high, promise.where), known, names), promise


def test_every_template_of_the_library_is_in_the_table():
    templates = {
        name
        for path in CIRCUITS.rglob("*.circom")
        for name in re.findall(r"^template (\w+)", path.read_text(), re.MULTILINE)
    }
    inside = {"QuinticSBox": "Permutation", "Residuals": "step", "Variances": "information", "SquareSums": "evaluate"}
    named = " ".join(gadget.main + gadget.wrapper for gadget in GADGETS.values())
    assert {name for name in templates if f"{name}(" not in named} == set(inside)


def test_every_reason_is_used():
    patterns = " ".join(p for gadget in GADGETS.values() for p in (*gadget.given, *gadget.open, *gadget.assumes))
    assert all(word in patterns or word in ("sums", "row of padding", "x") for word in REASONS)
