"""What an issuer attests is what it has computed from rows and salts, and nothing else: against real EAS on a chain."""

from dataclasses import replace

import pytest
from support.issuing import ISSUER, OTHER, Owner, attested_spec, written_rows
from support.people_world import SPEC

from twopm_zk.chain.attestations import Attestations, DataClaim, Schema, Standing
from twopm_zk.datasets.package import Package
from twopm_zk.errors import DataError, DeploymentError, InputError, TransactionError
from twopm_zk.provenance.issuing import Issuer
from twopm_zk.provenance.records import read_records
from twopm_zk.provenance.showing import read_packages, show
from twopm_zk.rows.sources import read_cells
from twopm_zk.task.parts.data import Provenance
from twopm_zk.task.parts.statistics import Statistics

EVALUATED = replace(SPEC.instances, evaluate=("evaluate-48x3",))

pytestmark = pytest.mark.chain


@pytest.fixture
def spec(world):
    return attested_spec(world)


@pytest.fixture
def owner(world, tmp_path, spec):
    return Owner(world, 2, tmp_path, spec)


@pytest.fixture
def issuer(world, spec):
    return Issuer(world.view(ISSUER), spec.data_terms)


def compared(issuer, owner, package, spec=None):
    (shown,) = show(issuer.view, spec or owner.spec, owner.address, [Package.read(package)])
    return issuer.compare(owner.address, shown.commitments)


def usable(owner):
    """Places that contracts take updates of."""
    return [place for place in range(3) if is_usable(owner, place)]


def is_usable(owner, place):
    try:
        return bool(owner.view.data_hub.usable(owner.address, owner.terms.id, place)[0])
    except TransactionError as error:
        if error.error not in ("NotAttested", "AttestationEnded"):
            raise
        return False


def test_what_was_seen_is_attested_bound_and_usable_until_it_is_revoked(world, issuer, owner):
    assert usable(owner) == []
    (issued,) = issuer.attest(compared(issuer, owner, owner.package()))
    assert (issued.places, usable(owner)) == ((0, 1, 2), [0, 1, 2])
    found = issuer.attestations.get(issued.uid)
    claim = DataClaim.of(owner.terms.id, [one.commitment for one in owner.batches])
    assert (found.attester, found.recipient, DataClaim.parse(found.data)) == (
        issuer.view.address,
        owner.address,
        claim,
    )
    (record,) = read_records(world.view(0), owner.terms)
    assert (record.owner, record.usable, record.unusable) == (owner.address, (0, 1, 2), ())
    assert issuer.revoke(owner.address) == [issued.uid]
    assert (usable(owner), issuer.revoke(owner.address)) == ([], [])
    (record,) = read_records(world.view(0), owner.terms, owner.address)
    assert (record.bound[0].standing, record.unusable) == (Standing.REVOKED, (0, 1, 2))
    (again,) = issuer.attest(compared(issuer, owner, owner.package()))
    (record,) = read_records(world.view(0), owner.terms)
    assert again.uid != issued.uid
    assert [(one.standing, one.places) for one in record.bound] == [(Standing.VALID, (0, 1, 2))]
    assert usable(owner) == [0, 1, 2]


def test_an_attestation_ends_when_it_says(world, issuer, owner):
    until = issuer.view.chain.time + 1000
    (issued,) = issuer.attest(compared(issuer, owner, owner.package()), expires=until)
    assert (issuer.attestations.get(issued.uid).expires, usable(owner)) == (until, [0, 1, 2])
    world.node.advance(1001)
    (record,) = read_records(world.view(0), owner.terms)
    assert (usable(owner), record.bound[0].standing) == ([], Standing.EXPIRED)
    with pytest.raises(InputError, match="expired already"):
        issuer.attest(compared(issuer, owner, owner.package()), expires=until)


def test_an_interrupted_issuer_goes_on_and_pays_for_nothing_twice(issuer, owner, monkeypatch):
    def kill(*arguments, **options):
        raise KeyboardInterrupt

    same = compared(issuer, owner, owner.package())
    bind = issuer.view.data_hub.bind
    monkeypatch.setattr(issuer.view.data_hub, "bind", kill)
    with pytest.raises(KeyboardInterrupt):
        issuer.attest(same)
    monkeypatch.setattr(issuer.view.data_hub, "bind", bind)
    (made,) = issuer.attestations.made(issuer.schema.uid, from_block=0, attester=issuer.view.address)
    (issued,) = issuer.attest(same)
    assert (issued.uid, len(issued.transactions), usable(owner)) == (made.uid, 1, [0, 1, 2])
    (again,) = issuer.attest(same)
    assert (again.uid, again.transactions) == (made.uid, ())


def test_withdrawn_data_are_not_attested_to(issuer, owner):
    owner.view.data_hub.withdraw(owner.terms.id)
    with pytest.raises(DataError, match="has withdrawn these data"):
        compared(issuer, owner, owner.package())


def test_held_out_rows_are_a_data_set_of_their_own(world, issuer, owner, tmp_path):
    spec = replace(owner.spec, statistics=Statistics(evaluation=True, held_out=True), instances=EVALUATED)
    apart = Owner(world, 3, tmp_path, spec, rows=40, held_out=True)
    path = apart.package(name="held-out.package")
    (shown,) = show(issuer.view, spec, apart.address, read_packages(path.parent))
    held_out = Issuer(issuer.view, spec.held_out_terms)
    with pytest.raises(DataError, match="nothing is registered there"):  # not where the rows of training are
        issuer.compare(apart.address, shown.commitments).require_same()
    held_out.attest(held_out.compare(apart.address, shown.commitments))
    (record,) = read_records(world.view(0), spec.held_out_terms)
    assert (record.owner, record.usable) == (apart.address, (0,))
    with pytest.raises(InputError, match="evaluates nothing on held-out rows"):
        show(issuer.view, owner.spec, apart.address, [Package.read(path)])


# --- liars ---


@pytest.mark.parametrize(("line", "batch"), [(1, 0), (48, 0), (49, 1), (100, 2)])
def test_one_altered_row_is_found_in_its_batch(issuer, owner, line, batch):
    with pytest.raises(DataError, match=f"batch {batch}: registered is something else") as caught:
        issuer.attest(compared(issuer, owner, owner.altered(line)))
    assert (caught.value.kind, caught.value.facts["different"]) == ("other-data", (batch,))


def test_another_salt_is_found_in_its_batch(issuer, owner):
    first, second, third = owner.batches
    salted = replace(second, salt=second.salt - 1)
    with pytest.raises(DataError, match="batch 1: registered is something else"):
        issuer.attest(compared(issuer, owner, owner.package(batches=[first, salted, third])))


def test_a_header_that_claims_the_registered_commitments_of_other_rows_is_found(issuer, owner):
    """The rows are altered, and the commitments that the header says are those of DataHub."""
    liar = Owner(owner.world, 3, owner.folder, owner.spec)
    openings = Package.read(owner.package()).openings.batches
    path = liar.package(rows=liar.rows, owner=owner.address, batches=liar.batches)
    content = path.read_bytes()
    for mine, theirs in zip(liar.batches, openings, strict=True):
        assert str(mine.commitment).encode() in content
        content = content.replace(str(mine.commitment).encode(), str(theirs.commitment).encode())
    length = len(content) - len(liar.rows.read_bytes()) - 12
    path.write_bytes(content[:8] + length.to_bytes(4, "big") + content[12:])
    with pytest.raises(DataError) as caught:
        compared(issuer, owner, path)
    assert caught.value.kind == "other-data"
    assert "batch 0 do not open its commitment" in caught.value.message


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ((1, 0, 2), "batch 0, 1: registered is something else"),
        ((0, 1, 5), "batch 5: nothing is registered there"),
    ],
)
def test_another_place_is_found(issuer, owner, places, message):
    with pytest.raises(DataError, match=message):
        issuer.attest(compared(issuer, owner, owner.package(places=places)))


def test_another_owners_package_is_refused_whatever_it_says_of_itself(issuer, owner):
    other = Owner(owner.world, 3, owner.folder, owner.spec)
    with pytest.raises(DataError, match="the package is of 0x") as caught:
        compared(issuer, owner, other.package())
    assert (caught.value.kind, caught.value.facts["owner"]) == ("other-owner", other.address)
    with pytest.raises(DataError, match="batch 0, 1, 2: registered is something else"):
        issuer.attest(compared(issuer, owner, other.package(owner=owner.address)))


def test_a_copier_cannot_show_what_it_has_registered(issuer, owner):
    """Commitments copied off the chain are registered by somebody else, who has no rows that give them."""
    copier = owner.world.view(3)
    copier.data_hub.register(owner.terms.id, 0, [one.commitment for one in owner.batches])
    (shown,) = show(issuer.view, owner.spec, copier.address, [Package.read(owner.package(owner=copier.address))])
    assert issuer.compare(copier.address, shown.commitments).same == (0, 1, 2)  # only with the owner's rows and salts
    (issued,) = issuer.attest(compared(issuer, owner, owner.package()))
    commitments = [one.commitment for one in owner.batches]
    with pytest.raises(TransactionError) as caught:  # the owner's attestation is of the owner
        copier.data_hub.bind(owner.terms.id, copier.address, issued.uid, commitments)
    assert (caught.value.error, caught.value.values["field"]) == ("WrongAttestation", "recipient")


def test_a_package_of_another_deployment_or_data_set_is_refused(issuer, owner):
    with pytest.raises(DataError, match=r"is of DataHub .* on chain 1, this is"):
        compared(issuer, owner, owner.package(chain_id=1))
    other = replace(owner.spec, name="other grades")
    with pytest.raises(DataError, match="the specification asks for 0x"):
        compared(issuer, owner, owner.package(), other)


def test_batches_that_were_not_shown_stay_unusable_and_are_named(world, issuer, owner):
    lines = owner.rows.read_text().splitlines()[:97]
    fewer = owner.folder / "fewer.csv"
    fewer.write_text("\n".join(lines) + "\n")
    found = compared(issuer, owner, owner.package(rows=fewer, batches=owner.batches[:2]))
    assert (found.same, found.not_shown) == ((0, 1), (2,))
    (issued,) = issuer.attest(found)
    assert (issued.places, usable(owner)) == ((0, 1), [0, 1])
    (record,) = read_records(world.view(0), owner.terms)
    assert (record.usable, record.unusable) == ((0, 1), (2,))


# --- who may attest ---


def test_an_account_that_the_terms_do_not_name_is_refused_before_it_pays(world, owner):
    other = world.view(OTHER)
    before = other.chain.balance(other.address)
    with pytest.raises(InputError, match="none of the issuers") as caught:
        Issuer(other, owner.terms)
    assert (caught.value.kind, other.chain.balance(other.address)) == ("not-an-issuer", before)


def test_an_attestation_by_an_account_that_the_terms_do_not_name_makes_nothing_usable(world, issuer, owner):
    other = world.view(OTHER)
    issuer.attestations.register(issuer.schema)
    claim = DataClaim.of(owner.terms.id, [one.commitment for one in owner.batches])
    uid, _ = Attestations.at(other.chain, other.data_hub.eas).attest(issuer.schema, owner.address, claim.encoded)
    with pytest.raises(TransactionError) as caught:
        owner.view.data_hub.bind(owner.terms.id, owner.address, uid, [one.commitment for one in owner.batches])
    assert (caught.value.error, caught.value.values["field"], usable(owner)) == ("WrongAttestation", "attester", [])


def test_terms_without_issuers_and_schemas_of_another_form_are_refused(world, issuer):
    view = world.view(ISSUER)
    plain = replace(attested_spec(world), provenance=None)
    with pytest.raises(InputError, match="asks for no attestation"):
        Issuer(view, plain.data_terms)
    schema = Schema("bool fine")
    spec = replace(plain, provenance=Provenance((view.address,), schema.uid))
    with pytest.raises(DeploymentError, match="is not registered"):
        Issuer(view, spec.data_terms)
    assert issuer.attestations.register(schema) is not None
    assert issuer.attestations.register(schema) is None
    with pytest.raises(DeploymentError, match="or have other fields"):
        Issuer(view, spec.data_terms)


# --- an issuer's own records ---


def test_rows_of_the_package_are_compared_with_the_issuers_own(issuer, owner, tmp_path):
    (shown,) = show(issuer.view, owner.spec, owner.address, read_packages(owner.package().parent))
    columns = owner.spec.data_columns
    shown.require_rows(read_cells(owner.rows, wanted=columns), owner.spec)
    Package.read(owner.altered(60))
    with pytest.raises(DataError, match="batch 1 of the package has other rows"):
        shown.require_rows(read_cells(owner.folder / "altered.csv", wanted=columns), owner.spec)
    with pytest.raises(DataError, match="the package has 100 rows, your records have 40"):
        shown.require_rows(read_cells(written_rows(tmp_path / "own.csv", 40), wanted=columns), owner.spec)


def test_a_folder_without_a_package_is_refused(tmp_path):
    with pytest.raises(InputError, match="has no package"):
        read_packages(tmp_path)
