"""What ``audit`` says and how it exits, for each verdict."""

import json

import pytest
from click.testing import CliRunner

from twopm_zk.auditor import audit as auditor
from twopm_zk.auditor.report import AttemptRecord, AuditReport, Outcome
from twopm_zk.cli.network import audit as command
from twopm_zk.training.distance import Distance

NODE = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
VERDICTS = {
    "certified": ({}, 0),
    "not-certified": ({"gradient_bound": None}, 0),
    "insecure-keys": ({"insecure": ["step-48x3"]}, 12),
    "unsound": ({"failure_count": 1, "insecure": ["step-48x3"]}, 1),
}


@pytest.fixture
def run(monkeypatch):
    def invoke(*words, **found):
        report = AuditReport(1, 31337, "0x", 7, "python", **{"gradient_bound": 1 << 12} | found)
        outcome = Outcome.AGGREGATED if report.gradient_bound is None else Outcome.CERTIFIED
        report.attempts = [AttemptRecord(0, 0, updates={NODE: 2}, rows=32, outcome=outcome)]
        monkeypatch.setattr(auditor, "audit", lambda *_, **__: report)
        monkeypatch.setattr(command, "open_view", lambda *_, **__: None)
        return CliRunner().invoke(command.audit, ["1", *words])

    return invoke


@pytest.mark.parametrize("verdict", VERDICTS)
def test_each_verdict_has_its_exit_code_in_text_and_in_json(run, verdict):
    found, code = VERDICTS[verdict]
    shown, document = run(**found), run("--json", **found)
    assert (shown.exit_code, document.exit_code) == (code, code)
    said = json.loads(document.output)
    assert said["verdict"] == verdict
    assert (said["sound"], said["certified"]) == (code == 0, verdict == "certified")
    assert shown.output.rstrip().endswith(said["conclusion"])


def test_insecure_keys_are_said_first_and_last_and_nothing_is_called_certified(run):
    lines = run(insecure=["step-48x3"]).output.strip().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("INSECURE KEYS: step-48x3"))
    assert not any("checks" in line for line in lines[:start])
    assert lines[-1].startswith("UNPROVEN")
    assert not any("certified" in line.lower() for line in lines)


def test_what_is_in_order_and_worth_knowing_is_printed_as_notes(run):
    shown = run(notes=["round 2: 0xA was left out, it lied"]).output
    assert "note: round 2: 0xA was left out, it lied" in shown.splitlines()


def test_the_nodes_of_each_round_and_the_rows_of_the_certificate_are_named_under_insecure_keys_too(run):
    for found in ({}, {"insecure": ["step-48x3"]}):
        shown = run(**found).output
        assert f"round 0: 2 updates of 1 node: {NODE} (2)" in shown
        assert "over 32 rows in 2 updates of 1 node" in shown


@pytest.mark.parametrize("proven", [True, False])
def test_the_distance_to_the_optimum_is_said_in_text_and_in_json_with_what_it_rests_on(run, proven):
    found = Distance(0.0012, 0.00119, 0.00121 if proven else None, 1e-4 if proven else None)
    shown = run(distance=found).output
    document = json.loads(run("--json", distance=found).output)["distance_to_optimum"]
    words = "proven to be between 0.00119 and 0.00121." if proven else "as is estimated; proven is only that they are"
    assert f"The weights are 0.0012 standard errors from the optimum, {words}" in shown
    assert (document["kind"], document["standard_errors"]) == ("proven" if proven else "estimated", 0.0012)
    assert (document["at_least"], document["at_most"]) == (found.at_least, found.at_most)
    assert "standard errors" not in run().output
