"""Keys on Baby Jubjub: what may be posted, what counts of it, and proofs of possession."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sharing_model import address_of, owner

from twopm_zk.errors import InputError, RangeError
from twopm_zk.numbers.baby_jubjub import (
    BASE,
    COFACTOR,
    FIELD_ORDER,
    IDENTITY,
    SUBGROUP_ORDER,
    Point,
    add,
    in_subgroup,
    is_on_curve,
    multiply,
)
from twopm_zk.sharing import AggregationKey, KeyOwner, PostedKey, SecretKey

# https://eips.ethereum.org/EIPS/eip-2494: its order is that of the whole group
GENERATOR = Point(
    995203441582195749578291179787384436505546430278305826713579947235728471134,
    5472060717959818805561601436314318772137091100104008585924551046643952123905,
)
SMALL = [multiply(multiply(GENERATOR, SUBGROUP_ORDER), k) for k in range(8)]
KEY = SecretKey(987654321987654321)
MINE = owner(address_of(16))
secrets = st.builds(SecretKey, st.integers(1, SUBGROUP_ORDER - 1))


@settings(max_examples=10)
@given(secrets)
def test_eight_times_what_is_posted_is_the_key_of_the_secret(secret):
    assert secret.posted.point == secret.point == multiply(BASE, secret.scalar)
    assert secret.posted.eighth != secret.point


@settings(max_examples=10)
@given(secrets, secrets)
def test_two_keys_have_one_point_in_common_whoever_computes_it(one, other):
    assert one.shared_with(other.posted) == other.shared_with(one.posted)


def test_the_eight_points_of_small_order_are_no_keys_and_all_others_are():
    assert len(set(SMALL)) == COFACTOR
    for point in SMALL:
        assert is_on_curve(point)
        # by these the contract knows them without a multiplication
        assert point.x == 0 or point.y == 0 or (168700 * point.x**2 - point.y**2) % FIELD_ORDER == 0
        with pytest.raises(InputError, match="small order"):
            PostedKey.parse(*point)
    for point in SMALL:
        key = PostedKey.parse(*add(KEY.posted.eighth, point))
        assert in_subgroup(key.point)
        assert key.point == KEY.point


@pytest.mark.parametrize("point", [(1, 0), (0, 0), (BASE.x, BASE.y + FIELD_ORDER), (BASE.x + FIELD_ORDER, BASE.y)])
def test_a_point_off_the_curve_or_not_reduced_is_no_key(point):
    with pytest.raises(InputError, match="no point"):
        PostedKey.parse(*point)


def test_a_lasting_key_is_read_from_exactly_four_numbers_of_256_bits():
    numbers = KEY.aggregation_key(MINE).numbers
    assert AggregationKey.parse(*numbers) == KEY.aggregation_key(MINE)
    assert AggregationKey.parse(*numbers[:2], 2**256 - 1, 0).response == 0  # the contract takes what is no proof
    for wrong in (numbers[:3], (*numbers, 0), (*numbers[:3], 2**256), (*numbers[:3], -1)):
        with pytest.raises(InputError, match="four numbers"):
            AggregationKey.parse(*wrong)


@settings(max_examples=10)
@given(secrets)
def test_a_proof_of_possession_holds_for_its_owner(secret):
    assert secret.aggregation_key(MINE).is_proven(MINE)


@pytest.mark.parametrize(
    "other",
    [
        KeyOwner(MINE.identity, MINE.chain_id, address_of(17)),
        KeyOwner(MINE.identity, MINE.chain_id + 1, MINE.account),
        KeyOwner(address_of(5), MINE.chain_id, MINE.account),
    ],
)
def test_a_proof_of_possession_holds_for_no_other_account_chain_or_contract(other):
    assert not KEY.aggregation_key(MINE).is_proven(other)


def test_a_changed_proof_or_key_is_not_proven():
    key = KEY.aggregation_key(MINE)
    assert not AggregationKey(key.eighth, key.challenge + 1, key.response).is_proven(MINE)
    assert not AggregationKey(key.eighth, key.challenge, key.response + 1).is_proven(MINE)
    assert not AggregationKey(key.eighth, key.challenge + SUBGROUP_ORDER, key.response).is_proven(MINE)
    assert not AggregationKey(multiply(key.eighth, 2), key.challenge, key.response).is_proven(MINE)
    # of the same key that counts, posted as another point
    assert not AggregationKey(add(key.eighth, SMALL[4]), key.challenge, key.response).is_proven(MINE)
    assert not AggregationKey(key.eighth, 0, 0).is_proven(MINE)


def test_a_proof_takes_another_nonce_for_everything_that_it_says():
    keys = [KEY.aggregation_key(owner(address_of(number))) for number in (16, 17)]
    nonces = {(key.response - key.challenge * KEY.scalar) % SUBGROUP_ORDER for key in keys}
    other = SecretKey(5).aggregation_key(MINE)
    nonces.add((other.response - other.challenge * 5) % SUBGROUP_ORDER)
    assert len(nonces) == 3
    assert KEY.aggregation_key(MINE) == KEY.aggregation_key(MINE)  # never two for one statement either


@pytest.mark.parametrize("scalar", [0, SUBGROUP_ORDER, -1])
def test_a_secret_outside_its_range_is_refused_without_being_shown(scalar):
    with pytest.raises(RangeError) as error:
        SecretKey(scalar)
    assert str(scalar) not in str(error.value).split()


def test_drawn_secrets_differ_and_show_nothing():
    drawn = [SecretKey.drawn() for _ in range(4)]
    assert len({secret.scalar for secret in drawn}) == 4
    assert not any(str(secret.scalar) in f"{secret!r} {secret}" for secret in drawn)
    assert IDENTITY not in {secret.point for secret in drawn}
