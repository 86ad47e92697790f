"""``demo``: one update on real data, proven and verified end to end."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import numpy as np

from twopm_zk import project
from twopm_zk.backends import find_backend
from twopm_zk.circuit import compile_circuit
from twopm_zk.cli.build import obtain_keys
from twopm_zk.cli.output import Steps, backend_option, emit, json_option, print_table
from twopm_zk.cli.prove import write_opening
from twopm_zk.cli.verify import verify_with
from twopm_zk.datasets import SPECTOR_SCALING, Table, load_spector
from twopm_zk.plonk import prove
from twopm_zk.preparation import prepare_step, step_gradient
from twopm_zk.witness import calculate_witness

WEIGHTS = {"GPA": 0.9, "TUCE": 0.4, "PSI": 1.2, "intercept": -1.0}
"""A model on its way to the optimum, in the units of SPECTOR_SCALING."""


def _floating_gradient(table: Table, weights: list[float]) -> list[float]:
    """The same gradient in double precision."""
    design = np.hstack([table.features, np.ones((table.rows, 1))])
    residual = 1 / (1 + np.exp(-design @ np.array(weights))) - table.labels
    return [float(v) for v in design.T @ residual]


@click.command()
@click.option("--out", type=click.Path(path_type=Path), help="Where to leave the proof; default: build/demo.")
@backend_option
@json_option
def demo(out: Path | None, backend: str | None, as_json: bool) -> None:
    """Prove one logistic-regression update on the Spector and Mazzeo (1980) data, and verify it independently.

    Nobody sees the 32 rows; snarkjs, a Python verifier and a contract on a local EVM node each check the proof.

    \b
    Example:
      twopm-zk demo
    """
    steps = Steps(quiet=as_json)
    out = out or project.cache_dir() / "demo"
    table = load_spector().scaled(SPECTOR_SCALING)
    weights = list(WEIGHTS.values())
    prepared = prepare_step(table, weights)
    with steps.step(f"compile {prepared.instance.name}") as progress:
        circuit = compile_circuit(prepared.instance, progress=progress)
    keys = obtain_keys(circuit, steps, backend=backend)
    with steps.step("witness, checked against every constraint"):
        witness = calculate_witness(circuit, prepared.statement.circuit_inputs())
    with steps.step(f"proof of {circuit.gates} gates") as progress:
        result = prove(keys, witness, backend=backend, progress=progress)
    write_opening(out, prepared)
    result.save(out)
    native, reason = find_backend("native")
    verifiers = [*(["native"] if native is not None and reason is None else []), "snarkjs", "python", "evm"]
    answers: list[dict[str, Any]] = []
    for name in verifiers:
        with steps.step(f"verify with {name}"):
            answers.append(verify_with(name, result))
    valid = all(answer["valid"] for answer in answers)
    proven, floating = step_gradient(table, prepared), _floating_gradient(table, weights)
    document = {
        "valid": valid,
        "rows": table.rows,
        "instance": circuit.name,
        "constraints": circuit.constraints,
        "gates": circuit.gates,
        "backend": result.backend,
        "update": dict(zip(WEIGHTS, proven, strict=True)),
        "floating_point": dict(zip(WEIGHTS, floating, strict=True)),
        "public": [str(value) for value in result.public],
        "verifiers": answers,
        "seconds": {name: round(value, 3) for name, value in steps.seconds.items()},
        "out": str(out),
    }
    if as_json:
        emit(True, document)
        sys.exit(0 if valid else 1)
    print_table(
        ("weight", "value", "proven update", "floating point", "difference"),
        [
            (name, f"{w:+.2f}", f"{p:+.6f}", f"{f:+.6f}", f"{p - f:+.1e}")
            for (name, w), p, f in zip(WEIGHTS.items(), proven, floating, strict=True)
        ],
        title=f"Gradient over {table.rows} rows that stay secret",
    )
    print_table(
        ("verifier", "answer", "seconds", "gas"),
        [(a["verifier"], "valid" if a["valid"] else "INVALID", a["seconds"], a.get("gas", "")) for a in answers],
        title=f"{circuit.name}: {circuit.constraints} constraints, {circuit.gates} gates, "
        f"proven with {result.backend} in {result.prove_seconds:.2f} s",
    )
    for name, value in zip(("modelCommitment", "dataCommitment", "updateCommitment"), result.public, strict=True):
        click.echo(f"{name:<17} {value}")
    click.echo(f"The proof is in {out}; look at it, or: twopm-zk verify {out} --with all")
    sys.exit(0 if valid else 1)
