"""What the last step of a dispute about an answer would cost: gates of steps of a language model, and one proven.

Run: python bench/bisection.py [--out bench/results/bisection.md]

docs/bisection.md says what they are steps of. Each is compiled as any circuit of a user is; the product of one row of
576 weights is also proven, with random weights, and its sums compared with those of Python's integers.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from twopm_zk.circuit.compilation import Circuit, compile_circuit
from twopm_zk.numbers.commitments import secret_hash
from twopm_zk.plonk.keys import setup
from twopm_zk.plonk.proving import prove
from twopm_zk.system.paths import circuits_dir

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results" / "bisection.md"
BLOCK, SUMS = 32, 103
STEPS = (
    ("one block of one row: 32 products", "Products(1, 1)"),
    ("one row of 576", "Products(1, 18)"),
    ("one row of 1,536", "Products(1, 48)"),
    ("8 rows of 576", "Products(8, 18)"),
    ("16 rows of 576", "Products(16, 18)"),
    ("rounding of one number to 20 bits and a sign", "RoundedToEven(21, 34)"),
    ("one entry of the table of exp (of 2^16)", "TableEntry(16)"),
    ("one entry of the table of the sigmoid (of 2^14)", "TableEntry(14)"),
    ("root and quotient of a norm", "NormFactor(1688849860263936)"),
)


def compiled(template: str, folder: Path) -> Circuit:
    """The circuit whose main component is a template of bisection.circom."""
    path = folder / f"{template.translate(str.maketrans('(), ', '-___'))}.circom"
    path.write_text(f'pragma circom 2.2.0;\n\ninclude "bisection.circom";\n\ncomponent main = {template};\n')
    return compile_circuit(path, libraries=[ROOT / "bench", circuits_dir()])


def row(blocks: int, seed: int = 0) -> tuple[dict[str, Any], int]:
    """Random inputs of `Products` for one row, and the sum that they have."""
    random = np.random.default_rng(seed)
    activations = random.integers(-(1 << 19), (1 << 19) + 1, blocks * BLOCK).tolist()
    codes = random.integers(0, 16, blocks * BLOCK).tolist()
    factors, offsets = (random.integers(-(1 << 16), 1 << 16, blocks).tolist() for _ in range(2))
    before, total = int(random.integers(-(1 << 40), 1 << 40)), 0
    for place, (activation, code) in enumerate(zip(activations, codes, strict=True)):
        total += activation * (factors[place // BLOCK] * code + offsets[place // BLOCK])
    inputs = {
        "salt": 12345,
        "activation": [value + (1 << 20) for value in activations],
        "factor": [[value + (1 << 40) for value in factors]],
        "offset": [[value + (1 << 40) for value in offsets]],
        "code": [codes],
        "before": [before],
    }
    return inputs, before + total


def proven(circuit: Circuit, blocks: int) -> tuple[float, float]:
    """Seconds of CPU and of the clock of a proof of one row, whose public sum is that of Python's integers."""
    inputs, expected = row(blocks)
    keys = setup(circuit)
    prove(keys, inputs)
    cpu, wall = time.process_time(), time.perf_counter()
    result = prove(keys, inputs)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    names = circuit.public
    after = result.public[names.index("main.sums[1]")]
    assert after == secret_hash(SUMS, [inputs["salt"], expected], shape=1), "the step is not the sum of the product"
    return cpu, wall


def page() -> str:
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for what, template in STEPS:
            circuit = compiled(template, Path(name))
            rows.append(f"| {what} | {circuit.constraints:,} | {circuit.gates:,} | 2^{circuit.power} |")
        cpu, wall = proven(compiled("Products(1, 18)", Path(name)), 18)
    lines = [
        "<!-- written by bench/bisection.py -->",
        "# Steps of a language model as circuits",
        "",
        "| step | constraints | PLONK gates | ptau |",
        "|---|---:|---:|---:|",
        *rows,
        "",
        f"One row of 576 proven with development keys: {cpu:.1f} s of CPU, {wall:.1f} s, on {os.cpu_count()} cores",
        f"that other programs shared (load {os.getloadavg()[0]:.1f}). The templates are in `bench/bisection.circom`.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the page goes")
    options = parser.parse_args()
    written = page()
    options.out.write_text(written)
    print(written)


if __name__ == "__main__":
    main()
