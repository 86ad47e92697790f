"""An attempt of a round as its events tell it: who has committed to what, who is in the set, what it has shared, and
what its nodes say of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import NamedTuple

from twopm_zk.chain.abi import DecodedEvent
from twopm_zk.chain.federated import FederatedSnapshot
from twopm_zk.chain.tasks import Phase
from twopm_zk.errors import DeploymentError, UnsettledError
from twopm_zk.hfl.view import FederatedView
from twopm_zk.participants.rounds.attempts import present_attempt
from twopm_zk.participants.rounds.sets import event_bytes, reason_of, set_after
from twopm_zk.sharing import Departure, Place, SharingSet, UpdateHash


class StoredContent(NamedTuple):
    """Where a node says that its masked update is."""

    content: bytes
    """Its SHA-256."""
    location: int
    """The place of the storage location in the specification's list."""


@dataclass(frozen=True)
class FederatedAttempt:
    """What the chain shows of one attempt."""

    updates: Mapping[str, bytes] = field(default_factory=dict)
    """The salted hash of each node's update."""
    data: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """What each node has committed to as its data."""
    sharing_set: SharingSet | None = None
    """The set that shares; None until the attempt is closed."""
    shared: Mapping[str, StoredContent] = field(default_factory=dict)
    """What was shared in the present share attempt; so for the rest."""
    confirmed: Mapping[str, bytes] = field(default_factory=dict)
    """The hash of the result that each node has confirmed."""
    reports: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Who has reported an account's masked update as missing, by account."""
    missing: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The same of those who were left out for it, in any share attempt."""
    gone: Mapping[str, Departure] = field(default_factory=dict)
    """Who has left, and why, those who were never ready too."""

    @property
    def nodes(self) -> tuple[str, ...]:
        """Addresses of the set that shares."""
        return () if self.sharing_set is None else tuple(sorted(self.sharing_set.addresses))

    @property
    def silent(self) -> tuple[str, ...]:
        """Addresses of those in the set that have not shared."""
        return tuple(node for node in self.nodes if node not in self.shared)

    @property
    def has_set(self) -> SharingSet:
        """The set. DeploymentError where there is none yet, which the contract has from closing on."""
        if self.sharing_set is None:
            raise DeploymentError("an event speaks of a set of nodes before there is one")
        return self.sharing_set

    def after(self, event: DecodedEvent, place: Place) -> FederatedAttempt:
        """The view once one more event of the attempt has happened."""
        sharing_set = set_after(self.sharing_set, event, place, hashes=True)
        found = replace(self, sharing_set=sharing_set)
        node = event.values.get("node", "")
        match event.name:
            case "UpdateCommitted":
                updates = {**found.updates, node: event_bytes(event["update"])}
                return replace(found, updates=updates, data={**found.data, node: (event["data"],)})
            case "NodeReady":
                if found.has_set.member(node).commitment != UpdateHash(found.updates.get(node, bytes(32))):
                    raise DeploymentError(f"node {node} was ready with another update than it has committed to")
            case "NodeLeft" | "UpdateWithdrawn":
                reason = reason_of(event) if event.name == "NodeLeft" else Departure.WITHDREW
                missing = dict(found.missing)
                if reason is Departure.MISSING:
                    missing[node] = found.reports.get(node, frozenset())
                updates = {one: update for one, update in found.updates.items() if one != node}
                return replace(found, updates=updates, missing=missing, gone={**found.gone, node: reason})
            case "SharingStarted":
                return replace(found, shared={}, confirmed={}, reports={})
            case "MaskedUpdateShared":
                content = StoredContent(event_bytes(event["content"]), event["location"])
                return replace(found, shared={**found.shared, node: content})
            case "ResultConfirmed":
                return replace(found, confirmed={**found.confirmed, node: event_bytes(event["result"])})
            case "MissingReported":
                account = event["account"]
                reports = {**found.reports, account: found.reports.get(account, frozenset()) | {node}}
                return replace(found, reports=reports)
        return found


def read_attempt(view: FederatedView, state: FederatedSnapshot) -> FederatedAttempt:
    """The present attempt at the snapshot's block.

    Raises UnsettledError where the events that the endpoint shows are not those that the contract has counted.
    """
    return present_attempt(view, state, FederatedAttempt(), agree=_agree)


def _agree(found: FederatedAttempt, state: FederatedSnapshot) -> bool:
    if found.sharing_set is None:
        return state.phase in (Phase.CREATED, Phase.COLLECTING) and len(found.updates) == state.updates
    shared = state.shared if state.phase in (Phase.SHARING, Phase.SUMMED) else len(found.shared)
    same = (found.sharing_set.digest, found.sharing_set.size) == (state.set_digest, state.ready)
    return same and len(found.shared) == shared


def fixed_nodes(view: FederatedView, state: FederatedSnapshot) -> frozenset[str] | None:
    """The accounts that the present round goes on with where nodes have shared in an earlier attempt of it: with others
    a sum at the same weights would tell them apart, so that nobody shares. None where any node may come.

    ChainError where the endpoint shows events that do not follow from each other.
    """
    found: frozenset[str] | None = None
    earlier = range(state.attempt)
    events = [event for event in view.attempt_events(state) if event.values.get("attempt") in earlier]
    for number, part in groupby(events, key=lambda event: event["attempt"]):
        place, attempt = replace(view.place_of(state), attempt=number), FederatedAttempt()
        try:
            for event in part:
                attempt = attempt.after(event, place)
                if event.name == "MaskedUpdateShared":
                    found = frozenset(attempt.nodes)
        except DeploymentError as error:
            raise UnsettledError(f"{state.name()}: {error.message}; looking again") from error
    return found
