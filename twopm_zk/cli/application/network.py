"""``network``: make a model known, say on which terms it is asked, and who is paid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from twopm_zk.cli.options.amounts import parse_stake, show_amount
from twopm_zk.cli.options.connection import Connection, chain_options, describe_receipt
from twopm_zk.cli.options.federated import open_federated
from twopm_zk.cli.options.fees import parse_fee, require_token, show_fee
from twopm_zk.cli.options.participants import checked_address, open_view, spec_argument, task_option
from twopm_zk.cli.output import Command, emit, force_option, json_option, print_table, refuse_existing
from twopm_zk.errors import InputError
from twopm_zk.system import files

if TYPE_CHECKING:
    from twopm_zk.chain.networks import NetworkEntry, NetworkTerms
    from twopm_zk.participants.rounds.view import RoundsView
    from twopm_zk.participants.task_view import ChainView
    from twopm_zk.task.metadata import NetworkMetadata

number_argument = click.argument("number", metavar="NETWORK", type=click.IntRange(1))
metadata_option = click.option(
    "--metadata", "metadata_file", type=click.Path(path_type=Path), required=True, help="The metadata document."
)
uri_option = click.option("--uri", default="", help="Where others find the document: a hint that nobody has to trust.")
_STAKES = ("user_stake", "operator_stake", "penalty")


def terms_options(command: Command) -> Command:
    """Add the terms of requests, passed on as ``terms``: what makes new terms of others, once a network is known."""

    @click.option("--fee", help="What an input costs, in ETH or the network's token.  [default: 0]")
    @click.option("--user-stake", help="ETH that one has at stake to ask.  [default: 0.01]")
    @click.option("--operator-stake", help="ETH at stake for each request that waits for its answer.  [default: 1]")
    @click.option("--penalty", help="ETH that a late operator loses, of that stake.  [default: 0.1]")
    @click.option("--accept-seconds", type=click.IntRange(60, 604_800), help="To accept.  [default: 86400]")
    @click.option("--answer-seconds", type=click.IntRange(60, 604_800), help="To answer.  [default: 86400]")
    @wraps(command)
    def wrapped(
        *args: Any,
        fee: str | None,
        user_stake: str | None,
        operator_stake: str | None,
        penalty: str | None,
        accept_seconds: int | None,
        answer_seconds: int | None,
        **kwargs: Any,
    ) -> Any:
        def terms(view: RoundsView[Any], base: NetworkTerms, *, token: bool) -> NetworkTerms:
            given: dict[str, int | None] = {"accept_seconds": accept_seconds, "answer_seconds": answer_seconds}
            stakes = zip(_STAKES, (user_stake, operator_stake, penalty), strict=True)
            given |= {name: None if text is None else parse_stake(text) for name, text in stakes}
            given["fee"] = None if fee is None else parse_fee(fee, view.networks, token=token)
            return replace(base, **{name: value for name, value in given.items() if value is not None})

        return command(*args, terms=terms, **kwargs)

    return wrapped  # type: ignore[return-value]


@click.group()
def network() -> None:
    """Make the model of a task known, say on which terms it is asked, and who is paid.

    A network is one model, one metadata document and one set of terms. `metadata` drafts the document, `create`
    registers the network, `enrol` lets the data owners be paid.

    \b
    Example:
      twopm-zk network show 1
    """


@network.command()
@spec_argument
@click.option("--out", type=click.Path(path_type=Path), help="Where to write it; default: standard output.")
@force_option
@json_option
def metadata(spec_file: Path, out: Path | None, force: bool, as_json: bool) -> None:
    """Draft the metadata document of a model from its specification, to be filled in.

    It says in plain text what the model is for, who may rely on it, and what each input means. Its hash goes on the
    chain: nobody can change the document unseen.

    \b
    Example:
      twopm-zk network metadata spec.toml --out network.json
    """
    from twopm_zk.federated import FederatedSpec, read_specification
    from twopm_zk.task.metadata import MetadataOutput, draft, draft_of

    spec = read_specification(spec_file)
    if isinstance(spec, FederatedSpec):
        document = draft_of(spec.title[:120], spec.spec_hash, output=MetadataOutput("What the model gives."))
    else:
        document = draft(spec)
    text = document.encoded.decode()
    if out is None:
        click.echo(text, nl=False)  # JSON already
        return
    refuse_existing(out, force=force)
    files.write_text(out, text)
    following = f"fill in what it says, then `twopm-zk network create SPEC --task N --metadata {out}`"
    emit(as_json, {"out": str(out), "sha256": "0x" + document.sha256.hex()}, f"Written to {out}: {following}.")


@network.command()
@spec_argument
@task_option
@metadata_option
@uri_option
@terms_options
@click.option("--token", is_flag=True, help="Take fees in the deployment's token, and not in ETH. Fixed for good.")
@click.option(
    "--owners-share",
    type=click.FloatRange(0, 100),
    default=50.0,
    show_default=True,
    help="Percent of each fee for the data owners; the operator gets the rest. Fixed for good.",
)
@chain_options
@json_option
def create(
    connection: Connection,
    spec_file: Path,
    task: int,
    metadata_file: Path,
    uri: str,
    terms: Callable[..., NetworkTerms],
    token: bool,
    owners_share: float,
    as_json: bool,
) -> None:
    """Register the network of a task, as its coordinator: once, at any time from the task's creation on.

    Registered before the first round, data owners see how fees will be divided before they work.

    \b
    Examples:
      twopm-zk network create spec.toml --task 1 --metadata network.json
      twopm-zk network create spec.toml --task 1 --metadata network.json --fee 0.001 --owners-share 70
    """
    from twopm_zk.chain.networks import PARTS, Model, NetworkTerms
    from twopm_zk.federated import FederatedSpec, read_specification
    from twopm_zk.hfl.view import require_federated
    from twopm_zk.participants.task_view import require_spec

    parts = round(owners_share * PARTS / 100)
    if abs(parts * 100 - owners_share * PARTS) > 1e-6:  # of a part
        raise InputError(f"--owners-share {owners_share:g} has more than two decimals")
    spec, document = read_specification(spec_file), _read_metadata(metadata_file)
    if isinstance(spec, FederatedSpec):
        document.require_specification(spec.spec_hash)
        federated = open_federated(connection)
        require_federated(federated.state(task), spec)
        view, model = cast("RoundsView[Any]", federated), Model.HFL
    else:
        document.require_of(spec)
        proven = open_view(connection)
        require_spec(proven.state(task), spec)
        view, model = cast("RoundsView[Any]", proven), Model.HLR
    if token:
        require_token(view.networks)
    chosen = terms(view, NetworkTerms(), token=token)
    number = view.networks.register(
        task, document.sha256, chosen, model=model, token=token, owners_share=parts, uri=uri
    )
    emit(as_json, _document(view, view.networks.get(number)))


@network.command()
@number_argument
@chain_options
@json_option
def show(connection: Connection, number: int, as_json: bool) -> None:
    """Show a network: its model, its terms, its metadata's hash, and who offers and is paid.

    \b
    Example:
      twopm-zk network show 1
    """
    view = open_view(connection, signing=False)
    entry, first = view.networks.get(number), view.deployment.block
    client = view.network.requests(entry.model)
    offered = client.contract.events("Offered", from_block=first, networkId=number)
    operators = [one for one in dict.fromkeys(e["operator"] for e in offered) if client.offers(number, one)]
    more = {
        "uri": view.networks.uri(number, from_block=first),
        "operators": operators,
        "backing": [_backing(view, one, as_json) for one in operators],
        "data_owners": [
            f"{node} ({updates} updates)" if not as_json else {"account": node, "updates": updates}
            for node, updates in view.networks.enrolled(number, from_block=first).items()
        ],
    }
    emit(as_json, _document(view, entry) | more)


@network.command("list")
@chain_options
@json_option
def list_(connection: Connection, as_json: bool) -> None:
    """List all networks.

    \b
    Example:
      twopm-zk network list
    """
    view = open_view(connection, signing=False)
    entries = [view.networks.get(number) for number in range(1, view.networks.count() + 1)]
    if as_json:
        emit(True, {"networks": [_document(view, entry) for entry in entries]})
        return
    rows = [
        (
            *(entry.id, entry.task, entry.model.name),
            show_fee(entry.terms.fee, view.networks, token=entry.token),
            f"{entry.owners_share / 100:g} %",
            "closed" if entry.closed else "open",
        )
        for entry in entries
    ]
    print_table(("network", "task", "model", "fee", "to data owners", "state"), rows)


@network.command("set-terms")
@number_argument
@terms_options
@chain_options
@json_option
def set_terms(connection: Connection, number: int, terms: Callable[..., NetworkTerms], as_json: bool) -> None:
    """Change the terms of requests to come, as the network's owner: those that are given, the others stay.

    \b
    Example:
      twopm-zk network set-terms 1 --fee 0.002 --answer-seconds 3600
    """
    view = open_view(connection)
    entry = view.networks.get(number)
    receipt = view.networks.set_terms(number, terms(view, entry.terms, token=entry.token))
    emit(as_json, _document(view, view.networks.get(number)) | describe_receipt(receipt))


@network.command("set-metadata")
@number_argument
@metadata_option
@uri_option
@chain_options
@json_option
def set_metadata(connection: Connection, number: int, metadata_file: Path, uri: str, as_json: bool) -> None:
    """Replace the metadata document, as the network's owner.

    \b
    Example:
      twopm-zk network set-metadata 1 --metadata network.json
    """
    document = _read_metadata(metadata_file)
    view = open_view(connection)
    task = view.networks.get(number).task
    document.require_specification(_of_its_contract(connection, view, number).state(task).spec_hash)
    receipt = view.networks.set_metadata(number, document.sha256, uri)
    emit(as_json, {"network": number, "metadata": "0x" + document.sha256.hex(), **describe_receipt(receipt)})


@network.command()
@number_argument
@chain_options
@json_option
def close(connection: Connection, number: int, as_json: bool) -> None:
    """Take no new requests, as the network's owner; those that were made are answered.

    \b
    Example:
      twopm-zk network close 1
    """
    _set_closed(connection, number, True, as_json)


@network.command("open")
@number_argument
@chain_options
@json_option
def open_(connection: Connection, number: int, as_json: bool) -> None:
    """Take requests again, as the network's owner.

    \b
    Example:
      twopm-zk network open 1
    """
    _set_closed(connection, number, False, as_json)


@network.command()
@number_argument
@click.argument("nodes", metavar="[NODE]...", nargs=-1)
@chain_options
@json_option
def enrol(connection: Connection, number: int, nodes: tuple[str, ...], as_json: bool) -> None:
    """Enrol the data owners of a finished model, so that they are paid: all of them, where no NODE is named.

    Anybody may. A network takes fees once all nodes of the certified round, or of the last result of a federated task
    that is over, are enrolled.

    \b
    Examples:
      twopm-zk network enrol 1
      twopm-zk network enrol 1 0x7099...79C8
    """
    from twopm_zk.prediction.enrolment import enrol_all

    named = [checked_address(node) for node in nodes]
    view = open_view(connection)
    entry = view.networks.get(number)
    receipts = [view.networks.enrol(number, named)] if named else enrol_all(view, entry)
    found = [event for receipt in receipts for event in receipt.events if event.name == "Enrolled"]
    complete = view.networks.get(number).complete
    document = {
        "network": number,
        "enrolled": {event["node"]: event["updates"] for event in found},
        "complete": complete,
        "transactions": [receipt.transaction for receipt in receipts],
    }
    lines = [f"{event['node']}: {event['updates']} updates" for event in found]
    lines.append("All data owners are enrolled." if complete else "Others are still to be enrolled.")
    emit(as_json, document, "\n".join(lines))


def _backing(view: ChainView, operator: str, as_json: bool) -> Any:
    """What stands behind an operator's answers."""
    backing = view.backing_of(operator)
    if not as_json:
        return f"{operator} with {backing.sentence}"
    return {"operator": operator, "stake": str(backing.value), "restaked": backing.restaked}


def _of_its_contract(connection: Connection, view: ChainView, number: int) -> RoundsView[Any]:
    """The deployment as the contract of a network's task sees it."""
    from twopm_zk.chain.networks import Model

    return open_federated(connection) if view.networks.get(number).model is Model.HFL else view


def _set_closed(connection: Connection, number: int, closed: bool, as_json: bool) -> None:
    receipt = open_view(connection).networks.set_closed(number, closed)
    emit(as_json, {"network": number, "closed": closed, **describe_receipt(receipt)})


def _read_metadata(path: Path) -> NetworkMetadata:
    from twopm_zk.task.metadata import NetworkMetadata

    return NetworkMetadata.parse(files.read_bytes(path, what="metadata document"))


def _document(view: RoundsView[Any], entry: NetworkEntry) -> dict[str, Any]:
    terms = entry.terms
    return {
        "network": entry.id,
        "model": entry.model.name.lower(),
        "task": entry.task,
        "owner": entry.owner,
        "closed": entry.closed,
        "fee": show_fee(terms.fee, view.networks, token=entry.token),
        "owners_share": f"{entry.owners_share / 100:g} %",
        "user_stake": f"{show_amount(terms.user_stake)} ETH",
        "operator_stake": f"{show_amount(terms.operator_stake)} ETH",
        "penalty": f"{show_amount(terms.penalty)} ETH",
        "accept_seconds": terms.accept_seconds,
        "answer_seconds": terms.answer_seconds,
        "enrolled": entry.enrolled,
        "updates": entry.updates,
        "complete": entry.complete,
        "metadata": "0x" + entry.metadata.hex(),
    }
