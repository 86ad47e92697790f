"""Training an adapter on conversations that stay where they are.

The exact model gives the hidden state h before each token of the assistant's answers once; only those are kept. What
is trained is B and A in logits (h + B (A h)) W^T, in float32, to make those tokens likelier: cross-entropy, its
gradient by hand, Adam with gradients whose norm is bounded. How it is trained is nobody else's matter: what owners
agree on is the average of what they hand in.

`AdapterModel` has the methods of `federated.model.Model`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from twopm_zk.conversation.adapter import MAX_RANK
from twopm_zk.conversation.model import ConversationModel
from twopm_zk.conversation.tokens import ROLES, Message
from twopm_zk.errors import DataError, InputError
from twopm_zk.system.files import StrPath, read_bytes, shown
from twopm_zk.system.parsing import parse_json

Singles = npt.NDArray[np.float32]
Conversation = Sequence[Message]

RANK = 8
_AT_ONCE = 128
"""Positions whose logits are in memory together."""
_FIRST = b"twopm-zk conversation adapter 1"
_BETA_1, _BETA_2, _SMALL = 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class Examples:
    """Hidden states (n x width) before tokens of answers, and those tokens."""

    hidden: Singles
    tokens: npt.NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.tokens)

    def __repr__(self) -> str:
        """Without what was said."""
        return f"Examples({len(self)} tokens)"


def examples_of(model: ConversationModel, conversations: Sequence[Conversation]) -> Examples:
    """The answers of conversations, each after what was said before it, with the control token that ends it.

    Raises DataError, with the number of the conversation, for one without an answer or one that is too long.
    """
    hidden, tokens = [np.empty((0, model.network.shape.width), np.float32)], [np.empty(0, np.intp)]
    cache, known = model.network.new_cache(), np.empty(0, np.intp)
    for number, conversation in enumerate(conversations, 1):
        places = [place for place, message in enumerate(conversation) if message["role"] == "assistant" and place > 0]
        if not places:
            raise DataError(f"conversation {number} has no answer of the assistant to learn from")
        for place in places:
            prompt = model.vocabulary.prompt(conversation[:place])
            answer = model.vocabulary.answer(conversation[place]["content"])
            given = np.array(prompt + answer[:-1], np.intp)
            if len(given) >= model.context:
                raise DataError(f"conversation {number} has more than {model.context} tokens")
            # what it begins with is known from the one before: most have the same message of the system
            most = min(len(known), len(prompt) - 1, len(given))
            cache.used = int((known[:most] == given[:most]).cumprod().sum())
            after = model.network.advance(given[cache.used :], cache)[-len(answer) :]
            known = given
            hidden.append((after.values * 2.0**after.exponents).astype(np.float32))
            tokens.append(np.array(answer, np.intp))
    return Examples(np.concatenate(hidden), np.concatenate(tokens))


def read_conversations(path: StrPath) -> list[Conversation]:
    """Conversations of a file that has one on each line: {"messages": [{"role": ..., "content": ...}, ...]}.

    Raises DataError, with the number of the line, for anything else.
    """
    found: list[Conversation] = []
    for number, line in enumerate(read_bytes(path, what="file of conversations").splitlines(), 1):
        document = parse_json(line, what=f"conversation on line {number}", error=DataError)
        messages = document.get("messages") if isinstance(document, Mapping) else None
        if not isinstance(messages, list) or not all(_is_message(message) for message in messages):
            raise DataError(f'line {number} of {shown(path)} is no conversation: {{"messages": [...]}}')
        found.append(messages)
    return found


def _is_message(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and set(value) == {"role", "content"}
        and value["role"] in ROLES
        and isinstance(value["content"], str)
    )


def adapter_model(
    data: str, *, rank: int | str = RANK, every: int | str = 5, threads: int | None = None
) -> AdapterModel:
    """The model of an owner of a file of conversations, of which each so many-th is held out.

    Raises InputError for a rank that no adapter has, and what `read_conversations`, `ConversationModel.load` and
    `examples_of` raise.
    """
    rank, every = int(rank), int(every)
    if not 1 <= rank <= MAX_RANK or every < 2:
        raise InputError(
            f"an adapter has a rank from 1 to {MAX_RANK}, and at most every second conversation is held out"
        )
    conversations = read_conversations(data)
    model = ConversationModel.load(threads=threads)
    parts = [
        examples_of(model, [said for place, said in enumerate(conversations, 1) if (place % every == 0) is held_out])
        for held_out in (False, True)
    ]
    return AdapterModel(model.network.output_weights(), *parts, rank=rank)


_LIMITS: dict[str, tuple[float, float, float]] = {
    "epochs": (1, 1, 100),
    "batch": (64, 1, 1024),
    "learning_rate": (1e-3, 0, 1),
    "step_norm": (1, 0, 1e6),
    "seed": (0, 0, 2**32),
    "proximal_mu": (0, 0, 1e6),
}
"""Settings of a training that somebody else may choose: default, least and largest."""


def _settings(config: Mapping[str, Any]) -> dict[str, float]:
    found = {}
    for name, (default, least, largest) in _LIMITS.items():
        value = config.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= largest:
            raise InputError(f"`fit.{name}` of an adapter is a number from {least:g} to {largest:g}")
        found[name] = value
    return found


class AdapterModel:
    """An adapter as a model that several owners train: parameters A (rank x width) and B (width x rank)."""

    def __init__(self, output: Singles, train: Examples, held_out: Examples, *, rank: int = RANK) -> None:
        """Take the matrix that logits come from (vocabulary x width), and an owner's examples.

        ``held_out`` are evaluated, never trained on.
        """
        self._output, self._train, self._held_out, self._rank = output, train, held_out, rank

    def parameters(self) -> list[Singles]:
        """Those to begin with, the same to the bit on every machine, so that owners can tell that nobody chose them.

        A is the output of a hash, of about 1 / width in mean square; B is zero, so that the adapter changes nothing.
        """
        width = self._output.shape[1]
        drawn = np.frombuffer(hashlib.shake_256(_FIRST).digest(2 * self._rank * width), "<i2")
        down = drawn.astype(np.float32) * np.float32(2.0 ** -(14 + width.bit_length() // 2))
        return [down.reshape(self._rank, width), np.zeros((width, self._rank), np.float32)]

    def fit(
        self, parameters: Sequence[npt.NDArray[Any]], config: Mapping[str, Any]
    ) -> tuple[list[Singles], int, dict[str, float]]:
        """Train from ``parameters``; the new ones, the number of tokens, and the mean loss in the last epoch.

        ``config`` may name ``epochs`` (1), ``batch`` (64 tokens), ``learning_rate`` (0.001), ``step_norm`` (1, the
        largest norm of a gradient), ``seed`` (0, of the order) and ``proximal_mu`` (0, of FedProx). InputError for a
        value beyond its limits: whoever writes a specification chooses it for everybody.
        """
        chosen = _settings(config)
        begun = [np.asarray(array, np.float32) for array in parameters]
        now = [array.copy() for array in begun]
        first = [np.zeros_like(array) for array in now]
        second = [np.zeros_like(array) for array in now]
        order = np.random.default_rng(int(chosen["seed"]))
        size, steps, total = int(chosen["batch"]), 0, 0.0
        for _ in range(int(chosen["epochs"])):
            total = 0.0
            shuffled = order.permutation(len(self._train))
            for start in range(0, len(shuffled), size):
                lost, gradient = self._gradient(now, self._train, shuffled[start : start + size])
                total += lost
                for part, array, origin in zip(gradient, now, begun, strict=True):
                    part += np.float32(chosen["proximal_mu"]) * (array - origin)
                norm = float(np.sqrt(sum(float((part * part).sum()) for part in gradient)))
                shorter = min(1.0, chosen["step_norm"] / max(norm, _SMALL))
                steps += 1
                for array, part, mean, square in zip(now, gradient, first, second, strict=True):
                    part *= np.float32(shorter)
                    mean += np.float32(1 - _BETA_1) * (part - mean)
                    square += np.float32(1 - _BETA_2) * (part * part - square)
                    rate = chosen["learning_rate"] / (1 - _BETA_1**steps)
                    array -= np.float32(rate) * mean / (np.sqrt(square / (1 - _BETA_2**steps)) + _SMALL)
        return now, len(self._train), {"loss": total / max(len(self._train), 1)}

    def evaluate(
        self, parameters: Sequence[npt.NDArray[Any]], config: Mapping[str, Any]
    ) -> tuple[float, int, dict[str, float]]:
        """The mean loss of a held-out token in nats, the number of tokens, and the share that is the likeliest."""
        arrays = [np.asarray(array, np.float32) for array in parameters]
        total, right, count = 0.0, 0, len(self._held_out)
        for start in range(0, count, _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            lost, likeliest, _ = self._losses(arrays, self._held_out.hidden[part], self._held_out.tokens[part])
            total, right = total + lost, right + likeliest
        return total / max(count, 1), count, {"accuracy": right / max(count, 1)}

    def _gradient(
        self, parameters: list[Singles], examples: Examples, places: npt.NDArray[np.intp]
    ) -> tuple[float, list[Singles]]:
        """The summed loss of some examples, and the gradient of their mean loss."""
        hidden, tokens = examples.hidden[places], examples.tokens[places]
        lost, _, shares = self._losses(parameters, hidden, tokens)
        shares[np.arange(len(tokens)), tokens] -= 1
        shares /= np.float32(len(tokens))
        back = shares @ self._output
        down, up = parameters
        return lost, [(back @ up).T @ hidden, back.T @ (hidden @ down.T)]

    def _losses(
        self, parameters: list[Singles], hidden: Singles, tokens: npt.NDArray[np.intp]
    ) -> tuple[float, int, Singles]:
        """The summed loss of tokens, how many of them are the likeliest, and all probabilities."""
        down, up = parameters
        logits = np.matmul(hidden + hidden @ down.T @ up.T, self._output.T)
        np.subtract(logits, logits.max(1, keepdims=True), out=logits)
        of_tokens = logits[np.arange(len(tokens)), tokens]
        np.exp(logits, out=logits)
        sums = logits.sum(1, keepdims=True)
        logits /= sums
        return float((np.log(sums[:, 0]) - of_tokens).sum(dtype=np.float64)), int((of_tokens == 0).sum()), logits
