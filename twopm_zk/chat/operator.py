"""An operator of conversations: answers in the open or sealed, and signs a receipt for each answer.

It keeps nothing of what is said, unless it was paid for. What it remembers is which sealed questions it has answered
within the last minutes, by their commitments, so that nobody has it answer the same one twice.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from twopm_zk.chat.desk import Desk
from twopm_zk.chat.paid import PaidAnswer, PaidAnswers
from twopm_zk.chat.question import Question, SealedQuestion, require_subject
from twopm_zk.chat.running import Running
from twopm_zk.chat.sealed import SALT_BYTES, AnswerSealer, answer_key
from twopm_zk.conversation.receipt import KeptAnswer, Receipt, SignedReceipt, adapter_of
from twopm_zk.conversation.transcript import Transcript
from twopm_zk.conversation.worker import Answered
from twopm_zk.errors import MessageError, TwopmError
from twopm_zk.participants.envelope import Envelope
from twopm_zk.participants.messages import MAX_PAYLOAD

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

FRESH_SECONDS = 600
"""How far the clock of who asks may be from the operator's, and for how long commitments are remembered."""
_MOST_REMEMBERED = 20_000


@dataclass(frozen=True)
class Place:
    """What receipts of one operator and network have in common."""

    chain_id: int
    contract: str
    network: int


@dataclass(frozen=True)
class Terms:
    """What a receipt is given for: a request, or 0 where it is free, and the penalty that stands behind it."""

    request: int
    penalty: int


@dataclass(frozen=True)
class Whole:
    """A whole answer: why it ended, and what its user keeps of it."""

    stopped: bool
    kept: KeptAnswer = field(repr=False)

    @property
    def finish_reason(self) -> str:
        """``stop`` where the model ended it, ``length`` where the limit did."""
        return "stop" if self.stopped else "length"


class SealedAnswer(Protocol):
    """A sealed answer on its way: documents that begin with a salt."""

    def __aiter__(self) -> AsyncIterator[Mapping[str, Any]]:
        """The documents as they come."""

    def close(self) -> None:
        """Nobody wants more of it."""


class ConversationOperator:
    """Answers for one account. ``penalty`` is what it stands for a free answer with, in wei of ETH, as it is now."""

    def __init__(
        self,
        desk: Desk,
        account: LocalAccount,
        key: X25519PrivateKey,
        place: Place,
        *,
        penalty: Callable[[], int] = lambda: 0,
        paid: PaidAnswers | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.desk, self.place, self.paid = desk, place, paid
        self._account, self._key, self._penalty, self._clock = account, key, penalty, clock
        self._answered: OrderedDict[int, float] = OrderedDict()

    @property
    def address(self) -> str:
        """The account whose signature receipts have."""
        return str(self._account.address)

    @property
    def public_key(self) -> bytes:
        """The X25519 key that questions are sealed to."""
        return self._key.public_key().public_bytes_raw()

    async def answer(self, question: Question, user: str) -> OpenAnswer:
        """An answer in the open, whose first piece is there. Raises as `Desk.begin` does."""
        return OpenAnswer(self, await self.desk.begin(question.asked, user), user)

    async def answer_sealed(self, envelope: Envelope) -> SealedAnswer:
        """A sealed answer to a sealed question, whose signature has been checked.

        Raises MessageError for one that is not for this operator, or not fresh, and as `Desk.begin` does.
        """
        question, header = self._opened(envelope), envelope.header
        if header.task and self.paid is not None:
            paid = await self.paid.answer(envelope, question)
            found = OpenAnswer(self, paid, header.sender, await self._terms_of(header.task))
        else:
            found = await self.answer(question, header.sender)
            self._answered[header.subject] = self._clock()
        salt = secrets.token_bytes(SALT_BYTES)
        return _Sealed(found, AnswerSealer(answer_key(envelope.answer_secret(self._key), header, salt)), salt)

    async def _terms_of(self, request: int) -> Terms:
        if self.paid is None:
            return Terms(request, self._penalty())
        return Terms(request, (await asyncio.to_thread(self.paid.request, request)).penalty)

    def _opened(self, envelope: Envelope) -> Question:
        header, place, now = envelope.header, self.place, self._clock()
        if header.kind != SealedQuestion.kind or (header.chain_id, header.contract) != (place.chain_id, place.contract):
            raise MessageError("wrong_contract", "the message is for another chain or contract")
        if header.recipient != self.address:
            raise MessageError("wrong_recipient", f"the message is for {header.recipient}")
        if header.task and self.paid is None:
            raise MessageError("not_the_sender", "questions that were paid for are not taken here")
        self._forget(now)
        if header.subject in self._answered:
            raise MessageError("stale", "this question was answered before")
        found = self._read(envelope)
        if found.network != place.network:
            raise MessageError("wrong_contract", f"the question is for network {found.network}")
        if not header.task and abs(found.issued - now) > FRESH_SECONDS:
            raise MessageError(
                "stale", f"the question is of another time than within {FRESH_SECONDS} s; are the clocks right?"
            )
        return found.question

    def _read(self, envelope: Envelope) -> SealedQuestion:
        content = envelope.open(self._key)
        require_subject(content, envelope.header.subject)
        return SealedQuestion.parse(content, limit=MAX_PAYLOAD)

    def look(self) -> None:
        """Do what is due for answers that were paid for: those of before a restart are given now; waits for them."""
        if self.paid is not None:
            self.paid.resume(lambda envelope: self._read(envelope).question)
            self.paid.look()

    def _forget(self, now: float) -> None:
        """Forget commitments whose questions would be refused for their age, and the oldest of too many."""
        while self._answered:
            first, since = next(iter(self._answered.items()))
            if now - since <= 2 * FRESH_SECONDS and len(self._answered) < _MOST_REMEMBERED:
                return
            del self._answered[first]

    def sign(self, transcript: Transcript, user: str, terms: Terms | None = None) -> KeptAnswer:
        """The receipt of an answer, with its transcript."""
        place, terms = self.place, terms or Terms(0, self._penalty())
        receipt = Receipt(
            chain_id=place.chain_id,
            contract=place.contract,
            network=place.network,
            request=terms.request,
            user=user,
            operator=self.address,
            model=bytes.fromhex(transcript.execution.model),
            adapter=adapter_of(transcript),
            transcript=transcript.digest,
            penalty=terms.penalty,
            issued=int(self._clock()),
        )
        return KeptAnswer(SignedReceipt.sign(receipt, self._account), transcript)


class OpenAnswer:
    """The pieces of an answer as they come, and `Whole` last. Who takes them calls `close` at the end."""

    def __init__(
        self,
        operator: ConversationOperator,
        running: Running[str | Answered] | PaidAnswer,
        user: str,
        terms: Terms | None = None,
    ) -> None:
        self._operator, self._running, self._user, self._terms = operator, running, user, terms

    async def __aiter__(self) -> AsyncIterator[str | Whole]:
        async for found in self._running:
            if isinstance(found, Answered):
                yield Whole(found.stopped, self._operator.sign(found.transcript, self._user, self._terms))
            else:
                yield found

    def close(self) -> None:
        """Nobody wants more of it."""
        self._running.close()


class _Sealed:
    def __init__(self, answer: OpenAnswer, sealer: AnswerSealer, salt: bytes) -> None:
        self._answer, self._sealer, self._salt = answer, sealer, salt

    async def __aiter__(self) -> AsyncIterator[Mapping[str, Any]]:
        yield {"salt": self._salt.hex()}
        try:
            async for found in self._answer:
                if isinstance(found, Whole):
                    last = {"finish": found.finish_reason, "kept": found.kept.to_json()}
                    yield self._sealer.seal(last, last=True).to_json()
                else:
                    yield self._sealer.seal({"text": found}).to_json()
        except TwopmError as error:
            yield self._sealer.seal({"error": error.message}, last=True).to_json()

    def close(self) -> None:
        self._answer.close()
