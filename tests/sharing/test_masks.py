"""Masks cancel over any set in any order, and hide what a node shares."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sharing_model import GENERATORS, address_of, close, play, plus, submit_and_close

from twopm_zk.errors import InputError, RangeError
from twopm_zk.numbers.baby_jubjub import BASE, SUBGROUP_ORDER, hash_to_point, multiply
from twopm_zk.numbers.pedersen import GRADIENT, INFORMATION, Opening, Unit, vector_generators
from twopm_zk.sharing import (
    SecretKey,
    SharedPoints,
    Sharer,
    commit,
    masked,
    open_sum,
    opening_of,
    pair_mask,
    pair_seed,
    vector_of,
)

addresses = st.lists(st.integers(1, 2**160 - 1), min_size=2, max_size=6, unique=True)


@settings(max_examples=12)
@given(addresses, st.randoms())
def test_masks_cancel_over_any_set_whatever_the_order(numbers, random):
    game, nodes = play(addresses=numbers, submit=False)
    random.shuffle(nodes)
    submit_and_close(nodes)
    vectors = [node.vector() for node in nodes]
    random.shuffle(vectors)
    assert plus(*vectors) == plus(*(node.opening for node in nodes))
    total = open_sum(GENERATORS, vectors, [member.point for member in game.set.members])
    assert total == plus(*(node.opening for node in nodes))


@given(addresses, st.integers(1, 4), st.binary(max_size=8))
def test_masks_of_any_seeds_cancel(numbers, size, salt):
    nodes = [address_of(number) for number in numbers]
    seeds = {frozenset(pair): hash_of(pair, salt) for pair in ((a, b) for a in nodes for b in nodes if a != b)}
    openings = {node: tuple(range(index, index + size)) for index, node in enumerate(nodes)}
    vectors = [
        masked(a, openings[a], {b: pair_mask(seeds[frozenset((a, b))], size) for b in nodes if b != a}) for a in nodes
    ]
    assert plus(*vectors) == plus(*openings.values())
    assert all(0 <= scalar < SUBGROUP_ORDER for vector in vectors for scalar in vector)


def hash_of(pair, salt):
    points = [hash_to_point(repr(name)) for name in ("lasting", "round")]
    return pair_seed(salt.rjust(32, b"\0"), *pair, SharedPoints(*points))


def test_both_of_a_pair_have_the_same_mask_and_it_is_another_one_for_every_part_of_its_seed():
    one, other = address_of(16), address_of(17)
    points = SharedPoints(multiply(BASE, 2), multiply(BASE, 3))
    seed = pair_seed(bytes(32), one, other, points)
    assert seed == pair_seed(bytes(32), other, one, points)
    others = [
        pair_seed(bytes(31) + b"1", one, other, points),
        pair_seed(bytes(32), one, address_of(18), points),
        pair_seed(bytes(32), address_of(15), other, points),
        pair_seed(bytes(32), one, other, SharedPoints(multiply(BASE, 4), points.round_key)),
        pair_seed(bytes(32), one, other, SharedPoints(points.lasting, multiply(BASE, 4))),
        pair_seed(bytes(32), one, other, SharedPoints(points.round_key, points.lasting)),
    ]
    assert len({seed, *others}) == 7
    # addresses are ordered as numbers, however they are written
    low, high = "0x" + "aa" * 20, "0x" + "BB" * 20
    assert pair_seed(bytes(32), low, high, points) == pair_seed(bytes(32), low, high.lower(), points)
    mask = pair_mask(seed, 3)
    assert len(set(mask)) == 3
    assert pair_mask(seed, 2) == mask[:2]


def test_a_node_that_is_alone_in_its_set_does_not_share_its_opening_in_clear():
    _, (node,) = play(1)
    with pytest.raises(InputError, match="no other node"):
        node.vector()


def test_a_node_shares_only_what_its_point_commits_to():
    _, (node, *_) = play(3)
    with pytest.raises(InputError, match="not what this node's updates commit to"):
        node.part.vector(GENERATORS, plus(node.opening, (1, 0, 0)))


@pytest.mark.parametrize("lost", ["lasting", "round_key"])
def test_a_node_that_has_lost_a_secret_makes_no_rubbish_of_another_one(lost):
    game, (node, *_) = play(3)
    setattr(node, lost, SecretKey(5))
    with pytest.raises(InputError, match="other keys"):
        Sharer(game.set, node.address, node.lasting, node.round_key)


def test_no_secret_is_shown():
    game, (node, *_) = play(3)
    part = node.part
    node.vector()  # what is kept for later is not shown either
    secrets = [node.lasting.scalar, node.round_key.scalar, *next(iter(part.masks(3).values()))]
    points = part.shared_points(game.set.neighbours(node.address)[0])
    shown = f"{part!r} {points!r} {game.verdict()!r}"
    assert not [secret for secret in (*secrets, *points.lasting, *points.round_key) if str(secret) in shown]


def test_a_sum_opens_only_with_all_shares_and_no_rubbish():
    game, nodes = play(3)
    points = [member.point for member in game.set.members]
    vectors = [node.vector() for node in nodes]
    assert open_sum(GENERATORS, vectors, points)
    assert open_sum(GENERATORS, vectors[:2], points) is None
    assert open_sum(GENERATORS, vectors[:2], points[:2]) is None
    assert open_sum(GENERATORS, [plus(vectors[0], (0, 1, 0)), *vectors[1:]], points) is None
    assert open_sum(GENERATORS, [vector[:2] for vector in vectors], points) is None
    assert open_sum(GENERATORS, [], points) is None


def test_a_vector_of_another_length_commits_to_nothing():
    with pytest.raises(InputError, match="2 scalars"):
        commit(GENERATORS, (1, 2))


@pytest.mark.parametrize(("unit", "count"), [(GRADIENT, 4), (GRADIENT, 31), (INFORMATION, 10)])
def test_packed_sums_of_real_units_come_out_of_the_masked_vectors(unit, count):
    """Any number of updates a node, negative sums, and lanes filled to their edge."""
    game, nodes = play(3, submit=False, generators=vector_generators(unit, count))
    edge = (1 << unit.lane_bits - 1) // 8
    updates = [
        [Opening.drawn(unit, [(-1) ** (k + part) * (edge - k) for k in range(count)], 7) for part in range(number)]
        for number in (1, 2, 4)
    ]
    for node, made in zip(nodes, updates, strict=True):
        for update in made:
            game.submit(node.address, *update.point)
        node.opening = vector_of(sum(made[1:], made[0]))
    close(nodes)
    for node in nodes:
        assert node.share()
    found = opening_of(unit, count, game.opened())
    every = [update for made in updates for update in made]
    assert found.items == tuple(map(sum, zip(*(update.items for update in every), strict=True)))
    assert found.rows == 49
    assert found == sum(every[1:], every[0])
    assert opening_of(unit, count, vector_of(found)) == found


def test_a_masked_vector_is_no_opening_and_one_of_another_length_neither():
    game, nodes = play(2, submit=False, generators=vector_generators(GRADIENT, 4))
    for node in nodes:
        update = Opening.drawn(GRADIENT, [1, 2, 3, 4], 5)
        game.submit(node.address, *update.point)
        node.opening = vector_of(update)
    close(nodes)
    with pytest.raises(RangeError, match="more than the sums of its lanes"):
        opening_of(GRADIENT, 4, nodes[0].vector())
    for count in (3, 7):
        with pytest.raises(InputError, match="its statement"):
            opening_of(GRADIENT, count, nodes[0].opening)


def test_commitments_in_other_units_never_add_up_to_what_opens():
    """The names of generators hold statement, unit and number."""
    mine = Opening(GRADIENT, (5, 1), 1, 77)
    for unit, count in ((Unit("gradient", 49, 82), 2), (Unit("information", 48, 82), 2), (GRADIENT, 3)):
        other = Opening(unit, (6, 1, 0)[:count], 1, 78)
        same = Opening(GRADIENT, other.items[:2], 1, 78)
        generators, others = vector_generators(GRADIENT, 2), vector_generators(unit, count)
        assert len(generators) == len(others)
        vectors = [vector_of(mine), vector_of(other)]
        assert open_sum(generators, vectors, [mine.point, same.point]) == plus(*vectors)
        assert open_sum(generators, vectors, [mine.point, other.point]) is None
        assert open_sum(others, vectors, [mine.point, other.point]) is None
