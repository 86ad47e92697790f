"""What an audit has found as one HTML page, for any task: nothing loaded from anywhere, and no script."""

from twopm_zk.auditor.page.context import ReportContext
from twopm_zk.auditor.page.document import render

__all__ = ["ReportContext", "render"]
