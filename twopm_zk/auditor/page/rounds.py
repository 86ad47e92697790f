"""Who took part in which round and what came of it, and how the weights went to where they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from twopm_zk.auditor.attempt_record import AttemptRecord, Outcome
from twopm_zk.auditor.page.context import ReportContext
from twopm_zk.auditor.report import AuditReport
from twopm_zk.chain.tasks import words
from twopm_zk.html import Column, Html, Series, element, figure, folded, joined, lines, paragraph, section, table
from twopm_zk.statements import Collection

_CAME = {
    Outcome.OPEN: "open",
    Outcome.ABANDONED: "given up: its updates count for nothing",
    Outcome.FAILED: "the task ended without its sum",
    Outcome.OPENED: "sum opened",
    Outcome.AGGREGATED: "weights moved",
    Outcome.CERTIFIED: "weights certified",
}
_REASONS = {"withdrew": "withdrew", "silent": "was silent", "lied": "lied", "late": "was not ready in time"}


def rounds(report: AuditReport, context: ReportContext) -> Html:
    """All rounds: attempts, nodes, and what is known of the weights in each."""
    if not report.attempts:
        return section("Rounds", paragraph("No round was opened."))
    return section(
        "Rounds",
        convergence(report),
        folded("Every attempt", attempts(report.attempts), len(report.attempts)),
        element("h3", "Who took part"),
        folded("Nodes", nodes(report.attempts, context), len(report.nodes)),
        departures(report.attempts, context),
    )


def attempts(found: Sequence[AttemptRecord]) -> Html:
    """One line for each attempt: what it collected of how many, and what came of it."""
    again = {one.round for one in found if one.attempt}
    rows = [
        (
            f"{one.round}, attempt {one.attempt}" if one.round in again else f"{one.round}",
            words(one.collection, held_out=one.held_out),
            _CAME[one.outcome],
            f"{len(one.counted):,}",
            f"{sum(one.counted.values()):,}",
            f"{one.rows:,}" if one.rows else "",
            "" if one.bound_per_row is None else f"{one.bound_per_row:.3g}",
            _moment(one.opened_at),
            "" if one.ended_at is None else _lasted(one.ended_at - one.opened_at),
        )
        for one in found
    ]
    text = (Column("round", left=True), Column("collected", left=True), Column("what came of it", left=True))
    return table("Rounds", [*text, "nodes", "updates", "rows", "gradient per row", "opened, UTC", "lasted"], rows)


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M") if seconds else ""


def _lasted(seconds: int) -> str:
    """A time in its two largest units."""
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"


def nodes(found: Sequence[AttemptRecord], context: ReportContext) -> Html:
    """One line for each node: in the sums of which rounds it is, with how many updates."""
    everybody = dict.fromkeys(node for one in found for node in sorted(one.updates))
    used = [one for one in found if one.summed is not None]
    rows = []
    for node in everybody:
        counts = {one.round: one.updates.get(node, 0) for one in used if node in (one.summed or ())}
        unused = sum(one.updates.get(node, 0) for one in found) - sum(counts.values())
        stretches = _stretches(counts, [one.round for one in used])
        rows.append((context.account(node), stretches, f"{sum(counts.values()):,}", f"{unused:,}"))
    columns = [
        Column("node", left=True),
        Column("in the sums of rounds", left=True, wide=True),
        Column("updates in sums"),
        Column("updates in no sum"),
    ]
    return table("Nodes", columns, rows)


def _stretches(counts: Mapping[int, int], known: Sequence[int]) -> str:
    """Rounds with the number of updates in each, those that follow each other together: ``0 to 7 (1 each), 9 (2)``."""
    found: list[tuple[int, int, int]] = []
    before: int | None = None
    for number in known:
        count = counts.get(number)
        if count is not None and found and found[-1][1] == before and found[-1][2] == count:
            found[-1] = (found[-1][0], number, count)
        elif count is not None:
            found.append((number, number, count))
        before = number
    said = (f"{a} ({n})" if a == b else f"{a} to {b} ({n} each)" for a, b, n in found)
    return ", ".join(said) or "none"


def departures(found: Sequence[AttemptRecord], context: ReportContext) -> Html:
    """Who left or was left out, in which round, and why; nothing where nobody did."""
    rows = [
        (
            f"{one.round}, attempt {one.attempt}" if one.attempt else f"{one.round}",
            context.account(node),
            _REASONS.get(reason, reason),
        )
        for one in found
        for node, reason in (*one.left_out, *_late(one))
    ]
    if not rows:
        return paragraph("Nobody left, and nobody was left out.")
    columns = [Column("round", left=True), Column("node", left=True), Column("why", left=True)]
    left = table("Who left or was left out", columns, rows)
    return joined(element("h3", "Who left or was left out"), folded("Who left or was left out", left, len(rows)))


def _late(one: AttemptRecord) -> list[tuple[str, str]]:
    """The nodes that handed in updates, and were in no set when it was shared."""
    gone = {node for node, _ in one.left_out} | set(one.summed or ())
    return [(node, "late") for node in sorted(one.updates) if one.summed is not None and node not in gone]


def convergence(report: AuditReport) -> Html:
    """Charts of the bound on the gradient and of the coefficients, round by round; nothing before there are two."""
    found = {one.round: one for one in report.attempts if one.gradient_bound is not None}
    if len(found) < 2:
        return Html()
    marked = next((one.round for one in found.values() if one.outcome is Outcome.CERTIFIED), None)
    return joined(_bounds(report, found, marked), coefficients(report, marked))


def _bounds(report: AuditReport, found: Mapping[int, AttemptRecord], marked: int | None) -> Html:
    target = report.target_per_row
    chart = lines(
        "bounds",
        "Largest component of the gradient per row, by round",
        [
            Series(
                "largest component of the gradient per row", [(n, one.bound_per_row or 0) for n, one in found.items()]
            )
        ],
        across="round",
        up="largest component of the gradient, per row",
        logarithmic=True,
        limit=None if not target else ("the task's target", target),
        marked=marked,
    )
    noise = " Gradients carry noise." if report.noisy else ""
    full = " The full dot is the certified round." if marked is not None else ""
    return figure(
        chart, f"How far from 0 the gradient was in each round that collected one, on a logarithmic scale.{full}{noise}"
    )


def coefficients(report: AuditReport, marked: int | None) -> Html:
    """A small chart for each coefficient, each on a scale of its own."""
    found = {one.round: one for one in report.attempts if one.collection is Collection.GRADIENT and one.summed}
    names = next((list(one.coefficients) for one in found.values() if one.coefficients is not None), [])
    if len(found) < 2 or not names:
        return Html()
    charts = []
    for place, name in enumerate(names):
        points = [(number, (one.coefficients or {}).get(name, 0.0)) for number, one in found.items()]
        title = f"{name}, by round"
        drawn = lines(
            f"coefficient-{place}",
            title,
            [Series(name, points)],
            across="round",
            up=name,
            marked=marked,
            small=True,
        )
        charts.append(figure(drawn, joined(element("b", name), f" {points[0][1]:.4g} → {points[-1][1]:.6g}")))
    drawings = element("div", *charts, class_="small")
    what = "Coefficients by round, each in its column's own unit and on a scale of its own."
    heading = element("h3", "Coefficients by round")
    return joined(heading, paragraph(what), folded("Coefficients", drawings, len(names)))
