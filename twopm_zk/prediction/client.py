"""Asking for a prediction: a user with a stake commits to an input on the chain, and opens it to the operator alone.

The answer comes back through InferenceContract, which has verified its ``predict`` proof: it is what the committed
model says of the committed input, to 2^-16.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from twopm_zk.chain.contracts import reading
from twopm_zk.circuit.instances import find_instance
from twopm_zk.errors import ChainError, InputError, PeerError, SpecError
from twopm_zk.numbers.commitments import random_scalar
from twopm_zk.participants import wire
from twopm_zk.participants.envelope import Header, seal
from twopm_zk.participants.messages import PredictionInput
from twopm_zk.participants.task_view import ChainView
from twopm_zk.participants.transport import Peer
from twopm_zk.prediction.store import Question, UserStore
from twopm_zk.rows.tables import Table
from twopm_zk.statements import PredictShape
from twopm_zk.statements.predict import PREDICTION_FRAC_BITS
from twopm_zk.task.specification import TaskSpec


class RequestState(IntEnum):
    """Of a request, as in IInference."""

    NONE = 0
    ASKED = 1
    ACCEPTED = 2
    ANSWERED = 3
    LATE = 4


@dataclass(frozen=True)
class Prediction:
    """A proven answer."""

    request: int
    probability: float
    """Of the label 1, to 2^-16."""
    units: int
    """The same in units of 2^-16, as the proof has it."""
    model_commitment: int


def predict_shape(spec: TaskSpec) -> PredictShape:
    """Sizes of the specification's ``predict`` instance. SpecError where it has none."""
    if spec.instances is None or spec.instances.predict is None:
        raise SpecError("the specification has no `instances.predict`: its model cannot be asked with proofs")
    return PredictShape.from_parameters(find_instance(spec.instances.predict).parameters)


def quantized_row(spec: TaskSpec, row: Mapping[str, float]) -> tuple[int, ...]:
    """One unscaled row by name as the circuit takes it.

    Raises InputError for features that are missing or unknown, RangeError where one does not fit; no value is shown.
    """
    if missing := [name for name in spec.features if name not in row]:
        raise InputError(f"the input has no {missing[0]!r}", hint=f"Features are: {', '.join(spec.features)}.")
    if unknown := [name for name in row if name not in spec.features]:
        raise InputError(f"the input has {unknown[0]!r}, which is no feature of the specification")
    values = np.array([[float(row[name]) for name in spec.features]])
    table = Table(spec.features, values, np.zeros(1, dtype=np.int64)).scaled(spec.scaling)
    features = [int(value) for value in table.quantized(spec.format)[0]]
    return tuple(features + [0] * (predict_shape(spec).features - len(features)))


class Asker:
    """A user: asks, delivers the opened input, and waits for the answer."""

    def __init__(self, view: ChainView, spec: TaskSpec, store: UserStore) -> None:
        store.belongs_to(view.address, view.fingerprint)
        self.view, self.spec, self.store = view, spec, store

    def ask(self, task: int, operator: str, row: Mapping[str, float]) -> int:
        """Commit to a row and ask; the number of the request.

        Raises TransactionError where the contract refuses: StakeTooLow, NotOffered.
        """
        state = self.view.state(task)
        if state.spec_hash != self.spec.spec_hash:
            raise SpecError(f"task {task} is of another specification than the one given")
        shape = predict_shape(self.spec)
        content = PredictionInput(quantized_row(self.spec, row), random_scalar())
        question = Question(content.commitment(shape.format), task, operator, content)
        self.store.add(self.view.inference.address, question)
        request = self.view.inference.ask(task, operator, question.commitment)
        self.store.set_request(question.commitment, request)
        return request

    def deliver(self) -> int:
        """Send every opened input that its operator has not signed for; how many. Raises PeerError."""
        contract = self.view.inference.address
        delivered = 0
        for question in self.store.open_questions(contract):
            request = question.request or self._find(question)
            if request is None:
                continue  # its transaction never came to the chain
            member = self.view.member(question.operator)
            if member is None or not member.endpoint:
                raise PeerError(f"operator {question.operator} has published no endpoint")
            header = Header(
                kind=PredictionInput.kind,
                chain_id=self.view.chain.chain_id,
                contract=contract,
                task=request,
                round=0,
                attempt=0,
                sender=self.view.address,
                recipient=member.address,
                subject=question.commitment,
            )
            envelope = seal(header, question.content.encode(), member.public_key, self.view.chain.account)
            receipt = Peer(member.endpoint).send(envelope)
            self.store.set_receipt(question.commitment, wire.encode(receipt.to_json()).decode())
            delivered += 1
        return delivered

    def _find(self, question: Question) -> int | None:
        """The request of a question that was sent by a process that ended before it knew the number."""
        events = reading(
            "requests",
            lambda: self.view.inference.contract.events(
                "Asked", from_block=self.view.deployment.block, user=self.view.address, operator=question.operator
            ),
        )
        return next((int(e["id"]) for e in events if e["inputCommitment"] == question.commitment), None)

    def wait(self, request: int, *, timeout: float = 600.0, poll: float = 1.0) -> Prediction:
        """The proven answer. Raises ChainError where the operator does not accept or answer in time."""
        until = time.monotonic() + timeout
        while True:
            found = reading("a request", lambda: self.view.inference.request(request))
            state = RequestState(found["state"])
            if state is RequestState.ANSWERED:
                units = int(found["prediction"])
                return Prediction(request, units / (1 << PREDICTION_FRAC_BITS), units, found["modelCommitment"])
            late = max(self.view.chain.time, int(time.time())) > found["deadline"]
            if state is RequestState.LATE or (state is RequestState.ACCEPTED and late):
                raise ChainError(
                    f"operator {found['operator']} has accepted request {request} and is late",
                    hint="Anybody can have it slashed: InferenceContract.slashLate.",
                )
            if state is RequestState.ASKED and late:
                raise ChainError(f"operator {found['operator']} has not accepted request {request} in time")
            if time.monotonic() > until:
                raise ChainError(f"request {request} was not answered within {timeout:g} s")
            time.sleep(poll)
