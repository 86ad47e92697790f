"""What a task collects once it is certified: in order it passes, out of order or over other rows it does not."""

import pytest
from support.histories import DATASET, HELD_OUT, Story, altered, failed_checks, proof_of, without

from twopm_zk.auditor.attempt_record import Outcome
from twopm_zk.statements import Collection

ALL = {"final": True, "evaluation": True, "held_out": True}
IN_TRAINING = (Collection.EVALUATION, False)


def certified(nodes=4, **settings):
    """A gradient, certified at once."""
    story = Story(nodes, **(settings or ALL))
    story.open_round()
    story.sum_up()
    story.certify()
    return story


def collected(**settings):
    """And all that is to be collected after it."""
    story = certified(**settings)
    while story.events[-1].name != "TaskFinished":
        story.sum_up()
        story.proceed()
    return story


@pytest.fixture(scope="module")
def history():
    return collected(**ALL)


# --- in order ---


def test_standard_errors_and_evaluations_pass_and_the_certificate_is_of_the_gradient(history):
    report = history.replay()
    assert report.passed, report.failed
    assert [one.to_json()["collection"] for one in report.attempts] == [
        "gradient",
        "information",
        "evaluation",
        "evaluation on held-out rows",
    ]
    assert [one.outcome for one in report.attempts] == [Outcome.CERTIFIED, *[Outcome.OPENED] * 3]
    assert report.certified_attempt is report.attempts[0]
    assert report.gradient_bound == 5


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_each_of_them_can_be_collected_alone(name):
    report = collected(**{name: True}).replay()
    assert report.passed, report.failed
    assert len(report.attempts) == 2


def test_a_coordinator_may_end_a_certified_task_before_all_is_collected():
    story = certified()
    story.submit(story.people[0])
    story.finish()
    report = story.replay()
    assert report.passed, report.failed
    assert (report.certified, report.attempts[-1].outcome) == (True, Outcome.ABANDONED)


def test_an_evaluation_that_too_few_join_starts_again_on_the_same_rows():
    story = certified(held_out=True)
    story.submit(story.people[0])
    story.wait()
    story.reopen()
    story.sum_up()
    story.proceed()
    report = story.replay()
    assert report.passed, report.failed
    assert [one.held_out for one in report.attempts] == [False, True, True]


def test_a_silent_node_is_left_out_of_an_evaluation_and_the_certificate_still_counts_it():
    story = certified(evaluation=True)
    story.collect()
    story.close()
    for person in story.people:
        story.ready(person)
    story.share_all(story.people[:3])
    story.wait()
    story.expel(story.people[3])
    story.share_all()
    story.proceed()
    report = story.replay()
    assert report.passed, report.failed
    assert story.people[3].address in report.certified_attempt.counted
    assert story.people[3].address not in report.attempts[-1].counted


def test_a_certificate_outlives_a_task_that_fails_while_it_is_evaluated():
    story = certified(3, evaluation=True)
    story.collect()
    story.close()
    for person in story.people:
        story.ready(person)
    story.share_all(story.people[:2])
    story.wait()
    story.expel(story.people[2])
    report = story.replay()
    assert report.passed, report.failed
    assert (report.certified, report.attempts[-1].outcome) == (True, Outcome.FAILED)


def test_a_node_takes_over_from_a_coordinator_that_does_not_open_an_evaluation():
    story = certified(evaluation=True)
    story.sum_up()
    story.wait()
    story.take_over(story.people[0])
    story.proceed(story.people[0].address)
    report = story.replay()
    assert report.passed, report.failed
    assert any("took over" in note for note in report.notes)


# --- what no contract does ---


def evaluated_twice():
    story = certified(evaluation=True)
    story.after = [IN_TRAINING]
    story.sum_up()
    story.proceed()
    return story


def evaluated_though_nobody_asked():
    story = Story()
    story.after = [IN_TRAINING]
    story.open_round()
    story.sum_up()
    story.certify()
    return story


def evaluated_before_the_certificate():
    story = Story(evaluation=True)
    story.kind = Collection.EVALUATION
    story.open_round()
    story.sum_up()
    story.proceed()
    return story


def collected_in_another_order():
    story = Story(**ALL)
    story.after.reverse()
    story.open_round()
    story.sum_up()
    story.certify()
    return story


def one_thing_skipped():
    story = Story(**ALL)
    del story.after[0]
    story.open_round()
    story.sum_up()
    story.certify()
    return story


def proven_of(story, person, dataset):
    """An update of a batch of another data set, under a proof that holds."""
    data = story.commitment(person, 0, dataset)
    instance = "evaluate" if story.kind is Collection.EVALUATION else "step"
    story.submit(person, data=data)
    event = story.events[-1]
    event.values["proof"] = proof_of(instance, (story.model, data, event["y"]))
    return story


def trained_on_held_out_rows():
    story = Story(held_out=True)
    story.open_round()
    return proven_of(story, story.people[0], HELD_OUT)


def evaluated_on_rows_of_training_in_the_place_of_others():
    story = certified(held_out=True)
    return proven_of(story, story.people[0], DATASET)


def evaluated_on_held_out_rows_in_the_place_of_those_of_training():
    story = certified(evaluation=True, held_out=True)
    return proven_of(story, story.people[0], HELD_OUT)


def a_gradient_in_an_evaluation():
    story = certified(evaluation=True)
    story.submit(story.people[0])
    event = story.events[-1]
    event.values["proof"] = proof_of("step", (story.model, event["data"], event["y"]))
    return story


def moved_by_an_evaluation():
    story = certified(evaluation=True)
    story.sum_up()
    story.accept([1, 2, 3])
    return story


def certified_by_an_evaluation():
    story = certified(evaluation=True)
    story.sum_up()
    story.after = []
    story.certify(bound=1)
    return story


def opened_by_another_in_time():
    story = certified(evaluation=True)
    story.sum_up()
    story.proceed(story.people[0].address)
    return story


def the_sum_of_a_gradient_opened():
    story = Story(evaluation=True)
    story.open_round()
    story.sum_up()
    story.proceed()
    return story


def ended_by_a_stranger():
    story = certified()
    story.submit(story.people[0])
    story.finish("0x" + "66" * 20)
    return story


def ended_while_some_share():
    story = certified(evaluation=True)
    story.collect()
    story.close()
    for person in story.people:
        story.ready(person)
    story.share(story.people[0])
    story.finish()
    return story


def ended_with_the_certificate_though_something_is_to_be_collected():
    story = Story(evaluation=True)
    story.after = []
    story.open_round()
    story.sum_up()
    story.wait()
    story.certify()
    return story


FORBIDDEN = {
    "a second evaluation": (evaluated_twice, {"rounds"}),
    "an evaluation that is not the task's": (evaluated_though_nobody_asked, {"rounds"}),
    "an evaluation before the certificate": (evaluated_before_the_certificate, {"rounds"}),
    "another order": (collected_in_another_order, {"rounds"}),
    "something skipped": (one_thing_skipped, {"rounds"}),
    "held-out rows in training": (trained_on_held_out_rows, {"data"}),
    "rows of training as held-out ones": (evaluated_on_rows_of_training_in_the_place_of_others, {"data"}),
    "held-out rows as those of training": (evaluated_on_held_out_rows_in_the_place_of_those_of_training, {"data"}),
    "a gradient in an evaluation": (a_gradient_in_an_evaluation, {"update proofs"}),
    "weights moved by an evaluation": (moved_by_an_evaluation, {"sums"}),
    "an evaluation certified": (certified_by_an_evaluation, {"sums"}),
    "a sum opened by another in time": (opened_by_another_in_time, {"coordinator"}),
    "a gradient opened": (the_sum_of_a_gradient_opened, {"sums"}),
    "a task ended by a stranger": (ended_by_a_stranger, {"coordinator"}),
    "a task ended after the first share": (ended_while_some_share, {"rounds"}),
    "a task ended in the place of its next round": (
        ended_with_the_certificate_though_something_is_to_be_collected,
        {"rounds"},
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(("make", "checks"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_what_a_contract_never_does_after_a_certificate_is_found(make, checks):
    report = make().replay()
    assert not report.passed
    assert checks <= failed_checks(report), report.failed


TAMPERED = {
    "a sum said to be of something else": (altered("SumOpened", 1, collected=2), {"sums"}),
    "a sum of what nobody knows": (altered("SumOpened", 1, collected=9), {"sums"}),
    "another sum": (altered("SumOpened", 2, sum=[1] * 8), {"sums"}),
    "a sum left out": (without("SumOpened", 1), {"rounds", "sums"}),
    "held-out rows said to be those of training": (altered("AttemptModel", 3, heldOut=False), {"rounds", "data"}),
    "rows of training said to be held out": (altered("AttemptModel", 2, heldOut=True), {"rounds", "data"}),
    "a certificate left out": (without("Certified"), {"rounds"}),
    "other generators of evaluations": (
        altered("TaskCreated", call={"training": {**Story(**ALL).training, "evaluationGenerators": "0x"}}),
        {"sums"},
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(("change", "checks"), TAMPERED.values(), ids=TAMPERED)
def test_statistics_that_were_tampered_with_fail(history, change, checks):
    report = history.replay(change(history.events))
    assert not report.passed
    assert checks <= failed_checks(report), report.failed
