"""What an audit has found: each kind of check counted, each failure told, and what no audit can know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from twopm_zk.statements.rounds import BOUND_FRAC_BITS

CHECKS = {
    "contracts": "code of the contracts, as this version of the sources compiles to",
    "verifiers": "code of each verifier, as the key derived here exports to",
    "task key": "binds proofs to this chain, contract, task and specification",
    "specification": "hash and rules of the specification that was given",
    "calldata": "transactions that say what their events say",
    "weights": "published weights, against calldata and their bound",
    "model commitments": "recomputed from weights, rules, round and attempt",
    "membership": "nodes were members before the round opened",
    "data": "data commitments were registered before the round opened, used once in an attempt",
    "step proofs": "every update, verified again",
    "rounds": "counts, minimum of nodes, order of rounds and attempts",
    "fold proofs": "every partial sum, verified again, over a digest recomputed from the updates",
    "aggregate proofs": "every move of the weights, verified again",
    "certificate": "the bound on the gradient, verified again and within the task's target",
    "final state": "the contract's present state is the one that follows from its history",
}
UNKNOWABLE = (
    "whether the rows are true: they were committed to, not judged",
    "how rows were collected, and whether two nodes hold the same person",
    "the step matrices, of which the chain has hashes: a bad one makes training slow, and the certificate judges",
    "why nodes were left out, where any were: the chain shows who, not whether it was deserved",
    "stakes at the time: the contract's code, which was compared, enforced them",
    "that nobody knows the secret of the ptau: that rests on its ceremony",
    "that this EVM node tells the truth: ask one that you trust, or several",
)
MAX_FAILURES = 100


@dataclass(frozen=True)
class Failure:
    """A check that did not hold."""

    check: str
    detail: str


@dataclass
class AuditReport:
    """The result of one audit; grows while it runs."""

    task: int
    chain_id: int
    contract: str
    block: int
    """The chain was read up to here."""
    verifier: str
    counts: dict[str, int] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    """The first of them, at most MAX_FAILURES."""
    failure_count: int = 0
    insecure: list[str] = field(default_factory=list)
    """Instances whose keys are for development: proofs under them prove nothing to anybody."""
    notes: list[str] = field(default_factory=list)
    weights: tuple[int, ...] = ()
    rounds: int = 0
    nodes: set[str] = field(default_factory=set)
    gradient_bound: int | None = None
    """Units of 2^-32 per row; None without a certificate."""
    coefficients: Mapping[str, float] | None = None

    def check(self, name: str, holds: bool, detail: str) -> bool:
        """Count a check, and remember why where it does not hold."""
        self.counts[name] = self.counts.get(name, 0) + 1
        if not holds:
            self.failure_count += 1
            if len(self.failures) < MAX_FAILURES:
                self.failures.append(Failure(name, detail))
        return holds

    @property
    def sound(self) -> bool:
        """Whether every check held."""
        return self.failure_count == 0

    @property
    def certified(self) -> bool:
        """Whether there is a certificate, and every check held."""
        return self.sound and self.gradient_bound is not None

    @property
    def failed(self) -> list[str]:
        """Each failure as a line."""
        return [f"{failure.check}: {failure.detail}" for failure in self.failures]

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

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        bound = None if self.gradient_bound is None else self.gradient_bound / (1 << BOUND_FRAC_BITS)
        return {
            "task": self.task,
            "chain_id": self.chain_id,
            "contract": self.contract,
            "block": self.block,
            "verifier": self.verifier,
            "sound": self.sound,
            "certified": self.certified,
            "gradient_bound_per_row": bound,
            "rounds": self.rounds,
            "nodes": sorted(self.nodes),
            "weights": list(self.weights),
            "coefficients": None if self.coefficients is None else dict(self.coefficients),
            "checks": {name: self.counts[name] for name in CHECKS if name in self.counts},
            "failed": self.failure_count,
            "failures": [{"check": failure.check, "detail": failure.detail} for failure in self.failures],
            "insecure_keys": self.insecure,
            "notes": self.notes,
            "cannot_know": list(UNKNOWABLE),
        }
