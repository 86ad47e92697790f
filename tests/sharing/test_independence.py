"""What all see of a sharing tells the sum, and nothing of how it splits over the nodes.

The view is everything: the point of each update, shares, claims of a dispute, and whatever corrupt nodes know. For any
two splits with one sum there is a bijection of the blindings, and of the masks among honest nodes, that leaves the view
the same; blindings are uniform and masks that nobody knows as good as that, so that the view has the same distribution
for both. This is exact, and no statistics. Beside it stand data commitments, which hide as far as Poseidon does, and
proofs, which are zero-knowledge by PLONK's own blinding: docs/protocol.md, section 7.
"""

from collections import Counter
from itertools import combinations, pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sharing_model import address_of, minus, plus

from twopm_zk.numbers.baby_jubjub import SUBGROUP_ORDER, hash_to_point, multiply
from twopm_zk.sharing import commit, graph, masked, masks
from twopm_zk.sharing.hashes import scalar_of

LOGARITHMS = (3, 10**70 + 7)
"""Of the generators to the one of blindings: nobody knows the true ones, but they exist."""
H = hash_to_point("blinding")
GENERATORS = (*(multiply(H, logarithm) for logarithm in LOGARITHMS), H)

scalars = st.integers(0, SUBGROUP_ORDER - 1)
vectors = st.tuples(scalars, scalars, scalars)
lanes = st.tuples(*[st.one_of(scalars, st.sampled_from([0, 1, SUBGROUP_ORDER - 1]))] * 2)


def pairs(nodes):
    return [frozenset(pair) for pair in combinations(nodes, 2)]


def view(openings, mask_of, honest):
    """What everybody sees, and what corrupt nodes know: their openings, and their masks with all others."""
    nodes = list(openings)
    shares = {a: masked(a, openings[a], {b: mask_of[frozenset((a, b))] for b in nodes if b != a}) for a in nodes}
    points = {node: commit(GENERATORS, opening) for node, opening in openings.items()}
    known = {pair: mask for pair, mask in mask_of.items() if not pair <= set(honest)}
    return shares, points, known, {node: opening for node, opening in openings.items() if node not in honest}


def claims(openings, mask_of, nodes):
    """The pair points that every node would claim in a dispute."""
    points = {}
    for one in nodes:
        for other in nodes:
            if one != other:
                sign = 1 if int(one, 16) < int(other, 16) else -1
                mask = [sign * scalar % SUBGROUP_ORDER for scalar in mask_of[frozenset((one, other))]]
                points[one, other] = commit(GENERATORS, mask)
    return points


def same_points(openings, split):
    """The openings of another split that the same points commit to: each blinding makes up for the difference."""
    found = dict(openings)
    for node, wanted in split.items():
        *before, blinding = openings[node]
        moved = sum((a - b) * log for a, b, log in zip(before, wanted, LOGARITHMS, strict=True))
        found[node] = (*wanted, (blinding + moved) % SUBGROUP_ORDER)
    return found


def moved_masks(mask_of, openings, others, honest):
    """The masks under which the other openings look the same: along the honest nodes, ascending by address."""
    result, carried = dict(mask_of), (0, 0, 0)
    ordered = sorted(honest, key=lambda address: int(address, 16))
    for one, following in pairwise(ordered):
        carried = plus(carried, minus(openings[one], others[one]))
        pair = frozenset((one, following))
        result[pair] = plus(result[pair], carried)
    return result


@settings(max_examples=25)
@given(st.data())
def test_any_two_splits_of_one_sum_have_masks_that_make_the_same_view(data):
    numbers = data.draw(st.lists(st.integers(1, 2**160 - 1), min_size=3, max_size=5, unique=True))
    nodes = [address_of(number) for number in numbers]
    honest = nodes[: data.draw(st.integers(2, len(nodes)))]
    openings = {node: data.draw(vectors) for node in nodes}
    mask_of = {pair: data.draw(vectors) for pair in pairs(nodes)}
    split = {node: data.draw(lanes) for node in honest[1:]}
    total = plus(*(openings[node][:2] for node in honest))
    split[honest[0]] = minus(total, plus((0, 0), *split.values()))

    others = same_points(openings, split)
    other_masks = moved_masks(mask_of, openings, others, honest)
    assert view(others, other_masks, honest) == view(openings, mask_of, honest)
    # and back: each assignment of masks belongs to exactly one
    assert moved_masks(other_masks, others, openings, honest) == mask_of


@settings(max_examples=10)
@given(st.data())
def test_a_dispute_shows_the_same_pair_points_whatever_the_split(data):
    nodes = [address_of(number) for number in (1, 2, 3)]
    openings = {node: data.draw(vectors) for node in nodes}
    mask_of = {pair: data.draw(vectors) for pair in pairs(nodes)}
    moved = data.draw(lanes)
    split = {nodes[0]: plus(openings[nodes[0]][:2], moved), nodes[1]: minus(openings[nodes[1]][:2], moved)}
    others = same_points(openings, split)
    other_masks = moved_masks(mask_of, openings, others, nodes[:2])
    assert claims(others, other_masks, nodes) == claims(openings, mask_of, nodes)


@settings(max_examples=10)
@given(st.data())
def test_a_node_that_withdraws_before_it_shares_may_have_had_any_update(data):
    """All others shared with masks for it, and then again without: of its own update nothing is told."""
    gone, *rest = nodes = [address_of(number) for number in (1, 2, 3, 4)]
    openings = {node: data.draw(vectors) for node in nodes}
    first = {pair: data.draw(vectors) for pair in pairs(nodes)}
    second = {pair: data.draw(vectors) for pair in pairs(rest)}
    split = {gone: data.draw(lanes), rest[0]: data.draw(lanes)}
    split[rest[1]] = minus(plus(openings[rest[0]][:2], openings[rest[1]][:2]), split[rest[0]])
    others = same_points(openings, split)

    def both(openings, first, second):
        shares, points, _, _ = view(openings, first, nodes)
        del shares[gone]
        return shares, points, view({node: openings[node] for node in rest}, second, rest)

    star = dict(first)  # its masks make up for the change of each of the others
    for node in rest:
        pair, change = frozenset((gone, node)), minus(openings[node], others[node])
        assert int(gone, 16) < int(node, 16)  # so that the others subtract
        star[pair] = minus(star[pair], change)
    again = moved_masks(second, openings, others, rest)
    assert both(others, star, again) == both(openings, first, second)


@settings(max_examples=10)
@given(st.lists(vectors, min_size=1, max_size=4), st.data())
def test_every_single_update_of_a_node_may_have_been_any_other(updates, data):
    """The chain has the point of each batch: each is of any update, under the one blinding that belongs to it."""
    for update in updates:
        wanted = data.draw(lanes)
        (other,) = same_points({"node": update}, {"node": wanted}).values()
        assert commit(GENERATORS, other) == commit(GENERATORS, update)
        (back,) = same_points({"node": other}, {"node": update[:2]}).values()
        assert back == update
        # no other blinding gives the point: the map between blindings is one to one
        assert commit(GENERATORS, (*other[:2], (other[2] + 1) % SUBGROUP_ORDER)) != commit(GENERATORS, update)


def all_views(openings, honest):
    """How often each view occurs over all masks of pairs of honest nodes, of one scalar modulo 3."""
    nodes = [address_of(number + 1) for number in range(len(openings))]
    secret, seen = pairs(nodes[:honest]), Counter()
    for values in product(range(3), repeat=len(secret)):
        mask_of = dict.fromkeys(pairs(nodes), (2,)) | {
            pair: (value,) for pair, value in zip(secret, values, strict=True)
        }
        seen[
            tuple(
                masked(a, (opening,), {b: mask_of[frozenset((a, b))] for b in nodes if b != a})
                for a, opening in zip(nodes, openings, strict=True)
            )
        ] += 1
    return seen


@pytest.fixture
def modulo_3(monkeypatch):
    """Small enough to count everything."""
    monkeypatch.setattr(masks, "SUBGROUP_ORDER", 3)


@pytest.mark.parametrize("honest", [2, 3])
def test_views_of_all_splits_of_one_sum_are_equally_distributed(modulo_3, honest):
    corrupt = (1,) * (3 - honest)
    by_sum = {}
    for openings in product(range(3), repeat=honest):
        by_sum.setdefault(sum(openings) % 3, []).append(all_views((*openings, *corrupt), honest))
    assert [len(distributions) for distributions in by_sum.values()] == [3 ** (honest - 1)] * 3
    for distributions in by_sum.values():
        assert all(distribution == distributions[0] for distribution in distributions)
        assert len(set(distributions[0].values())) == 1  # and uniform over all that add up to the sum
        assert len(distributions[0]) == 3 ** (honest - 1)
    assert len({frozenset(distributions[0]) for distributions in by_sum.values()}) == 3


ALLOWED = (1, 2)
"""Those of three points that have an x which a single commitment may have."""


def all_points_and_shares(updates, masks_between):
    """How often each view of points and shares occurs, over all blindings that leave allowed points and all masks.

    In the group of three elements, written by logarithms: a point is 2 update + blinding.
    """
    nodes, seen = [address_of(number + 1) for number in range(len(updates))], Counter()
    between = pairs(nodes)
    for blindings in product(range(3), repeat=len(updates)):
        openings = list(zip(updates, blindings, strict=True))
        points = tuple((2 * update + blinding) % 3 for update, blinding in openings)
        if not set(points) <= set(ALLOWED):
            continue  # whoever commits draws again
        for values in masks_between(len(between)):
            mask_of = dict(zip(between, values, strict=True))
            shares = tuple(
                masked(a, opening, {b: mask_of[frozenset((a, b))] for b in nodes if b != a})
                for a, opening in zip(nodes, openings, strict=True)
            )
            seen[points, shares] += 1
    return seen


@pytest.mark.parametrize("nodes", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_points_and_shares_together_are_equally_distributed_for_all_splits_of_one_sum(modulo_3, nodes):
    """Drawing blindings until x fits does not spoil it: which points are allowed does not depend on the update."""
    masks_between = lambda count: product(list(product(range(3), repeat=2)), repeat=count)  # noqa: E731
    by_sum = {}
    for updates in product(range(3), repeat=nodes):
        if nodes == 2 or sum(updates) % 3 == 1:
            by_sum.setdefault(sum(updates) % 3, []).append(all_points_and_shares(updates, masks_between))
    for distributions in by_sum.values():
        assert len(distributions) == 3 ** (nodes - 1)
        assert all(distribution == distributions[0] for distribution in distributions)
    assert len({frozenset(distributions[0]) for distributions in by_sum.values()}) == len(by_sum)


def test_the_count_would_show_a_point_that_tells_something(modulo_3):
    """Without masks the very same count finds the splits apart."""
    none = lambda count: [[(0, 0)] * count]  # noqa: E731
    assert all_points_and_shares((0, 1), none) != all_points_and_shares((1, 0), none)


def test_a_node_whose_masks_are_known_is_not_hidden(modulo_3):
    """One honest node among corrupt ones: its split is its sum."""
    assert len({frozenset(all_views((opening, 1, 1), 1)) for opening in range(3)}) == 3


# --- sets so large that not all mask with all ---


def ring(nodes, digest=bytes(32)):
    """Pairs of a set of so many nodes that have masks with each other, seats being the order of addresses."""
    return {
        frozenset((a, b))
        for (i, a), (j, b) in combinations(list(enumerate(nodes)), 2)
        if graph.are_neighbours(digest, len(nodes), i, j)
    }


def sparse_view(openings, mask_of, honest):
    """What everybody sees of shares and points, and what corrupt nodes know, where masks are on some pairs only."""
    near = {node: {} for node in openings}
    for pair, mask in mask_of.items():
        one, other = pair
        near[one][other] = near[other][one] = mask
    shares = {node: masked(node, opening, near[node]) for node, opening in openings.items()}
    points = {node: commit(GENERATORS, opening) for node, opening in openings.items()}
    known = {pair: mask for pair, mask in mask_of.items() if not pair <= honest}
    return shares, points, known, {node: opening for node, opening in openings.items() if node not in honest}


def part_of(pairs_of_set, honest, start):
    """The honest nodes that masks lead to from one of them, each with the one that it was reached from."""
    parents, waiting = {start: None}, [start]
    near = {node: [] for node in honest}
    for one, other in (tuple(pair) for pair in pairs_of_set if pair <= honest):
        near[one].append(other)
        near[other].append(one)
    while waiting:
        node = waiting.pop()
        for other in near[node]:
            if other not in parents:
                parents[other] = node
                waiting.append(other)
    return parents


def moved_along(parents, mask_of, openings, others):
    """The masks under which the other openings look the same: what a node has too much goes on to its parent."""
    result, carried = dict(mask_of), {node: minus(openings[node], others[node]) for node in parents}
    for node in reversed(parents):  # who was reached last has no children left
        parent, flow = parents[node], carried[node]
        if parent is None:
            assert not any(flow)
            continue
        pair, sign = frozenset((node, parent)), 1 if int(node, 16) < int(parent, 16) else -1
        result[pair] = plus(result[pair], tuple(sign * scalar for scalar in flow))
        carried[parent] = plus(carried[parent], flow)
    return result


def drawn(number):
    return tuple(scalar_of(number.to_bytes(32, "big"), index) for index in range(3))


@pytest.fixture(scope="module")
def large():
    """200 nodes of which each has masks with some 157."""
    nodes = [address_of(number) for number in range(16, 216)]
    near = ring(nodes)
    assert len(near) < 200 * 199 // 2
    mask_of = {pair: drawn(1000 + index) for index, pair in enumerate(sorted(near, key=sorted))}
    return nodes, near, mask_of, {node: drawn(index) for index, node in enumerate(nodes)}


@pytest.mark.slow
@pytest.mark.parametrize("corrupt", [range(100), range(0, 200, 2), range(50, 150)])
def test_beside_half_of_a_large_set_any_split_of_one_sum_has_masks_that_make_the_same_view(large, corrupt):
    nodes, near, mask_of, openings = large
    honest = set(nodes) - {nodes[seat] for seat in corrupt}
    start = min(honest)
    parents = part_of(near, honest, start)
    assert set(parents) == honest  # masks among them hold together
    split = {node: drawn(5000 + index)[:2] for index, node in enumerate(sorted(honest - {start}))}
    split[start] = minus(plus(*(openings[node][:2] for node in honest)), plus(*split.values()))
    others = same_points(openings, split)
    other_masks = moved_along(parents, mask_of, openings, others)
    assert all(others[node] != openings[node] for node in honest)
    assert sparse_view(others, other_masks, honest) == sparse_view(openings, mask_of, honest)
    assert moved_along(parents, other_masks, others, openings) == mask_of


def test_more_colluders_than_half_that_are_all_neighbours_of_one_node_read_its_update(large):
    """So that the test before can fail."""
    nodes, near, mask_of, openings = large
    victim = nodes[7]
    corrupt = {other for pair in near if victim in pair for other in pair} - {victim}
    honest = set(nodes) - corrupt
    assert len(corrupt) > len(nodes) / 2
    assert len(honest) > 1
    assert set(part_of(near, honest, victim)) == {victim}
    shares, _, known, _ = sparse_view(openings, mask_of, honest)
    masks_of_victim = {(set(pair) - {victim}).pop(): mask for pair, mask in known.items() if victim in pair}
    negative = {other: tuple(-scalar for scalar in mask) for other, mask in masks_of_victim.items()}
    assert masked(victim, shares[victim], negative) == openings[victim]


def sparse_views(openings, near):
    """How often each view occurs over all masks of some pairs, of one scalar modulo 3."""
    nodes, seen = [address_of(number + 1) for number in range(len(openings))], Counter()
    for values in product(range(3), repeat=len(near)):
        shares = []
        for index, (node, opening) in enumerate(zip(nodes, openings, strict=True)):
            mine = {
                nodes[(set(pair) - {index}).pop()]: (value,)
                for pair, value in zip(near, values, strict=True)
                if index in pair
            }
            shares.append(masked(node, (opening,), mine))
        seen[tuple(shares)] += 1
    return seen


@pytest.mark.parametrize(
    ("near", "hidden"),
    [
        ([(0, 1), (1, 2), (2, 3)], True),
        ([(0, 1), (1, 2), (2, 3), (3, 0)], True),
        ([(0, 3), (1, 3), (2, 3)], True),
        ([(0, 1), (2, 3)], False),
        ([(0, 1), (1, 2), (2, 0)], False),
    ],
)
def test_splits_of_one_sum_look_the_same_exactly_where_masks_hold_all_nodes_together(modulo_3, near, hidden):
    by_sum = {}
    for openings in product(range(3), repeat=4):
        by_sum.setdefault(sum(openings) % 3, []).append(sparse_views(openings, near))
    same = all(one == found[0] for found in by_sum.values() for one in found)
    assert same is hidden
