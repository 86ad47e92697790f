"""Masks cancel over any set in any order, modulo 2^64, and are those of two nodes and one digest alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.federated import SALT, address_of, closed_set, keys, secrets_of, small_spec, update

from twopm_zk.errors import InputError
from twopm_zk.federated import Update, masked_size, masked_update, sum_of
from twopm_zk.federated import masks as module
from twopm_zk.federated.masks import STRETCH, mask_stretch, masked_words
from twopm_zk.sharing import Departure, Member, PairSecrets, UpdateHash

SPEC = small_spec()
SIZE = 11
words = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=SIZE, max_size=SIZE)


def seed_of(one, other):
    low, high = sorted((one, other))
    return (low + high).encode()[:64].ljust(64, b"\0")


def plain_sum(rows):
    """Modulo 2^64 and read as signed, in Python's own integers."""
    return [(sum(column) + 2**63) % 2**64 - 2**63 for column in zip(*rows, strict=True)]


@given(st.lists(st.integers(1, 2**160 - 1), min_size=2, max_size=7, unique=True), st.data())
def test_masks_of_any_seeds_cancel_and_the_sum_is_the_plain_one(numbers, data):
    nodes = [address_of(number) for number in numbers]
    rows = [data.draw(words) for _ in nodes]
    total = np.zeros(SIZE, dtype=np.uint64)
    for node, row in zip(nodes, rows, strict=True):
        seeds = {other: seed_of(node, other) for other in nodes if other != node}
        total += masked_words(node, np.array(row, dtype=np.int64).view(np.uint64), seeds)
    assert list(total.view(np.int64)) == plain_sum(rows)


@settings(max_examples=5)
@given(st.integers(2, 6), st.randoms(use_true_random=False))
def test_masks_from_the_keys_of_a_set_cancel_whatever_the_order(nodes, random):
    updates = [update(SPEC, [random.randrange(-(2**40), 2**40) for _ in range(10)], weight=3) for _ in range(nodes)]
    parts = secrets_of(closed_set(updates))
    shared = [masked_update(SPEC, part, one) for part, one in zip(parts, updates, strict=True)]
    random.shuffle(shared)
    total, count = sum_of(SPEC, shared)
    assert count == nodes
    assert list(total) == plain_sum([list(map(int, one.words)) for one in updates])


def test_a_set_that_shares_anew_without_a_node_has_other_masks_that_cancel():
    updates = [update(SPEC, [number] * 10) for number in range(4)]
    first = closed_set(updates)
    again = first.without(address_of(18), Departure.SILENT).next_share_attempt()
    rest = [number for number in range(4) if number != 2]
    before = [masked_update(SPEC, part, one) for part, one in zip(secrets_of(first), updates, strict=True)]
    after = [masked_update(SPEC, part, updates[number]) for part, number in zip(secrets_of(again), rest, strict=True)]
    assert list(sum_of(SPEC, after)[0]) == plain_sum([list(map(int, updates[number].words)) for number in rest])
    for number, shared in zip(rest, after, strict=True):
        assert (shared.words != before[number].words).all()


def test_both_of_a_pair_have_one_seed_and_every_digest_has_its_own():
    updates = [update(SPEC, [0] * 10)] * 3
    found = set()
    for attempt in range(3):
        parts = secrets_of(closed_set(updates, attempt=attempt))
        for one in parts:
            for other in parts:
                if one is not other:
                    assert one.seeds[other.address] == other.seeds[one.address]
        found |= {frozenset(part.seeds.values()) for part in parts}
        found_seeds = [seed for part in parts for seed in part.seeds.values()]
        assert len(set(found_seeds)) == 3
    assert len(found) == 9


def test_a_mask_is_of_its_seed_and_its_stretch_alone():
    one = mask_stretch(bytes(32), 0, 64)
    assert (mask_stretch(bytes(32), 0, 7) == one[:7]).all()
    others = [mask_stretch(bytes(32), 1, 64), mask_stretch(bytes(31) + b"1", 0, 64), mask_stretch(bytes(32), 256, 64)]
    assert len({row.tobytes() for row in (one, *others)}) == 4


def test_a_mask_is_what_its_definition_says():
    """Another implementation has to find the same words: SHAKE-256, little-endian, in stretches of 2^16."""
    import hashlib

    size = STRETCH + 3
    found = masked_words(address_of(1), np.zeros(size, dtype=np.uint64), {address_of(2): b"\5" * 32})
    for index, count in ((0, STRETCH), (1, 3)):
        content = b"twopm-zk federated mask 1" + b"\5" * 32 + index.to_bytes(8, "little")
        expected = np.frombuffer(hashlib.shake_256(content).digest(8 * count), dtype="<u8")
        assert (found[index * STRETCH :][:count] == expected).all()
    taken = masked_words(address_of(3), np.zeros(size, dtype=np.uint64), {address_of(2): b"\5" * 32})
    assert not (taken + found).any()


def test_who_has_masks_with_nobody_does_not_share_in_clear():
    only = [update(SPEC, [5] * 10)]
    with pytest.raises(InputError, match="no other node"):
        secrets_of(closed_set(only))


def test_secrets_of_other_keys_than_those_of_the_set_mask_nothing():
    two = closed_set([update(SPEC, [0] * 10)] * 2)
    with pytest.raises(InputError, match="other keys"):
        PairSecrets(two, address_of(16), *keys(5))
    with pytest.raises(InputError, match="not in the set"):
        PairSecrets(two, address_of(99), *keys(0))


def test_an_update_of_another_length_is_not_masked():
    part, _ = secrets_of(closed_set([update(SPEC, [0] * 10)] * 2))
    with pytest.raises(InputError, match="has 10 integers; of this specification it has 11"):
        masked_update(SPEC, part, Update(np.zeros(10, dtype=np.int64)))


def test_masking_leaves_the_update_as_it_is(monkeypatch):
    mine = update(SPEC, range(10))
    part, _ = secrets_of(closed_set([mine, mine]))
    shared = masked_update(SPEC, part, mine)
    assert list(mine.words) == [*range(10), 1]
    assert not (shared.words == mine.words.view(np.uint64)).any()
    assert len(shared.encoded) == masked_size(SPEC)
    monkeypatch.setattr(module, "mask_stretch", lambda seed, index, size: np.zeros(size, dtype=np.uint64))
    assert (
        masked_update(SPEC, part, mine).words == mine.words.view(np.uint64)
    ).all()  # so that the line above can fail


def test_a_member_has_the_hash_of_its_update_where_another_has_a_point():
    lasting, round_key = keys(0)
    made = UpdateHash(update(SPEC, range(10)).commitment(SALT))
    member = Member(address_of(16), lasting.posted, round_key.posted, made)
    assert member.words == (int.from_bytes(made.digest), 0)
    with pytest.raises(InputError, match="by a hash, not by a point"):
        _ = member.point
    with pytest.raises(InputError, match="has 31 bytes"):
        UpdateHash(bytes(31))
    other = Member(address_of(16), lasting.posted, round_key.posted, UpdateHash(bytes(32)))
    assert member.leaf != other.leaf
    assert closed_set([update(SPEC, range(10))] * 2).contributions
