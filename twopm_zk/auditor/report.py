"""What an audit has found: a verdict, each kind of check counted, each failure told, and what no audit can know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from typing import Any

from twopm_zk.auditor.attempt_record import AttemptRecord, Outcome, many, per_row
from twopm_zk.chain.attestations import Attestation
from twopm_zk.chain.tasks import words
from twopm_zk.participants.rounds.view import Withdrawal
from twopm_zk.privacy.spent import Spent
from twopm_zk.statistics.summary import Summary
from twopm_zk.task.parts.data import DataTerms
from twopm_zk.training.distance import Distance

CHECKS = {
    "contracts": "code of the contracts, as this version of the sources compiles to",
    "verifiers": "code of each verifier, as the key derived here exports to",
    "task key": "binds proofs to this chain, contract, task and specification",
    "specification": "hash, rules and circuits of the specification that was given",
    "privacy": "no more sums were shared than the noise of the specification is planned for",
    "calldata": "transactions that say what their events say",
    "weights": "published weights, and their bound",
    "model commitments": "recomputed from weights, rules, round and attempt",
    "membership": "nodes were members before the round opened",
    "data sets": "each was open before the task, with terms whose hash is its id, of training or of held-out rows",
    "data": "data commitments were registered before the round opened, used once by their owner in an attempt",
    "provenance": "an issuer that the terms name had attested to the data of every update, and had not revoked it then",
    "points": "the point of every update: on the curve, and the one of two that its proof means",
    "update proofs": "every update, verified again",
    "rounds": "counts, limits, minimum of nodes, order and deadlines of rounds and attempts",
    "keys": "lasting keys, as they were registered when they were used, with a proof that their owner knows the secret",
    "sets": "digest of the set after each event; nobody left it but for a reason, in the right phase and in time",
    "shares": "every share: in time, by a node of the set, for that set, of the right length and range",
    "sums": "each round's point is the sum of the set's, the shares open it, and nothing else was opened in the round",
    "disputes": "claims that add up, contradictions, proofs, and who was left out, as follows from them",
    "penalties": "who was barred and penalised: those who had to be, and nobody else",
    "aggregate proofs": "every move of the weights, verified again",
    "certificate": "the bound on the gradient, verified again and within the task's target",
    "attestation": "the attestation to the certificate, where there is one, says what was found here",
    "coordinator": "what is the coordinator's to do was done by it, or after its deadline",
    "descent": "the weights that it began with: 0, or those of the task that it goes on from, and without whom it does",
    "final state": "the contract's present state is the one that follows from its history",
}
UNKNOWABLE = (
    "whether rows that were withdrawn are there again under another account",
    "whether the rows are true: no proof judges them, and an issuer that has attested to them gives its word",
    "how rows were collected, and whether two nodes hold the same person, or are one",
    "whether nodes told each other, or anybody, what they added to a sum: the chain shows the sums alone",
    "what anybody has learnt of one node from two sums with and without it, at weights that are equal or nearly so",
    "why a node was silent: its fault, or that of somebody who kept its transactions from the chain",
    "stakes at the time: the contract's code, which was compared, enforced them",
    "that nobody knows the secret of the ptau: that rests on its ceremony",
    "that this EVM node tells the truth: ask one that you trust, or several",
)
MAX_FAILURES = 100


class Verdict(StrEnum):
    """What an audit comes to. Only the first two say that anything is proven."""

    CERTIFIED = "certified"
    """Every check held, and the chain has a certificate for the weights."""
    NOT_CERTIFIED = "not-certified"
    """Every check held; there is no certificate, or not yet."""
    INSECURE_KEYS = "insecure-keys"
    """Every check held, under keys whose secret somebody may know: nothing is proven."""
    UNSOUND = "unsound"
    """A check failed."""


@dataclass(frozen=True)
class Failure:
    """A check that did not hold."""

    check: str
    detail: str


@dataclass
class DataSetRecord:
    """A data set of the task: whose word its rows rest on, and in how many updates."""

    id: str
    terms: DataTerms
    updates: int = 0
    """Accepted updates that used its rows."""
    attested: dict[str, int] = field(default_factory=dict)
    """How many of them an issuer had attested to the data of, by issuer."""

    @property
    def sentence(self) -> str:
        """Who stands for the rows."""
        what = f"{'the held-out rows of ' if self.terms.held_out else ''}data set {self.id}"
        if not self.terms.attested:
            return f"{what}: {many(self.updates, 'update')}, whose data nobody has attested to, nor had to"
        named = ", ".join(f"{count} by {issuer}" for issuer, count in sorted(self.attested.items()))
        done = f"attested {named}" if named else "none attested"
        return f"{what}: {many(self.updates, 'update')}, the data of {sum(self.attested.values())} {done}"

    def to_json(self) -> dict[str, Any]:
        """The whole record."""
        return {
            "id": self.id,
            "held_out": self.terms.held_out,
            "schema": "0x" + self.terms.schema.hex(),
            "issuers": list(self.terms.issuers),
            "attestation_schema": "0x" + self.terms.attestation_schema.hex() if self.terms.attested else None,
            "updates": self.updates,
            "attested_by": dict(self.attested),
        }


@dataclass(kw_only=True)
class Checked:
    """What an audit has checked, counted by what it is about."""

    counts: dict[str, int] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    """The first failures, at most MAX_FAILURES."""
    failure_count: int = 0
    notes: list[str] = field(default_factory=list)
    """What is in order, and still worth knowing."""
    datasets: dict[str, DataSetRecord] = field(default_factory=dict)
    """The data sets of the task, by id."""

    def check(self, name: str, holds: bool, detail: str) -> bool:
        """Count a check, and remember why where it does not hold."""
        self.counts[name] = self.counts.get(name, 0) + 1
        if not holds:
            self.failure_count += 1
            if len(self.failures) < MAX_FAILURES:
                self.failures.append(Failure(name, detail))
        return holds

    @property
    def passed(self) -> bool:
        """Whether every check held, whoever may know the secret of the keys."""
        return self.failure_count == 0

    @property
    def failed(self) -> list[str]:
        """Each failure as a line."""
        return [f"{failure.check}: {failure.detail}" for failure in self.failures]


@dataclass(frozen=True)
class Link:
    """One step of a line of descent."""

    task: int
    parent: int
    without: tuple[str, ...]
    """The owners whose data the task goes on without."""

    @property
    def sentence(self) -> str:
        """The step in words."""
        names = ", ".join(self.without)
        return f"task {self.task} goes on from the certified weights of task {self.parent}, without {names}"

    def to_json(self) -> dict[str, Any]:
        """The whole step."""
        return {"task": self.task, "parent": self.parent, "without": list(self.without)}


@dataclass
class AuditReport(Checked):
    """The result of one audit; grows while it runs."""

    task: int
    chain_id: int
    contract: str
    block: int
    """The chain was read up to here."""
    verifier: str
    spec_hash: str = ""
    """Of the task's specification."""
    coordinator: str = ""
    """The present one."""
    gradient_target: int | None = None
    """The bound that the task wants certified, in units of 2^-32 per row; None where that was not read."""
    insecure: list[str] = field(default_factory=list)
    """Instances whose keys are for development: proofs under them prove nothing to anybody."""
    weights: tuple[int, ...] = ()
    rounds: int = 0
    """Rounds that ended with proven weights: how often the weights have moved."""
    attempts: list[AttemptRecord] = field(default_factory=list)
    """Every attempt of every round, in order."""
    gradient_bound: int | None = None
    """Units of 2^-32 per row; None without a certificate."""
    distance: Distance | None = None
    """Of the certified weights to the optimum, recomputed from the chain; None without a certificate."""
    attestation: Attestation | None = None
    """The first one to the certificate, of the Ethereum Attestation Service; None where there is none."""
    coefficients: Mapping[str, float] | None = None
    descent: list[Link] = field(default_factory=list)
    """Which task this one goes on from, which one that, and so on, as far as specifications were given."""
    withdrawn: dict[str, Withdrawal] = field(default_factory=dict)
    """Who of the certified sum has withdrawn its data since, by address."""
    noisy: bool = False
    """Whether updates carry noise."""
    privacy: Spent | None = None
    """What the specification promises to the people in the rows, and what is spent of it; None without noise."""
    summary: Summary | None = None
    """What follows from the sums at the certified weights, and is called proven there.

    None without a certificate or a specification, and where a check failed.
    """

    @property
    def verdict(self) -> Verdict:
        """What the audit comes to."""
        if not self.passed:
            return Verdict.UNSOUND
        if self.insecure:
            return Verdict.INSECURE_KEYS
        return Verdict.NOT_CERTIFIED if self.gradient_bound is None else Verdict.CERTIFIED

    @property
    def sound(self) -> bool:
        """Whether every check held, under keys that nobody can forge proofs for."""
        return self.verdict in (Verdict.CERTIFIED, Verdict.NOT_CERTIFIED)

    @property
    def certified(self) -> bool:
        """Whether the task is sound and has a certificate."""
        return self.verdict is Verdict.CERTIFIED

    @property
    def bound_per_row(self) -> float | None:
        """The certified bound on each component of the gradient, None without a certificate."""
        return per_row(self.gradient_bound)

    @property
    def target_per_row(self) -> float | None:
        """The bound that the task wants certified, None where that was not read."""
        return per_row(self.gradient_target)

    @property
    def conclusion(self) -> str:
        """The verdict as a sentence."""
        match self.verdict:
            case Verdict.UNSOUND:
                return f"NOT SOUND: {many(self.failure_count, 'check')} failed."
            case Verdict.INSECURE_KEYS:
                return (
                    f"UNPROVEN: every check held, but the keys of {', '.join(self.insecure)} are insecure. Whoever "
                    "knows their secret can prove anything under them, so these proofs prove nothing to anybody."
                )
            case Verdict.NOT_CERTIFIED:
                return "Sound so far; the task has no certificate."
            case Verdict.CERTIFIED:
                noise = ", noise included," if self.noisy else ""
                return (
                    f"Sound, and certified: no component of the gradient{noise} exceeds "
                    f"{self.bound_per_row:.2e} per row, {self.coverage}"
                )

    @property
    def certified_attempt(self) -> AttemptRecord | None:
        """The attempt whose updates the certificate is about, None without one."""
        return next((one for one in self.attempts if one.outcome is Outcome.CERTIFIED), None)

    @property
    def coverage(self) -> str | None:
        """What the certificate is about, as a clause; None without one."""
        covered = self.certified_attempt
        if covered is None:
            return None
        return (
            f"over {many(covered.rows, 'row')} in {covered.participants} (round {covered.round}). "
            "How many of them each node has is not on the chain."
        )

    @property
    def nearness(self) -> str | None:
        """How far the certified weights are from the optimum, as a sentence; None without a certificate."""
        if self.distance is None:
            return None
        reasons = {Verdict.INSECURE_KEYS: "the keys are insecure", Verdict.UNSOUND: "a check failed"}
        said = self.distance.sentence(unproven=reasons.get(self.verdict, ""))
        return f"{said[0].upper()}{said[1:]}."

    @property
    def attested(self) -> str | None:
        """Which attestation there is to the certificate, as a sentence; None for none."""
        one = self.attestation
        return None if one is None else f"The certificate is attested: 0x{one.uid.hex()}, by {one.attester}."

    @property
    def nodes(self) -> set[str]:
        """Every node that has handed in an update in any attempt."""
        return {node for one in self.attempts for node in one.updates}

    @property
    def updates(self) -> int:
        """The number of accepted updates, in all attempts."""
        return sum(count for one in self.attempts for count in one.updates.values())

    @property
    def participation(self) -> Iterator[str]:
        """Who took part in which rounds, a line for each stretch of rounds with the same nodes and updates."""

        def alike(one: AttemptRecord) -> tuple[Outcome, str, object]:
            return one.outcome, words(one.collection, held_out=one.held_out), one.counted

        for (outcome, collected, _), stretch in groupby(self.attempts, key=alike):
            same = list(stretch)
            first, last = same[0], same[-1]
            name = f"round {first.round}" if first.round == last.round else f"rounds {first.round} to {last.round}"
            if outcome in (Outcome.ABANDONED, Outcome.FAILED):
                name += f", {many(len(same), 'attempt')} without a result"
            elif outcome is Outcome.OPENED:
                name += f", {collected}"
            yield f"{name}: {first.participants if first.updates else 'no updates'}"

    @property
    def lineage(self) -> Iterator[str]:
        """Where the task comes from, a line for each task that it descends from; none for one that began at 0."""
        for link in self.descent:
            yield f"descent: {link.sentence}"

    @property
    def proofs(self) -> int:
        """How many were verified."""
        return sum(self.counts.get(name, 0) for name in CHECKS if "proofs" in name) + (self.gradient_bound is not None)

    @property
    def checked(self) -> list[str]:
        """What was checked, and how often, as lines."""
        return [f"{name} ({self.counts[name]}): {text}" for name, text in CHECKS.items() if name in self.counts]

    @property
    def unknowable(self) -> tuple[str, ...]:
        """What no audit can know."""
        return UNKNOWABLE

    @property
    def _distance_document(self) -> dict[str, Any] | None:
        if self.distance is None:
            return None
        void = self.distance.proven and self.verdict is not Verdict.CERTIFIED
        return self.distance.to_json() | ({"kind": self.verdict.value} if void else {})

    def to_json(self) -> dict[str, Any]:
        """The whole report."""
        covered = self.certified_attempt
        return {
            "task": self.task,
            "chain_id": self.chain_id,
            "contract": self.contract,
            "spec_hash": self.spec_hash,
            "coordinator": self.coordinator,
            "block": self.block,
            "verifier": self.verifier,
            "verdict": self.verdict.value,
            "conclusion": self.conclusion,
            "sound": self.sound,
            "certified": self.certified,
            "insecure_keys": self.insecure,
            "gradient_bound_per_row": self.bound_per_row,
            "gradient_target_per_row": self.target_per_row,
            "distance_to_optimum": self._distance_document,
            "certificate_covers": None if covered is None else covered.to_json(),
            "certificate_attestation": None
            if self.attestation is None
            else {"uid": "0x" + self.attestation.uid.hex(), "attester": self.attestation.attester},
            "rounds": self.rounds,
            "updates": self.updates,
            "nodes": sorted(self.nodes),
            "datasets": [one.to_json() for one in self.datasets.values()],
            "attempts": [one.to_json() for one in self.attempts],
            "weights": list(self.weights),
            "coefficients": None if self.coefficients is None else dict(self.coefficients),
            "descent": [one.to_json() for one in self.descent],
            "withdrawn_since": {node: one.to_json() for node, one in self.withdrawn.items()},
            "privacy": None if self.privacy is None else self.privacy.to_json(),
            "summary": None if self.summary is None else self.summary.as_dict(),
            "checks": {name: self.counts[name] for name in CHECKS if name in self.counts},
            "failed": self.failure_count,
            "failures": [{"check": failure.check, "detail": failure.detail} for failure in self.failures],
            "notes": self.notes,
            "cannot_know": list(UNKNOWABLE),
        }
