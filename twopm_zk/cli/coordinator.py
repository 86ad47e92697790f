"""``coordinator``: run a task, or take over one that stalls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from twopm_zk.cli.connection import Connection, chain_options, describe_receipt
from twopm_zk.cli.output import emit, json_option
from twopm_zk.cli.participants import (
    make_prover,
    news_printer,
    open_view,
    poll_option,
    proving_options,
    service_options,
    spec_argument,
    state_option,
    stop_on_sigterm,
)
from twopm_zk.cli.stake import parse_amount
from twopm_zk.errors import InputError
from twopm_zk.parsing import read_json

if TYPE_CHECKING:
    from twopm_zk.statements import StepMatrix


@click.group()
def coordinator() -> None:
    """Run a training task: collect proven updates, publish proven weights, certify the result.

    \b
    Example:
      twopm-zk coordinator run spec.toml --endpoint https://train.example
    """


@coordinator.command()
@spec_argument
@click.option(
    "--task", type=click.IntRange(1), help="A task that exists; default: yours that is unfinished, or a new one."
)
@click.option("--nodes", type=click.IntRange(1), default=None, help="Nodes to wait for; default: the minimum in SPEC.")
@click.option("--minimum-stake", default="0", show_default=True, help="ETH that a node must have at stake.")
@click.option("--opening-seconds", type=click.IntRange(1), help="Time for openings; default: a third of aggregating.")
@click.option(
    "--straggler-seconds", type=click.IntRange(1), help="Wait for late nodes; default: a third of collecting."
)
@click.option("--matrix", type=click.Path(path_type=Path), help="Step matrix that a node kept, after taking over.")
@state_option("coordinator.db")
@service_options
@proving_options
@poll_option
@chain_options
@json_option
def run(
    connection: Connection,
    spec_file: Path,
    task: int | None,
    nodes: int | None,
    minimum_stake: str,
    opening_seconds: int | None,
    straggler_seconds: int | None,
    matrix: Path | None,
    state: Path,
    host: str,
    port: int,
    endpoint: str | None,
    ptau: Path | None,
    backend: str | None,
    scheduler: str | None,
    allow_plaintext: bool,
    poll: float,
    as_json: bool,
) -> None:
    """Run the task of SPEC until it is finished: enrolment, rounds, proofs, certificate.

    Nodes reach it over HTTP, with messages encrypted to the key that it publishes in IdentityContract. Killed at any
    point, it starts again from the chain and its state file. With --json every event is one document a line.

    \b
    Examples:
      twopm-zk coordinator run spec.toml
      twopm-zk coordinator run spec.toml --nodes 5 --minimum-stake 0.5 --port 8700 --endpoint https://train.example
    """
    from twopm_zk.federated.coordinator import Coordinator, Settings
    from twopm_zk.federated.coordinator_store import CoordinatorStore
    from twopm_zk.federated.spec_file import read_spec

    spec = read_spec(spec_file)
    settings = Settings(
        host=host,
        port=port,
        endpoint=endpoint,
        nodes=nodes or 0,
        minimum_stake=0 if minimum_stake == "0" else parse_amount(minimum_stake),
        opening_seconds=opening_seconds or 0,
        straggler_seconds=straggler_seconds or 0,
        poll=poll,
    )
    notify = news_printer(as_json)
    known = None if matrix is None else _read_matrix(matrix)
    with (
        make_prover(ptau, backend, scheduler, allow_plaintext=allow_plaintext) as prover,
        CoordinatorStore(state) as store,
        Coordinator(
            open_view(connection),
            spec,
            store,
            prover=prover,
            settings=settings,
            task=task,
            matrix=known,
            notify=notify,
        ) as participant,
    ):
        stop_on_sigterm(participant.loop)
        participant.run()


@coordinator.command(name="take-over")
@click.argument("task", type=click.IntRange(1))
@chain_options
@json_option
def take_over(connection: Connection, task: int, as_json: bool) -> None:
    """Take the place of a coordinator that missed its deadline, as a participant of TASK.

    Then run it: `twopm-zk coordinator run SPEC --task TASK --matrix FILE`, with the matrix that your node has kept.

    \b
    Example:
      twopm-zk coordinator take-over 3
    """
    receipt = connection.network().hlr.take_over(task)
    emit(as_json, {"task": task, **describe_receipt(receipt)})


def _read_matrix(path: Path) -> StepMatrix:
    from twopm_zk.statements import StepMatrix

    content = read_json(path, what="step matrix")
    try:
        return StepMatrix(int(content["size"]), tuple(int(value) for value in content["upper"]))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{str(path)!r} is not a step matrix that `twopm-zk node matrix` wrote") from error
