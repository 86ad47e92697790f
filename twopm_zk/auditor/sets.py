"""Sets and shares replayed: who is ready, who leaves and why, what was shared, and that nobody left another way.

A departure that costs something has consequences in the same transaction, in a fixed order; they are due until they
are there.
"""

from __future__ import annotations

from typing import Any, Generic, NamedTuple, TypeVar

from twopm_zk.auditor.attempt_record import Outcome
from twopm_zk.auditor.course import Course, Handlers, SetCourse
from twopm_zk.auditor.disputes import DisputesReplay
from twopm_zk.auditor.history import ReplayedEvent
from twopm_zk.chain.tasks import Phase
from twopm_zk.errors import DeploymentError, InputError
from twopm_zk.numbers.baby_jubjub import SUBGROUP_ORDER, Point
from twopm_zk.participants.rounds.sets import reason_of
from twopm_zk.sharing import Departure, KeyOwner, SharingSet

ACCUSED = "accused without cause"
TOO_FEW, UNDECIDED = "too few nodes", "undecided dispute"
"""Why a task ends without a certificate."""


AnyCourse = TypeVar("AnyCourse", bound=SetCourse[Any, Any])


class Due(NamedTuple):
    """What has to come next: that a node is barred, or penalised for a reason."""

    event: str
    node: str
    reason: str = ""


class SetsReplay(Generic[AnyCourse]):
    """Ready and departures of the present attempt, of a task of either contract."""

    def __init__(self, course: AnyCourse) -> None:
        self._course = course
        self._due: list[Due] = []
        self._restart = False
        """Whether the nodes that are left have to share again."""
        self.handlers: Handlers = {
            "SetOpened": self._opened,
            "NodeReady": self._ready,
            "SharingStarted": self._started,
            "NodeLeft": self._left,
            "UpdateWithdrawn": self._update_withdrawn,
            "NodeBarred": self._barred,
            "Penalised": self._penalised,
            "TaskFailed": self._failed,
        }

    def before(self, event: ReplayedEvent) -> None:
        """What has to hold before any event: nothing else was due."""
        if self._due and event.name != self._due[0].event:
            what = f"{event.name} before {self._due[0].node} was barred or penalised as it had to be"
            self._course.check("penalties", False, event, what)
            self._due = []
        consequence = event.name in ("NodeBarred", "Penalised", "SharingStarted", "TaskFailed")
        if self._restart and not consequence:
            self._course.check("sets", False, event, f"{event.name} where the nodes that are left had to share again")
            self._restart = False

    def finish(self, last: ReplayedEvent) -> None:
        """What has to hold at the end of a history."""
        now = self._course
        now.check("penalties", not self._due, last, "ends before somebody was barred or penalised as it had to be")
        now.check("sets", not self._restart, last, "ends where the nodes that are left had to share again")

    # --- ready ---

    def _opened(self, event: ReplayedEvent) -> None:
        now = self._course
        now.check_phase("sets", event, Phase.COLLECTING)
        digest = "0x" + SharingSet.closed(now.place, event.parent).digest.hex()
        same = event["digest"] == digest
        now.check("sets", same, event, "begins with another digest than follows from chain, task and block")
        now.follow(event)

    def _ready(self, event: ReplayedEvent) -> None:
        now, node = self._course, event["node"]
        now.check_phase("sets", event, Phase.READY)
        now.check("sets", not now.is_late(event), event, f"{node} is ready after the deadline")
        now.check("sets", node in now.nodes and node not in now.barred, event, f"{node} is ready, and may not be")
        self._check_key(event)
        if now.follow(event):
            now.last_set[node] = (now.round, now.attempt)

    def _check_key(self, event: ReplayedEvent) -> None:
        now, node, lasting = self._course, event["node"], tuple(event["lasting"])
        try:
            key = now.registrations.key_of(node, event.moment)
        except InputError:
            key = None
        registered = key is not None and key.numbers[: len(lasting)] == lasting
        now.check("keys", registered, event, f"{node} has another lasting key than it had registered then")
        owner = KeyOwner(now.place.identity, now.place.chain_id, node)
        proven = key is not None and key.is_proven(owner)
        now.check("keys", proven, event, f"{node} has a lasting key without a valid proof of possession")

    # --- sharing ---

    def _started(self, event: ReplayedEvent) -> None:
        now = self._course
        if now.phase is Phase.READY:
            everybody = now.nodes <= set(now.sharing_set.addresses)
            now.check("sets", everybody or now.is_late(event), event, "begins to share while nodes may still be ready")
        else:
            due = self._restart or self._is_settled(event)
            now.check("sets", due, event, "shares anew without a reason")
            again = event["shareAttempt"] == now.sharing_set.share_attempt + 1
            now.check("sets", again, event, "has another number of its share attempt than the next one")
        now.follow(event)
        now.check("sets", now.enough, event, "shares below the minimum of nodes")
        counted = event["nodes"] == len(now.sharing_set.members)
        now.check("sets", counted, event, "counts other nodes than there are in the set")
        self._restart = False
        now.enter(Phase.SHARING, event.time)
        now.check_deadline("sets", event)

    # --- who leaves ---

    def _left(self, event: ReplayedEvent) -> None:
        now, node = self._course, event["node"]
        try:
            reason = reason_of(event)
        except DeploymentError as error:
            now.check("sets", False, event, error.message)
            return
        silent_in_sharing = reason is Departure.SILENT and now.phase is Phase.SHARING
        if reason is Departure.WITHDREW:
            self._withdrew(event)
        elif silent_in_sharing:
            over = now.is_late(event) and now.shared_once
            now.check("sets", over, event, f"{node} is left out for silence in time, or where nobody has shared")
            there = node in now.sharing_set and node not in now.shared
            now.check("sets", there, event, f"{node} is left out for silence, and has shared")
        else:
            self._check_departure(event, reason)
        now.record.left_out.append((node, reason.value))
        if reason is not Departure.WITHDREW:
            now.note(f"round {now.round}: {node} was left out: it {_WORDS[reason]}")
            self._due.append(Due("NodeBarred", node))
            self._owe(node, reason.value)
        elif now.phase is Phase.SHARING and not self._leaves_free(node):
            self._owe(node, reason.value)
        now.last_set.pop(node, None)
        now.follow(event)
        everybody = set(now.sharing_set.addresses) <= set(now.shared)
        at_once = reason in (Departure.WITHDREW, Departure.MISSING)
        if now.shared_once and (at_once or (silent_in_sharing and everybody)):
            self._restart = True

    def _withdrew(self, event: ReplayedEvent) -> None:
        now, node = self._course, event["node"]
        now.check_phase("sets", event, Phase.READY, Phase.SHARING)
        now.check("sets", not now.is_late(event), event, f"{node} withdraws after the deadline")
        now.check("sets", node in now.sharing_set, event, f"{node} withdraws from where it was not")
        if now.phase is Phase.READY:
            now.nodes.discard(node)

    def _update_withdrawn(self, event: ReplayedEvent) -> None:
        now, node = self._course, event["node"]
        now.check_phase("sets", event, Phase.READY)
        now.check("sets", not now.is_late(event), event, f"{node} withdraws after the deadline")
        there = node in now.nodes and node not in now.sharing_set
        now.check("sets", there, event, f"{node} withdraws updates that it has not, or after it was ready")
        now.nodes.discard(node)
        now.record.left_out.append((node, Departure.WITHDREW.value))
        now.follow(event)

    def _owe(self, node: str, reason: str) -> None:
        if self._course.config["penalty"]:
            self._due.append(Due("Penalised", node, reason))

    def _barred(self, event: ReplayedEvent) -> None:
        due = self._due.pop(0) if self._due else None
        same = due == Due("NodeBarred", event["node"])
        self._course.check("penalties", same, event, f"{event['node']} is barred without a reason")
        self._course.barred.add(event["node"])

    def _penalised(self, event: ReplayedEvent) -> None:
        now, node, value = self._course, event["node"], event["value"]
        reason = _text(event["reason"])
        due = self._due.pop(0) if self._due else None
        same = due == Due("Penalised", node, reason)
        now.check("penalties", same, event, f"{node} is penalised without a reason")
        wanted = now.config["penalty"]
        now.check("penalties", value <= wanted, event, f"takes {value} wei of {node}, the penalty is {wanted}")
        all_of_it = "" if value == wanted else f" of {wanted}, all that could be taken"
        now.note(f"round {now.round}: {node} lost {value} wei{all_of_it}, because it {reason}")

    def _failed(self, event: ReplayedEvent) -> None:
        now, reason = self._course, _text(event["reason"])
        if reason == UNDECIDED:
            due = self._is_undecided(event)
        else:
            due = reason == TOO_FEW and (self._restart or self._is_settled(event)) and not now.enough
        now.check("sets", due, event, f"ends the task for {reason}, and that is not so")
        now.record.end(Outcome.FAILED, event.time)
        self._restart = False
        now.note(f"round {now.round}: the task ended without a certificate: {reason}")

    # --- what else a contract has ---

    def _is_settled(self, event: ReplayedEvent) -> bool:
        """Whether something else than a departure has the nodes share again."""
        return False

    def _is_undecided(self, event: ReplayedEvent) -> bool:
        """Whether nobody can tell any more who has lied."""
        return False

    def _leaves_free(self, node: str) -> bool:
        """Whether a node that withdraws pays nothing although sharing has begun."""
        return False

    def _check_departure(self, event: ReplayedEvent, reason: Departure) -> None:
        """That a node that has neither withdrawn nor been silent while others shared had to be left out."""
        self._course.check("sets", False, event, f"{event['node']} is left out, and it {_WORDS[reason]}")


class SharingReplay(SetsReplay[Course]):
    """The same in a task of HLRContract, with its shares, sums and disputes."""

    def __init__(self, course: Course, disputes: DisputesReplay) -> None:
        super().__init__(course)
        self._disputes = disputes
        self.handlers = {
            **self.handlers,
            "Shared": self._shared,
            "SumShared": self._summed,
            "DisputeRejected": self._rejected,
        }

    def _shared(self, event: ReplayedEvent) -> None:
        now, node, vector = self._course, event["node"], event["vector"]
        now.check_phase("shares", event, Phase.SHARING)
        now.check("shares", not now.is_late(event), event, f"{node} shares after the deadline")
        member = node in now.sharing_set and node not in now.view.vectors
        now.check("shares", member, event, f"{node} is not in the set, or has shared before")
        present = event["shareAttempt"] == now.sharing_set.share_attempt
        now.check("shares", present, event, "is a share of another share attempt")
        length = len(vector) == len(now.view.generators)
        now.check("shares", length, event, f"the share of {node} has {len(vector)} scalars")
        reduced = all(0 <= scalar < SUBGROUP_ORDER for scalar in vector)
        now.check("shares", reduced, event, f"the share of {node} has a scalar that is not below the order")
        now.check("shares", now.enough, event, "shares below the minimum of nodes")
        if event.call is not None and event.call.direct and event.call.function == "share":
            same = event.call.arguments["digest"] == "0x" + now.sharing_set.digest.hex()
            now.check("shares", same, event, f"the share of {node} is for another set")
        if length:
            now.follow(event)
        now.shared_once = now.record.shared = True

    def _summed(self, event: ReplayedEvent) -> None:
        now = self._course
        now.check_phase("sums", event, Phase.SHARING)
        everybody = set(now.view.vectors) == set(now.sharing_set.addresses)
        now.check("sums", everybody, event, "adds up before all of the set have shared")
        same = Point(event["x"], event["y"]) == now.point
        now.check("sums", same, event, "has another point than the updates of the set add up to")
        now.enter(Phase.SUMMED, event.time)
        now.check_deadline("sums", event)
        if now.total is None:
            now.note(
                f"round {now.round}, attempt {now.attempt}: the shares do not open the sum; somebody shared rubbish"
            )

    def _rejected(self, event: ReplayedEvent) -> None:
        self._disputes.reject(event)
        self._due.append(Due("NodeBarred", event["accuser"]))
        self._owe(event["accuser"], ACCUSED)
        self._course.note(f"round {self._course.round}: {event['accuser']} disputed a sum that opens")

    def _is_settled(self, event: ReplayedEvent) -> bool:
        return self._disputes.is_settled(event)

    def _is_undecided(self, event: ReplayedEvent) -> bool:
        return self._disputes.is_undecided(event)

    def _check_departure(self, event: ReplayedEvent, reason: Departure) -> None:
        self._disputes.check_departure(event, reason)


def _text(word: str) -> str:
    """A short text that the contract keeps in 32 bytes."""
    return bytes.fromhex(word.removeprefix("0x")).rstrip(b"\0").decode(errors="replace")


_WORDS = {
    Departure.SILENT: "was silent",
    Departure.LIED: "lied",
    Departure.MISSING: "had stored nothing that others could get",
}
