"""Text as tokens and tokens as text, as a model's file says, and a conversation as the prompt that it was trained on.

Control tokens mark where messages begin and end. Text is never encoded as one, whatever it says: whoever writes
``<|im_end|>`` into a message writes ten characters. An answer ends with the first control token.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Literal, TypedDict

from twopm_zk.conversation.gguf_file import GgufFile
from twopm_zk.errors import FileFormatError, InputError, ToolMissingError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

START, END = "<|im_start|>", "<|im_end|>"
SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
"""What the first message says where a conversation has none of the system's."""
TEMPLATE = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\n" + SYSTEM + "<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""The template of prompts that is followed here; a file with another one is refused."""
ROLES = ("system", "user", "assistant")
_CONTROL = 3


class Message(TypedDict):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class Vocabulary:
    """The tokens of a model's file. Encoding needs the package tokenizers; decoding nothing."""

    def __init__(self, file: GgufFile, size: int) -> None:
        self._file = file
        self._tokens = file.texts("tokenizer.ggml.tokens")
        kinds = file.metadata.get("tokenizer.ggml.token_type")
        if len(self._tokens) != size or not isinstance(kinds, list) or len(kinds) != size:
            raise FileFormatError("a model's file has another number of tokens than of their vectors")
        if (file.text("tokenizer.ggml.model"), file.text("tokenizer.ggml.pre")) != ("gpt2", "smollm"):
            raise FileFormatError("a model's file has a tokenizer that is not known here")
        if file.text("tokenizer.chat_template") != TEMPLATE:
            raise FileFormatError("a model's file has a template of prompts that is not known here")
        self.control = frozenset(number for number, kind in enumerate(kinds) if kind == _CONTROL)
        """The tokens that end an answer."""
        marks = [number for mark in (START, END) for number in self.control if self._tokens[number] == mark]
        if len(marks) != 2:
            raise FileFormatError(f"a model's file lacks the control tokens {START} and {END}")
        self._start, self._end = marks
        self._tokenizer: Tokenizer | None = None

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """The tokens after which a model answers a conversation. InputError for a message that is none."""
        for message in messages:
            if set(message) != {"role", "content"} or message["role"] not in ROLES:
                raise InputError(f"a message has a role, one of {', '.join(ROLES)}, and a content")
            if not isinstance(message["content"], str):
                raise InputError("the content of a message is not text")
        if not messages:
            raise InputError("a conversation without a message has no answer")
        if messages[0]["role"] != "system":
            messages = [{"role": "system", "content": SYSTEM}, *messages]
        line_end = self.encode("\n")
        tokens: list[int] = []
        for message in messages:
            said = self.encode(f"{message['role']}\n{message['content']}")
            tokens += [self._start, *said, self._end, *line_end]
        return [*tokens, self._start, *self.encode("assistant\n")]

    def answer(self, text: str) -> list[int]:
        """The tokens of an answer as a model gives it, with the control token that ends it."""
        return [*self.encode(text), self._end]

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, none of which is a control token.

        Raises ToolMissingError where the package tokenizers is not installed, InputError for half a surrogate pair.
        """
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InputError("a message holds half of a surrogate pair, which is no character") from None
        if self._tokenizer is None:
            self._tokenizer = _tokenizer(self._file, self._tokens)
        return [int(number) for number in self._tokenizer.encode(text, add_special_tokens=False).ids]

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens; control tokens have none."""
        return "".join(self.pieces(iter(tokens)))

    def pieces(self, tokens: Iterator[int]) -> Iterator[str]:
        """The text of tokens as they come; a character whose bytes are in several comes with the last of them."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for number in tokens:
            if number not in self.control and (piece := decoder.decode(self._bytes(number))):
                yield piece
        if rest := decoder.decode(b"", final=True):
            yield rest

    def _bytes(self, number: int) -> bytes:
        letters = _byte_of_letter()
        return bytes(letters[letter] for letter in self._tokens[number] if letter in letters)


@cache
def _byte_of_letter() -> dict[str, int]:
    """The byte that each letter of a token stands for: printable ones for themselves, others for a letter beyond."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in shown]
    return {chr(byte): byte for byte in shown} | {chr(256 + place): byte for place, byte in enumerate(others)}


def _tokenizer(file: GgufFile, tokens: list[str]) -> Tokenizer:
    try:
        from tokenizers import Tokenizer, models, pre_tokenizers
    except ImportError as error:
        raise ToolMissingError(
            "texts become tokens by the package tokenizers", kind="no-python-package", package="tokenizers"
        ) from error
    merges: list[tuple[str, str]] = []
    for merge in file.texts("tokenizer.ggml.merges"):
        match merge.split(" "):
            case [first, second]:
                merges.append((first, second))
            case _:
                raise FileFormatError("a model's file has merges of tokens that are not of two")
    vocabulary = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    return tokenizer
