"""Where updates and results may be stored: URLs of folders, of few protocols, without anything of a second meaning.

A specification is somebody else's text, and every node reads and writes what it names. So a location is a protocol of
the list, a host or a folder, and plain names: no chain of protocols, no key, no query, no pattern, no way upwards.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from twopm_zk.errors import SpecError

PROTOCOLS = ("file", "memory", "s3", "gs", "abfs", "sftp")
"""fsspec's names of what it reads and writes. ``memory`` is one process' own, to try things."""
MAX_LOCATIONS = 16
_MAX_LENGTH = 512
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.=-]*")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?")


def check_locations(locations: Sequence[str]) -> None:
    """SpecError unless each is a URL of a folder that may be stored in, and no two are the same."""
    if not 1 <= len(locations) <= MAX_LOCATIONS:
        raise SpecError(f"`storage.locations` has {len(locations)} URLs; allowed: 1 to {MAX_LOCATIONS}")
    for index, location in enumerate(locations):
        if reason := _objection(location):
            raise SpecError(f"`storage.locations[{index}]` {reason}")
    if len({location.rstrip("/") for location in locations}) < len(locations):
        raise SpecError("`storage.locations` has a folder more than once")


def split(location: str) -> tuple[str, str]:
    """Protocol and path of a location that was checked; the path has no slash at its end."""
    protocol, _, path = location.partition("://")
    return protocol, path.rstrip("/")


def _objection(location: str) -> str | None:
    """Why a URL is no location, without showing it: whoever wrote a key into one should not read it in a log."""
    if len(location) > _MAX_LENGTH:
        return f"has {len(location)} characters; allowed: {_MAX_LENGTH}"
    protocol, separator, rest = location.partition("://")
    if not separator or protocol not in PROTOCOLS:
        return f"is not a URL of one of the protocols {', '.join(PROTOCOLS)}"
    if protocol == "file" and not rest.startswith("/"):
        return "is a file URL that is not absolute: file:///folder"
    first, *names = rest.strip("/").split("/")
    host = _NAME if protocol in ("file", "memory") else _HOST
    if not host.fullmatch(first) or not all(_NAME.fullmatch(name) for name in names):
        return (
            "is not a folder of plain names: letters, digits and _ . = - in each, none beginning with a dot, and no "
            "key, query or pattern"
        )
    return None
