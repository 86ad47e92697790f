"""DataAccess: only who has registered data says where they are and who may have them, and only for its own."""

import pytest

from twopm_zk.chain import compile_contract

TERMS = (b"\x01" * 32, False, bytes(32), [])
MANIFEST, URI = b"\x07" * 32, "s3://a-bucket/folder"
PURPOSE, WRAPPED = "Check the rows of the study.", b"\x09" * 80
LATER = 1 << 40
ZERO = "0x" + "00" * 20


@pytest.fixture(scope="module")
def hub(chain):
    return chain.deploy(compile_contract("DataHub"), ZERO)


@pytest.fixture(scope="module")
def identity(chain):
    proofs = chain.deploy(compile_contract("PointProofs"))
    return chain.deploy(compile_contract("IdentityContract"), libraries={"PointProofs": proofs.address})


@pytest.fixture(scope="module")
def dataset(hub):
    return bytes.fromhex(hub.transact("open", TERMS).event("DatasetOpened")["dataset"][2:])


@pytest.fixture(scope="module")
def access(chain, hub, identity, dataset, keys):
    """Ada has registered data; Ben is a member with a key, Eve one without."""
    hub.signing_as(keys.ada).transact("register", dataset, 0, [5, 6])
    identity.signing_as(keys.ben).transact("join", "", b"\x05" * 32)
    identity.signing_as(keys.eve).transact("join", "", b"")
    return chain.deploy(compile_contract("DataAccess"), identity.address, hub.address)


@pytest.fixture
def ada(access, keys):
    return access.signing_as(keys.ada)


@pytest.fixture
def ben(access, keys):
    return access.signing_as(keys.ben).chain.address


@pytest.fixture
def stored(ada, dataset):
    ada.transact("store", dataset, 1, MANIFEST, URI)
    return ada


def grant(owner, dataset, member, *, version=1, until=LATER, purpose=PURPOSE, wrapped=WRAPPED):
    return owner.transact("grant", dataset, member, version, until, purpose, wrapped)


def test_an_owner_stores_versions_and_the_newest_is_kept(ada, dataset, gas):
    receipt = ada.transact("store", dataset, 1, MANIFEST, URI)
    gas.check("store, the first version", receipt)
    event = receipt.event("DataStored")
    assert (event["owner"], event["version"], event["uri"]) == (ada.chain.address, 1, URI)
    assert event["manifestHash"] == "0x" + MANIFEST.hex()
    gas.check("store, a later version", ada.transact("store", dataset, 2, b"\x08" * 32, URI))
    assert ada.call("storageOf", ada.chain.address, dataset) == {
        "version": 2,
        "since": ada.chain.block,
        "manifestHash": "0x" + "08" * 32,
        "uri": URI,
    }


def test_only_the_next_version_can_be_stored(ada, dataset, refused):
    for version in (0, 2, 2**64 - 1):
        with refused("WrongVersion", version=version, expected=1):
            ada.transact("store", dataset, version, MANIFEST, URI)
    ada.transact("store", dataset, 1, MANIFEST, URI)
    with refused("WrongVersion", version=1, expected=2):
        ada.transact("store", dataset, 1, MANIFEST, URI)


def test_who_has_registered_nothing_in_the_data_set_stores_nothing(access, ada, dataset, keys, refused):
    for who, what in ((access.signing_as(keys.ben), dataset), (ada, bytes(32))):
        with refused("NothingRegistered", owner=who.chain.address, dataset="0x" + what.hex()):
            who.transact("store", what, 1, MANIFEST, URI)


@pytest.mark.parametrize("length", [0, 257])
def test_texts_and_keys_have_a_length(stored, dataset, ben, refused, length):
    with refused("WrongLength", length=length, limit=256):
        stored.transact("store", dataset, 2, MANIFEST, "x" * length)
    for more in ({"purpose": "x" * length}, {"wrapped": b"x" * length}):
        with refused("WrongLength", length=length, limit=256):
            grant(stored, dataset, ben, **more)


def test_the_longest_texts_and_keys_fit(ada, dataset, ben):
    ada.transact("store", dataset, 1, MANIFEST, "x" * 256)
    grant(ada, dataset, ben, purpose="x" * 256, wrapped=b"x" * 256)


def test_a_member_is_granted_access_until_a_time_and_for_a_purpose(stored, dataset, ben, gas):
    receipt = grant(stored, dataset, ben)
    gas.check("grant", receipt)
    event = receipt.event("AccessGranted")
    assert (event["member"], event["purpose"], event["until"]) == (ben, PURPOSE, LATER)
    assert event["wrappedKey"] == "0x" + WRAPPED.hex()
    assert stored.call("accessOf", stored.chain.address, dataset, ben) == {
        "version": 1,
        "until": LATER,
        "granted": stored.chain.block,
        "revoked": 0,
    }
    assert stored.call("mayRead", stored.chain.address, dataset, ben)
    gas.check("grant again", grant(stored, dataset, ben, until=LATER + 1))


def test_access_is_granted_to_members_with_a_key_alone(stored, dataset, chain, keys, access, refused):
    for member in (access.signing_as(keys.eve).chain.address, chain.address):
        with refused("MemberWithoutKey", member=member):
            grant(stored, dataset, member)


def test_access_is_to_the_newest_version(ada, dataset, ben, refused):
    with refused("WrongVersion", version=0, expected=0):
        grant(ada, dataset, ben, version=0)
    with refused("WrongVersion", version=1, expected=0):
        grant(ada, dataset, ben)
    ada.transact("store", dataset, 1, MANIFEST, URI)
    ada.transact("store", dataset, 2, MANIFEST, URI)
    with refused("WrongVersion", version=1, expected=2):
        grant(ada, dataset, ben)
    grant(ada, dataset, ben, version=2)


def test_nobody_grants_or_revokes_what_is_anothers(stored, dataset, access, keys, ben, refused):
    grant(stored, dataset, ben)
    other = access.signing_as(keys.ben)
    with refused("WrongVersion", version=1, expected=0):
        grant(other, dataset, ben)
    with refused("NoAccess", owner=ben, member=ben):
        other.transact("revoke", dataset, ben)
    assert access.call("mayRead", stored.chain.address, dataset, ben)
    assert not access.call("mayRead", ben, dataset, ben)


def test_access_ends_at_its_time(stored, dataset, ben, node, refused):
    now = stored.chain.header(stored.chain.block).time
    with refused("AlreadyOver", until=now):
        grant(stored, dataset, ben, until=now)
    until = now + 10_000
    grant(stored, dataset, ben, until=until)
    for moment, may in ((until - 1, True), (until, False)):
        node.rpc("evm_setNextBlockTimestamp", moment)
        node.rpc("evm_mine")
        assert stored.call("mayRead", stored.chain.address, dataset, ben) is may


def test_what_is_revoked_is_over_until_it_is_granted_again(stored, dataset, ben, refused, gas):
    with refused("NoAccess", owner=stored.chain.address, member=ben):
        stored.transact("revoke", dataset, ben)
    grant(stored, dataset, ben)
    receipt = stored.transact("revoke", dataset, ben)
    gas.check("revoke", receipt)
    assert receipt.event("AccessRevoked")["member"] == ben
    assert not stored.call("mayRead", stored.chain.address, dataset, ben)
    assert stored.call("accessOf", stored.chain.address, dataset, ben)["revoked"] == stored.chain.block
    with refused("NoAccess", owner=stored.chain.address, member=ben):
        stored.transact("revoke", dataset, ben)
    grant(stored, dataset, ben)
    assert stored.call("mayRead", stored.chain.address, dataset, ben)


def test_data_that_were_withdrawn_are_granted_to_nobody_and_stay_their_owners(stored, dataset, ben, hub, keys, refused):
    grant(stored, dataset, ben)
    hub.signing_as(keys.ada).transact("withdraw", dataset, False)
    assert not stored.call("mayRead", stored.chain.address, dataset, ben)
    with refused("DataIsWithdrawn", owner=stored.chain.address):
        grant(stored, dataset, ben)
    stored.transact("store", dataset, 2, MANIFEST, URI)
    stored.transact("revoke", dataset, ben)
