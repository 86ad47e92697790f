"""Files by their SHA-256 in a folder on whatever fsspec reaches.

A file's name is its content's hash, ``<64 hex digits>.bin``, so that nothing else is ever asked for or written, and who
runs the storage can withhold a file or return another one, which is refused, and no more. No more is read than the size
that was asked for and one byte.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twopm_zk.errors import InputError, PeerError, ToolMissingError
from twopm_zk.system.files import replacing

PROTOCOLS = ("file", "memory", "s3", "gs", "abfs")
"""fsspec's names of what it reads and writes, each with a package of its own but the first two. ``memory`` is one
process' own, to try things."""
MAX_BYTES = 1 << 32
_MAX_URL = 512
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.=-]*")


def content_hash(content: bytes) -> bytes:
    """SHA-256: the name that storage knows a file by."""
    return hashlib.sha256(content).digest()


def objection(location: str) -> str | None:
    """Why a URL is no location that may be stored in, in words that go on after its name; None where it is one.

    A location is a protocol of the list and plain names: no chain of protocols, no key, no query, no pattern, no way
    upwards. The words do not show it: whoever wrote a key into one should not read it in a log.
    """
    if len(location) > _MAX_URL:
        return f"has {len(location)} characters; allowed: {_MAX_URL}"
    protocol, separator, rest = location.partition("://")
    if not separator or protocol not in PROTOCOLS:
        return f"is not a URL of one of the protocols {', '.join(PROTOCOLS)}"
    if protocol == "file" and not rest.startswith("/"):
        return "is a file URL that is not absolute: file:///folder"
    if protocol != "file" and rest.startswith("/"):
        return "has an empty name where the protocol has a bucket or a folder"
    names = rest.removeprefix("/").removesuffix("/").split("/")
    if not all(_NAME.fullmatch(name) for name in names):
        return (
            "is not a folder of plain names: letters, digits and _ . = - in each, none beginning with a dot, and no "
            "key, query or pattern"
        )
    return None


@dataclass(frozen=True)
class ContentStore:
    """The files of one folder. ``location`` has no `objection`; ``name`` is what messages call it."""

    location: str
    name: str = "the storage"

    def put(self, content: bytes) -> bytes:
        """Store something whole or not at all, and return its hash. What is there already stays.

        PeerError of kind ``storage-unreachable`` where the location takes nothing.
        """
        digest = content_hash(content)
        try:
            self.get(digest, len(content))
            return digest
        except PeerError:
            pass  # not there, or not whole: it is written
        try:
            _write(self._folder, _file_name(digest), content)
        except Exception as error:
            raise self._unreachable(error) from error
        return digest

    def get(self, digest: bytes, size: int) -> bytes:
        """What has this hash and size.

        PeerError of kind ``not-stored`` where there is no such file, ``other-content`` where it has other bytes or is
        no plain file, ``storage-unreachable`` where nobody knows.
        """
        content = self.get_up_to(digest, size)
        if len(content) != size:
            raise self._other_content(digest)
        return content

    def get_up_to(self, digest: bytes, limit: int) -> bytes:
        """What has this hash, of at most ``limit`` bytes; the errors of `get`."""
        if len(digest) != 32 or not 0 <= limit <= MAX_BYTES:
            raise InputError(f"a hash of {len(digest)} bytes or a size of {limit} names nothing that can be stored")
        try:
            content = _read(self._folder, _file_name(digest), limit)
        except PeerError:
            raise
        except FileNotFoundError as error:
            raise PeerError(f"{self.name} has no {_file_name(digest)}", kind="not-stored") from error
        except Exception as error:
            raise self._unreachable(error) from error
        if len(content) > limit or content_hash(content) != digest:
            raise self._other_content(digest)
        return content

    @property
    def _folder(self) -> str:
        return self.location.rstrip("/")

    def _other_content(self, digest: bytes) -> PeerError:
        return _other_content(f"{self.name} returns other bytes under the name {_file_name(digest)}")

    def _unreachable(self, error: BaseException) -> Exception:
        if isinstance(error, ToolMissingError):
            return error
        return PeerError(f"{self.name} cannot be used: {type(error).__name__}", kind="storage-unreachable")


def _file_name(digest: bytes) -> str:
    return f"{digest.hex()}.bin"


def _read(folder: str, name: str, size: int) -> bytes:
    """At most ``size`` bytes and one more."""
    if (local := _local(folder)) is not None:
        return _read_local(local / name, size)
    system, path = _remote(folder)
    with system.open(f"{path}/{name}", "rb") as file:
        return bytes(file.read(size + 1))


def _read_local(path: Path, size: int) -> bytes:
    """Neither a link is followed, nor anything waited for that is no plain file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if path.is_symlink():
            raise _other_content(f"{path.name} is a link") from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _other_content(f"{path.name} is no plain file")
    with os.fdopen(descriptor, "rb") as file:
        return file.read(size + 1)


def _write(folder: str, name: str, content: bytes) -> None:
    if (local := _local(folder)) is not None:
        (local / name).unlink(missing_ok=True)  # damaged: what is whole is not written again
        with replacing(local / name, nameless=True) as temporary:
            temporary.write_bytes(content)
        return
    system, path = _remote(folder)
    system.pipe_file(f"{path}/{name}", content)


def _local(folder: str) -> Path | None:
    """The folder of a ``file`` URL: fsspec would follow links there, and write files that are half there."""
    return Path(folder.removeprefix("file://")) if folder.startswith("file://") else None


def _remote(folder: str) -> tuple[Any, str]:
    """fsspec's file system and path of a URL. ToolMissingError where the package for its protocol is not installed."""
    from fsspec.core import url_to_fs

    try:
        system, path = url_to_fs(folder)
    except ImportError as error:
        raise ToolMissingError(f"storage at {folder.partition('://')[0]}:// needs a package: {error}") from error
    return system, str(path)


def _other_content(message: str) -> PeerError:
    return PeerError(message, kind="other-content")
