"""Where a participant's service listens, and how often it looks at the chain."""

from __future__ import annotations

from dataclasses import dataclass

from twopm_zk.participants.transport import endpoint_host


@dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """How a participant is reached by others. InputError for an endpoint that nobody could use."""

    host: str = "127.0.0.1"
    port: int = 0
    endpoint: str | None = None
    """Where others reach it, if that is not ``http://host:port``: a proxy's URL."""
    poll: float = 2.0
    """Seconds between two looks at the chain."""

    def __post_init__(self) -> None:
        if self.endpoint is not None:
            endpoint_host(self.endpoint)
