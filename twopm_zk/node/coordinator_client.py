"""What a node tells its coordinator: once what data it has, and in each closed round what opens its updates.

Everything goes encrypted to the key that the coordinator has published on the chain. The coordinator's signed receipts
are kept: with them a node that was left out all the same can show that it delivered.
"""

from __future__ import annotations

from twopm_zk.chain.tasks import TaskSnapshot
from twopm_zk.errors import InputError, MessageError, PeerError
from twopm_zk.node.store import NodeStore
from twopm_zk.participants import wire
from twopm_zk.participants.envelope import Header, Receipt, seal
from twopm_zk.participants.messages import Enrolment, Opening
from twopm_zk.participants.news import News, Notify
from twopm_zk.participants.records import Attempt
from twopm_zk.participants.task_view import ChainView, Member
from twopm_zk.participants.transport import Peer
from twopm_zk.statements import StepMatrix
from twopm_zk.task.specification import TaskSpec

_STATUS_EVERY = 10
"""Looks at the chain between two questions whether the coordinator still has what it signed for."""
_USELESS = (PeerError, InputError, KeyError, TypeError, ValueError, OverflowError)
"""What reading a hostile coordinator's document can raise."""


class CoordinatorClient:
    """A node's messages to one coordinator."""

    def __init__(self, view: ChainView, spec: TaskSpec, store: NodeStore, *, coordinator: str, notify: Notify) -> None:
        self.view, self.spec, self.store = view, spec, store
        self.coordinator, self._notify = coordinator, notify
        self._looks = 0
        self._silent_about = ""

    # --- before the first round ---

    @property
    def _enrolment_name(self) -> str:
        return f"enrolment {self.spec.spec_hash.hex()} {self.coordinator}"

    @property
    def enrolled(self) -> bool:
        """Whether the coordinator has signed for what this node has."""
        return self.store.meta(self._enrolment_name) is not None

    def enrol(self, enrolment: Enrolment) -> None:
        """Send the enrolment, unless it was sent before; news where that cannot be done yet."""
        member = self._reachable(self.coordinator)
        if member is None or self.enrolled:
            return
        receipt = self._send(member, enrolment.encode(), self._header(Enrolment.kind, member))
        if receipt is not None:
            self.store.set_meta(self._enrolment_name, wire.encode(receipt.to_json()).decode())
            self._notify(News("enrolled", f"enrolled with coordinator {self.coordinator}"))

    # --- in each closed round ---

    def deliver(self, state: TaskSnapshot, openings: dict[int, Opening]) -> None:
        """Send the openings, by number of the batch, that the coordinator has not signed for."""
        attempt = Attempt.of(state)
        lost = self._lost_by_coordinator(state)
        for known in self.store.updates(attempt).values():
            opening = openings.get(known.number)
            if opening is None or (known.receipt_of == state.coordinator and known.commitment not in lost):
                continue
            member = self._reachable(state.coordinator)
            if member is None:
                return
            header = self._header(Opening.kind, member, state, subject=known.commitment)
            receipt = self._send(member, opening.encode(), header)
            if receipt is None:
                return
            text = wire.encode(receipt.to_json()).decode()
            self.store.set_receipt(attempt, known.number, member.address, text)
            values = {"batch": known.number, "round": state.round, "attempt": state.attempt}
            self._notify(News("delivered", f"delivered the opening of batch {known.number} in {state.name()}", values))

    def keep_matrix(self, state: TaskSnapshot) -> None:
        """Fetch the public step matrix, for whoever has to take over from this coordinator."""
        if self.store.matrix(state.matrix_hash) is not None:
            return
        member = self.view.member(state.coordinator)
        if member is None or not member.endpoint:
            return
        try:
            document = Peer(member.endpoint, attempts=1).get(f"/v1/matrices/{state.matrix_hash}")
            matrix = StepMatrix(int(document["size"]), tuple(int(value) for value in document["upper"]))
            if matrix.hash == state.matrix_hash:
                self.store.add_matrix(matrix)
        except _USELESS:
            return

    def _lost_by_coordinator(self, state: TaskSnapshot) -> set[int]:
        """Openings that the coordinator has signed for and says it lacks; asked for now and then."""
        self._looks += 1
        member = self.view.member(state.coordinator) if self._looks % _STATUS_EVERY == 0 else None
        if member is None or not member.endpoint:
            return set()
        try:
            status = Peer(member.endpoint, attempts=1).get(f"/v1/tasks/{state.id}")
            return {int(text) for text in status["missing"]}
        except _USELESS:
            return set()

    # --- both ---

    def _reachable(self, coordinator: str) -> Member | None:
        member = self.view.member(coordinator)
        if member is None or not member.endpoint:
            self._complain(f"waiting for coordinator {coordinator} to publish its endpoint")
            return None
        return member

    def _send(self, member: Member, content: bytes, header: Header) -> Receipt | None:
        try:
            receipt = Peer(member.endpoint).send(seal(header, content, member.public_key, self.view.chain.account))
        except MessageError as error:
            self._complain(f"the coordinator refuses the {header.kind} ({error.reason}): {error.message}", "refused")
            return None
        except (PeerError, InputError) as error:
            self._complain(f"{header.kind} not delivered yet: {error.message}", "retry")
            return None
        self._silent_about = ""
        return receipt

    def _complain(self, text: str, kind: str = "waiting") -> None:
        """Tell a complaint once, until something else happens."""
        if text != self._silent_about:
            self._silent_about = text
            self._notify(News(kind, text))

    def _header(
        self, kind: str, to: Member, state: TaskSnapshot | None = None, *, subject: int | None = None
    ) -> Header:
        return Header(
            kind=kind,
            chain_id=self.view.chain.chain_id,
            contract=self.view.hlr.address,
            task=state.id if state else 0,
            round=state.round if state else 0,
            attempt=state.attempt if state else 0,
            sender=self.view.address,
            recipient=to.address,
            subject=self.spec.local_task_key if subject is None else subject,
        )
