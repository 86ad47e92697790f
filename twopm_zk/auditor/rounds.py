"""Rounds replayed: the task, its weights and model commitments, collecting, and what is made of each sum."""

from __future__ import annotations

from twopm_zk.auditor.attempt_record import AttemptRecord, Outcome
from twopm_zk.auditor.course import Course, Handlers
from twopm_zk.auditor.history import ReplayedEvent
from twopm_zk.auditor.rule import RuleCheck
from twopm_zk.chain.tasks import COLLECTIONS, Phase, words
from twopm_zk.numbers.baby_jubjub import IDENTITY, SUBGROUP_ORDER, Point, is_on_curve
from twopm_zk.numbers.pedersen import X_BITS, vector_generators
from twopm_zk.participants.attempts import AttemptView
from twopm_zk.sharing import vector_of
from twopm_zk.sharing.hashes import abi_hash
from twopm_zk.statements import Collection, Family, RoundShape, updates_commitment
from twopm_zk.statements.rounds import MAX_UPDATES
from twopm_zk.task.parts.step_rule import Collects
from twopm_zk.training.distance import Distance, distance
from twopm_zk.training.public_sums import PublicSum

_UPDATE = {Collection.GRADIENT: "step", Collection.INFORMATION: "information", Collection.EVALUATION: "evaluate"}
"""The statement that proves an update."""


class RoundsReplay:
    """Everything but who shares: see `SharingReplay`."""

    def __init__(self, course: Course, rule: RuleCheck) -> None:
        self._course, self._rule = course, rule
        self._used = False
        """Whether something was made of the present round's sum, so that the next one opens."""
        self._data: set[tuple[str, int]] = set()
        self._next_index: dict[str, int] = {}
        self._updates = 0
        self._missed: tuple[int, int] | None = None
        """The last attempt whose sum somebody else than the coordinator made something of."""
        self._models: dict[tuple[Collection, bool, tuple[int, ...]], int] = {}
        self._may_finish = False
        self.sums: list[PublicSum] = []
        """The sums that were used so far: all but gradients before the last one."""
        self._moments: tuple[int, frozenset[tuple[str, int]]] | None = None
        """The last round of gradients or information of a linear regression, and over which rows its sum is."""
        self._pending: list[tuple[Collection, bool]] = []
        """What is still to be collected after the certificate, and whether on held-out rows."""
        self.choices: list[str] = []
        """Who has left out held-out batches, in sentences."""
        self._estimate: float | None = None
        self.bound: int | None = None
        self.handlers: Handlers = {
            "TaskCreated": self._created,
            "CoordinatorChanged": self._coordinator,
            "ModelPublished": self._model,
            "AttemptModel": self._attempt,
            "RoundOpened": self._opened,
            "UpdateAccepted": self._update,
            "RoundClosed": self._closed,
            "SumOpened": self._opened_sum,
            "Certified": self._certified,
            "TaskFinished": self._finished,
        }

    @property
    def updates(self) -> int:
        """The number of updates in the present attempt."""
        return self._updates

    # --- the task ---

    def _created(self, event: ReplayedEvent) -> None:
        now = self._course
        call = now.begin(event)
        if call is None:
            return
        now.training = call["training"]
        if int(now.training["heldOutDataset"], 16):
            now.name_dataset(event, now.training["heldOutDataset"], held_out=True)
        fits = now.config["minimumNodes"] <= now.config["maximumUpdates"] <= MAX_UPDATES
        now.check("rounds", fits, event, "allows more updates than a sum can hold, or fewer than its minimum of nodes")
        bound, penalty = now.training["weightBound"], now.training["lambda"]
        now.check("weights", bool(penalty) or bound < 1 << 31, event, "has lambda 0 and no bound on the weights")
        when, everywhere = now.training["information"], now.family is Family.GAUSSIAN  # the same at all weights
        known = when == Collects.EVERY_ROUND or (everywhere and when != Collects.NEVER)
        twice = (known and now.training["finalInformation"]) or (everywhere and when == Collects.EVERY_ROUND)
        now.check("sums", not twice, event, "is to collect information twice at the same weights")
        for kind in self._kinds():
            points = vector_generators(kind.unit(now.family), kind.sums(now.training["features"] + 1, now.family))
            digest = abi_hash(("uint256[]", [number for point in points for number in point]))
            same = now.training[f"{kind.name.lower()}Generators"] == "0x" + digest.hex()
            now.check("sums", same, event, f"is to open sums of {kind.name.lower()} with other generators")

    def _kinds(self) -> set[Collection]:
        """What the task collects."""
        before = self._course.training["information"] != Collects.NEVER
        kinds = {Collection.GRADIENT, *(kind for kind, _ in self._afterwards())}
        return kinds | ({Collection.INFORMATION} if before else set())

    def _afterwards(self) -> list[tuple[Collection, bool]]:
        """What the task collects after its certificate, and whether on held-out rows, in order.

        Of weights that have not moved it has the information already, where any was collected.
        """
        training = self._course.training
        known = self._course.moves == 0 and training["information"] != Collects.NEVER
        chosen = (
            (training["finalInformation"] and not known, (Collection.INFORMATION, False)),
            (training["evaluation"], (Collection.EVALUATION, False)),
            (int(training["heldOutDataset"], 16), (Collection.EVALUATION, True)),
        )
        return [kind for wanted, kind in chosen if wanted]

    @property
    def distance(self) -> Distance | None:
        """Of the certified weights to the optimum, recomputed from the sums; None without a certificate."""
        if self.bound is None or not any(one.collection is Collection.GRADIENT for one in self.sums):
            return None
        now = self._course
        return distance(self.sums, family=now.family, estimate=self._estimate, noisy=now.noisy)

    def _coordinator(self, event: ReplayedEvent) -> None:
        now, node = self._course, event["to"]
        now.note(f"block {event.block}: {node} took over from {event['from']}")
        same = event["from"] == now.coordinator != node
        now.check("coordinator", same, event, "is taken over from somebody else, or by the coordinator itself")
        place, present = now.last_set.get(node), (now.round, now.attempt)
        waits = place == present and now.phase is Phase.SUMMED and now.is_late(event)
        waited = self._missed is not None and place in (present, self._missed)
        entitled = (waits or waited) and node not in now.barred
        now.check("coordinator", entitled, event, f"{node} takes over, and did not wait for the coordinator in vain")
        now.coordinator, self._missed = node, None

    def _finished(self, event: ReplayedEvent) -> None:
        now = self._course
        now.check("rounds", now.phase is not Phase.FINISHED, event, "finishes a finished task")
        now.check("rounds", not self._used, event, "ends a task in the place of its next round")
        if not self._may_finish and now.record.outcome is not Outcome.FAILED:
            stuck = self._is_stuck(event)
            ended = now.phase is Phase.CREATED or now.moves == now.config["maximumRounds"] or self.bound is not None
            now.check("rounds", ended or stuck, event, "ends a task whose attempt may still come to something")
            given_up = self.bound is not None and stuck
            allowed = event.sender in (None, now.coordinator) or given_up
            now.check("coordinator", allowed, event, "ends the task in the coordinator's place")
            judging = now.phase is Phase.DISPUTED or (now.phase is Phase.SHARING and now.shared_once)
            in_time = now.phase is Phase.SUMMED and not now.is_late(event)
            what = "ends a task while it may turn out who has spoilt a sum"
            now.check("rounds", not judging and not in_time, event, what)
        now.phase, self._missed = Phase.FINISHED, None  # nobody takes over what is finished
        if now.record.outcome is Outcome.OPEN:
            now.record.end(Outcome.ABANDONED, event.time)

    # --- an attempt ---

    def _attempt(self, event: ReplayedEvent) -> None:
        now = self._course
        found = (event["round"], event["attempt"])
        first = now.phase is Phase.CREATED
        if first or self._used:
            wanted = (0, 0) if first else (now.round + 1, 0)
            now.check("rounds", found == wanted, event, f"opens {found}, next is {wanted}")
        else:
            self._reopened(event, found)
        wanted_kind = self._next_collection(first)
        now.collection = COLLECTIONS.get(event["collected"], Collection.GRADIENT)
        now.held_out = event["heldOut"]
        now.check("rounds", event["collected"] in COLLECTIONS, event, "collects what nobody knows")
        collected = words(now.collection, held_out=now.held_out)
        now.check("rounds", (now.collection, now.held_out) == wanted_kind, event, f"collects {collected}")
        if event["attempt"] == 0:
            now.opened_at, now.shared_once = event.block, False
            now.first_opened_at = event.block if first else now.first_opened_at
        now.round, now.attempt = found
        now.model = now.policy.model_commitment(now.weights)
        same = now.model == event["modelCommitment"]
        now.check("model commitments", same, event, "has another model commitment than its weights and rules")
        if now.record.outcome is Outcome.OPEN:
            now.record.end(Outcome.ABANDONED, event.time)
        now.record = AttemptRecord(
            now.round,
            now.attempt,
            collection=now.collection,
            held_out=now.held_out,
            weights=now.weights,
            opened_at=event.time,
        )
        now.report.attempts.append(now.record)
        now.view = AttemptView(now.collection, len(now.weights), now.family)
        now.nodes, self._data, self._next_index, self._updates, self._used = set(), set(), {}, 0, False
        now.enter(Phase.COLLECTING, event.time)

    def _next_collection(self, first: bool) -> tuple[Collection, bool]:
        now, when = self._course, self._course.training["information"]
        if not (first or self._used):
            return now.collection, now.held_out
        if self._pending:
            return self._pending.pop(0)
        moved = self._used and now.collection is Collection.GRADIENT
        wanted = (first and when != Collects.NEVER) or (moved and when == Collects.EVERY_ROUND)
        return (Collection.INFORMATION if wanted else Collection.GRADIENT), False

    def _reopened(self, event: ReplayedEvent, found: tuple[int, int]) -> None:
        now = self._course
        wanted = (now.round, now.attempt + 1)
        now.check("rounds", found == wanted, event, f"opens {found} without a proof, or after {wanted}")
        now.check("sums", not now.shared_once, event, "opens another attempt after somebody has shared")
        now.check_phase("rounds", event, Phase.COLLECTING, Phase.READY, Phase.SHARING)
        now.check("rounds", self._has_failed(event), event, "gives up an attempt that is in time, or has enough nodes")

    def _has_failed(self, event: ReplayedEvent) -> bool:
        """Whether the present attempt could not come to anything any more, so that anybody might give it up."""
        now = self._course
        collecting = now.phase is Phase.COLLECTING
        enough = len(now.nodes) >= now.config["minimumNodes"] if collecting else now.enough
        if now.phase is Phase.SHARING:
            return now.is_late(event) or not enough
        return now.phase in (Phase.COLLECTING, Phase.READY) and now.is_late(event) and not enough

    def _is_stuck(self, event: ReplayedEvent) -> bool:
        """Whether the attempt had failed, or nobody had used or disputed its sum for long."""
        now = self._course
        if now.phase is Phase.SUMMED:
            return event.time > now.deadline + now.seconds(Phase.DISPUTED)
        return self._has_failed(event)

    def _opened(self, event: ReplayedEvent) -> None:
        now = self._course
        same = (event["round"], event["attempt"]) == (now.round, now.attempt)
        now.check("rounds", same, event, "opens another attempt than its model's")
        now.check_deadline("rounds", event)

    def _update(self, event: ReplayedEvent) -> None:
        now, node = self._course, event["node"]
        now.check_phase("rounds", event, Phase.COLLECTING)
        now.check("rounds", not now.is_late(event), event, "takes an update after the deadline")
        now.check("rounds", event["position"] == self._updates, event, "has another position than it should")
        now.check("rounds", node not in now.barred, event, f"takes an update of {node}, which is out of the task")
        self._check_limits(event)
        since = now.registrations.member_since(node, event.moment)
        now.check("membership", 0 < since < now.opened_at, event, f"{node} was no member before the round")
        now.check("data", (node, event["data"]) not in self._data, event, "uses data twice in an attempt")
        dataset = now.training["heldOutDataset"] if now.held_out else now.config["dataset"]
        known = now.registrations.data.get((node, dataset, event["index"]), (0, 0))
        before, which = (now.first_opened_at, "task's first ") if now.held_out else (now.opened_at, "")
        there = known[0] == event["data"] and 0 < known[1] < before
        now.check("data", there, event, f"uses data that were not registered before the {which}round")
        now.use_dataset(event, dataset)
        point = Point(event["x"], event["y"])
        valid = is_on_curve(point) and point.x < 1 << X_BITS and point != IDENTITY
        now.check("points", valid, event, "has a point that no proof is of")
        public = (now.model, event["data"], event["y"])
        verifier = (_UPDATE[now.collection], event["size"])
        now.prove("update proofs", verifier, public, event["proof"], event)
        if valid:
            now.follow(event)
        self._updates += 1
        self._data.add((node, event["data"]))
        now.nodes.add(node)
        now.record.updates[node] = now.record.updates.get(node, 0) + 1

    def _check_limits(self, event: ReplayedEvent) -> None:
        now, node = self._course, event["node"]
        now.check("rounds", self._updates < now.config["maximumUpdates"], event, "takes more updates than it may")
        few = now.record.updates.get(node, 0) < now.config["maximumBatches"]
        now.check("rounds", few, event, f"takes more updates of {node} than it may")
        ascending = event["index"] >= self._next_index.get(node, 0)
        now.check("rounds", ascending, event, f"takes batches of {node} in another order")
        self._next_index[node] = event["index"] + 1

    def _closed(self, event: ReplayedEvent) -> None:
        now, nodes = self._course, len(self._course.nodes)
        counted = (event["nodes"], event["updates"]) == (nodes, self._updates)
        now.check("rounds", counted, event, "counts other nodes and updates than there were")
        now.check("rounds", nodes >= now.config["minimumNodes"], event, "closes below the minimum of nodes")
        now.check_phase("rounds", event, Phase.COLLECTING)
        now.check_turn("coordinator", event, anybody=self._updates == now.config["maximumUpdates"])
        now.enter(Phase.READY, event.time)
        now.check_deadline("rounds", event)

    # --- what is made of a sum ---

    def _take(self, event: ReplayedEvent, collection: Collection, outcome: Outcome) -> None:
        """The sum of the present round is used: it has to be there, and to open the round's point."""
        now = self._course
        now.check_phase("sums", event, Phase.SUMMED, Phase.DISPUTED)
        now.check("sums", now.collection is collection, event, "makes something else of the sum than it is of")
        now.check("sums", now.total is not None, event, "uses a sum that does not open the round's point")
        now.check_turn("coordinator", event)
        self._missed = None if event.sender == now.coordinator else (now.round, now.attempt)
        now.record.end(outcome, event.time)
        now.record.summed = now.sharing_set.addresses
        sums = (collection, now.held_out, now.weights)
        if sums in self._models:
            name = words(collection, held_out=now.held_out)
            now.note(f"round {now.round} has a second sum of {name} at the weights of round {self._models[sums]}")
        self._models.setdefault(sums, now.round)
        if now.family is Family.GAUSSIAN and collection is not Collection.EVALUATION:
            if self._moments is not None and self._moments[1] != now.view.summed_data:
                first = f"other rows than round {self._moments[0]}"
                now.note(f"round {now.round} of this linear regression is over {first}: two sums tell the difference")
            self._moments = now.round, now.view.summed_data
        if now.total is not None:
            now.record.rows = now.total.rows
            if self.bound is None:
                self._rule.take(
                    now.collection, now.policy, now.weights, now.total, now.round, nodes=len(now.view.nodes)
                )
            if now.collection is collection is Collection.GRADIENT and now.total.rows > 0:
                shape = RoundShape(len(now.weights) - 1)
                now.record.gradient_bound = shape.smallest_bound(now.policy, now.weights, now.total)
            if collection is Collection.GRADIENT:
                self.sums = [one for one in self.sums if one.collection is not Collection.GRADIENT]
            what = (now.collection, now.policy, now.weights, now.total, now.view.summed_data)
            self.sums.append(PublicSum(*what, now.held_out, now.view.nodes))

    def _opened_sum(self, event: ReplayedEvent) -> None:
        now = self._course
        gradient = now.collection is Collection.GRADIENT
        now.check("sums", not gradient, event, "opens the sum of a gradient, which moves weights or certifies them")
        same = COLLECTIONS.get(event["collected"]) is now.collection
        now.check("sums", same, event, "opens a sum of something else than the round collects")
        self._take(event, now.collection, Outcome.OPENED)
        said = tuple(scalar % SUBGROUP_ORDER for scalar in event["sum"])
        same = now.total is not None and said == vector_of(now.total)
        now.check("sums", same, event, "opens another sum than the shares have")
        if now.held_out:
            self._note_choices()
        self._end_or_go_on(certified=self.bound is not None)

    def _note_choices(self) -> None:
        """Who has handed in fewer held-out batches than it could: it may have chosen them by how well they fit."""
        now = self._course
        for node in now.view.nodes:
            known = now.registrations.registered(node, now.training["heldOutDataset"], before=now.first_opened_at)
            handed_in = len(known.intersection(now.view.data[node]))
            if handed_in < len(known):
                note = f"{node} has handed in {handed_in} of {len(known)} registered held-out batches"
                self.choices.append(f"{note}.")
                now.note(f"round {now.round}: {note}")

    def _model(self, event: ReplayedEvent) -> None:
        now = self._course
        weights = tuple(event["weights"])
        if now.phase is Phase.CREATED:
            initial = tuple(now.training["initialWeights"])
            now.check("weights", weights == initial, event, "starts from other weights than its calldata")
            now.check("rounds", event["round"] == 0, event, f"starts in round {event['round']}")
        else:
            self._moved(event, weights)
        limit = now.training["weightBound"]
        now.check("weights", all(abs(w) <= limit for w in weights), event, "publishes a weight beyond the bound")
        now.weights, now.matrix = weights, event["matrixHash"]

    def _moved(self, event: ReplayedEvent, weights: tuple[int, ...]) -> None:
        now = self._course
        self._take(event, Collection.GRADIENT, Outcome.AGGREGATED)
        now.check("rounds", event["round"] == now.round + 1, event, "is of another round than the next one")
        own = event.sender in (None, now.coordinator) or event.sender in now.sharing_set
        now.check("coordinator", own, event, "is moved by somebody outside of the set")
        within = now.moves < now.config["maximumRounds"]
        now.check("rounds", within, event, "moves the weights more often than the task allows")
        if now.total is not None:
            self._rule.compare(event["matrixHash"], now.round)
        following = now.policy.next_round(matrix_hash=event["matrixHash"]).model_commitment(weights)
        public = (now.model, updates_commitment(now.point), following)
        now.prove("aggregate proofs", ("aggregate", 0), public, event["proof"], event)
        now.moves += 1
        now.report.rounds += 1
        self._used = True

    def _certified(self, event: ReplayedEvent) -> None:
        now, bound = self._course, event["gradientBound"]
        self._take(event, Collection.GRADIENT, Outcome.CERTIFIED)
        now.check("certificate", event["modelCommitment"] == now.model, event, "is of another model")
        target = now.training["gradientTarget"]
        now.check("certificate", bound <= target, event, f"certifies {bound}, the target is {target}")
        public = (now.model, updates_commitment(now.point), bound)
        now.prove("certificate", ("certify", 0), public, event["proof"], event)
        self.bound, self._estimate = bound, self._rule.decrement if now.total is not None else None
        self._pending = self._afterwards()
        self._end_or_go_on(certified=True)

    def _end_or_go_on(self, *, certified: bool) -> None:
        """A sum is used: a certified task ends where nothing is left to collect, and any other has another round."""
        self._may_finish = certified and not self._pending
        self._used = not self._may_finish
