"""The history of a task, replayed from its events: what HLRContract must have computed, computed again.

Each event comes with its transaction's calldata, where the proofs are. Nothing is taken from the contract's storage;
the present state is compared at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from twopm_zk.auditor.keys import Keyring
from twopm_zk.auditor.report import AttemptRecord, AuditReport, Outcome
from twopm_zk.numbers import commitments
from twopm_zk.numbers.commitments import Tag
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.statements import Policy
from twopm_zk.statements.rounds import segment_digest

NEED_CALLDATA = frozenset({"TaskCreated", "ModelPublished", "SegmentFolded", "Certified"})
"""Events that are compared with the transaction that made them; all others carry what there is to check."""
PROVEN = frozenset({"UpdateAccepted", "SegmentFolded", "ModelPublished", "Certified"})
"""Events that come with a proof, but for the first weights."""


@dataclass(frozen=True)
class ReplayedEvent:
    """An event with its transaction's sender, and the decoded call where the replay needs it.

    ``function`` and ``call`` are empty where the contract was not called directly.
    """

    name: str
    values: Mapping[str, Any]
    block: int
    transaction: str
    sender: str = ""
    function: str = ""
    call: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Any:
        return self.values[key]


@dataclass(frozen=True)
class Registrations:
    """What the events of DataHub and IdentityContract say: registered data, and memberships."""

    data: Mapping[tuple[str, str, int], tuple[int, int]]
    """Commitment and block of registration, by owner, data set and index."""
    memberships: Mapping[str, Sequence[tuple[int, int]]]
    """The blocks in which memberships began and ended, the last one perhaps never, by account."""

    def member_since(self, account: str, block: int) -> int:
        """The first block of the membership that holds at ``block``, 0 for none."""
        spans = self.memberships.get(account, ())
        return next((start for start, end in reversed(spans) if start <= block <= end), 0)


@dataclass
class AttemptState:
    """The present attempt, as far as it has been replayed."""

    record: AttemptRecord
    updates: list[int] = field(default_factory=list)
    """Update commitments in the order of the digest."""
    data: set[int] = field(default_factory=set)
    partial: int = 0
    folded: int = 0
    closed: bool = False


class Replay:
    """Feed it the events in the order of the chain; it fills the report."""

    def __init__(self, report: AuditReport, registrations: Registrations, keyring: Keyring, *, task_key: int) -> None:
        self.report, self._registrations, self._keys, self._task_key = report, registrations, keyring, task_key
        self._config: Mapping[str, Any] = {}
        self._training: Mapping[str, Any] = {}
        self.steps: dict[int, str] = {}
        """The instance of each size of ``step``, by rows."""
        self.others: dict[str, str] = {}
        """The instances of ``fold``, ``aggregate`` and ``certify``, by statement."""
        self.coordinator = ""
        self.weights: tuple[int, ...] = ()
        self._matrix = 0
        self.round = self.attempt = 0
        self._opened_at = 0
        self._model = 0
        self._now = AttemptState(AttemptRecord(0, 0))
        self._to_exclude: set[str] = set()
        self._aggregated: tuple[int, int] | None = None
        self.proofs = 0
        """Proofs that were looked at so far."""
        self.bound: int | None = None
        self.finished = False

    def feed(self, event: ReplayedEvent) -> None:
        """The next event. Without the calldata of the task's creation there is nothing to compare with."""
        handler = getattr(self, f"_on_{event.name}", None)
        if handler is not None and (self._config or event.name == "TaskCreated"):
            handler(event)

    # --- the task ---

    def _on_TaskCreated(self, event: ReplayedEvent) -> None:  # noqa: N802 - named after the event
        if not self._called(event, "createTask"):
            return
        self._config, self._training = event.call["config"], event.call["training"]
        self.coordinator = event["coordinator"]
        self.report.minimum_rows = self._training["minRows"]
        same = (self._config["specHash"], self._config["dataset"]) == (event["specHash"], event["dataset"])
        self._check("calldata", same, event, "creates a task of another specification")
        rounds = self._training["segments"] * self._training["slots"] == self._config["maximumUpdates"]
        self._check("rounds", rounds, event, "allows another number of updates than its segments hold")
        bound, penalty = self._training["weightBound"], self._training["lambda"]
        self._check("weights", bool(penalty) or bound < 1 << 31, event, "has lambda 0 and no bound on the weights")

    def _on_CoordinatorChanged(self, event: ReplayedEvent) -> None:  # noqa: N802
        self.report.notes.append(f"block {event.block}: {event['to']} took over from {event['from']}")
        self.coordinator = event["to"]

    def _on_ModelPublished(self, event: ReplayedEvent) -> None:  # noqa: N802
        weights = tuple(event["weights"])
        if event["round"] == 0:
            expected = tuple(self._training.get("initialWeights", ()))
            self._check("weights", weights == expected, event, "starts from other weights than its calldata")
        elif self._called(event, "acceptWeights"):
            self._accepted(event, weights)
        limit = self._training.get("weightBound", 0)
        self._check("weights", all(abs(w) <= limit for w in weights), event, "publishes a weight beyond the bound")
        self.weights, self._matrix = weights, event["matrixHash"]

    def _on_AttemptModel(self, event: ReplayedEvent) -> None:  # noqa: N802
        if event["attempt"] == 0:
            self._opened_at = event.block
        self._order(event)
        self.round, self.attempt = event["round"], event["attempt"]
        self._model = self._policy().model_commitment(self.weights)
        same = self._model == event["modelCommitment"]
        self._check("model commitments", same, event, "has another model commitment than its weights and rules")
        if self._now.record.outcome is Outcome.OPEN:
            self._now.record.outcome = Outcome.ABANDONED
        self._now = AttemptState(AttemptRecord(self.round, self.attempt, tuple(sorted(self._to_exclude))))
        self.report.attempts.append(self._now.record)
        self._to_exclude = set()

    def _order(self, event: ReplayedEvent) -> None:
        found, now = (event["round"], event["attempt"]), (self.round, self.attempt)
        first = self._model == 0 and found == (0, 0)
        following = found in ((now[0], now[1] + 1), (now[0] + 1, 0))
        self._check("rounds", first or following, event, f"opens {found} after {now}")
        if found == (now[0] + 1, 0):
            proven = self._aggregated == (now[0], now[1])
            self._check("rounds", proven, event, "opens a round without a proof of its weights")

    def _policy(self) -> Policy:
        return Policy(
            self._task_key,
            self.round,
            self.attempt,
            self._training["lambda"],
            self._training["weightBound"],
            self._training["minRows"],
            self._matrix,
        )

    # --- an attempt ---

    def _on_NodeExcluded(self, event: ReplayedEvent) -> None:  # noqa: N802
        self._to_exclude.add(event["node"])
        self.report.notes.append(f"round {event['round']}: {event['node']} was left out of attempt {event['attempt']}")

    def _on_UpdateAccepted(self, event: ReplayedEvent) -> None:  # noqa: N802
        now, node = self._now, event["node"]
        self._check("rounds", not now.closed, event, "takes an update after closing")
        self._check("rounds", event["position"] == len(now.updates), event, "has another position than it should")
        self._check("rounds", node not in now.record.left_out, event, "takes an update of a node that was left out")
        since = self._registrations.member_since(node, event.block)
        self._check("membership", 0 < since < self._opened_at, event, f"{node} was no member before the round")
        self._check("data", event["data"] not in now.data, event, "uses data twice in an attempt")
        place = (node, self._config["dataset"], event["index"])
        commitment, block = self._registrations.data.get(place, (0, 0))
        known = commitment == event["data"] and 0 < block < self._opened_at
        self._check("data", known, event, "uses data that were not registered before the round")
        public = (self._model, event["data"], event["update"])
        self._prove("step proofs", self.steps.get(event["size"]), public, event["proof"], event)
        now.updates.append(event["update"])
        now.data.add(event["data"])
        now.record.updates[node] = now.record.updates.get(node, 0) + 1

    def _on_RoundClosed(self, event: ReplayedEvent) -> None:  # noqa: N802
        now = self._now
        nodes = len(now.record.updates)
        counted = (event["nodes"], event["updates"]) == (nodes, len(now.updates))
        self._check("rounds", counted, event, "counts other nodes and updates than there were")
        enough = nodes >= self._config["minimumNodes"]
        self._check("rounds", enough, event, "closes below the minimum of nodes")
        now.closed = True

    def _on_SegmentFolded(self, event: ReplayedEvent) -> None:  # noqa: N802
        now, slots = self._now, self._training["slots"]
        segment = now.updates[now.folded * slots : (now.folded + 1) * slots]
        if self._called(event, "foldSegment"):
            same = event.call["partialAfter"] == event["partialSum"]
            self._check("calldata", same, event, "says another partial sum than its event")
            public = (now.partial, segment_digest(segment), event["partialSum"])
            self._prove("fold proofs", self.others.get("fold"), public, event.call["proof"], event)
        now.partial, now.folded = event["partialSum"], now.folded + 1

    def _digest(self) -> int:
        """The digest of all updates of the attempt, over the folded ones' partial sum."""
        now = self._now
        rest = now.updates[now.folded * self._training["slots"] :]
        if not now.closed or not 0 < len(rest) <= self._training["slots"]:
            return FIELD_ORDER  # no proof is of it
        return commitments.public_hash(Tag.ROUND, [now.partial, segment_digest(rest)])

    def _accepted(self, event: ReplayedEvent, weights: tuple[int, ...]) -> None:
        call = event.call
        same = (tuple(call["weights"]), call["matrixHash"]) == (weights, event["matrixHash"])
        self._check("calldata", same, event, "says other weights than its event")
        fixed = self._training["matrixReplaceable"] or event["matrixHash"] == self._matrix
        self._check("rounds", fixed, event, "replaces a step matrix that is fixed")
        self._check("calldata", event.sender == self.coordinator, event, "was not sent by the coordinator")
        following = self._policy().next_round(matrix_hash=event["matrixHash"]).model_commitment(weights)
        public = (self._model, self._digest(), following)
        self._prove("aggregate proofs", self.others.get("aggregate"), public, event.call["proof"], event)
        self._aggregated = (self.round, self.attempt)
        self._now.record.outcome = Outcome.AGGREGATED
        self.report.rounds += 1

    def _on_Certified(self, event: ReplayedEvent) -> None:  # noqa: N802
        if not self._called(event, "certify"):
            return
        bound = event["gradientBound"]
        self._check("calldata", event.call["gradientBound"] == bound, event, "says another bound than its event")
        self._check("certificate", event["modelCommitment"] == self._model, event, "is of another model")
        target = self._training["gradientTarget"]
        self._check("certificate", bound <= target, event, f"certifies {bound}, the target is {target}")
        public = (self._model, self._digest(), bound)
        self._prove("certificate", self.others.get("certify"), public, event.call["proof"], event)
        self.bound = bound
        self._now.record.outcome = Outcome.CERTIFIED

    def _on_TaskFinished(self, event: ReplayedEvent) -> None:  # noqa: N802
        self._check("rounds", not self.finished, event, "finishes a finished task")
        self.finished = True
        if self._now.record.outcome is Outcome.OPEN:
            self._now.record.outcome = Outcome.ABANDONED

    # --- checks ---

    def _called(self, event: ReplayedEvent, function: str) -> bool:
        what = f"was not sent as {function} to the contract itself: its proof cannot be found"
        return self._check("calldata", event.function == function, event, what)

    def _prove(
        self, check: str, instance: str | None, public: Sequence[int], proof: Sequence[int], event: ReplayedEvent
    ) -> None:
        self.proofs += 1
        if instance is None:
            self._check(check, False, event, "has a proof for a verifier that is not known here")
            return
        field_elements = all(0 <= value < FIELD_ORDER for value in public)
        holds = field_elements and self._keys.verify(instance, public, proof)
        self._check(check, holds, event, f"has a false proof of {instance}")

    def _check(self, check: str, holds: bool, event: ReplayedEvent, what: str) -> bool:
        return self.report.check(check, holds, f"block {event.block}, transaction {event.transaction}: {what}")
