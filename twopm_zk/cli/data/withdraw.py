"""``data withdraw``: take data back, for good."""

from __future__ import annotations

from pathlib import Path

import click

from twopm_zk.cli.options.connection import Connection, chain_options
from twopm_zk.cli.options.federated import HFL, HLR, open_rounds
from twopm_zk.cli.options.participants import spec_argument
from twopm_zk.cli.output import emit, json_option, many

_FOR_GOOD = (
    "This cannot be undone. No round takes an update of these rows any more. Weights that are published stay "
    "published: they were learnt with these rows, and sums that were opened are known."
)
_ALLOWED = (
    "Others may train on without them from certified weights: then everybody learns the sum of your rows' gradients at "
    "these weights, as the difference of two sums."
)
_NOT_ALLOWED = (
    "Nodes refuse to train on without them from weights that they took part in, for that would tell your sums: to "
    "allow it, say --allow-retraining, now or later."
)


@click.command()
@spec_argument
@click.option(
    "--allow-retraining",
    "retraining",
    is_flag=True,
    help="Let others train on without these rows, which tells the sum of their gradients where that begins.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@chain_options
@json_option
def withdraw(connection: Connection, spec_file: Path, retraining: bool, yes: bool, as_json: bool) -> None:
    """Withdraw the data that your account has registered for SPEC, held-out ones too, for good.

    From then on the contract takes no update of them, in any task that asks for the same data. What was learnt of them
    stays in weights that are published: `twopm-zk retrain` makes others without them. docs/consent.md says what that
    proves, and what nobody can take back.

    \b
    Examples:
      twopm-zk data withdraw spec.toml
      twopm-zk data withdraw spec.toml --allow-retraining --yes
    """
    from twopm_zk.federated import FederatedSpec, read_specification
    from twopm_zk.node.withdrawal import owned
    from twopm_zk.node.withdrawal import withdraw as withdraw_data

    if as_json and not yes:
        raise click.UsageError("--json asks nothing: give --yes as well")
    spec = read_specification(spec_file)
    federated = isinstance(spec, FederatedSpec)
    terms = [spec.data_terms] if isinstance(spec, FederatedSpec) else [spec.data_terms, spec.held_out_terms]
    datasets = [one.id for one in terms]
    view = open_rounds(connection, HFL if federated else HLR)
    found = owned(view, datasets)
    batches = many(sum(one.batches for one in found), "batch", "batches")
    if not yes:
        click.echo(f"{view.address} has {batches} registered for this specification. {_FOR_GOOD}")
        click.echo(_ALLOWED if retraining else _NOT_ALLOWED)
        click.confirm("Withdraw them?", abort=True)
    receipts = withdraw_data(view, datasets, retraining=retraining)
    left = owned(view, datasets)
    document = {
        "account": view.address,
        "datasets": ["0x" + one.dataset.hex() for one in left],
        "batches": sum(one.batches for one in left),
        "retraining": all(one.retraining for one in left),
        "transactions": [one.transaction for one in receipts],
    }
    said = f"Withdrawn{'' if receipts else ' already'}: {batches} of {view.address}."
    after = (
        f"\nNext, for the coordinator of a task that was certified with them: twopm-zk retrain TASK --spec {spec_file} "
        f"--without {view.address} --out child.json"
    )
    emit(as_json, document, said + (after if document["retraining"] and not federated else ""))
