"""Data sets, whose they are, who attests to them and who may have them: DataHub, DataAccess, and EAS's attestations.

Written from docs/contracts.md and docs/data-storage.md. ``now`` is (block, time) of the call that is judged.
"""

from collections import Counter
from dataclasses import dataclass, field

from soundness.contracts.model.attested import SOON, Attested
from soundness.contracts.model.rules import snake
from support.rounds_world import DATASET

from twopm_zk.numbers.field import FIELD_ORDER

NOBODY = b"nobody's data".ljust(32, b"\0")
PLACES = (0, 1, 2, 7, 9)


@dataclass
class Access:
    version: int = 0
    until: int = 0
    granted: int = 0
    revoked: int = 0


@dataclass
class Data(Attested):
    """What the contracts keep of everybody's data."""

    issuers: dict
    """Data set to the accounts that attest to it; none where nobody has to."""
    schemas: dict = field(default_factory=dict)
    """Of attestations to data, of others, of certificates, and of others with the same resolver, by these names."""
    hlr: str = ""
    places: dict = field(default_factory=dict)
    """(owner, data set, index) to commitment."""
    registered: dict = field(default_factory=dict)
    """(owner, commitment) to block."""
    withdrawn: dict = field(default_factory=dict)
    """(owner, data set) to (block, whether models may be trained on without it)."""
    attestations: dict = field(default_factory=dict)
    bound: dict = field(default_factory=dict)
    """(owner, data set, commitment) to the UID of an attestation."""
    versions: Counter = field(default_factory=Counter)
    access: dict = field(default_factory=dict)
    """(owner, data set, member) to Access."""
    certificates: dict = field(default_factory=dict)
    """Task to the UID of the first attestation to its certificate."""

    def unusable(self, now, owner, dataset, index, before):
        """Why no update may be about a batch."""
        if (owner, dataset) in self.withdrawn:
            yield "DataIsWithdrawn"
        commitment = self.places.get((owner, dataset, index), 0)
        if commitment == 0 or self.registered[owner, commitment] >= before:
            yield "DataNotCommittedBeforeTheRound"
        if commitment and self.issuers[dataset]:
            uid = self.bound.get((owner, dataset, commitment))
            if uid is None:
                yield "NotAttested"
            elif self.attestations[uid].ended(now):
                yield "AttestationEnded"

    def of(self, owner, dataset, indices=(0, 1, 2)):
        found = (self.places.get((owner, dataset, index)) for index in indices)
        return [commitment for commitment in found if commitment]

    def may_read(self, now, owner, dataset, member):
        access = self.access.get((owner, dataset, member), Access())
        return access.revoked == 0 and now[1] < access.until and (owner, dataset) not in self.withdrawn

    # --- calls ---

    def choices(self, accounts, tasks):
        return list(self._choices(accounts, tasks))

    def _choices(self, accounts, tasks):
        sets, (attested, *_) = [*self.issuers, NOBODY], [name for name, who in self.issuers.items() if who]
        uids, made = list(self.attestations)[-3:], ("", "", "schema", "kept", "soon", "other")
        kinds = ("", "", "zero", "order", "again")
        yield from (("register", (name, index, kind)) for name in sets for index in PLACES for kind in kinds)
        yield from (("withdraw", (name, retraining)) for name in sets for retraining in (False, True))
        yield from (("attest", (owner, kind)) for owner in accounts for kind in made)
        yield from (("revokeAttestation", (uid,)) for uid in (*uids, bytes(32)))
        bound = [(self.attestations[uid].recipient, uid) for uid in uids] + [(accounts[0], bytes(32))]
        yield from (("bind", (attested, *pair, kind)) for pair in bound for kind in ("", "", "fewer"))
        yield from (("bind", (NOBODY, *pair, "")) for pair in bound[:1])
        yield from (("bind", (attested, accounts[1], uid, "")) for uid in uids[:1])
        yield from (("store", (name, kind)) for name in sets for kind in ("", "version", "empty"))
        given = ("", "", "version", "over", "purpose")
        yield from (("grant", (name, one, kind)) for name in self.issuers for one in accounts for kind in given)
        yield from (("revoke", (name, one)) for name in self.issuers for one in accounts)
        kinds = ("", "schema", "recipient", "expires", "ref", "data")
        yield from (("certificate", (task, kind)) for task in tasks for kind in kinds)

    def real(self, now, actor, function, arguments):
        """The name of the contract, its function, and what it is given."""
        name = f"_real_{snake(function)}"
        return getattr(self, name)(now, actor, *arguments)

    def refusals(self, now, actor, function, arguments, around):
        return set(getattr(self, f"_no_{snake(function)}")(now, actor, around, *arguments))

    def apply(self, now, actor, function, arguments, outcome):
        getattr(self, f"_do_{snake(function)}")(now, actor, outcome, *arguments)

    def _open(self, dataset):
        if dataset not in self.issuers:
            yield "UnknownDataset"

    # --- batches ---

    def _commitment(self, actor, dataset, index, kind):
        if kind in ("zero", "order"):
            return FIELD_ORDER if kind == "order" else 0
        if kind == "again" and (known := self.of(actor, DATASET, PLACES)):
            return known[0]
        number = [*self.issuers, NOBODY].index(dataset)
        return 10**6 * (number + 1) + int(actor, 16) % 10**5 * 10 + index

    def _real_register(self, now, actor, dataset, index, kind):
        return "hub", "register", (dataset, index, [self._commitment(actor, dataset, index, kind)])

    def _no_register(self, now, actor, around, dataset, index, kind):
        yield from self._open(dataset)
        commitment = self._commitment(actor, dataset, index, kind)
        if (actor, dataset) in self.withdrawn:
            yield "DataIsWithdrawn"
        if not 0 < commitment < FIELD_ORDER:
            yield "InvalidCommitment"
        if (actor, commitment) in self.registered:
            yield "AlreadyRegistered"
        if (actor, dataset, index) in self.places:
            yield "PlaceTaken"

    def _do_register(self, now, actor, outcome, dataset, index, kind):
        commitment = self._commitment(actor, dataset, index, kind)
        self.places[actor, dataset, index] = commitment
        self.registered[actor, commitment] = now[0]

    def _real_withdraw(self, now, actor, *arguments):
        return "hub", "withdraw", arguments

    def _no_withdraw(self, now, actor, around, dataset, retraining):
        yield from self._open(dataset)
        _, already = self.withdrawn.get((actor, dataset), (0, None))
        if already or (already is False and not retraining):
            yield "DataIsWithdrawn"

    def _do_withdraw(self, now, actor, outcome, dataset, retraining):
        since, _ = self.withdrawn.get((actor, dataset), (now[0], False))
        self.withdrawn[actor, dataset] = since, retraining

    # --- who may have them ---

    def _real_store(self, now, actor, dataset, kind):
        version = self.versions[actor, dataset] + (1 if kind != "version" else 2)
        return "access", "store", (dataset, version, b"\7" * 32, "" if kind == "empty" else "s3://a-bucket/folder")

    def _no_store(self, now, actor, around, dataset, kind):
        if (actor, dataset, 0) not in self.places:
            yield "NothingRegistered"
        if kind:
            yield {"version": "WrongVersion", "empty": "WrongLength"}[kind]

    def _do_store(self, now, actor, outcome, dataset, kind):
        self.versions[actor, dataset] += 1

    def _real_grant(self, now, actor, dataset, member, kind):
        version = self.versions[actor, dataset] + (kind == "version")
        until = now[1] + (0 if kind == "over" else SOON)
        purpose = "" if kind == "purpose" else "Check the rows of the study."
        return "access", "grant", (dataset, member, version, until, purpose, b"\11" * 80)

    def _no_grant(self, now, actor, around, dataset, member, kind):
        if (actor, dataset) in self.withdrawn:
            yield "DataIsWithdrawn"
        if kind == "version" or not self.versions[actor, dataset]:
            yield "WrongVersion"
        if kind == "over":
            yield "AlreadyOver"
        if kind == "purpose":
            yield "WrongLength"
        if member not in around.since:
            yield "MemberWithoutKey"

    def _do_grant(self, now, actor, outcome, dataset, member, kind):
        self.access[actor, dataset, member] = Access(self.versions[actor, dataset], now[1] + SOON, now[0])

    def _real_revoke(self, now, actor, *arguments):
        return "access", "revoke", arguments

    def _no_revoke(self, now, actor, around, dataset, member):
        access = self.access.get((actor, dataset, member))
        if access is None or access.revoked:
            yield "NoAccess"

    def _do_revoke(self, now, actor, outcome, dataset, member):
        self.access[actor, dataset, member].revoked = now[0]
