"""What every instance costs: a change of a circuit shows here. PLONK gates as snarkjs counts them, circom --O1."""

import json
from pathlib import Path

import pytest
from support.tools import load_tool

from twopm_zk.circuit.compilation import compile_circuit, source_digest
from twopm_zk.circuit.instances import instances
from twopm_zk.circuit.r1cs import domain_power, plonk_gates
from twopm_zk.circuit.shipped import is_shipped, shipped_digests
from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.numbers import pedersen
from twopm_zk.statements import InformationShape, StepShape
from twopm_zk.statements.rows import MAX_ROWS
from twopm_zk.system import paths

pytestmark = pytest.mark.circuit

FILE = Path(__file__).with_name("figures.json")
FIGURES = json.loads(FILE.read_text())
"""Constraints, gates, power of the domain, and the digest of the sources that they are of; `make figures` writes it."""
SEAL = load_tool("circuit_figures").seal
MARK = {name: pytest.mark.slow for name, figures in FIGURES.items() if figures["gates"] > 20_000}
COMMITTING = {name: figures["gates"] for name, figures in FIGURES.items() if name.startswith(("step", "information"))}


def kind_of(instance):
    """Template and what it is told of family and format."""
    told = {key: value for key, value in instance.parameters.items() if key not in ("ROWS", "FEATURES")}
    return instance.template, *sorted(told.items())


LARGEST_FIRST = sorted(FIGURES.keys() & instances().keys(), key=lambda name: (-FIGURES[name]["gates"], name))
SMALLEST = {kind_of(instances()[name]): name for name in LARGEST_FIRST}
"""The smallest instance of each kind is compiled; of what comes compiled, gates of updates are counted again.

That the figures of the others are of today's sources follows from the digests, without a compiler: circom's version and
options are in them, and `make figures` writes both at once, with a seal over them."""
COMPILED = sorted({*SMALLEST.values(), *(COMMITTING.keys() & shipped_digests(paths.shipped_dir()).keys())})


def test_every_instance_has_its_figures():
    assert FIGURES.keys() == instances().keys()


def test_the_figures_are_of_todays_sources():
    """The compiler is pinned: from the same sources it makes the same circuit, however long that takes."""
    found = {name: source_digest(instance) for name, instance in instances().items()}
    assert found == {name: figures["sources"] for name, figures in FIGURES.items()}, "run `make figures`"


def test_no_figure_was_changed_by_hand():
    """A merge may do so too: each seal is over the figures and the digest of their sources."""
    assert {name: SEAL(name, figures) for name, figures in FIGURES.items()} == {
        name: figures["seal"] for name, figures in FIGURES.items()
    }


@pytest.mark.parametrize("name", [pytest.param(name, marks=MARK.get(name, ())) for name in COMPILED])
def test_constraints_and_gates_are_the_committed_ones(name):
    circuit, figures = compile_circuit(instances()[name]), FIGURES[name]
    expected = tuple(figures[key] for key in ("constraints", "gates", "power"))
    assert (circuit.constraints, circuit.gates, circuit.power) == expected
    if is_shipped(circuit.digest):  # all others were counted here, when they were compiled
        r1cs = circuit.load_r1cs()
        gates = plonk_gates(r1cs)
        assert (r1cs.constraints, gates, domain_power(gates)) == expected


def test_the_documented_figures_are_these():
    text = (paths.source_root() / "docs" / "circuits.md").read_text()
    rows = [f"| {n} | {f['constraints']:,} | {f['gates']:,} | 2^{f['power']} |" for n, f in FIGURES.items()]
    assert [row for row in rows if row not in text] == []


@pytest.mark.parametrize("name", [name for name in FIGURES if name.startswith("step")])
def test_a_step_fills_its_domain(name):
    """But for the largest of few features, whose updates have as many rows as any may have."""
    gates, power = FIGURES[name]["gates"], FIGURES[name]["power"]
    assert gates <= 1 << power
    assert gates >= 0.975 * (1 << power) or instances()[name].parameters["ROWS"] == MAX_ROWS


def test_targets():
    assert FIGURES["aggregate-3"]["gates"] <= 16_384
    of_2_to_15 = [name for name, figures in FIGURES.items() if name.endswith("x3") and figures["power"] == 15]
    assert max(instances()[name].parameters["ROWS"] for name in of_2_to_15) >= 112


def test_what_an_evaluation_and_information_cost_besides_a_step_is_within_their_targets():
    """By what more rows add, so that what is there once is not counted."""

    def gates_a_row(kind):
        few, many = FIGURES[f"{kind}-119x3"]["gates"], FIGURES[f"{kind}-549x3"]["gates"]
        return (many - few) / (549 - 119)

    assert gates_a_row("evaluate") - gates_a_row("step") <= 150
    assert FIGURES["information-119x3"]["gates"] + 9 * gates_a_row("information") <= 1 << 16  # 128 rows


def digits_of(name):
    """Digits of each sum of an instance's updates, and of its number of rows, as the twin allows for."""
    parameters = instances()[name].parameters
    shape = (StepShape if name.startswith("step") else InformationShape).from_parameters(parameters)
    return shape.digits, pedersen.digits_for(shape.rows)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=MARK.get(name, ())) for name in COMPILED if COMMITTING.get(name, 1 << 20) <= 40_000],
)
def test_a_commitment_has_the_digits_that_the_twin_allows_for(name):
    sums, rows = digits_of(name)
    wires = compile_circuit(instances()[name]).load_symbols().wire_of
    found = sum(wire.startswith("main.point.point.digit[") for wire in wires)
    assert found == sum(sums) + rows + pedersen.BLINDING_DIGITS


@pytest.mark.slow
def test_circuits_of_all_sizes_reckon_with_the_digits_of_the_twin(tmp_path):
    """By the functions that the templates use, in one circuit for all instances, since the large ones take long."""
    asked = []
    for name in COMMITTING:
        of = instances()[name].parameters
        sizes = ", ".join(str(of[key]) for key in ("ROWS", "X_BITS", "X_FRAC", "NOISE"))
        function = "GRADIENT_DIGITS" if name.startswith("step") else "INFORMATION_DIGITS"
        asked += [f"{function}({sizes})", f"ROWS_DIGITS({of['ROWS']})"]
    source = tmp_path / "digits.circom"
    lines = "\n".join(f"    digits[{at}] <== {call};" for at, call in enumerate(asked))
    source.write_text(
        'pragma circom 2.1.6;\ninclude "step.circom";\ninclude "information.circom";\n'
        f"template Digits() {{\n    signal output digits[{len(asked)}];\n{lines}\n}}\ncomponent main = Digits();\n"
    )
    found = calculate_witness(compile_circuit(source), {}).public
    expected = [digits for name in COMMITTING for digits in (set(digits_of(name)[0]), {digits_of(name)[1]})]
    assert [{digits} for digits in found] == expected
