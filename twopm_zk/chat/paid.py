"""Answers that were paid for: a request of ConversationContract accepted, answered by its deadline, and settled.

A question is accepted only once it is here and is the one that the request commits to. From then on it is answered
whether or not its user is still there, and after a restart: whoever accepts and does not answer loses stake. A
transcript is kept until nobody can challenge it, since an answer that nobody can show counts as wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from twopm_zk.chain.networks.conversations import ConversationRequest, ConversationState
from twopm_zk.chain.rpc import reading
from twopm_zk.chat.desk import Desk
from twopm_zk.chat.question import Question
from twopm_zk.chat.running import Running
from twopm_zk.chat.store import ConversationStore
from twopm_zk.conversation.transcript import Transcript
from twopm_zk.conversation.worker import Answered, Asked
from twopm_zk.errors import InputError, MessageError, TransactionError, TwopmError
from twopm_zk.participants.envelope import Envelope
from twopm_zk.participants.news import News, Notify, ignore
from twopm_zk.participants.task_view import ChainView
from twopm_zk.system.parsing import parse_json

_OVER = frozenset(
    {ConversationState.LATE, ConversationState.REFUNDED, ConversationState.SETTLED, ConversationState.WRONG}
)


class PaidAnswers:
    """The requests of one operator, which is the view's account."""

    def __init__(
        self, view: ChainView, desk: Desk, store: ConversationStore, network: int, *, notify: Notify = ignore
    ) -> None:
        self._view, self._desk, self._store, self._network, self._notify = view, desk, store, network, notify
        self._contract = view.network.conversations
        self._tasks: set[asyncio.Task[None]] = set()
        self._active: set[int] = set()
        self._told: set[int] = set()

    def offer(self) -> bool:
        """Offer the worker's model, where the network can be talked to for a fee; whether it is offered.

        Raises InputError where the network's adapter is another than the worker's: whoever answers with it loses stake.
        """
        model, adapter = self._model
        try:
            wanted = self._contract.adapter_of(self._network)
        except TransactionError:
            return False
        if wanted != adapter:
            raise InputError(
                f"network {self._network} has the adapter {wanted.hex()}, the model here has {adapter.hex()}",
                kind="other-adapter",
            )
        if self._contract.offer_of(self._network, self._view.address) != model:
            self._contract.offer(self._network, model)
        return True

    @property
    def _model(self) -> tuple[bytes, bytes]:
        """The digests of the model and of its adapter."""
        return bytes.fromhex(self._desk.worker.digest), self._desk.worker.adapter

    def request(self, number: int) -> ConversationRequest:
        """A request as it is now."""
        return reading("a request", lambda: self._contract.request(number))

    async def answer(self, envelope: Envelope, question: Question) -> PaidAnswer:
        """The answer to a question that was paid for, accepted on the chain.

        MessageError for one that nobody has asked for, that is over, or another than was paid for; and as `Desk.begin`.
        """
        number, user = envelope.header.task, envelope.header.sender
        request, now = await asyncio.to_thread(lambda: (self.request(number), self._view.chain.time))
        if (request.user, request.operator, request.network) != (user, self._view.address, self._network):
            raise MessageError("not_the_sender", f"{user} has not asked for that on the chain")
        states = (ConversationState.ASKED, ConversationState.ACCEPTED, ConversationState.ANSWERED)
        late = request.state is not ConversationState.ANSWERED and now > request.deadline
        if request.state not in states or late:
            raise MessageError("stale", f"request {number} is over")
        if (request.model, request.adapter) != self._model:
            raise MessageError(
                "does_not_open", "the request is about another model or adapter than is answered with here"
            )
        asked = replace(question.asked, commitment=request.prompt)
        try:
            running = await self._desk.begin(asked, user, attended=False)
        except InputError as error:
            raise MessageError("does_not_open", error.message) from None
        found = PaidAnswer()
        self._active.add(number)
        task = asyncio.create_task(self._finish(request, envelope, running, found))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.shield(found.accepted)  # whoever leaves now leaves an answer that is given all the same
        return found

    def _accept(self, number: int, envelope: Envelope) -> None:
        self._store.add(self._contract.address, number, envelope.encode().decode())
        try:
            self._contract.accept([number])
        except TransactionError as error:
            self._store.forget_request(number)
            raise MessageError(
                "stale", f"request {number} cannot be accepted: {error.error or error.message}"
            ) from None

    async def _finish(
        self, request: ConversationRequest, envelope: Envelope, running: Running[str | Answered], found: PaidAnswer
    ) -> None:
        """Accept a request, take its answer to the end, and say so on the chain, whoever listens."""
        try:
            if request.state is ConversationState.ASKED:
                await asyncio.to_thread(self._accept, request.id, envelope)
            found.accepted.set_result(None)
            async for piece in running:
                if isinstance(piece, Answered):
                    await asyncio.to_thread(self._answered, request, piece.transcript)
                found.say(piece)
            found.say(None)
        except Exception as error:
            if not found.accepted.done():
                found.accepted.set_exception(error)
                return
            text = error.message if isinstance(error, TwopmError) else type(error).__name__
            self._notify(News("fault", f"request {request.id} is accepted and not answered yet: {text}", {}))
            found.say(error)
        finally:
            running.close()
            self._active.discard(request.id)

    def _answered(self, request: ConversationRequest, transcript: Transcript) -> None:
        """Keep a transcript, and send its digest where it was not sent before."""
        if request.state is ConversationState.ANSWERED:
            return
        self._store.set_transcript(request.id, transcript.to_json())
        self._send(request.id, transcript)

    def _send(self, number: int, transcript: Transcript) -> None:
        self._contract.answer(number, transcript.digest)
        self._notify(News("answered", f"request {number} is answered", {"request": number}))

    def resume(self, opened: Callable[[Envelope], Question]) -> None:
        """Answer what was accepted and has no answer: after a restart, or where a process has died; waits for it."""
        for number, text in self._store.waiting(self._contract.address):
            if number in self._active:
                continue
            request = self.request(number)
            in_time = self._view.chain.time <= request.deadline
            if request.state is ConversationState.ASKED and in_time:
                continue
            if request.state is ConversationState.ACCEPTED and in_time:
                question = opened(Envelope.parse(text.encode()))
                self._answer_now(request, replace(question.asked, commitment=request.prompt))
            else:
                self._store.forget_request(number)

    def _answer_now(self, request: ConversationRequest, asked: Asked) -> None:
        for piece in self._desk.worker.answer(asked):
            if isinstance(piece, Answered):
                self._answered(request, piece.transcript)

    def look(self) -> None:
        """Send what could not be sent, settle what nobody has challenged, forget what is over, tell of challenges."""
        for number in self._store.answered(self._contract.address):
            request = self.request(number)
            if request.state is ConversationState.ACCEPTED and number not in self._active:
                self._send(number, self._kept(number))
            elif request.state is ConversationState.ANSWERED and self._view.chain.time > request.deadline:
                self._contract.settle(number)
                self._store.forget_request(number)
            elif request.state in _OVER:
                self._store.forget_request(number)
            elif request.state is ConversationState.CHALLENGED and request.case not in self._told:
                self._told.add(request.case)
                text = f"request {number} is challenged, in case {request.case}: show its transcript to who votes"
                self._notify(News("dispute", text, {"request": number, "case": request.case}))

    def _kept(self, number: int) -> Transcript:
        text = self._store.transcript(self._contract.address, number) or ""
        return Transcript.from_document(parse_json(text.encode(), what="a transcript"))


class PaidAnswer(AsyncIterator[str | Answered]):
    """The pieces of an answer that goes on whether or not they are taken."""

    def __init__(self) -> None:
        self.accepted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once the request is accepted; raises why it was not."""
        self._results: asyncio.Queue[str | Answered | Exception | None] = asyncio.Queue()

    def say(self, found: str | Answered | Exception | None) -> None:
        """The next piece, what went wrong, or None at the end."""
        self._results.put_nowait(found)

    async def __anext__(self) -> str | Answered:
        found = await self._results.get()
        if found is None:
            raise StopAsyncIteration
        if isinstance(found, Exception):
            raise found
        return found

    def close(self) -> None:
        """Nobody listens any more; it goes on."""
