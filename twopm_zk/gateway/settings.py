"""How a gateway is run: where it listens, for whom, and how much it takes."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from twopm_zk.errors import InputError
from twopm_zk.gateway.limits import Rate
from twopm_zk.system.urls import require_web_url


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one server takes."""

    body: int = 64 << 10
    """Bytes of a request's body, but for a delivery's."""
    connections: int = 512
    address: Rate = field(default=Rate(20, 200))
    """Requests of one address; some count for several."""
    account: Rate = field(default=Rate(0.2, 16))
    """Predictions of one account."""
    answers: Rate = field(default=Rate(0.05, 8))
    """Answers in conversations of one account."""
    listeners: int = 100
    """Of live news."""
    listeners_each: int = 10
    """Of one address."""
    queue: int = 8
    """Predictions, verifications and keys that wait for the one worker."""
    reads: int = 64
    """Requests that wait for the chain."""


@dataclass(frozen=True, kw_only=True)
class GatewaySettings:
    """How a gateway is run. InputError for an origin that is none."""

    host: str = "127.0.0.1"
    port: int = 0
    origin: str | None = None
    """Where people reach it, such as ``https://ask.example``, if that is not its host and port."""
    allowed_origins: tuple[str, ...] = ()
    """Origins of applications whose pages may use the API."""
    behind_proxy: bool = False
    """Whether X-Forwarded-For is our own proxy's word for who asks."""
    proves: bool = True
    """Whether predictions are made here."""
    poll: float = 1.0
    """Seconds between looks at the chain."""
    page: Path | None = None
    """Folder of the built page, where it is not the usual one."""
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        for origin in (*self.allowed_origins, *([] if self.origin is None else [self.origin])):
            require_origin(origin)

    @property
    def reached_as_bound(self) -> bool:
        """Whether people know the server by a name that it knows itself."""
        return self.origin is not None or _is_loopback(self.host)

    def origins(self, port: int) -> tuple[str, ...]:
        """Origins whose pages people sign in from: this server's, and those of applications."""
        if self.origin is not None:
            own: tuple[str, ...] = (self.origin,)
        else:
            hosts = ("127.0.0.1", "localhost", "[::1]") if _is_loopback(self.host) else (self.host,)
            own = tuple(f"http://{host}:{port}" for host in hosts)
        return (*own, *self.allowed_origins)


def require_origin(text: str) -> str:
    """An origin as browsers write it: scheme, host, and a port that is not the scheme's own. InputError otherwise."""
    parts = urlsplit(require_web_url(text, what="an origin"))
    usual = {"http": 80, "https": 443}[parts.scheme]
    port = "" if parts.port in (None, usual) else f":{parts.port}"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    if text != f"{parts.scheme}://{host}{port}":
        raise InputError(
            "an origin is a scheme, a host in small letters, and a port only where it is not the usual one",
            hint="Such as https://app.example or http://127.0.0.1:8080, without a slash at the end.",
        )
    return text


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
