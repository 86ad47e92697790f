"""``audit``: check a whole task again, from the chain alone."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from twopm_zk.cli import INSECURE_KEYS
from twopm_zk.cli.network.federated import audit_task
from twopm_zk.cli.network.retrain import after_withdrawals
from twopm_zk.cli.options.building import key_options
from twopm_zk.cli.options.connection import Connection, chain_options
from twopm_zk.cli.options.federated import refuse_options
from twopm_zk.cli.options.participants import open_view
from twopm_zk.cli.output import (
    Steps,
    emit,
    force_option,
    json_option,
    print_table,
    refuse_unwritable,
    step_after_step,
)

if TYPE_CHECKING:
    from twopm_zk.auditor.report import AuditReport
    from twopm_zk.participants.task_view import ChainView
    from twopm_zk.task.specification import TaskSpec


@click.command()
@click.argument("task", type=click.IntRange(1))
@click.option(
    "--spec",
    "spec_file",
    type=click.Path(path_type=Path),
    help="Specification to compare with the task, and its rule with the moves of the weights; a federated one says "
    "that the task is HFLContract's.",
)
@click.option(
    "--ancestor",
    "ancestor_files",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="Specification of a task that TASK descends from, to check its own descent; repeatable.",
)
@click.option(
    "--verifier",
    type=click.Choice(["python", "native", "snarkjs"]),
    help="Verifies the proofs; default: native where it is built, else python.",
)
@click.option(
    "--report",
    "page",
    metavar="FILE.html",
    type=click.Path(path_type=Path),
    help="Write what was found as one HTML page too, whatever the verdict.",
)
@force_option
@key_options
@chain_options
@json_option
def audit(
    connection: Connection,
    task: int,
    spec_file: Path | None,
    ancestor_files: tuple[Path, ...],
    verifier: str | None,
    page: Path | None,
    force: bool,
    ptau: Path | None,
    backend: str | None,
    as_json: bool,
) -> None:
    """Verify every proof, share, sum, dispute, weight and bound of TASK again, trusting nobody.

    Reads events, calldata, blocks and code from the chain, and nothing else. Keys are derived here from the circuits
    (with --ptau from the ceremony's file), and the contracts' verifiers compared with them. With --spec the step
    matrices are compared with those that its rule gives, the distance to the optimum is estimated where it is not
    proven, the weights that TASK began with are compared with those of the task that it descends from, and the report
    says what is promised to the people in the rows and spent of it. Of a federated task every accepted result is
    computed again from what its nodes shared, which is read from the storage. Needs no account. Exits with 0 where the
    task is sound, with 1 where a check fails, and with 12 where every check holds under insecure keys, which prove
    nothing. With --report all of it is one HTML page as well, which needs nothing else and can be printed.

    \b
    Examples:
      twopm-zk audit 1 --rpc-url http://127.0.0.1:8545 --deployment deployment.json
      twopm-zk audit 1 --spec spec.toml --ptau powersOfTau28_hez_final_16.ptau --verifier python --json
      twopm-zk audit 1 --spec spec.toml --report audit.html
      twopm-zk audit 1 --spec federated.toml
    """
    from twopm_zk.auditor.audit import audit as run_audit
    from twopm_zk.federated import FederatedSpec, read_specification
    from twopm_zk.plonk.proving import Verifier
    from twopm_zk.task.specification_file import read_spec

    spec = None if spec_file is None else read_specification(spec_file)
    ancestors = [read_spec(one) for one in ancestor_files]
    if isinstance(spec, FederatedSpec):
        given = {
            "--report": page,
            "--ancestor": ancestors,
            "--ptau": ptau,
            "--backend": backend,
            "--verifier": verifier,
        }
        refuse_options("audits of proofs; this task is federated", given)
        sys.exit(audit_task(connection, task, spec, as_json=as_json))
    if page is not None:
        refuse_unwritable(page, force=force, option="--report")
    steps = Steps(quiet=as_json)
    with steps.step("deployment, compared with the chain"):
        view = open_view(connection, signing=False)
    with ExitStack() as present:
        report = run_audit(
            view,
            task,
            spec=spec,
            ancestors=ancestors,
            ptau=ptau,
            verifier=cast("Verifier | None", verifier),
            backend=backend,
            progress=step_after_step(steps, present),
        )
    try:
        if as_json:
            emit(True, report.to_json())
        else:
            _print(report, derived_with=ptau, spec_file=spec_file)
    finally:  # whoever reads no further still has it
        if page is not None:
            _write_page(page, report, view, spec)
            steps.aside(f"The report is {page}.")
    sys.exit(_exit_code(report))


def _write_page(page: Path, report: AuditReport, view: ChainView, spec: TaskSpec | None) -> None:
    from twopm_zk import __version__
    from twopm_zk.auditor.page import ReportContext, render
    from twopm_zk.system.files import write_text

    contracts = {name: contract.address for name, contract in view.deployment.contracts.items()}
    write_text(page, render(report, ReportContext(__version__, datetime.now(UTC), contracts, spec)))


def _exit_code(report: AuditReport) -> int:
    if report.sound:
        return 0
    return INSECURE_KEYS if report.passed else 1


def _print(report: AuditReport, *, derived_with: Path | None, spec_file: Path | None = None) -> None:
    from twopm_zk.auditor.report import CHECKS

    if report.insecure:
        click.secho(f"INSECURE KEYS: {', '.join(report.insecure)}. These proofs prove nothing.", fg="red", bold=True)
    print_table(
        ("what", "checks", "meaning"),
        [(name, report.counts[name], text) for name, text in CHECKS.items() if name in report.counts],
        title=f"Task {report.task} on chain {report.chain_id}, up to block {report.block}, "
        f"verified with {report.verifier}",
    )
    click.echo(f"{report.updates} updates and {report.rounds} moves of the weights; nodes by round:")
    for line in report.participation:
        click.echo(f"  {line}")
    for line in report.lineage:
        click.echo(line)
    for record in report.datasets.values():
        click.echo(record.sentence)
    for note in report.notes:
        click.echo(f"note: {note}")
    if report.withdrawn and (hint := after_withdrawals(report.task, spec_file, report.withdrawn)) is not None:
        click.echo(hint)
    for line in report.failed:
        click.echo(f"FAILED {line}")
    if derived_with is None and any(failure.check == "verifiers" for failure in report.failures):
        click.echo("Keys were derived from a development file; with a ceremony's file they are others: --ptau FILE.")
    for name, value in (report.coefficients or {}).items():
        click.echo(f"{name:<16} {value:+.6g}")
    if report.privacy is not None:
        said = report.privacy.sentence
        click.echo(f"{said[0].upper()}{said[1:]}.")
    if report.summary is not None:
        click.echo(f"{report.summary}\n")
    if report.nearness is not None:
        click.echo(report.nearness)
    if report.attested is not None:
        click.echo(report.attested)
    click.echo("An audit cannot know:")
    for text in report.unknowable:
        click.echo(f"  - {text}")
    if report.coverage is not None and not report.certified:
        click.echo(f"The certificate is {report.coverage}")
    click.secho(report.conclusion, fg=None if report.sound else "red", bold=True)
