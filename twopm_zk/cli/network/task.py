"""``task``: tasks on the chain, how they stand, and their coordinator's steps one by one, a transaction each."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twopm_zk.cli.next_steps import with_facts
from twopm_zk.cli.options.amounts import parse_stake
from twopm_zk.cli.options.connection import Connection, chain_options, describe_receipt
from twopm_zk.cli.options.participants import (
    checked_address,
    minimum_stake_option,
    open_view,
    require_state,
    spec_argument,
    state_option,
)
from twopm_zk.cli.output import emit, json_option, print_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twopm_zk.chain import Receipt
    from twopm_zk.chain.tasks import TaskSnapshot

task_argument = click.argument("number", metavar="TASK", type=click.IntRange(1))


@click.group()
def task() -> None:
    """Look at training tasks, which needs no account, or move one on by hand, as its coordinator.

    `twopm-zk coordinator run` does all of it by itself. Each step by hand is one transaction: create, open, close, then
    `twopm-zk aggregate` or `twopm-zk certify`.

    \b
    Examples:
      twopm-zk task show 1 --spec spec.toml
      twopm-zk task close 1
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
@task_argument
@click.option("--spec", "spec_file", type=click.Path(path_type=Path), help="Its specification, for the coefficients.")
@chain_options
@json_option
def show(connection: Connection, number: int, spec_file: Path | None, as_json: bool) -> None:
    """Show how TASK stands: phase, round, weights, certificate, and whose updates are in each round.

    \b
    Example:
      twopm-zk task show 1 --spec spec.toml
    """
    from twopm_zk.participants.task_view import require_spec
    from twopm_zk.task.specification_file import read_spec

    view = open_view(connection, signing=False)
    state = view.state(number)
    participation = view.participation(state)
    document: dict[str, Any] = {
        "task": number,
        "phase": state.phase.name.lower(),
        "round": state.round,
        "attempt": state.attempt,
        "coordinator": state.coordinator,
        "nodes": f"{state.nodes} (minimum {state.minimum_nodes})",
        "updates": f"{state.updates} of {state.maximum_updates}",
        "deadline": _clock(state.deadline),
        "spec_hash": "0x" + state.spec_hash.hex(),
        "matrix_hash": str(state.matrix_hash),
        "weights": list(state.weights),
        "certified": state.certified,
        "insecure_keys": view.insecure_verifiers(number),
        "gradient_bound_per_row": state.bound_per_row,
        "certified_nodes": list(participation.get(state.round, ())) if state.certified else None,
        "certified_rows_at_least": state.minimum_rows if state.certified else None,
        "participation": {str(number): list(nodes) for number, nodes in participation.items()},
    }
    if spec_file is not None:
        spec = read_spec(spec_file)
        require_spec(state, spec)
        document["coefficients"] = spec.coefficients(state.weights)
    if as_json:
        emit(True, document)
        return
    coefficients = document.pop("coefficients", {})
    for name in ("participation", "certified_nodes", "certified_rows_at_least"):
        del document[name]
    if document["insecure_keys"]:
        click.secho("INSECURE KEYS: nothing of this task is proven to anybody.", fg="red", bold=True, err=True)
    emit(False, document | {"matrix_hash": hex(state.matrix_hash)})
    for name, value in coefficients.items():
        click.echo(f"  {name:<14} {value:+.6g}")
    for line in _taking_part(state, participation):
        click.echo(line)


def _taking_part(state: TaskSnapshot, participation: dict[int, tuple[str, ...]]) -> Iterator[str]:
    """Who has handed in updates, round by round, and what a certificate is about."""
    for number, nodes in participation.items():
        yield f"round {number}: updates of {len(nodes)} nodes: {', '.join(nodes)}"
    if state.certified:
        nodes = participation.get(state.round, ())
        yield (
            f"The certificate covers the data of {len(nodes)} nodes in round {state.round}, {state.minimum_rows} rows "
            "or more. The chain does not show how many; the coordinator knows."
        )


@task.command()
@spec_argument
@click.option("--nodes", type=click.IntRange(1), default=None, help="Nodes to have enrolled; default: minimum of SPEC.")
@minimum_stake_option
@state_option("coordinator.db")
@chain_options
@json_option
def create(
    connection: Connection, spec_file: Path, nodes: int | None, minimum_stake: str, state: Path, as_json: bool
) -> None:
    """Create the task of SPEC for the nodes that have enrolled; you become its coordinator.

    Enrolments come in while `twopm-zk coordinator collect SPEC` runs; the first step matrix follows from them, and is
    kept in the state file. Each call creates another task.

    \b
    Examples:
      twopm-zk task create spec.toml
      twopm-zk task create spec.toml --minimum-stake 0.5 --state coordinator.db
    """
    from twopm_zk.coordinator.store import CoordinatorStore
    from twopm_zk.coordinator.task_creation import create_task, enrolled, wanted_nodes
    from twopm_zk.participants.preflight import require_verifiers
    from twopm_zk.task.specification_file import read_spec

    spec, stake = read_spec(spec_file), parse_stake(minimum_stake)
    wanted = wanted_nodes(spec, nodes or 0)
    with with_facts(spec=spec_file), CoordinatorStore(require_state(state)) as store:
        view = open_view(connection)
        store.belongs_to(view.address, view.fingerprint)
        require_verifiers(view, spec)
        found = enrolled(view, spec, store, minimum_stake=stake)
        found.require(wanted)
        number = create_task(view, spec, store, found, minimum_stake=stake)
    emit(
        as_json,
        {"task": number, "coordinator": view.address, "nodes": list(found.ready)},
        f"Task {number} is created for {len(found.ready)} nodes.\nNext: twopm-zk task open {number}",
    )


@task.command(name="open")
@task_argument
@chain_options
@json_option
def open_round(connection: Connection, number: int, as_json: bool) -> None:
    """Open the first round of TASK, as its coordinator. Later rounds open when weights are accepted.

    \b
    Example:
      twopm-zk task open 1
    """
    _tell(as_json, number, connection.network().hlr.open_round(number), "RoundOpened")


@task.command(name="start-collecting")
@task_argument
@chain_options
@json_option
def start_collecting(connection: Connection, number: int, as_json: bool) -> None:
    """End the joining phase of TASK, where it has one.

    The coordinator may once enough nodes have joined, anybody after the deadline.

    \b
    Example:
      twopm-zk task start-collecting 1
    """
    _tell(as_json, number, connection.network().hlr.start_collecting(number), "CollectingStarted")


@task.command()
@task_argument
@chain_options
@json_option
def close(connection: Connection, number: int, as_json: bool) -> None:
    """End the collecting of updates in TASK.

    The coordinator may once the minimum of nodes is there, anybody when the attempt is full or its deadline has passed.

    \b
    Example:
      twopm-zk task close 1
    """
    _tell(as_json, number, connection.network().hlr.close(number), "RoundClosed")


@task.command()
@task_argument
@click.option("--exclude", multiple=True, metavar="ADDRESS", help="Leave this node out of the new attempt; repeatable.")
@chain_options
@json_option
def reopen(connection: Connection, number: int, exclude: tuple[str, ...], as_json: bool) -> None:
    """Begin a new attempt of the present round of TASK; every update has to be proven again.

    The coordinator may while the round is closed, leaving out nodes by name, which everybody sees; anybody may after a
    missed deadline, or when an attempt ends below the minimum of nodes, leaving out nobody.

    \b
    Examples:
      twopm-zk task reopen 1
      twopm-zk task reopen 1 --exclude 0x90F7...b906
    """
    excluded = [checked_address(text) for text in exclude]
    _tell(as_json, number, connection.network().hlr.reopen(number, excluded), "RoundOpened", excluded=excluded)


@task.command()
@task_argument
@chain_options
@json_option
def finish(connection: Connection, number: int, as_json: bool) -> None:
    """End TASK without a certificate: one that was never opened, or that has had all its rounds.

    \b
    Example:
      twopm-zk task finish 1
    """
    _tell(as_json, number, connection.network().hlr.finish(number), "TaskFinished")


def _tell(as_json: bool, number: int, receipt: Receipt, event_name: str, **more: Any) -> None:
    """What one transaction has done, and what comes next."""
    values = receipt.event(event_name).values
    document = {"task": number, "event": event_name, "round": values["round"], **more}
    document |= {name: values[name] for name in ("attempt", "nodes", "updates", "deadline") if name in values}
    where = f"Round {values['round']}, attempt {values.get('attempt', 0)} of task {number}"
    until = _clock(values.get("deadline", 0))
    if event_name == "TaskFinished":
        text = f"Task {number} is finished after {values['round']} rounds, without a certificate."
    elif event_name == "RoundClosed":
        text = (
            f"{where} is closed with {values['updates']} updates of {values['nodes']} nodes; "
            f"to be concluded by {until}.\n"
            f"Next: twopm-zk coordinator collect SPEC --task {number}, then twopm-zk aggregate SPEC --task {number}"
        )
    elif values.get("phase") == 2:
        text = f"{where} is open: nodes join until {until}.\nNext: twopm-zk task start-collecting {number}"
    else:
        text = f"{where} is open: nodes hand in updates until {until}.\nNext: twopm-zk task close {number}"
    if more.get("excluded"):
        text = f"Left out: {', '.join(more['excluded'])}.\n{text}"
    emit(as_json, {**document, **describe_receipt(receipt)}, f"{text}\nTransaction {receipt.transaction}")


def _clock(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
