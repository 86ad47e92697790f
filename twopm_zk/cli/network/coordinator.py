"""``coordinator``: run a task, or take over one that stalls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from twopm_zk.cli.network.federated import run_coordinator
from twopm_zk.cli.next_steps import with_facts
from twopm_zk.cli.options.connection import Connection, chain_options, describe_receipt
from twopm_zk.cli.options.federated import contract_option, rounds_of
from twopm_zk.cli.options.participants import (
    ProvingOptions,
    news_printer,
    open_view,
    poll_option,
    proving_options,
    spec_argument,
    stakes_options,
    state_option,
    stop_on_sigterm,
)
from twopm_zk.cli.output import emit, json_option

if TYPE_CHECKING:
    from twopm_zk.coordinator.task_creation import Stakes


@click.group()
def coordinator() -> None:
    """Run a training task: open and close its rounds, publish proven weights, certify the result.

    A coordinator sees what everybody sees: nodes share sums with nobody in particular.

    \b
    Example:
      twopm-zk coordinator run spec.toml
    """


@coordinator.command()
@spec_argument
@click.option(
    "--task", type=click.IntRange(1), help="A task that exists; default: yours that is unfinished, or a new one."
)
@click.option("--nodes", type=click.IntRange(1), default=None, help="Nodes to wait for; default: the minimum in SPEC.")
@stakes_options
@click.option(
    "--straggler-seconds", type=click.IntRange(1), help="Wait for late nodes; default: a third of collecting."
)
@state_option("coordinator.db")
@poll_option
@proving_options
@chain_options
@json_option
def run(
    connection: Connection,
    spec_file: Path,
    task: int | None,
    nodes: int | None,
    stakes: Stakes,
    straggler_seconds: int | None,
    state: Path,
    poll: float,
    proving: ProvingOptions,
    as_json: bool,
) -> None:
    """Run the task of SPEC until it is finished: wait for nodes, rounds, proofs, certificate, or in a federated one
    results that a quorum of nodes accepts.

    It talks to the chain alone, and learns the sums that everybody can read there. Killed at any point, it starts
    again from the chain; the state file keeps proofs that were made and not sent. With --json every event is one
    document a line.

    \b
    Examples:
      twopm-zk coordinator run spec.toml
      twopm-zk coordinator run spec.toml --nodes 5 --minimum-stake 0.5 --penalty 0.25
    """
    from twopm_zk.coordinator.coordinator import Coordinator, CoordinatorSettings
    from twopm_zk.coordinator.store import CoordinatorStore
    from twopm_zk.coordinator.task_creation import wanted_nodes
    from twopm_zk.federated import FederatedSpec, read_specification

    spec = read_specification(spec_file)
    if isinstance(spec, FederatedSpec):
        with with_facts(spec=spec_file):
            run_coordinator(
                connection,
                spec,
                task=task,
                nodes=wanted_nodes(spec, nodes or 0),
                stakes=stakes,
                straggler_seconds=straggler_seconds or 0,
                state=state,
                poll=poll,
                as_json=as_json,
            )
        return
    settings = CoordinatorSettings(
        nodes=wanted_nodes(spec, nodes or 0), stakes=stakes, straggler_seconds=straggler_seconds or 0, poll=poll
    )
    notify = news_printer(as_json)
    with proving.prover(notify) as prover, CoordinatorStore(state) as store:
        participant = Coordinator(
            open_view(connection, notify=notify),
            spec,
            store,
            prover=prover,
            settings=settings,
            task=task,
            notify=notify,
        )
        stop_on_sigterm(participant.loop)
        participant.run()


@coordinator.command(name="take-over")
@click.argument("task", type=click.IntRange(1))
@contract_option
@chain_options
@json_option
def take_over(connection: Connection, task: int, contract: str, as_json: bool) -> None:
    """Take the place of a coordinator that missed its deadline, as a node of the set of TASK.

    Then run it: `twopm-zk coordinator run SPEC --task TASK`. Everything it takes is on the chain. No deadline changes,
    and a node of the set may go on with a round after its deadline without taking over: `twopm-zk aggregate`.

    \b
    Example:
      twopm-zk coordinator take-over 3
    """
    receipt = rounds_of(connection.network(), contract).take_over(task)
    text = f"You coordinate task {task}.\nNext: twopm-zk coordinator run SPEC --task {task}"
    emit(as_json, {"task": task, **describe_receipt(receipt)}, f"{text}\nTransaction {receipt.transaction}")
