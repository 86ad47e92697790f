"""``retrain``: go on from a certified task without the data of owners who have withdrawn them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from twopm_zk.cli.next_steps import with_facts
from twopm_zk.cli.options.connection import Connection, chain_options
from twopm_zk.cli.options.participants import checked_address, open_view, stakes_options
from twopm_zk.cli.output import emit, force_option, json_option, many, refuse_unwritable
from twopm_zk.errors import InputError

if TYPE_CHECKING:
    from twopm_zk.coordinator.task_creation import Stakes
    from twopm_zk.participants.rounds.view import Withdrawal


def after_withdrawals(task: int, spec_file: Path | None, withdrawn: Mapping[str, Withdrawal]) -> str | None:
    """The next command for a task some of whose certified owners have withdrawn; None where they do not allow it."""
    if not all(one.retraining for one in withdrawn.values()):
        return None
    owners = " ".join(f"--without {owner}" for owner in sorted(withdrawn))
    return f"Train on without them: `twopm-zk retrain {task} --spec {spec_file or 'SPEC'} {owners} --out child.json`."


@click.command()
@click.argument("number", metavar="TASK", type=click.IntRange(1))
@click.option("--spec", "spec_file", type=click.Path(path_type=Path), required=True, help="The task's specification.")
@click.option("--without", metavar="ADDRESS", multiple=True, required=True, help="Owner to go on without; repeatable.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Specification to write, as JSON.")
@click.option("--minimum-nodes", type=click.IntRange(1), help="The new task's minimum of nodes; default: TASK's.")
@click.option("--minimum-rows", type=click.IntRange(1), help="The new task's minimum of rows; default: TASK's.")
@click.option("--write-only", is_flag=True, help="Write the specification, and create no task yet.")
@force_option
@stakes_options
@chain_options
@json_option
def retrain(
    connection: Connection,
    number: int,
    spec_file: Path,
    without: tuple[str, ...],
    out: Path,
    minimum_nodes: int | None,
    minimum_rows: int | None,
    write_only: bool,
    force: bool,
    stakes: Stakes,
    as_json: bool,
) -> None:
    """Create a task that goes on from the certified weights of TASK without the data of some owners.

    They were in its certified set, have withdrawn their data and have allowed this. The specification of the new task
    is TASK's, with a table that says where it comes from; the data that the others have registered are used again. Its
    certificate says what is left of the rows that are gone: docs/consent.md. Run `twopm-zk coordinator run` with the
    new specification; nodes run with it, and with the state that they have.

    \b
    Examples:
      twopm-zk retrain 1 --spec spec.toml --without 0x90F7...b906 --out child.json
      twopm-zk retrain 1 --spec spec.toml --without 0x90F7...b906 --out child.json --minimum-nodes 2 --write-only
    """
    from twopm_zk.coordinator.retraining import child_of
    from twopm_zk.coordinator.task_creation import create_task, registered
    from twopm_zk.federated import FederatedSpec, read_specification
    from twopm_zk.participants.preflight import require_verifiers
    from twopm_zk.task.specification_file import write_spec

    if out.suffix != ".json":
        raise InputError(f"the specification is written as JSON: {out.name!r} does not end in .json")
    refuse_unwritable(out, force=force)
    spec = read_specification(spec_file)
    if isinstance(spec, FederatedSpec):
        raise InputError(
            "a federated task has no certificate: nothing says how much of withdrawn data is left in its results",
            hint="Begin a new task; it takes no data that were withdrawn.",
        )
    accounts = [checked_address(one) for one in without]
    view = open_view(connection, signing=not write_only)
    with with_facts(spec=spec_file, task=number):
        child = child_of(
            view, view.state(number), spec, accounts, minimum_nodes=minimum_nodes, minimum_rows=minimum_rows
        )
    document = {
        "parent": number,
        "without": list(child.spec.descent.without) if child.spec.descent else [],
        "remaining": list(child.remaining),
        "rows_at_most": child.rows_at_most,
        "specification": str(out),
        "spec_hash": "0x" + child.spec.spec_hash.hex(),
    }
    left = (
        f"{many(len(child.remaining), 'owner')} of task {number} are left, with up to {child.rows_at_most} rows; only "
        f"they know whether these are the {child.spec.minimum_rows} that are needed."
    )
    if write_only:
        write_spec(child.spec, out)
        emit(as_json, document, f"{left}\n{out} is written. Next: twopm-zk coordinator run {out}")
        return
    with with_facts(spec=spec_file):
        require_verifiers(view, child.spec)
        registered(view, child.spec, stakes=stakes).require(child.spec.minimum_nodes)
        write_spec(child.spec, out)
        task = create_task(view, child.spec, stakes=stakes)
    said = f"Task {task} is created: it begins with the weights of task {number}.\n{left}"
    emit(as_json, {**document, "task": task}, f"{said}\nNext: twopm-zk coordinator run {out} --task {task}")
