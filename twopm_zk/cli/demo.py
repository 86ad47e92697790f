"""``demo``: one update proven and verified, then a whole training by three data owners."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.cli.options.building import obtain_keys
from twopm_zk.cli.output import Steps, backend_option, emit, json_option, print_table
from twopm_zk.cli.pipeline.prove import write_opening
from twopm_zk.cli.pipeline.verify import verify_with
from twopm_zk.plonk.backends import find_backend
from twopm_zk.plonk.proving import prove
from twopm_zk.rows.step import prepare_step, step_gradient
from twopm_zk.rows.tables import SPECTOR_SCALING, Table, load_spector
from twopm_zk.system import files, paths

if TYPE_CHECKING:
    from twopm_zk.demo.report import Report
    from twopm_zk.participants.news import News

WEIGHTS = {"GPA": 0.9, "TUCE": 0.4, "PSI": 1.2, "intercept": -1.0}
"""A model on its way to the optimum, in the units of SPECTOR_SCALING."""


def _floating_gradient(table: Table, weights: list[float]) -> list[float]:
    """The same gradient in double precision."""
    design = np.hstack([table.features, np.ones((table.rows, 1))])
    residual = 1 / (1 + np.exp(-design @ np.array(weights))) - table.labels
    return [float(v) for v in design.T @ residual]


@click.command()
@click.option("--out", type=click.Path(path_type=Path), help="Where to leave proof and report; default: build/demo.")
@click.option("--one-update", is_flag=True, help="Only prove and verify one update; no training.")
@backend_option
@json_option
def demo(out: Path | None, one_update: bool, backend: str | None, as_json: bool) -> None:
    """Train on the Spector and Mazzeo (1980) data with three owners who never show their rows.

    First one update over all 32 rows is proven, and verified by snarkjs, a Python verifier and a contract on a local
    EVM node. Then a registry authority attests to the rows of each owner, and three nodes and a coordinator train to
    the certificate over the chain: in each round the nodes prove their updates and share them under masks, so that only
    the sum is ever opened. An auditor checks all of it from the chain alone; a user with a stake gets a proven
    prediction, one without is refused. The report is an HTML page; the last line opens the network in a browser, on the
    chain that the demonstration leaves in a file.

    \b
    Examples:
      twopm-zk demo
      twopm-zk demo --one-update --json
    """
    steps = Steps(quiet=as_json)
    out = out or paths.cache_dir() / "demo"
    document = prove_one_update(out, steps, backend=backend, quiet=as_json)
    valid = bool(document["valid"])
    if not one_update:
        document["training"] = run_training(out, steps, backend=backend, quiet=as_json)
        valid = valid and document["training"]["valid"]
    if as_json:
        emit(True, document)
    sys.exit(0 if valid else 1)


def prove_one_update(out: Path, steps: Steps, *, backend: str | None, quiet: bool) -> dict[str, Any]:
    """The smallest whole: one statement, one proof, every verifier."""
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
            answers.append(verify_with(name, result, keys))
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
    if quiet:
        return document
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
    return document


def run_training(out: Path, steps: Steps, *, backend: str | None, quiet: bool) -> dict[str, Any]:
    """Three data owners, a coordinator, an auditor and two users."""
    from twopm_zk.demo.demonstration import demonstrate
    from twopm_zk.demo.report import render
    from twopm_zk.demo.saved import SavedNetwork
    from twopm_zk.task.specification_file import read_spec

    spec = read_spec(paths.examples_dir() / "spector.toml")
    folder = out / "training"
    shutil.rmtree(folder, ignore_errors=True)  # stores of an earlier demonstration
    folder.mkdir(parents=True)
    started = time.perf_counter()
    with steps.step("training by three data owners") as progress:

        def tell(who: str, news: News) -> None:
            progress(f"{who}: {news.text}")
            if who == "coordinator" and news.kind in ("chain:ModelPublished", "gradient", "chain:SumShared"):
                steps.note(f"[dim]{time.perf_counter() - started:6.1f} s[/dim] {news.text}")

        saved = SavedNetwork(out / "network")
        report = demonstrate(spec, folder, backend=backend, tell=tell, saved=saved)
    page = out / "report.html"
    files.write_text(page, render(report))
    if not quiet:
        _print_training(report, page)
        command = [
            sys.argv[0] if os.sep in sys.argv[0] else "twopm-zk",
            "serve",
            "--saved",
            str(saved.folder),
            "--open",
        ]
        click.echo(f"The network in a browser, on its own chain: {shlex.join(command)}")
    worst = {source: report.difference(source) for source in report.reference}
    return {
        "valid": all(value <= 1e-3 for value in worst.values())
        and report.error_difference <= 2e-3
        and report.likelihood_difference <= 1e-3,
        "rounds": len(report.rounds),
        "moves": report.findings.rounds,
        "coefficients": dict(report.coefficients),
        "largest_difference": worst,
        "statistics": report.statistics.as_dict(),
        "difference_of_standard_errors": report.error_difference,
        "difference_of_log_likelihood": report.likelihood_difference,
        "certified_bound_per_row": report.findings.bound_per_row,
        "distance_to_optimum": report.findings.nearness,
        "insecure_keys": report.findings.insecure,
        "gas": report.gas,
        "audit": report.findings.checked,
        "predictions": [{"who": p.who, "answer": p.answer, "reason": p.reason} for p in report.predictions],
        "seconds": round(time.perf_counter() - started, 1),
        "report": str(page),
        "network": str(saved.folder),
    }


def _print_training(report: Report, page: Path) -> None:
    sources = list(report.reference)
    print_table(
        ("coefficient", "proven", *sources, "difference"),
        [
            (
                name,
                f"{value:.6g}",
                *(f"{report.reference[s][name]:.6g}" for s in sources),
                f"{_worst(report, name):.3%}",
            )
            for name, value in report.coefficients.items()
        ],
        title=f"{report.findings.rounds} proven moves of the weights, {report.gas:,} gas",
    )
    click.echo(f"{report.statistics}\n")
    click.echo(
        f"Standard errors are within {report.error_difference:.3%} of the published ones, the log likelihood within "
        f"{report.likelihood_difference:.1e} of statsmodels'."
    )
    click.echo(f"{report.certificate} {report.coverage}")
    click.echo(report.findings.nearness)
    for line in report.attested:
        click.echo(line)
    for line in report.findings.checked:
        click.echo(f"audit: {line}")
    for one in report.predictions:
        click.echo(f"{one.who}: " + (f"refused, {one.reason}" if one.answer is None else f"{one.answer:.4f}, proven"))
    if report.findings.insecure:
        click.secho(
            "Insecure keys, made for development: this shows how everything works, and proves nothing to anybody.",
            fg="red",
            bold=True,
        )
    click.echo(f"The report is {page}.")


def _worst(report: Report, name: str) -> float:
    return max(abs(report.coefficients[name] / values[name] - 1) for values in report.reference.values())
