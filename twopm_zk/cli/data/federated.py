"""``data opening``, and what an issuer computes of data of any model: a file, and the salt of its commitment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from twopm_zk.cli.options.participants import require_state, spec_argument, state_option
from twopm_zk.cli.output import emit, force_option, json_option, refuse_unwritable
from twopm_zk.errors import SpecError

if TYPE_CHECKING:
    from twopm_zk.federated import FederatedSpec
    from twopm_zk.participants.task_view import ChainView


@click.command()
@spec_argument
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File to write, for your issuer alone.")
@force_option
@state_option("node.db")
@json_option
def opening(spec_file: Path, out: Path, force: bool, state: Path, as_json: bool) -> None:
    """Write what opens the commitment to your data of a federated SPEC, for an issuer to whom you show the data.

    With it and the data anybody can tell that they are what you have registered: it is as private as they are. Rows of
    a regression are shown through `twopm-zk data put` and `twopm-zk data grant`.

    \b
    Example:
      twopm-zk data opening federated.toml --state node.db --out opening.json
    """
    from twopm_zk.federated import FederatedSpec, read_specification
    from twopm_zk.hfl.data import write_opening
    from twopm_zk.hfl.store import FederatedStore

    spec = read_specification(spec_file)
    if not isinstance(spec, FederatedSpec):
        raise SpecError(
            "the specification is of a regression: its rows are shown by a grant",
            hint="`twopm-zk data put SPEC`, then `twopm-zk data grant SPEC ISSUER`.",
        )
    refuse_unwritable(out, force=force)
    with FederatedStore(require_state(state), read_only=True) as store:
        known = store.data(spec.data_terms.id)
        if known is None:
            raise SpecError("this node has no data for the specification yet", kind="no-data")
        write_opening(store.data_salt(spec.data_terms.id), out)
    emit(as_json, {"opening": str(out), "commitment": str(known[0])}, f"{out} opens the commitment to your data.")


def shown_federated(
    view: ChainView, spec: FederatedSpec, owner: str, data: Path | None, opening_file: Path | None
) -> dict[int, int]:
    """Place and commitment of a file that an owner shows, with the salt that the owner wrote beside it."""
    from twopm_zk.hfl.data import digest_of_files, read_opening, shown_at

    if data is None or opening_file is None:
        raise click.UsageError("of a federated SPEC the owner shows --data FILE, and --opening FILE with its salt")
    return shown_at(view, spec.data_terms, owner, read_opening(opening_file), digest_of_files([data]))
