"""An operator of a trained model: takes inputs from users who have asked on the chain, and answers with proofs.

It accepts a request only once it holds its input, because from then on an answer is due. Inputs are forgotten when
the request is over. Anybody may bring an operator's proof to the chain, or have it slashed when it is late: a request
that has moved on in the meantime is news, and never ends an operator that others wait for.
"""

from __future__ import annotations

from typing import Self

from twopm_zk.errors import InputError, MessageError, RangeError, TransactionError
from twopm_zk.participants.envelope import Envelope, Receipt
from twopm_zk.participants.messages import PredictionInput
from twopm_zk.participants.news import Notify, ignore
from twopm_zk.participants.participant import Participant
from twopm_zk.participants.records import secret_key
from twopm_zk.participants.service import ServiceSettings
from twopm_zk.participants.task_view import ChainView, model_of
from twopm_zk.participants.transport import Server
from twopm_zk.prediction.requests import ChainRequest, RequestState, predict_shape
from twopm_zk.prediction.store import HeldInput, OperatorStore
from twopm_zk.proving.statement_prover import StatementProver, proof_numbers
from twopm_zk.statements import PredictStatement
from twopm_zk.task.specification import TaskSpec

MOVED_ON = frozenset({"WrongState", "DeadlinePassed"})
"""Refusals which only say that a request is not any more what it was when it was read."""


class Operator(Participant[OperatorStore]):
    """Answers requests for one task's model: ``with Operator(...) as operator: operator.run()``.

    Offers the model when it starts, if it does not yet. `run` ends only when it is stopped.
    """

    def __init__(
        self,
        view: ChainView,
        spec: TaskSpec,
        store: OperatorStore,
        task: int,
        *,
        prover: StatementProver,
        settings: ServiceSettings | None = None,
        notify: Notify = ignore,
    ) -> None:
        self.settings = settings or ServiceSettings()
        super().__init__(view, spec, store, poll=self.settings.poll, notify=notify)
        if view.state(task).spec_hash != spec.spec_hash:
            raise InputError(f"task {task} is of another specification than the one given")
        self.task = task
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
        for held in self.store.waiting(self._contract):
            self._attend(held)
        return False

    def _offer(self) -> None:
        name = self.spec.instances.predict if self.spec.instances else None
        verifier = self.view.deployment.verifiers.get(name or "")
        if verifier is None:
            raise InputError(
                f"the deployment has no verifier of {name!r}, which predictions need",
                kind="no-predict-verifier",
                instance=name,
            )
        offers, withdrawn = (
            self.view.inference.contract.events(
                name, from_block=self.view.deployment.block, operator=self.view.address, taskId=self.task
            )
            for name in ("Offered", "OfferWithdrawn")
        )
        if not offers or offers[-1]["verifier"] != verifier.address or len(withdrawn) >= len(offers):
            self.view.inference.offer(self.task, verifier.id)
            self._say("offered", f"offering predictions of task {self.task}", {"task": self.task})

    def _attend(self, held: HeldInput) -> None:
        """Accept and answer a request, as far as the chain lets it."""
        request = ChainRequest.read(self.view, held.request)
        try:
            if request.state is RequestState.ASKED:
                if not self._can_answer(held, request.model_commitment):
                    self.store.set_done(held.commitment)
                    return
                self.view.inference.accept(held.request)
            if not request.over:
                self._answer(held, request)
                return
        except TransactionError as error:
            if error.error == "StakeTooLow":
                self._say_once("stake", f"request {held.request} cannot be accepted: {error.message}")
                return
            if error.error not in MOVED_ON:
                raise
            request = ChainRequest.read(self.view, held.request)
            if error.error == "WrongState" and not request.over:
                self.loop.wake()  # accepted by a transaction that was thought lost
                return
        self._settle(held, request)

    def _answer(self, held: HeldInput, request: ChainRequest) -> None:
        prediction, proof = held.answer or self._prove(held, request.model_commitment)
        receipt = self.view.inference.answer(held.request, prediction, proof)
        self.store.set_done(held.commitment)
        values = {"request": held.request, "transaction": receipt.transaction, "gas": receipt.gas_used}
        self._say("answered", f"answered request {held.request}", values)

    def _settle(self, held: HeldInput, request: ChainRequest) -> None:
        """Forget a request that is over without this process' doing."""
        self.store.set_done(held.commitment)
        if request.state is RequestState.ANSWERED:
            kind, text = "overtaken", f"request {held.request} was answered by a transaction of somebody else"
        else:
            kind, text = "late", f"request {held.request} could not be answered in time"
        self._say(kind, text, {"request": held.request})

    def _can_answer(self, held: HeldInput, model_commitment: int) -> bool:
        """Whether there is a proof of the answer: none is due of a request that was never accepted."""
        try:
            _ = self._statement(held, model_commitment).prediction
        except RangeError as error:
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
        asked = (found.user, found.operator, found.input_commitment, found.task)
        if asked != (header.sender, self.view.address, header.subject, self.task):
            raise MessageError("not_the_sender", f"{header.sender} has not asked for that on the chain")
        if found.over:
            raise MessageError("stale", f"request {header.task} is over")
        content = PredictionInput.parse(envelope.open(self._key), self._shape, commitment=header.subject)
        self.store.add(self._contract, header.task, header.subject, content)
        self.loop.wake()
        return Receipt.sign(header, self.view.chain.account)
