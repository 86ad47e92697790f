"""``node``: a data owner's part."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from twopm_zk.cli.next_steps import after_kind
from twopm_zk.cli.options.amounts import WEI, asset_option, parse_amount
from twopm_zk.cli.options.connection import Connection, chain_options, describe_receipt
from twopm_zk.cli.options.participants import (
    ProvingOptions,
    checked_address,
    news_printer,
    open_view,
    poll_option,
    proving_options,
    shortened,
    spec_argument,
    state_option,
    stop_on_sigterm,
)
from twopm_zk.cli.output import emit, json_option
from twopm_zk.errors import InputError

_AT_ONCE = 16
"""Proofs that are given to a scheduler together; those that a kill interrupts are made again."""


@click.group()
def node() -> None:
    """Take part in a task with your own rows, which never leave this machine.

    \b
    Example:
      twopm-zk node run spec.toml --data rows.csv --coordinator 0x7099...79C8
    """


@node.command()
@spec_argument
@click.option("--data", type=click.Path(path_type=Path), help="CSV file of rows; needed the first time only.")
@click.option("--coordinator", required=True, help="Address of the coordinator that you work with.")
@click.option(
    "--successor", "successors", multiple=True, help="Address that you trust as well if it takes over; may be repeated."
)
@click.option("--task", type=click.IntRange(1), help="Its task; default: the newest one of the specification.")
@click.option("--minimum-nodes", type=click.IntRange(1), help="Stay out of tasks that go on with fewer.")
@click.option("--minimum-rows", type=click.IntRange(1), help="Stay out of tasks that go on with fewer rows in all.")
@click.option("--allow-insecure", is_flag=True, help="Take part although the verifiers are of development keys.")
@state_option("node.db")
@proving_options
@poll_option
@chain_options
@json_option
def run(
    connection: Connection,
    spec_file: Path,
    data: Path | None,
    coordinator: str,
    successors: tuple[str, ...],
    task: int | None,
    minimum_nodes: int | None,
    minimum_rows: int | None,
    allow_insecure: bool,
    state: Path,
    proving: ProvingOptions,
    poll: float,
    as_json: bool,
) -> None:
    """Register your data, and prove an update in every round of the task until it is finished.

    SPEC is the task's specification: read it before you take part. The state file holds your rows, salts and proofs;
    a node that was stopped, even with kill -9, goes on where it was. With --json every event is one document a line.

    \b
    Examples:
      twopm-zk node run spec.toml --data rows.csv --coordinator 0x7099...79C8
      twopm-zk node run spec.toml --coordinator 0x7099...79C8 --task 3 --minimum-nodes 5 --json
    """
    from twopm_zk.node.node import Consent, Node
    from twopm_zk.node.store import NodeStore
    from twopm_zk.participants.news import News
    from twopm_zk.rows.tables import read_table
    from twopm_zk.task.specification_file import read_spec

    spec = read_spec(spec_file)
    notify = news_printer(as_json)
    if data is not None:
        notify(News("reading", f"reading {data}"))
    table = None if data is None else read_table(data, label=spec.label)
    with proving.prover(notify) as prover, NodeStore(state) as store:
        participant = Node(
            open_view(connection, notify=notify),
            spec,
            store,
            prover=prover,
            coordinator=checked_address(coordinator),
            table=table,
            task=task,
            consent=Consent(
                minimum_nodes or 0,
                minimum_rows or 0,
                allow_insecure,
                frozenset(checked_address(address) for address in successors),
            ),
            notify=notify,
            poll=poll,
            chunk=1 if proving.scheduler is None else _AT_ONCE,
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
    """Become a member in IdentityContract, with the key of the state file; register no data yet.

    Membership counts for rounds that open later, so join before a task's first one. Who is a member already stays so.
    If there is a task of SPEC, its minimum stake is compared with yours, and an attempt in a joining phase is joined
    too: only who has joined it may hand in updates there. `twopm-zk node run` becomes a member by itself.

    \b
    Examples:
      twopm-zk node join spec.toml
      twopm-zk node join spec.toml --stake 0.5 --asset 2
    """
    from twopm_zk.node.membership import join as become_member
    from twopm_zk.node.store import NodeStore
    from twopm_zk.participants.records import secret_key
    from twopm_zk.task.specification_file import read_spec

    spec = read_spec(spec_file)
    wei = None if amount is None else parse_amount(amount)
    with NodeStore(state) as store:
        view = open_view(connection)
        store.belongs_to(view.address, view.fingerprint)
        key = secret_key(store).public_key().public_bytes_raw()
        found = become_member(view, spec, key, task=task, stake=None if wei is None else (asset, wei))
    obstacles = [f"{one.sentence} {after_kind(one.kind) or ''}".strip() for one in found.obstacles]
    document = {
        "account": view.address,
        "member_since": found.since,
        "new": found.new,
        "stake_wei": str(found.stake),
        "task": None if found.task is None else found.task.id,
        "minimum_stake_wei": None if found.task is None else str(found.task.minimum_stake),
        "joined_attempt": found.joined_attempt,
        "ready": not found.obstacles,
        "obstacles": obstacles,
    }
    lines = [f"{view.address} is a member since block {found.since}, with {found.stake / WEI:g} ETH at stake."]
    lines += [f"Joined {found.task.name()}."] if found.task and found.joined_attempt else []
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


@node.command()
@click.argument("matrix_hash", metavar="HASH")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Where to write it.")
@state_option("node.db")
@json_option
def matrix(matrix_hash: str, out: Path, state: Path, as_json: bool) -> None:
    """Write a public step matrix that this node has kept, for whoever takes over as coordinator.

    HASH is `matrix hash` of `twopm-zk task show`, hexadecimal with 0x or decimal. The node may go on running.

    \b
    Example:
      twopm-zk node matrix 0x2f06...91c4 --out matrix.json
    """
    from twopm_zk.node.store import NodeStore
    from twopm_zk.system.files import write_text

    number = parse_hash(matrix_hash)
    with NodeStore(state, read_only=True) as store:
        found = store.matrix(number)
    if found is None:
        raise InputError("this node has not kept a step matrix with this hash")
    write_text(out, json.dumps({"size": found.size, "upper": [str(value) for value in found.upper]}) + "\n")
    emit(as_json, {"matrix": str(out), "size": found.size})


@node.command()
@state_option("node.db")
@json_option
def receipts(state: Path, as_json: bool) -> None:
    """Show the coordinator's signed receipts: with them a node that was left out can show that it delivered.

    With --json they are whole, signature and all, for whoever is to check them.

    \b
    Example:
      twopm-zk node receipts --json
    """
    from twopm_zk.node.store import NodeStore

    with NodeStore(state, read_only=True) as store:
        found = [json.loads(text) for text in store.receipts()]
    lines = [_describe_receipt(receipt["header"]) for receipt in found]
    emit(as_json, {"receipts": found}, "\n".join(lines) or "No receipts.")


def parse_hash(text: str) -> int:
    """A field element as commands print it, with 0x, or as JSON documents have it. InputError for anything else."""
    try:
        number = int(text, 16 if text.startswith("0x") else 10) if len(text) < 80 and text.isascii() else -1
    except ValueError:
        number = -1
    if number < 0:
        raise InputError(
            "HASH is neither hexadecimal with 0x nor a decimal number",
            hint="`twopm-zk task show TASK` has the task's `matrix hash`.",
        )
    return number


def _describe_receipt(header: dict[str, Any]) -> str:
    where = f"task {header['task']}, round {header['round']}, attempt {header['attempt']}"
    return f"{where}: signed by {header['recipient']} for the opening of update {shortened(int(header['subject']))}"
