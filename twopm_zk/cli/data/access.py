"""``data grant``, ``revoke``, ``key``, ``list``, ``show``: who may have a stored data set, for what and how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twopm_zk.cli.data.storage import as_document, dataset_of, held_out_flag, owner_option, plain
from twopm_zk.cli.options.amounts import show_time
from twopm_zk.cli.options.connection import Connection, chain_options, describe_receipt
from twopm_zk.cli.options.participants import checked_address, open_view, spec_argument, state_option
from twopm_zk.cli.output import emit, json_option

if TYPE_CHECKING:
    from twopm_zk.chain.data_access import Grant
    from twopm_zk.participants.task_view import ChainView

_LATEST = 253_402_300_799
"""The last second of the year 9999: what comes later has no date, and an owner may write any number."""
member_argument = click.argument("member", metavar="MEMBER")


@click.command()
@spec_argument
@member_argument
@click.option("--purpose", required=True, metavar="TEXT", help="What the member may use the data for, for all to read.")
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d"]),
    required=True,
    metavar="DATE",
    help="Last day of the access, such as 2027-12-31, in UTC.",
)
@held_out_flag
@chain_options
@json_option
def grant(
    connection: Connection,
    spec_file: Path,
    member: str,
    purpose: str,
    until: datetime,
    held_out: bool,
    as_json: bool,
) -> None:
    """Let a member have the newest version of a data set that you have stored.

    MEMBER is the address of an account that has published a key: `twopm-zk data key`. The key of the version is wrapped
    for it. Everybody sees who is granted what until when, and the purpose. Who has had the key has had the data:
    revoking, or the end of the time, does not take that back.

    \b
    Example:
      twopm-zk data grant spec.toml 0x90F7...b906 --purpose "Check the rows of the study" --until 2027-12-31
    """
    from twopm_zk.datasets.storing import grant as grant_access
    from twopm_zk.task.specification_file import read_spec

    spec, address = read_spec(spec_file), checked_address(member)
    view = open_view(connection)
    over = int((until.replace(tzinfo=UTC) + timedelta(days=1)).timestamp())
    found = grant_access(view, dataset_of(spec, held_out=held_out), address, purpose=purpose, until=over)
    text = f"{found.member} may have version {found.version} until {_until(found)}"
    emit(as_json, _as_document(found, view), text)


@click.command()
@spec_argument
@member_argument
@held_out_flag
@chain_options
@json_option
def revoke(connection: Connection, spec_file: Path, member: str, held_out: bool, as_json: bool) -> None:
    """Take a member's access to a data set back.

    `data get` and storages that ask the chain refuse it from now on. The key that the member may have stays known to
    it: put the rows again, and the next version is encrypted under a key that it never had.

    \b
    Example:
      twopm-zk data revoke spec.toml 0x90F7...b906
    """
    from twopm_zk.task.specification_file import read_spec

    spec, address = read_spec(spec_file), checked_address(member)
    view = open_view(connection)
    receipt = view.network.data_access.revoke(dataset_of(spec, held_out=held_out), address)
    text = (
        f"{address} may have the data set no longer. What was stored until now it may have read: a new key is used "
        "from the next `twopm-zk data put` on, and the others need a grant of that version."
    )
    emit(as_json, {"member": address, **describe_receipt(receipt)}, text)


@click.command()
@state_option("node.db")
@chain_options
@json_option
def key(connection: Connection, state: Path, as_json: bool) -> None:
    """Publish a key, so that data owners can grant you access to their data.

    The secret is in the state file; you become a member where you are none. An operator has published one already, and
    goes on with that: `twopm-zk data get --state operator.db`.

    \b
    Example:
      twopm-zk data key --state node.db
    """
    from twopm_zk.datasets.retrieving import publish_key
    from twopm_zk.node.store import NodeStore

    view = open_view(connection)
    with NodeStore(state) as store:
        store.belongs_to(view.address, view.fingerprint)
        public = publish_key(view, store)
    document = {"account": view.address, "key": "0x" + public.hex(), "state": str(state)}
    emit(as_json, document, f"owners can grant {view.address} access: its key is published, {state} has the secret")


@click.command("list")
@click.option("--account", metavar="ADDRESS", help="Default: your own.")
@chain_options
@json_option
def list_data(connection: Connection, account: str | None, as_json: bool) -> None:
    """List the data sets that an account has stored, and what was granted by it and to it.

    \b
    Example:
      twopm-zk data list --account 0x90F7...b906
    """
    named = checked_address(account) if account else None
    view = open_view(connection, signing=named is None)
    address, access, first = named or view.address, view.network.data_access, view.deployment.block
    newest = {version.dataset: version for version in access.stored(address, from_block=first)}
    granted, received = access.grants(from_block=first, owner=address), access.grants(from_block=first, member=address)
    document = {
        "account": address,
        "stored": [as_document(version) for version in newest.values()],
        "granted": [_as_document(grant, view) for grant in granted],
        "received": [_as_document(grant, view) for grant in received],
    }
    lines = [f"version {one.number} of 0x{one.dataset.hex()} at {plain(one.uri)}" for one in newest.values()]
    lines = [f"{address} has stored {len(lines) or 'nothing'}", *lines]
    lines += [_line(grant, view) for grant in granted] + [_line(grant, view) for grant in received]
    emit(as_json, document, "\n".join(lines))


@click.command()
@spec_argument
@owner_option
@held_out_flag
@chain_options
@json_option
def show(connection: Connection, spec_file: Path, owner: str | None, held_out: bool, as_json: bool) -> None:
    """Show where an owner's data set is stored, and to whom it was granted, for what and until when.

    \b
    Example:
      twopm-zk data show spec.toml --owner 0x90F7...b906
    """
    from twopm_zk.datasets.retrieving import published
    from twopm_zk.task.specification_file import read_spec

    spec = read_spec(spec_file)
    view = open_view(connection, signing=owner is None)
    address, dataset = checked_address(owner) if owner else view.address, dataset_of(spec, held_out=held_out)
    stored = published(view, address, dataset)
    withdrawn = view.data_hub.withdrawn_at(address, dataset)
    granted = view.network.data_access.grants(from_block=view.deployment.block, owner=address, dataset=dataset)
    document = as_document(stored) | {
        "withdrawn": withdrawn or None,
        "granted": [_as_document(grant, view) for grant in granted],
    }
    lines = [f"version {stored.number}, stored in block {stored.block} at {plain(stored.uri)}"]
    lines += [f"withdrawn in block {withdrawn}: no access holds any more"] if withdrawn else []
    lines += [_line(grant, view) for grant in granted] or ["granted to nobody"]
    emit(as_json, document, "\n".join(lines))


def _line(grant: Grant, view: ChainView) -> str:
    return (
        f"{grant.owner} to {grant.member}: {_state(grant, view)}, version {grant.version} until "
        f"{_until(grant)}, for: {plain(grant.purpose)}"
    )


def _as_document(grant: Grant, view: ChainView) -> dict[str, Any]:
    return {
        "owner": grant.owner,
        "dataset": "0x" + grant.dataset.hex(),
        "member": grant.member,
        "version": grant.version,
        "until": grant.until,
        "purpose": grant.purpose,
        "state": _state(grant, view),
    }


def _state(grant: Grant, view: ChainView) -> str:
    return grant.state(view.chain.header(view.block()).time)


def _until(grant: Grant) -> str:
    return show_time(min(grant.until, _LATEST))
