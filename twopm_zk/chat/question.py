"""What is asked of a language model, parsed once from whatever form it came in, and what it is answered.

In the open a question has the usual shape of chat completions: ``messages``, ``temperature``, ``max_tokens``, ``seed``,
``stream``. What cannot be computed the same everywhere, or not at all, is refused by name; fields that change nothing
are taken. Sealed it is `SealedQuestion`, with whole numbers only.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from twopm_zk.conversation.sampling import MAX_TEMPERATURE, SEED_BYTES, thousandths
from twopm_zk.conversation.tokens import ROLES, Message
from twopm_zk.conversation.worker import Asked
from twopm_zk.errors import InputError, MessageError
from twopm_zk.participants import wire

MAX_MESSAGES = 128
MAX_CHARACTERS = 32_768
"""Of all messages; a conversation of more tokens than the model has places is refused in any case."""
MAX_TOKENS = 2048
USUAL_TOKENS = 256
PADDING = 1024
"""Contents are padded to multiples of so many bytes: their length says little of what is in them."""
_SEED_DOMAIN = b"twopm-zk conversation seed 1"
_COMMITMENT_DOMAIN = b"twopm-zk sealed question 1"
_SMALL_SEED = 1 << 63
_INDIFFERENT: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "top_p": (1,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logprobs": (False,),
    "stop": (),
    "top_logprobs": (),
    "logit_bias": ({},),
    "tools": ([],),
    "response_format": ({"type": "text"},),
}
"""Fields of the usual shape that are not computed here, with the values that ask for nothing; null is always one."""
_IGNORED = frozenset({"user", "metadata", "store", "stream_options"})
"""Fields that change no answer, whatever they say."""


@dataclass(frozen=True)
class Question:
    """A conversation, and how it is to be answered."""

    messages: tuple[Message, ...] = field(repr=False)
    seed: bytes = field(repr=False, default_factory=lambda: secrets.token_bytes(SEED_BYTES))
    temperature: int = 0
    """Thousandths."""
    max_tokens: int = USUAL_TOKENS

    def __post_init__(self) -> None:
        """Raise InputError for what is no question, which is not quoted."""
        if not 1 <= len(self.messages) <= MAX_MESSAGES:
            raise _wrong("messages", f"are 1 to {MAX_MESSAGES}")
        if any(message["role"] not in ROLES for message in self.messages):
            raise _wrong("messages", f"have a role each, one of {', '.join(ROLES)}")
        if sum(len(message["content"]) for message in self.messages) > MAX_CHARACTERS:
            raise _wrong("messages", f"have {MAX_CHARACTERS} characters in all at most")
        if len(self.seed) != SEED_BYTES:
            raise _wrong("seed", f"has {SEED_BYTES} bytes")
        if not 0 <= self.temperature <= MAX_TEMPERATURE:
            raise _wrong("temperature", "is from 0 to 10")
        if not 1 <= self.max_tokens <= MAX_TOKENS:
            raise _wrong("max_tokens", f"is from 1 to {MAX_TOKENS}")

    @property
    def asked(self) -> Asked:
        """The question as a worker takes it."""
        return Asked(self.messages, self.seed, self.temperature, self.max_tokens)


@dataclass(frozen=True)
class Request:
    """A question in the usual shape, and how its answer is to come."""

    question: Question
    model: str | None
    stream: bool

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """From parsed JSON. InputError ``malformed`` names the field that is wrong, and quotes nothing of it."""
        known = {"model", "messages", "temperature", "max_tokens", "max_completion_tokens", "seed", "stream"}
        for name, value in document.items():
            if name in known or name in _IGNORED or value is None:
                continue
            if name not in _INDIFFERENT:
                raise _wrong(_shown(name), "is not known here")
            if value not in _INDIFFERENT[name]:
                raise _wrong(name, "cannot be chosen here: leave it out")
        given = {name: value for name, value in document.items() if value is not None}
        if "max_tokens" in given and "max_completion_tokens" in given:
            raise _wrong("max_completion_tokens", "is another name of 'max_tokens': give one of them")
        model, stream = given.get("model"), given.get("stream", False)
        if model is not None and not isinstance(model, str):
            raise _wrong("model", "is a name")
        if not isinstance(stream, bool):
            raise _wrong("stream", "is true or false")
        limit = given.get("max_tokens", given.get("max_completion_tokens", USUAL_TOKENS))
        if isinstance(limit, bool) or not isinstance(limit, int):
            raise _wrong("max_tokens", f"is from 1 to {MAX_TOKENS}")
        seed = _seed_of(given["seed"]) if "seed" in given else secrets.token_bytes(SEED_BYTES)
        question = Question(_messages_of(given.get("messages")), seed, _thousandths_of(given), limit)
        return cls(question, model, stream)


@dataclass(frozen=True)
class SealedQuestion:
    """A question as it travels to an operator, readable by it alone."""

    kind: ClassVar[str] = "conversation"
    question: Question
    network: int
    issued: int
    """Seconds since 1970 by the user's clock: a question of the past is not answered again."""

    def encode(self) -> bytes:
        """Plain bytes, padded; private."""
        question = self.question
        document = {
            "messages": [dict(message) for message in question.messages],
            "seed": question.seed.hex(),
            "temperature": question.temperature,
            "max_tokens": question.max_tokens,
            "network": self.network,
            "issued": self.issued,
        }
        return padded(wire.encode(document), PADDING)

    @classmethod
    def parse(cls, data: bytes, *, limit: int) -> Self:
        """Raises MessageError ``malformed``."""
        names = ("messages", "seed", "temperature", "max_tokens", "network", "issued")
        fields = wire.Fields(wire.parse(data, limit=limit), "question", names)
        try:
            question = Question(
                _messages_of(fields.any("messages")),
                fields.hexadecimal("seed", length=SEED_BYTES),
                fields.integer("temperature", high=MAX_TEMPERATURE),
                fields.integer("max_tokens", low=1, high=MAX_TOKENS),
            )
        except InputError as error:
            raise wire.malformed(error.message) from None
        return cls(question, fields.integer("network", high=1 << 48), fields.integer("issued", high=1 << 48))


def subject_of(content: bytes) -> int:
    """The commitment to a content, as the number that an envelope's header has; the seed in it hides the rest."""
    return int.from_bytes(hashlib.sha256(_COMMITMENT_DOMAIN + content).digest(), "big")


def padded(data: bytes, multiple: int) -> bytes:
    """Bytes of JSON with spaces after them, up to a multiple."""
    return data.ljust(-(-len(data) // multiple) * multiple)


def require_subject(content: bytes, subject: int) -> None:
    """MessageError ``does_not_open`` unless a header's subject is of this content."""
    if subject_of(content) != subject:
        raise MessageError("does_not_open", "the question does not open the commitment in the message's header")


def _messages_of(value: Any) -> tuple[Message, ...]:
    if not isinstance(value, list):
        raise _wrong("messages", f"are a list of 1 to {MAX_MESSAGES}")
    if len(value) > MAX_MESSAGES:
        raise _wrong("messages", f"are 1 to {MAX_MESSAGES}")
    return tuple(_message_of(one) for one in value)


def _message_of(value: Any) -> Message:
    if not isinstance(value, Mapping):
        raise _wrong("messages", "are objects with role and content")
    given = {name: part for name, part in value.items() if part is not None}
    if set(given) != {"role", "content"}:
        raise _wrong("messages", "have a role and a content each, and nothing else")
    if given["role"] not in ROLES:
        raise _wrong("messages", f"have a role each, one of {', '.join(ROLES)}")
    return {"role": given["role"], "content": _content_of(given["content"])}


def _content_of(value: Any) -> str:
    """A message's text: a string, or parts that are texts."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and len(value) <= MAX_MESSAGES:
        texts = [part["text"] for part in value if isinstance(part, Mapping) and set(part) == {"type", "text"}]
        named = all(isinstance(part, Mapping) and part.get("type") == "text" for part in value)
        if named and len(texts) == len(value) and all(isinstance(text, str) for text in texts):
            return "".join(texts)
    raise _wrong("messages", "have text as their content, and nothing else")


def _seed_of(value: Any) -> bytes:
    """32 bytes from 64 hex digits; from a whole number those that its hash makes, which whoever guesses it has too."""
    if isinstance(value, str) and len(value) == 2 * SEED_BYTES and value.isascii() and value.isalnum():
        try:
            return bytes.fromhex(value)
        except ValueError:
            pass
    if isinstance(value, int) and not isinstance(value, bool) and -_SMALL_SEED <= value < _SMALL_SEED:
        return hashlib.sha256(_SEED_DOMAIN + value.to_bytes(8, "big", signed=True)).digest()
    raise _wrong("seed", f"is {2 * SEED_BYTES} hex digits, or a whole number of 64 bits")


def _thousandths_of(given: Mapping[str, Any]) -> int:
    value = given.get("temperature", 0)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong("temperature", "is a number from 0 to 10")
    try:
        return thousandths(value)
    except (InputError, OverflowError):
        raise _wrong("temperature", "is from 0 to 10, with three decimals at most") from None


def _shown(name: str) -> str:
    """The name of a field that somebody made up, if it looks like one."""
    return (
        name if len(name) <= 40 and name.replace("_", "").isascii() and name.replace("_", "").isalnum() else "a field"
    )


def _wrong(name: str, why: str) -> InputError:
    return InputError(f"{name!r} {why}", kind="malformed", field=name)
