"""Asking for predictions: a user with a stake commits to inputs on the chain, pays, and opens them to its operator.

An answer comes back through InferenceContract, which has verified its ``predict`` proof: it is what the committed
model says of the committed input, to 2^-16.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twopm_zk.errors import ChainError, InputError, MessageError, PeerError
from twopm_zk.numbers.commitments import random_scalar
from twopm_zk.participants import wire
from twopm_zk.participants.envelope import Header, seal
from twopm_zk.participants.messages import PredictionInput
from twopm_zk.participants.task_view import ChainView
from twopm_zk.participants.transport import Peer
from twopm_zk.prediction.requests import (
    ChainRequest,
    RequestState,
    asked_events,
    network_of,
    now,
    predict_shape,
    predict_verifier,
    quantized_row,
    registered_verifier,
)
from twopm_zk.prediction.store import SentInput, UserStore
from twopm_zk.task.specification import TaskSpec


@dataclass(frozen=True)
class Prediction:
    """A proven answer."""

    request: int
    expected: float
    """What the model expects: the probability of the label 1, to 2^-16, or a label that is a number in its own unit."""
    units: int
    """As the proof has it, in units of 2^-16: the probability, or the scaled label plus 2^31 units (that is 2^15)."""
    model_commitment: int
    insecure: tuple[str, ...] = ()
    """Verifiers of the model and of this answer whose keys are for development: under them nothing is proven."""


class PredictionClient:
    """A user: asks, delivers the opened inputs, and waits for the answers."""

    def __init__(self, view: ChainView, spec: TaskSpec, store: UserStore) -> None:
        store.belongs_to(view.address, view.fingerprint)
        self.view, self.spec, self.store = view, spec, store
        self._contract = view.inference.address

    def ask(self, network: int, operator: str, rows: Sequence[Mapping[str, Any]], *, maximum_fee: int = 0) -> list[int]:
        """Commit to rows, ask about all of them at once, and pay for them; the numbers of the requests.

        ``maximum_fee`` is the most that is paid for a row, in wei of ETH or units of the token that the network takes.
        Raises InputError where the network asks for more, and TransactionError where the contract refuses: StakeTooLow,
        NotOffered, OtherVerifier, NetworkIsClosed.
        """
        entry = network_of(self.view, self.spec, network)
        if entry.terms.fee > maximum_fee:
            raise InputError(
                f"network {network} takes a fee of {entry.terms.fee} for an input, more than {maximum_fee}",
                kind="fee-not-agreed",
                network=network,
                fee=entry.terms.fee,
                token=entry.token,
            )
        verifier, shape = predict_verifier(self.view, self.spec), predict_shape(self.spec)
        contents = [PredictionInput(quantized_row(self.spec, row), random_scalar()) for row in rows]
        sent = [SentInput(content.commitment(shape), network, operator, content) for content in contents]
        for one in sent:
            self.store.add(self._contract, one)
        commitments = [one.commitment for one in sent]
        requests = self.view.inference.ask(entry, operator, verifier.id, commitments, maximum_fee=maximum_fee)
        for one, request in zip(sent, requests, strict=True):
            self.store.set_request(one.commitment, request)
        return requests

    def deliver(self, request: int | None = None) -> int:
        """Send every opened input that its operator has not signed for; how many were taken.

        Inputs of requests that are over are forgotten. Raises PeerError, after all others were sent, where the input
        of ``request`` was not taken; where none is given, that of any.
        """
        delivered, failure = 0, None
        for sent in self.store.pending(self._contract):
            number = sent.request or self._find(sent)
            if number is None:
                continue  # its transaction never came to the chain
            try:
                delivered += self._deliver(sent, number)
            except PeerError as error:
                if request in (None, number):
                    failure = failure or error
        if failure is not None:
            raise failure
        return delivered

    def _deliver(self, sent: SentInput, number: int) -> bool:
        if self._forgotten(sent.commitment, number):
            return False
        member = self.view.member(sent.operator)
        if member is None or not member.endpoint:
            raise PeerError(
                f"operator {sent.operator} has published no endpoint",
                kind="operator-without-endpoint",
                network=sent.network,
            )
        header = Header(
            kind=PredictionInput.kind,
            chain_id=self.view.chain.chain_id,
            contract=self._contract,
            task=number,
            sender=self.view.address,
            recipient=member.address,
            subject=sent.commitment,
        )
        envelope = seal(header, sent.content.encode(), member.public_key, self.view.chain.account)
        try:
            receipt = Peer(member.endpoint).send(envelope)
        except MessageError as error:
            # answered, or found late, while the message was on its way
            if error.reason == "stale" and self._forgotten(sent.commitment, number):
                return False
            raise
        self.store.set_receipt(sent.commitment, wire.encode(receipt.to_json()).decode())
        return True

    def _forgotten(self, commitment: int, number: int) -> bool:
        """Whether a request is over; its input is private, and nobody needs it any more."""
        found = ChainRequest.read(self.view, number)
        over = found.over or found.late(self.view.chain.time)  # this machine's clock may be wrong
        if over:
            self.store.forget_input(commitment)
        return over

    def _find(self, sent: SentInput) -> int | None:
        """The request of an input that was sent by a process that ended before it knew the number."""
        events = asked_events(self.view, networkId=sent.network, user=self.view.address, operator=sent.operator)
        return next((int(e["id"]) for e in events if e["inputCommitment"] == sent.commitment), None)

    def wait(self, request: int, *, timeout: float = 600.0, poll: float = 1.0) -> Prediction:
        """The proven answer. Raises ChainError where the operator does not accept or answer in time."""
        until = time.monotonic() + timeout
        while True:
            found = ChainRequest.read(self.view, request)
            late = found.late(now(self.view))
            if found.over or found.late(self.view.chain.time):
                self.store.forget_input(found.input_commitment)
            if found.state is RequestState.ANSWERED:
                return self._prediction(found)
            if found.state is RequestState.REFUNDED:
                raise ChainError(f"request {request} is over: its fee was given back", kind="request-refunded")
            if found.state is RequestState.LATE or (found.state is RequestState.ACCEPTED and late):
                raise ChainError(
                    f"operator {found.operator} has accepted request {request} and is late",
                    hint="Anybody can have it slashed, which gives the fee back.",
                    kind="operator-late",
                    request=request,
                )
            if found.state is RequestState.ASKED and late:
                raise ChainError(
                    f"operator {found.operator} has not accepted request {request} in time",
                    hint="Its fee can be taken back.",
                    kind="request-not-accepted",
                    request=request,
                )
            if time.monotonic() > until:
                raise ChainError(
                    f"request {request} was not answered within {timeout:g} s",
                    kind="request-not-answered",
                    request=request,
                )
            time.sleep(poll)

    def _prediction(self, found: ChainRequest) -> Prediction:
        insecure = self.view.insecure_verifiers(found.task)
        if registered_verifier(self.view, found)["insecure"]:
            insecure = [*insecure, self.view.verifier_name(found.verifier)]
        return Prediction(
            found.id,
            self.spec.expected(predict_shape(self.spec).real(found.prediction)),
            found.prediction,
            found.model_commitment,
            tuple(insecure),
        )
