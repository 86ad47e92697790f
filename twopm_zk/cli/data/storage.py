"""``data put``, ``get``, ``verify``, ``restore``: data sets into storage, and out of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twopm_zk.cli.options.connection import Connection, chain_options
from twopm_zk.cli.options.participants import checked_address, open_view, require_state, spec_argument, state_option
from twopm_zk.cli.options.rows import csv_options, data_option, held_out_option
from twopm_zk.cli.output import Command, Steps, emit, force_option, json_option, many, out_folder

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    from twopm_zk.chain.data_access import StoredVersion
    from twopm_zk.datasets.package import Package
    from twopm_zk.datasets.storing import Put
    from twopm_zk.participants.task_view import ChainView
    from twopm_zk.rows.cells import CsvOptions
    from twopm_zk.system.progress import Progress
    from twopm_zk.task.specification import TaskSpec

held_out_flag = click.option("--held-out", is_flag=True, help="The data set of the rows that are kept out of training.")
from_option = click.option(
    "--from",
    "location",
    metavar="LOCATION",
    help="Folder or URL that has the files; default: what the owner published.",
)


def owner_option(command: Command) -> Command:
    """Add whose data set it is, passed on as ``owner``."""
    return click.option("--owner", metavar="ADDRESS", help="Whose data set; default: your own account's.")(command)


@click.command()
@spec_argument
@data_option(required=True)
@held_out_option
@csv_options
@click.option("--to", "location", metavar="LOCATION", required=True, help="Folder or URL, such as s3://bucket/folder.")
@state_option("node.db")
@chain_options
@json_option
def put(
    connection: Connection,
    spec_file: Path,
    rows: Path,
    held_out: Path | None,
    csv: CsvOptions,
    location: str,
    state: Path,
    as_json: bool,
) -> None:
    """Encrypt rows that you have registered, with the salts that open their commitments, and store them.

    --data is the file that was registered. It is encrypted on this machine under a key of its own, which leaves it only
    wrapped: for yourself, and for members to whom you grant access. The chain is told where it is. A put that was
    interrupted goes on where it was. Of the same rows at the same place, what the storage has lost is written again;
    once you have revoked an access, they are stored anew under another key.

    \b
    Examples:
      twopm-zk data put spec.toml --data rows.csv --to s3://my-bucket/study
      twopm-zk data put spec.toml --data rows.csv --held-out later.csv --to backup
    """
    from twopm_zk.datasets.storing import put as store_package
    from twopm_zk.node.backup import packaged
    from twopm_zk.node.store import NodeStore
    from twopm_zk.task.specification_file import read_spec

    steps, spec, where = Steps(quiet=as_json), read_spec(spec_file), url_of(location)
    found: dict[str, Put] = {}
    with NodeStore(require_state(state)) as store:
        view = open_view(connection)
        store.belongs_to(view.address, view.fingerprint)
        for name, path in (("rows", rows), ("held_out_rows", held_out)):
            if path is not None:
                with steps.step(f"store {path.name}") as progress:
                    progress("checking the rows")
                    with packaged(view, store, spec, path, csv, held_out=path is held_out) as package:
                        found[name] = store_package(view, store, package, where, progress=progress)
    document = {name: as_document(one.stored) | {"new": one.new, "bytes": one.size} for name, one in found.items()}
    emit(as_json, {"account": view.address, **document}, "\n".join(map(_told, found.values())))


def _told(found: Put) -> str:
    stored = found.stored
    state = "stored" if found.new else "there already, whole,"
    return f"version {stored.number} of data set 0x{stored.dataset.hex()} is {state} at {stored.uri}"


@dataclass(frozen=True)
class _Asked:
    """The data set that a command is about, seen by one account."""

    view: ChainView
    spec: TaskSpec
    owner: str
    held_out: bool
    state: Path | None
    location: str | None

    @property
    def dataset(self) -> bytes:
        return dataset_of(self.spec, held_out=self.held_out)

    def key(self) -> X25519PrivateKey:
        from twopm_zk.participants.records import known_secret_key

        return known_secret_key(require_state(self.state or Path("node.db")))

    def fetch(self, target: Path, progress: Progress) -> tuple[StoredVersion, Package]:
        """The package into a file, everything of it checked: hashes, encryption, commitments, and DataHub."""
        from twopm_zk.datasets.registered import require_registered
        from twopm_zk.datasets.retrieving import accessible, retrieve

        stored, key_for = accessible(self.view, self.owner, self.dataset, self.key)
        package = retrieve(self.view, stored, key_for, target, location=self.location, progress=progress)
        progress("computing the commitments")
        package.check(self.spec)
        require_registered(self.view, package.openings)
        return stored, package


@click.command()
@spec_argument
@owner_option
@held_out_flag
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
@force_option
@from_option
@state_option("node.db")
@chain_options
@json_option
def get(
    connection: Connection,
    spec_file: Path,
    owner: str | None,
    held_out: bool,
    out: Path,
    force: bool,
    location: str | None,
    state: Path,
    as_json: bool,
) -> None:
    """Retrieve a data set that was granted to you, or your own.

    Writes the owner's file of rows to the byte, and a package of it with the salts that open the commitments, which
    `twopm-zk data attest` takes; both for your eyes only. Nothing has its name before all of it was checked: the grant
    on the chain, the hashes, the encryption, and each commitment, computed again and compared with DataHub. --state has
    the key that `twopm-zk data key`, or an operator, has published for your account; your own data need your account
    alone.

    \b
    Examples:
      twopm-zk data get spec.toml --owner 0x90F7...b906 --out study
      twopm-zk data get spec.toml --out mine
    """
    from twopm_zk.system.files import replacing
    from twopm_zk.task.specification_file import read_spec

    steps, spec = Steps(quiet=as_json), read_spec(spec_file)
    name = "held-out" if held_out else "data"
    (package_file, *_) = out_folder(out, [f"{name}.package", *_rows_files(held_out)], force=force)
    view = open_view(connection)
    asked = _Asked(view, spec, checked_address(owner) if owner else view.address, held_out, state, place(location))
    with steps.step("retrieve") as progress, replacing(package_file, private=True) as whole:
        stored, package = asked.fetch(whole, progress)
        rows_file = out / _rows_files(held_out)[0 if package.openings.kind == "csv" else 1]
        with replacing(rows_file, private=True) as rows:
            package.copy_rows(rows)
    batches = package.openings.batches
    document = as_document(stored) | {
        "package": str(package_file),
        "rows_file": str(rows_file),
        "batches": len(batches),
        "rows": sum(batch.rows for batch in batches),
    }
    opened = many(len(batches), "batch", "batches")
    text = f"{opened} open the commitments of {asked.owner}: {rows_file}, {package_file}"
    emit(as_json, document, text)


def _rows_files(held_out: bool) -> tuple[str, str]:
    name = "held-out" if held_out else "rows"
    return f"{name}.csv", f"{name}.parquet"


@click.command()
@spec_argument
@owner_option
@held_out_flag
@from_option
@click.option("--state", type=click.Path(path_type=Path), help="Of a member: the state file with its key.")
@chain_options
@json_option
def verify(
    connection: Connection,
    spec_file: Path,
    owner: str | None,
    held_out: bool,
    location: str | None,
    state: Path | None,
    as_json: bool,
) -> None:
    """Check that a storage still has all of a data set: as its owner or a member with access, down to the commitments.

    Anybody else, or a member without --state, is told whether all encrypted pieces are there with the hashes that the
    owner has published. Nothing is written.

    \b
    Examples:
      twopm-zk data verify spec.toml
      twopm-zk data verify spec.toml --owner 0x90F7...b906 --state node.db
    """
    from twopm_zk.datasets.retrieving import present, published, version_of
    from twopm_zk.system.files import secret_file
    from twopm_zk.task.specification_file import read_spec

    steps, spec = Steps(quiet=as_json), read_spec(spec_file)
    view = open_view(connection, signing=owner is None or state is not None)
    asked = _Asked(view, spec, checked_address(owner) if owner else view.address, held_out, state, place(location))
    opened = owner is None or state is not None
    with steps.step("verify") as progress:
        if opened:
            with secret_file(b"") as target:
                stored, _ = asked.fetch(target, progress)
        else:
            stored = published(view, asked.owner, asked.dataset)
            for _ in present(stored, version_of(view, stored), location=asked.location, progress=progress):
                pass
    said = "opens the commitments in DataHub" if opened else "is there, in encrypted pieces that have their hashes"
    emit(
        as_json,
        as_document(stored) | {"opened": opened},
        f"version {stored.number} at {plain(asked.location or stored.uri)} {said}",
    )


@click.command()
@spec_argument
@state_option("node.db")
@click.option("--rows-name", default="", help="Name of these rows in the privacy budget, as `node run` had it.")
@chain_options
@json_option
def restore(connection: Connection, spec_file: Path, state: Path, rows_name: str, as_json: bool) -> None:
    """Bring your stored data sets back into the state of a node, such as on a new machine.

    Needs your account and nothing else. The node goes on with the commitments that it has registered, and publishes a
    new key to share with. What it has shared is written down again from the chain, and counts against a privacy limit.

    \b
    Example:
      twopm-zk data restore spec.toml --state node.db
    """
    from twopm_zk.node.backup import restore as restore_batches
    from twopm_zk.node.recollection import recall_shares
    from twopm_zk.node.store import NodeStore
    from twopm_zk.task.specification_file import read_spec

    steps, spec = Steps(quiet=as_json), read_spec(spec_file)
    view = open_view(connection)
    with NodeStore(state) as store:
        store.belongs_to(view.address, view.fingerprint)
        with steps.step("restore") as progress:
            found = restore_batches(view, store, spec, progress=progress)
            progress("reading what was shared")
            shared = recall_shares(view, store, spec, rows=rows_name)
    document = {"account": view.address, "batches": len(found), "shares": shared, "state": str(state)}
    text = f"{many(len(found), 'batch', 'batches')} and the record of {many(shared, 'share')} are back in {state}"
    emit(as_json, document, f"{text}: `twopm-zk node run` goes on.")


def dataset_of(spec: TaskSpec, *, held_out: bool) -> bytes:
    """The id of the data set of a specification that a command is about."""
    return (spec.held_out_terms if held_out else spec.data_terms).id


def url_of(location: str) -> str:
    """A location as a URL; a path is a folder of this machine."""
    return location if "://" in location else f"file://{Path(location).absolute()}"


def place(location: str | None) -> str | None:
    """A location that may be given."""
    return None if location is None else url_of(location)


def plain(text: str) -> str:
    """Somebody else's text for a terminal: nothing in it that does more than to be read."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text)


def as_document(stored: StoredVersion) -> dict[str, Any]:
    """A stored version for --json."""
    return {
        "owner": stored.owner,
        "dataset": "0x" + stored.dataset.hex(),
        "version": stored.number,
        "manifest": "0x" + stored.manifest_hash.hex(),
        "location": stored.uri,
        "block": stored.block,
    }
