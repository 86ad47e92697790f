"""Data sets, whose commitments they have, who attests to them, and who has withdrawn."""

import json
from types import SimpleNamespace

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from support.attestations import Eas, data_of, deploy_eas

from twopm_zk.chain import compile_contract
from twopm_zk.chain.abi import hash_of, signature
from twopm_zk.chain.development import attestations
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.system import paths
from twopm_zk.task.parts.data import DataTerms, Provenance

GRADES = DataTerms.of("grades", None)
NEXT_YEAR = DataTerms.of("grades", None, held_out=True)
ZERO = "0x" + "00" * 20
NOTHING = bytes(32)
DAY = 86_400


@pytest.fixture(scope="module")
def eas(chain):
    return Eas(chain, deploy_eas(chain).address)


@pytest.fixture(scope="module")
def hub(chain, eas):
    return chain.deploy(compile_contract("DataHub"), eas.address)


@pytest.fixture(scope="module")
def grades(hub):
    for terms in (GRADES, NEXT_YEAR):
        hub.transact("open", terms.values)
    return GRADES.id


@pytest.fixture
def attested(hub, eas, keys):
    """A data set that asks for an attestation of dan or eve, two batches of ada's in it, and dan's attestation."""
    issuers = [hub.signing_as(key).chain.address for key in (keys.dan, keys.eve)]
    terms = DataTerms.of("attested grades", Provenance(tuple(issuers)))
    found = SimpleNamespace(id=terms.id, schema=eas.register(), commitments=[5, 6], issuers=issuers, terms=terms)
    hub.transact("open", terms.values)
    found.hub = hub.signing_as(keys.ada)
    found.owner = found.hub.chain.address
    found.hub.transact("register", terms.id, 0, found.commitments)

    def attest(key=keys.dan, *, schema=None, recipient=None, data=None, **changes):
        said = data_of(terms.id, found.commitments) if data is None else data
        return eas.attest(key, schema or found.schema, recipient or found.owner, said, **changes)

    found.attest, found.uid = attest, attest()
    found.usable = lambda index=0: hub.call("usable", found.owner, terms.id, index)
    return found


# --- terms ---


def test_the_id_of_a_data_set_is_the_hash_of_its_terms(hub, gas):
    """In Python and in Solidity, and whoever opens it."""
    issuers = tuple(f"0x{number:040x}" for number in range(1, 17))
    for terms in (GRADES, NEXT_YEAR, DataTerms(b"\x01" * 32, True, b"\x02" * 32, issuers)):
        receipt = hub.transact("open", terms.values)
        held_out = "held out, " if terms.held_out else ""
        gas.check(f"open, {held_out}{len(terms.issuers)} issuers", receipt)
        event = receipt.event("DatasetOpened")
        assert event["dataset"] == "0x" + terms.id.hex()
        assert [item.lower() for item in event["issuers"]] == list(terms.issuers)
        names = ("schema", "heldOut", "attestationSchema", "issuers")
        assert hub.call("termsOf", terms.id) == {name: event[name] for name in names}


def test_opening_twice_changes_nothing(hub, keys):
    hub.transact("open", GRADES.values)
    again = hub.signing_as(keys.ben).transact("open", GRADES.values)
    assert not again.events
    assert hub.call("termsOf", GRADES.id)["schema"] == "0x" + GRADES.schema.hex()


def test_what_nobody_has_opened_is_unknown(hub, refused, keys):
    ada = hub.chain.signing_as(keys.ada).address
    with refused("UnknownDataset", dataset="0x" + GRADES.id.hex()):
        hub.call("termsOf", GRADES.id)
    for act in (("register", GRADES.id, 0, [1]), ("withdraw", GRADES.id, False), ("bind", GRADES.id, ada, NOTHING, [])):
        with refused("UnknownDataset"):
            hub.transact(*act)


ONE, TWO = "0x" + "00" * 19 + "01", "0x" + "00" * 19 + "02"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ((NOTHING, False, NOTHING, ()), "schema"),
        ((b"\x01" * 32, False, b"\x02" * 32, ()), "attestationSchema"),
        ((b"\x01" * 32, False, NOTHING, (ONE,)), "attestationSchema"),
        ((b"\x01" * 32, False, b"\x02" * 32, (ZERO,)), "issuers"),
        ((b"\x01" * 32, False, b"\x02" * 32, (ONE, ONE)), "issuers"),
        ((b"\x01" * 32, False, b"\x02" * 32, (TWO, ONE)), "issuers"),
        ((b"\x01" * 32, False, b"\x02" * 32, tuple(f"0x{number:040x}" for number in range(1, 18))), "issuers"),
    ],
)
def test_terms_that_make_no_sense_are_refused(hub, refused, values, field):
    """One spelling for each meaning: issuers ascend, so that there are none twice, and no zero address; 16 at most."""
    with refused("InvalidTerms", field=field):
        hub.transact("open", values)


def test_a_chain_without_eas_has_no_terms_with_issuers(chain, refused):
    hub = chain.deploy(compile_contract("DataHub"), ZERO)
    hub.transact("open", GRADES.values)
    hub.transact("register", GRADES.id, 0, [1])
    assert hub.call("usable", chain.address, GRADES.id, 0) == (1, chain.block)
    with refused("NoAttestationService"):
        hub.transact("open", (b"\x01" * 32, False, b"\x02" * 32, (ONE,)))
    with refused("NoAttestationService"):
        hub.transact("bind", GRADES.id, chain.address, NOTHING, [1])


# --- commitments ---


def test_a_commitment_has_an_owner_a_place_and_a_time(hub, grades, keys, gas):
    ada = hub.signing_as(keys.ada)
    receipt = ada.transact("register", grades, 3, [12345])
    gas.check("register", receipt)
    assert receipt.event("Registered")["commitment"] == 12345
    assert hub.call("commitmentOf", ada.chain.address, grades, 3) == 12345
    assert hub.call("registeredAt", ada.chain.address, 12345) == ada.chain.block
    assert hub.call("usable", ada.chain.address, grades, 3) == (12345, ada.chain.block)
    assert hub.call("attestationOf", ada.chain.address, grades, 12345) == "0x" + NOTHING.hex()


def test_what_nobody_registered_is_nothing(hub, grades, chain):
    assert hub.call("commitmentOf", chain.address, grades, 0) == 0
    assert hub.call("registeredAt", chain.address, 1) == 0
    assert hub.call("usable", chain.address, grades, 0) == (0, 0)
    assert hub.call("usable", chain.address, b"\x01" * 32, 0) == (0, 0)


def test_a_commitment_is_never_rewritten(hub, grades, keys, refused):
    ada = hub.signing_as(keys.ada)
    ada.transact("register", grades, 0, [1])
    with refused("PlaceTaken", owner=ada.chain.address, index=0, commitment=1):
        ada.transact("register", grades, 0, [2])
    assert hub.call("commitmentOf", ada.chain.address, grades, 0) == 1


def test_an_owner_has_a_commitment_once_over_all_its_data_sets(hub, grades, keys, refused):
    """Or what is held out could be trained on."""
    ada = hub.signing_as(keys.ada)
    ada.transact("register", grades, 0, [1])
    for dataset, index in ((grades, 1), (NEXT_YEAR.id, 0)):
        with refused("AlreadyRegistered", owner=ada.chain.address, commitment=1):
            ada.transact("register", dataset, index, [1])


def test_a_copied_commitment_keeps_nobody_from_registering_it(hub, grades, keys):
    """The attack: ben sees ada's transaction on its way, and has the same commitments registered before it is mined."""
    ada, ben = hub.signing_as(keys.ada), hub.signing_as(keys.ben)
    ben.transact("register", grades, 0, [1, 2])
    ada.transact("register", grades, 0, [1, 2])
    assert hub.call("usable", ada.chain.address, grades, 1) == (2, ada.chain.block)
    assert hub.call("registeredAt", ben.chain.address, 2) == ada.chain.block - 1


@pytest.mark.parametrize("value", [0, FIELD_ORDER, 2**256 - 1])
def test_only_field_elements_other_than_zero_are_registered(hub, grades, refused, value):
    with refused("InvalidCommitment", commitment=value):
        hub.transact("register", grades, 0, [value])


def test_the_largest_field_element_can_be_registered(hub, grades):
    hub.transact("register", grades, 2**256 - 1, [FIELD_ORDER - 1])
    assert hub.call("registeredAt", hub.chain.address, FIELD_ORDER - 1) == hub.chain.block


def test_many_are_registered_at_once_or_none(hub, grades, chain, refused, gas):
    gas.check("register 8", hub.transact("register", grades, 10, list(range(1, 9))))
    assert [hub.call("commitmentOf", chain.address, grades, 10 + i) for i in range(8)] == list(range(1, 9))
    assert [event["index"] for event in hub.events("Registered", owner=chain.address)] == list(range(10, 18))
    with refused("AlreadyRegistered", commitment=8):
        hub.transact("register", grades, 20, [100, 101, 8])
    assert hub.call("registeredAt", chain.address, 100) == 0


# --- attestations ---


def test_our_interface_of_eas_is_that_of_eas():
    """Selectors and topics, and so the layout of structs."""
    theirs = attestations.published()
    resolver = paths.npm_package(attestations.PACKAGE) / "artifacts/contracts/resolver/ISchemaResolver.sol"
    abis = {
        "IEAS": theirs["EAS"].abi,
        "ISchemaRegistry": theirs["SchemaRegistry"].abi,
        "ISchemaResolver": json.loads((resolver / "ISchemaResolver.json").read_text())["abi"],
    }
    for name, abi in abis.items():
        known = {(entry["type"], signature(entry)): entry for entry in abi if "name" in entry}
        for entry in compile_contract(name).abi:
            found = known.pop((entry["type"], signature(entry)))
            assert hash_of(signature(found)) == hash_of(signature(entry))
            assert [item.get("indexed") for item in found["inputs"]] == [
                item.get("indexed") for item in entry["inputs"]
            ]
            assert types_of(found.get("outputs", [])) == types_of(entry.get("outputs", []))


def types_of(items):
    return [types_of(item["components"]) if item["type"].startswith("tuple") else item["type"] for item in items]


def test_an_attestation_says_which_batches_of_whom_it_is_about(attested, eas, hub):
    saved = eas.contract.call("getAttestation", attested.uid)
    hashed = keccak(b"".join(value.to_bytes(32) for value in attested.commitments))
    assert saved["data"] == "0x" + encode(["bytes32", "bytes32", "uint32"], [attested.id, hashed, 2]).hex()
    assert (saved["recipient"], saved["attester"]) == (attested.owner, attested.issuers[0])


def test_data_are_used_once_an_issuer_has_attested_to_them(attested, hub, refused, gas):
    with refused("NotAttested", owner=attested.owner, commitment=5):
        attested.usable()
    receipt = attested.hub.transact("bind", attested.id, attested.owner, attested.uid, attested.commitments)
    gas.check("bind 2", receipt)
    event = receipt.event("DataAttested")
    assert event["uid"] == "0x" + attested.uid.hex()
    assert event["commitments"] == attested.commitments
    assert [attested.usable(index)[0] for index in (0, 1)] == [5, 6]
    assert hub.call("attestationOf", attested.owner, attested.id, 6) == "0x" + attested.uid.hex()


def test_an_attestation_to_some_batches_is_none_to_others(attested, refused):
    """Nor is one that came before: what is registered later is attested later."""
    attested.hub.transact("bind", attested.id, attested.owner, attested.uid, [5, 6])
    attested.hub.transact("register", attested.id, 2, [7])
    with refused("NotAttested", commitment=7):
        attested.usable(2)
    attested.hub.transact("bind", attested.id, attested.owner, attested.attest(data=data_of(attested.id, [7])), [7])
    assert [attested.usable(index)[0] for index in (0, 1, 2)] == [5, 6, 7]


def test_the_owner_and_the_issuers_bind_an_attestation_and_nobody_else(attested, hub, keys, refused):
    """The attack: a stranger binds one that ends in an hour over one that does not, just before a round."""
    soon = attested.attest(expires=hub.chain.time + 3600)
    with refused("NotTheOwnerOrAnIssuer", account=hub.signing_as(keys.cleo).chain.address):
        hub.signing_as(keys.cleo).transact("bind", attested.id, attested.owner, soon, [5, 6])
    for key in (keys.ada, keys.dan, keys.eve):
        hub.signing_as(key).transact("bind", attested.id, attested.owner, attested.uid, [5, 6])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        (lambda it, keys: {"key": keys.cleo}, "attester"),
        (lambda it, keys: {"key": keys.ada}, "attester"),  # by the owner itself
        (lambda it, keys: {"recipient": it.issuers[1]}, "recipient"),
        (lambda it, keys: {"data": data_of(GRADES.id, [5, 6])}, "data"),
        (lambda it, keys: {"data": data_of(it.id, [5, 7])}, "data"),
        (lambda it, keys: {"data": data_of(it.id, [6, 5])}, "data"),
        (lambda it, keys: {"data": data_of(it.id, [5])}, "data"),
        (lambda it, keys: {"data": data_of(it.id, [5, 6])[:-32] + (3).to_bytes(32)}, "data"),
        (lambda it, keys: {"data": data_of(it.id, [5, 6]) + bytes(32)}, "data"),
        (lambda it, keys: {"data": b""}, "data"),
        (lambda it, keys: {"revocable": False}, "revocable"),
    ],
)
def test_an_attestation_of_somebody_or_something_else_is_refused(attested, keys, refused, changes, field):
    uid = attested.attest(**changes(attested, keys))
    with refused("WrongAttestation", uid="0x" + uid.hex(), field=field):
        attested.hub.transact("bind", attested.id, attested.owner, uid, [5, 6])


def test_an_attestation_under_another_schema_is_refused(attested, eas, refused):
    """Though its text is the same, and its resolver takes anything."""
    other = eas.register("bytes32 dataset,bytes32 commitments,uint32 rows")
    with refused("WrongAttestation", field="schema"):
        attested.hub.transact("bind", attested.id, attested.owner, attested.attest(schema=other), [5, 6])


def test_an_attestation_to_an_owner_is_none_for_who_copied_its_commitments(attested, hub, keys, refused):
    ben = hub.signing_as(keys.ben)
    ben.transact("register", attested.id, 0, attested.commitments)
    with refused("WrongAttestation", field="recipient"):
        ben.transact("bind", attested.id, ben.chain.address, attested.uid, [5, 6])
    with refused("NotAttested", owner=ben.chain.address):
        hub.call("usable", ben.chain.address, attested.id, 0)


def test_an_attestation_to_one_data_set_is_none_for_another(attested, hub, refused):
    """Of the same issuers: the attack is to have harmless rows attested, and to train on others."""
    others = DataTerms.of("other grades", Provenance(tuple(attested.issuers)))
    hub.transact("open", others.values)
    attested.hub.transact("register", others.id, 0, [8])
    with refused("WrongAttestation", field="data"):
        attested.hub.transact("bind", others.id, attested.owner, attested.uid, [5, 6])
    with refused("WrongAttestation", field="data"):
        attested.hub.transact("bind", others.id, attested.owner, attested.uid, [8])
    attested.hub.transact("bind", attested.id, attested.owner, attested.uid, [5, 6])
    with refused("NotAttested", commitment=8):
        hub.call("usable", attested.owner, others.id, 0)


def test_what_is_revoked_counts_no_more(attested, eas, keys, refused):
    eas.revoke(keys.dan, attested.schema, attested.uid)
    with refused("AttestationEnded", uid="0x" + attested.uid.hex()):
        attested.hub.transact("bind", attested.id, attested.owner, attested.uid, [5, 6])
    later = attested.attest(keys.eve)
    attested.hub.transact("bind", attested.id, attested.owner, later, [5, 6])
    eas.revoke(keys.eve, attested.schema, later)
    with refused("AttestationEnded", uid="0x" + later.hex()):
        attested.usable()
    attested.hub.transact("bind", attested.id, attested.owner, attested.attest(), [5, 6])
    assert attested.usable()[0] == 5


def test_what_has_expired_counts_no_more(attested, hub, node, refused):
    uid = attested.attest(expires=hub.chain.time + DAY)
    attested.hub.transact("bind", attested.id, attested.owner, uid, [5, 6])
    assert attested.usable()[0] == 5
    node.advance(DAY)
    with refused("AttestationEnded", uid="0x" + uid.hex()):
        attested.usable()
    with refused("AttestationEnded"):
        attested.hub.transact("bind", attested.id, attested.owner, uid, [5, 6])
    attested.hub.transact("bind", attested.id, attested.owner, attested.uid, [5, 6])
    assert attested.usable()[0] == 5


def test_an_attestation_that_there_is_not_is_refused(attested, refused):
    for uid in (NOTHING, b"\x01" * 32):
        with refused("UnknownAttestation", uid="0x" + uid.hex()):
            attested.hub.transact("bind", attested.id, attested.owner, uid, [5, 6])


# --- withdrawals ---


def test_data_are_withdrawn_for_good(hub, grades, keys, chain, refused, gas):
    ada, ben = hub.signing_as(keys.ada), hub.signing_as(keys.ben)
    ada.transact("register", grades, 0, [1])
    ben.transact("register", grades, 0, [1])
    receipt = ada.transact("withdraw", grades, False)
    gas.check("withdraw", receipt)
    assert receipt.event("DataWithdrawn")["owner"] == ada.chain.address
    withdrawn = chain.block
    assert hub.call("withdrawnAt", ada.chain.address, grades) == withdrawn
    for act in (lambda: ada.transact("register", grades, 1, [2]), lambda: ada.transact("withdraw", grades, False)):
        with refused("DataIsWithdrawn", owner=ada.chain.address, dataset="0x" + grades.hex(), since=withdrawn):
            act()
    with refused("DataIsWithdrawn", since=withdrawn):
        hub.call("usable", ada.chain.address, grades, 0)
    ada.transact("register", NEXT_YEAR.id, 0, [2])  # another data set
    assert hub.call("usable", ben.chain.address, grades, 0)[0] == 1  # another owner
    assert hub.call("commitmentOf", ada.chain.address, grades, 0) == 1  # what was used can still be audited


def test_a_withdrawal_may_be_extended_to_training_on_and_not_taken_back(hub, grades, keys, refused):
    ada = hub.signing_as(keys.ada)
    ada.transact("withdraw", grades, False)
    since = hub.call("withdrawnAt", ada.chain.address, grades)
    assert not hub.call("mayRetrainWithout", ada.chain.address, grades)
    assert ada.transact("withdraw", grades, True).event("DataWithdrawn")["retraining"]
    assert hub.call("mayRetrainWithout", ada.chain.address, grades)
    assert hub.call("withdrawnAt", ada.chain.address, grades) == since
    for retraining in (True, False):
        with refused("DataIsWithdrawn", since=since):
            ada.transact("withdraw", grades, retraining)
    ben = hub.signing_as(keys.ben)
    ben.transact("withdraw", grades, True)
    assert hub.call("mayRetrainWithout", ben.chain.address, grades)


def test_attested_data_are_withdrawn_like_others(attested, refused):
    attested.hub.transact("bind", attested.id, attested.owner, attested.uid, [5, 6])
    attested.hub.transact("withdraw", attested.id, False)
    attested.hub.transact("bind", attested.id, attested.owner, attested.uid, [5, 6])
    with refused("DataIsWithdrawn"):
        attested.usable()
