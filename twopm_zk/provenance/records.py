"""Who attested what of whom, and whether it holds: what everybody reads of it on the chain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from twopm_zk.chain.attestations import Attestation, Standing
from twopm_zk.chain.rpc import reading
from twopm_zk.provenance.issuing import View, attestations_of
from twopm_zk.task.parts.data import DataTerms


@dataclass(frozen=True)
class BoundAttestation:
    """An attestation, and the places in DataHub of the batches that it is bound to: the last one to be, for each."""

    attestation: Attestation
    standing: Standing
    places: tuple[int, ...]


@dataclass(frozen=True)
class OwnerRecord:
    """One owner's data under some terms."""

    owner: str
    registered: Mapping[int, int]
    """Commitments by place."""
    bound: tuple[BoundAttestation, ...]
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
    attestations_of(view)
    now = reading("the time", lambda: view.chain.time)
    bindings = view.bindings(terms.id, owner=owner)
    registered: dict[str, dict[int, int]] = {}
    for event in reading(
        "registered data",
        lambda: view.data_hub.contract.events(
            "Registered", from_block=view.deployment.block, dataset=terms.id, owner=owner
        ),
    ):
        registered.setdefault(event["owner"], {})[event["index"]] = event["commitment"]

    def bound(who: str) -> Iterator[BoundAttestation]:
        """Read anew: what a view knows of an attestation is from before it was revoked."""
        places: dict[bytes, list[int]] = {}
        for place, commitment in sorted(registered[who].items()):
            if (uid := bindings.get((who, commitment))) is not None:
                places.setdefault(uid, []).append(place)
        for uid, there in places.items():
            found = reading("an attestation", partial(view.attestations.get, uid))
            if found is not None:
                yield BoundAttestation(found, found.standing(now), tuple(there))

    def withdrawn(who: str) -> bool:
        return bool(reading("a withdrawal", lambda: view.data_hub.withdrawn_at(who, terms.id)))

    return [OwnerRecord(who, places, tuple(bound(who)), withdrawn(who)) for who, places in registered.items()]
