"""Attestations of EAS to data and to certificates, as DataHub and CertificateResolver take them.

Written from docs/contracts.md. ``now`` is (block, time) of the call that is judged.
"""

from dataclasses import dataclass

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from support.attestations import data_of
from support.rounds_world import DATASET

SOON = 5_400
"""Seconds until an attestation or a grant ends that does."""
WORDS = ["uint256", "address", "bytes32", "uint64", "uint24", "bytes32", "uint32"]


@dataclass
class Attestation:
    attester: str
    schema: bytes
    recipient: str
    says: bytes
    revocable: bool
    expires: int
    revoked: bool = False

    def ended(self, now):
        return self.revoked or 0 < self.expires <= now[1]


class Attested:
    """What is attested of the data and the tasks that `Data` has."""

    # --- attestations ---

    def _attested(self, now, actor, owner, kind):
        attested, *_ = (name for name, who in self.issuers.items() if who)
        said = DATASET if kind == "other" else attested
        expires = now[1] + SOON if kind == "soon" else 0
        schema = self.schemas["other" if kind == "schema" else "data"]
        return Attestation(actor, schema, owner, data_of(said, self.of(owner, attested)), kind != "kept", expires)

    @staticmethod
    def _request(made, ref=bytes(32)):
        said = (made.recipient, made.expires, made.revocable, ref, made.says, 0)
        return "eas", "attest", ((made.schema, said),)

    def _real_attest(self, now, actor, owner, kind):
        return self._request(self._attested(now, actor, owner, kind))

    def _no_attest(self, now, actor, around, owner, kind):
        return ()

    def _keep(self, outcome, made):
        uid = bytes.fromhex(outcome.named("Attested")[0]["uid"][2:])
        self.attestations[uid] = made
        return uid

    def _do_attest(self, now, actor, outcome, owner, kind):
        self._keep(outcome, self._attested(now, actor, owner, kind))

    def _real_revoke_attestation(self, now, actor, uid):
        made = self.attestations.get(uid)
        return "eas", "revoke", ((made.schema if made else bytes(32), (uid, 0)),)

    def _no_revoke_attestation(self, now, actor, around, uid):
        made = self.attestations.get(uid)
        if made is None:
            yield from ("NotFound", "InvalidSchema")
            return
        if made.attester != actor:
            yield "AccessDenied"
        if not made.revocable:
            yield "Irrevocable"
        if made.revoked:
            yield "AlreadyRevoked"

    def _do_revoke_attestation(self, now, actor, outcome, uid):
        self.attestations[uid].revoked = True

    def _bound(self, owner, dataset, kind):
        known = self.of(owner, next(name for name, who in self.issuers.items() if who))
        return known[:-1] if kind == "fewer" else known

    def _real_bind(self, now, actor, dataset, owner, uid, kind):
        return "hub", "bind", (dataset, owner, uid, self._bound(owner, dataset, kind))

    def _no_bind(self, now, actor, around, dataset, owner, uid, kind):
        yield from self._open(dataset)
        issuers, made = self.issuers.get(dataset, ()), self.attestations.get(uid)
        if actor != owner and actor not in issuers:
            yield "NotTheOwnerOrAnIssuer"
        if made is None:
            yield "UnknownAttestation"
            return
        if made.ended(now):
            yield "AttestationEnded"
        said = data_of(dataset, self._bound(owner, dataset, kind))
        right = (made.attester in issuers, made.schema == self.schemas["data"], made.recipient == owner)
        if not all((*right, made.revocable, made.says == said)):
            yield "WrongAttestation"

    def _do_bind(self, now, actor, outcome, dataset, owner, uid, kind):
        for commitment in self._bound(owner, dataset, kind):
            self.bound[owner, dataset, commitment] = uid

    # --- certificates ---

    def _certified(self, task, kind):
        """An attestation to a task's certificate, in the words of the resolver's schema."""
        weights = keccak(encode(["int32[]"], [task.weights]))
        target = task.training["gradientTarget"]
        said = (task.id, self.hlr, task.config["specHash"], task.certified, task.certified_nodes, weights, target)
        says = encode(WORDS, said)
        says = says[:-1] + bytes([says[-1] ^ 1]) if kind == "data" else says
        recipient = task.coordinator if kind == "recipient" else self.hlr
        return recipient, says, self.schemas["another certificate" if kind == "schema" else "certificate"]

    def _real_certificate(self, now, actor, task, kind):
        recipient, says, schema = self._certified(task, kind)
        expires = now[1] + SOON if kind == "expires" else 0
        ref = next(iter(self.attestations)) if kind == "ref" else bytes(32)
        return self._request(Attestation(actor, schema, recipient, says, False, expires), ref)

    def _no_certificate(self, now, actor, around, task, kind):
        if not task.certified:
            yield "NotCertified"
        if kind:
            yield "WrongAttestation"

    def _do_certificate(self, now, actor, outcome, task, kind):
        recipient, says, schema = self._certified(task, kind)
        uid = self._keep(outcome, Attestation(actor, schema, recipient, says, False, 0))
        self.certificates.setdefault(task.id, uid)
