"""A node's data sets as packages for storage, and back from there into the state of a node on a new machine.

What comes back are batches with their salts and places: all that a node needs to take part with the commitments that it
has registered. Keys to share with are drawn anew, and what was shared is on the chain (`recollection`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from twopm_zk.chain.rpc import reading
from twopm_zk.datasets.openings import BatchOpening, Openings
from twopm_zk.datasets.package import Package, write_package
from twopm_zk.datasets.registered import require_registered
from twopm_zk.datasets.retrieving import owners_key, published, retrieve
from twopm_zk.errors import DataError, InputError
from twopm_zk.node.store import NodeStore, StoredBatch
from twopm_zk.participants.task_view import ChainView
from twopm_zk.rows.cells import CsvOptions
from twopm_zk.rows.sources import is_parquet
from twopm_zk.system.files import secret_file, shown
from twopm_zk.system.progress import Progress
from twopm_zk.task.parts.data import DataTerms
from twopm_zk.task.specification import TaskSpec


@contextmanager
def packaged(
    view: ChainView, store: NodeStore, spec: TaskSpec, rows: Path, csv: CsvOptions, *, held_out: bool = False
) -> Iterator[Package]:
    """A data set of this node as a package, in a file on no disk that is gone when the block ends.

    ``rows`` is the CSV or Parquet file that was registered: read again as ``csv`` says, it has to give the batches that
    the store has, with their commitments. Raises InputError ``no-data`` where it has none, DataError
    ``not-registered-yet`` where DataHub has not all of them, ``other-commitments`` for another file.
    """
    terms = spec.held_out_terms if held_out else spec.data_terms
    batches = store.batches(terms.id)
    if not batches:
        raise InputError("this node has no data for the specification yet", kind="no-data")
    digest, size = _digest(rows)
    found = Openings(
        chain_id=view.chain.chain_id,
        contract=view.data_hub.address,
        owner=view.address,
        dataset=terms.id,
        held_out=held_out,
        spec_hash=spec.spec_hash,
        kind="parquet" if is_parquet(rows) else "csv",
        csv=csv,
        batches=tuple(_opening(entry) for entry in batches),
        size=size,
        sha256=digest,
    )
    with secret_file(b"") as path:
        package = write_package(found, rows, path)
        package.check(spec)
        require_registered(view, found)
        yield package


def restore(view: ChainView, store: NodeStore, spec: TaskSpec, *, progress: Progress) -> list[StoredBatch]:
    """Bring back the data sets of a specification that this account has stored into a state that has none of them.

    Raises PeerError ``nothing-stored`` where there is none to train on, DataError where the state has other batches,
    and what `retrieve`, `Package.check` and `require_registered` raise; the state then has all or nothing of each data
    set.
    """
    found: list[StoredBatch] = []
    for terms in (spec.data_terms, spec.held_out_terms):
        found += _restored(view, store, spec, terms, progress)
    return found


def _restored(
    view: ChainView, store: NodeStore, spec: TaskSpec, terms: DataTerms, progress: Progress
) -> list[StoredBatch]:
    access = view.network.data_access
    if terms.held_out and not reading("what is stored", lambda: access.newest(view.address, terms.id)):
        return []
    newest = published(view, view.address, terms.id)
    with secret_file(b"") as path:
        package = retrieve(view, newest, lambda manifest: owners_key(view, manifest), path, progress=progress)
        batches = package.check(spec)
        require_registered(view, package.openings)
    known = {entry.batch.commitment for entry in store.batches(terms.id)}
    if known and known != {batch.commitment for batch in batches}:
        raise DataError(
            f"state {shown(store.path)} has other batches of this data set than the storage", kind="other-batches"
        )
    if not known:
        with store.transaction():
            store.add_batches(terms.id, batches, held_out=terms.held_out)
            for number, opening in enumerate(package.openings.batches):
                store.set_place(terms.id, number, opening.place)
    return store.batches(terms.id)


def _opening(entry: StoredBatch) -> BatchOpening:
    batch = entry.batch
    if entry.place is None:
        raise DataError("this node has not registered all of its data yet", kind="not-registered-yet")
    return BatchOpening(entry.place, len(batch.labels), batch.salt, batch.commitment)


def _digest(path: Path) -> tuple[bytes, int]:
    """SHA-256 and size of a file."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest(), file.tell()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no file name"
        raise DataError(f"data {shown(path)} cannot be read: {reason}") from error
