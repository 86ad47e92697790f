"""DataAccess in types: where an owner's encrypted data sets are, and to whom it has granted access.

All of it is written by others and parsed here: texts are of any content within the contract's lengths.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from twopm_zk.chain.abi import DecodedEvent
from twopm_zk.chain.contracts import ContractClient
from twopm_zk.chain.rpc import Receipt
from twopm_zk.errors import PeerError


@dataclass(frozen=True)
class StoredVersion:
    """One version of an owner's data set, as the owner has published it."""

    owner: str
    dataset: bytes
    number: int
    """From 1."""
    manifest_hash: bytes
    uri: str
    """Of the folder that it is in: somebody else's text."""
    block: int


@dataclass(frozen=True)
class Grant:
    """What an owner last granted to a member of one data set."""

    owner: str
    dataset: bytes
    member: str
    version: int
    until: int
    """Seconds since 1970, the first at which the access is over."""
    purpose: str
    """Somebody else's text."""
    wrapped_key: bytes = field(repr=False)
    granted: int
    """Number of a block."""
    revoked: int
    """Number of a block; 0 where it was not revoked."""

    def state(self, time: int) -> str:
        """How it stands at a time, in a word: ``granted``, ``revoked`` or ``over``."""
        if self.revoked:
            return "revoked"
        return "granted" if time < self.until else "over"


class DataAccess(ContractClient):
    """DataAccess; this account's own data sets go by their ids."""

    def store(self, dataset: bytes, version: int, manifest_hash: bytes, uri: str) -> Receipt:
        """Publish the next version of a data set of this account, ``once`` as `RpcConnection.send` has it."""
        return self.contract.transact("store", dataset, version, manifest_hash, uri, once=True)

    def grant(self, dataset: bytes, member: str, version: int, until: int, purpose: str, wrapped_key: bytes) -> Receipt:
        """Grant a member access to the newest version."""
        return self.contract.transact("grant", dataset, member, version, until, purpose, wrapped_key)

    def revoke(self, dataset: bytes, member: str) -> Receipt:
        """Take a member's access back."""
        return self.contract.transact("revoke", dataset, member)

    def newest(self, owner: str, dataset: bytes) -> StoredVersion | None:
        """The newest version of a data set; None where nothing is stored."""
        found = self.contract.call("storageOf", owner, dataset)
        if not found["version"]:
            return None
        digest = bytes.fromhex(found["manifestHash"][2:])
        return StoredVersion(owner, dataset, found["version"], digest, found["uri"], found["since"])

    def version(self, owner: str, dataset: bytes, number: int, *, from_block: int) -> StoredVersion:
        """A version of a data set. PeerError ``not-stored`` where there is none."""
        events = self.contract.events("DataStored", from_block=from_block, owner=owner, dataset=dataset, version=number)
        if not events:
            raise PeerError(f"{owner} has stored no version {number} of this data set", kind="nothing-stored")
        return _stored(events[-1])

    def stored(self, owner: str, *, from_block: int) -> list[StoredVersion]:
        """All versions of all data sets of an owner, in the order in which they were stored."""
        return [_stored(event) for event in self.contract.events("DataStored", from_block=from_block, owner=owner)]

    def grants(
        self, *, from_block: int, owner: str | None = None, dataset: bytes | None = None, member: str | None = None
    ) -> list[Grant]:
        """What was last granted to each member, of the data sets of an owner or to a member, in order of time."""
        granted = self.contract.events(
            "AccessGranted", from_block=from_block, owner=owner, dataset=dataset, member=member
        )
        newest = {(event["owner"], event["dataset"], event["member"]): event for event in granted}
        return [self._grant(event) for event in sorted(newest.values(), key=lambda event: event.moment)]

    def revoked_since(self, owner: str, dataset: bytes, block: int) -> bool:
        """Whether an owner has taken back any access to a data set in a block or after it."""
        return bool(self.contract.events("AccessRevoked", from_block=block, owner=owner, dataset=dataset))

    def _grant(self, event: DecodedEvent) -> Grant:
        where = event["owner"], bytes.fromhex(event["dataset"][2:]), event["member"]
        present = self.contract.call("accessOf", *where)
        return Grant(
            *where,
            version=event["version"],
            until=event["until"],
            purpose=event["purpose"],
            wrapped_key=bytes.fromhex(event["wrappedKey"][2:]),
            granted=event.block,
            revoked=present["revoked"],
        )


def _stored(event: DecodedEvent) -> StoredVersion:
    digest = bytes.fromhex(event["manifestHash"][2:])
    dataset = bytes.fromhex(event["dataset"][2:])
    return StoredVersion(event["owner"], dataset, event["version"], digest, event["uri"], event.block)
