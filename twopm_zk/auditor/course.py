"""Where a task stands while its history is replayed: phase and deadline, the attempt, its set, and who is out.

The parts of a replay share one `Course`. What HLR and HFL have in common of it is `SetCourse`. Each of them checks its
own events and moves it on; nothing is taken from the contract's storage.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Collection as Some
from dataclasses import replace
from typing import Any, Generic, Protocol, TypeVar

from twopm_zk.auditor.attempt_record import AttemptRecord, Outcome
from twopm_zk.auditor.history import DataSetHistory, Registrations, ReplayedEvent
from twopm_zk.auditor.keys import Keyring
from twopm_zk.auditor.report import AuditReport, Checked, DataSetRecord
from twopm_zk.chain.attestations import Attestation
from twopm_zk.chain.tasks import Phase
from twopm_zk.errors import DeploymentError, InputError
from twopm_zk.numbers.baby_jubjub import Point
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.pedersen import Opening
from twopm_zk.participants.attempts import AttemptView
from twopm_zk.participants.rounds.attempts import ReplayedAttempt
from twopm_zk.sharing import Place, SharingSet
from twopm_zk.sharing.sums import add_up
from twopm_zk.statements import Collection, Family, Policy

Handlers = Mapping[str, Callable[[ReplayedEvent], None]]
_SECONDS = {
    Phase.COLLECTING: "collectSeconds",
    Phase.READY: "readySeconds",
    Phase.SHARING: "shareSeconds",
    Phase.SUMMED: "aggregateSeconds",
    Phase.DISPUTED: "disputeSeconds",
}


class ReplayedRecord(Protocol):
    """What is written down of an attempt."""

    left_out: list[tuple[str, str]]
    shared: bool

    def end(self, outcome: Outcome, time: int) -> None:
        """What has come of it, and when."""


Attempt = TypeVar("Attempt", bound=ReplayedAttempt)
Record = TypeVar("Record", bound=ReplayedRecord)


class SetCourse(ABC, Generic[Attempt, Record]):
    """Where a task of either contract stands: what follows from the events so far of its rounds and their sets."""

    view: Attempt
    """The present attempt."""
    record: Record

    def __init__(self, report: Checked, registrations: Registrations, *, place: Place) -> None:
        self.report, self.registrations, self._place = report, registrations, place
        self.config: Mapping[str, Any] = {}
        self.coordinator = ""
        self.phase, self.deadline = Phase.NONE, 0
        self.round = self.attempt = self.moves = 0
        self.opened_at = 0
        """The block in which the present round was opened."""
        self.nodes: set[str] = set()
        """The accounts with an update in the present attempt that have not withdrawn before sharing."""
        self.shared_once = False
        """Whether anybody has shared in this round."""
        self.barred: set[str] = set()
        self.last_set: dict[str, tuple[int, int]] = {}
        """Round and attempt of the last set that each node was in; none for those that are out of it."""

    # --- where it is ---

    @property
    def place(self) -> Place:
        """What the set of the present attempt is bound to."""
        return replace(self._place, round=self.round, attempt=self.attempt)

    @property
    @abstractmethod
    def sharing_set(self) -> SharingSet:
        """The set of the present attempt, an empty one before there is any."""

    @property
    @abstractmethod
    def shared(self) -> Some[str]:
        """Who has shared in the present share attempt."""

    @property
    def enough(self) -> bool:
        """Whether the set has the minimum of nodes."""
        return len(self.sharing_set.members) >= int(self.config["minimumNodes"])

    def seconds(self, phase: Phase) -> int:
        """How long a phase lasts."""
        return int(self.config[_SECONDS[phase]])

    def enter(self, phase: Phase, time: int) -> None:
        """A phase begins, and its deadline with it."""
        self.phase, self.deadline = phase, time + self.seconds(phase)

    def is_late(self, event: ReplayedEvent) -> bool:
        """Whether the deadline of the phase had passed."""
        return event.time > self.deadline

    def follow(self, event: ReplayedEvent) -> bool:
        """The attempt's view after one more event; a failed check where it does not follow from those before."""
        try:
            self.view = self.view.after(event, self.place)
        except (DeploymentError, InputError, ValueError) as error:
            return self.check("sets", False, event, str(error))
        return self.check("sets", True, event, "")

    def begin(self, event: ReplayedEvent) -> Mapping[str, Any] | None:
        """The task is created: the arguments of its call, which the event has to be of; None where there is no call."""
        call = self.check_called(event, "createTask")
        if call is not None:
            self.config, self.coordinator, self.phase = call["config"], event["coordinator"], Phase.CREATED
            same = (self.config["specHash"], self.config["dataset"]) == (event["specHash"], event["dataset"])
            self.check("calldata", same, event, "creates a task of another specification")
            self.name_dataset(event, self.config["dataset"])
        return call

    def name_dataset(self, event: ReplayedEvent, dataset: str, *, held_out: bool = False) -> None:
        """The task names a data set, which has to be open by then, with terms whose hash is its id."""
        found = self.registrations.datasets.get(dataset)
        if found is None:
            self.check("data sets", False, event, f"names data set {dataset}, which nobody has opened")
            return
        self.check("data sets", found.opened < event.moment, event, f"names data set {dataset} before it was opened")
        same = f"0x{found.terms.id.hex()}" == dataset
        self.check("data sets", same, event, f"names data set {dataset}, whose terms have another hash")
        same, kind = found.terms.held_out is held_out, "held-out" if held_out else "training"
        self.check("data sets", same, event, f"names data set {dataset}, which is not one of {kind} rows")
        self.report.datasets[dataset] = DataSetRecord(dataset, found.terms)

    def use_dataset(self, event: ReplayedEvent, dataset: str) -> None:
        """An update uses data of a data set: where its terms name issuers, one of them has to have attested to them."""
        found, record = self.registrations.datasets.get(dataset), self.report.datasets.get(dataset)
        if found is None or record is None:
            return
        record.updates += 1
        if not found.terms.attested:
            return
        node = event["node"]
        relied = found.relied_on(node, event["data"], event)
        if isinstance(relied, str):
            self.check("provenance", False, event, f"takes an update of {node}, and {relied}")
            return
        self.check("provenance", True, event, "")
        record.attested[relied.attester] = record.attested.get(relied.attester, 0) + 1
        self._note_revoked(node, relied, found)

    def _note_revoked(self, node: str, relied: Attestation, found: DataSetHistory) -> None:
        """That an attestation which an update relied on was revoked since."""
        if not relied.revoked:
            return
        moment = found.revoked.get(relied.uid)
        when = f"at time {relied.revoked}" if moment is None else f"in block {moment[0]}"
        uid = f"0x{relied.uid.hex()}"
        note = f"{relied.attester} has revoked its attestation {uid} to data of {node} {when}, after their use"
        if note not in self.report.notes:
            self.note(note)

    # --- checks ---

    def check(self, name: str, holds: bool, event: ReplayedEvent, what: str) -> bool:
        """One check of an event."""
        return self.report.check(name, holds, f"block {event.block}, transaction {event.transaction}: {what}")

    def check_phase(self, name: str, event: ReplayedEvent, *phases: Phase) -> bool:
        """That the event is one of its phase."""
        what = f"{event.name} in the phase {self.phase.name.lower()}"
        return self.check(name, self.phase in phases, event, what)

    def check_deadline(self, name: str, event: ReplayedEvent) -> None:
        """That the event names the deadline of the phase that it begins."""
        self.check(name, event["deadline"] == self.deadline, event, "names another deadline than its phase has")

    def check_turn(self, name: str, event: ReplayedEvent, *, anybody: bool = False) -> None:
        """That the coordinator did it, or somebody else who might by then. Unknown senders pass: see `Call`."""
        allowed = event.sender in (None, self.coordinator) or anybody or self.is_late(event)
        self.check(name, allowed, event, f"{event.name} by another than the coordinator, before the deadline")

    def check_called(self, event: ReplayedEvent, function: str) -> Mapping[str, Any] | None:
        """The arguments of the call that made an event; None, and a failed check, where it is not to be found."""
        found = event.call is not None and event.call.function == function
        what = f"was not sent as {function} to the contract, and no such call is in its calldata"
        self.check("calldata", found, event, what)
        return event.call.arguments if found and event.call is not None else None

    def note(self, text: str) -> None:
        """Something that is in order, and still worth knowing."""
        self.report.notes.append(text)


class Course(SetCourse[AttemptView, AttemptRecord]):
    """The state of a task of HLRContract that follows from its events so far."""

    report: AuditReport

    def __init__(
        self, report: AuditReport, registrations: Registrations, keyring: Keyring, *, place: Place, task_key: int
    ) -> None:
        super().__init__(report, registrations, place=place)
        self._keys, self._task_key = keyring, task_key
        self.verifiers: dict[tuple[str, int], str] = {}
        """The instance of each statement, by its name and its rows, 0 where it is about none."""
        self.noisy = False
        """Whether updates carry noise."""
        self.training: Mapping[str, Any] = {}
        self.model = self.matrix = 0
        self.first_opened_at = 0
        """The block in which the task's first round was opened."""
        self.weights: tuple[int, ...] = ()
        self.collection, self.held_out = Collection.GRADIENT, False
        self.view = AttemptView(Collection.GRADIENT, 0)
        self.record = AttemptRecord(0, 0)
        self.proofs = 0
        """Proofs that were looked at so far."""

    # --- where it is ---

    @property
    def family(self) -> Family:
        """The family of the task's model."""
        return Family.numbered(self.training["family"])

    @property
    def policy(self) -> Policy:
        """What the present model commitment binds besides the weights."""
        return Policy(
            self._task_key,
            self.round,
            self.attempt,
            self.training["lambda"],
            self.training["weightBound"],
            self.training["minRows"],
            self.matrix,
        )

    @property
    def sharing_set(self) -> SharingSet:
        """The set of the present attempt, an empty one before there is any."""
        return self.view.sharing_set or SharingSet(self.place, b"")

    @property
    def shared(self) -> Some[str]:
        """Who has shared in the present share attempt."""
        return self.view.vectors

    @property
    def point(self) -> Point:
        """The round's point: what the updates of the set add up to."""
        return add_up(member.point for member in self.sharing_set.members)

    @property
    def total(self) -> Opening | None:
        """The sum of all shares, where it opens the round's point."""
        return self.view.total

    def prove(
        self, check: str, verifier: tuple[str, int], public: Sequence[int], proof: Sequence[int], event: ReplayedEvent
    ) -> None:
        """That a proof holds for public inputs that were computed here."""
        self.proofs += 1
        instance = self.verifiers.get(verifier)
        if instance is None:
            self.check(check, False, event, "has a proof for a verifier that is not known here")
            return
        field_elements = all(0 <= value < FIELD_ORDER for value in public)
        holds = field_elements and self._keys.verify(instance, public, proof)
        self.check(check, holds, event, f"has a false proof of {instance}")
