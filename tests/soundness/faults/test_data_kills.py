"""kill -9 of who registers rows, stores them, and attests to them, before, halfway through and after every write."""

import pytest
from soundness.faults.mortal import Mortal
from support.data_sets import write_all
from support.deaths import MOMENTS
from support.issuing import ISSUER, Owner, attested_spec
from support.people_world import SPEC

from twopm_zk.chain.attestations import DATA_SCHEMA
from twopm_zk.datasets.chunks import chunk_sizes
from twopm_zk.datasets.keys import own_key
from twopm_zk.datasets.registered import require_registered
from twopm_zk.datasets.retrieving import accessible, published, retrieve, version_of
from twopm_zk.node.store import NodeStore
from twopm_zk.provenance.records import read_records
from twopm_zk.system.content_store import content_hash

pytestmark = pytest.mark.slow

PART = "faults: owners and issuers killed at every write"
DATASET = SPEC.data_terms.id
OWNER = 2


def ended(mortal, most=20):
    """Look until all is done, however often it dies; what it died at."""
    for _ in range(most):
        mortal.look("")
        if mortal.finished:
            mortal.close()
            assert mortal.unseen == []
            return len(mortal.deaths)
    raise AssertionError(mortal.said())


class Storing:
    """An owner's folder, with the storage in another one."""

    def __init__(self, world, folder, forks, *, chunks, **options):
        self.view, self.folder, self.storage = world.view(OWNER), folder / "owner", folder / "storage"
        self.folder.mkdir()
        # notes are in no column of the specification, and fill chunks of a megabyte
        self.rows = write_all(self.folder / "rows.csv", times=chunks, notes=20_000 if chunks > 1 else 0)
        options |= {"role": "put", "name": "owner", "account": OWNER, "location": f"file://{self.storage}"}
        self.mortal = Mortal.on_chain(world, SPEC, self.folder, forks, **options)

    def losses(self):
        """What is not as it has to be once the data are stored, in words; none where all is."""
        access, hub = self.view.network.data_access, self.view.data_hub
        found, stored = [], published(self.view, self.view.address, DATASET)
        with NodeStore(self.folder / "owner.db") as store:
            batches, own = store.batches(DATASET), own_key(store, version_of(self.view, stored))
        registered = hub.contract.events("Registered", from_block=1, owner=self.view.address)
        if [one["commitment"] for one in registered] != [one.batch.commitment for one in batches]:
            found.append(f"{len(registered)} registrations of {len(batches)} batches")
        if len(access.stored(self.view.address, from_block=1)) != 1:
            found.append("more than one version")
        files = list(self.storage.iterdir())
        found += [path.name for path in files if path.name != f"{content_hash(path.read_bytes()).hex()}.bin"]
        target = self.folder / "again"
        target.touch(0o600)
        version, key_for = accessible(self.view, self.view.address, DATASET, None)
        package = retrieve(self.view, version, key_for, target, progress=lambda line: None)
        package.check(SPEC)
        require_registered(self.view, package.openings)
        with package.rows() as rows:
            if rows.read_bytes() != self.rows.read_bytes():
                found.append("other rows")
        chunks = len(chunk_sizes(package.path.stat().st_size))
        if len(files) != chunks + 1:  # and a manifest
            found.append(f"{len(files)} files of {chunks} chunks")
        if own is None or own.content != content_hash(package.path.read_bytes()):
            found.append("no key in the owner's state")
        return found


def test_an_owner_that_is_killed_at_every_write_stores_its_rows_once(world, tmp_path, forks, tally, amount):
    storing = Storing(world, tmp_path, forks, chunks=amount(1, 4), moments=amount(("halfway",), MOMENTS))
    died = ended(storing.mortal)
    assert storing.losses() == []
    for contract, function in (("DataHub", "register"), ("DataAccess", "store")):
        assert len(storing.mortal.sent(function)) == 1, contract
    tally.faults(PART, tried=died, survived=died)


@pytest.mark.full
def test_an_owner_that_keeps_no_key_is_noticed(world, tmp_path, forks, tally):
    storing = Storing(world, tmp_path, forks, chunks=1, planted="keeps no key of its data")
    ended(storing.mortal)
    assert storing.losses()
    tally.mutants("faults: bugs planted", tried=1, killed=1)


def test_an_issuer_that_is_killed_at_every_write_attests_once(world, tmp_path, forks, tally, amount):
    spec = attested_spec(world)
    owner = Owner(world, OWNER, tmp_path, spec)
    folder = tmp_path / "issuer"
    folder.mkdir()
    options = {"owner": owner.address, "package": str(owner.package()), "moments": amount(("halfway",), MOMENTS)}
    mortal = Mortal.on_chain(world, spec, folder, forks, role="issuer", name="issuer", account=ISSUER, **options)
    died = ended(mortal)
    assert died
    view = world.view(ISSUER)
    (made,) = view.attestations.made(DATA_SCHEMA.uid, from_block=1, attester=view.address)
    (record,) = read_records(world.view(0), owner.terms)
    assert ([one.attestation.uid for one in record.bound], record.unusable) == ([made.uid], ())
    assert [len(mortal.sent(function)) for function in ("attest", "bind")] == [1, 1]
    tally.faults(PART, tried=died, survived=died)
