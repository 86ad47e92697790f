"""The report page: complete, self-contained, escaped, and readable in a real browser."""

import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from twopm_zk.demo.report import Prediction, Report, RoundRecord, Transaction, plots, render
from twopm_zk.statistics.logistic import LogisticEvaluation
from twopm_zk.statistics.provenance import Part, Provenance
from twopm_zk.statistics.summarise import Model, summarise
from twopm_zk.task.scaling import Scaling

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
HASH = "0x" + "ab" * 32
ROUNDS = [
    RoundRecord(
        number,
        "gradient" if number else "information",
        {"GPA": 2.8 + 0.02 / (number + 1), "intercept": -13.0},
        None if number < 2 else 2.3e-5,
        {"updates": 1.5, "sharing": 0.5},
        [
            Transaction("HLRContract.submitUpdate", "north school", HASH, 400_000),
            Transaction("HLRContract.share", "north school", HASH, 70_000),
            Transaction("HLRContract.share", "west school", HASH, 74_000),
        ],
        {"north school": 2, "west school": 1} if number == 2 else {"north school": 2},
        32,
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
REPORT = Report(
    title="A <title> & more",
    summary="Three owners.",
    rounds=ROUNDS,
    statistics=STATISTICS,
    reference_errors={"GPA": 0.5**0.5, "intercept": 2.0},
    reference_likelihood=-28.0,
    reference={"the table": {"GPA": 2.8066, "intercept": -13.0}},
    certificate="Certified.",
    seen="Sums over all <schools>, and nothing else.",
    audit=["9 step proofs"],
    unknowable=["whether rows are true"],
    predictions=[
        Prediction("user", "GPA 3", 0.625, transaction=HASH),
        Prediction("stranger", "GPA 3", None, "StakeTooLow"),
    ],
    setup=[Transaction("IdentityContract.join", "north school", HASH, 90_000)],
)


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.resources = [], []

    def handle_starttag(self, tag, attributes):
        self.resources += [value for name, value in attributes if name in ("src", "href")]
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.slow
def test_page_is_well_formed_and_loads_nothing():
    tags = Tags()
    tags.feed(render(REPORT))
    assert tags.open == []
    assert all(value.startswith(("data:image/png;base64,", "#")) for value in tags.resources)
    assert "<script" not in render(REPORT)


@pytest.mark.slow
def test_texts_are_escaped():
    page = render(REPORT)
    assert "A <title>" not in page
    assert "A &lt;title&gt; &amp; more" in page


def test_numbers_of_the_record_are_on_the_page():
    page = render(REPORT)
    for shown in ("1,722,000", "0.6250, proven", "refused: StakeTooLow", HASH, "2.30e-05", "whether rows are true"):
        assert shown in page


def test_the_page_says_what_each_round_collects_takes_and_shows_to_others():
    page = render(REPORT)
    assert "<td>0, information</td>" in page
    assert "<td>1, gradient</td>" in page
    assert page.count("<td>400,000</td><td></td><td>70,000 to 74,000</td>") == len(ROUNDS)
    assert "sharing, s" in page
    assert "Sums over all &lt;schools&gt;, and nothing else." in page
    assert REPORT.moves == 1


@pytest.mark.slow
def test_insecure_keys_are_said_at_the_head_of_the_page_and_only_then():
    page = render(replace(REPORT, insecure=["step-48x3", "<predict-3>"]))
    assert "nothing on this page is proven" in page
    assert "step-48x3, &lt;predict-3&gt;" in page
    assert page.index("Insecure keys") < page.index("The certified coefficients")
    assert "Insecure keys" not in render(REPORT)


def test_the_page_names_whose_updates_each_round_counted_and_what_the_certificate_covers():
    page = render(replace(REPORT, coverage="The certificate is over 3 updates, at least 32 rows."))
    assert page.count("<td>north school 2</td>") == 2
    assert "<td>north school 2, west school 1</td>" in page
    assert "at least 32 rows." in page


@pytest.mark.slow
def test_the_page_says_how_near_the_optimum_is_and_what_of_it_is_proven():
    said = "The weights are 0.0012 standard errors from the optimum, as is estimated; nothing of it is proven."
    assert said in render(replace(REPORT, nearness=said))
    assert "<p></p>" not in render(replace(REPORT, coverage="All rows."))


def test_small_coefficients_keep_their_digits():
    tiny = [replace(one, coefficients={"GPA": 1.23456789e-7, "intercept": -13.0}) for one in ROUNDS]
    page = render(replace(REPORT, rounds=tiny, reference={"the table": {"GPA": 1.2e-7, "intercept": -13.0}}))
    assert page.count("1.23457e-07") == 1 + len(ROUNDS)


def test_transactions_after_the_last_round_are_not_its_own():
    after = [Transaction("InferenceContract.answer", "operator", HASH, 300_000)]
    page = render(replace(REPORT, after=after))
    assert "After the last round: 1 transactions, 300,000 gas" in page
    assert "2,022,000" in page


def test_difference_is_the_largest_of_all_coefficients():
    assert REPORT.difference("the table") == pytest.approx(abs(ROUNDS[-1].coefficients["GPA"] / 2.8066 - 1))
    off = replace(REPORT, reference={"the table": {"GPA": 2.8066, "intercept": -26.0}})
    assert off.difference("the table") == pytest.approx(0.5)


def test_the_page_shows_the_statistics_with_who_vouches_for_them():
    page = render(REPORT)
    assert "Logit Regression Results" in page
    assert "proven over 32 rows of 3 nodes" in page
    assert "<GRADE>" not in page
    off = replace(REPORT, reference_errors={"GPA": 0.5**0.5 / 1.1, "intercept": 2.0}, reference_likelihood=0.0)
    assert off.error_difference == pytest.approx(0.1, rel=0.01)
    assert off.likelihood_difference == pytest.approx(-STATISTICS.llf)


def test_rounds_after_the_certificate_are_no_moves_and_not_the_certified_one():
    last = [replace(ROUNDS[0], number=3, collects="information"), replace(ROUNDS[0], number=4, collects="evaluation")]
    longer = replace(REPORT, rounds=[*ROUNDS, *last])
    assert (longer.moves, longer.certified) == (REPORT.moves, ROUNDS[-1])
    assert "<td>4, evaluation</td>" in render(longer)


@pytest.mark.parametrize("plot", [plots.convergence, plots.timing])
def test_plots_are_png(plot):
    assert plot(REPORT).startswith(b"\x89PNG\r\n\x1a\n")


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
    assert body.count("<img") == 2
    assert "refused: StakeTooLow" in body
    assert len(re.findall("<tr>", body)) >= 3 + len(ROUNDS)
    shot = tmp_path / "page.png"
    photograph = [*browser, "--window-size=1100,2000", f"--screenshot={shot}", page.as_uri()]
    subprocess.run(photograph, capture_output=True, check=True, timeout=120)
    # a blank page compresses to a few kilobytes
    assert shot.stat().st_size > 40_000
