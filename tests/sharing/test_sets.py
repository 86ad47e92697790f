"""The set's digest, as the contract makes it, and what it depends on."""

from dataclasses import replace

import pytest
from eth_utils.crypto import keccak
from support.sharing_model import IDENTITY_CONTRACT, address_of, play

from twopm_zk.errors import InputError
from twopm_zk.numbers.baby_jubjub import Point, hash_to_point
from twopm_zk.sharing import Departure, Member, Place, SecretKey, SharingSet

PLACE = Place(chain_id=31337, contract=address_of(0xC0), task=7, round=3, attempt=2, identity=IDENTITY_CONTRACT)
BLOCK = bytes(range(32))


def member(number, point="a point"):
    lasting, round_key = SecretKey(number), SecretKey(number + 1000)
    account = address_of(number)
    return Member(account, lasting.posted, round_key.posted, hash_to_point(point))


def words(*values):
    """`abi.encode` by hand: every value takes 32 bytes."""
    return b"".join(value if isinstance(value, bytes) else value.to_bytes(32, "big") for value in values)


def test_digest_is_the_chain_of_hashes_that_the_contract_makes():
    one, other = member(16), member(17, "another")
    found = SharingSet.closed(PLACE, BLOCK)
    digest = keccak(words(31337, 0xC0, 7, 3, 2, BLOCK))
    assert found.digest == digest
    leaves = []
    for ready in (one, other, member(18)):
        found = found.with_ready(ready)
        lasting = keccak(words(*ready.lasting.eighth))
        leaves.append(keccak(words(int(ready.address, 16), lasting, *ready.round_key.eighth, *ready.point)))
        assert found.digest == digest
    found = found.without(address_of(18), Departure.WITHDREW)
    digest = keccak(words(digest, 18, 2))
    assert found.digest == digest
    found = found.begun()
    digest = keccak(words(digest, 3, keccak(keccak(leaves[0] + leaves[1]) + leaves[2])))
    assert found.digest == digest
    left = found.without(one.address, Departure.SILENT)
    assert left.digest == keccak(words(digest, 16, 0))
    anew = left.next_share_attempt()
    assert anew.digest == keccak(words(left.digest, 1))
    assert anew.next_share_attempt().digest == keccak(words(anew.digest, 2))
    assert anew.earlier[-2:] == (found.digest, left.digest)
    assert anew.addresses == (other.address,)
    assert anew.departed == ((address_of(18), Departure.WITHDREW), (one.address, Departure.SILENT))
    assert (anew.size, anew.seats, anew.gone) == (1, 3, {0, 2})


@pytest.mark.parametrize("name", ["chain_id", "contract", "task", "round", "attempt"])
def test_every_part_of_the_place_changes_the_digest(name):
    value = address_of(1) if name == "contract" else getattr(PLACE, name) + 1
    assert SharingSet.closed(replace(PLACE, **{name: value}), BLOCK).digest != SharingSet.closed(PLACE, BLOCK).digest
    assert SharingSet.closed(PLACE, bytes(32)).digest != SharingSet.closed(PLACE, BLOCK).digest


def test_every_part_of_a_member_and_the_order_change_the_digest():
    start, one, other = SharingSet.closed(PLACE, BLOCK), member(16), member(17)
    changed = [
        one,
        replace(one, address=address_of(18)),
        replace(one, lasting=other.lasting),
        replace(one, round_key=other.round_key),
        replace(one, commitment=hash_to_point("another")),
    ]
    digests = {start.with_ready(each).begun().digest for each in changed}
    both = start.with_ready(one).with_ready(other), start.with_ready(other).with_ready(one)
    digests |= {each.begun().digest for each in both}
    assert len(digests) == 7


def test_a_node_is_ready_once_however_its_address_is_written_and_never_after_it_left():
    found = SharingSet.closed(PLACE, BLOCK).with_ready(member(0xAB))
    again = replace(member(0xAB), address=address_of(0xAB).replace("ab", "AB"))
    assert again.address in found
    for there in (found, found.without(again.address, Departure.WITHDREW)):
        with pytest.raises(InputError, match="ready before"):
            there.with_ready(again)
    with pytest.raises(InputError, match="not in the set"):
        found.without(address_of(5), Departure.LIED)


def test_a_point_off_the_curve_is_no_members():
    with pytest.raises(InputError, match="no point"):
        replace(member(16), commitment=Point(1, 0))


def test_contributions_are_the_same_in_any_order_and_on_any_fork():
    one, other = member(16), member(17)
    first = SharingSet.closed(PLACE, BLOCK).with_ready(one).with_ready(other)
    second = SharingSet.closed(PLACE, bytes(32)).with_ready(other).with_ready(one)
    assert first.digest != second.digest
    assert first.contributions == second.contributions
    first, second = first.begun(), second.begun()
    assert first.digest != second.digest
    assert first.contributions == second.contributions
    third = first.without(other.address, Departure.SILENT)
    fourth = SharingSet.closed(PLACE, BLOCK).with_ready(one).with_ready(member(17, "another"))
    assert len({each.contributions for each in (first, third, fourth)}) == 3


def test_a_game_of_the_model_has_the_digest_of_its_members_alone():
    game, _ = play(3)
    again = SharingSet.closed(game.place, bytes(32))
    for each in game.set.members:
        again = again.with_ready(each)
    assert again.begun().digest == game.set.digest
