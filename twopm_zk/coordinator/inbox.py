"""A coordinator's service: what it takes from whom, and what it shows to everybody.

The sender of a message has been checked (its signature). Here: is it about this chain, contract and task; is the
sender a member, and the one whose update it opens; is it the present attempt; does it open the commitment that the
chain has. A signed opening that does not is kept as evidence, and its sender left out by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from twopm_zk.chain.tasks import Phase, TaskSnapshot
from twopm_zk.coordinator.store import CoordinatorStore, Fault
from twopm_zk.errors import InputError, MessageError
from twopm_zk.participants.envelope import Envelope, Header, Receipt
from twopm_zk.participants.messages import Enrolment, Opening
from twopm_zk.participants.records import Attempt
from twopm_zk.participants.task_view import ChainView
from twopm_zk.task.specification import NEWTON, TaskSpec

LIES = frozenset({"malformed", "does_not_open", "undecipherable", "too_large"})
"""Reasons for which the sender of a signed opening is left out."""


class Inbox:
    """Answers requests for one coordinator; ``task`` says which task it runs, once there is one."""

    def __init__(
        self,
        view: ChainView,
        spec: TaskSpec,
        store: CoordinatorStore,
        key: X25519PrivateKey,
        *,
        task: Callable[[], int | None],
        arrived: Callable[[], None],
    ) -> None:
        self.view, self.spec, self.store = view, spec, store
        self._key, self._task, self._arrived = key, task, arrived

    # --- messages ---

    def receive(self, envelope: Envelope) -> Receipt:
        """Take a message, or refuse it with MessageError."""
        header = envelope.header
        if (header.chain_id, header.contract) != (self.view.chain.chain_id, self.view.hlr.address):
            raise MessageError("wrong_contract", "the message is for another chain or contract")
        if header.recipient != self.view.address:
            raise MessageError("wrong_recipient", f"the message is for {header.recipient}")
        if self.view.member(header.sender) is None:
            raise MessageError("not_a_member", f"{header.sender} is not a member")
        if header.kind == Enrolment.kind:
            self._enrolment(envelope)
        elif header.kind == Opening.kind:
            self._opening(envelope)
        else:
            raise MessageError("wrong_kind", f"a coordinator takes no message of the kind {header.kind!r}")
        self._arrived()
        return Receipt.sign(header, self.view.chain.account)

    def _enrolment(self, envelope: Envelope) -> None:
        header = envelope.header
        if header.subject != self.spec.local_task_key:
            raise MessageError("wrong_spec", "the enrolment is for another specification")
        if (header.task, header.round, header.attempt) != (0, 0, 0):
            raise MessageError("malformed", "an enrolment belongs to no task and round")
        enrolment = Enrolment.parse(envelope.open(self._key), self.spec.sizes.round)
        if (enrolment.moments is not None) != (self.spec.step.curvature == "moments"):
            raise MessageError("malformed", "the specification does not ask for that in an enrolment")
        if self._task() is not None:
            # the step matrix is fixed by now; who lost the receipt of what is already here gets another
            known = self.store.enrolments(self.spec.spec_hash, self.spec.sizes.round)
            if known.get(header.sender) != enrolment:
                raise MessageError("stale", "enrolment ended when the task was created")
            return
        self.store.add_enrolment(self.spec.spec_hash, header.sender, enrolment)

    def _opening(self, envelope: Envelope) -> None:
        header = envelope.header
        state = self._present(header)
        accepted = {update.commitment: update for update in self.view.updates(state)}
        update = accepted.get(header.subject)
        if update is None or update.node != header.sender:
            raise MessageError("not_the_sender", f"{header.sender} has handed in no such update in {state.name()}")
        attempt = Attempt.of(state)
        try:
            opening = Opening.parse(envelope.open(self._key), self.spec.sizes.round, commitment=header.subject)
            if (opening.hessian is not None) != (self.spec.step.rule == NEWTON):
                raise MessageError("malformed", "the specification does not ask for that in an opening")
        except MessageError as error:
            if error.reason in LIES:
                self.store.add_fault(Fault(attempt, header.sender, f"its opening: {error.message}", envelope.encode()))
            raise
        self.store.add_opening(attempt, header.sender, header.subject, opening)

    def _present(self, header: Header) -> TaskSnapshot:
        task = self._task()
        if task is None or header.task != task:
            raise MessageError("wrong_task", f"this coordinator does not run task {header.task}")
        state = self.view.state(task)
        if (header.round, header.attempt) != (state.round, state.attempt):
            raise MessageError(
                "stale", f"the message is of round {header.round}, attempt {header.attempt}; this is {state.name()}"
            )
        if state.phase not in (Phase.COLLECTING, Phase.CLOSED):
            raise MessageError("stale", f"{state.name()} takes no openings any more")
        return state

    # --- what everybody may see ---

    def spec_document(self) -> Mapping[str, Any]:
        """The specification, for nodes to read before they take part."""
        return {"hash": "0x" + self.spec.spec_hash.hex(), "document": self.spec.document}

    def task_status(self, task: int) -> Mapping[str, Any]:
        """Openings that are missing, and who was found at fault."""
        if task != self._task():
            raise InputError(f"this coordinator does not run task {task}")
        state = self.view.state(task)
        attempt = Attempt.of(state)
        received = self.store.received(attempt)
        return {
            "task": task,
            "phase": state.phase.name.lower(),
            "round": state.round,
            "attempt": state.attempt,
            "missing": [str(u.commitment) for u in self.view.updates(state) if u.commitment not in received],
            "faults": [
                {"round": f.attempt.round, "attempt": f.attempt.attempt, "node": f.node, "reason": f.reason}
                for f in self.store.faults(state.task_key)
            ],
        }

    def matrix_document(self, matrix_hash: int) -> Mapping[str, Any]:
        """A step matrix of this task; public, because its hash is in every model commitment."""
        matrix = self.store.matrix(matrix_hash)
        if matrix is None:
            raise InputError("there is no step matrix with this hash")
        return {"size": matrix.size, "upper": [str(value) for value in matrix.upper]}
