"""Where a participant's service listens, and how often it looks at the chain."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """How a participant is reached by others."""

    host: str = "127.0.0.1"
    port: int = 0
    endpoint: str | None = None
    """Where others reach it, if that is not ``http://host:port``: a proxy's URL."""
    poll: float = 2.0
    """Seconds between two looks at the chain."""
