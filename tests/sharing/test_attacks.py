"""Every known attack on sharing: it succeeds where the rule that stops it is missing, and fails where all hold."""

from dataclasses import replace

import pytest
from support.sharing_model import (
    GENERATORS,
    LANES,
    PHASE,
    Node,
    RefusedError,
    Rule,
    address_of,
    close,
    minus,
    owner,
    play,
    plus,
    submit_and_close,
    without,
)

from twopm_zk.numbers.baby_jubjub import (
    BASE,
    COFACTOR,
    FIELD_ORDER,
    SUBGROUP_ORDER,
    Point,
    add,
    hash_to_point,
    multiply,
    negate,
)
from twopm_zk.sharing import (
    AggregationKey,
    Conditions,
    PostedKey,
    ProvenPoint,
    Reveal,
    SecretKey,
    SharedPoints,
    commit,
    disputes,
    masked,
    pair_mask,
    pairs,
)

ORDER_2 = Point(0, FIELD_ORDER - 1)


def test_honest_nodes_open_their_sum_and_nothing_else():
    game, nodes = play(4)
    assert all(node.share() for node in nodes)
    assert game.opened() == plus(*(node.opening for node in nodes))
    assert not {node.opening for node in nodes} & set(game.shares.values())


# Each attack plays a whole game, and says whether it got what it wanted


def a_late_share_is_seen_beside_the_sum_of_the_others(missing):
    game, nodes = play(5, missing)
    *others, last = nodes
    for node in others:
        node.share()
    game.now += PHASE * 9 // 10
    seen = last.send()  # on its way, and not taken in time
    if seen is None:
        return False
    first = plus(seen, *game.shares.values())
    game.now = game.deadline + 1
    game.expel(last.address)
    for node in others:
        node.conditions = Conditions()
        assert node.share()
    return minus(first, game.opened()) == last.opening


def a_silent_accomplice_knows_the_sum_of_all_others_before_one_of_them_is_left_out(missing):
    game, nodes = play(5, missing)
    accomplice, unlucky, *rest = nodes
    for node in nodes[1:]:
        node.share()
    masks = accomplice.part.masks(len(GENERATORS))
    known = masked(accomplice.address, plus(*game.shares.values()), masks)  # its own masks, taken off
    assert known == plus(*(node.opening for node in nodes[1:]))
    game.withdraw(accomplice.address)
    for node in rest:
        node.share()  # the unlucky one has lost its connection for a moment
    try:
        game.share_again_without(unlucky.address)
    except RefusedError:
        assert unlucky.share()
        assert game.opened() == known
        return False
    for node in rest:
        node.share()
    return minus(known, game.opened()) == unlucky.opening


def rubbish_in_one_share(nodes, liar):
    """All share, one of them rubbish; what it added, and what it knows: the sum of all others."""
    game = nodes[0].game
    garbage = (123456789, 987654321, 5)
    for node in nodes:
        if node is not liar:
            assert node.share()
    game.share(liar.address, game.set.digest, plus(liar.vector(), garbage))
    assert game.opened() is None
    return garbage, minus(plus(*game.shares.values()), plus(garbage, liar.opening))


def a_censored_node_is_left_out_for_silence_in_a_dispute(missing):
    """The liar is silent as well: nothing it could claim adds up. The contract knows silence only."""
    game, nodes = play(6, missing)
    liar, censored, *rest = nodes
    _, known = rubbish_in_one_share(nodes, liar)
    for node in rest:
        node.claim()
    verdict = game.verdict()
    assert verdict.silent == verdict.left_out == {liar.address, censored.address}
    game.settle()
    willing = [node.share() for node in rest]
    return all(willing) and minus(known, game.opened()) == censored.opening


def a_censored_node_is_left_out_beside_a_proven_liar(missing):
    game, nodes = play(6, missing)
    liar, censored, victim, *rest = nodes
    garbage, known = rubbish_in_one_share(nodes, liar)
    liar.claim({victim.address: add(liar.part.claims(GENERATORS)[victim.address], commit(GENERATORS, garbage))})
    for node in (victim, *rest):
        node.claim()
    victim.answer()
    game.settle()
    for node in (victim, *rest):
        node.conditions = Conditions()
        assert node.share()
    if censored.address in game.set:
        assert game.penalised == [liar.address]
        return False
    return minus(known, game.opened()) == censored.opening


def a_copied_key_has_the_masks_of_the_one_it_was_copied_from(missing):
    """They cancel for a node whose address lies between the two: its share would be its opening."""
    game, (copied, victim, third) = play(3, missing, addresses=(16, 32, 64), submit=False)
    key = copied.lasting.aggregation_key(owner(copied.address))
    thief = Node(game, address_of(48), lasting=copied.lasting, round_key=copied.round_key)
    try:
        game.register(thief.address, key)  # with the proof that it comes with: there is no other
    except RefusedError:
        return False
    submit_and_close([copied, victim, thief, third])
    masks = victim.part.masks(len(GENERATORS))
    masks.pop(third.address)  # an accomplice, which knows its own
    return masked(victim.address, victim.opening, masks) == victim.opening


def a_related_key_learns_what_two_honest_nodes_have_in_common(missing):
    """A member posts t times another one's keys, shares rubbish, and claims it. Its victim shows what they have in
    common: t times what it has in common with the other one."""
    game, (other, victim) = play(2, missing, addresses=(16, 32), submit=False)
    t, inverse = 12345, pow(12345, -1, SUBGROUP_ORDER)
    attacker = address_of(48)
    lasting = AggregationKey(multiply(other.lasting.posted.eighth, t), 1, 1)
    try:
        game.register(attacker, lasting)
    except RefusedError:
        return False
    for node in (other, victim):
        node.update(4, 5)
    game.submit(attacker, *small_point())
    game.close()
    other.ready()
    victim.ready()
    game.ready(attacker, PostedKey(multiply(other.round_key.posted.eighth, t)))
    game.start()
    vector = victim.vector()
    game.shares[victim.address] = vector
    victim.claim()
    game.claims[attacker] = {victim.address: hash_to_point("some claim")}
    victim.answer()
    (shown,) = game.reveals
    S = [multiply(proven.eighth, disputes.COFACTOR) for proven in (shown.lasting, shown.round_key)]
    mask_of = {
        address: pair_mask(pairs.pair_seed(game.set.digest, victim.address, address, SharedPoints(*points)), 3)
        for address, points in ((other.address, [multiply(point, inverse) for point in S]), (attacker, S))
    }
    own = {address: tuple(-scalar for scalar in mask) for address, mask in mask_of.items()}
    return masked(victim.address, vector, own) == victim.opening


def small_point():
    """A point of the subgroup whose x is small enough for an update."""
    return next(p for p in (multiply(BASE, k) for k in range(2, 50)) if p.x < 1 << 252)


def a_part_of_order_2_in_what_is_shown_puts_the_blame_on_another(missing):
    """Its proof holds for every even challenge, which the second try or so gives."""
    game, nodes = play(3, missing)
    liar, victim, _ = nodes
    true = liar.part.shared_points(game.set.member(victim.address))
    false = SharedPoints(add(true.lasting, ORDER_2), true.round_key)
    forged = pair_mask(disputes.pair_seed(game.set.digest, liar.address, victim.address, false), len(GENERATORS))
    for node in nodes:
        vector = node.vector()
        if node is liar:
            honest = liar.part.masks(len(GENERATORS))[victim.address]
            vector = plus(minus(vector, honest), forged)
        game.share(node.address, game.set.digest, vector)
        node.claim({victim.address: commit(GENERATORS, forged)} if node is liar else None)
    victim_key = game.set.member(victim.address)
    liars_key = game.set.member(liar.address)
    shown = forged_proof(liar.lasting, liars_key.lasting, victim_key.lasting, multiply(false.lasting, disputes.EIGHTH))
    game.reveals.append(
        Reveal(liar.address, victim.address, shown, ProvenPoint.of(liar.round_key, victim_key.round_key))
    )
    return game.verdict().liars == {victim.address}


def forged_proof(secret, mine, other, eighth):
    """By trying nonces until the challenge is even; the first one where that cannot help."""
    shared = multiply(eighth, disputes.COFACTOR)
    found = None
    for nonce in range(1, 40):
        numbers = (*mine.point, *other.point, *shared, *multiply(BASE, nonce), *multiply(other.point, nonce))
        challenge = disputes.challenge_of(disputes.numbers_hash("twopm-zk shared point", *numbers))
        found = ProvenPoint(eighth, challenge, (nonce + challenge * secret.scalar) % SUBGROUP_ORDER)
        if challenge % 2 == 0:
            break
    return found


def a_key_with_a_part_of_order_2_ruins_the_proofs_of_honest_nodes(missing):
    """What they have in common with it has a part of order 2 where their secret is odd, and then proofs fail."""
    bad = PostedKey(add(multiply(BASE, 999), ORDER_2))
    secrets = [SecretKey(scalar) for scalar in range(3, 23, 2)]
    return not all(ProvenPoint.of(secret, bad).shared(secret.posted, bad) for secret in secrets)


def a_reorganised_chain_gets_the_same_masks_over_one_update_more(missing):
    game, nodes = play(3, missing)
    victim = nodes[0]
    first = victim.vector()
    more = victim.update(77, 88)
    game.close(bytes([1]) * 32)  # another fork, in which that update came before the end
    for node in nodes:
        node.ready()
    game.start()
    return minus(victim.vector(), first) == more


def a_lasting_key_that_is_stolen_years_later_opens_a_share(missing):
    game, nodes = play(3, missing)
    victim = nodes[0]
    victim.share()
    seen = game.shares[victim.address]
    masks = {}
    for other in game.set.neighbours(victim.address):
        shared = SharedPoints(victim.lasting.shared_with(other.lasting), BASE)  # the round's secrets are gone
        seed = pairs.pair_seed(game.set.digest, victim.address, other.address, shared)
        masks[other.address] = tuple(-scalar for scalar in pair_mask(seed, len(GENERATORS)))
    return masked(victim.address, seen, masks) == victim.opening


def the_opposite_of_what_was_proven_is_taken(missing):
    game, _ = play(1, missing, submit=False)
    point = small_point()
    game.submit(address_of(50), *point)
    try:
        game.submit(address_of(51), *negate(point))
    except RefusedError:
        return False
    return True


def one_blinding_for_two_updates_tells_guesses_about_their_difference(missing):
    _, (node,) = play(1, missing, submit=False)
    blinding = next(b for b in range(1, 200) if all(commit(GENERATORS, (v, 3, b)).x < 1 << 252 for v in (1000, 1012)))
    reused = blinding if Rule.FRESH_BLINDING in missing else None
    points = [commit(GENERATORS, node.update(value, 3, blinding=reused)) for value in (1000, 1012)]
    return add(points[1], negate(points[0])) == multiply(GENERATORS[0], 12)


def two_tasks_at_zero_weights_differ_by_one_node(missing):
    game, nodes = play(4, missing)
    for node in nodes:
        node.share()
    second, _ = play(0, missing, submit=False, task=2)
    again = nodes[:3]
    for node in again:
        node.game, node.opening, node.round_key = second, (), SecretKey.drawn()
        node.register()
    submit_and_close(again)
    willing = [not node.objections_to_ready() and node.share() for node in again]
    if not all(willing):
        return False
    difference = minus(game.opened(), second.opened())
    return difference[:2] == nodes[3].opening[:2]


MOMENTS = {16: (9, 2, 4), 17: (25, -3, 6), 18: (16, 5, -7), 19: (49, 11, 13)}
"""Of each node's rows: the sums of x^2 and of x (of 5 rows), and of y x; the last one takes its leave after a round."""


def of_moments(address):
    square, linear, product = MOMENTS[int(address, 16)]
    return ((square, linear), (linear, 5)), (product, square - product)


def linear_gradient(address, weights):
    """A w - b of one node."""
    A, b = of_moments(address)
    return tuple(sum(a * w for a, w in zip(row, weights, strict=True)) - c for row, c in zip(A, b, strict=True))


def linear_round(nodes, missing, number, lanes, statement, *, at):
    """One more round of a linear regression, in which nodes share what ``lanes`` says; its sum, None where one is not
    willing."""
    game, _ = play(0, missing, submit=False, task=number)
    for node in nodes:
        rule = Rule.LINEAR not in missing
        name, weights = ("moments", None) if rule else (statement, hash(at))
        node.game, node.opening, node.round_key = game, (), SecretKey.drawn()
        node.collection = replace(node.collection, statement=name, weights=weights)
        node.register()
        node.update(*lanes(node.address))
    close(nodes)
    willing = [not node.objections_to_ready() and node.share() for node in nodes]
    return game.opened() if all(willing) else None


def two_gradients_of_a_linear_model_at_different_weights_differ_by_one_node(missing):
    """Its information is the same at all weights: with it the first gradient tells what it is at the second ones."""
    _, nodes = play(4, missing, submit=False)
    first, second = (3, -1), (10, 4)
    A = [[sum(of_moments(node.address)[0][i][j] for node in nodes) for j in (0, 1)] for i in (0, 1)]  # it is public
    at_first = linear_round(nodes, missing, 2, lambda node: linear_gradient(node, first), "gradient", at=first)
    at_second = linear_round(nodes[:3], missing, 3, lambda node: linear_gradient(node, second), "gradient", at=second)
    if at_second is None:
        return False
    moved = [sum(a * (new - old) for a, new, old in zip(row, second, first, strict=True)) for row in A]
    predicted = plus(at_first[:2], moved)
    return minus(predicted, at_second[:2]) == tuple(
        value % SUBGROUP_ORDER for value in linear_gradient(nodes[3].address, second)
    )


def two_gradients_of_a_linear_model_tell_of_the_information_of_a_node_that_has_left(missing):
    """They give the information of their set, along the difference of their weights: beside that of one node more."""
    _, nodes = play(4, missing, submit=False)
    zero, second = (0, 0), (1, 0)
    of_all = linear_round(nodes, missing, 2, lambda node: of_moments(node)[0][0], "information", at=zero)
    sums = [
        linear_round(nodes[:3], missing, number, lambda node, at=at: linear_gradient(node, at), "gradient", at=at)
        for number, at in ((3, zero), (4, second))
    ]
    if None in sums:
        return False
    column = minus(sums[1], sums[0])[:2]
    return minus(of_all[:2], column) == of_moments(nodes[3].address)[0][0]


def shares_that_were_seen_but_not_taken_are_followed_by_another_set(missing):
    """Accomplices withdraw for nothing before any share is taken: the attempt is reopened, with one node less."""
    game, nodes = play(5, missing, minimum=5)
    accomplices, honest = nodes[:2], nodes[2:]
    seen = plus(*(node.send() for node in honest))
    for accomplice in accomplices:
        seen = masked(accomplice.address, seen, accomplice.part.masks(len(GENERATORS)))
    first = game.set
    for accomplice in accomplices:
        game.withdraw(accomplice.address)
    assert game.set != first
    # masks among the honest nodes cancel, those with accomplices are known: the sum of the honest ones is out
    assert seen == plus(*(node.opening for node in honest))
    game.reopen()
    again = [*honest[:2], accomplices[0]]
    for node, lanes in zip(again, [*LANES[2:4], (0, 0)], strict=True):
        node.opening, node.round_key = (), SecretKey.drawn()
        node.update(*lanes)
    game.close()
    for node in again:
        node.ready()
    game.start()
    accomplices[0].share()
    if not all(node.share() for node in honest[:2]):
        return False
    return minus(seen, game.opened())[:2] == tuple(lane % SUBGROUP_ORDER for lane in LANES[4])


def shares_that_are_kept_from_the_chain_are_followed_by_another_set(missing):
    """A sequencer takes no share and sees them all: the round starts again, and it keeps one node out of the set."""
    game, nodes = play(4, missing)
    seen = plus(*(node.send() for node in nodes))
    assert seen == plus(*(node.opening for node in nodes))
    game.now = game.deadline + 1
    game.reopen()
    again = nodes[:3]
    for node in again:
        node.opening, node.round_key = (), SecretKey.drawn()
    submit_and_close(again)
    willing = [not node.objections_to_ready() and node.share() for node in again]
    if not all(willing):
        return False
    return minus(seen, game.opened())[:2] == tuple(lane % SUBGROUP_ORDER for lane in LANES[3])


def accounts_for_nothing_make_a_set_of_one(missing):
    """Enough nodes are there, and all but one are the same person."""
    game, nodes = play(4, missing)
    victim, *sybils = nodes
    named = frozenset() if Rule.NAMED_ACCOUNTS in missing else frozenset([address_of(99)])
    victim.conditions = Conditions(nodes=3, accounts=named)
    if not victim.share():
        return False
    masks = {}
    for sybil in sybils:
        mask = sybil.part.masks(len(GENERATORS))[victim.address]
        masks[sybil.address] = tuple(-scalar for scalar in mask)
    return masked(victim.address, game.shares[victim.address], masks) == victim.opening


ATTACKS = [
    (a_late_share_is_seen_beside_the_sum_of_the_others, [Rule.EARLY]),
    (a_silent_accomplice_knows_the_sum_of_all_others_before_one_of_them_is_left_out, [Rule.FIXED_SET]),
    (a_censored_node_is_left_out_for_silence_in_a_dispute, [Rule.REFUSE_AFTER_SILENCE]),
    (a_censored_node_is_left_out_beside_a_proven_liar, [Rule.HARMLESS_SILENCE]),
    (a_copied_key_has_the_masks_of_the_one_it_was_copied_from, [Rule.PAIR, Rule.POSSESSION]),
    (a_related_key_learns_what_two_honest_nodes_have_in_common, [Rule.POSSESSION]),
    (a_part_of_order_2_in_what_is_shown_puts_the_blame_on_another, [Rule.COFACTOR]),
    (a_key_with_a_part_of_order_2_ruins_the_proofs_of_honest_nodes, [Rule.COFACTOR]),
    (a_reorganised_chain_gets_the_same_masks_over_one_update_more, [Rule.DIGEST]),
    (a_lasting_key_that_is_stolen_years_later_opens_a_share, [Rule.ROUND_KEYS]),
    (the_opposite_of_what_was_proven_is_taken, [Rule.SMALL_X]),
    (one_blinding_for_two_updates_tells_guesses_about_their_difference, [Rule.FRESH_BLINDING]),
    (two_tasks_at_zero_weights_differ_by_one_node, [Rule.LEDGER]),
    (two_gradients_of_a_linear_model_at_different_weights_differ_by_one_node, [Rule.LINEAR]),
    (two_gradients_of_a_linear_model_tell_of_the_information_of_a_node_that_has_left, [Rule.LINEAR]),
    (shares_that_were_seen_but_not_taken_are_followed_by_another_set, [Rule.LEDGER]),
    (shares_that_are_kept_from_the_chain_are_followed_by_another_set, [Rule.LEDGER]),
    (accounts_for_nothing_make_a_set_of_one, [Rule.NAMED_ACCOUNTS]),
]
NAMED = pytest.mark.parametrize(("attack", "rules"), ATTACKS, ids=lambda value: getattr(value, "__name__", ""))


@NAMED
def test_attack_succeeds_without_its_rule(monkeypatch, attack, rules):
    without(monkeypatch, *rules)
    assert attack(frozenset(rules))


@NAMED
def test_attack_fails_where_all_rules_hold(attack, rules):
    assert not attack(frozenset())


def test_what_remains_is_a_liar_with_a_related_key_of_the_round_and_a_lasting_key_stolen_later():
    """Keys of a round have no proof of possession. A liar that posts a multiple of another node's one, and pays the
    penalty, has its victim show a multiple of what both have in common; with one of their lasting keys, stolen later,
    that is their mask. Nobody who lacks a lasting key gains anything."""
    t, inverse = 12345, pow(12345, -1, SUBGROUP_ORDER)
    game, (other, victim, liar) = play(3, submit=False)
    for node in (other, victim, liar):
        node.update(4, 5)
    game.close()
    other.ready()
    victim.ready()
    game.ready(liar.address, PostedKey(multiply(other.round_key.posted.eighth, t)))
    game.start()
    victim.claim()
    game.claims[liar.address] = {victim.address: hash_to_point("some claim")}
    victim.answer()
    (shown,) = game.reveals
    round_point = multiply(multiply(shown.round_key.eighth, COFACTOR), inverse)
    lasting_points = {
        "stolen": victim.lasting.shared_with(other.lasting.posted),
        "shown": multiply(shown.lasting.eighth, COFACTOR),
    }
    true = victim.part.masks(len(GENERATORS))[other.address]
    found = {
        name: pair_mask(
            pairs.pair_seed(game.set.digest, victim.address, other.address, SharedPoints(point, round_point)), 3
        )
        for name, point in lasting_points.items()
    }
    assert found["stolen"] == true
    assert found["shown"] != true
