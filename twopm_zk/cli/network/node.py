"""``node``: a data owner's part, in a loop or step by step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from twopm_zk.cli.network.federated import run_node
from twopm_zk.cli.network.node_steps import budget, forget, ledger, ready, share, submit, withdraw
from twopm_zk.cli.next_steps import after_kind
from twopm_zk.cli.options.amounts import WEI, asset_option, parse_amount
from twopm_zk.cli.options.connection import Connection, chain_options, describe_receipt
from twopm_zk.cli.options.federated import ModelChoice, data_digest, model_options, refuse_options
from twopm_zk.cli.options.participants import (
    ProvingOptions,
    checked_address,
    consent_options,
    news_printer,
    open_view,
    poll_option,
    proving_options,
    spec_argument,
    state_option,
    stop_on_sigterm,
)
from twopm_zk.cli.options.rows import csv_options, data_option, held_out_option, read_rows
from twopm_zk.cli.output import emit, json_option

if TYPE_CHECKING:
    from twopm_zk.node.node import Consent
    from twopm_zk.rows.cells import Cells, CsvOptions

_AT_ONCE = 16
"""Proofs that are asked for together, and sent once all of them are there; each is stored as soon as it is."""


@click.group()
def node() -> None:
    """Take part in a task with your own rows, which never leave this machine.

    `twopm-zk node run` does all of it by itself. By hand: join, `twopm-zk data register`, and in each round submit,
    ready, share.

    \b
    Example:
      twopm-zk node run spec.toml --data rows.csv --coordinator 0x7099...79C8
    """


for _step in (submit, ready, share, withdraw, ledger, budget, forget):
    node.add_command(_step)


@node.command()
@spec_argument
@data_option(required=False)
@held_out_option
@csv_options
@model_options
@click.option("--data-number", type=int, help="In place of --data of a federated SPEC: what you know your data by.")
@click.option(
    "--location",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Of a federated SPEC: the storage location to put things into first.",
)
@click.option(
    "--any-initial",
    is_flag=True,
    help="Of a federated SPEC: train from its initial parameters although your model makes others; they can be chosen "
    "to show single examples.",
)
@click.option("--coordinator", required=True, help="Address of the coordinator whose tasks you take part in.")
@click.option("--task", type=click.IntRange(1), help="Its task; default: the newest one of the specification.")
@consent_options
@state_option("node.db")
@proving_options
@poll_option
@chain_options
@json_option
def run(
    connection: Connection,
    spec_file: Path,
    rows: Path | None,
    held_out: Path | None,
    csv: CsvOptions,
    model: ModelChoice,
    data_number: int | None,
    location: int,
    any_initial: bool,
    coordinator: str,
    task: int | None,
    consent: Consent,
    state: Path,
    proving: ProvingOptions,
    poll: float,
    as_json: bool,
) -> None:
    """Register your data, and take part in every round of the task until it is finished.

    In each round the node proves its updates, says that it is ready, and shares their sum under masks that cancel over
    all nodes: nobody learns it, the coordinator neither. Keep it running from being ready until it has shared.

    Rows of --held-out are kept out of training, and the certified weights evaluated on them, where SPEC asks for that.

    Where SPEC is federated, --model names your own code, which trains on your data in each round, and --data the file
    that you commit to having trained on; nothing is proven of it.

    SPEC is the task's specification: read it before you take part. The state file holds your rows, salts and keys;
    a node that was stopped, even with kill -9, goes on where it was. With --json every event is one document a line.

    \b
    Examples:
      twopm-zk node run spec.toml --data rows.csv --coordinator 0x7099...79C8
      twopm-zk node run spec.toml --data rows.csv --held-out later.csv --coordinator 0x7099...79C8
      twopm-zk node run spec.toml --coordinator 0x7099...79C8 --task 3 --minimum-nodes 5 --json
      twopm-zk node run spec.toml --coordinator 0x7099...79C8 --require-account 0x90F7...b906 --refuse-after-silence
      twopm-zk node run spec.toml --coordinator 0x7099...79C8 --privacy-limit 5 --rows-name ward-7
      twopm-zk node run federated.toml --model digits.py:Digits --model-argument rows=rows.csv --data rows.csv \
        --coordinator 0x7099...79C8
    """
    from twopm_zk.federated import FederatedSpec, read_specification
    from twopm_zk.hfl.node import FederatedConsent
    from twopm_zk.node.node import Node
    from twopm_zk.node.store import NodeStore
    from twopm_zk.participants.news import News

    spec = read_specification(spec_file)
    if isinstance(spec, FederatedSpec):
        refuse_options(
            "regression with proofs; this SPEC is federated",
            {
                "--held-out": held_out,
                "--minimum-rows": consent.minimum_rows,
                "--allow-insecure": consent.allow_insecure,
                "--privacy-limit": consent.budget.epsilon,
                "--rows-name": consent.budget.name,
                "--ptau": proving.ptau,
                "--backend": proving.backend,
                "--scheduler": proving.scheduler,
            },
        )
        run_node(
            connection,
            spec,
            model=model,
            data=data_digest(rows, data_number),
            coordinator=coordinator,
            task=task,
            location=location,
            consent=FederatedConsent(
                consent.minimum_nodes, consent.accounts, consent.refuse_after_silence, any_initial
            ),
            state=state,
            poll=poll,
            as_json=as_json,
        )
        return
    given = {"--model": model.place, "--model-argument": model.arguments, "--data-number": data_number}
    given |= {"--location": location, "--any-initial": any_initial}
    refuse_options("federated specifications; this SPEC is of regression with proofs", given)
    notify = news_printer(as_json)

    proven = spec

    def read(path: Path | None) -> Cells | None:
        if path is None:
            return None
        notify(News("reading", f"reading {path}"))
        return read_rows(path, proven, csv, lambda line: notify(News("reading", line)))

    table, others = read(rows), read(held_out)
    with proving.prover(notify) as prover, NodeStore(state) as store:
        participant = Node(
            open_view(connection, notify=notify),
            spec,
            store,
            prover=prover,
            coordinator=checked_address(coordinator),
            table=table,
            held_out=others,
            task=task,
            consent=consent,
            notify=notify,
            poll=poll,
            chunk=_AT_ONCE,
        )
        stop_on_sigterm(participant.loop)
        participant.run()


@node.command()
@spec_argument
@click.option("--task", type=click.IntRange(1), help="A task to join; default: the newest unfinished one of SPEC.")
@click.option("--stake", "amount", help="Tokens to stake as well, such as 0.5.")
@asset_option
@state_option("node.db")
@chain_options
@json_option
def join(
    connection: Connection,
    spec_file: Path,
    task: int | None,
    amount: str | None,
    asset: int,
    state: Path,
    as_json: bool,
) -> None:
    """Become a member in IdentityContract, and register the key of the state file to share with; no data yet.

    Membership counts for rounds that open later, so join before a task's first one. What is done already stays.
    If there is a task of SPEC, its minimum stake is compared with yours. `twopm-zk node run` joins by itself.

    \b
    Examples:
      twopm-zk node join spec.toml
      twopm-zk node join spec.toml --stake 0.5 --asset 2
    """
    from twopm_zk.node.membership import join as become_member
    from twopm_zk.node.store import NodeStore
    from twopm_zk.task.specification_file import read_spec

    spec = read_spec(spec_file)
    wei = None if amount is None else parse_amount(amount)
    with NodeStore(state) as store:
        view = open_view(connection)
        store.belongs_to(view.address, view.fingerprint)
        found = become_member(view, spec, store, task=task, stake=None if wei is None else (asset, wei))
    obstacles = [f"{one.sentence} {after_kind(one.kind) or ''}".strip() for one in found.obstacles]
    document = {
        "account": view.address,
        "member_since": found.since,
        "new": found.new,
        "stake_wei": str(found.stake),
        "task": None if found.task is None else found.task.id,
        "minimum_stake_wei": None if found.task is None else str(found.task.minimum_stake),
        "ready": not found.obstacles,
        "obstacles": obstacles,
    }
    lines = [f"{view.address} is a member since block {found.since}, with {found.stake / WEI:g} ETH at stake."]
    lines += [*obstacles, f"Next: twopm-zk data register {spec_file} --data ROWS.csv --state {state}"]
    emit(as_json, document, "\n".join(lines))


@node.command()
@chain_options
@json_option
def leave(connection: Connection, as_json: bool) -> None:
    """Stop being a member in IdentityContract.

    A task that runs takes no more updates from this account, and joining again counts from the next round on. What was
    registered in DataHub stays, and so does the stake: `twopm-zk stake unstake` takes it back.

    \b
    Example:
      twopm-zk node leave
    """
    network = connection.network()
    receipt = network.identity.leave()
    text = f"{network.chain.address} is no member any more.\nTransaction {receipt.transaction}"
    emit(as_json, {"account": network.chain.address, **describe_receipt(receipt)}, text)
