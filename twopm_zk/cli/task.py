"""``task``: tasks on the chain, and how they stand."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from twopm_zk.cli.connection import Connection, chain_options
from twopm_zk.cli.output import emit, json_option, print_table
from twopm_zk.cli.participants import open_view


@click.group()
def task() -> None:
    """Look at training tasks. Needs no account.

    \b
    Example:
      twopm-zk task show 1 --spec spec.toml
    """


@task.command(name="list")
@chain_options
@json_option
def list_tasks(connection: Connection, as_json: bool) -> None:
    """List every task of the deployment.

    \b
    Example:
      twopm-zk task list
    """
    view = open_view(connection, signing=False)
    rows = []
    for number in range(1, view.task_count() + 1):
        state = view.state(number)
        rows.append(
            {
                "task": number,
                "phase": state.phase.name.lower(),
                "round": state.round,
                "certified": state.certified,
                "coordinator": state.coordinator,
                "spec_hash": "0x" + state.spec_hash.hex(),
            }
        )
    if as_json:
        emit(True, {"tasks": rows})
    elif rows:
        print_table(tuple(rows[0]), [tuple(row.values()) for row in rows])
    else:
        click.echo("There is no task yet.")


@task.command()
@click.argument("number", metavar="TASK", type=click.IntRange(1))
@click.option("--spec", "spec_file", type=click.Path(path_type=Path), help="Its specification, for the coefficients.")
@chain_options
@json_option
def show(connection: Connection, number: int, spec_file: Path | None, as_json: bool) -> None:
    """Show how TASK stands: phase, round, nodes, weights, certificate.

    \b
    Example:
      twopm-zk task show 1 --spec spec.toml
    """
    from twopm_zk.federated.chain_view import require_spec
    from twopm_zk.federated.spec_file import read_spec

    state = open_view(connection, signing=False).state(number)
    document: dict[str, Any] = {
        "task": number,
        "phase": state.phase.name.lower(),
        "round": state.round,
        "attempt": state.attempt,
        "coordinator": state.coordinator,
        "nodes": f"{state.nodes} (minimum {state.minimum_nodes})",
        "updates": f"{state.updates} of {state.maximum_updates}",
        "deadline": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(state.deadline)),
        "spec_hash": "0x" + state.spec_hash.hex(),
        "matrix_hash": str(state.matrix_hash),
        "weights": list(state.weights),
        "certified": state.certified,
        "gradient_bound_per_row": state.gradient_bound / (1 << 32) if state.certified else None,
    }
    if spec_file is not None:
        spec = read_spec(spec_file)
        require_spec(state, spec)
        document["coefficients"] = spec.coefficients(state.weights)
    if as_json:
        emit(True, document)
        return
    coefficients = document.pop("coefficients", {})
    emit(False, document)
    for name, value in coefficients.items():
        click.echo(f"  {name:<14} {value:+.6f}")
