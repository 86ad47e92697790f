"""How near certified weights are to the optimum, as an auditor makes it out from the chain alone."""

import numpy as np
import pytest
from support.audits import SOON, train
from support.histories import Story
from support.people_world import DoubleKeys, Party, replace

from twopm_zk.auditor.audit import audit
from twopm_zk.auditor.report import AuditReport, Verdict
from twopm_zk.numbers.fixed_point import WEIGHTS
from twopm_zk.rows.batches import quantized_rows
from twopm_zk.rows.tables import load_spector
from twopm_zk.task.parts.step_rule import Collects, StepRule
from twopm_zk.training.distance import Distance


def trained(when, *, leaver=False):
    """Information, a move and a certificate; with a ``leaver`` a node is not there for the last gradient."""
    story = Story(5, information=when)
    story.open_round()
    story.sum_up()
    story.proceed()
    story.sum_up()
    story.accept([5, 6, 7])
    if when == Collects.EVERY_ROUND:
        story.sum_up()
        story.proceed()
    story.sum_up(story.people[:-1] if leaver else None)
    story.certify()
    return story


@pytest.mark.slow
@pytest.mark.parametrize(("when", "kind"), [(Collects.EVERY_ROUND, "proven"), (Collects.FIRST, "unknown")])
def test_it_is_proven_where_information_was_collected_at_the_certified_weights(when, kind):
    report = trained(when).replay()
    assert report.passed, report.failed
    assert report.distance.kind == kind
    assert report.distance.at_least > 0
    assert report.to_json()["distance_to_optimum"]["kind"] == kind
    assert ("proven to be between" in report.nearness) == (kind == "proven")


def test_it_is_not_proven_where_the_certificate_is_over_other_rows_than_the_information():
    report = trained(Collects.EVERY_ROUND, leaver=True).replay()
    assert report.passed, report.failed
    assert report.distance.kind == "unknown"
    assert report.distance.at_least > 0  # the information at zero was over these rows, and more


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("SumOpened", {"sum": [1] * 4}),
        ("ModelPublished", {"matrixHash": 77}),
        ("Certified", {"gradientBound": 1 << 19}),
        ("Certified", {"modelCommitment": 3}),
    ],
)
def test_nothing_that_a_coordinator_says_changes_it(name, changes):
    story = trained(Collects.EVERY_ROUND)
    honest = story.replay().distance
    for event in story.events:
        if event.name == name:
            event.values.update(changes)
    report = story.replay()
    assert report.distance == honest
    # and it is not called proven any more, because a check has failed
    assert not report.passed
    assert report.to_json()["distance_to_optimum"]["kind"] == "unsound"
    assert report.nearness.endswith("which is not proven to anybody: a check failed.")


def test_without_a_certificate_there_is_none():
    story = Story(information=2)
    story.open_round()
    story.sum_up()
    story.proceed()
    story.sum_up()
    report = story.replay()
    assert report.distance is None
    assert report.nearness is None
    assert report.to_json()["distance_to_optimum"] is None


def test_under_insecure_keys_nothing_is_called_proven():
    found = Distance(0.0012, 0.00119, 0.00121, 1e-4)
    report = AuditReport(1, 1, "0x", 0, "double", gradient_bound=5, distance=found)
    assert "proven to be between 0.00119 and 0.00121" in report.nearness
    report.insecure.append("step-48x3")
    assert report.verdict is Verdict.INSECURE_KEYS
    assert report.nearness.endswith(
        "between 0.00119 and 0.00121, which is not proven to anybody: the keys are insecure."
    )
    assert report.to_json()["distance_to_optimum"]["kind"] == "insecure-keys"
    report.distance = Distance(0.0012, 0.001)
    assert report.to_json()["distance_to_optimum"]["kind"] == "estimated"


@pytest.mark.slow
@pytest.mark.parametrize(("rule", "kind"), [("newton", "proven"), ("bfgs", "estimated")])
def test_the_auditors_number_is_that_of_the_rows_that_nobody_showed(world, tmp_path, rule, kind):
    party = Party(world, tmp_path, spec=replace(SOON, gradient_bound=0.01, step=StepRule(rule)))
    train(party)
    report = audit(world.view(8), 1, keyring=DoubleKeys(), spec=party.spec)
    assert report.sound, report.failed
    features, labels = quantized_rows(load_spector(), party.spec, name="all")
    design = np.hstack([features / party.spec.format.one, np.ones((len(labels), 1))])
    weights = np.array(report.weights) / WEIGHTS.one
    probability = 1 / (1 + np.exp(-design @ weights))
    penalty = np.diag([party.spec.penalty] * 3 + [0.0])
    gradient = design.T @ (probability - labels) + penalty @ weights
    hessian = (design.T * (probability * (1 - probability))) @ design + penalty
    true = float(np.sqrt(gradient @ np.linalg.solve(hessian, gradient)))
    found = report.distance
    assert found.kind == kind
    assert found.at_least <= true + 0.01  # the circuits' sigmoid
    if kind == "proven":
        assert found.at_least - found.sigmoid <= true <= found.at_most + found.sigmoid
        assert found.sigmoid < 0.01
        assert found.at_most < 1.01 * found.at_least
    assert audit(world.view(8), 1, keyring=DoubleKeys()).distance.kind == ("proven" if kind == "proven" else "unknown")
