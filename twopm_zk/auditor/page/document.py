"""The page itself."""

from __future__ import annotations

from twopm_zk.auditor.page.context import ReportContext
from twopm_zk.auditor.report import AuditReport


def render(report: AuditReport, context: ReportContext) -> str:
    """The report as one self-contained HTML document."""
    return f"<!doctype html><title>{report.task}, {context.date}</title>"
