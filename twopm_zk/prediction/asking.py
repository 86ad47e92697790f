"""Asking for predictions once: whatever happens to the user, there is one request for a question, and one payment.

What is asked is kept with salts before the transaction is sent, and then with the nonce of that, so that whoever was
killed finds its request, or sends it again (`ask_once`). The same row is another question only once its answer was
heard, or its fee came back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from twopm_zk.chain.networks import NetworkEntry
from twopm_zk.chain.networks.asking import ask_once
from twopm_zk.errors import InputError
from twopm_zk.numbers.commitments import random_scalar
from twopm_zk.participants.messages import PredictionInput
from twopm_zk.participants.task_view import ChainView
from twopm_zk.prediction.requests import (
    BACK,
    ChainRequest,
    asked_events,
    network_of,
    predict_shape,
    predict_verifier,
    quantized_row,
)
from twopm_zk.prediction.store import SentInput, UserStore
from twopm_zk.task.specification import TaskSpec


class Asking:
    """What one user asks, and which requests the chain has of it."""

    def __init__(self, view: ChainView, spec: TaskSpec, store: UserStore) -> None:
        store.belongs_to(view.address, view.fingerprint)
        self.view, self.spec, self.store = view, spec, store
        self._contract = view.inference.address

    def ask(self, network: int, operator: str, rows: Sequence[Mapping[str, Any]], *, maximum_fee: int = 0) -> list[int]:
        """Commit to rows, ask about all of them at once, and pay for them; the numbers of the requests.

        Where a row was asked about before, and its answer was not heard, its request is the one of then: it is looked
        for on the chain, and sent again where that has it not, under today's terms. ``maximum_fee`` is the most that is
        paid for a row, in wei of ETH or units of the token that the network takes. Raises InputError where the network
        asks for more, and TransactionError where the contract refuses: StakeTooLow, NotOffered, OtherVerifier,
        NetworkIsClosed; or where it is not known whether the question is on the chain: ask again then.
        """
        entry = network_of(self.view, self.spec, network)
        contents = [PredictionInput(quantized_row(self.spec, row), random_scalar()) for row in rows]
        sent = self._known(network, operator, contents)
        made = self._asked([one for one in sent if one])
        for index, one in enumerate(sent):
            if one and one.commitment in made and ChainRequest.read(self.view, made[one.commitment]).state in BACK:
                self.store.forget_input(one.commitment)
                sent[index] = None
        if any(one is None or one.commitment not in made for one in sent):
            self._require_fee(entry, maximum_fee)
            shape = predict_shape(self.spec)
            for index, content in enumerate(contents):
                if sent[index] is None:
                    new = sent[index] = SentInput(content.commitment(shape), network, operator, content)
                    self.store.add(self._contract, new)
        there = [one for one in sent if one]
        waiting = [one for one in there if one.commitment not in made]
        for nonce in dict.fromkeys(one.nonce for one in waiting):  # what was sent together is sent together again
            together = [one for one in waiting if one.nonce == nonce]
            made |= self._send(entry, operator, together, maximum_fee=maximum_fee)
        return [made[one.commitment] for one in there]

    def _require_fee(self, entry: NetworkEntry, maximum_fee: int) -> None:
        if entry.terms.fee > maximum_fee:
            raise InputError(
                f"network {entry.id} takes a fee of {entry.terms.fee} for an input, more than {maximum_fee}",
                kind="fee-not-agreed",
                network=entry.id,
                fee=entry.terms.fee,
                token=entry.token,
            )

    def _known(self, network: int, operator: str, contents: Sequence[PredictionInput]) -> list[SentInput | None]:
        """For each content the input of before that has its features, where there is one; each is one question."""
        shape, kept = predict_shape(self.spec), self.store.kept(self._contract, network, operator)
        found: list[SentInput | None] = []
        for content in contents:
            same = None
            for one in kept:
                again = PredictionInput(content.features, one.content.salt)
                if again.commitment(shape) == one.commitment:  # also where its features are forgotten
                    same = replace(one, content=again)
                    kept.remove(one)
                    break
            found.append(same)
        return found

    def _asked(self, sent: Sequence[SentInput]) -> dict[int, int]:
        """The numbers of the requests that the chain has of inputs, by commitment."""
        if not any(one.nonce is not None for one in sent):
            return {}
        first = sent[0]
        events = asked_events(self.view, networkId=first.network, user=self.view.address, operator=first.operator)
        numbers = {int(event["inputCommitment"]): int(event["id"]) for event in reversed(events)}
        made = {one.commitment: numbers[one.commitment] for one in sent if one.commitment in numbers}
        for commitment, number in made.items():
            self.store.set_request(commitment, number)
        return made

    def _send(
        self, entry: NetworkEntry, operator: str, sent: Sequence[SentInput], *, maximum_fee: int
    ) -> dict[int, int]:
        """Ask about inputs in one transaction, unless the chain has their requests; their numbers by commitment."""
        inference, made, waiting = self.view.inference, dict[int, int](), list(sent)
        verifier = predict_verifier(self.view, self.spec)

        def look() -> dict[int, int] | None:
            made.update(self._asked(waiting))
            waiting[:] = [one for one in waiting if one.commitment not in made]
            return None if waiting else made

        def keep(nonce: int) -> None:
            waiting[:] = [replace(one, nonce=nonce) for one in waiting]
            self.store.set_sending(waiting, nonce)

        def ask() -> dict[int, int]:
            commitments = [one.commitment for one in waiting]
            numbers = inference.ask(entry, operator, verifier.id, commitments, maximum_fee=maximum_fee, once=True)
            for commitment, number in zip(commitments, numbers, strict=True):
                self.store.set_request(commitment, number)
                made[commitment] = number
            return made

        def forget() -> None:
            for one in waiting:
                self.store.forget_input(one.commitment)

        inference.allow(entry, entry.terms.fee * len(sent))  # a transaction too: before a nonce is held
        return ask_once(self.view.chain, sent[0].nonce, look=look, keep=keep, ask=ask, forget=forget)

    def _request_of(self, sent: SentInput) -> ChainRequest | None:
        """The request of an input, also where its number was not heard of, or is another one since blocks were
        replaced; None where the chain has none."""
        if sent.request is not None:
            found = ChainRequest.read(self.view, sent.request)
            if (found.user, found.input_commitment) == (self.view.address, sent.commitment):
                return found
        number = self._asked([sent]).get(sent.commitment)
        return None if number is None else ChainRequest.read(self.view, number)
