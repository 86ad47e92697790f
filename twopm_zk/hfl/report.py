"""What an audit of a federated task has found: a verdict, each kind of check counted, and what nobody can know."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from twopm_zk.auditor.attempt_record import many
from twopm_zk.auditor.report import CHECKS as CHECKS_OF_ROWS
from twopm_zk.auditor.report import Checked
from twopm_zk.privacy.spent import Spent

CHECKS = {
    "contracts": "code of the contracts, as this version of the sources compiles to",
    "specification": "hash and rules of the specification",
    "calldata": "transactions that say what their events say",
    "membership": "nodes were members before the round opened",
    "data sets": CHECKS_OF_ROWS["data sets"],
    "data": "data commitments were registered before the round opened",
    "provenance": CHECKS_OF_ROWS["provenance"],
    "rounds": "counts, limits, minimum of nodes, order and deadlines of rounds and attempts",
    "keys": "lasting keys, as they were registered when they were used, with a proof that their owner knows the secret",
    "sets": "digest of the set after each event; nobody left it but for a reason, in the right phase and in time",
    "shares": "every masked update: in time, by a node of the set, in a location of the specification",
    "missing": "who was left out because others could not get what it had shared: a quorum said so",
    "confirmations": "results confirmed by nodes of the set, once each, and accepted by a quorum",
    "results": "each accepted result, computed again from the masked updates of its set",
    "penalties": "who was barred and penalised: those who had to be, and nobody else",
    "coordinator": "what is the coordinator's to do was done by it, or after its deadline",
    "final state": "the contract's present state is the one that follows from its history",
}
UNKNOWABLE = (
    "whether an update is one of training on the committed data: nothing is proven of it, but that all together are "
    "within their bounds",
    "whether data are true, how they were collected, and whether two nodes hold the same person, or are one",
    "whether nodes told each other, or anybody, what they added to a sum",
    "whether somebody had a masked update that others could not get, and so a sum with its node and one without",
    "why a node was silent: its fault, or that of somebody who kept its transactions from the chain",
    "stakes at the time: the contract's code, which was compared, enforced them",
    "that this EVM node tells the truth: ask one that you trust, or several",
)
_NOISE = "that nodes added the noise that the specification asks for"


class FederatedVerdict(StrEnum):
    """What an audit of a federated task comes to."""

    SOUND = "sound"
    """Every check held, and every accepted result follows from what its nodes shared."""
    INCOMPLETE = "incomplete"
    """Every check held, and some result cannot be computed any more: the storage has lost something."""
    UNSOUND = "unsound"
    """A check failed."""


class RoundOutcome(StrEnum):
    """What came of an attempt."""

    OPEN = "open"
    ABANDONED = "abandoned"
    FAILED = "failed"
    ACCEPTED = "accepted"


@dataclass
class FederatedRecord:
    """One attempt of one round: who took part in it, and what came of it."""

    round: int
    attempt: int
    updates: tuple[str, ...] = ()
    """The accounts that committed to an update."""
    left_out: list[tuple[str, str]] = field(default_factory=list)
    """The nodes that left, or were left out, with the reason of each."""
    shared: bool = False
    """Whether anybody has shared in it."""
    sums: int = 0
    """Share attempts in which anybody has: each may have told a sum, over other nodes than the last one."""
    nodes: tuple[str, ...] = ()
    """The set whose sum was accepted."""
    result: bytes | None = None
    """The hash of the accepted result; None where there is none."""
    computed: bytes | None = None
    """The same, as it was computed here; None where that was not possible."""
    confirmed_by: tuple[str, ...] = ()
    """Who has confirmed the accepted result."""
    missing: dict[str, str] = field(default_factory=dict)
    """The nodes whose masked update is not to be had, each with the kind of error."""
    weight: int = 0
    mean_loss: float | None = None
    """Of the result before, over what nodes hold out; None where it was not evaluated."""
    outcome: str = RoundOutcome.OPEN
    opened_at: int = 0
    """Seconds since 1970."""
    ended_at: int | None = None

    def end(self, outcome: str, time: int) -> None:
        """What has come of it, and when."""
        self.outcome, self.ended_at = outcome, time

    def sentence(self) -> str:
        """The attempt in a line."""
        name = f"round {self.round}, attempt {self.attempt}"
        if self.result is None:
            return f"{name}: {many(len(self.updates), 'update')}, {self.outcome}"
        how = "computed again here" if self.computed == self.result else "NOT computed again"
        nodes = f"{many(len(self.nodes), 'node')}, {len(self.confirmed_by)} confirmed it"
        loss = "" if self.mean_loss is None else f", loss before {self.mean_loss:.6g}"
        return f"{name}: {self.result.hex()[:16]}... of {nodes}; {how}{loss}"

    def to_json(self) -> dict[str, Any]:
        """The whole record."""
        return {
            "round": self.round,
            "attempt": self.attempt,
            "outcome": str(self.outcome),
            "updates": list(self.updates),
            "nodes": list(self.nodes),
            "left_out": [{"node": node, "reason": reason} for node, reason in self.left_out],
            "result": None if self.result is None else "0x" + self.result.hex(),
            "computed": None if self.computed is None else "0x" + self.computed.hex(),
            "confirmed_by": list(self.confirmed_by),
            "missing": dict(self.missing),
            "sums": self.sums,
            "weight": self.weight,
            "mean_loss": self.mean_loss,
            "opened_at": self.opened_at,
            "ended_at": self.ended_at,
        }


@dataclass
class FederatedReport(Checked):
    """The result of one audit; grows while it runs."""

    task: int
    chain_id: int
    contract: str
    block: int
    """The chain was read up to here."""
    spec_hash: str = ""
    coordinator: str = ""
    attempts: list[FederatedRecord] = field(default_factory=list)
    privacy: Spent | None = None
    """What is promised to whoever owns a node's data, and what is spent of it; None without noise."""

    @property
    def verdict(self) -> FederatedVerdict:
        """What the audit comes to."""
        if not self.passed:
            return FederatedVerdict.UNSOUND
        lost = any(one.result is not None and one.computed is None for one in self.attempts)
        return FederatedVerdict.INCOMPLETE if lost else FederatedVerdict.SOUND

    @property
    def sound(self) -> bool:
        """Whether every check held, and every result was computed again."""
        return self.verdict is FederatedVerdict.SOUND

    @property
    def accepted(self) -> list[FederatedRecord]:
        """The attempts whose result was accepted."""
        return [one for one in self.attempts if one.result is not None]

    @property
    def unknowable(self) -> tuple[str, ...]:
        """What no audit can know."""
        return UNKNOWABLE if self.privacy is None else (*UNKNOWABLE, _NOISE)

    @property
    def conclusion(self) -> str:
        """The verdict as a sentence."""
        match self.verdict:
            case FederatedVerdict.UNSOUND:
                return f"NOT SOUND: {many(self.failure_count, 'check')} failed."
            case FederatedVerdict.INCOMPLETE:
                lost = [str(one.round) for one in self.accepted if one.computed is None]
                return (
                    f"NOT CHECKED: every check held, but the storage has lost what the results of rounds "
                    f"{', '.join(lost)} were computed from."
                )
            case FederatedVerdict.SOUND:
                if not self.accepted:
                    return "Sound so far; no result was accepted."
                return (
                    f"Sound: {many(len(self.accepted), 'accepted result')}, each computed again from what its nodes "
                    "shared. Nothing is proven of any single update."
                )

    def to_json(self) -> dict[str, Any]:
        """The whole report."""
        return {
            "task": self.task,
            "chain_id": self.chain_id,
            "contract": self.contract,
            "spec_hash": self.spec_hash,
            "coordinator": self.coordinator,
            "block": self.block,
            "verdict": self.verdict.value,
            "conclusion": self.conclusion,
            "sound": self.sound,
            "datasets": [one.to_json() for one in self.datasets.values()],
            "attempts": [one.to_json() for one in self.attempts],
            "privacy": None if self.privacy is None else self.privacy.to_json(),
            "checks": {name: self.counts[name] for name in CHECKS if name in self.counts},
            "failed": self.failure_count,
            "failures": [{"check": failure.check, "detail": failure.detail} for failure in self.failures],
            "notes": self.notes,
            "cannot_know": list(self.unknowable),
        }
