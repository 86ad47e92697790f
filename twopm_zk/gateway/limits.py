"""How often somebody may ask: token buckets, by address and by account.

A bucket holds so many tokens and gets new ones at a steady rate; a request takes one or more. The number of buckets is
limited: of many addresses the one that was quiet for longest is forgotten, whose bucket is full again or nearly so.
"""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from twopm_zk.gateway.responses import RefusedError

_MOST_BUCKETS = 20_000
_PREFIX = 64
"""Bits of an IPv6 address that one customer of a provider has at least."""


@dataclass(frozen=True)
class Rate:
    """Tokens a second, and how many there can be at most."""

    each_second: float
    burst: float


class Buckets:
    """The buckets of many names, such as addresses, all of one rate."""

    def __init__(self, rate: Rate, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._known: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._known)

    def take(self, name: str, tokens: float = 1.0) -> None:
        """Take tokens of somebody's bucket. RefusedError 429, which says when to come back, where there are too few."""
        now = self._clock()
        with self._lock:
            left, since = self._known.pop(name, (self._rate.burst, now))
            left = min(self._rate.burst, left + (now - since) * self._rate.each_second)
            enough = left >= tokens
            self._known[name] = (left - tokens if enough else left), now
            if len(self._known) > _MOST_BUCKETS:
                self._known.popitem(last=False)
        if not enough:
            seconds = max(1, math.ceil((tokens - left) / self._rate.each_second))
            raise RefusedError(
                429,
                "too-many-requests",
                f"too many requests; try again in {seconds} s",
                headers={"Retry-After": str(seconds)},
            )


def address_name(text: str) -> str:
    """What the bucket of an address goes by: an IPv6 address by the first half, which is one customer's."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, _PREFIX), strict=False))
    return str(address)


def client_address(peer: str, forwarded: str, *, trusted: bool) -> str:
    """Whose request it is: the peer's, or the last word of X-Forwarded-For where a proxy of ours has said it."""
    return forwarded.rpartition(",")[2].strip() if trusted and forwarded else peer
