"""An owner's side: a package into storage, its place onto the chain, and access to it for members.

The order is what makes a put that is killed at any moment go on: the key is on disk before anything is encrypted, all
chunks and the manifest are in the storage before the chain says so, and a chunk that is there is not written again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from twopm_zk.chain.data_access import Grant, StoredVersion
from twopm_zk.chain.rpc import reading
from twopm_zk.datasets.chunks import chunk_sizes, sealed_chunks
from twopm_zk.datasets.keys import Version, begin_key, own_key
from twopm_zk.datasets.manifest import Manifest
from twopm_zk.datasets.package import Package
from twopm_zk.datasets.retrieving import owners_key, published, read_manifest, version_of
from twopm_zk.errors import InputError
from twopm_zk.participants.database import Database
from twopm_zk.participants.task_view import ChainView
from twopm_zk.system.content_store import ContentStore, objection
from twopm_zk.system.progress import Progress

MAX_TEXT = 256
"""Bytes of a location, and of a purpose."""


@dataclass(frozen=True)
class Put:
    """What has become of a put."""

    stored: StoredVersion
    new: bool
    """Whether it is a version of its own: of the same content, at the same location, nobody having lost access since,
    there is one already, and what the storage has lost of it was written again."""
    chunks: int
    size: int
    """Bytes of the package."""


def put(view: ChainView, store: Database, package: Package, location: str, *, progress: Progress) -> Put:
    """Store a package of this account's under a key of its own, and publish where it is.

    Raises InputError for a location that nothing can be stored in, PeerError ``storage-unreachable``.
    """
    if reason := objection(location):
        raise InputError(f"the location {reason}", kind="not-a-location")
    if len(location.encode()) > MAX_TEXT:
        raise InputError(f"the location has {len(location)} characters; allowed: {MAX_TEXT}", kind="not-a-location")
    access, dataset = view.network.data_access, package.openings.dataset
    with package.path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").digest()
    newest = reading("what is stored", lambda: access.newest(view.address, dataset))
    if newest is None or not _is(view, store, newest, content, location):
        manifest = _uploaded(view, store, package, content, location, 1 + (newest.number if newest else 0), progress)
        return Put(_stored(view, manifest, location), True, len(manifest.chunks), manifest.size)
    manifest = _uploaded(view, store, package, content, location, newest.number, progress)
    return Put(newest, False, len(manifest.chunks), manifest.size)


def _stored(view: ChainView, manifest: Manifest, location: str) -> StoredVersion:
    """The version, once it is on the chain: also by a transaction of before a restart.

    Raises InputError where another process has stored something else as this version.
    """
    access, version = view.network.data_access, manifest.version

    def look() -> StoredVersion | None:
        found = reading("what is stored", lambda: access.newest(view.address, version.dataset))
        return found if found is not None and found.number >= version.number else None

    def store() -> StoredVersion:
        access.store(version.dataset, version.number, manifest.hash, location)
        return published(view, view.address, version.dataset)

    found = view.chain.once(look, store, done=("WrongVersion",))
    if (found.number, found.manifest_hash, found.uri) != (version.number, manifest.hash, location):
        raise InputError(
            f"{view.address} has stored another version of this data set meanwhile",
            hint="Store one after the other.",
        )
    return found


def _is(view: ChainView, store: Database, newest: StoredVersion, content: bytes, location: str) -> bool:
    """Whether the newest version is this content at this location, under a key that nobody has lost the right to."""
    known = own_key(store, _version(view, newest.dataset, newest.number))
    if known is None or known.content != content or newest.uri != location:
        return False
    access = view.network.data_access
    return not reading("revocations", lambda: access.revoked_since(view.address, newest.dataset, newest.block))


def _uploaded(
    view: ChainView,
    store: Database,
    package: Package,
    content: bytes,
    location: str,
    number: int,
    progress: Progress,
) -> Manifest:
    """The manifest of a version, once it and all chunks are in the storage."""
    own = begin_key(store, view.chain.account, _version(view, package.openings.dataset, number), content)
    folder, size, hashes = ContentStore(location), package.path.stat().st_size, []
    count = len(chunk_sizes(size))
    with package.path.open("rb") as source:
        for chunk in sealed_chunks(source, size, own.key):
            hashes.append(folder.put(chunk))
            progress(f"{len(hashes)} of {count} chunks are stored")
    manifest = Manifest.of(own, size, tuple(hashes))
    folder.put(manifest.encode())
    return manifest


def grant(view: ChainView, dataset: bytes, member: str, *, purpose: str, until: int) -> Grant:
    """Grant a member access to the newest version of a data set of this account, until a time in seconds since 1970.

    The key is taken from the manifest by the account itself, so that any machine with its keystore can do this. Raises
    InputError ``member-without-key``, PeerError ``nothing-stored``, and those of `read_manifest`.
    """
    if not 0 < len(purpose.encode()) <= MAX_TEXT or not purpose.isprintable():
        raise InputError(f"a purpose is a printable text of 1 to {MAX_TEXT} bytes")
    access = view.network.data_access
    newest = published(view, view.address, dataset)
    entry = view.member(member)
    if entry is None or not entry.public_key:
        raise InputError(f"{member} has published no key that access could be granted to", kind="member-without-key")
    key = owners_key(view, read_manifest(newest, version_of(view, newest)))
    wrapped = key.wrap(member, entry.public_key)
    access.grant(dataset, member, newest.number, until, purpose, wrapped)
    (found,) = reading(
        "what was granted",
        lambda: access.grants(from_block=view.deployment.block, owner=view.address, dataset=dataset, member=member),
    )
    return found


def _version(view: ChainView, dataset: bytes, number: int) -> Version:
    return Version(view.chain.chain_id, view.network.data_access.address, view.address, dataset, number)
