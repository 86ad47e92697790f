"""Masked updates and results by their SHA-256, in the folders that a specification names.

Who runs the storage can withhold a file or return another one, which is refused, and no more
(`twopm_zk.system.content_store`). Sizes are known before: no more is read than that and one byte.
"""

from __future__ import annotations

from dataclasses import dataclass

from twopm_zk.errors import InputError, PeerError
from twopm_zk.federated.checks import check_locations
from twopm_zk.federated.specification import FederatedSpec
from twopm_zk.system.content_store import ContentStore


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
        """`ContentStore.put` at a location; InputError for one that the specification has not."""
        return self._folder(location).put(content)

    def get(self, location: int, digest: bytes, size: int) -> bytes:
        """`ContentStore.get` from a location; InputError for one that the specification has not."""
        return self._folder(location).get(digest, size)

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

    def _folder(self, location: int) -> ContentStore:
        if not 0 <= location < len(self.locations):
            raise InputError(
                f"storage location {location} is none of the specification's {len(self.locations)}",
                kind="no-such-location",
            )
        return ContentStore(self.locations[location], f"storage location {location}")
