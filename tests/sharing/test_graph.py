"""Who masks with whom: how far that reaches, that honest nodes hold together, and what trying many digests gains."""

from dataclasses import replace
from itertools import pairwise
from math import log, log1p

import pytest
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sharing_model import IDENTITY_CONTRACT, address_of

from twopm_zk.errors import InputError
from twopm_zk.numbers.baby_jubjub import BASE
from twopm_zk.sharing import Departure, Member, Place, SecretKey, SharingSet, graph

LARGEST_WHOLE = 158
digests = st.binary(min_size=32, max_size=32)


def digest_of(number):
    return keccak(number.to_bytes(8, "big"))


def falls_apart(digest, nodes, honest):
    """Whether the graph among honest seats has several parts: two gaps of the ring that are too long for a mask."""
    return has_parts([graph.position(digest, seat) for seat in honest], graph.reach(nodes))


def has_parts(positions, most):
    ring = sorted(positions)
    gaps = [after - before for before, after in pairwise(ring)] + [ring[0] + graph.RING - ring[-1]]
    return sum(gap > most for gap in gaps) >= 2


def failure_bits(nodes, honest):
    """The bound on the probability for one digest, as a power of one half."""
    near = 2 * graph.reach(nodes) / graph.RING
    if near >= 1:
        return float("inf")
    return -(log(honest * (honest - 1) / 2) + (honest - 1) * log1p(-near)) / log(2)


@pytest.mark.parametrize("nodes", [0, 1, 2, 3, 64, 65, LARGEST_WHOLE])
def test_in_small_sets_all_are_neighbours(nodes):
    assert graph.is_whole(nodes)
    for seat in range(0, nodes, 13):
        assert graph.neighbour_seats(bytes(32), nodes, nodes, seat) == frozenset(range(nodes)) - {seat}


def test_beyond_that_they_are_some():
    assert not graph.is_whole(LARGEST_WHOLE + 1)
    assert all(not graph.is_whole(nodes) for nodes in range(LARGEST_WHOLE + 1, 3000))


@pytest.mark.parametrize("nodes", [*range(LARGEST_WHOLE + 1, 600), 1000, 1023, 1025, 4096, 10_000, 10**5, 2**20])
def test_half_of_a_set_falls_apart_for_one_digest_in_2_to_the_100_at_most(nodes):
    """The bound of the docstring, for half of the set and for all larger parts of it."""
    half = (nodes + 1) // 2
    assert failure_bits(nodes, half) >= graph.FAILURE_BITS
    assert all(failure_bits(nodes, honest) >= graph.FAILURE_BITS for honest in (half + 1, 2 * nodes // 3, nodes))
    assert graph.FAILURE_BITS - 60 == 40  # what is left to who tries 2^60 digests


@pytest.mark.parametrize("nodes", [LARGEST_WHOLE + 1, 1000, 10_000, 10**5, 2**20])
def test_neighbours_are_about_as_many_whatever_the_size_of_the_set(nodes):
    expected = 2 * graph.reach(nodes) / graph.RING * (nodes - 1)
    assert 155 < expected < 210
    if nodes <= 10_000:
        found = [len(graph.neighbour_seats(digest_of(7), nodes, nodes, seat)) for seat in range(0, nodes, nodes // 20)]
        assert 0.85 * expected < sum(found) / len(found) < 1.15 * expected


@settings(max_examples=40)
@given(digests, st.integers(2, 400), st.data())
def test_neighbours_are_each_others_and_nobody_is_its_own(digest, nodes, data):
    seats = nodes + data.draw(st.integers(0, 20))
    one, other = (data.draw(st.integers(0, seats - 1)) for _ in range(2))
    near = graph.are_neighbours(digest, nodes, one, other)
    assert near == graph.are_neighbours(digest, nodes, other, one)
    assert near == (other in graph.neighbour_seats(digest, nodes, seats, one))
    assert near or one == other or not graph.is_whole(nodes)
    assert one not in graph.neighbour_seats(digest, nodes, seats, one)


def test_the_graph_is_another_one_for_each_digest():
    found = {graph.neighbour_seats(digest_of(number), 1000, 1000, 5) for number in range(20)}
    assert len(found) == 20


@pytest.fixture
def weak(monkeypatch):
    """Few neighbours, as they would do if nobody tried more than a few digests."""
    monkeypatch.setattr(graph, "FAILURE_BITS", 6)


@pytest.mark.slow
def test_which_seats_colluders_take_does_not_matter(weak):
    tried, nodes = 4000, 200
    choices = (range(100), range(0, nodes, 2), [*range(50), *range(150, nodes)])
    found = [0] * len(choices)
    for number in range(tried):
        at = graph.positions(digest_of(number), nodes)
        for index, honest in enumerate(choices):
            found[index] += has_parts([at[seat] for seat in honest], graph.reach(nodes))
    for count in found:
        assert 0 < count / tried <= 2.0**-graph.FAILURE_BITS * 1.25  # not far below the bound, and hardly above it


def test_who_comes_last_and_tries_many_keys_finds_a_graph_that_falls_apart_where_neighbours_are_few(weak):
    assert any(falls_apart(last_digest(key), 200, range(100)) for key in range(2000))


@pytest.mark.slow
def test_who_comes_last_and_tries_many_keys_finds_no_graph_that_falls_apart():
    assert not graph.is_whole(200)
    assert not any(falls_apart(last_digest(key), 200, range(100)) for key in range(2000))


def last_digest(key):
    """Of a set whose last node tries one key of the round after the other."""
    place = Place(chain_id=1, contract=address_of(3), task=1, round=0, attempt=0, identity=IDENTITY_CONTRACT)
    secret = _keys(key)
    member = Member(address_of(9), secret, secret, BASE)
    return SharingSet.closed(place, bytes(32)).with_ready(member).begun().digest


_POSTED = {}


def _keys(number):
    if number not in _POSTED:
        _POSTED[number] = SecretKey(number + 1).posted
    return _POSTED[number]


# --- sets ---


def large_set(count, *, digest=bytes(32)):
    """A set in which sharing has begun; everybody has the same keys, which nothing here looks at."""
    place = Place(chain_id=1, contract=address_of(3), task=1, round=0, attempt=0, identity=IDENTITY_CONTRACT)
    one = Member(address_of(1), _keys(1), _keys(2), BASE)
    members = tuple(replace(one, address=address_of(1000 + seat), seat=seat) for seat in range(count))
    return SharingSet(place, digest, members=members, seats=count, started=True)


@pytest.mark.parametrize("count", [64, 65])
def test_sets_of_64_and_65_nodes_mask_all_with_all(count):
    found = large_set(count)
    assert all(len(found.neighbours(address)) == count - 1 for address in found.addresses)


def test_members_of_a_large_set_have_masks_with_some_and_both_of_a_pair_agree():
    found = large_set(300)
    neighbours = {address: {m.address for m in found.neighbours(address)} for address in found.addresses[:40]}
    for one, near in neighbours.items():
        assert 100 < len(near) < 220
        assert all(one in neighbours[other] for other in near & set(neighbours))
        assert all(found.are_neighbours(one, other) == (other in near) for other in found.addresses if other != one)


def test_who_has_left_is_nobodys_neighbour_and_the_others_have_a_new_graph():
    found = large_set(300)
    me = found.addresses[0]
    gone = found.neighbours(me)[3]
    left = found.without(gone.address, Departure.WITHDREW)
    assert left.size == 299
    assert gone.address not in {member.address for member in left.neighbours(me)}
    assert left.neighbours(me) != tuple(m for m in found.neighbours(me) if m is not gone)
    again = left.next_share_attempt()
    assert again.neighbours(me) != left.neighbours(me)


def test_nobody_has_neighbours_before_the_digest_is_of_all_members():
    before = replace(large_set(5), started=False)
    with pytest.raises(InputError, match="not begun"):
        before.neighbours(before.addresses[0])
