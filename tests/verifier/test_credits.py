"""What HLRContract keeps of the certified round: each node's accepted updates, whatever happens in later rounds."""

import pytest
from support.market import CREDITS, UPDATES, certified_task, submit_unevenly
from support.rounds_task import COLLECTING, FINISHED, Task, statistics
from support.rounds_world import EVALUATE, HELD_OUT, STEP

SHARE_SECONDS, READY_SECONDS, COLLECT_SECONDS = 7200, 600, 3600
STATISTICS = {"finalInformation": True}


def credits_of(task):
    """The nodes that have a credit."""
    found = {name: task.call("creditOf", person.address) for name, person in vars(task.people).items()}
    return {name: credit for name, credit in found.items() if credit}


def test_a_certificate_gives_each_node_of_its_set_its_updates(world, people):
    task = Task(world, people.dan)
    submit_unevenly(task)
    assert task.call("certificateOf") == (0, 0, task.model)
    assert credits_of(task) == {}
    task.close()
    task.ready_all()
    task.share_all()
    assert credits_of(task) == {}
    model, key = task.model, task.key
    task.certify()
    assert task.phase == FINISHED
    assert task.call("certificateOf") == (key, 3, model)
    assert credits_of(task) == CREDITS
    assert task.call("trainingOf")["certifiedKey"] == key
    assert task.call("trainingOf")["certifiedNodes"] == 3


@pytest.mark.slow
def test_rounds_before_the_certificate_count_for_nothing(world, people):
    task = Task(world, people.dan)
    task.submit_all(0, 1, people=("ada", "ben", "cleo", "eve"))
    task.close()
    task.ready_all()
    task.share_all()
    task.accept()
    submit_unevenly(task)
    task.close()
    task.ready_all(people.ada, people.ben, people.cleo)
    task.share_all()
    task.certify()
    assert credits_of(task) == CREDITS  # none of eve's


def test_an_attempt_that_failed_counts_for_nothing(world, people, node):
    task = Task(world, people.dan)
    task.submit_all(0, 1, people=("ada", "eve"))
    node.advance(COLLECT_SECONDS + 1)
    task.act(people.ben, "reopen")
    submit_unevenly(task)
    task.close()
    task.ready_all(people.ada, people.ben, people.cleo)
    task.share_all()
    task.certify()
    assert task.call("certificateOf")[0] == 2  # round 0, attempt 1
    assert credits_of(task) == CREDITS


def test_who_was_not_ready_or_has_left_is_not_in_the_sum(world, people, node):
    """``eve`` hands in and is not ready; ``ada`` is ready, and withdraws in time."""
    task = Task(world, people.dan, config={"maximumUpdates": 9})
    task.submit_all(0, people=("ada", "ben", "cleo", "dan", "eve"))
    task.submit(people.cleo, 1)
    task.close()
    task.ready_all(people.ada, people.ben, people.cleo, people.dan)
    task.act(people.ada, "withdraw")
    node.advance(READY_SECONDS + 1)
    task.act(people.eve, "startSharing")
    task.share_all()
    task.certify()
    assert credits_of(task) == {"ben": 1, "cleo": 2, "dan": 1}
    assert task.call("certificateOf")[1] == 3


def test_who_was_expelled_from_the_certified_round_has_no_credit(world, people, node):
    task = Task(world, people.dan)
    task.to_sharing(0, people=("ada", "ben", "cleo", "eve"))
    task.share_all(without=(people.eve,))
    node.advance(SHARE_SECONDS + 1)
    task.act(people.ben, "expel", people.eve.address)
    task.share_all()
    task.certify()
    assert credits_of(task) == {"ada": 1, "ben": 1, "cleo": 1}
    assert task.call("certificateOf")[1] == 3


def test_who_disputed_the_certified_sum_without_cause_is_barred_and_has_its_credit(world, people):
    """Its share is good, and in the sum."""
    task = Task(world, people.dan)
    submit_unevenly(task)
    task.close()
    task.ready_all()
    task.share_all()
    task.act(people.ben, "dispute")
    task.certify()
    assert task.call("nodeOf", people.ben.address)["barred"]
    assert credits_of(task) == CREDITS


@pytest.mark.slow
def test_credits_stay_what_they_were_through_all_rounds_of_statistics(world, people, gas):
    """In each of them the nodes hand in other numbers of updates, and others take part."""
    for number, name in enumerate(("ada", "ben", "cleo", "eve")):
        person = getattr(people, name)
        person.register(0, [10**6 * (number + 1) + batch for batch in range(3)], HELD_OUT)
    task = certified_task(world, training=statistics(world))
    assert task.phase == COLLECTING
    assert credits_of(task) == CREDITS
    receipt = task.submit(people.ada, 0)
    gas.check("submitUpdate, which keeps a credit", receipt)
    assert credits_of(task) == CREDITS
    gas.check("submitUpdate, more of that attempt", task.submit(people.ada, 1))
    task.submit(people.eve, 0)  # has none, and gets none
    assert credits_of(task) == CREDITS
    task.submit(people.cleo, 0)
    task.close()
    task.ready_all(people.ada, people.cleo, people.eve)
    task.share_all()
    task.proceed()
    assert credits_of(task) == CREDITS  # ben has taken no part: its record is of the certified round still
    for _ in range(2):
        assert task.collected == EVALUATE
        task.submit_all(0, people=("ada", "ben", "eve"))
        assert credits_of(task) == CREDITS
        task.close()
        task.ready_all(people.ada, people.ben, people.eve)
        task.share_all()
        task.proceed()
        assert credits_of(task) == CREDITS
    assert task.phase == FINISHED
    assert sum(credits_of(task).values()) == UPDATES


def test_credits_outlast_withdrawals_and_expulsions_of_later_rounds(world, people, node):
    task = certified_task(world, training=STATISTICS)
    task.submit_all(0, people=("ada", "ben", "cleo", "eve"))
    task.close()
    task.act(people.ben, "withdraw")  # before it was ready: its record is cleared
    assert task.call("nodeOf", people.ben.address)["participated"] == 0
    assert credits_of(task) == CREDITS
    task.ready_all(people.ada, people.cleo, people.eve)
    task.share(people.cleo)
    node.advance(SHARE_SECONDS + 1)
    task.act(people.eve, "expel", people.ada.address)
    assert task.call("nodeOf", people.ada.address)["barred"]
    assert credits_of(task) == CREDITS


def test_credits_outlast_attempts_that_fail_and_rounds_that_never_come_to_anything(world, people, node):
    task = certified_task(world, training=STATISTICS)
    for _ in range(2):
        task.submit(people.ada, 0)
        node.advance(COLLECT_SECONDS + 1)
        task.act(people.eve, "reopen")
        assert credits_of(task) == CREDITS
    node.advance(COLLECT_SECONDS + 1)
    task.act(people.eve, "finish")
    assert task.phase == FINISHED
    assert credits_of(task) == CREDITS


def test_a_task_that_ends_without_a_certificate_credits_nobody(world, people, node):
    task = Task(world, people.dan, config={"maximumRounds": 1})
    task.to_accepted()
    task.submit_all(people=("ada", "ben", "cleo"))
    task.act(people.dan, "finish")
    assert task.call("certificateOf")[:2] == (0, 0)
    assert credits_of(task) == {}
    assert task.collected == STEP


@pytest.mark.parametrize("bits", [8, 12])
def test_a_task_keeps_the_format_of_its_verifiers(world, people, bits):
    world.add_verifier(f"step of {bits} bits", STEP, 32, 3, frac_bits=bits)
    task = Task(
        world, people.dan, training={"stepVerifiers": [world.ids[f"step of {bits} bits"]], "informationVerifiers": []}
    )
    assert task.call("trainingOf")["fractionalBits"] == bits


def test_nobody_has_a_credit_of_a_task_that_there_is_not(world, people):
    assert world.hlr.call("creditOf", 999, people.ada.address) == 0
    assert world.hlr.call("certificateOf", 999) == (0, 0, 0)
