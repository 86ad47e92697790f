"""From the chain and a storage to a data set that is known to be the owner's: nothing of it has a name on disk before.

The chain has the hash of the manifest, the manifest those of the chunks and a check of the key, the chunks are
authenticated, and the package's commitments are recomputed (`Package.check`) and compared with DataHub: a storage can
withhold, and no more. An older version is not taken for the newer one, whose hash is another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from twopm_zk.chain.data_access import Grant, StoredVersion
from twopm_zk.chain.rpc import reading
from twopm_zk.datasets.chunks import opened_chunks
from twopm_zk.datasets.keys import DataKey, Version, recovery_key, unwrap
from twopm_zk.datasets.manifest import MAX_MANIFEST, Manifest
from twopm_zk.datasets.package import Package
from twopm_zk.errors import FileFormatError, InputError, PeerError
from twopm_zk.participants.database import Database
from twopm_zk.participants.records import secret_key
from twopm_zk.participants.task_view import ChainView
from twopm_zk.system.content_store import ContentStore, objection
from twopm_zk.system.files import shown
from twopm_zk.system.progress import Progress

KeyFor = Callable[[Manifest], DataKey]
"""How the key of a manifest is found; PeerError ``other-key``."""


def published(view: ChainView, owner: str, dataset: bytes) -> StoredVersion:
    """The newest version of an owner's data set. PeerError ``nothing-stored`` where there is none."""
    found = reading("what is stored", lambda: view.network.data_access.newest(owner, dataset))
    if found is None:
        raise PeerError(f"{owner} has stored nothing of this data set", kind="nothing-stored")
    return found


def version_of(view: ChainView, stored: StoredVersion) -> Version:
    """What a stored version's key is bound to."""
    contract = view.network.data_access.address
    return Version(view.chain.chain_id, contract, stored.owner, stored.dataset, stored.number)


def folder_of(stored: StoredVersion, location: str | None = None) -> ContentStore:
    """The storage that an owner has named, or another ``location`` that has the same files.

    PeerError ``not-a-location`` for what is none: an owner's text decides nothing but which folder is asked.
    """
    where = location or stored.uri
    if reason := objection(where):
        raise PeerError(f"the location of version {stored.number} {reason}", kind="not-a-location")
    return ContentStore(where)


def read_manifest(stored: StoredVersion, version: Version, location: str | None = None) -> Manifest:
    """The manifest of a stored version. PeerError ``not-stored``, ``other-content``, ``storage-unreachable``."""
    content = folder_of(stored, location).get_up_to(stored.manifest_hash, MAX_MANIFEST)
    return Manifest.parse(content, version)


def owners_key(view: ChainView, manifest: Manifest) -> DataKey:
    """The key of a version of this account's own, from the manifest by the account alone."""
    recovery = recovery_key(view.chain.account, manifest.version)
    key = unwrap(manifest.owner_key, manifest.version, view.address, recovery)
    manifest.require_key(key)
    return key


def require_grant(view: ChainView, owner: str, dataset: bytes) -> Grant:
    """What an owner has granted to this account, and still does.

    PeerError ``no-access`` where it has granted nothing, has taken it back, or its time is over; ``data-withdrawn``.
    """
    access = view.network.data_access
    found = reading(
        "what was granted",
        lambda: access.grants(from_block=view.deployment.block, owner=owner, dataset=dataset, member=view.address),
    )
    if not found:
        raise PeerError(f"{owner} has granted {view.address} no access to this data set", kind="no-access")
    if reading("a withdrawal", lambda: view.data_hub.withdrawn_at(owner, dataset)):
        raise PeerError(f"{owner} has withdrawn these data", kind="data-withdrawn")
    state = found[0].state(reading("a block", lambda: view.chain.header(view.block())).time)
    if state != "granted":
        raise PeerError(f"the access that {owner} has granted {view.address} is {state}", kind="no-access")
    return found[0]


def publish_key(view: ChainView, store: Database) -> bytes:
    """Publish the X25519 key of a store, drawn the first time, for owners to grant this account access by; the key.

    The account becomes a member where it is none. InputError ``other-key-published`` where it has published another
    one, which what was granted to it is wrapped for, and an operator's service goes on with.
    """
    public = secret_key(store).public_key().public_bytes_raw()
    member = view.member(view.address)
    if member is not None and member.public_key not in (b"", public):
        raise InputError(
            f"{view.address} has published another key than that of state {shown(store.path)}",
            kind="other-key-published",
        )
    view.publish("" if member is None else member.endpoint, public)
    return public


def accessible(
    view: ChainView, owner: str, dataset: bytes, key: Callable[[], X25519PrivateKey]
) -> tuple[StoredVersion, KeyFor]:
    """The version of a data set that this account may have, and how it gets the key of it.

    An owner has its newest version, by its account alone; a member the one that it was granted, by the ``key`` whose
    public part it had published then. The errors of `require_grant`, and PeerError ``nothing-stored``.
    """
    access = view.network.data_access
    if owner == view.address:
        return published(view, owner, dataset), lambda manifest: owners_key(view, manifest)
    grant = require_grant(view, owner, dataset)
    stored = reading(
        "what is stored",
        lambda: access.version(owner, dataset, grant.version, from_block=view.deployment.block),
    )
    return stored, lambda manifest: _members_key(grant, manifest, key())


def _members_key(grant: Grant, manifest: Manifest, key: X25519PrivateKey) -> DataKey:
    found = unwrap(grant.wrapped_key, manifest.version, grant.member, key)
    manifest.require_key(found)
    return found


def present(
    stored: StoredVersion, version: Version, *, location: str | None = None, progress: Progress
) -> Iterator[bytes]:
    """The encrypted chunks of a version in order, each with the hash that its owner has published: what anybody can
    check of a storage. The errors of `read_manifest`."""
    manifest = read_manifest(stored, version, location)
    yield from _chunks(manifest, folder_of(stored, location), progress)


def _chunks(manifest: Manifest, folder: ContentStore, progress: Progress) -> Iterator[bytes]:
    count = len(manifest.chunks)
    for index, (digest, size) in enumerate(zip(manifest.chunks, manifest.stored_sizes, strict=True), start=1):
        yield folder.get(digest, size)
        progress(f"{index} of {count} chunks are there")


def retrieve(
    view: ChainView,
    stored: StoredVersion,
    key_for: KeyFor,
    target: Path,
    *,
    location: str | None = None,
    progress: Progress,
) -> Package:
    """The package of a stored version, written into ``target``, a file without a name that is there already.

    What it says of itself is compared with where it comes from, and nothing more: `Package.check` and
    `require_registered` are next. Raises PeerError: ``not-stored``, ``other-content``, ``storage-unreachable``,
    ``other-key``.
    """
    version = version_of(view, stored)
    manifest = read_manifest(stored, version, location)
    key, folder = key_for(manifest), folder_of(stored, location)
    with target.open("wb") as file:
        for part in opened_chunks(_chunks(manifest, folder, progress), len(manifest.chunks), key):
            file.write(part)
    try:
        package = Package.read(target)
    except FileFormatError as error:
        raise PeerError(
            f"what {stored.owner} has stored is no data set: {error.message}", kind="other-content"
        ) from None
    if (package.openings.owner, package.openings.dataset) != (stored.owner, stored.dataset):
        raise PeerError(f"what {stored.owner} has stored is another data set", kind="other-content")
    return package
