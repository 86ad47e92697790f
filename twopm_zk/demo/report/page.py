"""The demonstration's page: an audit's own, with what only a demonstration knows, such as clocks and names."""

from __future__ import annotations

from collections.abc import Sequence

from twopm_zk.auditor.page.document import subject, verdict
from twopm_zk.auditor.page.findings import checks, notes, privacy, unknowable
from twopm_zk.auditor.page.rounds import rounds
from twopm_zk.auditor.page.specification import specification
from twopm_zk.auditor.page.statistics import statistics
from twopm_zk.demo.report.record import Report, RoundRecord, Transaction
from twopm_zk.html import (
    Bar,
    Column,
    Html,
    Series,
    bars,
    cards,
    details,
    element,
    figure,
    items,
    joined,
    lines,
    page,
    paragraph,
    section,
    table,
)

_STEPS = {
    "hand in an update": ("submitUpdate",),
    "be ready": ("ready",),
    "share": ("share",),
    "conclude": ("proceed", "acceptWeights", "certify"),
}
"""The functions of HLRContract that each step of a round calls."""
_NEAREST = 1e-9
"""A difference below this is drawn as this."""
_CLOSE = 1e-3


def render(report: Report) -> str:
    """The report as one self-contained HTML document."""
    findings, context = report.findings, report.context
    sent = [(f"Round {record.number}", record.transactions) for record in report.rounds]
    return page(
        report.title,
        element("h1", report.title),
        element("p", report.summary, class_="lead"),
        verdict(findings, context),
        _cards(report),
        section("The certified coefficients", _coefficients(report), paragraph(report.certificate)),
        section("How they were reached", element("div", _convergence(report), _timing(report), class_="charts")),
        statistics(findings, context),
        rounds(findings, context),
        section("Who attested to what", items(report.attested)) if report.attested else Html(),
        section("Who sees what", paragraph(report.seen)),
        section("What each round took", _phases(report.rounds), _gas(report.rounds)),
        section(
            "Who proved and sent what",
            *(
                _transactions(title, found)
                for title, found in (
                    ("Before the first round", report.setup),
                    *sent,
                    ("After the last round", report.after),
                )
            ),
        ),
        _predictions(report),
        checks(findings),
        privacy(findings),
        notes(findings, context),
        specification(findings, context),
        subject(findings, context),
        unknowable(findings),
    )


def _cards(report: Report) -> Html:
    source = next(iter(report.reference))
    return cards(
        {
            f"largest difference from {source}": f"{report.difference(source):.3%}",
            "moves of the weights, every one proven": str(report.findings.rounds),
            "gas, all in all": f"{report.gas:,}",
            **report.facts,
        }
    )


def _coefficients(report: Report) -> Html:
    columns = [Column("coefficient", left=True), Column("proven")]
    for source in report.reference:
        columns += [Column(source), Column("difference")]
    rows = []
    for name in next(iter(report.reference.values())):
        value = report.coefficients[name]
        row = [name, f"{value:.6g}"]
        for reference in report.reference.values():
            difference = abs(value / reference[name] - 1)
            look = "good" if difference < _CLOSE else "bad"
            row += [f"{reference[name]:.6g}", element("span", f"{difference:.4%}", class_=look)]
        rows.append(row)
    return table("The certified coefficients beside published ones", columns, rows)


def _convergence(report: Report) -> Html:
    """How near each coefficient came to the first reference, move by move."""
    source, reference = next(iter(report.reference.items()))
    gradients = [record for record in report.rounds if record.collects == "gradient"]
    series = [
        Series(
            name,
            [
                (move, max(abs(record.coefficients[name] / value - 1), _NEAREST))
                for move, record in enumerate(gradients)
            ],
        )
        for name, value in reference.items()
    ]
    chart = lines(
        "convergence",
        f"Difference from {source}, move by move",
        series,
        across="proven moves of the weights",
        up=f"difference from {source}",
        logarithmic=True,
        limit=("0.1%", _CLOSE),
    )
    return figure(
        chart, f"Difference from {source} after each proven move of the weights.", legend=[one.name for one in series]
    )


def _timing(report: Report) -> Html:
    names = _activities(report.rounds)
    found = [Bar(str(record.number), [record.seconds.get(name, 0.0) for name in names]) for record in report.rounds]
    chart = bars("timing", "Where the time of each round went", names, found, across="seconds, by round")
    return figure(chart, "Where the time of each round went.", legend=names, filled=True)


def _activities(found: Sequence[RoundRecord]) -> list[str]:
    return list(dict.fromkeys(name for record in found for name in record.seconds))


def _phases(found: Sequence[RoundRecord]) -> Html:
    names = _activities(found)
    rows = [
        [
            str(record.number),
            *(f"{record.seconds[name]:.1f}" if name in record.seconds else "" for name in names),
            f"{sum(record.seconds.values()):.1f}",
        ]
        for record in found
    ]
    return table("Seconds by round", [Column("round", left=True), *(f"{name}, s" for name in names), "all, s"], rows)


def _gas(found: Sequence[RoundRecord]) -> Html:
    rows = [
        [
            str(record.number),
            *(_range(record.gas(*functions)) for functions in _STEPS.values()),
            f"{sum(one.gas for one in record.transactions):,}",
        ]
        for record in found
    ]
    return table("Gas by round", [Column("round", left=True), *(f"{name}, gas each" for name in _STEPS), "all"], rows)


def _range(values: Sequence[int]) -> str:
    """The least and the most, one number where they are the same."""
    return " to ".join(f"{value:,}" for value in sorted({min(values), max(values)})) if values else ""


def _transactions(title: str, found: Sequence[Transaction]) -> Html:
    if not found:
        return Html()
    total = sum(one.gas for one in found)
    rows = [
        (one.what, one.who, f"{one.gas:,}", element("code", one.hash, id=f"tx-{one.hash}" if one.hash else None))
        for one in found
    ]
    columns = [
        Column("what", left=True),
        Column("who", left=True),
        Column("gas"),
        Column("transaction", left=True),
    ]
    return details(f"{title}: {len(found)} transactions, {total:,} gas", table(title, columns, rows))


def _predictions(report: Report) -> Html:
    rows = []
    for one in report.predictions:
        answer = (
            element("span", f"refused: {one.reason}", class_="bad")
            if one.answer is None
            else element("span", f"{one.answer:.4f}, proven", class_="good")
        )
        shown = element("code", f"{one.transaction[:18]}…")
        link = element("a", shown, href=f"#tx-{one.transaction}") if one.transaction else ""
        rows.append((one.who, one.question, answer, link))
    columns = [Column(name, left=True) for name in ("who", "asked", "answer", "transaction")]
    if not rows:
        return joined()
    return section("Predictions asked for", table("Predictions", columns, rows), paragraph(report.backing))
