"""What all see of a sharing tells the sum, and nothing of how it splits over the nodes.

The view is everything: shares, points, and whatever corrupt nodes know. For any two splits with one sum there is a
bijection of the masks among honest nodes that leaves the view the same; masks that nobody knows are as good as
uniform, so that the view has the same distribution for both.
"""

from collections import Counter
from itertools import combinations, pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sharing_model import address_of, minus, plus

from twopm_zk.numbers.baby_jubjub import SUBGROUP_ORDER, hash_to_point, multiply
from twopm_zk.sharing import commit, masked, masks

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


@settings(deadline=None, max_examples=25)
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


def test_a_node_whose_masks_are_known_is_not_hidden(modulo_3):
    """One honest node among corrupt ones: its split is its sum."""
    assert len({frozenset(all_views((opening, 1, 1), 1)) for opening in range(3)}) == 3
