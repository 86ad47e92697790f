"""URLs that hold keys: nothing but scheme, host and port is ever shown.

The path, the query or the user's part of an RPC endpoint's URL often is what its owner pays for.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from twopm_zk.errors import InputError

_SECRET = 6
"""Shorter parts of a path, such as ``v3``, are no keys."""


def shown_url(url: str) -> str:
    """Scheme, host and port of a URL, which is all of it that a message may hold."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "a URL that is none"
    if not parts.scheme or not host or not _printable(host):
        return "a URL that is none"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}"


def without_secrets(text: str, url: str) -> str:
    """A text of somebody else, such as a service's own error, in which nothing of the URL but its host is left."""
    text = text.replace(url, shown_url(url))
    try:
        parts = urlsplit(url)
    except ValueError:
        return text
    inner = [part for part in re.split(r"[/&=?]", f"{parts.path}/{parts.query}") if len(part) >= _SECRET]
    for secret in (parts.query, parts.username, parts.password, *inner):
        if secret:
            text = text.replace(secret, "...")
    return text


def require_web_url(url: str, *, what: str) -> str:
    """An http or https URL of a service that requests are made to. InputError, which does not show it, otherwise."""
    parts = _split(url)
    if parts is None or parts.scheme not in ("http", "https"):
        raise InputError(f"{what} is not an http or https URL", kind="not-a-url")
    return url


def _split(url: str) -> SplitResult | None:
    """The parts of a URL that has a host and nothing that does not print."""
    if not _printable(url) or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        usable = parts.hostname and parts.port != 0
    except (ValueError, UnicodeError):
        return None
    return parts if usable else None


def _printable(text: str) -> bool:
    return text.isprintable() and not any(character.isspace() for character in text)
