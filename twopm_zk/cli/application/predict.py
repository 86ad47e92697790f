"""``predict`` and ``operator``: the two sides of a proven prediction."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twopm_zk.cli.application.restake import COMMANDS
from twopm_zk.cli.options.connection import Connection, chain_options, describe_receipt
from twopm_zk.cli.options.fees import parse_fee, show_fee
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
from twopm_zk.errors import ChainError, InputError
from twopm_zk.system.parsing import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from twopm_zk.participants.service import ServiceSettings
    from twopm_zk.prediction.client import Prediction, PredictionClient
    from twopm_zk.task.specification import TaskSpec

network_option = click.option("--network", type=click.IntRange(1), required=True, help="The network's number.")


class AskingGroup(click.Group):
    """A group whose command `ask` goes without its name."""

    usual = "ask"

    def spelt_out(self, words: list[str]) -> list[str]:
        """Words with the name of the command that they are for."""
        names = (*self.commands, "-h", "--help")
        return [self.usual, *words] if words and words[0] not in names else words

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Click's own, after the name was put in its place."""
        return super().parse_args(ctx, self.spelt_out(args))


@click.group(cls=AskingGroup)
def predict() -> None:
    """Ask a network for predictions, and take the fees of unanswered ones back.

    \b
    Examples:
      twopm-zk predict spec.toml --network 1 --operator 0x7099...79C8 --input student.json
      twopm-zk predict refund
    """


@predict.command()
@spec_argument
@network_option
@click.option("--operator", required=True, help="Address of the operator that offers it.")
@click.option(
    "--input",
    "input_file",
    type=click.Path(path_type=Path),
    required=True,
    help="JSON: {column: value}, as in the data, or a list of up to 16 of these.",
)
@click.option(
    "--maximum-fee", default="0", show_default=True, help="The most to pay for an input, in ETH or the token."
)
@click.option("--timeout", type=float, default=600.0, show_default=True, help="Seconds to wait for the answers.")
@state_option("user.db")
@poll_option
@chain_options
@json_option
def ask(
    connection: Connection,
    spec_file: Path,
    network: int,
    operator: str,
    input_file: Path,
    maximum_fee: str,
    timeout: float,
    state: Path,
    poll: float,
    as_json: bool,
) -> None:
    """Ask for predictions, with a stake and for a fee, and wait for the proven answers.

    The chain sees a salted commitment to each input; the operator alone gets the inputs, encrypted. The contract has
    verified the proof of an answer before it is shown here, and pays the operator and the data owners only then.

    Where this was stopped before it had an answer, the same command with the same --state goes on, and pays nothing
    twice: an input is asked about anew only once its answer was shown here, or its fee came back.

    `ask` may be left out.

    \b
    Examples:
      twopm-zk predict ask spec.toml --network 1 --operator 0x7099...79C8 --input student.json
      twopm-zk predict spec.toml --network 1 --operator 0x7099...79C8 --input class.json --maximum-fee 0.001
    """
    from twopm_zk.prediction.client import PredictionClient
    from twopm_zk.prediction.store import UserStore
    from twopm_zk.task.specification_file import read_spec

    found = read_json(input_file, what="input")
    rows = found if isinstance(found, list) else [found]
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"input {str(input_file)!r} is neither an object of values nor a list of them")
    spec, address = read_spec(spec_file), checked_address(operator)
    view = open_view(connection)
    if not as_json:
        click.echo(f"{address} answers with {view.backing_of(address).sentence}", err=True)
    token = view.networks.get(network).token
    most = parse_fee(maximum_fee, view.networks, token=token)
    with UserStore(state) as store:
        client = PredictionClient(view, spec, store)
        requests = client.ask(network, address, rows, maximum_fee=most)
        for request in requests:
            client.deliver(request)
        answers, failure = _answers(client, requests, timeout=timeout, poll=poll)
        documents = [_answer(spec, answer, as_json) for answer in answers]
        if any(answer.insecure for answer in answers) and not as_json:
            click.secho("INSECURE KEYS: these answers prove nothing to anybody.", fg="red", bold=True, err=True)
        if isinstance(found, list) and as_json and documents:
            click.echo(json.dumps(documents, indent=2))
        else:
            for document in documents:
                emit(as_json, document)
        sys.stdout.flush()
        for answer in answers:
            client.heard(answer.request)
    if failure is not None:
        raise failure


def _answers(
    client: PredictionClient, requests: Sequence[int], *, timeout: float, poll: float
) -> tuple[list[Prediction], ChainError | None]:
    """What came of requests, and the first that was wrong with one of them: the other answers are paid for too."""
    until, answers, failure = time.monotonic() + timeout, [], None
    for request in requests:
        try:
            answers.append(client.wait(request, timeout=max(0.0, until - time.monotonic()), poll=poll))
        except ChainError as error:
            failure = failure or error
    return answers, failure


def _answer(spec: TaskSpec, answer: Prediction, as_json: bool) -> Mapping[str, Any]:
    from twopm_zk.statements import Family

    return {
        "request": answer.request,
        spec.label if spec.family is Family.GAUSSIAN else "probability": answer.expected,
        "units": answer.units,
        "model_commitment": str(answer.model_commitment) if as_json else hex(answer.model_commitment),
        "insecure_keys": list(answer.insecure),
    }


@predict.command()
@click.argument("requests", metavar="[REQUEST]...", nargs=-1, type=click.IntRange(1))
@state_option("user.db")
@chain_options
@json_option
def refund(connection: Connection, requests: tuple[int, ...], state: Path, as_json: bool) -> None:
    """Take back the fees of this account's REQUESTs: of all that nobody will answer, where none is named.

    A fee can be taken back as long as nobody has accepted the request, and where the verifier of its answer was
    retired. An operator that accepted and is late is slashed, which gives the fee back too. Where none is named, those
    are left alone that an operator can still accept. `twopm-zk fees withdraw` pays out what came back.

    \b
    Examples:
      twopm-zk predict refund
      twopm-zk predict refund 7
    """
    from twopm_zk.prediction.refunds import refund as take_back
    from twopm_zk.prediction.refunds import refundable
    from twopm_zk.prediction.store import UserStore

    view = open_view(connection)
    documents = []
    for request in requests or tuple(one.id for one in refundable(view)):
        found = view.inference.request(request)
        receipt = take_back(view, request)
        if state.is_file():
            with UserStore(state) as store:
                store.forget_input(found["inputCommitment"])
        returned = show_fee(found["fee"], view.networks, token=found["token"])
        documents.append({"request": request, "returned": returned, **describe_receipt(receipt)})
    lines = [f"Request {one['request']}: {one['returned']} came back." for one in documents]
    emit(as_json, {"refunded": documents}, "\n".join(lines) or "There is nothing to take back.")


@click.group()
def operator() -> None:
    """Answer requests for predictions of a trained model, with proofs, for a fee.

    What stands behind the answers, of conversations too, is the account's own stake, or others' that it has allocated
    at EigenLayer: `register-avs`, `allocate`, `show`, `reward`, `deregister`.

    \b
    Example:
      twopm-zk operator run spec.toml --network 1
    """


for _command in COMMANDS:
    operator.add_command(_command)


@operator.command()
@spec_argument
@network_option
@state_option("operator.db")
@service_options
@proving_options
@chain_options
@json_option
def run(
    connection: Connection,
    spec_file: Path,
    network: int,
    state: Path,
    service: ServiceSettings,
    proving: ProvingOptions,
    as_json: bool,
) -> None:
    """Offer predictions of a network's model, and answer every request until stopped.

    A request is accepted once its input is here, and then an answer is due before the deadline, or the stake is
    slashed; each request that waits for its answer needs a stake of its own. With --json every event is one document a
    line.

    \b
    Example:
      twopm-zk operator run spec.toml --network 1 --port 8701 --endpoint https://ask.example
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
            network,
            prover=prover,
            settings=service,
            notify=notify,
        ) as participant,
    ):
        stop_on_sigterm(participant.loop)
        participant.run()


@operator.command()
@network_option
@chain_options
@json_option
def withdraw(connection: Connection, network: int, as_json: bool) -> None:
    """Offer no more predictions of a network; what was asked stays.

    \b
    Example:
      twopm-zk operator withdraw --network 1
    """
    receipt = open_view(connection).inference.withdraw_offer(network)
    emit(as_json, {"network": network, **describe_receipt(receipt)})


@operator.command("slash-late")
@click.argument("requests", metavar="[REQUEST]...", nargs=-1, type=click.IntRange(1))
@chain_options
@json_option
def slash_late(connection: Connection, requests: tuple[int, ...], as_json: bool) -> None:
    """Have operators slashed that accepted a REQUEST and did not answer in time: all of them, where none is named.

    Anybody may. The user gets its fee back.

    \b
    Examples:
      twopm-zk operator slash-late
      twopm-zk operator slash-late 7
    """
    from twopm_zk.prediction.refunds import late_requests

    view = open_view(connection)
    chosen = requests or tuple(one.id for one in late_requests(view))
    documents = []
    for request in chosen:
        receipt = view.inference.slash_late(request)
        event = receipt.event("OperatorLate")
        taken = {"operator": event["operator"], "slashed": str(event["slashed"])}
        documents.append({"request": request, **taken, **describe_receipt(receipt)})
    lines = [
        f"Request {one['request']}: {one['operator']} lost {one['slashed']} wei of its stake." for one in documents
    ]
    emit(as_json, {"slashed": documents}, "\n".join(lines) or "No operator is late.")
