"""``coordinator``: run a task, collect messages for one that is run by hand, or take over one that stalls."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from twopm_zk.cli.options.amounts import parse_stake
from twopm_zk.cli.options.connection import Connection, chain_options, describe_receipt
from twopm_zk.cli.options.participants import (
    ProvingOptions,
    matrix_option,
    minimum_stake_option,
    news_printer,
    open_view,
    proving_options,
    read_matrix,
    service_options,
    spec_argument,
    state_option,
    stop_on_sigterm,
)
from twopm_zk.cli.output import emit, json_option

if TYPE_CHECKING:
    from twopm_zk.participants.service import ServiceSettings


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
@minimum_stake_option
@click.option("--opening-seconds", type=click.IntRange(1), help="Time for openings; default: a third of aggregating.")
@click.option(
    "--straggler-seconds", type=click.IntRange(1), help="Wait for late nodes; default: a third of collecting."
)
@matrix_option
@state_option("coordinator.db")
@service_options
@proving_options
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
    service: ServiceSettings,
    proving: ProvingOptions,
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
    from twopm_zk.coordinator.coordinator import Coordinator
    from twopm_zk.coordinator.service import CoordinatorSettings
    from twopm_zk.coordinator.store import CoordinatorStore
    from twopm_zk.coordinator.task_creation import wanted_nodes
    from twopm_zk.task.specification_file import read_spec

    spec = read_spec(spec_file)
    settings = CoordinatorSettings(
        **asdict(service),
        nodes=wanted_nodes(spec, nodes or 0),
        minimum_stake=parse_stake(minimum_stake),
        opening_seconds=opening_seconds or 0,
        straggler_seconds=straggler_seconds or 0,
    )
    notify = news_printer(as_json)
    known = None if matrix is None else read_matrix(matrix)
    with (
        proving.prover(notify) as prover,
        CoordinatorStore(state) as store,
        Coordinator(
            open_view(connection, notify=notify),
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


@coordinator.command()
@spec_argument
@click.option("--task", type=click.IntRange(1), help="A task that exists; default: yours that is unfinished, if any.")
@click.option("--nodes", type=click.IntRange(1), default=None, help="Nodes to wait for; default: the minimum in SPEC.")
@minimum_stake_option
@state_option("coordinator.db")
@service_options
@chain_options
@json_option
def collect(
    connection: Connection,
    spec_file: Path,
    task: int | None,
    nodes: int | None,
    minimum_stake: str,
    state: Path,
    service: ServiceSettings,
    as_json: bool,
) -> None:
    """Only take in what nodes send, for a task that you run by hand, until all of it is here.

    Without a task: until enough nodes have enrolled; then `twopm-zk task create`. With one: until its round is closed
    and every opening is here; then `twopm-zk aggregate` or `twopm-zk certify`. It sends no transaction but the one that
    publishes its key and endpoint.

    \b
    Examples:
      twopm-zk coordinator collect spec.toml --port 8700 --endpoint https://train.example
      twopm-zk coordinator collect spec.toml --task 1 --json
    """
    from twopm_zk.coordinator.service import CoordinatorSettings, MessageCollector
    from twopm_zk.coordinator.store import CoordinatorStore
    from twopm_zk.coordinator.task_creation import wanted_nodes
    from twopm_zk.task.specification_file import read_spec

    spec, stake = read_spec(spec_file), parse_stake(minimum_stake)
    settings = CoordinatorSettings(**asdict(service), nodes=wanted_nodes(spec, nodes or 0), minimum_stake=stake)
    notify = news_printer(as_json)
    with (
        CoordinatorStore(state) as store,
        MessageCollector(
            open_view(connection, notify=notify), spec, store, settings=settings, task=task, notify=notify
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
