"""What is collected after the certificate, replayed: in order it passes, and what the contract refuses is found."""

import pytest
from support.histories import HELD_OUT, Story, failed_checks

from twopm_zk.auditor.attempt_record import Outcome
from twopm_zk.statements import Collection, Family
from twopm_zk.task.parts.step_rule import Collects


def certified(*, moved=True, **settings):
    """A task in its first round after the certificate."""
    story = Story(**settings)
    story.open_round()
    if settings.get("information"):
        story.sum_up()
        story.proceed()
    story.sum_up()
    if moved:
        story.accept([5, 6, 7])
        story.sum_up()
    story.certify()
    return story


def test_statistics_after_the_certificate_pass_in_their_order():
    story = certified(information=1, final=True, evaluation=True, held_out=True)
    for _ in range(3):
        story.sum_up()
        story.proceed()
    report = story.replay()
    assert report.passed, report.failed
    assert report.certified
    last = [(one.collection, one.held_out, one.outcome) for one in report.attempts[-3:]]
    kinds = ((Collection.INFORMATION, False), (Collection.EVALUATION, False), (Collection.EVALUATION, True))
    assert last == [(*kind, Outcome.OPENED) for kind in kinds]


def test_weights_that_have_not_moved_have_their_information_already():
    story = certified(moved=False, information=1, final=True, evaluation=True)
    assert failed_checks(story.replay()) == {"rounds"}  # it collects information once more
    story = certified(moved=False, information=1, final=True, evaluation=True, skipped=1)
    story.sum_up()
    story.proceed()
    report = story.replay()
    assert report.passed, report.failed


@pytest.mark.parametrize("skipped", [0, 1])
def test_weights_that_have_moved_get_information_of_their_own(skipped):
    story = certified(information=1, final=True, evaluation=True, skipped=skipped)
    assert failed_checks(story.replay()) == ({"rounds"} if skipped else set())


@pytest.mark.parametrize(
    ("family", "when", "final", "twice"),
    [
        (Family.LOGISTIC, Collects.FIRST, True, False),
        (Family.LOGISTIC, Collects.EVERY_ROUND, True, True),
        (Family.GAUSSIAN, Collects.NEVER, True, False),
        (Family.GAUSSIAN, Collects.FIRST, True, True),
        (Family.GAUSSIAN, Collects.FIRST, False, False),
        (Family.GAUSSIAN, Collects.EVERY_ROUND, False, True),
    ],
)
def test_a_task_that_would_collect_information_twice_at_the_same_weights_is_found(family, when, final, twice):
    story = Story(information=int(when), final=final, family=family)
    assert failed_checks(story.replay()) == ({"sums"} if twice else set())


def test_held_out_rows_that_were_registered_once_the_task_had_begun_are_found():
    story = Story(held_out=True)
    late = story.people[0]
    story.open_round()
    story.block += 1
    story.register(late, 1, HELD_OUT)
    story.sum_up()
    story.certify()
    story.submit(late, index=1)
    assert failed_checks(story.replay()) == {"data"}


@pytest.mark.parametrize(("handed_in", "said"), [((0, 2), "2 of 3"), ((1,), "1 of 3"), ((0, 1, 2), None)])
def test_a_node_that_has_chosen_among_its_held_out_batches_is_noted_and_nothing_fails(handed_in, said):
    story = Story(held_out=True)
    chooser, *others = story.people
    for index in (1, 2):
        story.register(chooser, index, HELD_OUT)
    story.open_round()
    story.block += 1
    story.register(chooser, 3, HELD_OUT)  # too late to count
    story.sum_up()
    story.certify()
    for index in handed_in:
        story.submit(chooser, index=index)
    story.collect(others)
    story.close()
    for person in story.people:
        story.ready(person)
    story.share_all()
    story.proceed()
    report = story.replay()
    assert report.passed, report.failed
    notes = [note for note in report.notes if "held-out batches" in note]
    note = f"round 1: {chooser.address} has handed in {said} registered held-out batches"
    assert notes == ([note] if said else [])


@pytest.mark.parametrize("phase", ["collecting", "ready", "sharing"])
def test_anybody_may_end_a_certified_task_whose_attempt_has_failed(phase):
    story = certified(evaluation=True)
    if phase == "collecting":
        story.submit(story.people[0])
    else:
        story.collect()
        story.close()
        for person in story.people[: 1 if phase == "ready" else None]:
            story.ready(person)
    story.wait()
    story.finish(sender=story.people[2].address)
    report = story.replay()
    assert report.passed, report.failed
    assert report.certified


def test_nobody_but_its_coordinator_may_end_a_task_that_could_go_on():
    story = certified(evaluation=True)
    story.submit(story.people[0])
    story.finish(sender=story.people[2].address)
    assert failed_checks(story.replay()) == {"coordinator"}
    story = certified(evaluation=True)
    story.collect()
    story.wait()
    story.finish(sender=story.people[2].address)
    assert failed_checks(story.replay()) == {"coordinator"}


@pytest.mark.parametrize("nodes", [3, 4])
def test_sums_of_a_linear_regression_over_other_rows_are_noted(nodes):
    """No contract can see to it that nodes share with the same ones: nodes do, and an audit tells."""
    story = Story(family=Family.GAUSSIAN)
    story.open_round()
    story.sum_up()
    story.accept([5, 6, 7])
    story.sum_up(story.people[:nodes])
    story.certify()
    report = story.replay()
    assert report.passed, report.failed
    noted = "round 1 of this linear regression is over other rows than round 0: two sums tell the difference"
    assert (noted in report.notes) is (nodes < len(story.people))
