"""A model in a process of its own: one answer at a time, given up when nobody wants it any more.

What is said goes through pipes between two processes of one machine, and is nowhere else: no file, no log, no core of a
process that has died. An answer that is given up ends at its next token. A process that does not listen, since it reads
a long prompt, is ended; the next question finds a new one.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Self

from twopm_zk.conversation.adapter import Adapter, Integers
from twopm_zk.conversation.model import SMOLLM2_FILE, ConversationModel
from twopm_zk.conversation.tokens import Message
from twopm_zk.conversation.transcript import Transcript
from twopm_zk.errors import InputError, ToolError, ToolMissingError, TwopmError

LOAD_SECONDS = 120.0
"""How long reading a model may take."""
ANSWER_SECONDS = 1800.0
"""How long one answer may take; then its process has failed."""
_HEED_SECONDS = 2.0
"""How long a process has to heed that an answer is given up."""
_LOOK_SECONDS = 0.05
_STOP = "stop"


@dataclass(frozen=True)
class AdapterParameters:
    """A result of federated learning as an adapter is made of it."""

    parameters: Integers = field(repr=False)
    digest: str
    """The hash of the accepted result, 64 hex digits."""


@dataclass(frozen=True)
class ModelFile:
    """Which model, and how many threads compute; the defaults are the installed model and all cores."""

    path: str | None = None
    digest: str = SMOLLM2_FILE
    threads: int | None = None
    adapter: AdapterParameters | None = field(default=None, repr=False)

    def load(self) -> ConversationModel:
        """Read it, as `ConversationModel.load` does; InputError for an adapter of another width."""
        model = ConversationModel.load(self.path, digest=self.digest, threads=self.threads)
        if self.adapter is None:
            return model
        width = model.network.shape.width
        return model.with_adapter(
            Adapter.from_parameters(self.adapter.parameters, width=width, digest=self.adapter.digest)
        )


@dataclass(frozen=True)
class Asked:
    """A conversation to answer."""

    messages: Sequence[Message] = field(repr=False)
    seed: bytes = field(repr=False)
    temperature: int
    """Thousandths."""
    max_tokens: int
    commitment: bytes | None = None
    """What the execution has to commit to, where that was paid for."""


@dataclass(frozen=True)
class Answered:
    """A whole answer."""

    transcript: Transcript
    stopped: bool
    """Whether the model ended it; else the limit, or the end of the context, did."""


class Worker:
    """``with Worker(ModelFile()) as worker``: `answer` is for one thread at a time.

    Raises what reading the model raises, and ToolError where its process cannot be started or dies.
    """

    def __init__(self, file: ModelFile) -> None:
        self._file = file
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._one = threading.Lock()
        self._closed = False
        self.digest = ""
        """The model's, once it was read."""
        self.context = 0
        self.adapter = bytes(32) if file.adapter is None else bytes.fromhex(file.adapter.digest)
        """The digest of the model's adapter; zeros where it has none."""

    def __enter__(self) -> Self:
        self._begin()
        return self

    def __exit__(self, *exception: object) -> None:
        self._closed = True
        self._end()

    @property
    def process_id(self) -> int | None:
        """Of the process that has the model, if there is one."""
        return None if self._process is None else self._process.pid

    def _begin(self) -> Connection:
        if self._pipe is not None:
            return self._pipe
        context = get_context("spawn")  # a fork of a process with threads may hang
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(self._file, theirs), daemon=True)
        try:
            process.start()
        except (OSError, RuntimeError) as error:
            ours.close()
            raise ToolError("no process could be started for the language model") from error
        finally:
            theirs.close()
        self._process, self._pipe = process, ours
        try:
            if not ours.poll(LOAD_SECONDS):
                raise ToolError(f"the language model was not read within {LOAD_SECONDS:g} s")
            kind, *values = ours.recv()
        except (EOFError, OSError):
            self._end()
            raise ToolError("the process of the language model has died while it read the model") from None
        except ToolError:
            self._end()
            raise
        if kind != "ready":
            self._end()
            raise _error_of(kind, values)
        self.digest, self.context = values
        return ours

    def _end(self) -> None:
        process, pipe = self._process, self._pipe
        self._process = self._pipe = None
        if pipe is not None:
            pipe.close()
        if process is not None:
            process.kill()
            process.join(10)

    def answer(self, asked: Asked, *, wanted: Callable[[], bool] = lambda: True) -> Iterator[str | Answered]:
        """The pieces of an answer as they are computed, and all of it last.

        It ends without that where it is not ``wanted`` any more. Raises InputError for a conversation that cannot be
        answered, ToolError where the process dies.
        """
        with self._one:
            if self._closed:
                raise ToolError("the language model's process is ending")
            pipe, finished = self._begin(), False
            try:
                pipe.send(asked)
                until = time.monotonic() + ANSWER_SECONDS
                while not finished:
                    said = self._next(pipe, wanted, until)
                    if said is None:
                        return
                    kind, *values = said
                    finished = kind != "piece"
                    if kind not in ("piece", "done"):
                        raise _error_of(kind, values)
                    yield values[0]
            except (EOFError, OSError):
                finished = False
                raise ToolError("the process of the language model has died") from None
            finally:
                if not finished and not self._heeds(pipe):
                    self._end()

    @staticmethod
    def _next(pipe: Connection, wanted: Callable[[], bool], until: float) -> Any:
        while not pipe.poll(_LOOK_SECONDS):
            if not wanted():
                return None
            if time.monotonic() > until:
                raise ToolError("an answer has taken too long")
        return pipe.recv() if wanted() else None

    @staticmethod
    def _heeds(pipe: Connection) -> bool:
        """Whether the process has given up its answer, and waits for the next."""
        until = time.monotonic() + _HEED_SECONDS
        try:
            pipe.send(_STOP)
            while pipe.poll(max(0.0, until - time.monotonic())):
                kind, *_ = pipe.recv()
                if kind == "stopped":
                    return True
        except (EOFError, OSError):
            return False
        return False


def _error_of(kind: str, values: Sequence[Any]) -> TwopmError:
    message, facts = values
    return {"input": InputError, "missing": ToolMissingError}.get(kind, ToolError)(message, **facts)


def _serve(file: ModelFile, pipe: Connection) -> None:
    """What the other process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it ends it
    _leave_no_core()
    try:
        model = file.load()
        model.vocabulary.encode("a")  # what is missing for texts is missed now, and not by the first who asks
        pipe.send(("ready", model.digest, model.context))
    except Exception as error:
        pipe.send(_said(error))
        return
    try:
        while True:
            asked = pipe.recv()
            if asked == _STOP:  # it came after the end of what it is about
                pipe.send(("stopped",))
            else:
                _answer(model, asked, pipe)
                asked = None
    except (EOFError, OSError):
        return


def _answer(model: ConversationModel, asked: Asked, pipe: Connection) -> None:
    try:
        reply = model.chat(
            asked.messages, seed=asked.seed, temperature=asked.temperature / 1000, max_tokens=asked.max_tokens
        )
        if asked.commitment not in (None, reply.execution.commitment):
            raise InputError("the question is not the one that was paid for", kind="another-question")
        for piece in reply:
            pipe.send(("piece", piece))
            if pipe.poll():  # nothing but that it is to stop is sent now
                return
        transcript = reply.transcript
        pipe.send(("done", Answered(transcript, transcript.answer[-1] in model.vocabulary.control)))
    except OSError:
        raise
    except Exception as error:
        pipe.send(_said(error))


def _said(error: Exception) -> tuple[str, str, dict[str, Any]]:
    """An error as the other side hears it; the words of one that is not ours may hold anything."""
    if not isinstance(error, TwopmError):
        return "failed", f"an answer has failed ({type(error).__name__})", {}
    kind = {InputError: "input", ToolMissingError: "missing"}
    name = next((name for of, name in kind.items() if isinstance(error, of)), "failed")
    return name, error.message, {"hint": error.hint, "kind": error.kind, **error.facts}


def _leave_no_core() -> None:
    """A core of this process would have what was said in it."""
    if os.name == "posix":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
