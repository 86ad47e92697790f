"""kill -9 of who registers rows, stores them, and attests to them, before, halfway through and after every write."""

import pytest
from soundness.faults.mortal import Mortal
from soundness.faults.outcome import storing_losses
from support.data_sets import write_all
from support.deaths import MOMENTS
from support.issuing import ISSUER, Owner, attested_spec
from support.people_world import SPEC

from twopm_zk.chain.attestations import DATA_SCHEMA
from twopm_zk.provenance.records import read_records

pytestmark = pytest.mark.slow

PART = "faults: owners and issuers killed at every write"
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
        return storing_losses(self.view, self.folder / "owner.db", self.storage, self.rows)


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
