"""What a page about an audit says beside its findings: who made it and when, of which deployment, and for whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from twopm_zk.html import Html, element, joined
from twopm_zk.task.specification import TaskSpec


@dataclass(frozen=True)
class ReportContext:
    """What an `AuditReport` does not hold. Every text in it may be anybody's, and is escaped on the page."""

    version: str
    """Of twopm-zk."""
    generated_at: datetime
    """When the page was made, in any time zone: it is shown in universal time."""
    contracts: Mapping[str, str] = field(default_factory=dict)
    """Addresses of the deployment's contracts, by name."""
    specification: TaskSpec | None = None
    """The one that the audit was given, whose hash it has compared; None where it was given none."""
    title: str | None = None
    """What the network of the task calls itself; None where it has no name."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Names of accounts, by address, where whoever makes the page knows some."""

    @property
    def date(self) -> str:
        """The moment in universal time."""
        return self.generated_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")

    def named(self, text: str) -> str:
        """A text with the names of accounts in the place of their addresses, as far as they are known."""
        for address, name in self.names.items():
            text = text.replace(address, name)
        return text

    def account(self, address: str) -> Html:
        """An address, behind its name where it has one."""
        shown = element("code", address)
        return joined(self.names[address], element("br"), shown) if address in self.names else shown
