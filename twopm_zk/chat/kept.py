"""Questions that are paid for, as their user keeps them: one file each, which only its owner can read.

A question is written before its transaction is sent, and the nonce of that with it, so that whoever was killed then
finds it by what is asked, and pays for it once. It is another question once its answer has come, or its fee came back.
Of a question that has a request the file is ``question-7.json``, before that a digest of it is in its name.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from twopm_zk.chat.operator import Place
from twopm_zk.chat.question import Question, SealedQuestion
from twopm_zk.errors import InputError, MessageError
from twopm_zk.participants.messages import MAX_PAYLOAD
from twopm_zk.system.files import write_text
from twopm_zk.system.parsing import read_json

_FORMAT = "twopm-zk-conversation-question-2"
_TEXTS, _NUMBERS = ("contract", "account", "operator"), ("chain", "network", "request")
_KEYS = frozenset({"format", *_TEXTS, *_NUMBERS, "nonce", "answered", "question"})


@dataclass(frozen=True)
class KeptQuestion:
    """A question of an account for an operator of a network, and what is known of its request."""

    question: Question = field(repr=False)
    place: Place
    account: str
    operator: str
    nonce: int | None = None
    """Of the transaction that pays for it; None where none was sent yet."""
    request: int = 0
    """Its number in ConversationContract; 0 where it is not known."""
    answered: bool = False

    def is_same(self, other: KeptQuestion, *, seeded: bool) -> bool:
        """Whether another one asks the same; for its seed too, where that was chosen (``seeded``)."""
        question = other.question if seeded else replace(other.question, seed=self.question.seed)
        same = self.place == other.place and (self.account, self.operator) == (other.account, other.operator)
        return same and self.question == question

    @property
    def content(self) -> bytes:
        """The question as it travels, without a time."""
        return SealedQuestion(self.question, self.place.network, 0).encode()


class KeptQuestions:
    """The questions in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def unanswered(self, asked: KeptQuestion, *, seeded: bool) -> KeptQuestion | None:
        """The same question of before, if its answer has not come; the one that got furthest."""
        found = []
        for path in sorted(self.folder.glob("question-*.json")):
            with suppress(InputError):  # of another version, or no question
                found.append(read_question(path))
        same = [one for one in found if one.is_same(asked, seeded=seeded)]
        answered = {one.content for one in same if one.answered}
        waiting = [one for one in same if one.content not in answered]
        return max(waiting, key=lambda one: (one.request, one.nonce is not None), default=None)

    def write(self, kept: KeptQuestion) -> KeptQuestion:
        """Keep a question as it is now."""
        document = {
            "format": _FORMAT,
            "chain": kept.place.chain_id,
            "contract": kept.place.contract,
            "network": kept.place.network,
            "account": kept.account,
            "operator": kept.operator,
            "nonce": kept.nonce,
            "request": kept.request,
            "answered": kept.answered,
            "question": json.loads(kept.content),
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        write_text(self._path(kept), json.dumps(document), private=True)
        if kept.request:
            self._path(replace(kept, request=0)).unlink(missing_ok=True)
        return kept

    def forget(self, kept: KeptQuestion) -> None:
        """It was not asked, or its fee came back."""
        for one in (replace(kept, request=0), kept):
            self._path(one).unlink(missing_ok=True)

    def _path(self, kept: KeptQuestion) -> Path:
        place = f"{kept.place.chain_id} {kept.place.contract} {kept.account} {kept.operator} ".encode()
        name = kept.request or hashlib.sha256(place + kept.content).hexdigest()[:16]
        return self.folder / f"question-{name}.json"


def read_question(file: Path) -> KeptQuestion:
    """A question that was kept. InputError for another file."""
    document: Any = read_json(file, what="question")
    if not isinstance(document, dict) or set(document) != _KEYS or document["format"] != _FORMAT:
        raise InputError("this is no question that was kept")
    nonce, answered = document["nonce"], document["answered"]
    contract, account, operator = (document[name] for name in _TEXTS)
    if not all(isinstance(document[name], str) for name in _TEXTS) or not isinstance(answered, bool):
        raise InputError("this is no question that was kept")
    chain, network, request = (_whole(document[name]) for name in _NUMBERS)
    try:
        found = SealedQuestion.parse(json.dumps(document["question"]).encode(), limit=MAX_PAYLOAD)
    except MessageError as error:
        raise InputError(f"this is no question that was kept: {error.message}") from None
    nonce = None if nonce is None else _whole(nonce)
    return KeptQuestion(found.question, Place(chain, contract, network), account, operator, nonce, request, answered)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 64:
        raise InputError("this is no question that was kept")
    return value
