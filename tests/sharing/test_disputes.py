"""Who shared rubbish is found from public evidence, and nobody else is blamed."""

from dataclasses import replace

import pytest
from support.sharing_model import GENERATORS, Node, address_of, close, owner, play, plus

from twopm_zk.errors import InputError
from twopm_zk.numbers.baby_jubjub import (
    BASE,
    FIELD_ORDER,
    SUBGROUP_ORDER,
    Point,
    add,
    multiply,
    negate,
)
from twopm_zk.sharing import ProvenPoint, Reveal, SecretKey, Verdict, commit, pair_truth

GARBAGE = (123456789, 987654321, 5)
WRONG = commit(GENERATORS, GARBAGE)
NOTHING_FOUND = Verdict()


@pytest.fixture
def scene():
    """All have shared, one of them rubbish."""
    game, nodes = play(4)
    liar = nodes[1]
    for node in nodes:
        if node is liar:
            game.share(node.address, game.set.digest, plus(node.vector(), GARBAGE))
        else:
            node.share()
    assert game.opened() is None
    return game, nodes, liar


def hidden_in_the_pair(liar, victim):
    """The liar's claims that add up: what is false is in one pair."""
    true = liar.part.claims(GENERATORS)[victim.address]
    smaller = int(liar.address, 16) < int(victim.address, 16)
    return {victim.address: add(true, WRONG if smaller else negate(WRONG))}


def claim_all(nodes, changes=None):
    for node in nodes:
        node.claim((changes or {}).get(node.address))


def test_true_claims_of_a_liar_do_not_add_up_and_so_it_stays_silent(scene):
    game, nodes, liar = scene
    claim_all(nodes)
    assert game.verdict() == Verdict(silent=frozenset([liar.address]))
    assert game.verdict().left_out == {liar.address}


@pytest.mark.parametrize("index", [0, 2, 3])
def test_a_liar_that_hides_it_in_one_pair_is_shown_by_the_other_node_of_it(scene, index):
    game, nodes, liar = scene
    victim = nodes[index]
    claim_all(nodes, {liar.address: hidden_in_the_pair(liar, victim)})
    pair = frozenset([liar.address, victim.address])
    assert game.verdict() == Verdict(contradicted=frozenset([pair]))
    assert game.verdict().left_out == pair  # if neither answers
    for node in nodes:
        if node is not liar:
            node.answer()
    (reveal,) = game.reveals
    assert (reveal.revealer, reveal.other) == (victim.address, liar.address)
    assert game.verdict() == Verdict(liars=frozenset([liar.address]))
    game.reveals = [liar.part._reveal(victim.address)]  # it convicts itself as well
    assert game.verdict() == Verdict(liars=frozenset([liar.address]))


def test_false_accusations_are_no_evidence(scene):
    game, nodes, liar = scene
    victim, third = nodes[2], nodes[0]
    claim_all(nodes, {liar.address: hidden_in_the_pair(liar, victim)})
    member = game.set.member(victim.address)
    fake = SecretKey(5)
    good = ProvenPoint.of(liar.round_key, member.round_key)
    lies = [
        ProvenPoint.of(fake, member.lasting),  # of a key that is not the liar's
        ProvenPoint.of(liar.lasting, game.set.member(third.address).lasting),  # of another pair
        good,  # of the other key
        replace(ProvenPoint.of(liar.lasting, member.lasting), eighth=multiply(BASE, 77)),
        replace(ProvenPoint.of(liar.lasting, member.lasting), response=1),
        replace(ProvenPoint.of(liar.lasting, member.lasting), eighth=Point(1, 1)),
    ]
    for lie in lies:
        game.reveals = [Reveal(liar.address, victim.address, lie, good)]
        assert pair_truth(game.set, GENERATORS, game.reveals[0]) is None
        assert not game.verdict().liars
    # nor does a lie beside the truth help
    victim.answer()
    assert game.verdict().liars == {liar.address}


def test_a_part_of_small_order_in_a_shared_point_changes_nothing():
    _, (one, other, _) = play(3)
    keys = one.lasting, other.lasting.posted
    honest = ProvenPoint.of(*keys)
    shifted = replace(honest, eighth=add(honest.eighth, Point(0, FIELD_ORDER - 1)))
    assert shifted.shared(one.lasting.posted, keys[1]) == honest.shared(one.lasting.posted, keys[1])
    assert honest.shared(one.lasting.posted, keys[1]) == one.lasting.shared_with(keys[1])


def test_two_liars_that_agree_open_the_sum_and_two_that_do_not_are_both_found(scene):
    game, nodes, liar = scene
    friend = nodes[3]
    lie = hidden_in_the_pair(liar, friend)
    claim_all(nodes, {liar.address: lie, friend.address: {liar.address: lie[friend.address]}})
    assert game.verdict().silent == {friend.address}  # its claims do not add up
    opposite = tuple(-scalar % SUBGROUP_ORDER for scalar in GARBAGE)
    game.shares[friend.address] = plus(friend.vector(), opposite)
    assert game.verdict(accuser=friend.address).frivolous == friend.address
    assert game.opened() == plus(*(node.opening for node in nodes))
    # they contradict each other, and both are false
    third = {liar.address: add(lie[friend.address], WRONG)}
    game.shares[friend.address] = plus(friend.vector(), tuple(-2 * scalar % SUBGROUP_ORDER for scalar in GARBAGE))
    claim_all(nodes, {liar.address: lie, friend.address: third})
    assert game.verdict().contradicted == {frozenset([liar.address, friend.address])}
    game.reveals = [liar.part._reveal(friend.address)]
    assert game.verdict() == Verdict(liars=frozenset([liar.address, friend.address]))


def test_a_proven_liar_makes_silence_and_other_contradictions_harmless(scene):
    game, nodes, liar = scene
    first, _, second, silent = nodes
    lies = hidden_in_the_pair(liar, second)
    lies[first.address] = add(liar.part.claims(GENERATORS)[first.address], BASE)
    claim_all([first, liar, second], {liar.address: lies})
    second.answer()
    verdict = game.verdict()
    assert verdict.liars == verdict.left_out == {liar.address}
    assert verdict.silent == {silent.address}
    assert not verdict.contradicted


def test_of_a_pair_with_a_silent_node_the_other_one_stays(scene):
    """What contradicts it may be the silent node's lie."""
    game, nodes, liar = scene
    for node in nodes:
        if node is not liar:
            node.claim()
    game.claims[liar.address] = {nodes[0].address: BASE}  # one false claim, and no more
    verdict = game.verdict()
    assert verdict.contradicted == {frozenset([liar.address, nodes[0].address])}
    assert verdict.left_out == verdict.silent == {liar.address}


def test_a_dispute_about_a_sum_that_opens_is_frivolous():
    game, nodes = play(3)
    for node in nodes:
        node.share()
    claim_all(nodes)
    accuser = nodes[0].address
    assert game.verdict(accuser) == Verdict(frivolous=accuser)
    del game.claims[nodes[1].address]
    assert game.verdict(accuser) == Verdict(
        silent=frozenset([nodes[1].address])
    )  # not yet: it may have to be waited for


def test_claims_are_complete_with_a_point_of_the_curve_for_each_other_node():
    game, nodes = play(3)
    for node in nodes:
        node.share()
    claim_all(nodes)
    first, _, third = nodes
    del game.claims[first.address][third.address]
    assert game.verdict().silent == {first.address}
    first.claim({third.address: Point(1, 0)})
    assert game.verdict().silent == {first.address}


def test_an_honest_node_answers_only_whom_it_is_contradicted_by(scene):
    game, nodes, liar = scene
    claim_all(nodes, {liar.address: hidden_in_the_pair(liar, nodes[2])})
    asked = [node.address for node in nodes if node.part.answers(GENERATORS, game.claims)]
    assert asked == [nodes[2].address]


def test_a_shared_point_is_read_from_exactly_four_numbers_of_256_bits():
    proven = ProvenPoint.of(SecretKey(3), SecretKey(4).posted)
    numbers = (*proven.eighth, proven.challenge, proven.response)
    assert ProvenPoint.parse(*numbers) == proven
    for wrong in (numbers[:3], (*numbers, 0), (*numbers[:3], 2**256), (-1, *numbers[1:])):
        with pytest.raises(InputError, match="four numbers"):
            ProvenPoint.parse(*wrong)


def test_proofs_of_shared_points_use_another_nonce_for_each_statement():
    secret, others = SecretKey(77), [SecretKey(number).posted for number in (4, 5)]
    proofs = [ProvenPoint.of(secret, other) for other in others]
    key = secret.aggregation_key(owner(address_of(1)))
    nonces = {(proof.response - proof.challenge * 77) % SUBGROUP_ORDER for proof in [*proofs, key]}
    assert len(nonces) == 3


@pytest.mark.slow
def test_a_liar_among_the_neighbours_of_a_large_set_is_found_and_nobody_else():
    game, _ = play(0, submit=False)
    nodes = [Node(game, address_of(number)) for number in range(16, 180)]
    for number, node in enumerate(nodes):
        game.keys[node.address] = node.lasting.posted
        node.update(number, -number)
    close(nodes)
    liar = nodes[70]
    near = {member.address for member in game.set.neighbours(liar.address)}
    assert len(near) < len(nodes) - 1
    victim = next(node for node in nodes if node.address in near)
    stranger = next(node for node in nodes if node.address not in near and node is not liar)
    for node in (liar, victim, stranger):
        game.share(node.address, game.set.digest, plus(node.vector(), GARBAGE) if node is liar else node.vector())
        node.claim(hidden_in_the_pair(liar, victim) if node is liar else None)
    assert stranger.address not in game.claims[liar.address]
    assert game.verdict().contradicted == {frozenset([liar.address, victim.address])}
    for node in (victim, stranger):
        node.answer()
    verdict = game.verdict()
    assert verdict.liars == {liar.address}
    assert not {victim.address, stranger.address} & verdict.silent
    # what it would claim of who is no neighbour of its counts for nothing
    lie = game.claims[liar.address] | {stranger.address: WRONG}
    game.claims[liar.address] = lie
    assert game.verdict() == verdict
