"""Connections to public addresses alone: whoever names a host must not make this machine speak to its own network.

A host's name is looked up once, and connected to by the address that was looked at: a name that means another address
the next time (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl

    import httpx

_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
"""IPv4 addresses behind a translator (NAT64)."""


def is_public(text: str) -> bool:
    """Whether an IP address is reached from everywhere, and so is each address that it may stand for."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in _TRANSLATED:
            inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if not all(_is_global(one) for one in inner if one is not None):
            return False
        if address.ipv4_mapped is not None:
            return True
    return _is_global(address)


def _is_global(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return address.is_global and not address.is_multicast


def public_transport(certificates: ssl.SSLContext) -> httpx.HTTPTransport:
    """What an HTTP client connects through, to public addresses alone; others count as hosts that cannot be reached."""
    import httpcore
    import httpx

    class PublicBackend(httpcore.SyncBackend):
        def connect_tcp(
            self,
            host: str,
            port: int,
            timeout: float | None = None,
            local_address: str | None = None,
            socket_options: Iterable[Any] | None = None,
        ) -> httpcore.NetworkStream:
            try:
                found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            except OSError as error:
                raise httpcore.ConnectError("the host cannot be looked up") from error
            addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
            if not addresses or not all(map(is_public, addresses)):
                raise httpcore.ConnectError("the host has an address that is not public")
            return super().connect_tcp(addresses[0], port, timeout, local_address, socket_options)

    transport = httpx.HTTPTransport(verify=certificates, trust_env=False)
    transport._pool = httpcore.ConnectionPool(ssl_context=certificates, network_backend=PublicBackend())
    return transport
