"""The history of a federated task, replayed from its events: what HFLContract must have done, and each result again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from twopm_zk.auditor.course import Handlers, SetCourse
from twopm_zk.auditor.history import Registrations, ReplayedEvent
from twopm_zk.auditor.sets import SetsReplay
from twopm_zk.chain.federated import FederatedSnapshot
from twopm_zk.chain.tasks import Phase
from twopm_zk.errors import InputError, PeerError
from twopm_zk.federated import FederatedSpec, RoundResult, Storage
from twopm_zk.hfl.attempts import FederatedAttempt
from twopm_zk.hfl.report import FederatedRecord, FederatedReport, RoundOutcome
from twopm_zk.hfl.results import find_result, initial_of, recompute
from twopm_zk.participants.rounds.sets import event_bytes
from twopm_zk.sharing import Departure, Place, SharingSet

_WITH_SET = (Phase.READY, Phase.SHARING, Phase.SUMMED)


class FederatedCourse(SetCourse[FederatedAttempt, FederatedRecord]):
    """The state of a task of HFLContract that follows from its events so far."""

    report: FederatedReport

    def __init__(self, report: FederatedReport, registrations: Registrations, *, place: Place) -> None:
        super().__init__(report, registrations, place=place)
        self.view, self.record = FederatedAttempt(), FederatedRecord(0, 0)
        self.quorum = 0
        """In percent of the nodes of a set."""
        self.results: list[bytes] = []
        """The hashes of accepted results."""

    @property
    def sharing_set(self) -> SharingSet:
        """The set of the present attempt, an empty one before there is any."""
        return self.view.sharing_set or SharingSet(self.place, b"")

    @property
    def shared(self) -> Collection[str]:
        """Who has shared in the present share attempt."""
        return self.view.shared

    def is_quorum(self, votes: int) -> bool:
        """Whether so many nodes of the set are a quorum."""
        return votes * 100 >= self.quorum * len(self.sharing_set.members)


class _Sets(SetsReplay[FederatedCourse]):
    """Who is ready, who leaves and why: also for what others could not get."""

    def __init__(self, course: FederatedCourse) -> None:
        super().__init__(course)
        self._had: dict[str, frozenset[str]] = {}
        """Who may leave for nothing: the set that a node was left out of as missing, but for those who said so."""

    def _check_departure(self, event: ReplayedEvent, reason: Departure) -> None:
        now, node = self._course, event["node"]
        reporters = now.view.reports.get(node, frozenset())
        enough = now.is_quorum(len(reporters)) or len(reporters) + 1 == len(now.sharing_set.members)
        due = reason is Departure.MISSING and now.phase is Phase.SUMMED and enough
        now.check("missing", due, event, f"{node} is left out as missing, and no quorum has said so")
        self._had = {one: reporters for one in now.sharing_set.addresses if one not in reporters}

    def _leaves_free(self, node: str) -> bool:
        return node in self._had and node not in self._course.shared

    def forget(self, node: str) -> None:
        """A node has shared again, or another attempt begins: it is free to leave no more."""
        self._had.pop(node, None)


class FederatedReplay:
    """Feed it the events in the order of the chain, then `finish`; it fills the report."""

    def __init__(
        self,
        report: FederatedReport,
        registrations: Registrations,
        *,
        place: Place,
        spec: FederatedSpec,
        storage: Storage,
    ) -> None:
        self._course = FederatedCourse(report, registrations, place=place)
        self._sets = _Sets(self._course)
        self._spec, self._storage = spec, storage
        self._before: RoundResult | None = None
        self._used = False
        """Whether the present round has its result, so that another one opens, or the task ends."""
        self._last: ReplayedEvent | None = None
        self._handlers: Handlers = {
            "TaskCreated": self._created,
            "RoundOpened": self._opened,
            "UpdateCommitted": self._committed,
            "RoundClosed": self._closed,
            "MaskedUpdateShared": self._shared,
            "AllShared": self._all_shared,
            "ResultConfirmed": self._confirmed,
            "MissingReported": self._reported,
            "ResultAccepted": self._accepted,
            "CoordinatorChanged": self._replaced,
            "TaskFinished": self._finished,
            **self._sets.handlers,
        }

    def feed(self, event: ReplayedEvent) -> None:
        """The next event. Without the calldata of the task's creation there is nothing to compare with."""
        now, handler = self._course, self._handlers.get(event.name)
        if handler is None or not (now.config or event.name == "TaskCreated"):
            return
        if self._last is not None:
            ordered = self._last.moment < event.moment and self._last.time <= event.time
            now.check("rounds", ordered, event, "comes before an event that it follows")
        self._last = event
        try:
            self._sets.before(event)
            handler(event)
        except InputError as error:  # values that no contract would have taken
            now.check("rounds", False, event, f"{event.name} makes no sense: {error.message}")

    def finish(self) -> None:
        """The history ends here: nothing is due any more."""
        if self._last is not None:
            self._sets.finish(self._last)

    def compare(self, state: FederatedSnapshot) -> None:
        """That the contract's present state is the one that follows from its events."""
        now, report = self._course, self._course.report
        for name, (found, follows) in self._states(state).items():
            report.check("final state", found == follows, f"{name} does not follow from the contract's events")
        if now.phase in _WITH_SET:
            same = state.set_digest == now.sharing_set.digest and state.ready == len(now.sharing_set.members)
            report.check("final state", same, "the set of nodes does not follow from the contract's events")

    def _states(self, state: FederatedSnapshot) -> Mapping[str, tuple[Any, Any]]:
        now = self._course
        if not now.config:
            return {"the task": (state.phase, Phase.NONE)}
        latest = now.results[-1] if now.results else bytes(32)
        return {
            "the phase": ((state.round, state.attempt, state.phase), (now.round, now.attempt, now.phase)),
            "the deadline": (state.deadline, state.deadline if now.phase is Phase.CREATED else now.deadline),
            "the coordinator": (state.coordinator, now.coordinator),
            "the last result": ((state.results, state.latest_result), (len(now.results), latest)),
        }

    # --- the task ---

    def _created(self, event: ReplayedEvent) -> None:
        now = self._course
        call = now.begin(event)
        if call is None:
            return
        now.quorum = call["quorumPercent"]
        try:
            self._before = find_result(self._spec, self._storage, initial_of(self._spec), round_=0)
        except PeerError as error:
            now.note(f"what training starts from is not in the storage: {error.message}")

    def _replaced(self, event: ReplayedEvent) -> None:
        now, node = self._course, event["to"]
        now.note(f"block {event.block}: {node} took over from {event['from']}")
        same = event["from"] == now.coordinator != node
        now.check("coordinator", same, event, "is taken over from somebody else, or by the coordinator itself")
        waits = node in now.sharing_set and now.phase is Phase.SUMMED and now.is_late(event)
        entitled = waits and node not in now.barred
        now.check("coordinator", entitled, event, f"{node} takes over, and did not wait for the coordinator in vain")
        now.coordinator = node

    def _finished(self, event: ReplayedEvent) -> None:
        now = self._course
        now.check("rounds", now.phase is not Phase.FINISHED, event, "finishes a finished task")
        last = self._used and now.moves == now.config["maximumRounds"]
        failed = now.record.outcome == RoundOutcome.FAILED
        if not last and not failed:
            ended = now.phase is Phase.CREATED or self._has_failed(event)
            now.check("rounds", ended, event, "ends a task whose present attempt may still come to something")
            allowed = event.sender in (None, now.coordinator)
            now.check("coordinator", allowed, event, "ends the task in the coordinator's place")
        now.phase = Phase.FINISHED
        if now.record.outcome == RoundOutcome.OPEN:
            now.record.end(RoundOutcome.ABANDONED, event.time)

    # --- an attempt ---

    def _opened(self, event: ReplayedEvent) -> None:
        now, found = self._course, (event["round"], event["attempt"])
        first = now.phase is Phase.CREATED
        wanted = (0, 0) if first else (now.round + 1, 0) if self._used else (now.round, now.attempt + 1)
        now.check("rounds", found == wanted, event, f"opens {found}, next is {wanted}")
        if not first and not self._used:
            failed = self._has_failed(event)
            now.check("rounds", failed, event, "gives up an attempt that is in time, or has enough nodes")
        if event["attempt"] == 0:
            now.opened_at = event.block
        now.shared_once = False
        if now.record.outcome == RoundOutcome.OPEN and not first:
            now.record.end(RoundOutcome.ABANDONED, event.time)
        now.round, now.attempt = found
        now.record = FederatedRecord(now.round, now.attempt, opened_at=event.time)
        now.report.attempts.append(now.record)
        now.view, now.nodes, self._used = FederatedAttempt(), set(), False
        now.enter(Phase.COLLECTING, event.time)
        now.check_deadline("rounds", event)

    def _has_failed(self, event: ReplayedEvent) -> bool:
        """Whether the present attempt could not come to anything any more, so that anybody might give it up."""
        now = self._course
        enough = len(now.nodes) >= now.config["minimumNodes"] if now.phase is Phase.COLLECTING else now.enough
        match now.phase:
            case Phase.SUMMED:
                return now.is_late(event)
            case Phase.SHARING:
                return not now.shared_once and (now.is_late(event) or not enough)
            case Phase.COLLECTING | Phase.READY:
                return now.is_late(event) and not enough
        return False

    def _committed(self, event: ReplayedEvent) -> None:
        now, node = self._course, event["node"]
        now.check_phase("rounds", event, Phase.COLLECTING)
        now.check("rounds", not now.is_late(event), event, "takes an update after the deadline")
        now.check("rounds", node not in now.barred, event, f"takes an update of {node}, which is out of the task")
        now.check("rounds", node not in now.nodes, event, f"takes another update of {node} in the same attempt")
        room = len(now.nodes) < now.config["maximumUpdates"]
        now.check("rounds", room, event, "takes more updates than it may")
        since = now.registrations.member_since(node, event.moment)
        now.check("membership", 0 < since < now.opened_at, event, f"{node} was no member before the round")
        known = now.registrations.data.get((node, now.config["dataset"], event["index"]), (0, 0))
        there = known[0] == event["data"] and 0 < known[1] < now.opened_at
        now.check("data", there, event, "uses data that were not registered before the round")
        now.use_dataset(event, now.config["dataset"])
        now.follow(event)
        now.nodes.add(node)
        now.record.updates = tuple(sorted(now.nodes))

    def _closed(self, event: ReplayedEvent) -> None:
        now, nodes = self._course, len(self._course.nodes)
        counted = (event["nodes"], event["updates"]) == (nodes, nodes)
        now.check("rounds", counted, event, "counts other nodes and updates than there were")
        now.check("rounds", nodes >= now.config["minimumNodes"], event, "closes below the minimum of nodes")
        now.check_phase("rounds", event, Phase.COLLECTING)
        now.check_turn("coordinator", event, anybody=nodes == now.config["maximumUpdates"])
        now.enter(Phase.READY, event.time)
        now.check_deadline("rounds", event)

    # --- shares ---

    def _shared(self, event: ReplayedEvent) -> None:
        now, node = self._course, event["node"]
        now.check_phase("shares", event, Phase.SHARING)
        now.check("shares", not now.is_late(event), event, f"{node} shares after the deadline")
        member = node in now.sharing_set and node not in now.shared
        now.check("shares", member, event, f"{node} is not in the set, or has shared before")
        present = event["shareAttempt"] == now.sharing_set.share_attempt
        now.check("shares", present, event, "is a share of another share attempt")
        now.check("shares", now.enough, event, "shares below the minimum of nodes")
        there = event["location"] < len(self._spec.locations)
        now.check("shares", there, event, f"{node} names a storage location that the specification has not")
        now.record.sums += not now.shared
        now.follow(event)
        self._sets.forget(node)
        now.shared_once = now.record.shared = True

    def _all_shared(self, event: ReplayedEvent) -> None:
        now = self._course
        now.check_phase("shares", event, Phase.SHARING)
        everybody = set(now.shared) == set(now.sharing_set.addresses)
        now.check("shares", everybody, event, "goes on before all of the set have shared")
        now.enter(Phase.SUMMED, event.time)
        now.check_deadline("shares", event)

    # --- what nodes say of it ---

    def _may_say(self, event: ReplayedEvent, check: str) -> None:
        now, node = self._course, event["node"]
        now.check_phase(check, event, Phase.SUMMED)
        may = node in now.sharing_set and node not in now.view.confirmed
        now.check(check, may, event, f"{node} is not in the set, or has confirmed before")
        present = event["shareAttempt"] == now.sharing_set.share_attempt
        now.check(check, present, event, "is of another share attempt")

    def _confirmed(self, event: ReplayedEvent) -> None:
        now = self._course
        self._may_say(event, "confirmations")
        now.follow(event)
        result = event_bytes(event["result"])
        votes = sum(one == result for one in now.view.confirmed.values())
        now.check("confirmations", event["votes"] == votes, event, "counts other confirmations than there were")

    def _reported(self, event: ReplayedEvent) -> None:
        now, account = self._course, event["account"]
        self._may_say(event, "missing")
        now.check("missing", not now.is_late(event), event, "reports after the deadline")
        first = event["node"] not in now.view.reports.get(account, ())
        known = first and account in now.sharing_set
        now.check("missing", known, event, f"reports {account} twice, or which is not in the set")
        now.follow(event)
        counted = event["reports"] == len(now.view.reports.get(account, ()))
        now.check("missing", counted, event, "counts other reports than there were")

    def _accepted(self, event: ReplayedEvent) -> None:
        now, result = self._course, event_bytes(event["result"])
        now.check_phase("confirmations", event, Phase.SUMMED)
        by = tuple(sorted(node for node, one in now.view.confirmed.items() if one == result))
        now.check("confirmations", now.is_quorum(len(by)), event, f"accepts a result that {len(by)} have confirmed")
        now.check("rounds", event["round"] == now.round, event, "accepts a result of another round")
        record = now.record
        record.result, record.confirmed_by, record.nodes = result, by, now.view.nodes
        record.end(RoundOutcome.ACCEPTED, event.time)
        self._recompute(event, result)
        now.results.append(result)
        now.moves += 1
        self._used = True

    def _recompute(self, event: ReplayedEvent, accepted: bytes) -> None:
        """The result again, from the masked updates of the set; then what was accepted, to go on from."""
        now, before = self._course, self._before
        self._before = None
        if before is not None and set(now.shared) == set(now.view.nodes):
            found = recompute(self._spec, self._storage, before, now.view)
            now.record.missing = dict(found.missing)
            if found.spoilt:
                now.check("results", False, event, f"a result was accepted, and {found.spoilt}")
            if found.result is not None:
                self._compare(event, accepted, found.result)
        try:
            self._before = self._before or find_result(self._spec, self._storage, accepted, round_=now.round + 1)
        except PeerError as error:
            now.note(
                f"round {now.round}: the accepted result {accepted.hex()[:16]}... is not to be had: {error.message}"
            )

    def _compare(self, event: ReplayedEvent, accepted: bytes, found: RoundResult) -> None:
        now = self._course
        now.record.computed, now.record.weight, now.record.mean_loss = found.hash, found.weight, found.mean_loss
        same = found.hash == accepted
        by = ", ".join(now.record.confirmed_by)
        what = f"accepts {accepted.hex()[:16]}..., computed here is {found.hash.hex()[:16]}...; confirmed by {by}"
        now.check("results", same, event, what)
        for node, result in sorted(now.view.confirmed.items()):
            if result != found.hash and same:
                now.note(f"round {now.round}: {node} confirmed another result, {result.hex()[:16]}...")
        if same:
            self._before = found
