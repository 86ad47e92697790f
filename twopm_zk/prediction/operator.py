"""An operator of a network: takes inputs from users who have asked on the chain, and answers with proofs.

It accepts a request only once it holds its input, because from then on an answer is due; those that wait are accepted
together, as far as the stake goes. Inputs are forgotten when the request is over. Anybody may bring an operator's proof
to the chain, or have it slashed when it is late: a request that has moved on in the meantime is news, and never ends an
operator that others wait for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from twopm_zk.errors import MessageError, RangeError, TransactionError
from twopm_zk.participants.envelope import Envelope, Receipt
from twopm_zk.participants.messages import PredictionInput
from twopm_zk.participants.news import Notify, ignore
from twopm_zk.participants.participant import Participant
from twopm_zk.participants.records import secret_key
from twopm_zk.participants.service import ServiceSettings
from twopm_zk.participants.task_view import ChainView, model_of
from twopm_zk.participants.transport import Server
from twopm_zk.prediction.requests import ChainRequest, RequestState, network_of, predict_shape, predict_verifier
from twopm_zk.prediction.store import HeldInput, OperatorStore
from twopm_zk.proving.statement_prover import StatementProver, proof_numbers
from twopm_zk.statements import PredictStatement
from twopm_zk.task.specification import TaskSpec

GONE = frozenset({"WrongState", "DeadlinePassed", "RetiredVerifier", "StakeTooLow", "LockTooLong"})
"""Refusals which only say that a request, its verifier or the stake is not any more what it was when it was read."""
MOST_AT_ONCE = 64
"""Requests that one transaction accepts."""


class Operator(Participant[OperatorStore]):
    """Answers requests for one network's model: ``with Operator(...) as operator: operator.run()``.

    Offers the model when it starts, if it does not yet. `run` ends only when it is stopped.
    """

    def __init__(
        self,
        view: ChainView,
        spec: TaskSpec,
        store: OperatorStore,
        network: int,
        *,
        prover: StatementProver,
        settings: ServiceSettings | None = None,
        notify: Notify = ignore,
    ) -> None:
        self.settings = settings or ServiceSettings()
        super().__init__(view, spec, store, poll=self.settings.poll, notify=notify)
        self.network = network
        self.task = network_of(view, spec, network).task
        self._prover = prover
        self._shape = predict_shape(spec)
        self._key = secret_key(store)
        self._contract = view.inference.address
        self.offered = False
        """Whether the model is offered: from then on users can ask."""
        self.server = Server(self, host=self.settings.host, port=self.settings.port)

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.server.close()

    def tick(self) -> bool:
        """Answer what is waiting; never done."""
        if not self.offered:
            self.view.publish(self.settings.endpoint or self.server.url, self._key.public_key().public_bytes_raw())
            self._offer()
            self.offered = True
        if waiting := self._waiting():
            self._attend(waiting)
        return False

    def _waiting(self) -> list[tuple[HeldInput, ChainRequest]]:
        """The requests whose inputs are here, as they are now; those of a network served before are left alone."""
        held = self.store.waiting(self._contract)
        found = [(one, ChainRequest.read(self.view, one.request)) for one in held]
        return [(one, request) for one, request in found if request.network == self.network]

    def _attend(self, waiting: Sequence[tuple[HeldInput, ChainRequest]]) -> None:
        """Accept and answer requests, as far as the chain lets it."""
        present = self.view.chain.time  # not this machine's: nobody is late before the chain says so
        asked = [one for one in waiting if one[1].state is RequestState.ASKED and not one[1].late(present)]
        accepted = self._accept(asked)
        for held, request in waiting:
            if request.over or request.late(present):
                self._settle(held, request)
            elif request.state is RequestState.ACCEPTED or held.request in accepted:
                self._answer(held, request)

    def _offer(self) -> None:
        verifier = predict_verifier(self.view, self.spec)
        if self.view.inference.offer_of(self.network, self.view.address) != verifier.id:
            self.view.inference.offer(self.network, verifier.id)
            backing = self.view.backing_of(self.view.address).sentence
            text = f"offering predictions of network {self.network}, with {backing}"
            self._say("offered", text, {"network": self.network})

    def _accept(self, waiting: Sequence[tuple[HeldInput, ChainRequest]]) -> set[int]:
        """Accept what can be answered, as far as the stake goes; the requests' numbers."""
        chosen = self._within_stake([(held, one) for held, one in waiting if self._can_answer(held, one)])
        together = [held.request for held, _ in chosen]
        if len(together) > 1:
            try:
                self.view.inference.accept(together)
                return set(together)
            except TransactionError as error:
                if error.error not in GONE:
                    raise
        return {held.request for held, _ in chosen if self._accept_one(held)}

    def _within_stake(self, waiting: Sequence[tuple[HeldInput, ChainRequest]]) -> list[tuple[HeldInput, ChainRequest]]:
        """Those that the stake is enough for, besides what is owed already."""
        if not waiting:
            return []
        address = self.view.address
        room = self.view.backing_of(address).value - self.view.stakes.obligations_of(address)
        found = []
        for held, request in waiting[:MOST_AT_ONCE]:
            if request.operator_stake > max(room, 0):
                text = (
                    f"request {held.request} cannot be accepted: {request.operator_stake} wei of ETH are to be at stake"
                )
                self._say_once("stake", f"{text} for it, besides those for what was accepted already")
                continue
            room -= request.operator_stake
            found.append((held, request))
        return found

    def _accept_one(self, held: HeldInput) -> bool:
        try:
            self.view.inference.accept([held.request])
            return True
        except TransactionError as error:
            if error.error not in GONE:
                raise
            request = ChainRequest.read(self.view, held.request)
            if error.error == "WrongState" and not request.over:
                self.loop.wake()  # accepted by a transaction that was thought lost
            elif error.error in ("StakeTooLow", "LockTooLong"):
                self._say_once("stake", f"request {held.request} cannot be accepted: {error.message}")
            else:
                self._settle(held, request)
            return False

    def _answer(self, held: HeldInput, request: ChainRequest) -> None:
        prediction, proof = held.answer or self._prove(held, request.model_commitment)
        try:
            receipt = self.view.inference.answer(held.request, prediction, proof)
        except TransactionError as error:
            if error.error not in GONE:
                raise
            if error.error == "RetiredVerifier":
                self._give_back(held)
            else:
                self._settle(held, ChainRequest.read(self.view, held.request))
            return
        self.store.set_done(held.commitment)
        values = {
            "request": held.request,
            "transaction": receipt.transaction,
            "gas": receipt.gas_used,
            "fee": request.fee,
        }
        self._say("answered", f"answered request {held.request}", values)

    def _give_back(self, held: HeldInput) -> None:
        """Its verifier was retired, so that nobody can answer: the fee is the user's, and no stake is needed for it."""
        try:
            self.view.inference.refund(held.request)
        except TransactionError as error:
            if error.error not in GONE:
                raise
        self.store.set_done(held.commitment)
        text = f"request {held.request} cannot be answered: its verifier was retired; the fee went back to its user"
        self._say("retired", text, {"request": held.request})

    def _settle(self, held: HeldInput, request: ChainRequest) -> None:
        """Forget a request that is over without this process' doing."""
        self.store.set_done(held.commitment)
        if request.state is RequestState.ANSWERED:
            kind, text = "overtaken", f"request {held.request} was answered by a transaction of somebody else"
        elif request.state is RequestState.REFUNDED:
            kind, text = "refunded", f"request {held.request} was taken back"
        else:
            kind, text = "late", f"request {held.request} could not be answered in time"
        self._say(kind, text, {"request": held.request})

    def _can_answer(self, held: HeldInput, request: ChainRequest) -> bool:
        """Whether there is a proof of the answer: none is due of a request that was never accepted."""
        try:
            _ = self._statement(held, request.model_commitment).prediction
        except RangeError as error:
            self.store.set_done(held.commitment)
            text = f"request {held.request} is not accepted: {error.message}"
            self._say("unanswerable", text, {"request": held.request})
            return False
        return True

    def _statement(self, held: HeldInput, model_commitment: int) -> PredictStatement:
        policy, weights = model_of(self.view, self.task, model_commitment)
        content = held.content
        return PredictStatement(self._shape, policy.context, weights, content.features, content.salt)

    def _prove(self, held: HeldInput, model_commitment: int) -> tuple[int, tuple[int, ...]]:
        said = self._statement(held, model_commitment)
        name = self.spec.instances.predict if self.spec.instances else None
        (result,) = self._prover.prove([(name or "", said)])
        proof = proof_numbers(result)
        self.store.set_answer(held.commitment, said.prediction, proof)
        return said.prediction, proof

    # --- the service ---

    def receive(self, envelope: Envelope) -> Receipt:
        """Take the input of a request, from the one who asked."""
        header = envelope.header
        if (header.chain_id, header.contract) != (self.view.chain.chain_id, self._contract):
            raise MessageError("wrong_contract", "the message is for another chain or contract")
        if header.recipient != self.view.address:
            raise MessageError("wrong_recipient", f"the message is for {header.recipient}")
        found = ChainRequest.read(self.view, header.task)
        asked = (found.user, found.operator, found.input_commitment, found.network)
        if asked != (header.sender, self.view.address, header.subject, self.network):
            raise MessageError("not_the_sender", f"{header.sender} has not asked for that on the chain")
        if found.over:
            raise MessageError("stale", f"request {header.task} is over")
        content = PredictionInput.parse(envelope.open(self._key), self._shape, commitment=header.subject)
        self.store.add(self._contract, header.task, header.subject, content)
        self.loop.wake()
        return Receipt.sign(header, self.view.chain.account)
