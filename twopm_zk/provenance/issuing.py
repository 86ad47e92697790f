"""An issuer at work: compare what an owner shows with what the owner has registered, attest it, and bind it.

The issuer computes every commitment anew from the owner's rows and salts, and takes nothing of what the owner says of
them. What DataHub has at the same places has to be the same numbers: a row, a salt or a place that is another gives
another commitment. Only then is anything paid for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twopm_zk.chain.attestations import (
    DATA_SCHEMA,
    MOST_BATCHES,
    Attestation,
    Attestations,
    DataClaim,
    Schema,
    Standing,
)
from twopm_zk.chain.deployment import NOBODY
from twopm_zk.chain.rpc import reading
from twopm_zk.errors import DataError, DeploymentError, InputError
from twopm_zk.participants.rounds.view import RoundsView
from twopm_zk.task.parts.data import DataTerms

View = RoundsView[Any]


@dataclass(frozen=True)
class Comparison:
    """What an owner has shown, beside what it has registered; all by places in DataHub, in ascending order."""

    owner: str
    dataset: bytes
    registered: Mapping[int, int]
    """Commitments by place."""
    shown: Mapping[int, int]
    """Commitments by place, computed anew from rows and salts."""

    @property
    def same(self) -> tuple[int, ...]:
        """Places at which rows were shown that are committed to there."""
        return tuple(place for place in sorted(self.shown) if self.registered.get(place) == self.shown[place])

    @property
    def different(self) -> tuple[int, ...]:
        """Places at which something else is committed to than what was shown."""
        known = (place for place in sorted(self.shown) if place in self.registered)
        return tuple(place for place in known if self.registered[place] != self.shown[place])

    @property
    def unregistered(self) -> tuple[int, ...]:
        """Places at which nothing is registered."""
        return tuple(place for place in sorted(self.shown) if place not in self.registered)

    @property
    def not_shown(self) -> tuple[int, ...]:
        """Places of batches that are registered and were not shown: they stay unusable without an attestation."""
        return tuple(place for place in sorted(self.registered) if place not in self.shown)

    def require_same(self) -> None:
        """DataError that names every batch that is not what its owner has registered."""
        wrong = []
        if self.different:
            wrong.append(f"batch {_listed(self.different)}: registered is something else than these rows and salt")
        if self.unregistered:
            wrong.append(f"batch {_listed(self.unregistered)}: nothing is registered there")
        if not wrong and not self.shown:
            wrong.append("the package has no batch of this data set")
        if wrong:
            raise DataError(
                f"the package is not what {self.owner} has registered: {'; '.join(wrong)}",
                kind="other-data",
                owner=self.owner,
                different=self.different,
                unregistered=self.unregistered,
            )


@dataclass(frozen=True)
class Issued:
    """An attestation, and the places in DataHub that it was bound to."""

    uid: bytes
    places: tuple[int, ...]
    transactions: tuple[str, ...]
    """Hashes of those that this took; none where all of it was there."""


class Issuer:
    """An account that attests data under some terms.

    Raises InputError where the terms ask for no attestation, or for one of others; DeploymentError where this chain has
    no EAS, or the terms ask for attestations of another form. Nothing is paid for before that.
    """

    def __init__(self, view: View, terms: DataTerms) -> None:
        self.view, self.terms = view, terms
        require_provenance(terms)
        if int(view.address, 16) not in {int(issuer, 16) for issuer in terms.issuers}:
            raise InputError(
                f"{view.address} is none of the issuers that the specification names: {', '.join(terms.issuers)}",
                kind="not-an-issuer",
                issuers=", ".join(terms.issuers),
            )
        self.attestations = attestations_of(view)
        self.schema = self._schema()

    def _schema(self) -> Schema:
        uid = self.terms.attestation_schema
        if uid == DATA_SCHEMA.uid:
            return DATA_SCHEMA
        found = reading("a schema", lambda: self.attestations.schema(uid))
        if found is None:
            raise DeploymentError(f"the schema 0x{uid.hex()} that the specification asks for is not registered")
        if found.text != DATA_SCHEMA.text or not found.revocable:
            raise DeploymentError(
                f"attestations under schema 0x{uid.hex()} cannot be revoked, or have other fields than "
                f"{DATA_SCHEMA.text!r}: what they say is not known here"
            )
        return found

    def compare(self, owner: str, shown: Mapping[int, int]) -> Comparison:
        """What was shown, by place, beside what ``owner`` has registered under the terms.

        DataError ``data-withdrawn`` where the owner has withdrawn it all.
        """
        if reading("a withdrawal", lambda: self.view.data_hub.withdrawn_at(owner, self.terms.id)):
            raise DataError(f"{owner} has withdrawn these data", kind="data-withdrawn")
        places = self.view.places(self.terms.id, owner=owner)
        return Comparison(owner, self.terms.id, {place: one for one, place in places.items()}, dict(shown))

    def attest(self, compared: Comparison, *, expires: int = 0) -> list[Issued]:
        """Attest the batches of a comparison without differences, and bind that; one attestation for up to 100 batches.

        ``expires`` is in seconds since 1970, 0 for never. What this account has attested before in the same words, and
        not revoked, is not attested again, and what is bound is not bound again. Raises DataError where something
        differs, InputError where it would have expired already.
        """
        compared.require_same()
        now = reading("the time", lambda: self.view.chain.time)
        if expires and expires <= now:
            raise InputError("the attestation would have expired already", kind="expires-too-soon")
        reading("a schema", lambda: self.attestations.register(self.schema))
        places = compared.same
        parts = [places[start : start + MOST_BATCHES] for start in range(0, len(places), MOST_BATCHES)]
        return [self._attest(compared, part, expires) for part in parts]

    def _attest(self, compared: Comparison, places: Sequence[int], expires: int) -> Issued:
        commitments = [compared.shown[place] for place in places]
        claim = DataClaim.of(compared.dataset, commitments)
        sent: list[str] = []

        def attest() -> bytes:
            uid, receipt = self.attestations.attest(
                self.schema, compared.owner, claim.encoded, expires=expires, once=True
            )
            sent.append(receipt.transaction)
            return uid

        def bind() -> bool:
            receipt = self.view.data_hub.bind(compared.dataset, compared.owner, uid, commitments, once=True)
            sent.append(receipt.transaction)
            return True

        def is_bound() -> bool | None:
            bound = self.view.bindings(compared.dataset, owner=compared.owner)
            return all(bound.get((compared.owner, commitment)) == uid for commitment in commitments) or None

        chain = self.view.chain
        uid = chain.once(lambda: self._attested_before(compared.owner, claim, expires), attest)
        chain.once(is_bound, bind)
        return Issued(uid, tuple(places), tuple(sent))

    def _attested_before(self, owner: str, claim: DataClaim, expires: int) -> bytes | None:
        """An attestation of this account that says the same and holds: a run that stopped half-way has left it."""
        said = (one.uid for one, known in self._holding(owner) if (one.expires, known) == (expires, claim))
        return next(said, None)

    def revoke(self, owner: str) -> list[bytes]:
        """Revoke all that this account has attested of an owner's data under the terms, bound or not; their numbers."""
        found = [one for one, claim in self._holding(owner) if claim.dataset == self.terms.id]
        for one in found:
            self.attestations.revoke(one)
        return [one.uid for one in found]

    def _holding(self, owner: str) -> list[tuple[Attestation, DataClaim]]:
        """This account's attestations about an owner's data that hold, whatever the data set."""
        made = reading(
            "attestations",
            lambda: self.attestations.made(
                self.schema.uid, from_block=self.view.deployment.block, recipient=owner, attester=self.view.address
            ),
        )
        now = reading("the time", lambda: self.view.chain.time)
        held = [(one, DataClaim.parse(one.data)) for one in made if one.standing(now) is Standing.VALID]
        return [(one, claim) for one, claim in held if claim is not None]


def require_provenance(terms: DataTerms) -> None:
    """InputError where terms ask for no attestation."""
    if not terms.issuers:
        raise InputError("the specification asks for no attestation of its data", kind="no-provenance")


def attestations_of(view: View) -> Attestations:
    """The EAS that DataHub asks. DeploymentError where its chain has none."""
    if reading("DataHub", lambda: view.data_hub.eas) == NOBODY:
        raise DeploymentError("the deployment's DataHub knows no attestation service", kind="no-eas")
    return view.attestations


def _listed(places: Sequence[int]) -> str:
    return ", ".join(map(str, places))
