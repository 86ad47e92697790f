"""The demonstration's page: the audit's, with what only a demonstration knows."""

import hashlib
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from support.html_pages import parsed

from twopm_zk.auditor.attempt_record import AttemptRecord, Outcome
from twopm_zk.auditor.page import ReportContext
from twopm_zk.auditor.report import AuditReport
from twopm_zk.demo.report import Prediction, Report, RoundRecord, Transaction, render
from twopm_zk.statistics.logistic import LogisticEvaluation
from twopm_zk.statistics.provenance import Part, Provenance
from twopm_zk.statistics.summarise import Model, summarise
from twopm_zk.task.scaling import Scaling

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
NORTH, WEST = "0x" + "aa" * 20, "0x" + "bb" * 20


def sent(what, who, gas, number=0):
    """A transaction with a hash of its own."""
    return Transaction(what, who, "0x" + hashlib.sha256(f"{what} {who} {number}".encode()).hexdigest(), gas)


ASKED = sent("InferenceContract.ask", "user", 1)
ROUNDS = [
    RoundRecord(
        number,
        "gradient" if number else "information",
        {"GPA": 2.8 + 0.02 / (number + 1), "intercept": -13.0},
        {"updates": 1.5, "sharing": 0.5},
        [
            sent("HLRContract.submitUpdate", "north school", 400_000, number),
            sent("HLRContract.share", "north school", 70_000, number),
            sent("HLRContract.share", "west school", 74_000, number),
        ],
    )
    for number in range(3)
]
PROVEN = Provenance(True, 32, 3)
STATISTICS = summarise(
    Model(
        family="logistic",
        label="<GRADE>",
        coefficients={"GPA": 2.8, "intercept": -13.0},
        scaling=(Scaling(),),
        penalty=0.0,
    ),
    PROVEN,
    information=Part.of(np.array([[4.0, 1.0], [1.0, 0.5]]), PROVEN),
    evaluation=Part.of(LogisticEvaluation.of(np.linspace(-2, 2, 32), np.arange(32) % 2), PROVEN),
)
FINDINGS = AuditReport(
    1,
    31337,
    "0x" + "c0" * 20,
    90,
    "native",
    counts={"update proofs": 9},
    rounds=1,
    attempts=[
        AttemptRecord(
            number, 0, updates={NORTH: 2}, summed=(NORTH,), rows=32, outcome=outcome, coefficients=round.coefficients
        )
        for number, (round, outcome) in enumerate(
            zip(ROUNDS, (Outcome.OPENED, Outcome.AGGREGATED, Outcome.CERTIFIED), strict=True)
        )
    ],
    gradient_bound=1 << 20,
    coefficients=STATISTICS.coefficients,
    summary=STATISTICS,
)
CONTEXT = ReportContext("0.1.0", datetime(2026, 1, 2, tzinfo=UTC), names={NORTH: "north school", WEST: "west school"})
REPORT = Report(
    title="A <title> & more",
    summary="Three owners.",
    findings=FINDINGS,
    context=CONTEXT,
    rounds=ROUNDS,
    reference_errors={"GPA": 0.5**0.5, "intercept": 2.0},
    reference_likelihood=-28.0,
    reference={"the table": {"GPA": 2.8066, "intercept": -13.0}},
    seen="Sums over all <schools>, and nothing else.",
    predictions=[
        Prediction("user", "GPA 3", 0.625, transaction=ASKED.hash),
        Prediction("stranger", "GPA 3", None, "StakeTooLow"),
    ],
    setup=[sent("IdentityContract.join", "north school", 90_000)],
    after=[ASKED],
)


def test_page_is_well_formed_loads_nothing_and_leads_to_the_transactions_that_it_names():
    page = parsed(render(REPORT))
    links = [element["href"] for element in page.every("a")]
    assert links == [f"#tx-{ASKED.hash}"]
    assert f"tx-{ASKED.hash}" in page.ids


def test_texts_are_escaped():
    page = render(REPORT)
    assert "A <title>" not in page
    assert "A &lt;title&gt; &amp; more" in page
    assert "<GRADE>" not in page
    assert "Sums over all &lt;schools&gt;, and nothing else." in page


def test_numbers_of_the_record_are_on_the_page():
    text = parsed(render(REPORT)).text
    for shown in ("1,722,001", "0.6250, proven", "refused: StakeTooLow", ASKED.hash, "2.44e-04", "whether the rows"):
        assert shown in text


def test_the_page_says_what_each_round_takes():
    page = parsed(render(REPORT))
    assert page.table("Gas by round")[1:] == [
        [str(n), "400,000", "", "70,000 to 74,000", "", "544,000"] for n in range(3)
    ]
    assert page.table("Seconds by round")[0] == ["round", "updates, s", "sharing, s", "all, s"]
    assert {"convergence", "timing", "intervals"} <= set(page.charts)


def test_the_page_is_that_of_an_audit_with_the_names_of_people():
    page = parsed(render(REPORT))
    assert page.table("Rounds")[3][:6] == ["2", "gradient", "weights certified", "1", "2", "32"]
    assert page.table("Nodes")[1] == [f"north school{NORTH}", "0 to 2 (2 each)", "6", "0"]
    assert "2 updates of 1 node: north school (2)" in page.text
    assert page.table("Checks")[1][:2] == ["update proofs", "9"]


def test_insecure_keys_are_said_at_the_head_of_the_page_and_only_then():
    page = parsed(render(replace(REPORT, findings=replace(FINDINGS, insecure=["step-48x3", "<predict-3>"]))))
    assert "step-48x3, <predict-3>" in page.text
    assert page.text.index("Insecure keys: nothing on this page is proven") < page.text.index(
        "The certified coefficients"
    )
    assert "Insecure keys" not in render(REPORT)


def test_small_coefficients_keep_their_digits():
    tiny = replace(STATISTICS, coefficients={"GPA": 1.23456789e-7, "intercept": -13.0})
    reference = {"the table": {"GPA": 1.2e-7, "intercept": -13.0}}
    page = parsed(render(replace(REPORT, findings=replace(FINDINGS, summary=tiny), reference=reference)))
    assert page.table("The certified coefficients beside published ones")[1][:3] == ["GPA", "1.23457e-07", "1.2e-07"]


def test_transactions_after_the_last_round_are_not_its_own():
    after = [sent("InferenceContract.answer", "operator", 300_000)]
    page = render(replace(REPORT, after=after))
    assert "After the last round: 1 transactions, 300,000 gas" in page
    assert "2,022,000" in page


def test_difference_is_the_largest_of_all_coefficients():
    assert REPORT.difference("the table") == pytest.approx(abs(2.8 / 2.8066 - 1))
    off = replace(REPORT, reference={"the table": {"GPA": 2.8066, "intercept": -26.0}})
    assert off.difference("the table") == pytest.approx(0.5)


def test_the_page_shows_the_statistics_with_who_vouches_for_them():
    page = render(REPORT)
    assert "Logit Regression Results" in page
    assert "proven over 32 rows of 3 nodes" in page
    off = replace(REPORT, reference_errors={"GPA": 0.5**0.5 / 1.1, "intercept": 2.0}, reference_likelihood=0.0)
    assert off.error_difference == pytest.approx(0.1, rel=0.01)
    assert off.likelihood_difference == pytest.approx(-STATISTICS.llf)


def test_the_chart_of_the_way_to_the_optimum_has_moves_alone():
    page = parsed(render(REPORT))
    said = page.charts["convergence"]
    assert said.startswith("difference from the table, by proven moves of the weights. GPA: ")
    assert " at 0, " in said
    assert " at 1." in said
    assert "at 2" not in said


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
def test_a_browser_shows_the_whole_page(tmp_path):
    page = tmp_path / "report.html"
    page.write_text(render(REPORT))
    quiet = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync")
    offline = ("--disable-background-networking", "--disable-component-update")
    browser = [BROWSER, *quiet, *offline, f"--user-data-dir={tmp_path / 'profile'}"]
    show = [*browser, "--virtual-time-budget=3000", "--dump-dom", page.as_uri()]
    body = subprocess.run(show, capture_output=True, text=True, check=True, timeout=120).stdout
    assert body.count("<svg") >= 3
    assert "refused: StakeTooLow" in body
    shot = tmp_path / "page.png"
    photograph = [*browser, "--window-size=1100,2000", f"--screenshot={shot}", page.as_uri()]
    subprocess.run(photograph, capture_output=True, check=True, timeout=120)
    # a blank page compresses to a few kilobytes
    assert shot.stat().st_size > 40_000
