"""Data sets into storage and back, over a chain: what a member gets, what nobody else does, and every attack that was
written down in docs/data-storage.md."""

import io
import stat
from dataclasses import replace
from types import SimpleNamespace

import pytest
from support.data_sets import NOTE, SPEC, openings_of, write_all, write_part

from twopm_zk.datasets.chunks import CHUNK, sealed_chunks
from twopm_zk.datasets.keys import Version, begin_key, own_key
from twopm_zk.datasets.manifest import Manifest
from twopm_zk.datasets.package import Package, write_package
from twopm_zk.datasets.registered import require_registered
from twopm_zk.datasets.retrieving import _members_key, accessible, present, publish_key, published, retrieve, version_of
from twopm_zk.datasets.storing import grant, put
from twopm_zk.errors import DataError, InputError, PeerError, TransactionError
from twopm_zk.node.backup import packaged, restore
from twopm_zk.node.registration import load_batches, register
from twopm_zk.node.store import NodeStore
from twopm_zk.participants.records import known_secret_key
from twopm_zk.rows.cells import CsvOptions
from twopm_zk.system.content_store import ContentStore, content_hash

pytestmark = pytest.mark.chain
DATASET = SPEC.data_terms.id
LATER = 1 << 40
OWNER, MEMBER, STRANGER = 2, 3, 4


def quiet(line):
    pass


class Owner:
    """A node that has registered rows, with its state, its file and a folder as storage."""

    def __init__(self, world, folder, *, account=OWNER, rows=None, times=1):
        folder.mkdir()
        self.view, self.folder = world.view(account), folder
        self.rows = rows or write_all(folder / "rows.csv", times=times)
        self.storage = folder / "storage"
        self.store = NodeStore(folder / "node.db")
        load_batches(self.store, SPEC, self.rows)
        register(self.view, self.store, SPEC)

    def put(self, *, location=None, progress=quiet):
        with packaged(self.view, self.store, SPEC, self.rows, CsvOptions()) as package:
            return put(self.view, self.store, package, location or f"file://{self.storage}", progress=progress)

    def grant(self, member, **changes):
        return grant(self.view, DATASET, member.address, **{"purpose": "Check the rows.", "until": LATER} | changes)

    def file(self, digest):
        return self.storage / f"{digest.hex()}.bin"

    def manifest(self):
        stored = published(self.view, self.view.address, DATASET)
        return Manifest.parse(self.file(stored.manifest_hash).read_bytes(), version_of(self.view, stored))


class Reader:
    """An account with a key, published or not."""

    def __init__(self, world, folder, account):
        self.view = world.view(account)
        self.address, self.path = self.view.address, folder / f"state{account}.db"

    def publish(self):
        with NodeStore(self.path) as store:
            publish_key(self.view, store)
        return self

    def get(self, owner, target, *, key=None, **options):
        target.touch(0o600)
        stored, key_for = accessible(self.view, owner, DATASET, key or (lambda: known_secret_key(self.path)))
        package = retrieve(self.view, stored, key_for, target, progress=quiet, **options)
        package.check(SPEC)
        require_registered(self.view, package.openings)
        return package


@pytest.fixture(scope="module")
def made(deployed, tmp_path_factory):
    """An owner who has stored two batches in three chunks, and two members with keys: undone after the module."""
    snapshot, folder = deployed.node.snapshot(), tmp_path_factory.mktemp("made")
    rows = write_all(folder / "rows.csv", times=2, notes=40_000)
    owner = Owner(deployed, folder / "owner", rows=rows)
    readers = [Reader(deployed, folder, account).publish() for account in (MEMBER, STRANGER)]
    done = owner.put()
    yield SimpleNamespace(owner=owner, member=readers[0], stranger=readers[1], done=done, world=deployed)
    owner.store.close()
    deployed.node.revert(snapshot)
    deployed.chain.forget_nonces()


@pytest.fixture
def scene(made):
    """What was made, on the chain and in the storage as it was: each test's changes are undone."""
    snapshot, files = made.world.node.snapshot(), {path: path.read_bytes() for path in made.owner.storage.iterdir()}
    yield made
    made.world.node.revert(snapshot)
    made.world.chain.forget_nonces()
    for reader in (made.owner, made.member, made.stranger):
        reader.view.chain.forget_nonces()
    for path in set(made.owner.storage.iterdir()) - set(files):
        path.unlink()
    for path, content in files.items():
        path.unlink(missing_ok=True)
        path.write_bytes(content)


def refused(kind, read):
    with pytest.raises(PeerError) as raised:
        read()
    assert raised.value.kind == kind, raised.value
    assert NOTE.strip() not in str(raised.value)
    return str(raised.value)


def test_a_member_gets_what_the_owner_stored_to_the_byte(scene, tmp_path):
    owner, member = scene.owner, scene.member
    assert (scene.done.new, scene.done.chunks, scene.done.stored.number) == (True, 3, 1)
    found = owner.grant(member)
    assert (found.member, found.version, found.purpose) == (member.address, 1, "Check the rows.")
    package = member.get(owner.view.address, tmp_path / "package")
    with package.rows() as rows:
        assert rows.read_bytes() == owner.rows.read_bytes()
    kept = owner.store.batches(DATASET)
    assert [(one.place, one.salt) for one in package.openings.batches] == [(e.place, e.batch.salt) for e in kept]
    assert stat.S_IMODE((tmp_path / "package").stat().st_mode) == 0o600


def test_the_owner_gets_its_own_with_its_account_alone(scene, tmp_path):
    package = Reader.get(scene.owner, scene.owner.view.address, tmp_path / "package", key=None)
    assert package.check(SPEC)


def test_storage_and_chain_hold_nothing_of_rows_salts_or_keys(scene):
    """All that anybody else ever sees: files, transactions, events."""
    owner = scene.owner
    owner.grant(scene.member)
    header, first = owner.rows.read_bytes().splitlines()[:2]
    secrets = [NOTE.encode(), header[:8], header[-8:], first[:8]]  # long enough to be nowhere by chance
    for entry in owner.store.batches(DATASET):
        secrets += [str(entry.batch.salt).encode(), entry.batch.salt.to_bytes(32, "big"), entry.batch.salt.to_bytes(32)]
        secrets += [entry.batch.features.astype("<i4").tobytes()[:40]]
    own = own_key(owner.store, version_of(owner.view, scene.done.stored))
    secrets += [own.key.secret, owner.view.chain.account.key]
    secrets += [secret.hex().encode() for secret in (own.key.secret, owner.view.chain.account.key)]
    chain = scene.world.node
    seen = [path.read_bytes() for path in owner.storage.iterdir()]
    for number in range(scene.done.stored.block - 5, owner.view.chain.block + 1):
        block = chain.rpc("eth_getBlockByNumber", hex(number), True)
        seen += [bytes.fromhex(transaction["input"][2:]) for transaction in block["transactions"]]
        receipts = [chain.rpc("eth_getTransactionReceipt", one["hash"]) for one in block["transactions"]]
        seen += [bytes.fromhex(log["data"][2:]) for receipt in receipts for log in receipt["logs"]]
    assert len(seen) > 8
    everything = b"".join(seen)
    assert not [secret for secret in secrets if secret in everything]
    # as it is stored, it is not compressed either: nothing of its repetition is left
    assert sum(path.stat().st_size for path in owner.storage.iterdir()) > owner.rows.stat().st_size


def test_the_owners_state_is_for_its_eyes_only(scene):
    assert stat.S_IMODE((scene.owner.folder / "node.db").stat().st_mode) == 0o600
    assert stat.S_IMODE(scene.member.path.stat().st_mode) == 0o600


# --- attacks of the storage ---


def test_a_storage_that_swaps_alters_or_cuts_a_chunk_is_found_out(scene, tmp_path):
    owner = scene.owner
    owner.grant(scene.member)
    first, second, third = (owner.file(digest) for digest in owner.manifest().chunks)
    contents = [path.read_bytes() for path in (first, second, third)]
    for changes in (
        {first: contents[1], second: contents[0]},
        {first: contents[0][:-1] + b"\0"},
        {third: contents[2][:-1]},
        {third: contents[2] + b"\0"},
        {second: b""},
    ):
        for path, content in changes.items():
            path.write_bytes(content)
        refused("other-content", lambda: scene.member.get(owner.view.address, tmp_path / "package"))
        for path, content in zip((first, second, third), contents, strict=True):
            path.write_bytes(content)
    second.unlink()
    refused("not-stored", lambda: scene.member.get(owner.view.address, tmp_path / "package"))
    first.unlink()
    first.symlink_to(third)
    assert "is a link" in refused("other-content", lambda: scene.member.get(owner.view.address, tmp_path / "package"))


def test_a_storage_that_swaps_the_manifest_is_found_out(scene, tmp_path):
    owner = scene.owner
    path = owner.file(scene.done.stored.manifest_hash)
    other = replace(owner.manifest(), chunks=owner.manifest().chunks[::-1])
    path.write_bytes(other.encode())
    refused("other-content", lambda: Reader.get(owner, owner.view.address, tmp_path / "package"))
    path.write_bytes(b" " * (1 << 20))
    refused("other-content", lambda: Reader.get(owner, owner.view.address, tmp_path / "package"))
    path.unlink()
    refused("not-stored", lambda: Reader.get(owner, owner.view.address, tmp_path / "package"))


def test_an_older_version_is_not_taken_for_the_newer_one(scene, tmp_path):
    """The storage returns version 1 for version 2: its manifest under the newer name, or its chunks."""
    owner = scene.owner
    owner.grant(scene.member)
    old, old_hash = owner.manifest(), scene.done.stored.manifest_hash
    owner.view.network.data_access.revoke(DATASET, scene.member.address)
    assert owner.put().stored.number == 2
    owner.grant(scene.member)
    new = owner.manifest()
    assert not set(new.chunks) & set(old.chunks)
    newest = owner.file(published(owner.view, owner.view.address, DATASET).manifest_hash)
    content = newest.read_bytes()
    newest.write_bytes(owner.file(old_hash).read_bytes())
    refused("other-content", lambda: scene.member.get(owner.view.address, tmp_path / "package"))
    newest.write_bytes(content)
    for old_chunk, new_chunk in zip(old.chunks, new.chunks, strict=True):
        owner.file(new_chunk).write_bytes(owner.file(old_chunk).read_bytes())
    refused("other-content", lambda: scene.member.get(owner.view.address, tmp_path / "package"))


# --- attacks of members ---


def test_who_was_granted_nothing_gets_nothing(scene, tmp_path):
    scene.owner.grant(scene.member)
    owner = scene.owner.view.address
    said = refused("no-access", lambda: scene.stranger.get(owner, tmp_path / "package"))
    assert "has granted" in said
    assert not (tmp_path / "package").read_bytes()


def test_what_was_wrapped_for_a_member_opens_nothing_for_another(scene, tmp_path):
    """The stranger has the wrapped key from the chain, and all files: neither its own key nor its address fits."""
    found = scene.owner.grant(scene.member)
    stored = published(scene.stranger.view, scene.owner.view.address, DATASET)
    manifest = scene.owner.manifest()
    for grant_, path in (
        (found, scene.stranger.path),
        (replace(found, member=scene.stranger.address), scene.stranger.path),
        (replace(found, member=scene.stranger.address), scene.member.path),
    ):
        key = known_secret_key(path)
        (tmp_path / "package").touch()
        refused(
            "other-key",
            lambda grant_=grant_, key=key: retrieve(
                scene.stranger.view,
                stored,
                lambda manifest: _members_key(grant_, manifest, key),
                tmp_path / "package",
                progress=quiet,
            ),
        )
    assert manifest.version == version_of(scene.owner.view, stored)


def test_a_wrapped_key_of_one_owner_or_data_set_does_not_grant_another(scene, tmp_path):
    """An owner who copies another one's wrapped key into a grant of its own gives nothing away, and opens nothing."""
    owner, member = scene.owner, scene.member
    copied = owner.grant(member)
    other = Owner(scene.world, tmp_path / "other", account=6)
    other.put()
    other.view.network.data_access.grant(DATASET, member.address, 1, LATER, "x", copied.wrapped_key)
    refused("other-key", lambda: member.get(other.view.address, tmp_path / "package"))
    other.store.close()


@pytest.mark.slow
def test_a_grant_that_is_over_revoked_or_of_withdrawn_data_is_refused(scene, tmp_path):
    owner, member = scene.owner, scene.member
    now = owner.view.chain.header(owner.view.chain.block).time
    owner.grant(member, until=now + 1000)
    target = tmp_path / "package"
    member.get(owner.view.address, target)
    scene.world.node.rpc("evm_setNextBlockTimestamp", now + 1000)
    scene.world.node.rpc("evm_mine")
    assert "is over" in refused("no-access", lambda: member.get(owner.view.address, target))
    owner.grant(member)
    member.get(owner.view.address, target)
    owner.view.network.data_access.revoke(DATASET, member.address)
    assert "is revoked" in refused("no-access", lambda: member.get(owner.view.address, target))
    owner.grant(member)
    owner.view.data_hub.withdraw(DATASET)
    refused("data-withdrawn", lambda: member.get(owner.view.address, target))
    with pytest.raises(TransactionError, match="DataIsWithdrawn"):
        owner.grant(member)
    Reader.get(owner, owner.view.address, target)  # its own it has


@pytest.mark.slow
def test_after_a_revocation_the_next_put_is_under_a_key_that_the_member_never_had(scene, tmp_path):
    owner, member, stranger = scene.owner, scene.member, scene.stranger
    before = owner.grant(member)
    owner.grant(stranger)
    owner.view.network.data_access.revoke(DATASET, member.address)
    done = owner.put()
    assert (done.new, done.stored.number) == (True, 2)
    keys = [own_key(owner.store, replace(version_of(owner.view, done.stored), number=number)) for number in (1, 2)]
    assert keys[0].key.secret != keys[1].key.secret
    # the key that the member has still opens what it was granted, by whoever has kept the files: knowledge stays
    old = owner.view.network.data_access.version(owner.view.address, DATASET, 1, from_block=0)
    key = known_secret_key(member.path)
    (tmp_path / "old").touch()
    assert retrieve(member.view, old, lambda found: _members_key(before, found, key), tmp_path / "old", progress=quiet)
    (tmp_path / "new").touch()
    refused(
        "other-key",
        lambda: retrieve(
            member.view, done.stored, lambda found: _members_key(before, found, key), tmp_path / "new", progress=quiet
        ),
    )
    # who was not revoked still has the version of before, until it is granted the newest
    assert stranger.get(owner.view.address, tmp_path / "package")


# --- attacks of owners, on who reads ---


@pytest.mark.parametrize(
    "uri", ["/etc", "file:///srv/../etc", "http://10.0.0.1/x", "zip://a.zip", "s3://key:secret@bucket/a", "\x1b[2J"]
)
def test_an_owner_who_names_another_place_leads_nobody_there(scene, tmp_path, uri):
    access = scene.owner.view.network.data_access
    access.store(DATASET, 2, b"\7" * 32, uri)
    said = refused("not-a-location", lambda: Reader.get(scene.owner, scene.owner.view.address, tmp_path / "package"))
    assert "secret" not in said


def stored_by_hand(owner, content, *, number=2):
    """What an owner with a program of its own can store: any bytes, encrypted and published as they should be."""
    version = Version(
        owner.view.chain.chain_id, owner.view.network.data_access.address, owner.view.address, DATASET, number
    )
    own = begin_key(owner.store, owner.view.chain.account, version, content_hash(content))
    folder = ContentStore(f"file://{owner.storage}")
    chunks = tuple(folder.put(chunk) for chunk in sealed_chunks(io.BytesIO(content), len(content), own.key))
    manifest = Manifest.of(own, len(content), chunks)
    folder.put(manifest.encode())
    owner.view.network.data_access.store(DATASET, number, manifest.hash, folder.location)


def test_what_an_owner_stores_is_checked_like_anything_else(scene, tmp_path):
    owner = scene.owner
    stored_by_hand(owner, b"no package at all")
    said = refused("other-content", lambda: Reader.get(owner, owner.view.address, tmp_path / "package"))
    assert "no data set" in said


def test_rows_that_were_never_registered_are_refused(scene, tmp_path):
    """The owner shows a member other rows than those behind the commitments: with salts that are true to them."""
    owner = scene.owner
    with packaged(owner.view, owner.store, SPEC, owner.rows, CsvOptions()) as package:
        other = write_all(tmp_path / "other.csv", times=1)
        forged = replace(
            package.openings, **{name: getattr(openings_of(other), name) for name in ("size", "sha256", "batches")}
        )
        (tmp_path / "forged").touch()
        stored_by_hand(owner, write_package(forged, other, tmp_path / "forged").path.read_bytes())
    with pytest.raises(DataError, match="has not registered the commitment of batch 0") as raised:
        Reader.get(owner, owner.view.address, tmp_path / "package")
    assert raised.value.kind == "not-registered"


def test_a_package_that_leaves_batches_out_or_is_another_owners_is_refused(scene, tmp_path):
    owner = scene.owner
    with packaged(owner.view, owner.store, SPEC, owner.rows, CsvOptions()) as package:
        openings = package.openings
        for wrong, match in (
            (
                replace(openings, batches=openings.batches[:1]),
                "has registered 1 batches of this data set that the package",
            ),
            (replace(openings, batches=openings.batches[::-1]), None),
            (replace(openings, owner=scene.member.address), "has not registered"),
            (replace(openings, contract=owner.view.address), "this is"),
            (replace(openings, chain_id=1), "is of DataHub"),
        ):
            if match is None:
                require_registered(owner.view, wrong)  # the order is that of the rows, the places are what counts
                continue
            with pytest.raises(DataError, match=match):
                require_registered(owner.view, wrong)
        stolen = replace(openings, owner=scene.member.address)
        (tmp_path / "stolen").touch()
        with package.rows() as rows:
            stored_by_hand(owner, write_package(stolen, rows, tmp_path / "stolen").path.read_bytes())
    assert "another data set" in refused(
        "other-content", lambda: Reader.get(owner, owner.view.address, tmp_path / "package")
    )


# --- putting again ---


@pytest.mark.slow
def test_a_put_that_is_interrupted_anywhere_goes_on_and_uploads_nothing_twice(scene, monkeypatch):
    owner = scene.owner
    owner.grant(scene.member)
    owner.view.network.data_access.revoke(DATASET, scene.member.address)  # so that a new version is stored
    before = set(owner.storage.iterdir())

    class Killed(BaseException):
        pass

    written = []
    true = ContentStore.put

    def dying(folder, content):
        if len(written) == dying.at:
            raise Killed
        digest = true(folder, content)
        written.append(digest)
        return digest

    monkeypatch.setattr(ContentStore, "put", dying)
    times = {}
    for dying.at in range(4):
        written.clear()
        with pytest.raises(Killed):
            owner.put()
        for path in set(owner.storage.iterdir()) - before:
            assert times.setdefault(path, path.stat().st_mtime_ns) == path.stat().st_mtime_ns
        assert published(owner.view, owner.view.address, DATASET).number == 1
    dying.at = 9
    assert owner.put().stored.number == 2
    new = set(owner.storage.iterdir()) - before
    assert len(new) == 4  # three chunks and a manifest, in all
    for path, time in times.items():
        assert path.stat().st_mtime_ns == time


def test_putting_again_what_is_there_is_no_other_version(scene):
    """Also after a put that died before it heard of its transaction."""
    owner = scene.owner
    again = owner.put()
    assert (again.new, again.stored) == (False, scene.done.stored)


def test_what_the_storage_has_lost_is_written_again(scene, tmp_path):
    owner = scene.owner
    files = sorted(owner.storage.iterdir())
    for path in files[:2]:
        path.unlink()
    files[2].write_bytes(b"half")
    assert not owner.put().new
    assert sorted(owner.storage.iterdir()) == files
    Reader.get(owner, owner.view.address, tmp_path / "package")


def test_at_another_place_it_is_another_version(scene, tmp_path):
    done = scene.owner.put(location=f"file://{tmp_path}/elsewhere")
    assert (done.new, done.stored.number, done.stored.uri) == (True, 2, f"file://{tmp_path}/elsewhere")


@pytest.mark.slow
@pytest.mark.parametrize("location", ["s3://key:secret@bucket/a", "http://a.example/b", "file://" + "/a" * 200])
def test_a_put_to_what_is_no_location_stores_nothing(scene, location):
    with pytest.raises(InputError, match="the location") as raised:
        scene.owner.put(location=location)
    assert raised.value.kind == "not-a-location"
    assert "secret" not in str(raised.value)


def test_only_the_rows_that_were_registered_are_stored(scene, tmp_path):
    owner = scene.owner
    other = write_part(tmp_path / "other.csv")
    with pytest.raises(DataError) as raised, packaged(owner.view, owner.store, SPEC, other, CsvOptions()):
        raise AssertionError("other rows were packed")
    assert raised.value.kind == "other-commitments"
    missing = tmp_path / "none.csv"
    with (
        pytest.raises(DataError, match="cannot be read"),
        packaged(owner.view, owner.store, SPEC, missing, CsvOptions()),
    ):
        raise AssertionError("nothing was packed")


def test_rows_that_are_not_registered_yet_are_not_stored(scene, tmp_path):
    rows = write_part(tmp_path / "rows.csv")
    with NodeStore(tmp_path / "new.db") as store:
        view = scene.world.view(7)
        with pytest.raises(InputError, match="no data"), packaged(view, store, SPEC, rows, CsvOptions()):
            raise AssertionError
        load_batches(store, SPEC, rows)
        with (
            pytest.raises(DataError, match="not registered all") as raised,
            packaged(view, store, SPEC, rows, CsvOptions()),
        ):
            raise AssertionError
        assert raised.value.kind == "not-registered-yet"


def test_access_is_granted_to_members_with_a_key_alone(scene):
    stranger = scene.world.view(8)
    with pytest.raises(InputError, match="has published no key") as raised:
        grant(scene.owner.view, DATASET, stranger.address, purpose="x", until=LATER)
    assert raised.value.kind == "member-without-key"
    for purpose in ("", "x" * 257, "a\nb", "\x1b[2J"):
        with pytest.raises(InputError, match="a purpose is a printable text"):
            scene.owner.grant(scene.member, purpose=purpose)
    with pytest.raises(PeerError, match="has stored nothing"):
        grant(stranger, DATASET, scene.member.address, purpose="x", until=LATER)


# --- who looks from outside, and a new machine ---


def test_a_key_is_published_once_beside_an_endpoint_and_never_in_the_place_of_another(scene, tmp_path):
    view = scene.member.view
    before, block = view.member(view.address), view.block()
    scene.member.publish()
    assert (view.member(view.address), view.block()) == (before, block)
    with NodeStore(tmp_path / "other.db") as store:
        with pytest.raises(InputError, match="has published another key") as raised:
            publish_key(view, store)
        assert raised.value.kind == "other-key-published"
        node = scene.world.view(7)
        node.identity.join("https://node.example", b"")
        public = publish_key(node, store)
    assert (node.member(node.address).endpoint, node.member(node.address).public_key) == (
        "https://node.example",
        public,
    )


def test_anybody_can_check_that_the_pieces_are_there(scene):
    view = scene.stranger.view
    stored = published(view, scene.owner.view.address, DATASET)
    chunks = list(present(stored, version_of(view, stored), progress=quiet))
    assert [len(chunk) for chunk in chunks[:2]] == [CHUNK + 16] * 2
    scene.owner.file(content_hash(chunks[1])).unlink()
    refused("not-stored", lambda: list(present(stored, version_of(view, stored), progress=quiet)))


def test_the_files_may_be_elsewhere_and_are_the_same(scene, tmp_path):
    scene.owner.grant(scene.member)
    mirror = tmp_path / "mirror"
    scene.owner.storage.rename(mirror)
    try:
        refused("not-stored", lambda: scene.member.get(scene.owner.view.address, tmp_path / "package"))
        assert scene.member.get(scene.owner.view.address, tmp_path / "package", location=f"file://{mirror}")
    finally:
        mirror.rename(scene.owner.storage)


def test_a_node_has_its_batches_back_on_an_empty_disk(scene, tmp_path):
    owner = scene.owner
    with NodeStore(tmp_path / "new" / "node.db") as store:
        found = restore(owner.view, store, SPEC, progress=quiet)
        assert [(one.number, one.held_out, one.place) for one in found] == [(0, False, 0), (1, False, 1)]
        kept = owner.store.batches(DATASET)
        for one, other in zip(found, kept, strict=True):
            assert (one.batch.commitment, one.batch.salt) == (other.batch.commitment, other.batch.salt)
            assert one.batch.statement is not None
        before = owner.view.block()
        assert register(owner.view, store, SPEC) == found
        assert owner.view.block() == before  # nothing is registered again
        assert restore(owner.view, store, SPEC, progress=quiet) == found  # and once more changes nothing


def test_a_state_with_other_batches_is_not_overwritten(scene, tmp_path):
    with NodeStore(tmp_path / "node.db") as store:
        load_batches(store, SPEC, write_part(tmp_path / "rows.csv"))
        before = store.batches(DATASET)
        with pytest.raises(DataError, match="has other batches") as raised:
            restore(scene.owner.view, store, SPEC, progress=quiet)
        assert raised.value.kind == "other-batches"
        assert store.batches(DATASET) == before


def test_nobody_restores_what_is_anothers(scene, tmp_path):
    with NodeStore(tmp_path / "node.db") as store:
        refused("nothing-stored", lambda: restore(scene.stranger.view, store, SPEC, progress=quiet))
        assert store.batches(DATASET) == []


def test_no_repr_shows_what_is_secret(scene):
    owner = scene.owner
    found = owner.grant(scene.member)
    own = own_key(owner.store, version_of(owner.view, scene.done.stored))
    text = repr((found, own, scene.done, owner.manifest(), Package))
    assert own.key.secret.hex() not in text
    assert found.wrapped_key.hex() not in text
