"""``data``: check rows against a specification, and commit to them before a task begins."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twopm_zk.cli.data.access import grant, key, list_data, revoke, show
from twopm_zk.cli.data.attest import attest, attestations, revoke_attestation
from twopm_zk.cli.data.federated import opening
from twopm_zk.cli.data.storage import get, put, restore, verify
from twopm_zk.cli.data.withdraw import withdraw
from twopm_zk.cli.options.connection import Connection, chain_options
from twopm_zk.cli.options.participants import open_view, spec_argument, state_option
from twopm_zk.cli.options.rows import (
    csv_options,
    data_option,
    held_out_notes,
    held_out_option,
    read_rows,
    teller,
)
from twopm_zk.cli.output import Steps, emit, json_option, many, print_table
from twopm_zk.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twopm_zk.node.store import StoredBatch
    from twopm_zk.rows.cells import CsvOptions
    from twopm_zk.rows.check import RowsReport
    from twopm_zk.rows.problems import Problem
    from twopm_zk.task.specification import TaskSpec

_PRIVATE = "PRIVATE: this summary is of your rows. Show it to nobody, and leave it in no log."


@click.group()
def data() -> None:
    """Check the rows that a node will train on, commit to them in the DataHub contract, and keep them, encrypted, where
    you and those to whom you grant access can get them back.

    \b
    Examples:
      twopm-zk data check spec.toml --data rows.csv
      twopm-zk data register spec.toml --data rows.csv
      twopm-zk data put spec.toml --data rows.csv --to backup
    """


@data.command()
@spec_argument
@data_option(required=True)
@held_out_option
@csv_options
@click.option("--summary", "summarise", is_flag=True, help="Show least, mean and most of each column: for you alone.")
@json_option
def check(spec_file: Path, rows: Path, held_out: Path | None, csv: CsvOptions, summarise: bool, as_json: bool) -> None:
    """Say everything that is wrong with rows, by column and row number (1 is the first after the header; a blank row is
    counted, and is otherwise ignored).

    Nothing is sent, and no value is shown. Exit code 3 where a node would refuse the rows. --summary shows figures of
    the rows that can be used, which are private. --held-out has the rows checked that the certified weights are to be
    evaluated on.

    \b
    Examples:
      twopm-zk data check spec.toml --data rows.csv
      twopm-zk data check spec.toml --data export.csv --delimiter semicolon --decimal comma
      twopm-zk data check spec.toml --data rows.csv --held-out later.csv
    """
    from twopm_zk.rows.check import check_rows, require_held_out
    from twopm_zk.task.specification_file import read_spec

    spec, tell = read_spec(spec_file), teller(as_json)
    if held_out is not None:
        require_held_out(spec)
    reports = [check_rows(read_rows(rows, spec, csv, tell), spec)]
    if held_out is not None:
        reports.append(check_rows(read_rows(held_out, spec, csv, tell), spec, trained_on=reports[0]))
    notes = held_out_notes(spec, there=held_out is not None)
    if as_json:
        document, *others = (_report_document(report, spec, summarise=summarise) for report in reports)
        document |= {"held_out": others[0] if others else None, "notes": notes}
        emit(True, document)
    else:
        for report, name in zip(reports, ("", "held-out rows: "), strict=False):
            _print(report, spec, name=name, summarise=summarise)
        for note in notes:
            click.echo(note)
    sys.exit(InputError.exit_code if any(report.problems for report in reports) else 0)


def _report_document(report: RowsReport, spec: TaskSpec, *, summarise: bool) -> dict[str, Any]:
    from twopm_zk.task.cost import rows_cost

    cost = None if spec.instances is None else rows_cost(spec, report.used)
    document: dict[str, Any] = {
        "rows": report.rows,
        "rows_proven": report.used,
        "batches": report.batches,
        "gas_a_round": None if cost is None else cost.gas,
        "read_as": None if report.dialect is None else report.dialect.sentence,
        "problems": [_as_document(problem) for problem in report.problems],
    }
    if report.shortened is not None:
        document["rows_shortened"] = report.shortened
    if summarise and report.summary is not None:
        document |= {"warning": _PRIVATE, "summary": _summary_document(report)}
    return document


def _as_document(problem: Problem) -> dict[str, Any]:
    return {
        "kind": problem.kind,
        "column": problem.column,
        "rows": list(problem.rows),
        "message": problem.sentence,
        "hint": problem.hint,
    }


def _print(report: RowsReport, spec: TaskSpec, *, name: str, summarise: bool) -> None:
    for problem in report.problems:
        click.echo(name + problem.sentence + (f" ({problem.hint})" if problem.hint else ""))
    found = many(len(report.problems), "problem")
    counted = many(report.rows, "row")
    if report.used != report.rows:
        counted += f", {report.used} to be proven" + ("" if spec.frequencies.trivial else " by their weights")
    batches = many(report.batches, "batch", "batches")
    click.echo(f"{name}{counted}, in {batches}: {found if report.problems else 'everything fits the specification'}.")
    if report.shortened is not None and spec.privacy is not None:
        click.echo(
            f"For you alone: {many(report.shortened, 'row')} longer than `privacy.clip` = {spec.privacy.clip:g} will "
            "be shortened to it."
        )
    if not summarise or report.summary is None:
        return
    click.secho(_PRIVATE, fg="yellow", bold=True, err=True)
    lines = [
        (
            one.name,
            *("" if value is None else f"{value:.6g}" for value in (one.least, one.mean, one.most)),
            one.missing or "",
            f"{one.fills:.0%}",
        )
        for one in (*report.summary.columns, report.summary.label)
    ]
    print_table(("column", "least", "mean", "most", "missing", "of the format's range"), lines)
    if spec.family == "logistic":
        click.echo(f"share of positives: {report.summary.label.mean:.1%}")


def _summary_document(report: RowsReport) -> list[dict[str, Any]]:
    assert report.summary is not None  # noqa: S101 (narrows the type)
    return [
        {key: getattr(one, key) for key in ("name", "least", "mean", "most", "missing", "fills")}
        for one in (*report.summary.columns, report.summary.label)
    ]


@data.command()
@spec_argument
@data_option(required=True)
@held_out_option
@csv_options
@state_option("node.db")
@chain_options
@json_option
def register(
    connection: Connection,
    spec_file: Path,
    rows: Path,
    held_out: Path | None,
    csv: CsvOptions,
    state: Path,
    as_json: bool,
) -> None:
    """Commit to the rows of a CSV or Parquet file in batches, and register the commitments.

    Rows and salts are in the state file before anything is sent, and stay here; `twopm-zk node run` goes on with the
    same file (and would do this by itself). What is registered already is not registered again.

    Rows of --held-out take no part in training. Where the specification has statistics.held_out, the certified weights
    are evaluated on them; register them before the task's first round opens.

    \b
    Examples:
      twopm-zk data register spec.toml --data rows.csv --state node.db
      twopm-zk data register spec.toml --data rows.csv --held-out later.csv --state node.db
    """
    from twopm_zk.node.registration import load_batches
    from twopm_zk.node.registration import register as register_batches
    from twopm_zk.node.store import NodeStore
    from twopm_zk.task.specification_file import read_spec

    steps = Steps(quiet=as_json)
    spec = read_spec(spec_file)
    table = read_rows(rows, spec, csv, teller(as_json))
    others = None if held_out is None else read_rows(held_out, spec, csv, teller(as_json))
    with NodeStore(state) as store:
        view = open_view(connection)
        store.belongs_to(view.address, view.fingerprint)
        with steps.step("commit"):
            batches = load_batches(store, spec, table, held_out=others)
        notes = held_out_notes(spec, there=any(entry.held_out for entry in batches))
        for note in notes:
            steps.warn(note)
        with steps.step("register"):
            found = register_batches(view, store, spec)
    counted = f"{table.rows} rows"
    if others is not None:
        counted += f" and {others.rows} held-out ones"
    document = {
        "account": view.address,
        "specification": "0x" + spec.spec_hash.hex(),
        "dataset": "0x" + spec.data_terms.id.hex(),
        "held_out_dataset": "0x" + spec.held_out_terms.id.hex() if spec.statistics.held_out else None,
        "rows": table.rows,
        "read_as": None if table.dialect is None else table.dialect.sentence,
        "commitments": _commitments(found, held_out=False),
        "held_out_rows": 0 if others is None else others.rows,
        "held_out_commitments": _commitments(found, held_out=True),
        "notes": notes,
        "state": str(state),
    }
    text = f"{counted} in {len(found)} batches are registered; {state} keeps their salts."
    if spec.provenance is not None:
        issuers = ", ".join(spec.provenance.issuers)
        text += f"\nAn update may use them once an issuer has attested to them, `twopm-zk data attest`: {issuers}."
    emit(as_json, document, text)


def _commitments(batches: Sequence[StoredBatch], *, held_out: bool) -> dict[str, str]:
    """By their places in DataHub, which each data set numbers by itself."""
    return {str(entry.place): str(entry.batch.commitment) for entry in batches if entry.held_out is held_out}


_ACCESS = (put, get, verify, restore, grant, revoke, key, list_data, show)
_PROVENANCE = (attest, attestations, revoke_attestation, opening)
for command in (*_ACCESS, *_PROVENANCE, withdraw):
    data.add_command(command)
