import pytest

from twopm_zk.chain import compile_contract

KEY = b"\x05" * 32


@pytest.fixture(scope="module")
def identity(chain):
    proofs = chain.deploy(compile_contract("PointProofs"))
    return chain.deploy(compile_contract("IdentityContract"), libraries={"PointProofs": proofs.address})


def test_a_member_joins_updates_and_leaves(identity, keys, gas):
    ada = identity.signing_as(keys.ada)
    gas.check("join", ada.transact("join", "https://ada.example", KEY))
    since = ada.call("memberSince", ada.chain.address)
    assert since == ada.chain.block
    assert ada.call("isMember", ada.chain.address)
    receipt = ada.transact("update", "https://ada.example/2", KEY[:16])
    assert receipt.event("Updated")["publicKey"] == "0x" + "05" * 16
    assert ada.call("memberOf", ada.chain.address) == {
        "since": since,
        "endpoint": "https://ada.example/2",
        "publicKey": "0x" + "05" * 16,
    }
    gas.check("leave", ada.transact("leave"))
    assert ada.call("memberSince", ada.chain.address) == 0
    assert ada.call("memberOf", ada.chain.address)["endpoint"] == ""


def test_leaving_and_joining_again_lists_a_node_once(identity, keys):
    ada, ben = identity.signing_as(keys.ada), identity.signing_as(keys.ben)
    ada.transact("join", "a", KEY)
    ben.transact("join", "b", KEY)
    first = identity.call("memberSince", ada.chain.address)
    for _ in range(2):
        ada.transact("leave")
        ada.transact("join", "a", KEY)
    assert sorted(identity.call("members", 0, 10)) == sorted([ada.chain.address, ben.chain.address])
    assert identity.call("memberCount") == 2
    assert identity.call("memberSince", ada.chain.address) > first


def test_nobody_joins_twice_or_acts_without_joining(identity, keys, refused):
    ada = identity.signing_as(keys.ada)
    for act in (("update", "", b""), ("leave",)):
        with refused("NotAMember", account=ada.chain.address):
            ada.transact(*act)
    ada.transact("join", "", b"")
    with refused("AlreadyMember", member=ada.chain.address):
        ada.transact("join", "", b"")


@pytest.mark.parametrize(("endpoint", "key"), [(257, 0), (0, 257)])
def test_long_entries_are_refused_and_the_longest_fit(identity, keys, refused, endpoint, key):
    ada = identity.signing_as(keys.ada)
    with refused("TooLong", length=257, limit=256):
        ada.transact("join", "x" * endpoint, b"x" * key)
    ada.transact("join", "x" * 256, b"x" * 256)


def test_pages_of_members_never_fail(identity, node, chain):
    addresses = []
    for key in node.private_keys[:5]:
        member = identity.signing_as(key)
        member.transact("join", "", b"")
        addresses.append(member.chain.address)
    assert identity.call("members", 0, 2) + identity.call("members", 2, 2) + identity.call("members", 4, 2) == addresses
    assert identity.call("members", 5, 1) == []
    assert identity.call("members", 2**256 - 1, 2**256 - 1) == []
    assert identity.call("members", 1, 2**256 - 1) == addresses[1:]


def test_the_cost_of_a_page_does_not_grow_with_past_members(identity, node, chain):
    private = node.private_keys
    identity.signing_as(private[0]).transact("join", "", b"")

    def page_gas():
        data = identity.encode("members", 0, 10)
        return chain.web3.eth.estimate_gas({"to": identity.address, "data": data})

    before = page_gas()
    for key in private[1:8]:
        identity.signing_as(key).transact("join", "", b"")
    for key in private[1:8]:
        identity.signing_as(key).transact("leave")
    assert abs(page_gas() - before) < 100
