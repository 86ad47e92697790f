"""docs/bisection.md quotes what bench/bisection.py measured, and the steps there are what they are said to be."""

from pathlib import Path

import pytest

from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.errors import WitnessError
from twopm_zk.numbers.commitments import secret_hash

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "bench")
    import bisection

    return bisection


def test_the_guide_has_the_figures_that_were_measured():
    rows = [line for line in (ROOT / "bench/results/bisection.md").read_text().splitlines() if line.startswith("|")]
    guide = (ROOT / "docs" / "bisection.md").read_text()
    assert len(rows) == 11
    assert [row for row in rows if row not in guide] == []


@pytest.mark.slow
def test_a_step_of_one_block_is_its_sum_and_nothing_else(bench, tmp_path):
    circuit = bench.compiled("Products(1, 1)", tmp_path)
    measured = f"| {circuit.constraints:,} | {circuit.gates:,} | 2^{circuit.power} |"
    assert measured in (ROOT / "bench/results/bisection.md").read_text()
    for seed in range(3):
        inputs, expected = bench.row(1, seed)
        witness = calculate_witness(circuit, inputs)
        assert witness.signal("main.sums[1]") == secret_hash(bench.SUMS, [inputs["salt"], expected], shape=1)
        assert not circuit.accepts(witness.replace("main.sums[1]", expected))
        assert not circuit.accepts(witness.replace("main.product[0][0]", witness.signal("main.product[0][0]") + 1))
    for name, value in (("activation", 1 << 21), ("code", 16)):
        wrong = [value, *inputs["activation"][1:]]
        if name == "code":
            wrong = [[value, *inputs["code"][0][1:]]]
        with pytest.raises(WitnessError):
            calculate_witness(circuit, inputs | {name: wrong})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("value", "power", "out", "follows"),
    [(5, 2, 2, True), (7, 2, 4, True), (5, 2, 3, False), (-5, 2, -2, True), (9, 4, 2, True), (9, 4, 3, False)],
)
def test_a_step_of_rounding_takes_the_nearest_and_even_ones_of_ties(bench, tmp_path, value, power, out, follows):
    circuit = bench.compiled("RoundedToEven(21, 34)", tmp_path)
    inputs = {"in": value, "power": power, "out": out}
    if follows:
        calculate_witness(circuit, inputs)
    else:
        with pytest.raises(WitnessError):
            calculate_witness(circuit, inputs)
