"""Documents that are found by what is in them: metadata by the hash of their bytes, specifications by theirs.

The chain has hashes alone. Whoever runs the gateway gives it folders; whatever in them is neither is left alone.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from twopm_zk.errors import InputError, MetadataError
from twopm_zk.task.metadata import NetworkMetadata
from twopm_zk.task.specification import TaskSpec
from twopm_zk.task.specification_file import read_spec

_MAX_SPECIFICATION = 4 << 20
_MAX_FILES = 2000
_SECONDS = 5.0
"""How long what was found in the folders is not looked for again."""


class Documents:
    """All metadata documents and specifications below some folders."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self._looked = -_SECONDS
        self._read: dict[Path, tuple[tuple[int, int], NetworkMetadata | TaskSpec | None]] = {}
        self._metadata: dict[bytes, NetworkMetadata] = {}
        self._specs: dict[bytes, TaskSpec] = {}

    def refresh(self) -> bool:
        """Look at the folders again, now and then; whether something has changed."""
        if time.monotonic() - self._looked < _SECONDS:
            return False
        self._looked = time.monotonic()
        names = (path for folder in self._folders for path in sorted(folder.glob("*")))
        paths = [path for path in names if path.suffix in (".json", ".toml")][:_MAX_FILES]
        found = {path: (stamp, self._known(path, stamp)) for path in paths if (stamp := _stamp(path)) is not None}
        changed = found != self._read
        self._read = found
        documents = [document for _, document in found.values()]
        self._metadata = {one.sha256: one for one in documents if isinstance(one, NetworkMetadata)}
        self._specs = {one.spec_hash: one for one in documents if isinstance(one, TaskSpec)}
        return changed

    def _known(self, path: Path, stamp: tuple[int, int]) -> NetworkMetadata | TaskSpec | None:
        before = self._read.get(path)
        return before[1] if before is not None and before[0] == stamp else _read(path)

    def metadata(self, digest: bytes) -> NetworkMetadata | None:
        """The document with this SHA-256."""
        return self._metadata.get(digest)

    def metadata_about(self, spec_hash: bytes) -> NetworkMetadata | None:
        """A document that says that it is about a specification, whatever its own hash."""
        name = f"0x{spec_hash.hex()}"
        return next((one for one in self._metadata.values() if one.specification == name), None)

    def specification(self, spec_hash: bytes) -> TaskSpec | None:
        """The specification with this hash."""
        return self._specs.get(spec_hash)


def _stamp(path: Path) -> tuple[int, int] | None:
    """Tells one content of a file from a later one; None for what is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size) if path.is_file() else None


def _read(path: Path) -> NetworkMetadata | TaskSpec | None:
    try:
        if path.stat().st_size > _MAX_SPECIFICATION:
            return None
        if path.suffix == ".json":
            with suppress(MetadataError):
                return NetworkMetadata.parse(path.read_bytes())
        return read_spec(path)
    except (InputError, OSError):
        return None
