"""What an auditor reads: a task's events with their calls and blocks, and the accounts' own history beside it.

Events of all contracts are ordered by block and log index: what an account was, had registered and used as a key is
asked for at one such moment, so that leaving and joining again within one block misleads nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from twopm_zk.chain.abi import DecodedEvent
from twopm_zk.chain.attestations import Attestation, DataClaim
from twopm_zk.sharing import AggregationKey
from twopm_zk.task.parts.data import DataTerms, commitments_hash

NEED_CALL = frozenset(
    {
        "TaskCreated",
        "ModelPublished",
        "SumOpened",
        "Certified",
        "RoundClosed",
        "Shared",
        "PairRevealed",
        "TaskFinished",
    }
)
"""Events that are compared with the call that made them, or whose sender counts."""
PROVEN = frozenset({"UpdateAccepted", "ModelPublished", "Certified"})
"""Events that come with a proof, but for the first weights."""
Moment = tuple[int, int]
"""Block and log index."""


@dataclass(frozen=True)
class Call:
    """The call of a contract that made an event, as far as its transaction shows it."""

    function: str
    arguments: Mapping[str, Any]
    sender: str
    """Who sent the transaction."""
    direct: bool = True
    """Whether the sender called the contract itself. If not, the call was found in the calldata of another contract,
    and who the contract saw is not known."""

    def agrees(self, event: DecodedEvent) -> bool:
        """Whether what call and event both name is the same."""
        said = {**self.arguments, **self.arguments.get("config", {})}
        return all(value == said.get(name, value) for name, value in event.values.items())


@dataclass(frozen=True, kw_only=True)
class ReplayedEvent(DecodedEvent):
    """An event with its block, and the call that made it where a replay needs that."""

    time: int
    """Timestamp of the block."""
    parent: bytes = b""
    """Hash of the block before."""
    call: Call | None = None
    """None where it is not needed, or nowhere to be found."""

    @property
    def sender(self) -> str | None:
        """Who called the contract; None where that is not known."""
        return self.call.sender if self.call is not None and self.call.direct else None


@dataclass(frozen=True)
class DataSetHistory:
    """A data set: its terms as it was opened, and the attestations that its owners' commitments were bound to."""

    terms: DataTerms
    opened: Moment
    bindings: Sequence[DecodedEvent] = ()
    """DataAttested, in order."""
    attestations: Mapping[bytes, Attestation] = field(default_factory=dict)
    """As EAS has them, by number."""
    revoked: Mapping[bytes, Moment] = field(default_factory=dict)
    """When some of them were revoked, as far as EAS's events tell."""

    @cached_property
    def _bindings(self) -> Mapping[tuple[str, int], Sequence[DecodedEvent]]:
        """The bindings of each owner's commitments, in order."""
        found: dict[tuple[str, int], list[DecodedEvent]] = {}
        for event in self.bindings:
            for commitment in event["commitments"]:
                found.setdefault((event["owner"], commitment), []).append(event)
        return found

    def relied_on(self, owner: str, commitment: int, event: ReplayedEvent) -> Attestation | str:
        """The attestation that DataHub let an update use an owner's commitment by, or what is wrong with it.

        All that DataHub asks when it is bound, and when it is used, is asked again.
        """
        bound = [one for one in self._bindings.get((owner, commitment), ()) if one.moment < event.moment]
        if not bound:
            return "no attestation was bound to the data"
        uid, commitments = bytes.fromhex(bound[-1]["uid"][2:]), bound[-1]["commitments"]
        found = self.attestations.get(uid)
        if found is None:
            return f"EAS has no attestation 0x{uid.hex()}"
        claim = DataClaim.parse(found.data)
        same = (self.terms.id, commitments_hash(commitments), len(commitments))
        for holds, what in (
            (found.attester in self.terms.issuers, f"is by {found.attester}, which the terms do not name"),
            (found.schema == self.terms.attestation_schema, "is of another schema"),
            (found.recipient == owner, "is about another account"),
            (claim is not None and (claim.dataset, claim.commitments_hash, claim.batches) == same, "is of other data"),
            (found.time <= event.time, "was made later"),
            (not 0 < found.expires <= event.time, "had expired"),
            (not self._was_revoked(found, event), "had been revoked"),
        ):
            if not holds:
                return f"attestation 0x{uid.hex()} {what}"
        return found

    def _was_revoked(self, found: Attestation, event: ReplayedEvent) -> bool:
        """Whether an attestation had been revoked before an event; by EAS's time where no event tells the moment."""
        if not found.revoked:
            return False
        moment = self.revoked.get(found.uid)
        return found.revoked < event.time if moment is None else moment < event.moment


@dataclass(frozen=True)
class Registrations:
    """What the events of DataHub and IdentityContract say: registered data, members, and their lasting keys."""

    data: Mapping[tuple[str, str, int], tuple[int, int]]
    """Commitment and block of registration, by owner, data set and index."""
    accounts: Mapping[str, Sequence[DecodedEvent]]
    """Joined, Left and AggregationKeySet, in order, by account."""
    datasets: Mapping[str, DataSetHistory] = field(default_factory=dict)
    """The data sets of the task, by id."""

    @classmethod
    def of_events(
        cls,
        data: Iterable[DecodedEvent],
        identity: Iterable[DecodedEvent],
        datasets: Mapping[str, DataSetHistory] | None = None,
    ) -> Registrations:
        """From the events of both contracts, in any order, and the histories of the task's data sets."""
        accounts: dict[str, list[DecodedEvent]] = {}
        for event in sorted(identity, key=lambda event: event.moment):
            accounts.setdefault(event["member"], []).append(event)
        registered = {
            (event["owner"], event["dataset"], event["index"]): (event["commitment"], event.block) for event in data
        }
        return cls(registered, accounts, datasets or {})

    def registered(self, owner: str, dataset: str, *, before: int) -> frozenset[int]:
        """What an account has registered under a data set's name before a block: its commitments."""
        return frozenset(
            commitment
            for (account, name, _), (commitment, block) in self.data.items()
            if (account, name) == (owner, dataset) and block < before
        )

    def member_since(self, account: str, moment: Moment) -> int:
        """The block in which the membership began that holds at a moment, 0 for none."""
        joined = self._last(account, moment, "Joined", "Left")
        return joined.block if joined is not None and joined.name == "Joined" else 0

    def key_of(self, account: str, moment: Moment) -> AggregationKey | None:
        """The lasting key of an account at a moment; leaving deletes it. InputError for a key that none can be."""
        last = self._last(account, moment, "AggregationKeySet", "Left")
        if last is None or last.name == "Left":
            return None
        return AggregationKey.parse(last["x"], last["y"], last["challenge"], last["response"])

    def _last(self, account: str, moment: Moment, *names: str) -> DecodedEvent | None:
        found = (event for event in reversed(self.accounts.get(account, ())) if event.name in names)
        return next((event for event in found if event.moment < moment), None)
