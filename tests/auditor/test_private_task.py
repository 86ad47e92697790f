"""Audits of a task with noise on a chain, and what anybody shows of it."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner
from support.audits import train
from support.histories import failed_checks
from support.people_world import DoubleKeys, Party
from support.private_task import private_spec

from twopm_zk import federated
from twopm_zk.auditor.audit import audit
from twopm_zk.cli.network import task_show
from twopm_zk.coordinator.task_creation import Stakes, task_config, training_config

pytestmark = [pytest.mark.slow, pytest.mark.chain]


@pytest.fixture(scope="module")
def trained(deployed, tmp_path_factory):
    """One task, trained once for this module, which only reads it."""
    snapshot = deployed.node.snapshot()
    party = Party(deployed, tmp_path_factory.mktemp("private"), spec=private_spec())
    train(party)
    yield party
    deployed.node.revert(snapshot)
    deployed.chain.forget_nonces()


def test_an_audit_says_what_was_promised_and_spent(trained):
    report = audit(trained.world.view(8), 1, keyring=DoubleKeys(), spec=private_spec())
    assert report.passed, report.failed
    assert "privacy" in report.counts
    releases = [one.collection for one in report.attempts]
    assert report.privacy.spent == pytest.approx(private_spec().noise.epsilon(releases))
    assert report.privacy.spent <= private_spec().privacy.epsilon
    assert report.summary.privacy == report.privacy
    assert "Privacy: " in " ".join(str(report.summary).split())
    assert "with noise of standard deviation" in report.summary.fit.sentence
    assert report.distance.kind == "unknown"
    json.dumps(report.to_json(), allow_nan=False)


def test_without_the_specification_it_says_that_there_is_noise_and_proves_no_distance(trained):
    report = audit(trained.world.view(8), 1, keyring=DoubleKeys())
    assert report.passed, report.failed
    assert any(note.startswith("updates carry noise; what that promises") for note in report.notes)
    assert report.distance.kind == "unknown"
    assert report.privacy is None
    assert "no component of the gradient, noise included, exceeds" in report.conclusion


@pytest.mark.parametrize("with_spec", [True, False])
def test_a_task_is_shown_with_its_promise_and_no_proven_distance(trained, monkeypatch, with_spec):
    monkeypatch.setattr(task_show, "open_view", lambda *_, **__: trained.world.view(8))
    monkeypatch.setattr(federated, "read_specification", lambda path: private_spec())
    words = ["1", "--spec", "spec.toml", "--statistics"] if with_spec else ["1"]
    shown = CliRunner().invoke(task_show.show, words, catch_exceptions=False).output
    assert ("differentially private: epsilon 8 at delta 0.0001 for each row" in " ".join(shown.split())) is with_spec
    assert "how many standard errors the weights are from the optimum is not known" in shown


def test_a_task_that_verifies_updates_without_the_noise_of_its_specification_fails(world):
    view = world.view(1)
    config = replace(
        training_config(private_spec(), view.network), step_verifiers=[view.network.verifier_id("step-48x3")]
    )
    number = view.hlr.create_task(task_config(private_spec(), stakes=Stakes()), config)
    report = audit(view, number, keyring=DoubleKeys(), spec=private_spec())
    assert failed_checks(report) == {"specification"}
    assert "its updates have other noise" in report.failed[0]
