"""Histories without a chain: those that are in order pass, whatever happened in them; tampering is found."""

from dataclasses import replace

import pytest
from support.histories import COORDINATOR, SECONDS, Story, altered, failed_checks, swapped, text, twice, without

from twopm_zk.auditor.attempt_record import Outcome
from twopm_zk.numbers.baby_jubjub import BASE, SUBGROUP_ORDER
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.sharing import SecretKey, graph, vector_of


def trained():
    """Information, a move and a certificate, by four nodes."""
    story = Story(information=1)
    story.open_round()
    story.sum_up()
    story.proceed()
    story.sum_up()
    story.accept([5, 6, 7])
    story.sum_up()
    story.certify()
    return story


def shared(nodes=4, **settings):
    """A round of gradients, summed."""
    story = Story(nodes, **settings)
    story.open_round()
    story.sum_up()
    return story


def ready(nodes=4, **settings):
    """A round in which all are about to share."""
    story = Story(nodes, **settings)
    story.open_round()
    story.collect()
    story.close()
    for person in story.people:
        story.ready(person)
    return story


def disputed(nodes=5, **settings):
    """The last one shared rubbish, and the first one says so."""
    story = ready(nodes, **settings)
    *honest, liar = story.people
    for person in honest:
        story.share(person)
    story.share(liar, rubbish=True)
    story.dispute(honest[0])
    return story


# --- in order ---


def test_a_task_with_information_moves_and_a_certificate_passes():
    report = trained().replay()
    assert report.passed, report.failed
    assert report.gradient_bound == 5
    outcomes = [attempt.outcome for attempt in report.attempts]
    assert outcomes == [Outcome.OPENED, Outcome.AGGREGATED, Outcome.CERTIFIED]
    assert set(report.certified_attempt.counted) == {person.address for person in trained().people}


def test_who_is_not_ready_in_time_is_not_in_the_sum_and_not_in_the_certificate():
    story = Story()
    story.open_round()
    story.collect()
    story.close()
    for person in story.people[:3]:
        story.ready(person)
    story.wait()
    story.start_sharing()
    story.share_all()
    story.certify()
    report = story.replay()
    assert report.passed, report.failed
    assert story.people[3].address not in report.certified_attempt.counted
    assert story.people[3].address not in report.conclusion


def test_a_round_that_too_few_join_or_are_ready_in_starts_again():
    story = Story()
    story.open_round()
    story.submit(story.people[0])
    story.wait()
    story.reopen()
    story.collect()
    story.close()
    story.ready(story.people[0])
    story.wait()
    story.reopen()
    story.sum_up()
    story.certify()
    report = story.replay()
    assert report.passed, report.failed
    assert [one.outcome for one in report.attempts] == [Outcome.ABANDONED, Outcome.ABANDONED, Outcome.CERTIFIED]


def test_a_round_in_which_nobody_shares_in_time_starts_again_and_nobody_pays():
    story = ready()
    story.wait()
    story.reopen()
    story.sum_up()
    story.certify()
    report = story.replay()
    assert report.passed, report.failed
    assert report.attempts[0].outcome is Outcome.ABANDONED
    assert not report.attempts[0].left_out


def test_a_task_ends_without_a_certificate_after_the_deadline_of_its_last_sum():
    story = last_round()
    story.wait()
    story.finish()
    report = story.replay()
    assert report.passed, report.failed
    assert not report.certified


def given_up():
    """An attempt with one update, long after its deadline."""
    story = Story()
    story.open_round()
    story.submit(story.people[0])
    story.wait()
    return story


def test_a_task_is_ended_by_its_coordinator_where_an_attempt_has_failed():
    story = given_up()
    story.finish()
    report = story.replay()
    assert report.passed, report.failed
    assert not report.certified


def test_a_task_is_ended_by_its_coordinator_where_nobody_used_or_disputed_a_sum_for_long():
    story = shared()
    story.wait(2 * SECONDS + 1)
    story.finish()
    report = story.replay()
    assert report.passed, report.failed


def test_withdrawals_are_free_until_sharing_begins():
    story = Story(6)
    story.open_round()
    story.collect()
    story.close()
    first, second, *others = story.people
    story.withdraw(first)
    story.ready(second)
    story.withdraw(second)
    for person in others:
        story.ready(person)
    story.share_all()
    story.certify()
    report = story.replay()
    assert report.passed, report.failed
    assert report.certified_attempt.left_out == [(first.address, "withdrew"), (second.address, "withdrew")]
    assert not any("lost" in note for note in report.notes)


def test_a_withdrawal_before_the_first_share_costs_the_penalty_and_changes_nothing_else():
    story = ready(5)
    story.withdraw(story.people[0])
    story.share_all()
    story.certify()
    report = story.replay()
    assert report.passed, report.failed
    assert any("lost 5 wei" in note for note in report.notes)
    free = [event for event in story.events if event.name != "Penalised"]
    assert failed_checks(story.replay(free)) == {"penalties"}


def test_a_withdrawal_after_a_share_costs_the_penalty_and_the_others_share_anew():
    story = ready()
    story.share(story.people[0])
    story.withdraw(story.people[1])
    story.share_all()
    story.certify()
    report = story.replay()
    assert report.passed, report.failed
    assert any("lost 5 wei" in note for note in report.notes)


def test_a_silent_node_is_left_out_after_the_deadline_and_the_others_share_anew():
    story = ready()
    story.share_all(story.people[:3])
    story.wait()
    story.expel(story.people[3])
    story.share_all()
    story.certify()
    report = story.replay()
    assert report.passed, report.failed
    assert report.certified_attempt.left_out == [(story.people[3].address, "silent")]


def test_a_task_ends_where_too_few_are_left_to_share_again():
    story = ready(3)
    story.share_all(story.people[:2])
    story.wait()
    story.expel(story.people[2])
    report = story.replay()
    assert report.passed, report.failed
    assert report.attempts[-1].outcome is Outcome.FAILED
    assert not report.certified


def test_a_proven_liar_is_left_out_and_nobody_else():
    story = disputed()
    first, *others, liar = story.people
    for person in (first, *others):
        story.claim(person, parts=2)
    story.claim(liar, story.lie(liar, first))
    story.reveal(first, liar)
    story.settle()
    story.share_all()
    story.certify()
    report = story.replay()
    assert report.passed, report.failed
    assert report.certified_attempt.left_out == [(liar.address, "lied")]


def test_a_proof_that_went_through_another_contract_is_noted_and_spoils_nothing():
    story = disputed()
    first, *others, liar = story.people
    for person in (first, *others):
        story.claim(person)
    story.claim(liar, story.lie(liar, first))
    story.reveal(first, liar)
    story.settle()
    events = [replace(event, call=None) if event.name == "PairRevealed" else event for event in story.events]
    report = story.replay(events)
    assert report.passed, report.failed
    assert any("unseen" in note for note in report.notes)


@pytest.fixture
def sparse(monkeypatch):
    """Few nodes, of which not all are neighbours: as in a set of hundreds."""
    monkeypatch.setattr(graph, "reach", lambda nodes: 9 * graph.RING // 20)


def sparse_dispute():
    """A lie in a pair of neighbours; the liar, its victim, and one that is no neighbour of the liar. Each story has
    another graph."""
    while True:
        story = disputed(6)
        *honest, liar = story.people
        near = {member.address for member in story.set.neighbours(liar.address)}
        strangers = [person for person in honest if person.address not in near]
        if near and strangers:
            return story, liar, next(person for person in honest if person.address in near), strangers[0]


def test_in_a_set_in_which_not_all_are_neighbours_a_dispute_is_among_neighbours(sparse):
    story, liar, victim, _ = sparse_dispute()
    for person in story.people[:-1]:
        story.claim(person)
    story.claim(liar, story.lie(liar, victim))
    story.reveal(victim, liar)
    story.settle()
    report = story.replay()
    assert report.passed, report.failed
    assert report.attempts[-1].left_out == [(liar.address, "lied")]


def test_a_claim_of_a_pair_that_has_no_masks_fails_the_audit(sparse):
    story, liar, _, stranger = sparse_dispute()
    story.claim(liar, {stranger.address: story.generators[0]}, complete=False)
    report = story.replay()
    assert set(failed_checks(report)) == {"disputes"}
    assert any("has no masks with it" in line for line in report.failed)


def test_a_liar_that_says_nothing_is_left_out_after_the_second_deadline_and_the_task_ends():
    story = disputed()
    *honest, liar = story.people
    for person in honest:
        story.claim(person)
    story.wait(2 * 100 + 1)
    story.expel(liar, restart=False)
    story.settle(undecided=True)
    report = story.replay()
    assert report.passed, report.failed
    assert report.attempts[-1].outcome is Outcome.FAILED
    assert report.attempts[-1].left_out == [(liar.address, "silent")]


def contradicted(*out, undecided=True):
    """A liar hides in its pairs with two others, nobody reveals anything, another one is silent; some are left out."""
    story = disputed(7)
    one, two, *others, _, liar = story.people
    for person in (one, two, *others):
        story.claim(person)
    story.claim(liar, story.lie(liar, one, 2) | story.lie(liar, two, -1))
    story.wait(2 * 100 + 1)
    for number in out:
        story.expel(story.people[number], restart=False)
    story.settle(undecided=undecided)
    return story


ONE, TWO, SILENT, LIAR = 0, 1, 5, 6


@pytest.mark.parametrize("pair", [(ONE, LIAR), (TWO, LIAR)])
def test_of_two_pairs_that_contradict_each_other_one_may_stay_where_the_liar_is_out(pair):
    """The order in which pairs are left out is anybody's."""
    report = contradicted(SILENT, *pair).replay()
    assert report.passed, report.failed


@pytest.mark.parametrize("out", [(SILENT,), (ONE, LIAR), (SILENT, 2)], ids=["a pair stays", "silence", "an honest one"])
def test_a_dispute_does_not_end_before_all_that_hide_a_lie_are_out_and_nobody_else(out):
    assert failed_checks(contradicted(*out).replay()) == {"disputes"}


def test_a_dispute_without_a_proven_liar_ends_the_task_and_never_in_another_sum():
    """Whoever is left out for silence may be honest, and a sum without it would give it away."""
    assert failed_checks(contradicted(SILENT, ONE, LIAR, undecided=False).replay()) == {"sets"}


def test_a_dispute_over_a_sum_that_opens_costs_its_accuser():
    story = shared()
    story.dispute(story.people[0])
    for person in story.people:
        story.claim(person)
    story.wait()
    story.reject()
    story.certify()
    report = story.replay()
    assert report.passed, report.failed
    assert any("disputed a sum that opens" in note for note in report.notes)
    assert story.people[0].address in report.certified_attempt.counted


def test_a_disputed_sum_can_be_used_at_once():
    story = shared()
    story.dispute(story.people[0])
    story.accept([1, 2, 3], rejecting=True)
    report = story.replay()
    assert report.passed, report.failed


def test_a_node_of_the_set_takes_over_from_a_coordinator_that_is_late():
    story = shared()
    story.wait()
    story.take_over(story.people[1])
    story.certify(sender=story.people[1].address)
    assert story.replay().passed
    story = shared()
    story.wait()
    story.accept([1, 2, 3], sender=story.people[1].address)
    story.take_over(story.people[2])
    assert story.replay().passed


def test_moves_and_a_certificate_whose_calls_are_in_no_calldata_pass():
    story = trained()
    names = ("SumOpened", "ModelPublished", "Certified", "TaskFinished")
    hidden = [replace(event, call=None) if event.name in names else event for event in story.events]
    report = story.replay([story.events[0], *hidden[1:]])
    assert report.passed, report.failed
    assert report.counts["aggregate proofs"] == report.counts["certificate"] - 2 == 1


def test_members_that_hand_in_and_share_through_other_contracts_cannot_spoil_an_audit():
    story = trained()
    names = ("UpdateAccepted", "Shared", "NodeReady", "RoundClosed")
    events = [replace(event, call=None) if event.name in names else event for event in story.events]
    assert story.replay(events).passed


def test_a_sum_of_information_that_is_not_reduced_is_the_same_sum(history):
    opened = next(event for event in history.events if event.name == "SumOpened")
    change = altered("SumOpened", sum=[scalar + SUBGROUP_ORDER for scalar in opened["sum"]])
    assert history.replay(change(history.events)).passed


def test_two_sums_at_the_same_weights_are_noted():
    story = shared()
    story.accept([0, 0, 0])
    story.sum_up()
    story.certify()
    report = story.replay()
    assert report.passed, report.failed
    assert any("second sum" in note for note in report.notes)


# --- one block, several events: the order is that of the logs ---


def test_a_member_that_leaves_and_joins_again_within_one_block_spoils_nothing():
    story = Story()
    story.open_round()
    story.collect()
    story.leave(story.people[0])  # in the block of the last update, after it
    story.join(story.people[0])
    story.set_key(story.people[0])
    story.close()
    for person in story.people:
        story.ready(person)
    story.share_all()
    story.accept([1, 2, 3])
    story.sum_up()
    story.certify()
    report = story.replay()
    assert report.passed, report.failed


def test_an_update_after_leaving_and_joining_in_the_same_block_is_found():
    story = Story()
    story.open_round()
    story.block += 1
    story.leave(story.people[0])
    story.join(story.people[0])
    story.block -= 1
    story.collect()
    moved = [
        replace(event, log_index=9) if event.name == "UpdateAccepted" and event["position"] == 0 else event
        for event in story.events
    ]
    assert failed_checks(story.replay(moved)) == {"membership"}


def test_a_lasting_key_counts_as_it_was_when_the_node_became_ready():
    story = Story()
    story.open_round()
    story.collect()
    story.close()
    for person in story.people:
        story.ready(person)
    story.leave(story.people[3])  # in the block of its own event, after it
    story.share_all()
    story.certify()
    assert story.replay().passed
    story.identity = [event for event in story.identity if event.name != "Left"]
    other = story.people[3].lasting
    story.people[3].lasting = SecretKey.drawn()
    story.block, story.index = 11, 50
    story.set_key(story.people[3])
    story.people[3].lasting = other
    assert failed_checks(story.replay()) == {"keys"}


def test_a_key_without_a_proof_of_possession_is_found():
    story = Story()
    person = story.people[0]
    key = person.lasting.aggregation_key
    from support.histories import CHAIN_ID, IDENTITY

    from twopm_zk.sharing import KeyOwner

    copied = replace(key(KeyOwner(IDENTITY, CHAIN_ID, person.address)), challenge=1)
    story.set_key(person, copied)
    story.open_round()
    story.sum_up()
    assert failed_checks(story.replay()) == {"keys"}


# --- what a contract would never have done ---


def expelled_early():
    story = ready()
    story.share_all(story.people[:3])
    story.expel(story.people[3])
    return story


def expelled_though_it_shared():
    story = ready(5)
    story.share_all(story.people[:4])
    story.wait()
    story.expel(story.people[0], restart=False)
    return story


def reopened_after_a_share():
    story = ready()
    story.share(story.people[0])
    story.wait()
    story.reopen()
    return story


def all_expelled_where_nobody_shared():
    story = ready(5)
    story.wait()
    story.expel(story.people[4])
    return story


def reopened_before_the_deadline_of_sharing():
    story = ready()
    story.reopen()
    return story


def withdrawn_without_leaving_the_set():
    story = ready(5)
    story.block += 1
    with story.call(story.people[0].address, "withdraw", taskId=1) as emit:
        emit("UpdateWithdrawn", **story.where, node=story.people[0].address)
    return story


def left_without_being_in_the_set():
    story = Story()
    story.open_round()
    story.collect()
    story.close()
    person = story.people[0]
    with story.call(person.address, "withdraw", taskId=1) as emit:
        values = {"node": person.address, "seat": 0, "reason": text("withdrew"), "digest": story.digest}
        emit("NodeLeft", **story.where, **values)
    return story


def last_round(*, shares=4, minimum=3):
    """The weights have moved as often as they may, and some have shared for the last sum."""
    story = Story(information=0, minimum=minimum)
    story.config["maximumRounds"] = 1
    story.open_round()
    story.sum_up()
    story.accept([1, 2, 3])
    story.collect()
    story.close()
    for person in story.people:
        story.ready(person)
    story.share_all(story.people[:shares])
    return story


def finished_while_some_share():
    story = last_round(shares=1)
    story.wait()
    story.finish()
    return story


def finished_while_nodes_may_dispute():
    story = last_round()
    story.finish()
    return story


def finished_in_a_dispute():
    story = last_round()
    story.dispute(story.people[0])
    story.wait()
    story.finish()
    return story


def reopened_with_enough_nodes():
    story = Story()
    story.open_round()
    story.collect()
    story.wait()
    story.reopen()
    return story


def reopened_early():
    story = Story()
    story.open_round()
    story.submit(story.people[0])
    story.reopen()
    return story


def shared_anew_without_a_reason():
    story = shared()
    story.settle()
    return story


def shared_below_the_minimum():
    story = Story()
    story.open_round()
    story.collect()
    story.close()
    for person in story.people[:2]:
        story.ready(person)
    story.wait()
    story.start_sharing()
    return story


def shared_before_all_could_be_ready():
    story = Story()
    story.open_round()
    story.collect()
    story.close()
    for person in story.people[:3]:
        story.ready(person)
    story.start_sharing()
    return story


def shared_late():
    story = ready()
    story.wait()
    story.share_all()
    return story


def shared_for_another_set():
    story = ready()
    story.share(story.people[0], digest="0x" + "11" * 32)
    return story


def shared_too_few_scalars():
    story = ready()
    person = story.people[0]
    story.share(person, vector=story.sharer(person).vector(story.generators, vector_of(person.opening))[:-1])
    return story


def shared_beyond_the_order():
    story = ready()
    person = story.people[0]
    first, *rest = story.sharer(person).vector(story.generators, vector_of(person.opening))
    story.share(person, vector=[first + SUBGROUP_ORDER, *rest])
    return story


def shared_twice():
    story = ready()
    story.share(story.people[0])
    story.share(story.people[0])
    return story


def rubbish_used():
    story = ready()
    story.share_all(story.people[:3])
    story.share(story.people[3], rubbish=True)
    story.certify()
    return story


def used_before_the_deadline_by_another():
    story = shared()
    story.certify(sender=story.people[0].address)
    return story


def moved_by_a_stranger():
    story = shared()
    story.wait()
    story.accept([1, 2, 3], sender="0x" + "99" * 20)
    return story


def closed_before_the_deadline_by_another():
    story = Story()
    story.open_round()
    story.collect()
    story.close(sender=story.people[0].address)
    return story


def taken_over_in_time():
    story = shared()
    story.take_over(story.people[0])
    return story


def taken_over_by_a_stranger():
    story = shared()
    story.wait()
    story.people[0].address = "0x" + "99" * 20
    story.take_over(story.people[0])
    return story


def taken_over_by_the_coordinator_itself():
    story = Story()
    story.people[0].address = COORDINATOR
    story.open_round()
    story.take_over(story.people[0])
    return story


def taken_over_by_one_that_is_out():
    story = ready()
    story.share_all(story.people[:3])
    story.wait()
    story.expel(story.people[3])
    story.share_all()
    story.wait()
    story.take_over(story.people[3])
    return story


def taken_over_when_finished():
    story = shared()
    story.wait()
    story.certify(sender=story.people[0].address)
    story.take_over(story.people[1])
    return story


def finished_early():
    story = shared()
    story.finish()
    return story


def ended_before_a_sum_is_given_up():
    story = shared()
    story.wait(2 * SECONDS - 2)
    story.finish()
    return story


def ended_by_a_node_where_an_attempt_has_failed():
    story = given_up()
    story.finish(story.people[0].address)
    return story


def honest_one_called_a_liar():
    story = disputed()
    first, *others, liar = story.people
    for person in (first, *others):
        story.claim(person)
    story.claim(liar, story.lie(liar, first))
    story.reveal(first, liar, truth=story.claims[liar.address][first.address])
    story.settle()
    return story


def liar_kept():
    story = disputed()
    first, *others, liar = story.people
    for person in (first, *others):
        story.claim(person)
    story.claim(liar, story.lie(liar, first))
    story.reveal(first, liar)
    story.events = [event for event in story.events if event["taskId"] and event.name not in LEAVING]
    story.set = story.disputed_set
    story.settle()
    return story


LEAVING = ("NodeLeft", "NodeBarred", "Penalised")


def silent_one_left_out_though_a_liar_was_proven():
    story = disputed(6)
    first, *others, silent, liar = story.people
    for person in (first, *others):
        story.claim(person)
    story.claim(liar, story.lie(liar, first))
    story.reveal(first, liar)
    story.wait(2 * 100 + 1)
    story.expel(silent, restart=False)
    story.settle()
    return story


def silent_one_left_out_too_early():
    story = disputed()
    *honest, liar = story.people
    for person in honest:
        story.claim(person)
    story.wait()
    story.expel(liar, restart=False)
    story.settle(undecided=True)
    return story


def one_that_claimed_left_out_for_silence():
    story = disputed()
    honest = story.people[:-1]
    for person in honest:
        story.claim(person)
    story.wait(2 * 100 + 1)
    story.expel(honest[1], restart=False)
    story.settle(undecided=True)
    return story


def claims_that_do_not_add_up_said_to_be_complete():
    story = disputed()
    story.claim(story.people[-1])
    return story


def contradiction_hidden():
    story = disputed()
    first, *_, liar = story.people
    story.claim(first)
    story.claim(liar, story.lie(liar, first))
    story.events = [event for event in story.events if event.name != "Contradiction"]
    return story


def dispute_rejected_early():
    story = shared()
    story.dispute(story.people[0])
    for person in story.people:
        story.claim(person)
    story.reject()
    return story


def dispute_with_cause_rejected():
    story = disputed()
    for person in story.people[:-1]:
        story.claim(person)
    story.wait()
    story.reject()
    return story


def dispute_twice():
    story = shared()
    story.dispute(story.people[0])
    for person in story.people:
        story.claim(person)
    story.wait()
    story.reject()
    story.dispute(story.people[1])
    return story


def update_of_a_barred_node():
    story = shared()
    story.dispute(story.people[0])
    story.accept([1, 2, 3], rejecting=True)
    story.collect()
    return story


def batches_beyond_the_limit():
    story = Story()
    for index in range(1, 5):
        story.register(story.people[0], index)
    story.open_round()
    for index in range(5):
        story.submit(story.people[0], index=index)
    return story


def update_late():
    story = Story()
    story.open_round()
    story.wait()
    story.collect()
    return story


def point_with_the_other_x():
    story = Story()
    story.open_round()
    story.submit(story.people[0], x=BASE.x, y=BASE.y)
    return story


def x_too_large():
    story = Story()
    story.open_round()
    story.collect()
    change = {
        id(event): replace(event, values={**event.values, "x": -event["x"] % FIELD_ORDER})
        for event in story.events
        if event.name == "UpdateAccepted"
    }
    story.events = [change.get(id(event), event) for event in story.events]
    return story


def more_moves_than_allowed():
    story = Story()
    story.open_round()
    for number in range(4):
        story.sum_up()
        story.accept([number + 1, 2, 3])
    return story


FORBIDDEN = {
    "a silent node expelled before the deadline": (expelled_early, {"sets"}),
    "a node expelled that has shared": (expelled_though_it_shared, {"sets"}),
    "another attempt after a share": (reopened_after_a_share, {"sums"}),
    "silent nodes expelled where nobody has shared": (all_expelled_where_nobody_shared, {"sets"}),
    "another attempt before the deadline of sharing": (reopened_before_the_deadline_of_sharing, {"rounds"}),
    "updates withdrawn of a node that is in the set": (withdrawn_without_leaving_the_set, {"sets"}),
    "a node that leaves a set it is not in": (left_without_being_in_the_set, {"sets"}),
    "a task ended after the first share": (finished_while_some_share, {"rounds"}),
    "a task ended while nodes may dispute": (finished_while_nodes_may_dispute, {"rounds"}),
    "a task ended in a dispute": (finished_in_a_dispute, {"rounds"}),
    "another attempt with enough nodes": (reopened_with_enough_nodes, {"rounds"}),
    "another attempt before the deadline": (reopened_early, {"rounds"}),
    "a second sum of the same set": (shared_anew_without_a_reason, {"sets"}),
    "sharing below the minimum": (shared_below_the_minimum, {"sets"}),
    "sharing before all could be ready": (shared_before_all_could_be_ready, {"sets"}),
    "shares after the deadline": (shared_late, {"shares"}),
    "a share for another set": (shared_for_another_set, {"shares"}),
    "a share with too few scalars": (shared_too_few_scalars, {"shares"}),
    "a share beyond the order": (shared_beyond_the_order, {"shares"}),
    "a share twice": (shared_twice, {"shares"}),
    "a sum used that does not open": (rubbish_used, {"sums"}),
    "a sum used by another in time": (used_before_the_deadline_by_another, {"coordinator"}),
    "weights moved by a stranger": (moved_by_a_stranger, {"coordinator"}),
    "a round closed by another in time": (closed_before_the_deadline_by_another, {"coordinator"}),
    "a coordinator replaced in time": (taken_over_in_time, {"coordinator"}),
    "a stranger that takes over": (taken_over_by_a_stranger, {"coordinator"}),
    "a coordinator that takes over from itself": (taken_over_by_the_coordinator_itself, {"coordinator"}),
    "a node that is out takes over": (taken_over_by_one_that_is_out, {"coordinator"}),
    "a finished task taken over": (taken_over_when_finished, {"coordinator"}),
    "a task ended with rounds left": (finished_early, {"rounds"}),
    "a task ended before its sum is given up": (ended_before_a_sum_is_given_up, {"rounds"}),
    "a task ended by a node where an attempt has failed": (
        ended_by_a_node_where_an_attempt_has_failed,
        {"coordinator"},
    ),
    "an honest node called a liar": (honest_one_called_a_liar, {"disputes"}),
    "a liar that stays": (liar_kept, {"disputes"}),
    "a silent node left out beside a liar": (silent_one_left_out_though_a_liar_was_proven, {"disputes"}),
    "a silent node left out too early": (silent_one_left_out_too_early, {"disputes"}),
    "one that claimed left out for silence": (one_that_claimed_left_out_for_silence, {"disputes"}),
    "claims that do not add up": (claims_that_do_not_add_up_said_to_be_complete, {"disputes"}),
    "a contradiction without its event": (contradiction_hidden, {"disputes"}),
    "a dispute ended early": (dispute_rejected_early, {"disputes"}),
    "a dispute with cause rejected": (dispute_with_cause_rejected, {"disputes"}),
    "a second dispute over one share attempt": (dispute_twice, {"disputes"}),
    "an update of a barred node": (update_of_a_barred_node, {"rounds"}),
    "more batches than a node may hand in": (batches_beyond_the_limit, {"rounds"}),
    "an update after the deadline": (update_late, {"rounds"}),
    "a proof with another point": (point_with_the_other_x, {"update proofs"}),
    "the other x of a point": (x_too_large, {"points"}),
    "more moves than the task allows": (more_moves_than_allowed, {"rounds"}),
}


@pytest.mark.slow
@pytest.mark.parametrize(("make", "checks"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_what_a_contract_never_does_is_found(make, checks):
    report = make().replay()
    assert not report.passed
    assert checks == failed_checks(report), report.failed


# --- single events that somebody has changed, left out or doubled ---


TAMPERED = {
    "an update left out": (without("UpdateAccepted"), {"rounds", "sets"}),
    "an update twice": (twice("UpdateAccepted"), {"rounds", "data"}),
    "another proof": (altered("UpdateAccepted", proof=[1] * 24), {"update proofs"}),
    "another y": (altered("UpdateAccepted", y=5), {"points", "update proofs"}),
    "another node's data": (altered("UpdateAccepted", data=7), {"data", "update proofs"}),
    "another batch": (altered("UpdateAccepted", index=7), {"data"}),
    "an instance of another size": (altered("UpdateAccepted", size=128), {"update proofs"}),
    "somebody else as its node": (altered("UpdateAccepted", node="0x" + "11" * 20), {"membership", "data"}),
    "a gradient in a round of information": (altered("AttemptModel", 0, collected=1), {"rounds", "update proofs"}),
    "other weights": (altered("ModelPublished", 1, weights=[1, 2, 3]), {"aggregate proofs", "model commitments"}),
    "another step matrix": (altered("ModelPublished", 1, matrixHash=3), {"aggregate proofs", "model commitments"}),
    "another proof of a move": (altered("ModelPublished", 1, proof=[1] * 24), {"aggregate proofs"}),
    "another proof of the certificate": (altered("Certified", proof=[1] * 24), {"certificate"}),
    "weights beyond the bound": (altered("ModelPublished", 0, weights=[(1 << 31) - 1, 0, 0]), {"weights"}),
    "another model commitment": (altered("AttemptModel", modelCommitment=5), {"model commitments"}),
    "a round skipped": (altered("AttemptModel", 1, round=2), {"rounds"}),
    "a round without its sum": (without("SumOpened"), {"rounds", "sums"}),
    "a round without its proof": (without("ModelPublished", 1), {"rounds", "model commitments"}),
    "another deadline": (altered("RoundOpened", deadline=1), {"rounds"}),
    "too few nodes": (altered("RoundClosed", nodes=2), {"rounds"}),
    "a round never closed": (without("RoundClosed"), {"sets"}),
    "a set that begins elsewhere": (altered("SetOpened", digest="0x" + "22" * 32), {"sets"}),
    "a node in the set that never was": (altered("NodeReady", node="0x" + "11" * 20), {"sets", "keys"}),
    "another seat": (altered("NodeReady", seat=2), {"sets"}),
    "another point than the updates add up to": (altered("NodeReady", x=BASE.x, y=BASE.y), {"sets"}),
    "another digest of the set": (altered("SharingStarted", digest="0x" + "22" * 32), {"sets"}),
    "another round key": (altered("NodeReady", roundX=BASE.x, roundY=BASE.y), {"sets"}),
    "a round key of small order": (altered("NodeReady", roundX=0, roundY=1), {"sets"}),
    "another lasting key": (altered("NodeReady", lasting=list(BASE)), {"keys", "sets"}),
    "nodes in another order": (swapped("NodeReady"), {"rounds", "sets"}),
    "another share": (altered("Shared", vector=[1] * 3), {"sums"}),
    "a share left out": (without("Shared"), {"sums"}),
    "another round's point": (altered("SumShared", x=BASE.x, y=BASE.y), {"sums"}),
    "another sum of information": (altered("SumOpened", sum=[1] * 4), {"sums"}),
    "another bound": (altered("Certified", gradientBound=1), {"certificate"}),
    "a bound above the target": (altered("Certified", gradientBound=1 << 31), {"certificate"}),
    "finished twice": (twice("TaskFinished"), {"rounds"}),
    "other generators": (
        altered("TaskCreated", call={"training": {**Story().training, "gradientGenerators": "0x"}}),
        {"sums"},
    ),
}


@pytest.fixture(scope="module")
def history():
    return trained()


@pytest.mark.slow
@pytest.mark.parametrize(("change", "checks"), TAMPERED.values(), ids=TAMPERED)
def test_a_history_that_was_tampered_with_fails(history, change, checks):
    report = history.replay(change(history.events))
    assert not report.passed
    assert checks <= failed_checks(report), report.failed


def expulsion():
    story = ready()
    story.share_all(story.people[:3])
    story.wait()
    story.expel(story.people[3])
    story.share_all()
    story.certify()
    return story


PENALTIES = {
    "nobody is barred": (without("NodeBarred"), {"penalties"}),
    "nobody is penalised": (without("Penalised"), {"penalties"}),
    "somebody else is penalised": (altered("Penalised", node="0x" + "11" * 20), {"penalties"}),
    "barred twice": (twice("NodeBarred"), {"penalties"}),
    "more is taken than the penalty": (altered("Penalised", value=6), {"penalties"}),
    "penalised twice": (twice("Penalised"), {"penalties"}),
    "for another reason": (altered("NodeLeft", reason="0x" + b"lied".ljust(32, b"\0").hex()), {"disputes"}),
    "for no reason": (altered("NodeLeft", reason="0x" + b"disliked".ljust(32, b"\0").hex()), {"sets"}),
    "no new share attempt": (without("SharingStarted", 1), {"sets"}),
}


@pytest.mark.slow
@pytest.mark.parametrize(("change", "checks"), PENALTIES.values(), ids=PENALTIES)
def test_an_expulsion_that_was_tampered_with_fails(change, checks):
    story = expulsion()
    report = story.replay(change(story.events))
    assert not report.passed
    assert checks <= failed_checks(report), report.failed
