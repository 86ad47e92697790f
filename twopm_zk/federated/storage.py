"""Masked updates and results by their SHA-256, in the folders that a specification names, on whatever fsspec reaches.

A file's name is its content's hash, ``<64 hex digits>.bin``, so that nothing else is ever asked for or written, and who
runs the storage can withhold a file or return another one, which is refused, and no more. Sizes are known before: no
more is read than that and one byte.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twopm_zk.errors import InputError, PeerError, ToolMissingError
from twopm_zk.federated.checks import check_locations
from twopm_zk.federated.encoding import content_hash
from twopm_zk.federated.specification import FederatedSpec
from twopm_zk.system.files import replacing

MAX_BYTES = 1 << 32


@dataclass(frozen=True)
class Storage:
    """The folders of a specification. SpecError where they are none that can be stored in."""

    locations: tuple[str, ...]

    def __post_init__(self) -> None:
        check_locations(self.locations)

    @classmethod
    def of(cls, spec: FederatedSpec) -> Storage:
        """That of a specification."""
        return cls(spec.locations)

    def put(self, location: int, content: bytes) -> bytes:
        """Store something whole or not at all, and return its hash. What is there already stays.

        PeerError of kind ``storage-unreachable`` where the location takes nothing; InputError for one that the
        specification has not.
        """
        digest = content_hash(content)
        try:
            self.get(location, digest, len(content))
            return digest
        except PeerError:
            pass  # not there, or not whole: it is written
        try:
            _write(self._folder(location), _name(digest), content)
        except Exception as error:
            raise _unreachable(location, error) from error
        return digest

    def get(self, location: int, digest: bytes, size: int) -> bytes:
        """What has this hash and size. InputError for a location that the specification has not.

        PeerError of kind ``not-stored`` where there is no such file, ``other-content`` where it has other bytes or is
        no plain file, ``storage-unreachable`` where nobody knows.
        """
        if len(digest) != 32 or not 0 <= size <= MAX_BYTES:
            raise InputError(f"a hash of {len(digest)} bytes or a size of {size} names nothing that can be stored")
        folder = self._folder(location)
        try:
            content = _read(folder, _name(digest), size)
        except PeerError:
            raise
        except FileNotFoundError as error:
            raise PeerError(
                f"storage location {location} has no {_name(digest)}", kind="not-stored", location=location
            ) from error
        except Exception as error:
            raise _unreachable(location, error) from error
        if len(content) != size or content_hash(content) != digest:
            raise _other_content(f"storage location {location} returns other bytes under the name {_name(digest)}")
        return content

    def find(self, digest: bytes, size: int, *, first: int = 0) -> bytes:
        """What has this hash, from whichever location has it, beginning with ``first``; the errors of `get`, those of
        the first one where none has it."""
        order = [first, *(index for index in range(len(self.locations)) if index != first)]
        failed: list[PeerError] = []
        for location in order:
            try:
                return self.get(location, digest, size)
            except PeerError as error:
                failed.append(error)
        raise failed[0]

    def _folder(self, location: int) -> str:
        if not 0 <= location < len(self.locations):
            raise InputError(
                f"storage location {location} is none of the specification's {len(self.locations)}",
                kind="no-such-location",
            )
        return self.locations[location].rstrip("/")


def _name(digest: bytes) -> str:
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
        with replacing(local / name) as temporary:
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


def _unreachable(location: int, error: BaseException) -> Exception:
    if isinstance(error, ToolMissingError):
        return error
    return PeerError(
        f"storage location {location} cannot be used: {type(error).__name__}",
        kind="storage-unreachable",
        location=location,
    )
