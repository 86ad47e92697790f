"""Asking for predictions: a user with a stake commits to inputs on the chain, pays, and opens them to its operator.

An answer comes back through InferenceContract, which has verified its ``predict`` proof: it is what the committed
model says of the committed input, to 2^-16.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from twopm_zk.errors import ChainError, MessageError, PeerError
from twopm_zk.participants import wire
from twopm_zk.participants.envelope import Header, seal
from twopm_zk.participants.messages import PredictionInput
from twopm_zk.participants.transport import Peer
from twopm_zk.prediction.asking import Asking
from twopm_zk.prediction.requests import BACK, ChainRequest, RequestState, now, predict_shape, registered_verifier
from twopm_zk.prediction.store import SentInput


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


class PredictionClient(Asking):
    """A user: asks, delivers the opened inputs, and waits for the answers."""

    def heard(self, request: int) -> None:
        """The answer to a request has come to who asked for it: from now on the same row is another question."""
        if (sent := self.store.of_request(self._contract, request)) is not None:
            self.store.forget_input(sent.commitment)

    def deliver(self, request: int | None = None) -> int:
        """Send every opened input that its operator has not signed for; how many were taken.

        Inputs of requests that are over are forgotten. Raises PeerError, after all others were sent, where the input
        of ``request`` was not taken; where none is given, that of any.
        """
        delivered, failure = 0, None
        for sent in self.store.pending(self._contract):
            found = self._request_of(sent)
            if found is None:
                continue  # its transaction never came to the chain
            try:
                delivered += self._deliver(sent, found)
            except PeerError as error:
                if request in (None, found.id):
                    failure = failure or error
        if failure is not None:
            raise failure
        return delivered

    def _deliver(self, sent: SentInput, found: ChainRequest) -> bool:
        if self._forgotten(sent.commitment, found) or not sent.content.features:
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
            task=found.id,
            sender=self.view.address,
            recipient=member.address,
            subject=sent.commitment,
        )
        envelope = seal(header, sent.content.encode(), member.public_key, self.view.chain.account)
        try:
            receipt = Peer(member.endpoint).send(envelope)
        except MessageError as error:
            # answered, or found late, while the message was on its way
            if error.reason == "stale" and self._forgotten(sent.commitment, ChainRequest.read(self.view, found.id)):
                return False
            raise
        self.store.set_receipt(sent.commitment, wire.encode(receipt.to_json()).decode())
        return True

    def _forgotten(self, commitment: int, found: ChainRequest) -> bool:
        """Whether a request is over; the features are private, and nobody needs them any more."""
        over = found.over or found.late(self.view.chain.time)  # this machine's clock may be wrong
        if found.state in BACK:
            self.store.forget_input(commitment)
        elif over:
            self.store.forget_features(commitment)
        return over

    def wait(self, request: int, *, timeout: float = 600.0, poll: float = 1.0) -> Prediction:
        """The proven answer; say that it was `heard` once it has come to who asked.

        Raises ChainError where the operator does not accept or answer in time.
        """
        until = time.monotonic() + timeout
        sent = self.store.of_request(self._contract, request)
        while True:
            found = ChainRequest.read(self.view, request) if sent is None else self._request_of(sent)
            if found is not None:  # else its block was replaced, and its transaction is on its way again
                if sent is not None:
                    self._forgotten(sent.commitment, found)
                if found.state is RequestState.ANSWERED:
                    return self._prediction(found)
                self._require_hope(found)
            if time.monotonic() > until:
                raise ChainError(
                    f"request {request} was not answered within {timeout:g} s",
                    kind="request-not-answered",
                    request=request,
                )
            time.sleep(poll)

    def _require_hope(self, found: ChainRequest) -> None:
        """ChainError where a request will not be answered any more."""
        late = found.late(now(self.view))
        if found.state is RequestState.REFUNDED:
            raise ChainError(f"request {found.id} is over: its fee was given back", kind="request-refunded")
        if found.state is RequestState.LATE or (found.state is RequestState.ACCEPTED and late):
            raise ChainError(
                f"operator {found.operator} has accepted request {found.id} and is late",
                hint="Anybody can have it slashed, which gives the fee back.",
                kind="operator-late",
                request=found.id,
            )
        if found.state is RequestState.ASKED and late:
            raise ChainError(
                f"operator {found.operator} has not accepted request {found.id} in time",
                hint="Its fee can be taken back.",
                kind="request-not-accepted",
                request=found.id,
            )

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
