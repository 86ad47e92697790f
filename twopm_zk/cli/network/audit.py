"""``audit``: check a whole task again, from the chain alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import cast

import click

from twopm_zk.cli.options.building import ptau_option
from twopm_zk.cli.options.connection import Connection, chain_options
from twopm_zk.cli.options.participants import open_view
from twopm_zk.cli.output import Steps, backend_option, emit, json_option, print_table


@click.command()
@click.argument("task", type=click.IntRange(1))
@click.option("--spec", "spec_file", type=click.Path(path_type=Path), help="Specification to compare with its hash.")
@click.option(
    "--verifier",
    type=click.Choice(["python", "native", "snarkjs"]),
    help="Verifies the proofs; default: native where it is built, else python.",
)
@ptau_option
@backend_option
@chain_options
@json_option
def audit(
    connection: Connection,
    task: int,
    spec_file: Path | None,
    verifier: str | None,
    ptau: Path | None,
    backend: str | None,
    as_json: bool,
) -> None:
    """Verify every proof, commitment, digest, weight and bound of TASK again, trusting nobody.

    Reads events, calldata and code from the chain, and nothing else. Keys are derived here from the circuits (with
    --ptau from the ceremony's file), and the contracts' verifiers compared with them. Needs no account. Exits with 1
    where a check fails.

    \b
    Examples:
      twopm-zk audit 1 --rpc-url http://127.0.0.1:8545 --deployment deployment.json
      twopm-zk audit 1 --spec spec.toml --ptau powersOfTau28_hez_final_16.ptau --verifier python --json
    """
    from twopm_zk.auditor.audit import audit as run_audit
    from twopm_zk.auditor.report import CHECKS
    from twopm_zk.plonk.proving import Verifier
    from twopm_zk.task.specification_file import read_spec

    steps = Steps(quiet=as_json)
    spec = None if spec_file is None else read_spec(spec_file)
    with steps.step(f"audit of task {task}") as progress:
        report = run_audit(
            open_view(connection, signing=False),
            task,
            spec=spec,
            ptau=ptau,
            verifier=cast("Verifier | None", verifier),
            backend=backend,
            progress=progress,
        )
    if as_json:
        emit(True, report.to_json())
        sys.exit(0 if report.sound else 1)
    print_table(
        ("what", "checks", "meaning"),
        [(name, report.counts[name], text) for name, text in CHECKS.items() if name in report.counts],
        title=f"Task {task} on chain {report.chain_id}, up to block {report.block}, verified with {report.verifier}",
    )
    for note in report.notes:
        click.echo(f"note: {note}")
    for line in report.failed:
        click.echo(f"FAILED {line}")
    if report.insecure:
        click.echo(f"Insecure development keys, which prove nothing to anybody: {', '.join(report.insecure)}")
    for name, value in (report.coefficients or {}).items():
        click.echo(f"{name:<16} {value:+.6f}")
    click.echo("An audit cannot know:")
    for text in report.unknowable:
        click.echo(f"  - {text}")
    click.echo(_verdict(report.sound, report.gradient_bound))
    sys.exit(0 if report.sound else 1)


def _verdict(sound: bool, bound: int | None) -> str:
    if not sound:
        return "NOT SOUND: see what failed above."
    if bound is None:
        return "Sound so far; the task has no certificate."
    return f"Sound, and certified: no component of the gradient exceeds {bound / 2**32:.2e} per row."
