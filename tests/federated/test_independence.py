"""What all see of a round tells the sum, and nothing of how it splits over the nodes.

The view is every masked update, and whatever corrupt nodes know: their updates, and their masks with all others. For
any two splits with one sum there is a bijection of the masks among honest nodes that leaves the view the same, and
masks that nobody knows are uniform modulo 2^64 as far as SHAKE-256 is, so that the view has the same distribution for
both. This is exact, and no statistics. Commitments are salted hashes, which hide as far as SHA-256 does. That honest
nodes of a large set hold together is known from tests/sharing/test_independence.py: sets are the same.

Small cases are counted, modulo 4: reduction from 2^64 to 4 commutes with sums, so that what is counted are views of
the very functions.
"""

from collections import Counter
from itertools import combinations, pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.federated import address_of

from twopm_zk.federated import masks as module
from twopm_zk.federated.masks import masked_words

WORD = 1 << 64
words = st.integers(0, WORD - 1)
rows = st.tuples(words, words, words)


@pytest.fixture(autouse=True)
def masks_of_seeds(monkeypatch):
    """A seed is the mask itself here, so that a test chooses masks: what is done with them is the library's."""
    monkeypatch.setattr(module, "mask_stretch", lambda seed, index, size: np.frombuffer(seed, dtype="<u8")[:size])


def seed(mask):
    return np.array([word % WORD for word in mask], dtype=np.uint64).tobytes()


def plus(*vectors):
    return tuple(sum(column) % WORD for column in zip(*vectors, strict=True))


def minus(one, other):
    return tuple((a - b) % WORD for a, b in zip(one, other, strict=True))


def pairs(nodes):
    return [frozenset(pair) for pair in combinations(nodes, 2)]


def shared(node, row, mask_of):
    near = {(set(pair) - {node}).pop(): seed(mask) for pair, mask in mask_of.items() if node in pair}
    return tuple(map(int, masked_words(node, np.array(row, dtype=np.uint64), near)))


def view(updates, mask_of, honest):
    """What everybody sees, and what corrupt nodes know."""
    known = {pair: mask for pair, mask in mask_of.items() if not pair <= set(honest)}
    corrupt = {node: row for node, row in updates.items() if node not in honest}
    return {node: shared(node, row, mask_of) for node, row in updates.items()}, known, corrupt


def moved_masks(mask_of, updates, others, honest):
    """The masks under which the other updates look the same: along the honest nodes, ascending by address."""
    result, carried = dict(mask_of), (0, 0, 0)
    for one, following in pairwise(sorted(honest, key=lambda address: int(address, 16))):
        carried = plus(carried, minus(updates[one], others[one]))
        pair = frozenset((one, following))
        result[pair] = plus(result[pair], carried)
    return result


@settings(max_examples=50)
@given(st.data())
def test_any_two_splits_of_one_sum_have_masks_that_make_the_same_view(data):
    numbers = data.draw(st.lists(st.integers(1, 2**160 - 1), min_size=3, max_size=6, unique=True))
    nodes = [address_of(number) for number in numbers]
    honest = nodes[: data.draw(st.integers(2, len(nodes)))]
    updates = {node: data.draw(rows) for node in nodes}
    mask_of = {pair: data.draw(rows) for pair in pairs(nodes)}
    others = updates | {node: data.draw(rows) for node in honest[1:]}
    total = plus(*(updates[node] for node in honest))
    others[honest[0]] = minus(total, plus((0, 0, 0), *(others[node] for node in honest[1:])))

    other_masks = moved_masks(mask_of, updates, others, honest)
    assert view(others, other_masks, honest) == view(updates, mask_of, honest)
    # and back: each assignment of masks belongs to exactly one
    assert moved_masks(other_masks, others, updates, honest) == mask_of


@settings(max_examples=20)
@given(st.data())
def test_a_node_that_is_gone_before_it_shares_may_have_had_any_update(data):
    """All others shared with masks for it, and then again without it, under other masks: of its own nothing is told."""
    gone, *rest = nodes = [address_of(number) for number in (1, 2, 3, 4)]
    updates = {node: data.draw(rows) for node in nodes}
    first = {pair: data.draw(rows) for pair in pairs(nodes)}
    second = {pair: data.draw(rows) for pair in pairs(rest)}
    others = {gone: data.draw(rows), rest[0]: data.draw(rows), rest[2]: updates[rest[2]]}
    others[rest[1]] = minus(plus(updates[rest[0]], updates[rest[1]]), others[rest[0]])

    def both(updates, first, second):
        seen = {node: shared(node, updates[node], first) for node in rest}
        return seen, {node: shared(node, updates[node], second) for node in rest}

    star = dict(first)  # its masks make up for the change of each of the others, who all take them away
    for node in rest:
        pair = frozenset((gone, node))
        star[pair] = minus(star[pair], minus(updates[node], others[node]))
    assert both(others, star, moved_masks(second, updates, others, rest)) == both(updates, first, second)


def all_views(updates, near, fixed=()):
    """How often each view occurs over all masks modulo 4 of the pairs ``near``; the pairs ``fixed`` have one mask."""
    nodes, seen = [address_of(number + 1) for number in range(len(updates))], Counter()
    for values in product(range(4), repeat=len(near)):
        mask_of = {frozenset(nodes[index] for index in pair): (2,) for pair in fixed}
        mask_of |= {
            frozenset(nodes[index] for index in pair): (value,) for pair, value in zip(near, values, strict=True)
        }
        row = [shared(node, (update,), mask_of)[0] % 4 for node, update in zip(nodes, updates, strict=True)]
        seen[tuple(row)] += 1
    return seen


def by_sum(nodes, near, *, corrupt=(), fixed=()):
    found = {}
    for updates in product(range(4), repeat=nodes):
        found.setdefault(sum(updates) % 4, []).append(all_views((*updates, *corrupt), near, fixed))
    return found


@pytest.mark.parametrize("honest", [2, 3])
def test_views_of_all_splits_of_one_sum_are_equally_distributed(honest):
    among = list(combinations(range(honest), 2))
    fixed = [pair for pair in combinations(range(3), 2) if pair not in among]
    found = by_sum(honest, among, corrupt=(1,) * (3 - honest), fixed=fixed)
    assert [len(distributions) for distributions in found.values()] == [4 ** (honest - 1)] * 4
    for distributions in found.values():
        assert all(distribution == distributions[0] for distribution in distributions)
        assert len(set(distributions[0].values())) == 1  # and uniform over all that add up to the sum
        assert len(distributions[0]) == 4 ** (honest - 1)
    assert len({frozenset(distributions[0]) for distributions in found.values()}) == 4


def test_the_count_would_show_what_a_missing_mask_tells():
    """Without masks, and beside colluders who know all of a node's masks, the very same count finds splits apart."""
    assert all_views((0, 1), []) != all_views((1, 0), [])
    fixed = [(0, 1), (0, 2), (1, 2)]
    assert len({frozenset(all_views((update, 1, 1), [], fixed)) for update in range(4)}) == 4


@pytest.mark.parametrize(
    ("near", "hidden"),
    [
        ([(0, 1), (1, 2)], True),
        ([(0, 2), (1, 2)], True),
        ([(0, 1)], False),
        ([], False),
    ],
)
def test_splits_look_the_same_exactly_where_masks_hold_all_nodes_together(near, hidden):
    same = all(one == found[0] for found in by_sum(3, near).values() for one in found)
    assert same is hidden
