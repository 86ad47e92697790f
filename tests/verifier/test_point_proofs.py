"""PointProofs.sol, and the keys of IdentityContract, against the same in plain integers."""

import pytest
from support.curve_points import SMALL
from support.sharing import Key, commit, flattened, generators

from twopm_zk.chain import compile_contract
from twopm_zk.numbers.baby_jubjub import IDENTITY, SUBGROUP_ORDER, add, multiply, negate

POINTS = generators(4)


@pytest.fixture(scope="module")
def proofs(chain):
    return chain.deploy(compile_contract("PointProofs"))


@pytest.fixture(scope="module")
def identity(chain, proofs):
    return chain.deploy(compile_contract("IdentityContract"), libraries={"PointProofs": proofs.address})


@pytest.fixture
def ada(identity, keys):
    member = identity.signing_as(keys.ada)
    member.transact("join", "", b"")
    return member


def point_of(value):
    return value["x"], value["y"]


@pytest.mark.parametrize(
    "scalars",
    [
        [0, 0, 0, 0],
        [1, 0, 0, 0],
        [0, 0, 0, SUBGROUP_ORDER - 1],
        [SUBGROUP_ORDER, SUBGROUP_ORDER + 5, 2**256 - 1, 2**255],
        [15, 16, 2**252 - 1, 0xF0F0F0F0],
        [12345678901234567890**k for k in range(1, 5)],
    ],
)
def test_the_chain_commits_as_the_twin_does(proofs, scalars):
    assert point_of(proofs.call("commit", scalars, flattened(POINTS))) == commit(scalars, POINTS)


def test_nothing_is_committed_to_as_the_identity(proofs):
    assert point_of(proofs.call("commit", [], [])) == IDENTITY


def test_generators_of_any_order_and_the_same_ones_twice_are_added_without_exception(proofs):
    small = SMALL[1]
    points = [small, small, negate(POINTS[0]), POINTS[0]]
    assert point_of(proofs.call("commit", [3, 5, 7, 7], flattened(points))) == IDENTITY
    assert point_of(proofs.call("commit", [1, 2, 3, 4], flattened(points))) == add(multiply(small, 3), POINTS[0])


@pytest.mark.parametrize("count", [3, 5])
def test_scalars_and_generators_that_do_not_match_are_refused(proofs, refused, count):
    with refused("WrongNumberOfGenerators", coordinates=8, scalars=count):
        proofs.call("commit", [1] * count, flattened(POINTS))


# --- lasting keys ---


def test_a_member_sets_and_replaces_its_key_and_leaving_deletes_it(identity, ada, gas):
    address = ada.chain.address
    assert int(identity.call("aggregationKeyOf", address), 16) == 0
    hashes = set()
    for name in ("setAggregationKey, first", "setAggregationKey, again"):
        key = Key()
        proof = key.possession(identity.address, ada.chain.chain_id, address)
        receipt = ada.transact("setAggregationKey", *key.posted, *proof)
        event = receipt.event("AggregationKeySet")
        assert (event["member"], event["x"], event["y"]) == (address, *key.posted)
        assert (event["challenge"], event["response"]) == proof
        hashes.add(identity.call("aggregationKeyOf", address))
        gas.check(name, receipt, at_most=350_000, tolerance=8_000)  # additions depend on the digits of the scalars
    assert len(hashes) == 2
    ada.transact("leave")
    assert int(identity.call("aggregationKeyOf", address), 16) == 0


def test_only_members_set_keys(identity, keys, refused):
    ben = identity.signing_as(keys.ben)
    key = Key()
    with refused("NotAMember", account=ben.chain.address):
        ben.transact("setAggregationKey", *key.posted, *key.possession(identity.address, 31337, ben.chain.address))


def test_another_ones_key_or_a_multiple_of_it_is_refused(identity, ada, keys, refused):
    """A copied key would cancel masks, and a related one would make its owner's victims reveal those of others."""
    key = Key()
    bens = key.possession(identity.address, 31337, identity.signing_as(keys.ben).chain.address)
    with refused("NotInPossession", account=ada.chain.address):
        ada.transact("setAggregationKey", *key.posted, *bens)
    with refused("NotInPossession"):
        ada.transact("setAggregationKey", *multiply(key.posted, 12345), *bens)


def test_a_proof_for_another_contract_or_chain_or_key_is_refused(identity, ada, refused):
    key, other, address = Key(), Key(), ada.chain.address
    wrong = [
        key.possession(address, 31337, address),
        key.possession(identity.address, 1, address),
        other.possession(identity.address, 31337, address),
        (0, 0),
    ]
    challenge, response = key.possession(identity.address, 31337, address)
    wrong += [(challenge, response + 1), (challenge + SUBGROUP_ORDER, response)]
    for proof in wrong:
        with refused("NotInPossession", x=key.posted.x, y=key.posted.y):
            ada.transact("setAggregationKey", *key.posted, *proof)
    ada.transact("setAggregationKey", *key.posted, challenge, response)


@pytest.mark.parametrize("k", range(8))
def test_a_lasting_key_of_small_order_is_refused(ada, refused, k):
    x, y = multiply(SMALL[1], k)
    with refused("SmallOrder", x=x, y=y):
        ada.transact("setAggregationKey", x, y, 1, 1)


def test_a_lasting_key_off_the_curve_is_refused(ada, refused):
    with refused("NotOnCurve", x=1, y=2):
        ada.transact("setAggregationKey", 1, 2, 1, 1)


def test_a_key_with_a_part_of_small_order_counts_without_it(identity, ada):
    """What is posted is multiplied by 8, so that the proof is about a point of the right order."""
    key = Key()
    key.posted = add(key.posted, SMALL[1])
    proof = key.possession(identity.address, ada.chain.chain_id, ada.chain.address)
    ada.transact("setAggregationKey", *key.posted, *proof)
