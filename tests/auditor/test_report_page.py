"""The page of an audit, for every kind of task that there is: whole, escaped, and as clear as the verdict."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import sync_playwright
from support.histories import ATTESTED, DATASET, ISSUER, Story, without
from support.html_pages import parsed

from twopm_zk.auditor.attempt_record import AttemptRecord, Outcome
from twopm_zk.auditor.page import ReportContext, render
from twopm_zk.auditor.report import CHECKS, MAX_FAILURES, UNKNOWABLE, AuditReport, DataSetRecord, Verdict
from twopm_zk.numbers.fixed_point import WEIGHTS
from twopm_zk.privacy.spent import Spent
from twopm_zk.privacy.terms import Privacy
from twopm_zk.statements import Collection, Family
from twopm_zk.statistics.gaussian import GaussianEvaluation
from twopm_zk.statistics.logistic import LogisticEvaluation
from twopm_zk.statistics.provenance import Part, Provenance
from twopm_zk.statistics.summarise import Model, summarise
from twopm_zk.task.columns import Column
from twopm_zk.task.inputs import Input
from twopm_zk.task.outcome import Frequencies
from twopm_zk.task.outcome import Outcome as Label
from twopm_zk.task.parts.statistics import Statistics
from twopm_zk.task.scaling import Scaling
from twopm_zk.task.specification import TaskSpec

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
CONTEXT = ReportContext("1.2.3", datetime(2026, 3, 1, 12, 30, tzinfo=UTC), {"HLRContract": "0x" + "c0" * 20})
ATTACK = "<script>alert('x')</script>\" onload=\"x"
TWO = TaskSpec(
    columns=(Column("age", 50.0, 16.0, 0.0, 120.0, 1.0), Column("dose", 0.0, 0.25)),
    label="died",
    name="A trial",
    penalty=1.0,
)
"""Fits the weights of a `Story`."""


@cache
def trained(**settings):
    """Information, a move and a certificate, by four nodes; only to be read."""
    story = Story(information=1, **settings)
    story.open_round()
    story.sum_up()
    story.proceed()
    story.sum_up()
    story.accept([5, 6, 7])
    story.sum_up()
    story.certify()
    return story


def summary_of(family="logistic", *, insecure=False):
    """Statistics of `TWO`, whatever they say."""
    known = Provenance(True, 44, 4, insecure, addresses=tuple(f"0x{n:040x}" for n in range(4)))
    scores = np.linspace(-2, 2, 44)
    evaluation = (
        LogisticEvaluation.of(scores, np.arange(44) % 2)
        if family == "logistic"
        else GaussianEvaluation.of(scores, scores[::-1])
    )
    coefficients = {"age": 0.01, "dose": -2.0, "intercept": 1.5}
    scaling = (Scaling(50.0, 16.0), Scaling(0.0, 0.25))
    model = Model(family=family, label=TWO.label, coefficients=coefficients, scaling=scaling)
    return summarise(
        model, known, information=Part.of(np.diag([8.0, 4.0, 2.0]), known), evaluation=Part.of(evaluation, known)
    )


def found(story=None, *, family="logistic", **changes):
    """What an audit of a trained task finds where its specification is given."""
    report = (story or trained()).replay()
    report.spec_hash, report.gradient_target = "0x" + "5e" * 32, 1 << 20
    report.weights = report.attempts[-1].weights
    report.coefficients = TWO.coefficients(report.weights)
    for one in report.attempts:
        one.coefficients = TWO.coefficients(one.weights)
    report.summary = summary_of(family, insecure=bool(changes.get("insecure"))) if report.passed else None
    return replace(report, **changes)


def unsound():
    story = trained()
    return story.replay(without("NodeReady")(story.events))


def failed():
    """Too few nodes are left once one was silent."""
    story = Story(3)
    story.open_round()
    story.collect()
    story.close()
    for person in story.people:
        story.ready(person)
    for person in story.people[:2]:
        story.share(person)
    story.wait()
    story.expel(story.people[2])
    return story.replay()


def disputed():
    """One node shared rubbish, lied about it, and was proven to; the others shared again."""
    story = Story(5)
    story.open_round()
    story.collect()
    story.close()
    for person in story.people:
        story.ready(person)
    first, *others, liar = story.people
    for person in (first, *others):
        story.share(person)
    story.share(liar, rubbish=True)
    story.dispute(first)
    for person in (first, *others):
        story.claim(person)
    story.claim(liar, story.lie(liar, first))
    story.reveal(first, liar)
    story.settle()
    story.share_all()
    story.certify()
    return story.replay()


def large(nodes=1000, rounds=12):
    """A large set in all rounds but one."""
    everybody = [f"0x{number:040x}" for number in range(nodes)]
    report = AuditReport(7, 1, "0x" + "c0" * 20, 9, "native", gradient_bound=1 << 12)
    for number in range(rounds):
        some = tuple(everybody[: nodes if number % 4 else nodes // 2])
        outcome = Outcome.CERTIFIED if number == rounds - 1 else Outcome.AGGREGATED
        updates = dict.fromkeys(everybody, 1)
        report.attempts.append(
            AttemptRecord(number, 0, updates=updates, summed=some, outcome=outcome, gradient_bound=1 << (30 - number))
        )
    return report


KINDS = {
    "certified": found,
    "linear": lambda: found(trained(family=Family.GAUSSIAN), family="gaussian"),
    "insecure": lambda: found(insecure=["step-48x3"]),
    "without a certificate": lambda: Story().replay(),
    "nothing at all": lambda: AuditReport(1, 31337, "0x", 7, "python"),
    "unsound": unsound,
    "unsound under insecure keys": lambda: replace(unsound(), insecure=["step-48x3"]),
    "failed": failed,
    "disputed": disputed,
    "with noise": lambda: found(privacy=Spent(3.0, 1e-6, "row", 2, 3, 11, 9, 2.69), noisy=True),
    "with noise, and no specification": lambda: replace(trained().replay(noisy=True), noisy=True),
    "large": large,
}


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def report(request):
    return request.param()


@pytest.mark.slow
@pytest.mark.parametrize("spec", [None, TWO], ids=["without", "with"])
def test_every_report_is_a_whole_page_with_its_verdict_and_its_limits(report, spec):
    page = parsed(render(report, replace(CONTEXT, specification=spec)))
    assert f"Verdict: {report.verdict.value}." in page.text
    assert report.conclusion in page.text
    assert "2026-03-01 12:30:00 UTC" in page.text
    for said in (
        "twopm-zk 1.2.3",
        f"Task {report.task} of chain {report.chain_id}",
        f"up to block {report.block}",
        CONTEXT.contracts["HLRContract"],
    ):
        assert said in page.text
    assert [said for said in UNKNOWABLE if said not in page.text] == []
    assert [name for name in report.counts if CHECKS[name] not in page.text] == []
    alerts = [one["class"] for one in page.every("div") if one.get("role") == "alert"]
    assert bool(alerts) is (not report.sound)
    assert set(alerts) <= {"banner bad"}


def test_a_failed_audit_under_insecure_keys_says_both_in_red():
    report = replace(unsound(), insecure=["step-48x3"])
    page = parsed(render(report, CONTEXT))
    assert [one["class"] for one in page.every("div") if one.get("role") == "alert"] == ["banner bad", "banner bad"]
    assert "The audit failed: nothing on this page can be relied on" in page.text
    assert "The keys of step-48x3 are insecure" in page.text


def test_insecure_keys_are_said_before_anything_that_they_would_prove():
    page = parsed(render(found(insecure=["step-48x3"]), replace(CONTEXT, specification=TWO)))
    assert page.text.index("Insecure keys: nothing on this page is proven") < page.text.index(
        "rows in the certified sum"
    )
    assert "INSECURE KEYS: nothing of this is proven to anybody" in page.text


ATTACKS = {
    "title": lambda report, context: (report, replace(context, title=ATTACK)),
    "version": lambda report, context: (report, replace(context, version=ATTACK)),
    "contracts": lambda report, context: (report, replace(context, contracts={ATTACK: ATTACK})),
    "names": lambda report, context: (report, replace(context, names=dict.fromkeys(report.nodes, ATTACK))),
    "specification": lambda report, context: (
        report,
        replace(
            context,
            specification=TaskSpec(
                columns=(Column(ATTACK, product=((ATTACK, 2),)),),
                label=f"{ATTACK}y",
                name=ATTACK,
                inputs=(Input(ATTACK, low=0.0, high=1.0, missing=0.5),),
                outcome=Label(positive=ATTACK, negative=(f"{ATTACK}n",)),
            ),
        ),
    ),
    "nodes": lambda report, context: (
        replace(
            report,
            coordinator=ATTACK,
            contract=ATTACK,
            attempts=[
                *report.attempts,
                AttemptRecord(9, 0, updates={ATTACK: 1}, left_out=[(ATTACK, ATTACK)], summed=()),
            ],
        ),
        context,
    ),
    "coefficients": lambda report, context: (
        replace(
            report,
            coefficients={ATTACK: 1.0},
            summary=None,
            attempts=[replace(one, coefficients={ATTACK: 1.0}) for one in report.attempts],
        ),
        context,
    ),
    "statistics": lambda report, context: (
        replace(report, summary=replace(report.summary, label=ATTACK, notes=(ATTACK,))),
        context,
    ),
    "keys": lambda report, context: (replace(report, insecure=[ATTACK], verifier=ATTACK, spec_hash=ATTACK), context),
    "notes": lambda report, context: (replace(report, notes=[ATTACK]), context),
    "issuers": lambda report, context: (
        replace(report, datasets={"": DataSetRecord("0x", ATTESTED, 1, {ATTACK: 1})}),
        context,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_a_text_of_anybody_is_shown_as_it_is_and_never_run(attack):
    report, context = attack(found(), CONTEXT)
    page = parsed(render(report, context))
    assert ATTACK in page.text


def test_the_page_says_by_whom_the_data_of_how_many_updates_were_attested():
    story = Story(3, terms=ATTESTED)
    for person in story.people:
        story.attest(person)
    story.open_round()
    story.collect()
    rows = parsed(render(story.replay(), CONTEXT)).table("Data sets")
    assert rows[1:] == [[story.dataset, "3", ISSUER, "3"]]
    rows = parsed(render(found(), CONTEXT)).table("Data sets")
    assert rows[1:] == [[DATASET, "12", "nobody: none was asked for", "0"]]


def test_a_failure_with_html_in_it_is_shown_as_it_is():
    report = found()
    report.check("sets", False, ATTACK)
    report.check(ATTACK, False, "x")
    rows = parsed(render(report, CONTEXT)).table("Checks that failed")
    assert rows[1:] == [["sets", ATTACK], [ATTACK, "x"]]


def test_every_failure_that_was_kept_is_listed_and_the_others_are_counted():
    report = found()
    for number in range(MAX_FAILURES + 7):
        report.check("sets", False, f"failure {number}")
    page = parsed(render(report, CONTEXT))
    assert len(page.table("Checks that failed")) == 1 + MAX_FAILURES
    assert "7 more checks failed; the first are listed." in page.text
    rows = {row[0]: row[1:3] for row in page.table("Checks")[1:]}
    assert rows["sets"] == [f"{report.counts['sets']:,}", f"{MAX_FAILURES} or more"]
    assert rows["keys"][1] == "none"


def test_each_check_is_counted_and_what_there_was_nothing_of_is_named():
    report = found()
    page = parsed(render(report, CONTEXT))
    assert {row[0]: row[1] for row in page.table("Checks")[1:]} == {
        name: f"{count:,}" for name, count in report.counts.items()
    }
    absent = [name for name in CHECKS if name not in report.counts]
    assert absent
    assert f"There was nothing to check of: {', '.join(absent)}." in page.text


def test_each_attempt_says_what_it_collected_of_how_many_and_what_came_of_it():
    story = Story()
    story.open_round()
    story.submit(story.people[0])
    story.wait()
    story.reopen()
    story.collect()
    story.close()
    for person in story.people[:3]:
        story.ready(person)
    story.wait()
    story.start_sharing()
    story.share_all()
    story.certify()
    report = story.replay()
    assert report.passed, report.failed
    page = parsed(render(report, CONTEXT))
    first, second = page.table("Rounds")[1:]
    assert first[:6] == ["0, attempt 0", "gradient", "given up: its updates count for nothing", "1", "1", ""]
    assert second[:6] == ["0, attempt 1", "gradient", "weights certified", "3", "3", "33"]
    late = story.people[3].address
    assert page.table("Who left or was left out")[1:] == [["0, attempt 1", late, "was not ready in time"]]
    rows = {row[0]: row[1:] for row in page.table("Nodes")[1:]}
    assert rows[story.people[0].address] == ["0 (1)", "1", "1"]
    assert rows[late] == ["none", "0", "1"]


def test_who_was_left_out_is_named_with_the_reason():
    report = failed()
    page = parsed(render(report, CONTEXT))
    ((node, _),) = report.attempts[-1].left_out
    assert page.table("Who left or was left out")[1:] == [["0", node, "was silent"]]
    assert page.table("Rounds")[1][2] == "the task ended without its sum"
    assert "the task ended without a certificate: too few nodes" in page.text
    report = disputed()
    assert report.passed, report.failed
    page = parsed(render(report, CONTEXT))
    ((liar, _),) = report.certified_attempt.left_out
    assert page.table("Who left or was left out")[1:] == [["0", liar, "lied"]]
    assert f"{liar} lost 5 wei, because it lied" in page.text
    assert {row[0] for row in page.table("Checks")} >= {"disputes", "penalties"}


@pytest.mark.slow
def test_a_large_set_is_folded_and_each_node_is_listed_once():
    report = large()
    page = parsed(render(report, CONTEXT))
    rows = page.table("Nodes")
    assert len(rows) == 1 + 1000
    assert rows[1][1:] == ["0 to 11 (1 each)", "12", "0"]
    assert rows[-1][1:] == ["1 to 3 (1 each), 5 to 7 (1 each), 9 to 11 (1 each)", "9", "3"]
    assert len(page.every("details")) == 2  # nodes, and who was late
    assert "and 980 more" in page.text


def test_many_notes_are_folded_and_all_there():
    report = found(notes=[f"note {number}" for number in range(99)])
    page = parsed(render(report, CONTEXT))
    assert "Notes: 99" in page.text
    assert [note for note in report.notes if note not in page.text] == []


def test_an_attempt_knows_its_weights_its_times_and_the_bound_of_its_gradient():
    report = trained().replay()
    information, first, last = report.attempts
    assert (information.weights, first.weights, last.weights) == ((0, 0, 0), (0, 0, 0), (5, 6, 7))
    assert information.gradient_bound is None
    assert first.gradient_bound > 0
    assert information.opened_at < information.ended_at <= first.opened_at < first.ended_at <= last.opened_at
    document = report.to_json()["attempts"][-1]
    assert (document["weights"], document["coefficients"]) == ([5, 6, 7], None)
    assert document["gradient_bound_per_row"] == last.bound_per_row == last.gradient_bound / 2**32
    assert (document["opened_at"], document["ended_at"]) == (last.opened_at, last.ended_at)


def test_an_open_attempt_has_not_ended():
    story = Story()
    story.open_round()
    (one,) = story.replay().attempts
    assert (one.ended_at, one.gradient_bound) == (None, None)
    assert parsed(render(story.replay(), CONTEXT)).table("Rounds")[1][2] == "open"


def test_charts_show_the_way_of_the_gradient_and_of_each_coefficient():
    report = found()
    page = parsed(render(report, replace(CONTEXT, specification=TWO)))
    assert set(page.charts) == {"bounds", "intervals", "coefficient-0", "coefficient-1", "coefficient-2"}
    assert page.charts["bounds"].endswith(f"the task's target: {report.target_per_row:.3g}.")
    moved = 5 / WEIGHTS.one / 16
    assert page.charts["coefficient-0"] == f"age, by round. age: 0 at 1, {moved:.3g} at 2."
    without_names = parsed(render(trained().replay(), CONTEXT))
    assert set(without_names.charts) == {"bounds"}


def test_intervals_are_in_the_units_of_columns_and_drawn_by_their_scales():
    said = parsed(render(found(), replace(CONTEXT, specification=TWO))).charts["intervals"]
    low, high = (0.01 + sign * 1.959964 / np.sqrt(8.0) / 16 for sign in (-1, 1))
    assert f"age: 0.01 ({low:.3g} to {high:.3g})".replace("-", "−") in said
    assert said.startswith("coefficient times its column's scale.")
    assert "intercept" not in said


def test_nodes_are_not_named_again_beside_every_figure():
    report = found()
    page = parsed(render(report, replace(CONTEXT, specification=TWO)))
    assert "proven over 44 rows of 4 nodes" in page.text
    assert report.summary.fit.addresses[0] not in page.text


def test_a_specification_is_said_in_words():
    spec = TaskSpec(
        columns=(
            Column("age", 50.0, 16.0, 0.0, 120.0, 1.0),
            Column("ward[B]", 0.0, 1.0, 0.0, 1.0, 1.0),
            Column("age2", 0.0, 4096.0, product=(("age", 2),)),
        ),
        label="died",
        name="A trial",
        inputs=(Input("age", 0.0, 120.0, missing=60.0, winsorise=(10.0, 90.0)), Input("ward", categories=("A", "B"))),
        outcome=Label("yes", ("no",)),
        frequencies=Frequencies("count", 1, 3),
        statistics=Statistics(True, False, True),
        penalty=0.5,
    )
    page = parsed(render(found(summary=None), replace(CONTEXT, specification=spec)))
    assert page.table("Columns of the model")[1:] == [
        ["age", "age", "0", "120", "1", "50", "16"],
        ["ward[B]", "ward[B]", "0", "1", "1", "0", "1"],
        ["age2", "age^2", "", "", "", "0", "4096"],
    ]
    assert page.table("How cells are read")[1:] == [
        [
            "age",
            "low 0, high 120; values beyond 10 and 90 are taken as these; a missing cell stands for 60, with an "
            "indicator",
        ],
        ["ward", "one of A, B; A is the reference"],
    ]
    for said in (
        "died: yes counts as 1, no as 0",
        "a row of class 0 counts 1 times, of class 1 3",
        "their cell of count says",
        "information, evaluation on held-out rows",
        "3 nodes, 30 rows, 8 rows of each node",
        "none: sums are exact",
        "0x" + "5e" * 32,
    ):
        assert said in page.text


def test_a_linear_regression_has_its_label_in_words():
    label = Label(scale=Column("spent", 500.0, 250.0, 0.0, 2000.0, 0.01))
    spec = TaskSpec(columns=(Column("age"),), label="spent", outcome=label, family=Family.GAUSSIAN)
    page = parsed(render(found(summary=None), replace(CONTEXT, specification=spec)))
    assert "spent, a number from 0 to 2000 in steps of 0.01" in page.text
    assert "gaussian: a linear regression" in page.text


@pytest.mark.slow
def test_a_promise_to_the_people_in_the_rows_is_said_in_words():
    spec = replace(
        TWO,
        privacy=Privacy(3.0, 1e-6, clip=2.0),
        step=TaskSpec(columns=TWO.columns, label="x", privacy=Privacy(1, 1e-6)).step,
    )
    page = parsed(render(found(summary=None), replace(CONTEXT, specification=spec)))
    assert (
        "epsilon 3 at delta 1e-06 for each row, counting on 2 honest nodes; rows are shortened to a norm of 2"
        in page.text
    )


@pytest.mark.parametrize(
    ("spent", "kept"),
    [
        (Spent(3.0, 1e-6, "row", 2, 3, 11, 9, 2.69), True),
        (Spent(3.0, 1e-6, "row", 2, 1, 11, 9, 2.69), False),
        (Spent(3.0, 1e-6, "row", 2, 3, 11, 12, float("inf"), (Collection.GRADIENT,)), False),
    ],
)
def test_privacy_promised_and_spent_is_said_and_a_broken_promise_is_red(spent, kept):
    page = parsed(render(found(privacy=spent), CONTEXT))
    assert "epsilon 3 at delta 1e-06 for each row" in page.text
    assert f"by {spent.released} of 11 releases" in page.text
    assert ("The promise does not hold" in page.text) is not kept
    assert "inf" not in page.text.split("What is promised")[1].split("The specification")[0]


def test_noise_without_a_specification_is_said_and_exact_sums_promise_nothing():
    noisy = parsed(render(replace(trained().replay(), noisy=True), CONTEXT)).text
    assert "Updates carry noise. What that promises follows from the specification" in noisy
    assert "no differential privacy is promised" in parsed(render(trained().replay(), CONTEXT)).text


def test_moments_are_shown_in_universal_time():
    there = datetime(2026, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=5)))
    assert "2026-02-28 20:30:00 UTC" in render(found(), replace(CONTEXT, generated_at=there))


@pytest.mark.slow
def test_every_verdict_has_a_page():
    assert {make().verdict for make in KINDS.values()} == set(Verdict)


SCREENS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 800}},
}


@pytest.fixture(scope="module")
def chromium():
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.slow
@pytest.mark.parametrize("screen", SCREENS.values(), ids=SCREENS)
def test_a_browser_shows_it_on_every_screen_accessible_and_loads_nothing(chromium, tmp_path, screen):
    page, report = tmp_path / "audit.html", found(insecure=["step-48x3"])
    report.check("sets", False, ATTACK)
    page.write_text(render(report, replace(CONTEXT, specification=TWO, title=ATTACK)))
    with chromium.new_context(bypass_csp=True, **screen) as context:  # axe-core is a script
        tab, asked, said = context.new_page(), [], []
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("console", lambda message: said.append(message.text))
        tab.goto(page.as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        dark = screen.get("color_scheme") == "dark"
        paper = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == ("rgb(18, 22, 31)" if dark else "rgb(255, 255, 255)")
        colour = "getComputedStyle(document.querySelector('svg .line')).stroke"
        assert tab.evaluate(colour) == ("rgb(138, 177, 255)" if dark else "rgb(36, 89, 184)")
        tab.add_script_tag(path=AXE)
        violations = tab.evaluate("axe.run()")["violations"]
        assert [one["id"] for one in violations if one["impact"] in ("serious", "critical")] == []
        assert (asked, said) == ([page.as_uri()], [])


@pytest.mark.slow
def test_on_paper_everything_is_open_light_and_within_its_page(chromium, tmp_path):
    page = tmp_path / "audit.html"
    page.write_text(render(large(60), CONTEXT))
    with chromium.new_context(color_scheme="dark", viewport={"width": 690, "height": 980}) as context:
        tab = context.new_page()
        said = []
        tab.on("console", lambda message: said.append(message.text))
        tab.goto(page.as_uri())
        assert not tab.locator("details table").first.is_visible()
        tab.emulate_media(media="print")
        assert tab.locator("details table").first.is_visible()
        assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        assert said == []  # its own policy lets its own style through
