"""Which data an update may use as far as issuers go: what DataHub asks of EAS for one batch, read for many at once.

Where a data set's terms name issuers, a commitment counts while an attestation that one of them made for its owner is
bound to it, and is neither revoked nor past its end. What ended stays ended; a new one may be bound in its place.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twopm_zk.chain.attestations import Standing
from twopm_zk.chain.rpc import reading
from twopm_zk.participants.rounds.view import RoundsView
from twopm_zk.task.parts.data import DataTerms

REFUSED = frozenset({"NotAttested", "AttestationEnded", "UnknownAttestation"})
"""Errors of DataHub, which a round's contract passes on, for data that no attestation holds of."""


def open_dataset(view: RoundsView[Any], terms: DataTerms) -> None:
    """Open a data set where nobody has yet, as anybody may."""
    if not reading("a data set", lambda: view.data_hub.is_open(terms.id)):
        view.data_hub.open(terms)


@dataclass(frozen=True)
class Unattested:
    """Commitments of one owner that no update may use yet, and whom it takes."""

    commitments: tuple[int, ...]
    issuers: tuple[str, ...]
    ended: frozenset[int] = frozenset()
    """Those that had an attestation, which was revoked or has expired."""

    def sentence(self) -> str:
        """What is missing, and who can help."""
        shown = ", ".join(f"0x{one:064x}" for one in self.commitments[:_SHOWN])
        more = f" and {len(self.commitments) - _SHOWN} more" if len(self.commitments) > _SHOWN else ""
        ended = f"; {len(self.ended)} had one that has ended" if self.ended else ""
        who = self.issuers[0] if len(self.issuers) == 1 else f"any of {', '.join(self.issuers)}"
        return f"no attestation holds of the data commitments {shown}{more}{ended}; it takes one by {who}"


_SHOWN = 3


def attested(
    view: RoundsView[Any], dataset: bytes, registered: Mapping[str, Sequence[int]], *, owner: str | None = None
) -> dict[str, list[int]]:
    """Of commitments by owner those that hold, of all owners or of one: all, where the terms name no issuers."""
    terms = view.terms_of(dataset)
    if terms is None or not terms.attested:
        return {account: list(commitments) for account, commitments in registered.items()}
    bound, now = view.bindings(dataset, owner=owner), _now(view)
    revoked = view.revocations(terms.attestation_schema)

    def holds(account: str, commitment: int) -> bool:
        uid = bound.get((account, commitment))
        if uid is None or uid in revoked:
            return False
        found = view.attestation(uid)
        return found is not None and found.standing(now) is Standing.VALID

    kept = {account: [one for one in commitments if holds(account, one)] for account, commitments in registered.items()}
    return {account: commitments for account, commitments in kept.items() if commitments}


def unattested(view: RoundsView[Any], dataset: bytes, owner: str, commitments: Sequence[int]) -> Unattested | None:
    """What of an owner's registered commitments no attestation holds of; None where all may be used."""
    terms = view.terms_of(dataset)
    if terms is None or not terms.attested:
        return None
    there = set(attested(view, dataset, {owner: commitments}, owner=owner).get(owner, ()))
    missing = tuple(one for one in commitments if one not in there)
    if not missing:
        return None
    bound = view.bindings(dataset, owner=owner)
    return Unattested(missing, terms.issuers, frozenset(one for one in missing if (owner, one) in bound))


def _now(view: RoundsView[Any]) -> int:
    """The later of the newest block's timestamp and this machine's clock."""
    return max(reading("a block", lambda: view.chain.header(view.block())).time, int(time.time()))
