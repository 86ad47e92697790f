"""``task``: tasks on the chain, how they stand, and every step of them one by one, a transaction each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from twopm_zk.cli.application.certificate import attest
from twopm_zk.cli.network.federated import write_parameters
from twopm_zk.cli.network.task_show import show
from twopm_zk.cli.next_steps import after_phase, with_facts
from twopm_zk.cli.options.amounts import show_amount, show_time
from twopm_zk.cli.options.connection import Connection, chain_options, describe_receipt
from twopm_zk.cli.options.federated import HFL, contract_option, open_federated, open_rounds, rounds_of
from twopm_zk.cli.options.participants import checked_address, open_view, spec_argument, stakes_options
from twopm_zk.cli.output import emit, force_option, json_option, print_table, refuse_existing
from twopm_zk.errors import InputError

if TYPE_CHECKING:
    from twopm_zk.chain import Receipt
    from twopm_zk.coordinator.task_creation import Stakes

task_argument = click.argument("number", metavar="TASK", type=click.IntRange(1))


@click.group()
def task() -> None:
    """Look at training tasks, which needs no account, or move one on by hand.

    `twopm-zk coordinator run` does all of it by itself. Each step by hand is one transaction: create, open, close; once
    all nodes have shared, `twopm-zk proceed`, `twopm-zk aggregate` or `twopm-zk certify`. After a deadline anybody may
    move a task on: close, share, expel, settle, reopen.

    \b
    Examples:
      twopm-zk task show 1 --spec spec.toml
      twopm-zk task close 1
    """


task.add_command(show)
task.add_command(attest)


@task.command(name="list")
@contract_option
@chain_options
@json_option
def list_tasks(connection: Connection, contract: str, as_json: bool) -> None:
    """List every task of the deployment, of one of its contracts.

    \b
    Examples:
      twopm-zk task list
      twopm-zk task list --contract hfl
    """
    view = open_rounds(connection, contract, signing=False)
    rows = []
    for number in range(1, view.task_count() + 1):
        state = view.state(number)
        rows.append(
            {
                "task": number,
                "phase": state.phase.name.lower(),
                "round": state.round,
                "moves": state.moves,
                **({"results": state.results} if contract == HFL else {"certified": state.certified}),
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
@spec_argument
@click.option("--nodes", type=click.IntRange(1), default=None, help="Nodes to be there; default: the minimum of SPEC.")
@stakes_options
@chain_options
@json_option
def create(connection: Connection, spec_file: Path, nodes: int | None, stakes: Stakes, as_json: bool) -> None:
    """Create the task of SPEC for the nodes that have registered their data; you become its coordinator.

    Waits for nothing: where too few nodes are there, it names those that are, and those that lack membership, a key or
    the stake. Who registers before the first round opens can take part too. Each call creates another task.

    \b
    Examples:
      twopm-zk task create spec.toml
      twopm-zk task create spec.toml --minimum-stake 0.5 --penalty 0.25
    """
    from twopm_zk.coordinator.task_creation import create_task, registered, wanted_nodes
    from twopm_zk.federated import FederatedSpec, read_specification
    from twopm_zk.hfl.coordinator import create_task as create_federated
    from twopm_zk.participants.preflight import require_verifiers

    spec = read_specification(spec_file)
    wanted = wanted_nodes(spec, nodes or 0)
    with with_facts(spec=spec_file):
        if isinstance(spec, FederatedSpec):
            federated = open_federated(connection)
            found = registered(federated, spec, stakes=stakes)
            found.require(wanted)
            number, address = create_federated(federated, spec, stakes=stakes), federated.address
        else:
            view = open_view(connection)
            require_verifiers(view, spec)
            found = registered(view, spec, stakes=stakes)
            found.require(wanted)
            number, address = create_task(view, spec, stakes=stakes), view.address
    of = " --contract hfl" if isinstance(spec, FederatedSpec) else ""
    emit(
        as_json,
        {"task": number, "coordinator": address, "nodes": list(found.ready), "waiting": list(found.waiting)},
        f"Task {number} is created; {found.sentence(wanted)}.\nNext: twopm-zk task open {number}{of}",
    )


@task.command(name="open")
@task_argument
@contract_option
@chain_options
@json_option
def open_round(connection: Connection, number: int, contract: str, as_json: bool) -> None:
    """Open the first round of TASK, as its coordinator. Later rounds open when one is concluded.

    \b
    Example:
      twopm-zk task open 1
    """
    _tell(as_json, number, rounds_of(connection.network(), contract).open_round(number), "RoundOpened", contract)


@task.command()
@task_argument
@contract_option
@chain_options
@json_option
def close(connection: Connection, number: int, contract: str, as_json: bool) -> None:
    """End the collecting of updates in TASK; its nodes then say that they are ready to share.

    The coordinator may once the minimum of nodes is there, anybody when the attempt is full or its deadline has passed.

    \b
    Example:
      twopm-zk task close 1
    """
    _tell(as_json, number, rounds_of(connection.network(), contract).close(number), "RoundClosed", contract)


@task.command()
@task_argument
@contract_option
@chain_options
@json_option
def share(connection: Connection, number: int, contract: str, as_json: bool) -> None:
    """Begin sharing in TASK with the nodes that are ready, where others have missed the deadline.

    Anybody may. Where all are ready sharing begins by itself. Who is not ready falls out of this attempt unharmed.

    \b
    Example:
      twopm-zk task share 1
    """
    _tell(as_json, number, rounds_of(connection.network(), contract).start_sharing(number), "SharingStarted", contract)


@task.command()
@task_argument
@click.argument("account", metavar="NODE")
@contract_option
@chain_options
@json_option
def expel(connection: Connection, number: int, account: str, contract: str, as_json: bool) -> None:
    """Leave NODE out of TASK for good, which was ready and has not shared by the deadline; the others share again.

    Anybody may, where others have shared; where nobody has, `task reopen` starts again. It costs the node its penalty.
    Where fewer than the minimum remain, the task ends: a second sum at the same weights would give others away.

    \b
    Example:
      twopm-zk task expel 1 0x90F7...b906
    """
    node = checked_address(account)
    receipt = rounds_of(connection.network(), contract).expel(number, node)
    names = [event.name for event in receipt.events]
    lost = sum(event["value"] for event in receipt.events if event.name == "Penalised")
    document = {"task": number, "node": node, "lost_wei": str(lost), "failed": "TaskFailed" in names}
    lines = [f"{node} is out of task {number} for good, and loses {show_amount(lost)} ETH of its stake."]
    if document["failed"]:
        lines.append("Too few nodes remain: the task has ended without a certificate.")
    elif "SharingStarted" in names:
        until = receipt.event("SharingStarted")["deadline"]
        lines.append(f"The others share again, until {show_time(until)}.")
    emit(as_json, {**document, **describe_receipt(receipt)}, "\n".join([*lines, f"Transaction {receipt.transaction}"]))


@task.command()
@task_argument
@chain_options
@json_option
def settle(connection: Connection, number: int, as_json: bool) -> None:
    """End the dispute over the sum of TASK, once its outcome is known.

    Anybody may: at once where a liar is proven, who is out, and the others share again; after the deadline where all
    nodes have claimed the same, and the sum is used; long after it where some say nothing, which ends the task.
    `twopm-zk node run` claims and reveals for a node.

    \b
    Example:
      twopm-zk task settle 1
    """
    from twopm_zk.chain.tasks import Phase
    from twopm_zk.participants.moving import settle as settle_dispute

    view = open_view(connection)
    state = view.state(number)
    if state.phase is not Phase.DISPUTED:
        raise InputError(
            f"{state.name()} is not disputed: it is {state.phase.name.lower()}",
            hint=after_phase(number, state.phase),
        )
    done = settle_dispute(view, state)
    last = state.deadline + state.seconds[Phase.DISPUTED]
    if not done:
        raise InputError(
            f"the dispute over {state.name()} is open: no liar is proven, and not all have claimed the same",
            hint=f"Wait for the nodes' claims; after {show_time(last)} silent ones are left out, and the task ends.",
        )
    now = view.state(number).phase.name.lower()
    emit(as_json, {"task": number, "settled": done, "phase": now}, f"Task {number} is {now}: {done}.")


@task.command()
@task_argument
@contract_option
@chain_options
@json_option
def reopen(connection: Connection, number: int, contract: str, as_json: bool) -> None:
    """Begin a new attempt of the present round of TASK, where too few nodes are there, or nobody has shared in time.

    Anybody may, after the deadline, and once sharing has begun at once where too few nodes are left to share. Nobody
    pays for it. Not once somebody has shared. Every update has to be proven again.

    \b
    Example:
      twopm-zk task reopen 1
    """
    _tell(as_json, number, rounds_of(connection.network(), contract).reopen(number), "RoundOpened", contract)


@task.command()
@task_argument
@contract_option
@chain_options
@json_option
def finish(connection: Connection, number: int, contract: str, as_json: bool) -> None:
    """End TASK without a certificate: one that was never opened, or that has had all its rounds.

    Not once somebody has shared and not in a dispute, for it may turn out who has spoilt the sum; with a sum that all
    have shared only after the deadline.

    \b
    Example:
      twopm-zk task finish 1
    """
    _tell(as_json, number, rounds_of(connection.network(), contract).finish(number), "TaskFinished", contract)


def _tell(as_json: bool, number: int, receipt: Receipt, event_name: str, contract: str) -> None:
    """What one transaction has done, and what comes next."""
    values = receipt.event(event_name).values
    document = {"task": number, "event": event_name, "round": values["round"]}
    document |= {name: values[name] for name in ("attempt", "nodes", "updates", "deadline") if name in values}
    where = f"Round {values['round']}, attempt {values.get('attempt', 0)} of task {number}"
    until, of = show_time(values.get("deadline", 0)), " --contract hfl" if contract == HFL else ""
    end = "with the results that were accepted" if contract == HFL else "without a certificate"
    text = {
        "RoundOpened": f"{where} is open: nodes hand in updates until {until}.\nNext: twopm-zk task close {number}{of}",
        "RoundClosed": f"{where} is closed with {values.get('updates')} updates of {values.get('nodes')} nodes, which "
        f"say until {until} that they are ready.\nSharing begins once all are, or after the deadline: "
        f"twopm-zk task share {number}{of}",
        "SharingStarted": f"{where}: {values.get('nodes')} nodes share until {until}.\n"
        f"Next: twopm-zk task show {number}{of}, until all have shared",
        "TaskFinished": f"Task {number} is finished in round {values['round']}, {end}.",
    }[event_name]
    emit(as_json, {**document, **describe_receipt(receipt)}, f"{text}\nTransaction {receipt.transaction}")


@task.command()
@task_argument
@click.option("--spec", "spec_file", type=click.Path(path_type=Path), required=True, help="Its specification.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="NumPy file (.npz) to write.")
@click.option("--round", "round_", type=click.IntRange(0), help="Whose result; default: the last accepted one.")
@force_option
@chain_options
@json_option
def parameters(
    connection: Connection,
    number: int,
    spec_file: Path,
    out: Path,
    round_: int | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write the accepted parameters of the federated TASK, as arrays in the order of its model.

    Needs no account: the chain has the result's hash, and a storage location of the specification the result. That it
    follows from what nodes shared is checked by `twopm-zk audit`.

    \b
    Examples:
      twopm-zk task parameters 1 --spec federated.toml --out model.npz
      twopm-zk task parameters 1 --spec federated.toml --round 0 --out first.npz
    """
    from twopm_zk.federated import read_federated

    refuse_existing(out, force=force)
    write_parameters(connection, number, read_federated(spec_file), out=out, round_=round_, as_json=as_json)
