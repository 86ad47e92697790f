"""Conversations over HTTP, in the usual shape of chat completions or sealed: who may ask, and answers as they come.

A server that answers reads what is asked in the open, while it answers. What is sealed it reads only where it is the
operator that it is sealed to; otherwise it passes it on. Nothing of either is kept.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from twopm_zk.chat.operator import OpenAnswer, SealedAnswer, Whole
from twopm_zk.chat.question import Request as Asked
from twopm_zk.chat.relay import Relay
from twopm_zk.chat.service import Conversation
from twopm_zk.conversation.transcript import Transcript
from twopm_zk.gateway.limits import Buckets
from twopm_zk.gateway.requests import Parts, Requests
from twopm_zk.gateway.responses import NOT_KEPT, RefusedError, encoded, json_answer, refusal_of
from twopm_zk.participants.envelope import MAX_ENVELOPE, Envelope
from twopm_zk.participants.news import News

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_T = TypeVar("_T")
_WRAPPING = 1024
_GONE = 499
"""The status of an answer that nobody reads any more."""


class ConversationRequests(Requests):
    """The handlers of conversations."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._answers = Buckets(parts.settings.limits.answers)

    async def on_models(self, _: Request) -> Response:
        """The models that are answered with here, in the usual shape."""
        found = self.parts.conversation
        names = [] if found is None or found.model is None else [found.model]
        return json_answer(
            {
                "object": "list",
                "data": [{"id": name, "object": "model", "created": 0, "owned_by": "twopm-zk"} for name in names],
            }
        )

    async def on_chat(self, request: Request) -> Response:
        """Answer a conversation, in the open or sealed."""
        found = self.parts.conversation
        if found is None:
            raise RefusedError(409, "no-conversation", "this server answers no conversations")
        document = await self.json(request, limit=MAX_ENVELOPE + _WRAPPING)
        if "sealed" in document:
            return await self._sealed(request, found, document)
        session = self.parts.sessions.session(request.headers.get("authorization"))
        asked = Asked.from_document(document)
        if found.operator is None:
            raise RefusedError(409, "sealed-only", "this server passes sealed conversations on, and reads none")
        if asked.model not in (None, found.model, found.operator.desk.worker.digest):
            raise RefusedError(404, "no-model", "that model does not answer here; GET /v1/models names those that do")
        await self._admit(found, session.account)
        answer = await while_there(request, found.operator.answer(asked.question, session.account))
        shape = _Shape(found.model or "", int(time.time()))
        if asked.stream:
            return self._streamed(shape.chunks(answer), answer)
        return json_answer(await while_there(request, shape.whole(answer)))

    async def _sealed(self, request: Request, found: Conversation, document: Mapping[str, Any]) -> Response:
        from starlette.concurrency import run_in_threadpool

        if not set(document) <= {"sealed", "model", "stream"}:
            raise RefusedError(422, "malformed", "beside a sealed question nothing is said in the open")
        envelope = Envelope.parse(encoded(document["sealed"]))
        await run_in_threadpool(envelope.require_signature)
        await self._admit(found, envelope.header.sender)
        if isinstance(found.answers, Relay):
            member = await self.from_chain(found.answers.member)
            answer = await while_there(request, found.answers.answer_sealed(envelope, member))
        else:
            answer = await while_there(request, found.answers.answer_sealed(envelope))
        return self._streamed(answer, answer)

    async def _admit(self, found: Conversation, account: str) -> None:
        """RefusedError unless the account has the network's stake, and has not asked too often."""
        network = self.snapshot.networks.get(found.network)
        if network is None or network.entry.closed:
            raise RefusedError(409, "closed", "the network of these conversations takes none at present")
        self._answers.take(account)
        await self.require_stake(account, network.entry.terms.user_stake)

    def _streamed(
        self, documents: SealedAnswer | AsyncIterator[Mapping[str, Any]], answer: OpenAnswer | SealedAnswer
    ) -> Response:
        from starlette.responses import StreamingResponse

        async def lines() -> AsyncIterator[bytes]:
            try:
                async for document in documents:
                    yield b"data: " + encoded(document) + b"\n\n"
                yield b"data: [DONE]\n\n"
            except Exception as error:
                refusal = refusal_of(error)
                if refusal.status == 500:
                    said = f"an answer has failed ({type(error).__name__})"
                    self.parts.notify(News("fault", said, {"path": "/v1/chat/completions"}))
                yield b"data: " + encoded({"error": refusal.kind, "message": refusal.message}) + b"\n\n"
            finally:
                answer.close()

        headers = {"Cache-Control": NOT_KEPT, "X-Accel-Buffering": "no"}
        return StreamingResponse(lines(), headers=headers, media_type="text/event-stream")


class _Shape:
    """Answers in the usual shape, with the receipt beside it."""

    def __init__(self, model: str, created: int) -> None:
        self._common = {"id": f"chatcmpl-{secrets.token_hex(12)}", "created": created, "model": model}

    async def chunks(self, answer: OpenAnswer) -> AsyncIterator[Mapping[str, Any]]:
        """An answer piece by piece; the last piece has the receipt."""
        yield self._chunk({"role": "assistant", "content": ""})
        async for found in answer:
            if isinstance(found, Whole):
                yield {**self._chunk({}, found.finish_reason), **_after(found)}
            else:
                yield self._chunk({"content": found})

    def _chunk(self, delta: Mapping[str, str], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**self._common, "object": "chat.completion.chunk", "choices": [choice]}

    async def whole(self, answer: OpenAnswer) -> Mapping[str, Any]:
        """A whole answer."""
        pieces: list[str] = []
        try:
            async for found in answer:
                if isinstance(found, Whole):
                    message = {"role": "assistant", "content": "".join(pieces)}
                    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": found.finish_reason}
                    return {**self._common, "object": "chat.completion", "choices": [choice], **_after(found)}
                pieces.append(found)
        finally:
            answer.close()
        raise RefusedError(_GONE, "gone", "nobody waits for this answer")


def _after(found: Whole) -> dict[str, Any]:
    """What comes with the end of an answer."""
    transcript: Transcript = found.kept.transcript
    prompt, answer = len(transcript.execution.prompt), len(transcript.answer)
    usage = {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}
    return {"usage": usage, "receipt": found.kept.to_json()}


async def while_there(request: Request, work: Awaitable[_T]) -> _T:
    """The result of some work, which is cancelled when whoever asks for it has gone."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise RefusedError(_GONE, "gone", "nobody waits for this answer")
    finally:
        gone.cancel()
        task.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
