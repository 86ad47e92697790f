"""A task as its events tell it, for people who look on: every attempt of every round, who was in it, what came of it.

Events are taken one by one and not kept, so that a long task costs no more memory than what is shown of it. Nothing is
checked here: that is what an audit is for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from twopm_zk.chain.abi import DecodedEvent
from twopm_zk.chain.tasks import COLLECTIONS, Phase, TaskSnapshot, words
from twopm_zk.participants.attempts import Collected
from twopm_zk.participants.rounds.view import Withdrawal

OPEN, ABANDONED, FAILED, OPENED, AGGREGATED, CERTIFIED = (
    *("open", "abandoned", "failed", "opened", "aggregated", "certified"),
)
"""What came of an attempt; in the words of audits."""


@dataclass
class AttemptLog:
    """One attempt of one round."""

    round: int
    attempt: int
    opened_at: int
    collection: str = ""
    outcome: str = OPEN
    updates: dict[str, int] = field(default_factory=dict)
    ready: list[str] = field(default_factory=list)
    shared: list[str] = field(default_factory=list)
    left: list[dict[str, str]] = field(default_factory=list)
    closed_at: int | None = None
    """When collecting ended, in seconds since 1970."""
    ended_at: int | None = None
    transactions: dict[str, None] = field(default_factory=dict)
    rows: int | None = None
    bound: float | None = None

    def to_json(self, gas: Mapping[str, int]) -> dict[str, Any]:
        """The attempt as the API shows it; ``gas`` of transactions, as far as it is known."""
        return {
            "round": self.round,
            "attempt": self.attempt,
            "collection": self.collection,
            "outcome": self.outcome,
            "updates": dict(self.updates),
            "ready": list(self.ready),
            "shared": list(self.shared),
            "left": list(self.left),
            "gas": total_gas(self.transactions, gas),
            "opened_at": self.opened_at,
            "closed_at": self.closed_at,
            "ended_at": self.ended_at,
            "bound_per_row": self.bound,
            "rows": self.rows,
            "transactions": len(self.transactions),
        }


def total_gas(transactions: Mapping[str, None], gas: Mapping[str, int]) -> int | None:
    """What transactions took together; None as long as that of one is not known."""
    return sum(gas[name] for name in transactions) if all(name in gas for name in transactions) else None


class TaskLog:
    """What a task's events have told so far."""

    def __init__(self, task: int) -> None:
        self.task = task
        self.spec_hash = ""
        self.attempts: list[AttemptLog] = []
        self.transactions: dict[str, None] = {}
        self.insecure: list[str] = []
        """Verifiers of the task whose keys are for development."""
        self.barred: set[str] = set()
        self.sums = 0
        """How many sums were shared: what is known of rows and bounds may change with it."""
        self.last_event = (0, 0)
        self.certified_at: int | None = None
        self.models: set[str] = set()
        """Commitments to the present weights, of the attempts at them."""
        self._collections: dict[tuple[int, int], str] = {}

    @property
    def updates(self) -> int:
        """Accepted updates in all attempts."""
        return sum(sum(one.updates.values()) for one in self.attempts)

    def feed(self, event: DecodedEvent, time_of: Callable[[int], int]) -> None:
        """One more event, in the order of the chain."""
        self.last_event = event.moment
        self.transactions[event.transaction] = None
        handler = getattr(self, f"_on_{event.name}", None)
        if handler is not None:
            handler(event, time_of(event.block))
        if self.attempts:
            self.attempts[-1].transactions[event.transaction] = None

    def _on_TaskCreated(self, event: DecodedEvent, _: int) -> None:  # noqa: N802 - named after events
        self.spec_hash = event["specHash"]

    def _on_VerifierFixed(self, event: DecodedEvent, _: int) -> None:  # noqa: N802
        if event["insecure"]:
            self.insecure.append(event["verifier"])

    def _on_RoundOpened(self, event: DecodedEvent, time: int) -> None:  # noqa: N802
        self._end(ABANDONED, time)
        key = event["round"], event["attempt"]
        self.attempts.append(AttemptLog(*key, time, self._collections.pop(key, "")))

    def _on_AttemptModel(self, event: DecodedEvent, _: int) -> None:  # noqa: N802
        self.models.add(str(event["modelCommitment"]))
        collection = words(COLLECTIONS[event["collected"]], held_out=event["heldOut"])
        self._collections[event["round"], event["attempt"]] = collection  # it is told before the attempt is opened
        for one in self._at(event):
            one.collection = collection

    def _on_UpdateAccepted(self, event: DecodedEvent, _: int) -> None:  # noqa: N802
        for one in self._at(event):
            one.updates[event["node"]] = one.updates.get(event["node"], 0) + 1

    def _on_RoundClosed(self, event: DecodedEvent, time: int) -> None:  # noqa: N802
        for one in self._at(event):
            one.closed_at = time

    def _on_NodeReady(self, event: DecodedEvent, _: int) -> None:  # noqa: N802
        for one in self._at(event):
            one.ready.append(event["node"])

    def _on_SharingStarted(self, event: DecodedEvent, _: int) -> None:  # noqa: N802
        for one in self._at(event):
            one.shared = []

    def _on_Shared(self, event: DecodedEvent, _: int) -> None:  # noqa: N802
        for one in self._at(event):
            one.shared.append(event["node"])

    def _on_SumShared(self, _: DecodedEvent, __: int) -> None:  # noqa: N802
        self.sums += 1

    def _on_NodeLeft(self, event: DecodedEvent, _: int) -> None:  # noqa: N802
        self._leave(event, _text(event["reason"]))

    def _on_UpdateWithdrawn(self, event: DecodedEvent, _: int) -> None:  # noqa: N802
        self._leave(event, "withdrew")

    def _leave(self, event: DecodedEvent, reason: str) -> None:
        for one in self._at(event):
            one.left.append({"node": event["node"], "reason": reason})
            one.ready = [node for node in one.ready if node != event["node"]]

    def _on_NodeBarred(self, event: DecodedEvent, _: int) -> None:  # noqa: N802
        self.barred.add(event["node"])

    def _on_SumOpened(self, _: DecodedEvent, time: int) -> None:  # noqa: N802
        self._end(OPENED, time)

    def _on_ModelPublished(self, _: DecodedEvent, time: int) -> None:  # noqa: N802
        self.models = set()
        self._end(AGGREGATED, time)  # the first weights are published before there is an attempt

    def _on_Certified(self, _: DecodedEvent, time: int) -> None:  # noqa: N802
        self.certified_at = time
        self._end(CERTIFIED, time)

    def _on_TaskFailed(self, _: DecodedEvent, time: int) -> None:  # noqa: N802
        self._end(FAILED, time)

    def _on_TaskFinished(self, _: DecodedEvent, time: int) -> None:  # noqa: N802
        self._end(ABANDONED, time)

    def _end(self, outcome: str, time: int) -> None:
        for one in self.attempts[-1:]:
            if one.outcome == OPEN:
                one.outcome, one.ended_at = outcome, time

    def _at(self, event: DecodedEvent) -> list[AttemptLog]:
        """The attempt that an event is of, if it is the present one."""
        present = self.attempts[-1:]
        return [one for one in present if (one.round, one.attempt) == (event["round"], event["attempt"])]

    def learn(self, history: tuple[Collected, ...], state: TaskSnapshot) -> None:
        """Rows and bounds of the rounds whose sums were shared."""
        known = {(one.round, one.attempt): one for one in history}
        for log in self.attempts:
            one = known.get((log.round, log.attempt))
            if one is not None and one.view.total is not None:
                log.rows = one.view.total.rows
                bound = one.gradient_bound(state)
                log.bound = None if bound is None else bound / (1 << 32)

    @property
    def certified(self) -> AttemptLog | None:
        """The attempt that the certificate is of."""
        return next((one for one in self.attempts if one.outcome == CERTIFIED), None)


def phase_name(phase: Phase) -> str:
    """A phase as the API names it."""
    return phase.name.lower()


def summary_of(log: TaskLog, state: TaskSnapshot, network: int | None) -> dict[str, Any]:
    """A task in a list."""
    return {
        "id": log.task,
        "phase": phase_name(state.phase),
        "round": state.round,
        "attempt": state.attempt,
        "deadline": state.deadline if state.phase in state.seconds else None,
        "specification": f"0x{state.spec_hash.hex()}",
        "coordinator": state.coordinator,
        "family": state.family.value,
        "certified": state.certified,
        "insecure": bool(log.insecure),
        "network": network,
        "rounds": len(log.attempts),
        "updates": log.updates,
    }


def documents_of(withdrawn: Mapping[str, Withdrawal]) -> dict[str, dict[str, Any]]:
    """Who has withdrawn data that a certificate rests on, as the API shows it."""
    return {node: one.to_json() for node, one in withdrawn.items()}


def task_document(
    log: TaskLog,
    state: TaskSnapshot,
    network: int | None,
    gas: Mapping[str, int],
    withdrawn: Mapping[str, Withdrawal],
) -> dict[str, Any]:
    """A task with all of its attempts."""
    return {
        **summary_of(log, state, network),
        "minimum_nodes": state.minimum_nodes,
        "minimum_rows": state.minimum_rows,
        "target_per_row": state.target_per_row,
        "bound_per_row": state.bound_per_row,
        "withdrawn_since": documents_of(withdrawn),
        "rounds": [one.to_json(gas) for one in log.attempts],
        "gas": total_gas(log.transactions, gas),
        "transactions": len(log.transactions),
    }


def _text(word: str) -> str:
    """A short text that the contract keeps in 32 bytes."""
    return bytes.fromhex(word.removeprefix("0x")).rstrip(b"\0").decode(errors="replace")
