"""Certificates as attestations: HLRContract's state says what they say, and nobody else."""

import pytest
from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak
from support.attestations import Eas
from support.rounds_task import Task, statistics
from support.rounds_world import GRADES_OF_NEXT_YEAR, SPEC

ZERO = "0x" + "00" * 20
TYPES = ["uint256", "address", "bytes32", "uint64", "uint24", "bytes32", "uint32"]
TASK, HLR, SPEC_HASH, CERTIFICATE, NODES, WEIGHTS, BOUND = range(7)


@pytest.fixture(scope="module")
def resolver(world):
    return world.deployment.contract(world.chain, "CertificateResolver")


@pytest.fixture(scope="module")
def eas(world):
    return Eas(world.chain, world.deployment.eas)


@pytest.fixture
def schema(resolver, eas):
    uid = eas.register(resolver.call("SCHEMA"), resolver=resolver.address, revocable=False)
    assert resolver.call("SCHEMA_UID") == "0x" + uid.hex()
    return uid


@pytest.fixture
def attest(resolver, eas, schema, certified, keys):
    """By ada; each argument as it has to be unless it is given."""

    def attest(data=None, *, key=keys.ada, schema=schema, recipient=certified.hlr.address, **changes):
        data = bytes.fromhex(resolver.call("statementOf", certified.id)[2:]) if data is None else data
        return eas.attested(key, schema, recipient, data, **{"revocable": False, **changes})

    return attest


def said(resolver, task):
    return list(decode(TYPES, bytes.fromhex(resolver.call("statementOf", task.id)[2:])))


def test_a_statement_says_what_was_certified(resolver, certified):
    """In the order of the schema's words."""
    training, weights = certified.call("trainingOf"), certified.call("weightsOf")
    key, nodes, _ = certified.call("certificateOf")
    digest = keccak(encode(["int32[]"], [weights]))
    bound = training["gradientBound"]
    assert said(resolver, certified) == [certified.id, certified.hlr.address.lower(), SPEC, key, nodes, digest, bound]
    words = [word.split() for word in resolver.call("SCHEMA").split(",")]
    assert [kind for kind, _ in words] == TYPES


def test_anybody_attests_to_a_certificate(resolver, attest, certified, keys, gas):
    receipt = attest()
    gas.check("attest", receipt)
    uid = receipt.event("Attested")["uid"]
    event = receipt.event("CertificateAttested")
    ada = resolver.chain.signing_as(keys.ada).address
    assert (event["taskId"], event["uid"], event["attester"]) == (certified.id, uid, ada)
    assert resolver.call("attestationOf", certified.id) == uid
    attest(key=keys.dan)  # says the same: the first one stays
    assert resolver.call("attestationOf", certified.id) == uid


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (HLR, "0x" + "11" * 20),
        (SPEC_HASH, b"\x01" * 32),
        (CERTIFICATE, 2**32 + 1),
        (NODES, 100),
        (WEIGHTS, keccak(b"other weights")),
        (BOUND, 0),
    ],
)
def test_a_forged_statement_is_refused(resolver, attest, certified, refused, field, value):
    forged = said(resolver, certified)
    forged[field] = value
    with refused("WrongAttestation", field="data"):
        attest(encode(TYPES, forged))
    assert resolver.call("attestationOf", certified.id) == "0x" + bytes(32).hex()


def test_a_statement_of_another_length_is_refused(resolver, attest, certified, refused):
    true = bytes.fromhex(resolver.call("statementOf", certified.id)[2:])
    for data in (true + bytes(32), true[:-1], true[:32]):
        with refused("WrongAttestation", field="data"):
            attest(data)


def test_a_task_without_a_certificate_has_no_statement(resolver, attest, world, certified, refused):
    """One that runs, one that there is not, and no number at all."""
    running = Task(world, world.people.dan)
    true = said(resolver, certified)
    for number in (running.id, 10**6, 2**256 - 1):
        with refused("NotCertified", taskId=number):
            attest(encode(TYPES, [number, *true[1:]]))
    with refused("NotCertified", taskId=0):
        attest(b"")


def test_a_certificate_is_not_that_of_another_task(resolver, attest, world, certified, refused):
    other = Task(world, world.people.dan, config={"specHash": b"\x07" * 32})
    other.to_summed()
    other.certify(400)
    forged = [other.id, *said(resolver, certified)[1:]]
    with refused("WrongAttestation", field="data"):
        attest(encode(TYPES, forged))
    attest(encode(TYPES, said(resolver, other)))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"recipient": ZERO}, "recipient"),
        ({"expires": 2**63}, "expirationTime"),
    ],
)
def test_nothing_else_is_said_beside_it(attest, refused, changes, field):
    with refused("WrongAttestation", field=field):
        attest(**changes)


def test_an_attestation_refers_to_no_other(attest, refused):
    first = bytes.fromhex(attest().event("Attested")["uid"][2:])
    with refused("WrongAttestation", field="refUID"):
        attest(ref=first)


@pytest.mark.parametrize("revocable", [True, False])
def test_other_schemas_with_this_resolver_are_refused(resolver, eas, attest, refused, revocable):
    """The attack: the same contract vouches under words that mean something else, or for what is taken back later."""
    words = resolver.call("SCHEMA") if revocable else "bool approvedByTheMinistry"
    other = eas.register(words, resolver=resolver.address, revocable=revocable)
    with refused("WrongAttestation", field="schema"):
        attest(schema=other)


def test_an_attestation_to_a_certificate_is_not_revoked(resolver, eas, attest, schema, keys, refused):
    uid = bytes.fromhex(attest().event("Attested")["uid"][2:])
    with refused("Irrevocable"):
        eas.revoke(keys.ada, schema, uid)
    with refused("Irrevocable"):
        attest(revocable=True)
    saved = eas.contract.call("getAttestation", uid)
    assert resolver.call("revoke", saved, sender=eas.address) is False
    assert resolver.call("multiRevoke", [saved], [0], sender=eas.address) is False


def test_only_eas_reports_attestations(resolver, eas, attest, keys, refused):
    uid = bytes.fromhex(attest().event("Attested")["uid"][2:])
    saved, ada = eas.contract.call("getAttestation", uid), resolver.signing_as(keys.ada)
    for act in (("attest", saved), ("multiAttest", [saved], [0])):
        with refused("OnlyEAS", account=ada.chain.address):
            ada.transact(*act)
    assert resolver.call("attest", saved, sender=eas.address) is True


def test_several_are_reported_at_once(resolver, eas, attest, certified, refused):
    uid = bytes.fromhex(attest().event("Attested")["uid"][2:])
    saved = eas.contract.call("getAttestation", uid)
    assert resolver.call("multiAttest", [saved, saved], [0, 0], sender=eas.address) is True
    with refused("WrongAttestation", field="data"):
        resolver.call("multiAttest", [saved, {**saved, "data": saved["data"] + "00"}], [0, 0], sender=eas.address)


def test_no_ether_is_taken(attest, resolver, refused):
    assert resolver.call("isPayable") is False
    with refused("NotPayable"):
        attest(value=1)


@pytest.mark.slow
def test_a_certificate_stays_what_it_is_through_rounds_of_statistics(resolver, world, people, attest):
    """Each attempt after it has a model commitment of its own: the statement has the weights instead."""
    for number, name in enumerate(("ada", "ben", "cleo", "eve")):
        getattr(people, name).register(0, [80_000 + 10 * number], GRADES_OF_NEXT_YEAR.id)
    task = Task(world, people.dan, training=statistics(world))
    task.to_summed()
    task.certify()
    before = said(resolver, task)
    commitment = task.model
    task.to_summed()
    task.proceed()
    assert task.model != commitment
    assert said(resolver, task) == before
    attest(encode(TYPES, before))
