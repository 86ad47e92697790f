"""When a node says ready, shares, or may withdraw."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sharing_model import PHASE, ROWS, address_of, minus, play

from twopm_zk.sharing import (
    Collection,
    Conditions,
    Departure,
    Earlier,
    Ledger,
    PhaseTime,
    ready_objections,
    share_objections,
    withdrawal_objections,
)

COLLECTION = Collection(statement="gradient", weights=5, data=frozenset([1, 2]))
LINEAR = replace(COLLECTION, weights=None)
FEDERATED = replace(COLLECTION, statement="update", same_rows=True)
ROWS_OF = {address_of(number): (number, 10 * number) for number in (16, 17, 18, 19)}
"""Two batches of each node, one of which takes no part at first."""
EARLY = PhaseTime(now=0, deadline=PHASE, length=PHASE)


@pytest.fixture(scope="module")
def three():
    game, _ = play(3)
    return game.set


def to_ready(three, conditions=None, collection=COLLECTION, **changed):
    given = {
        "place": three.place,
        "candidates": three.addresses,
        "rows": ROWS_OF,
        "own_rows": ROWS,
        "time": EARLY,
        "ledger": Ledger(),
    }
    return kinds(ready_objections(conditions or Conditions(), collection, **(given | changed)))


def to_share(three, conditions=None, collection=COLLECTION, **changed):
    given = {"sharing_set": three, "digest": three.digest, "own_rows": ROWS, "time": EARLY, "ledger": Ledger()}
    given |= {"rows": ROWS_OF} | changed
    if "sharing_set" in changed and "digest" not in changed:
        given["digest"] = changed["sharing_set"].digest
    return kinds(share_objections(conditions or Conditions(), collection, **given))


def kinds(objections):
    assert all(len(objection.message) > 10 for objection in objections)
    return {objection.kind for objection in objections}


@pytest.mark.parametrize("asked", [to_ready, to_share])
def test_every_condition_of_the_owner_is_looked_at(three, asked):
    there = three.addresses[0]
    assert asked(three) == set()
    assert asked(three, Conditions(nodes=3, rows=ROWS, accounts=frozenset([there.upper().replace("X", "x")]))) == set()
    assert asked(three, Conditions(nodes=4)) == {"too-few-nodes"}
    assert asked(three, Conditions(rows=ROWS + 1)) == {"too-few-own-rows"}
    assert asked(three, Conditions(accounts=frozenset([there, address_of(999)]))) == {"accounts-missing"}
    everything = Conditions(nodes=4, rows=ROWS + 1, accounts=frozenset([address_of(999)]))
    assert asked(three, everything) == {"too-few-nodes", "too-few-own-rows", "accounts-missing"}


@pytest.mark.parametrize("asked", [to_ready, to_share])
@pytest.mark.parametrize(("now", "late"), [(0, False), (199, False), (200, True), (299, True), (301, True)])
def test_nothing_is_sent_in_the_last_third_of_a_phase(three, asked, now, late):
    assert (asked(three, time=PhaseTime(now, 300, 300)) == {"too-late"}) == late


def test_a_set_that_the_contract_does_not_have_is_no_set_to_share_with(three):
    assert to_share(three, digest=bytes(32)) == {"another-set"}


def shared(three, collection=COLLECTION):
    return Ledger().with_share(collection, three, ROWS_OF)


def elsewhere(three, **changes):
    """A set of the same members in another attempt, with other points."""
    other = three.members[0]
    members = tuple(replace(member, commitment=other.point) for member in three.members)
    return replace(three, place=replace(three.place, **changes), digest=bytes(32), members=members, earlier=())


@pytest.mark.parametrize("name", ["task", "round", "attempt", "chain_id", "contract"])
def test_rows_are_shared_once_at_the_same_weights_wherever_that_is(three, name):
    value = address_of(1) if name == "contract" else getattr(three.place, name) + 1
    other = elsewhere(three, **{name: value})
    assert "shared-before" not in to_share(other)
    assert "shared-before" in to_share(other, ledger=shared(three))
    assert to_ready(other, ledger=shared(three)) == {"shared-before"}


def test_one_row_in_both_is_too_many_and_other_rows_weights_or_statements_are_fine(three):
    other = elsewhere(three, task=9)
    for collection in (
        replace(COLLECTION, data=frozenset([2, 3])),
        replace(COLLECTION, data=frozenset([1])),
    ):
        assert to_share(other, collection=collection, ledger=shared(three)) == {"shared-before"}
    for collection in (
        replace(COLLECTION, data=frozenset([3])),
        replace(COLLECTION, weights=6),
        replace(COLLECTION, statement="information"),
    ):
        assert to_share(other, collection=collection, ledger=shared(three)) == set()
        assert to_ready(other, collection=collection, ledger=shared(three)) == set()


def test_a_linear_regression_goes_on_over_the_same_rows_of_the_same_nodes_at_whatever_weights(three):
    other, ledger = elsewhere(three, round=2), shared(three, LINEAR)
    assert to_ready(other, collection=LINEAR, ledger=ledger) == set()
    assert to_share(other, collection=LINEAR, ledger=ledger) == set()
    again = ledger.with_share(LINEAR, other, ROWS_OF)
    assert to_share(elsewhere(three, round=3), collection=LINEAR, ledger=again) == set()
    order = {node: rows[::-1] for node, rows in reversed(ROWS_OF.items())}
    assert to_share(other, collection=LINEAR, ledger=ledger, rows=order) == set()


def test_a_linear_regression_does_not_go_on_over_other_rows_or_nodes(three):
    other, ledger = elsewhere(three, round=2), shared(three, LINEAR)
    first = three.addresses[0]
    smaller = replace(other, members=other.members[:2])
    larger = replace(other, members=(*other.members, replace(other.members[0], address=address_of(19))))
    for changed in (smaller, larger):
        asked = {"collection": LINEAR, "ledger": ledger}
        assert to_share(changed, Conditions(nodes=2), **asked) == {"shared-before"}
        assert to_ready(changed, Conditions(nodes=2), **asked) == {"shared-before"}
    for rows in ((16,), (16, 160, 7), (16, 161)):
        asked = {"collection": LINEAR, "ledger": ledger, "rows": {**ROWS_OF, first: rows}}
        assert to_share(other, **asked) == {"shared-before"}
        assert to_ready(other, **asked) == {"shared-before"}
    assert (
        to_share(smaller, Conditions(nodes=2), collection=replace(LINEAR, data=frozenset([3])), ledger=ledger) == set()
    )
    assert to_share(smaller, Conditions(nodes=2), collection=replace(LINEAR, statement="q"), ledger=ledger) == set()


EXACT = replace(COLLECTION, same_rows=True)


def test_exact_sums_over_the_same_rows_of_the_same_nodes_may_be_shared_in_another_task(three):
    """They are the same sum; over fewer nodes, more, or other rows they are not."""
    ledger, other = shared(three, EXACT), elsewhere(three, task=9)
    asked = {"collection": EXACT, "ledger": ledger, "earlier": Earlier(rows_of(three))}
    assert to_ready(other, **asked) == to_share(other, **asked) == set()
    for changed in (replace(other, members=other.members[:2]), joined(three, 19)):
        assert to_share(changed, Conditions(nodes=2), **asked) == {"shared-before"}
    first = three.addresses[0]
    assert to_share(other, **asked, rows={**ROWS_OF, first: (16,)}) == {"shared-before"}
    assert to_ready(other, candidates=joined(three, 19).addresses, **asked) == {"shared-before"}  # it could share first


def rows_of(three):
    return {node: ROWS_OF[node] for node in three.addresses}


def without(three, *numbers, **changes):
    other = elsewhere(three, task=9, **changes)
    gone = [three.addresses[number] for number in numbers]
    return replace(other, members=tuple(one for one in other.members if one.address not in gone))


@pytest.mark.parametrize("collection", [EXACT, LINEAR])
def test_whoever_has_released_the_others_may_be_left_out_and_nobody_else(three, collection):
    first, second, _ = three.addresses
    asked = {"collection": collection, "ledger": shared(three, collection), "conditions": Conditions(nodes=1)}
    refused, free = {"shared-before"}, Earlier(rows_of(three), frozenset([second]))
    assert to_share(without(three, 1), **asked) == refused
    assert to_share(without(three, 1), **asked, earlier=Earlier(rows_of(three))) == refused
    assert to_share(without(three, 1), **asked, earlier=free) == set()
    assert to_ready(without(three, 1), **asked, earlier=free) == set()
    for others in ((0,), (1, 2), (0, 1)):  # or a second one with it: the difference would be of both
        assert to_share(without(three, *others), **asked, earlier=free) == refused
        assert to_ready(without(three, *others), **asked, earlier=free) == refused
    both = replace(free, released=frozenset([first, second]))
    assert to_share(without(three, 0, 1), **asked, earlier=both) == set()
    other_rows = {**ROWS_OF, first: (16, 999)}
    assert to_share(without(three, 1), **asked, earlier=free, rows=other_rows) == refused


@pytest.mark.parametrize("collection", [EXACT, LINEAR])
def test_an_earlier_sum_that_an_endpoint_made_up_is_none(three, collection):
    """What a node goes by is its ledger: a sum over fewer, or over a node that is gone now, is another one."""
    first, second, third = three.addresses
    asked = {"collection": collection, "ledger": shared(three, collection), "conditions": Conditions(nodes=1)}
    rows = rows_of(three)
    for made_up in (
        {first: rows[first], third: rows[third]},
        {**rows, second: (17,)},
        {**rows, address_of(19): (19,)},
    ):
        earlier = Earlier(made_up, frozenset([second, address_of(19)]))
        assert to_share(without(three, 1), **asked, earlier=earlier) == {"shared-before"}


def test_what_is_shared_without_somebody_is_what_is_shared_from_then_on(three):
    second = three.addresses[1]
    free = Earlier(rows_of(three), frozenset([second]))
    ledger = shared(three, EXACT).with_share(EXACT, without(three, 1), ROWS_OF)
    asked = {"collection": EXACT, "ledger": ledger, "conditions": Conditions(nodes=1)}
    again, whole = (replace(one, digest=b"n" * 32) for one in (without(three, 1, attempt=5), elsewhere(three, task=10)))
    assert to_share(again, **asked, earlier=Earlier({one: ROWS_OF[one] for one in again.addresses})) == set()
    assert to_share(whole, **asked, earlier=free) == {"shared-before"}


def joined(three, *numbers):
    """The set in another round, with more nodes, ready before the others or after them."""
    other = elsewhere(three, round=2)
    more = [replace(other.members[0], address=address_of(number)) for number in numbers]
    return replace(other, members=(*more[:1], *other.members, *more[1:]))


def test_a_linear_regression_goes_on_where_others_join_those_that_it_began_with(three):
    """They tell of their own rows alone; and if they stopped the others, any stranger could."""
    base, larger = three.addresses, joined(three, 19)
    ledger = shared(three, LINEAR)
    for _ in range(3):
        asked = {"collection": LINEAR, "ledger": ledger, "base": base}
        for following in (larger, elsewhere(three, round=3)):  # who has joined may stay away again
            assert to_share(following, **asked) == set()
            assert to_ready(following, **asked) == set()
        ledger = ledger.with_share(LINEAR, larger, ROWS_OF, base)
    larger = replace(larger, place=replace(larger.place, round=4), digest=bytes([4]) * 32)
    smaller = replace(larger, members=tuple(one for one in larger.members if one.address != base[1]))
    for refused in ({"sharing_set": smaller}, {"sharing_set": larger, "rows": {**ROWS_OF, base[1]: (17,)}}):
        assert to_share(three, **asked | refused) == {"shared-before"}


@pytest.mark.parametrize("base", [(), (0,), (0, 1), (0, 1, 2, 19)])
def test_a_base_that_an_endpoint_made_up_is_none(three, base):
    """What a node goes by is its ledger: whoever says that it began with others is not believed."""
    named = tuple(address_of(number) if number > 2 else three.addresses[number] for number in base)
    asked = {"collection": LINEAR, "ledger": shared(three, LINEAR), "base": named}
    for following in (joined(three, 19), replace(joined(three, 19), members=joined(three, 19).members[:3])):
        assert to_share(following, Conditions(nodes=1), **asked) == {"shared-before"}
        assert to_ready(following, Conditions(nodes=1), **asked) == {"shared-before"}


@pytest.mark.slow
@given(st.lists(st.sets(st.sampled_from(range(5))), max_size=6))
def test_whatever_sums_a_node_shares_in_nothing_tells_its_rows_from_those_of_the_others_of_the_base(three, rounds):
    """Moments of nodes are unknowns, each sum an equation: two unknowns that are in the same ones cannot be told apart,
    also by who knows all others."""
    everybody = [*three.members, *(replace(three.members[0], address=address_of(number)) for number in (19, 20))]
    rows = ROWS_OF | {address_of(20): (20,)}
    ledger, equations = shared(three, LINEAR), [set(three.addresses)]
    for number, chosen in enumerate(rounds, start=1):
        place = replace(three.place, round=number)
        members = tuple(everybody[one] for one in sorted(chosen))
        following = replace(three, place=place, digest=bytes([number]) * 32, members=members, earlier=())
        if three.addresses[0] in following and ledger.allows(LINEAR, following, rows, three.addresses):
            ledger = ledger.with_share(LINEAR, following, rows, three.addresses)
            equations.append(set(following.addresses))
    assert all(set(three.addresses) <= equation for equation in equations)
    assert len(equations) == 1 + sum({0, 1, 2} <= chosen for chosen in rounds)


def test_a_linear_regression_goes_on_with_those_whom_an_attempt_has_left(three):
    """A node that falls silent among those that share gives up its place, and the others need not pay for it."""
    ledger = shared(three, LINEAR)
    for reason in Departure:
        smaller = three.without(three.addresses[2], reason).next_share_attempt()
        asked = {"collection": LINEAR, "ledger": ledger}
        assert to_share(smaller, Conditions(nodes=2), **asked) == set()
        asked["ledger"] = ledger.with_share(LINEAR, smaller, ROWS_OF, three.addresses)
        asked["base"] = smaller.addresses
        following = elsewhere(smaller, round=2)
        assert to_share(following, Conditions(nodes=2), **asked) == set()
        assert to_ready(following, Conditions(nodes=2), **asked) == set()
        # who has left gave its own rows away by that, and may be there again or not
        assert to_share(elsewhere(three, round=2), **asked) == set()


def test_a_federated_round_is_tried_again_with_the_same_nodes_and_no_others(three):
    other, ledger = elsewhere(three, attempt=9), shared(three, FEDERATED)
    asked = {"collection": FEDERATED, "ledger": ledger}
    assert to_ready(other, **asked) == to_share(other, **asked) == set()
    smaller = replace(other, members=other.members[:2])
    assert to_share(smaller, Conditions(nodes=2), **asked) == {"shared-before"}
    assert to_ready(smaller, Conditions(nodes=2), **asked) == {"shared-before"}
    at_other_weights = {"collection": replace(FEDERATED, weights=6), "ledger": ledger}
    assert to_share(smaller, Conditions(nodes=2), **at_other_weights) == set()
    left = three.without(three.addresses[2], Departure.MISSING).next_share_attempt()
    assert to_share(left, Conditions(nodes=2), **asked) == set()
    again = ledger.with_share(FEDERATED, left, ROWS_OF)
    assert to_share(elsewhere(left, attempt=9), Conditions(nodes=2), collection=FEDERATED, ledger=again) == set()
    assert to_share(other, collection=FEDERATED, ledger=again) == {"shared-before"}


def test_the_same_share_is_sent_again_whatever_the_time_and_the_conditions(three):
    late = PhaseTime(299, 300, 300)
    assert to_share(three, Conditions(nodes=9), ledger=shared(three), time=late) == set()
    assert to_share(three, ledger=shared(three), digest=bytes(32)) == {"another-set"}


def test_a_set_that_follows_from_the_one_that_was_shared_with_is_the_same_set(three):
    for reason in Departure:
        smaller = three.without(three.addresses[2], reason).next_share_attempt()
        assert to_share(smaller, Conditions(nodes=2), ledger=shared(three)) == set()
        assert to_share(three, ledger=shared(smaller)) == {"shared-before"}  # but not the other way round


def test_a_fork_with_another_set_is_refused_and_one_with_the_same_points_is_not(three):
    place = three.place
    fork = type(three).closed(place, bytes([1]) * 32)
    for member in reversed(three.members):
        fork = fork.with_ready(member)
    assert fork.digest != three.digest
    assert to_share(fork, ledger=shared(three)) == set()  # the sum is the same, and masks are others
    smaller = fork.without(three.addresses[0], Departure.WITHDREW)
    assert to_share(smaller, Conditions(nodes=2), ledger=shared(three)) == {"shared-before"}
    assert to_ready(fork, ledger=shared(three)) == set()  # the set is not known yet


def test_a_node_may_refuse_to_go_on_after_another_one_was_left_out_for_silence(three):
    left = three.without(three.addresses[2], Departure.SILENT).next_share_attempt()
    careful = Conditions(nodes=2, refuse_after_silence=True)
    missing = three.without(three.addresses[2], Departure.MISSING).next_share_attempt()
    for smaller in (left, missing):
        assert to_share(smaller, careful) == {"left-out-for-silence"}


def test_a_stranger_that_falls_silent_has_nobody_pay_who_names_whom_to_share_with(three):
    *friends, stranger = three.addresses
    left = three.without(stranger, Departure.SILENT).next_share_attempt()
    careful = Conditions(nodes=2, refuse_after_silence=True, accounts=frozenset(friends))
    assert to_share(left, careful) == set()
    other = three.without(friends[0], Departure.SILENT).next_share_attempt()
    assert to_share(other, careful) == {"left-out-for-silence", "accounts-missing"}
    for smaller in (left, three.without(stranger, Departure.MISSING).next_share_attempt()):
        assert to_share(smaller, Conditions(nodes=2)) == set()
    for reason in (Departure.WITHDREW, Departure.LIED):
        other = three.without(three.addresses[2], reason).next_share_attempt()
        assert to_share(other, careful) == set()


def test_a_node_withdraws_only_before_its_share_was_sent(three):
    assert kinds(withdrawal_objections(Ledger(), three.place)) == set()
    assert kinds(withdrawal_objections(shared(three), three.place)) == {"share-sent"}
    assert kinds(withdrawal_objections(shared(three), replace(three.place, attempt=99))) == set()


def test_an_entry_is_written_once_and_holds_no_secret(three):
    ledger = shared(three).with_share(COLLECTION, three, ROWS_OF)
    assert len(ledger.entries) == 1
    assert len(ledger.with_share(COLLECTION, three.next_share_attempt(), ROWS_OF).entries) == 2


def test_a_node_whose_withdrawal_would_give_it_away_is_given_away_by_it():
    """Why a node that has sent its share does not withdraw: everybody has seen the share."""
    game, nodes = play(4)
    last = nodes[3]
    seen = [node.send() for node in nodes]
    first = tuple(map(sum, zip(*seen, strict=True)))
    assert withdrawal_objections(last.ledger, game.place)
    game.withdraw(last.address)
    for node in nodes[:3]:
        assert node.share()
    assert minus(first, game.opened()) == last.opening
