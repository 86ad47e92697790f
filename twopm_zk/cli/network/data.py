"""``data``: commit to rows before a task begins."""

from __future__ import annotations

from pathlib import Path

import click

from twopm_zk.cli.options.connection import Connection, chain_options
from twopm_zk.cli.options.participants import open_view, spec_argument, state_option
from twopm_zk.cli.output import Steps, emit, json_option


@click.group()
def data() -> None:
    """Commit to the rows that a node will train on, in the DataHub contract.

    \b
    Example:
      twopm-zk data register spec.toml --data rows.csv
    """


@data.command()
@spec_argument
@click.option("--data", "rows", type=click.Path(path_type=Path), required=True, help="CSV file of rows.")
@state_option("node.db")
@chain_options
@json_option
def register(connection: Connection, spec_file: Path, rows: Path, state: Path, as_json: bool) -> None:
    """Commit to the rows of a CSV file in batches, and register the commitments.

    Rows and salts are in the state file before anything is sent, and stay here; `twopm-zk node run` goes on with the
    same file (and would do this by itself). What is registered already is not registered again.

    \b
    Example:
      twopm-zk data register spec.toml --data rows.csv --state node.db
    """
    from twopm_zk.node.registration import load_batches
    from twopm_zk.node.registration import register as register_batches
    from twopm_zk.node.store import NodeStore
    from twopm_zk.rows.tables import read_table
    from twopm_zk.task.specification_file import read_spec

    steps = Steps(quiet=as_json)
    spec = read_spec(spec_file)
    table = read_table(rows, label=spec.label)
    with NodeStore(state) as store:
        view = open_view(connection)
        store.belongs_to(view.address, view.fingerprint)
        with steps.step("commit"):
            load_batches(store, spec, table)
        with steps.step("register"):
            found = register_batches(view, store, spec)
    document = {
        "account": view.address,
        "specification": "0x" + spec.spec_hash.hex(),
        "rows": table.rows,
        "commitments": {str(entry.place): str(entry.batch.commitment) for entry in found},
        "state": str(state),
    }
    emit(as_json, document, f"{table.rows} rows in {len(found)} batches are registered; {state} keeps their salts.")
