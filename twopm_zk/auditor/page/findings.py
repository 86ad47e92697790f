"""What was checked and how often, what failed, what was promised to the people in the rows, and what stays unknown."""

from __future__ import annotations

import math
from collections import Counter

from twopm_zk.auditor.page.context import ReportContext
from twopm_zk.auditor.report import CHECKS, AuditReport, DataSetRecord
from twopm_zk.html import Column, Html, banner, definitions, folded, items, paragraph, section, table


def failures(report: AuditReport, context: ReportContext) -> Html:
    """Every failure that the report has kept; nothing where every check held."""
    if report.passed:
        return Html()
    rows = [(failure.check, context.named(failure.detail)) for failure in report.failures]
    left = report.failure_count - len(rows)
    more = f"{left:,} more {'check' if left == 1 else 'checks'} failed; the first are listed." if left else ""
    columns = [Column("check", left=True), Column("what does not hold", wide=True)]
    return section("What failed", table("Checks that failed", columns, rows), paragraph(more))


def checks(report: AuditReport) -> Html:
    """Each kind of check with its number and its meaning, and what there was nothing of to check."""
    failed = Counter(failure.check for failure in report.failures)
    complete = len(report.failures) == report.failure_count
    rows = [
        (name, f"{report.counts[name]:,}", _failed(failed[name], complete=complete), text)
        for name, text in CHECKS.items()
        if name in report.counts
    ]
    columns = [Column("check", left=True), Column("times"), Column("failed"), Column("what it means", wide=True)]
    absent = [name for name in CHECKS if name not in report.counts]
    said = f"There was nothing to check of: {', '.join(absent)}." if absent else ""
    return section("What was checked", table("Checks", columns, rows), paragraph(said))


def _failed(count: int, *, complete: bool) -> str:
    return "none" if not count else f"{count:,}{'' if complete else ' or more'}"


def provenance(report: AuditReport) -> Html:
    """Whose word the rows rest on; nothing where the task's data sets are not known."""
    rows = [
        (
            f"{one.id}{', held out' if one.terms.held_out else ''}",
            f"{one.updates:,}",
            issuer,
            f"{count:,}",
        )
        for one in report.datasets.values()
        for issuer, count in (sorted(one.attested.items()) or [(_nobody(one), 0)])
    ]
    if not rows:
        return Html()
    columns = [Column("data set", left=True, wide=True), Column("updates"), Column("attested by", left=True)]
    said = (
        "An issuer that has attested to data says that it has seen the rows behind their commitments, and stands for "
        "them. Of data that nobody has attested to, the rows are what their owner says."
    )
    return section(
        "Where the data come from", table("Data sets", [*columns, Column("of so many updates")], rows), paragraph(said)
    )


def _nobody(record: DataSetRecord) -> str:
    return "none so far" if record.terms.attested else "nobody: none was asked for"


def privacy(report: AuditReport) -> Html:
    """What is promised to the people in the rows, and what is spent of it."""
    found, title = report.privacy, "What is promised to the people in the rows"
    if found is None:
        said = (
            "Updates carry noise. What that promises follows from the specification, which this audit was not given."
            if report.noisy
            else "Sums are exact: they carry no noise, and no differential privacy is promised. Updates of single "
            "nodes are hidden; sums over all nodes of a round are public."
        )
        return section(title, paragraph(said))
    broken = banner(
        "The promise does not hold", "It takes more honest nodes, or fewer sums, than there were.", bad=True
    )
    spent = f"epsilon {found.spent:.3g}" if math.isfinite(found.spent) else "more than was planned"
    facts = {
        "promised": f"epsilon {found.epsilon:g} at delta {found.delta:g} for each {found.unit}",
        "spent": f"{spent}, by {found.released} of {found.planned} releases",
        "rests on": f"{found.honest} honest nodes; the smallest set had {found.nodes}",
    }
    said = f"{found.sentence[0].upper()}{found.sentence[1:]}."
    return section(title, Html() if found.kept else broken, definitions(facts), paragraph(said))


def lineage(report: AuditReport, context: ReportContext) -> Html:
    """From which certified tasks the task goes on, and without whom; nothing where it began at weights of 0."""
    found = [f"{link.sentence[0].upper()}{link.sentence[1:]}." for link in report.descent]
    return section("Where the weights come from", items(map(context.named, found)) if found else "")


def notes(report: AuditReport, context: ReportContext) -> Html:
    """What is in order and still worth knowing."""
    found = report.notes
    return section("Worth knowing", folded("Notes", items(map(context.named, found)), len(found)) if found else "")


def unknowable(report: AuditReport) -> Html:
    """What no audit can know."""
    return section("What an audit cannot know", items(report.unknowable))
