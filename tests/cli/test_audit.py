"""What ``audit`` says and how it exits, for each verdict."""

import json
import os
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from twopm_zk.auditor import audit as auditor
from twopm_zk.auditor.attempt_record import AttemptRecord, Outcome
from twopm_zk.auditor.report import AuditReport
from twopm_zk.cli import output
from twopm_zk.cli.network import audit as command
from twopm_zk.errors import InputError
from twopm_zk.training.distance import Distance

CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
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
        deployment = SimpleNamespace(contracts={"HLRContract": SimpleNamespace(address=CONTRACT)})
        monkeypatch.setattr(command, "open_view", lambda *_, **__: SimpleNamespace(deployment=deployment))
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


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_report_is_written_whatever_the_verdict_which_it_says(run, tmp_path, verdict, as_json):
    found, code = VERDICTS[verdict]
    page = tmp_path / "new" / "audit.html"
    shown = run("--report", str(page), *["--json"] * as_json, **found)
    assert shown.exit_code == code
    said = page.read_text()
    assert f"<code>{verdict}</code>" in said
    assert CONTRACT in said
    assert [file.name for file in page.parent.iterdir()] == ["audit.html"]
    if as_json:
        assert json.loads(shown.stdout)["verdict"] == verdict
    else:
        assert f"The report is {page}." in shown.stderr.replace("\n", "")


@pytest.fixture
def no_audit(monkeypatch):
    """The command, in which no audit may begin."""

    def begins(*_, **__):
        raise AssertionError("the audit has begun")

    monkeypatch.setattr(command, "open_view", begins)
    return lambda *words: CliRunner().invoke(command.audit, ["1", *words])


def test_a_report_that_exists_is_replaced_only_when_asked_and_refused_before_the_audit(run, no_audit, tmp_path):
    page = tmp_path / "audit.html"
    page.write_text("mine")
    refused = no_audit("--report", str(page)).exception
    assert isinstance(refused, InputError)
    assert "exists" in refused.message
    assert "--report" in refused.hint
    assert page.read_text() == "mine"
    assert run("--report", str(page), "--force").exit_code == 0
    assert page.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("place", ["folder", "file/audit.html", "x" * 300])
def test_a_report_that_cannot_be_written_is_refused_before_the_audit(no_audit, tmp_path, place, force):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    refused = no_audit("--report", str(tmp_path / place), *["--force"] * force).exception
    assert isinstance(refused, InputError)
    assert not (tmp_path / "file").read_text()


def test_a_report_in_a_folder_that_is_read_only_is_refused_before_the_audit(no_audit, tmp_path, monkeypatch):
    (tmp_path / "locked").mkdir(mode=0o500)
    if os.geteuid() == 0:  # who may write everywhere
        monkeypatch.setattr(output.os, "access", lambda path, mode: path != tmp_path / "locked")
    assert "nobody may write" in str(no_audit("--report", str(tmp_path / "locked" / "new" / "audit.html")).exception)
