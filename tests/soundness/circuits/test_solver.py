"""cvc5 agrees with the rules on what determines small gadgets, and finds a second value where there is one.

It decides polynomials and few digits at once; two copies of more digits than here, or of a hash, take it more than
minutes, so that the rules of `twopm_zk.circuit.soundness.determined` alone reach whole statements. cvc5 with finite
fields is the PyPI package cvc5-gpl (the one under BSD is built without CoCoA): a tool of these tests, installed beside
the environment.
"""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from soundness.circuits.gadgets import GADGETS
from soundness.circuits.harness import Names, compiled, determination
from soundness.circuits.solver import Solver

from twopm_zk.circuit.soundness.equations import input_wires
from twopm_zk.circuit.witness import calculate_witness

BESIDE = Path(sys.prefix) / "solver"
if BESIDE.is_dir() and str(BESIDE) not in sys.path:
    sys.path.append(str(BESIDE))
pytestmark = [
    pytest.mark.circuit,
    pytest.mark.full,
    pytest.mark.skipif(importlib.util.find_spec("cvc5") is None, reason="cvc5-gpl is not installed (make soundness)"),
]
SMALLER = {
    "RangeCheck-8": ("RangeCheck(4)", ({"in": 9},)),
    "RangeCheck-7": ("RangeCheck(3)", ({"in": 5},)),
    "RoundHalfUp-5": ("Rounded(1, 1)", ({"in": 0},)),
    "RoundHalfUp--3": ("Rounded(-3, 1)", ({"in": 0},)),
    "BoundedNoise": ("BoundedNoise(1, [0], 1)", ({"noise": [1]},)),
}
"""Parameters that cvc5 decides within a second or two."""
DECIDED = ("IsZero", "LinearPredictor", "Pack", "Tanh", "Horner", "Deviation", *SMALLER)


def small(name):
    """The gadget with parameters for the solver, and its circuit."""
    gadget = GADGETS[name]
    if name in SMALLER:
        main, inputs = SMALLER[name]
        gadget = replace(gadget, name=f"{name}-small", main=main, inputs=inputs)
    return gadget, compiled(gadget)


@pytest.mark.parametrize("name", DECIDED)
def test_it_agrees_that_outputs_are_determined(name, tally):
    gadget, circuit = small(name)
    outputs = range(1, 1 + circuit.load_r1cs().public_outputs)
    wires = list(outputs) or sorted(set(range(1, circuit.wires)) - input_wires(circuit))
    agreed = Solver(circuit, seconds=60).differs(wires) == "unsat"
    (witness, *_) = (calculate_witness(circuit, inputs) for inputs in gadget.examples())
    assert determination(gadget, circuit, witness) == []
    tally.attacks("circuits: gadgets determined, by cvc5", tried=1, refused=int(agreed))


def test_it_finds_the_second_value_where_there_is_one():
    _, circuit = small("IsZero")
    assert Solver(circuit, seconds=60).differs([Names(circuit).wire("inverse")]) == "sat"
    broken = replace(
        GADGETS["RangeCheck-8"],
        name="no-quartic",
        main="Digits()",
        wrapper="template Digits() { signal input in; signal output d[2]; d[0] <-- in & 3; d[1] <-- in >> 2;"
        " in === d[0] + 4 * d[1]; }",
    )
    assert Solver(compiled(broken), seconds=60).differs([1]) == "sat"
