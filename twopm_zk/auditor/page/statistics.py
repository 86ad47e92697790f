"""The model that was trained: its coefficients with intervals, how well it fits, and how near the optimum it is."""

from __future__ import annotations

import math
from dataclasses import replace

from twopm_zk.auditor.page.context import ReportContext
from twopm_zk.auditor.report import AuditReport
from twopm_zk.html import Column, Html, Interval, element, figure, forest, joined, paragraph, section, table
from twopm_zk.html.parts import scrolling
from twopm_zk.statistics.provenance import Content, Part
from twopm_zk.statistics.report import LEVEL
from twopm_zk.statistics.summary import Summary
from twopm_zk.task.checks import INTERCEPT
from twopm_zk.task.specification import TaskSpec


def statistics(report: AuditReport, context: ReportContext) -> Html:
    """What the weights say, as far as the specification was given and every check held."""
    near = paragraph(report.nearness or "")
    if report.coefficients is None:
        return section(
            "The model",
            near,
            paragraph(
                "What the weights mean, and statistics of the model, take the specification, which this audit was not "
                "given."
            ),
        )
    if report.summary is None:
        columns = [Column("column", left=True), Column("coefficient")]
        rows = [(name, f"{value:.6g}") for name, value in report.coefficients.items()]
        state = "a check failed" if not report.passed else "the task has no certificate"
        said = f"There are no statistics: {state}. These are the coefficients of the present weights."
        return section("The model", near, paragraph(said), table("Coefficients", columns, rows))
    return section("The model", near, summary(report.summary, context))


def summary(found: Summary, context: ReportContext) -> Html:
    """All that a statistician publishes, and intervals as a chart.

    How many nodes a figure is over is said beside it, and which they are with the rounds.
    """
    tables = scrolling("Statistics of the model", Html(_unnamed(found)._repr_html_()))
    return joined(tables, intervals(found, context.specification))


def _unnamed(found: Summary) -> Summary:
    """A summary that does not say again who the nodes are, which may be thousands."""

    def part(one: Part[Content]) -> Part[Content]:
        return one if one.provenance is None else replace(one, provenance=replace(one.provenance, addresses=()))

    return replace(
        found,
        fit=replace(found.fit, addresses=()),
        inference=part(found.inference),
        evaluation=part(found.evaluation),
        held_out=None if found.held_out is None else part(found.held_out),
    )


def intervals(found: Summary, spec: TaskSpec | None) -> Html:
    """The intervals of all columns over one axis; nothing where none are known, or there is no column."""
    inferred = found.inference.content
    if inferred is None:
        return Html()
    scales = {} if spec is None else {column.name: column.scale for column in spec.columns}
    rows = []
    for name, value, (low, high) in zip(inferred.names, inferred.params, inferred.intervals(LEVEL), strict=True):
        if name == INTERCEPT or not math.isfinite(value):
            continue
        known = f"{value:.4g}" + (f" ({low:.3g} to {high:.3g})" if math.isfinite(low) else "")
        times = scales.get(name, 1.0)
        rows.append(Interval(name, times * value, times * low, times * high, known.replace("-", "−")))
    if not rows:
        return Html()
    across = "coefficient times its column's scale" if scales else "coefficient"
    chart = forest("intervals", f"Coefficients with {LEVEL:.0%} intervals", rows, across=across)
    caption = (
        f"Coefficients with their {LEVEL:.0%} intervals. Figures are in the columns' own units; lines are times the "
        "scale that the specification gives each column, so that they can be compared. The broken line is 0, no effect."
        if scales
        else f"Coefficients with their {LEVEL:.0%} intervals, in the columns' own units. The broken line is 0."
    )
    return joined(element("h3", "Intervals"), figure(chart, caption))
