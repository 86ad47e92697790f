import pytest

from twopm_zk.chain import compile_contract
from twopm_zk.numbers.field import FIELD_ORDER

SET = b"hospital".ljust(32, b"\0")
ZERO = "0x" + "00" * 20


@pytest.fixture(scope="module")
def hub(chain):
    return chain.deploy(compile_contract("DataHub"))


def test_a_commitment_has_an_owner_a_place_and_a_time(hub, keys, gas):
    ada = hub.signing_as(keys.ada)
    receipt = ada.transact("register", SET, 3, 12345)
    gas.check("register", receipt)
    assert receipt.event("Registered")["commitment"] == 12345
    assert hub.call("commitmentOf", ada.chain.address, SET, 3) == 12345
    assert hub.call("ownerOf", 12345) == ada.chain.address
    assert hub.call("registeredAt", 12345) == ada.chain.block
    assert hub.call("lookUp", ada.chain.address, SET, 3) == (12345, ada.chain.block)


def test_what_nobody_registered_is_nothing(hub, chain):
    assert hub.call("commitmentOf", chain.address, SET, 0) == 0
    assert hub.call("ownerOf", 1) == ZERO
    assert hub.call("registeredAt", 1) == 0
    assert hub.call("lookUp", chain.address, SET, 0) == (0, 0)


def test_a_commitment_is_never_rewritten(hub, keys, refused):
    ada = hub.signing_as(keys.ada)
    ada.transact("register", SET, 0, 1)
    with refused("PlaceTaken", owner=ada.chain.address, index=0, commitment=1):
        ada.transact("register", SET, 0, 2)
    assert hub.call("commitmentOf", ada.chain.address, SET, 0) == 1


def test_a_commitment_is_unique_over_all_owners_sets_and_indices(hub, keys, refused):
    ada, ben = hub.signing_as(keys.ada), hub.signing_as(keys.ben)
    ada.transact("register", SET, 0, 1)
    for act in ((ben, SET, 0), (ben, b"other".ljust(32, b"\0"), 7), (ada, SET, 1)):
        with refused("AlreadyRegistered", commitment=1, owner=ada.chain.address):
            act[0].transact("register", *act[1:], 1)
    ben.transact("register", SET, 0, 2)


@pytest.mark.parametrize("value", [0, FIELD_ORDER, 2**256 - 1])
def test_only_field_elements_other_than_zero_are_registered(hub, refused, value):
    with refused("InvalidCommitment", commitment=value):
        hub.transact("register", SET, 0, value)


def test_the_largest_field_element_can_be_registered(hub):
    hub.transact("register", SET, 2**256 - 1, FIELD_ORDER - 1)
    assert hub.call("ownerOf", FIELD_ORDER - 1) == hub.chain.address


def test_many_are_registered_at_once_or_none(hub, chain, refused, gas):
    gas.check("registerMany 8", hub.transact("registerMany", SET, 10, list(range(1, 9))))
    assert [hub.call("commitmentOf", chain.address, SET, 10 + i) for i in range(8)] == list(range(1, 9))
    assert [event["index"] for event in hub.events("Registered", owner=chain.address)] == list(range(10, 18))
    with refused("AlreadyRegistered", commitment=8):
        hub.transact("registerMany", SET, 20, [100, 101, 8])
    assert hub.call("ownerOf", 100) == ZERO
