"""Asking an operator: a question sealed to the key that it has on the chain, an answer that is held to its receipt.

Before a receipt is taken everything in it that the user knows is compared. That the tokens follow is for
`verify_receipt` to say, which needs the model.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from twopm_zk.chat.http import Caller
from twopm_zk.chat.operator import FRESH_SECONDS, Place
from twopm_zk.chat.question import Question, SealedQuestion, subject_of
from twopm_zk.chat.sealed import AnswerOpener, SealedPiece, answer_key, salt_of
from twopm_zk.conversation.receipt import KeptAnswer
from twopm_zk.errors import InputError, PeerError
from twopm_zk.participants.envelope import Header, seal_question

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount


@dataclass(frozen=True)
class Counterpart:
    """The operator that is asked: its account, and the X25519 key that the chain has of it."""

    address: str
    public_key: bytes = field(repr=False)


@dataclass(frozen=True)
class Expected:
    """What a receipt has to say, as the user knows it from the chain. None where it is not known."""

    model: str | None = None
    adapter: str | None = None
    penalty: int | None = None


class ConversationClient:
    """Asks one operator, through any server that passes sealed conversations on: ``for piece in client.ask(...)``."""

    def __init__(
        self,
        caller: Caller,
        account: LocalAccount,
        operator: Counterpart,
        place: Place,
        *,
        expected: Expected | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._caller, self._account, self._operator, self._place = caller, account, operator, place
        self._expected, self._clock = expected or Expected(), clock

    def ask(self, question: Question, *, request: int = 0) -> Iterator[str | KeptAnswer]:
        """The pieces of the answer as they come, and what is kept of it last; ``request`` is one that was paid for.

        Raises PeerError where none comes, or its receipt is not the one that was asked for; BusyError; MessageError.
        """
        content = SealedQuestion(question, self._place.network, int(self._clock())).encode()
        header = Header(
            kind=SealedQuestion.kind,
            chain_id=self._place.chain_id,
            contract=self._place.contract,
            task=request,
            sender=self._account.address,
            recipient=self._operator.address,
            subject=subject_of(content),
        )
        envelope, secret = seal_question(header, content, self._operator.public_key, self._account)
        documents = self._caller.events({"sealed": json.loads(envelope.encode())})
        opener = AnswerOpener(answer_key(secret, header, salt_of(_unrefused(next(documents, None)))))
        for document in documents:
            found = opener.open(SealedPiece.from_document(_unrefused(document)))
            if not isinstance(found, Mapping):
                raise PeerError("the operator's answer is not understood")
            if opener.ended:
                yield self._kept(found, question, request)
                return
            if not isinstance(found.get("text"), str):
                raise PeerError("the operator's answer is not understood")
            yield found["text"]
        raise PeerError("the operator's answer was cut off")

    def _kept(self, last: Mapping[str, Any], question: Question, request: int) -> KeptAnswer:
        if isinstance(last.get("error"), str):
            raise PeerError(f"the operator could not answer: {last['error'][:300]}")
        try:
            kept = KeptAnswer.from_document(last.get("kept"))
        except InputError as error:
            raise PeerError(f"the operator's receipt cannot be read: {error.message}") from None
        self.require(kept, question, request)
        return kept

    def require(self, kept: KeptAnswer, question: Question, request: int = 0) -> None:
        """PeerError unless a receipt is the operator's, and says what was asked, where, and about which model."""
        receipt, execution, expected = kept.signed.receipt, kept.transcript.execution, self._expected
        asked = question.seed, question.temperature, question.max_tokens
        checks = {
            "it is not signed by the operator": kept.signed.signed and receipt.operator == self._operator.address,
            "it is of another transcript": kept.committed,
            "it is for somebody else": (receipt.user, receipt.request) == (self._account.address, request),
            "it is of another chain, contract or network": Place(receipt.chain_id, receipt.contract, receipt.network)
            == self._place,
            "it has another seed, temperature or limit": asked
            == (execution.sampling.seed, execution.sampling.temperature, execution.max_tokens),
            "it is of another model": expected.model in (None, execution.model),
            "it is of another adapter": expected.adapter in (None, receipt.adapter.hex()),
            "the operator stands for it with another penalty than the network's": expected.penalty
            in (None, receipt.penalty),
            "it is of another time": abs(receipt.issued - self._clock()) <= FRESH_SECONDS,
        }
        wrong = [text for text, holds in checks.items() if not holds]
        if wrong:
            raise PeerError(f"the operator's receipt is not what was asked for: {wrong[0]}", kind="wrong-receipt")


def _unrefused(document: Any) -> Any:
    """A document, unless it says that something went wrong."""
    if isinstance(document, Mapping) and isinstance(document.get("message"), str) and "error" in document:
        raise PeerError(f"the answer was broken off: {document['message'][:300]}")
    return document
