"""``predict`` and ``operator``: the two sides of a proven prediction."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from twopm_zk.cli.options.connection import Connection, chain_options
from twopm_zk.cli.options.participants import (
    ProvingOptions,
    checked_address,
    news_printer,
    open_view,
    poll_option,
    proving_options,
    service_options,
    spec_argument,
    state_option,
    stop_on_sigterm,
)
from twopm_zk.cli.output import emit, json_option
from twopm_zk.errors import InputError
from twopm_zk.system.parsing import read_json

if TYPE_CHECKING:
    from twopm_zk.participants.service import ServiceSettings


@click.command()
@spec_argument
@click.option("--task", type=click.IntRange(1), required=True, help="Task whose model to ask.")
@click.option("--operator", required=True, help="Address of the operator that offers it.")
@click.option(
    "--input",
    "input_file",
    type=click.Path(path_type=Path),
    required=True,
    help="JSON: {column: value}, as in the data.",
)
@click.option("--timeout", type=float, default=600.0, show_default=True, help="Seconds to wait for the answer.")
@state_option("user.db")
@poll_option
@chain_options
@json_option
def predict(
    connection: Connection,
    spec_file: Path,
    task: int,
    operator: str,
    input_file: Path,
    timeout: float,
    state: Path,
    poll: float,
    as_json: bool,
) -> None:
    """Ask for a prediction, with a stake, and wait for the proven answer.

    The chain sees a salted commitment to the input; the operator alone gets the input, encrypted. The contract has
    verified the proof of the answer before it is shown here.

    \b
    Example:
      twopm-zk predict spec.toml --task 1 --operator 0x7099...79C8 --input student.json
    """
    from twopm_zk.prediction.client import PredictionClient
    from twopm_zk.prediction.store import UserStore
    from twopm_zk.statements import Family
    from twopm_zk.task.specification_file import read_spec

    row = read_json(input_file, what="input")
    if not isinstance(row, dict):
        raise InputError(f"input {str(input_file)!r} is not an object of values")
    spec = read_spec(spec_file)
    with UserStore(state) as store:
        client = PredictionClient(open_view(connection), spec, store)
        request = client.ask(task, checked_address(operator), row)
        client.deliver(request)
        answer = client.wait(request, timeout=timeout, poll=poll)
    document = {
        "request": answer.request,
        spec.label if spec.family is Family.GAUSSIAN else "probability": answer.expected,
        "units": answer.units,
        "model_commitment": str(answer.model_commitment) if as_json else hex(answer.model_commitment),
        "insecure_keys": list(answer.insecure),
    }
    if answer.insecure and not as_json:
        click.secho("INSECURE KEYS: this answer proves nothing to anybody.", fg="red", bold=True, err=True)
    emit(as_json, document)


@click.group()
def operator() -> None:
    """Answer requests for predictions of a trained model, with proofs.

    \b
    Example:
      twopm-zk operator run spec.toml --task 1
    """


@operator.command()
@spec_argument
@click.option("--task", type=click.IntRange(1), required=True, help="Task whose model to offer.")
@state_option("operator.db")
@service_options
@proving_options
@chain_options
@json_option
def run(
    connection: Connection,
    spec_file: Path,
    task: int,
    state: Path,
    service: ServiceSettings,
    proving: ProvingOptions,
    as_json: bool,
) -> None:
    """Offer predictions of a task's model, and answer every request until stopped.

    A request is accepted once its input is here, and then an answer is due before the deadline, or the stake is
    slashed. With --json every event is one document a line.

    \b
    Example:
      twopm-zk operator run spec.toml --task 1 --port 8701 --endpoint https://ask.example
    """
    from twopm_zk.prediction.operator import Operator
    from twopm_zk.prediction.store import OperatorStore
    from twopm_zk.task.specification_file import read_spec

    notify = news_printer(as_json)
    with (
        proving.prover(notify) as prover,
        OperatorStore(state) as store,
        Operator(
            open_view(connection, notify=notify),
            read_spec(spec_file),
            store,
            task,
            prover=prover,
            settings=service,
            notify=notify,
        ) as participant,
    ):
        stop_on_sigterm(participant.loop)
        participant.run()
