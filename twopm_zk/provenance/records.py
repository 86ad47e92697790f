"""Who attested what of whom, and whether it holds: what everybody reads of it on the chain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from twopm_zk.chain.attestations import Attestation, Standing
from twopm_zk.chain.rpc import reading
from twopm_zk.provenance.issuing import View, attestations_of
from twopm_zk.task.parts.data import DataTerms


@dataclass(frozen=True)
class BoundAttestation:
    """An attestation, and the places in DataHub of the batches that it was the last one to be bound to."""

    attestation: Attestation
    standing: Standing
    places: tuple[int, ...]
    """Empty where later ones took its place everywhere."""


@dataclass(frozen=True)
class OwnerRecord:
    """One owner's data under some terms."""

    owner: str
    registered: Mapping[int, int]
    """Commitments by place."""
    bound: tuple[BoundAttestation, ...]
    """In the order in which they were bound."""
    withdrawn: bool

    @property
    def usable(self) -> tuple[int, ...]:
        """Places of batches that contracts take updates of today."""
        held = (place for one in self.bound if one.standing is Standing.VALID for place in one.places)
        return () if self.withdrawn else tuple(sorted(held))

    @property
    def unusable(self) -> tuple[int, ...]:
        """Places of batches without an attestation that holds, or withdrawn."""
        return tuple(sorted(set(self.registered) - set(self.usable)))


def read_records(view: View, terms: DataTerms, owner: str | None = None) -> list[OwnerRecord]:
    """The owners that have registered data under terms that name issuers, or one of them, as they stand today.

    Raises DeploymentError where this chain has no EAS.
    """
    service = attestations_of(view)
    hub, first = view.data_hub.contract, view.deployment.block
    now = reading("the time", lambda: view.chain.time)
    registered: dict[str, dict[int, int]] = {}
    for event in reading(
        "registered data", lambda: hub.events("Registered", from_block=first, dataset=terms.id, owner=owner)
    ):
        registered.setdefault(event["owner"], {})[event["index"]] = event["commitment"]
    last: dict[tuple[str, int], str] = {}
    uids: dict[str, list[str]] = {}
    for event in reading(
        "bound attestations", lambda: hub.events("DataAttested", from_block=first, dataset=terms.id, owner=owner)
    ):
        known = uids.setdefault(event["owner"], [])
        if event["uid"] not in known:
            known.append(event["uid"])
        last |= {(event["owner"], commitment): event["uid"] for commitment in event["commitments"]}

    def bound(who: str, uid: str) -> BoundAttestation | None:
        found = reading("an attestation", lambda: service.get(bytes.fromhex(uid[2:])))
        places = (place for place, commitment in registered[who].items() if last.get((who, commitment)) == uid)
        return None if found is None else BoundAttestation(found, found.standing(now), tuple(sorted(places)))

    def withdrawn(who: str) -> bool:
        return bool(reading("a withdrawal", lambda: hub.call("withdrawnAt", who, terms.id)))

    return [
        OwnerRecord(
            who,
            places,
            tuple(one for uid in uids.get(who, ()) if (one := bound(who, uid)) is not None),
            withdrawn(who),
        )
        for who, places in registered.items()
    ]
