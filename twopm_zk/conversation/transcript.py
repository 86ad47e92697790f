"""What was computed, so that somebody else can compute it again: a model, a prompt, how tokens were chosen, the answer.

The digest of a transcript is SHA-256 over its parts, each with its length; where there is an adapter its digest is one
of them. It holds the seed, so that it tells nothing of prompt and answer to whoever does not know the seed's 32 bytes,
while it commits to all of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twopm_zk.conversation.sampling import Sampling
from twopm_zk.errors import InputError

_DOMAIN = b"twopm-zk conversation transcript 1"
_QUESTION_DOMAIN = b"twopm-zk conversation question 1"
_FORMAT = "twopm-zk-conversation-1"
MAX_TOKENS = 1 << 20
_DIGEST_BYTES = 32


@dataclass(frozen=True)
class Execution:
    """Everything that an answer follows from."""

    model: str
    """The model's digest, 64 hex digits."""
    prompt: tuple[int, ...]
    sampling: Sampling
    max_tokens: int
    """The answer ends after so many tokens, if not before with a control token or where the context is full."""
    adapter: str | None = None
    """The digest of the model's adapter, 64 hex digits; None for the model as its file has it."""

    def __post_init__(self) -> None:
        """Raise InputError for an answer of no token, or numbers that no token has."""
        if not 1 <= self.max_tokens < 1 << 32:
            raise InputError("an answer has at least one token")
        _check_tokens(self.prompt)

    def __repr__(self) -> str:
        """Without what was said, and without the seed that hides it."""
        said = f"{len(self.prompt)} tokens of prompt"
        return f"Execution(model={self.model!r}, adapter={self.adapter!r}, {said}, max_tokens={self.max_tokens})"

    @property
    def commitment(self) -> bytes:
        """32 bytes that commit to all of it, as a question has them that is asked for a fee before its answer is known.

        They hide the prompt while the seed is secret.
        """
        return _hashed(_QUESTION_DOMAIN, [*self._parts, *self._adapter_parts])

    @property
    def _parts(self) -> list[bytes]:
        numbers = self.sampling.temperature, self.max_tokens
        return [self.sampling.seed, bytes.fromhex(self.model), _words(numbers), _words(self.prompt)]

    @property
    def _adapter_parts(self) -> list[bytes]:
        return [] if self.adapter is None else [bytes.fromhex(self.adapter)]


@dataclass(frozen=True)
class Transcript:
    """An execution and the tokens that it is said to have given, a control token at the end among them."""

    execution: Execution
    answer: tuple[int, ...]

    def __post_init__(self) -> None:
        """Raise InputError for numbers that no token has."""
        _check_tokens(self.answer)

    def __repr__(self) -> str:
        """Without what was said."""
        return f"Transcript({self.execution!r}, {len(self.answer)} tokens of answer)"

    @property
    def digest(self) -> bytes:
        """32 bytes that commit to all parts, and hide prompt and answer while the seed is secret."""
        execution = self.execution
        return _hashed(_DOMAIN, [*execution._parts, _words(self.answer), *execution._adapter_parts])

    def to_json(self) -> str:
        """A document that `from_json` reads. It holds the whole conversation."""
        execution = self.execution
        document = {
            "format": _FORMAT,
            "model": execution.model,
            "seed": execution.sampling.seed.hex(),
            "temperature": execution.sampling.temperature,
            "max_tokens": execution.max_tokens,
            "prompt": list(execution.prompt),
            "answer": list(self.answer),
        }
        if execution.adapter is not None:
            document["adapter"] = execution.adapter
        return json.dumps(document)

    @classmethod
    def from_document(cls, document: Any) -> Transcript:
        """A transcript from parsed JSON. InputError for anything else, which is not quoted."""
        if not isinstance(document, Mapping) or document.get("format") != _FORMAT:
            raise InputError("this is no transcript of a conversation")
        keys = {"format", "model", "seed", "temperature", "max_tokens", "prompt", "answer"}
        if set(document) - {"adapter"} != keys:
            raise InputError(f"a transcript has the keys {', '.join(sorted(keys))}, perhaps adapter, and no others")
        sampling = Sampling(_bytes_of(document, "seed"), _natural_of(document["temperature"], "temperature"))
        limit = _natural_of(document["max_tokens"], "max_tokens")
        model = _bytes_of(document, "model").hex()
        adapter = _bytes_of(document, "adapter").hex() if "adapter" in document else None
        execution = Execution(model, _tokens_of(document, "prompt"), sampling, limit, adapter)
        return cls(execution, _tokens_of(document, "answer"))


def _hashed(domain: bytes, parts: list[bytes]) -> bytes:
    """SHA-256 over parts, each with its length."""
    total = hashlib.sha256(domain)
    for part in parts:
        total.update(len(part).to_bytes(8, "big") + part)
    return total.digest()


def _check_tokens(tokens: tuple[int, ...]) -> None:
    if any(not 0 <= token < 1 << 32 for token in tokens):
        raise InputError("a token is a natural number below 2^32")


def _words(numbers: tuple[int, ...]) -> bytes:
    return b"".join(number.to_bytes(4, "big") for number in numbers)


def _bytes_of(document: Mapping[str, Any], key: str) -> bytes:
    value = document[key]
    if not isinstance(value, str) or len(value) != 2 * _DIGEST_BYTES or not value.isascii():
        raise InputError(f"a transcript's {key} has 64 hex digits")
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise InputError(f"a transcript's {key} has 64 hex digits") from None


def _natural_of(value: Any, key: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 32:
        raise InputError(f"a transcript's {key} is a natural number below 2^32")
    return value


def _tokens_of(document: Mapping[str, Any], key: str) -> tuple[int, ...]:
    value = document[key]
    if not isinstance(value, list) or len(value) > MAX_TOKENS:
        raise InputError(f"a transcript's {key} is a list of at most {MAX_TOKENS} tokens")
    return tuple(_natural_of(number, key) for number in value)
