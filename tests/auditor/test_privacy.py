"""What an audit says of the promise to the people in the rows, and of noise in sums."""

import click
import pytest
from click.testing import CliRunner
from support.histories import Story, failed_checks
from support.people_world import SPEC
from support.privacy import private_spec

from twopm_zk.auditor.attempt_record import AttemptRecord, Outcome
from twopm_zk.auditor.privacy import check_named, check_privacy
from twopm_zk.auditor.report import AuditReport, Verdict
from twopm_zk.circuit.instances import find_instance
from twopm_zk.cli.network.audit import _print
from twopm_zk.statements import Collection
from twopm_zk.task.parts.statistics import Statistics
from twopm_zk.task.parts.step_rule import Collects

NODES = ("0xa", "0xb", "0xc")


@pytest.fixture(scope="module")
def task():
    """Six gradients and an evaluation, at most; 2 honest of 3 nodes."""
    return private_spec(statistics=Statistics(evaluation=True)).provable(rows=45)


def report_of(*collections, nodes=NODES, shared=True):
    report = AuditReport(1, 31337, "0x", 9, "double", gradient_bound=1 << 12, noisy=True)
    report.attempts = [
        AttemptRecord(number, 0, collection=kind, summed=nodes, outcome=Outcome.OPENED, shared=shared)
        for number, kind in enumerate(collections)
    ]
    return report


def test_what_was_shared_is_what_is_spent(task):
    report = report_of(Collection.GRADIENT, Collection.GRADIENT, Collection.EVALUATION)
    check_privacy(report, task)
    assert report.passed
    assert report.counts == {"privacy": 1}
    assert report.privacy.spent == pytest.approx(task.noise.epsilon([one.collection for one in report.attempts]))
    assert (report.privacy.released, report.privacy.planned, report.privacy.nodes) == (3, 7, 3)
    assert report.to_json()["privacy"]["honest"] == 2
    assert not report.notes


def test_an_attempt_counts_once_somebody_has_shared_whatever_was_made_of_it(task):
    report = report_of(Collection.GRADIENT)
    lost = AttemptRecord(1, 0, outcome=Outcome.FAILED, shared=True)
    silent = AttemptRecord(2, 0, outcome=Outcome.ABANDONED)
    report.attempts += [lost, silent]
    check_privacy(report, task)
    assert report.privacy.released == 2


def test_more_sums_than_the_noise_is_planned_for_fail(task):
    report = report_of(*[Collection.GRADIENT] * 7)
    check_privacy(report, task)
    assert failed_checks(report) == {"privacy"}
    assert report.verdict is Verdict.UNSOUND
    assert "7 sums are planned for, 7 were shared; too many are of gradient" in report.failed[0]
    planned = report_of(*task.noise.releases)
    check_privacy(planned, task)
    assert planned.passed


def test_a_set_of_fewer_nodes_than_the_promise_counts_on_is_noted(task):
    report = report_of(Collection.GRADIENT, nodes=NODES[:1])
    check_privacy(report, task)
    assert report.passed
    assert report.notes == [
        "round 0: a set of 1 nodes added their noise; the promise to the people in the rows counts on 2"
    ]
    assert not report.privacy.kept


def test_a_task_without_noise_promises_nothing():
    report = report_of(Collection.GRADIENT)
    check_privacy(report, SPEC)
    assert report.privacy is None
    assert report.to_json()["privacy"] is None
    assert report.counts == {}


def test_a_verifier_of_other_noise_than_the_specification_names_fails(task):
    report, own = report_of(), task.instances.step[0]
    check_named(report, task, "step", own)
    assert report.passed
    other = find_instance(own).with_number(find_instance(own).parameters["NOISE"] + 1).name
    check_named(report, task, "step", other)
    assert failed_checks(report) == {"specification"}
    said = f"the task verifies step with {other}; the specification names {own}: its updates have other noise"
    assert said in report.failed[0]


def test_a_verifier_without_noise_of_a_task_with_it_fails_and_another_size_is_called_that(task):
    report = report_of()
    check_named(report, task, "step", "step-48x3")
    check_named(report, task, "aggregate", "aggregate-8")
    assert "its updates have other noise" in report.failed[0]
    assert report.failed[1].endswith(
        "the task verifies aggregate with aggregate-8; the specification names aggregate-3"
    )


def test_promise_and_spending_are_printed(task):
    report = report_of(Collection.GRADIENT)
    check_privacy(report, task)

    @click.command()
    def show():
        _print(report, derived_with=None)

    said = CliRunner().invoke(show).output
    assert (
        "Differentially private: epsilon 1 at delta 1e-06 for each row, as long as 2 of the 3 nodes added their noise "
        f"and keep it secret; 1 of 7 releases used: epsilon {report.privacy.spent:.3g}."
    ) in said
    assert "privacy" in said


def certified(noisy):
    """A replayed task with information at its certified weights."""
    story = Story(4, information=Collects.EVERY_ROUND)
    story.open_round()
    story.sum_up()
    story.proceed()
    story.sum_up()
    story.certify()
    return story.replay(noisy=noisy)


def test_of_sums_with_noise_no_distance_to_the_optimum_is_called_proven():
    assert certified(noisy=False).distance.kind == "proven"
    assert certified(noisy=True).distance.kind == "unknown"
    assert "nothing of it is proven" in certified(noisy=True).nearness


def test_an_attempt_in_which_somebody_shared_is_recorded():
    story = Story(4)
    story.open_round()
    story.collect()
    story.close()
    assert [one.shared for one in story.replay().attempts] == [False]
    for person in story.people:
        story.ready(person)
    story.share_all()
    assert [one.shared for one in story.replay().attempts] == [True]
