"""The tree of a set: its shape, and that some leaves prove the root of all, and no other."""

from dataclasses import replace

import pytest
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from twopm_zk.errors import InputError
from twopm_zk.sharing import tree


def leaf(number):
    return keccak(number.to_bytes(4, "big"))


def by_definition(leaves):
    """RFC 6962, section 2.1, with keccak256 and leaves that are hashes already."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while 2 * half < len(leaves):
        half *= 2
    return keccak(by_definition(leaves[:half]) + by_definition(leaves[half:]))


def proof_of(leaves, wanted, first=0):
    """What the contract answers: the largest trees without any of the wanted leaves, from left to right."""
    if not any(first <= seat < first + len(leaves) for seat in wanted):
        return [by_definition(leaves)]
    if len(leaves) == 1:
        return []
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return [*proof_of(leaves[:half], wanted, first), *proof_of(leaves[half:], wanted, first + half)]


@pytest.mark.parametrize("count", [*range(1, 35), 64, 65, 1000])
def test_appending_leaf_by_leaf_makes_the_root_over_all(count):
    peaks = ()
    for number in range(count):
        peaks = tree.appended(peaks, number, leaf(number))
    assert len(peaks) == count.bit_count()
    assert tree.root_of(peaks) == by_definition([leaf(number) for number in range(count)])


@pytest.mark.slow
@settings(max_examples=60)
@given(st.integers(1, 300), st.data())
def test_any_leaves_lead_to_the_root_with_what_the_others_make(count, data):
    leaves = [leaf(number) for number in range(count)]
    wanted = data.draw(st.sets(st.integers(0, count - 1), min_size=1, max_size=20))
    proof = proof_of(leaves, wanted)
    known = {seat: leaves[seat] for seat in wanted}
    root = by_definition(leaves)
    assert tree.proven_root(0, count, known, proof) == root
    seat = data.draw(st.sampled_from(sorted(wanted)))
    assert tree.proven_root(0, count, {**known, seat: leaf(10**6)}, proof) != root
    if proof:
        with pytest.raises(InputError, match="fewer hashes"):
            tree.proven_root(0, count, known, proof[:-1])
    with pytest.raises(InputError, match="more hashes"):
        tree.proven_root(0, count, known, [*proof, bytes(32)])


def test_a_leaf_in_another_seat_leads_to_another_root():
    leaves = [leaf(number) for number in range(8)]
    known = {3: leaves[3], 5: leaves[5]}
    proof = proof_of(leaves, known)
    assert tree.proven_root(0, 8, {3: leaves[5], 5: leaves[3]}, proof) != by_definition(leaves)


def test_parts_of_a_power_of_two_make_the_root_of_all():
    """So that a large tree is asked for in pieces."""
    leaves = [leaf(number) for number in range(71)]
    peaks = ()
    for number, first in enumerate(range(0, 71, 16)):
        part = leaves[first : first + 16]
        peaks = tree.appended(peaks, number, tree.proven_root(first, len(part), {}, [by_definition(part)]))
    assert tree.root_of(peaks) == by_definition(leaves)


def test_a_tree_without_leaves_has_no_root():
    with pytest.raises(InputError, match="without leaves"):
        tree.root_of(())


def test_a_set_known_in_part_has_the_digest_of_the_whole_one_and_knows_whom_it_does_not():
    from support.sharing_model import play

    game, nodes = play(6)
    whole = game.set
    opened = type(whole).closed(game.place, bytes(32))
    leaves = [member.leaf for member in whole.members]
    known = whole.members[2:]
    root = tree.proven_root(0, 6, {member.seat: member.leaf for member in known}, proof_of(leaves, {2, 3, 4, 5}))
    part = opened.begun_with(root, 6, known)
    assert (part.digest, part.size, part.is_whole) == (whole.digest, 6, False)
    with pytest.raises(InputError, match="2 of the nodes that"):
        part.neighbours(nodes[3].address)
    assert part.contributions != whole.contributions
    all_of_it = opened.begun_with(root, 6, whole.members)
    assert all_of_it.neighbours(nodes[3].address) == whole.neighbours(nodes[3].address)
    assert all_of_it.contributions == whole.contributions
    substituted = replace(known[0], round_key=known[1].round_key)
    false = {member.seat: member.leaf for member in (substituted, *known[1:])}
    assert opened.begun_with(tree.proven_root(0, 6, false, proof_of(leaves, {2, 3, 4, 5})), 6).digest != whole.digest
