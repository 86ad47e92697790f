"""What the two sides of a prediction keep: the user what it asks, the operator the inputs it was given.

A user keeps an input and its salt before the transaction that commits to it is sent, and the nonce of that: whenever it
is killed, it finds the request that it has paid for. Once the request is over its features are forgotten; commitment
and salt stay until the user has heard the answer, so that the same input is not paid for twice.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from twopm_zk.participants.database import Database
from twopm_zk.participants.messages import PredictionInput

_USER = (
    """CREATE TABLE questions (
        commitment TEXT PRIMARY KEY, contract TEXT NOT NULL, network INTEGER NOT NULL, operator TEXT NOT NULL,
        features TEXT NOT NULL, salt TEXT NOT NULL, nonce INTEGER, request INTEGER, receipt TEXT) STRICT""",
)
_COLUMNS = "commitment, network, operator, features, salt, nonce, request"
_FORGOTTEN = "[]"
_OPERATOR = (
    """CREATE TABLE inputs (
        commitment TEXT PRIMARY KEY, contract TEXT NOT NULL, request INTEGER NOT NULL,
        features TEXT NOT NULL, salt TEXT NOT NULL,
        prediction INTEGER, proof TEXT, done INTEGER NOT NULL DEFAULT 0) STRICT""",
)


@dataclass(frozen=True)
class SentInput:
    """A user's input on its way to an operator."""

    commitment: int
    network: int
    operator: str
    content: PredictionInput = field(repr=False)
    """Without features once its request is over."""
    nonce: int | None = None
    """Of the transaction that asks about it; None where none was sent yet."""
    request: int | None = None
    """Its number in InferenceContract, as it was read last; None where it was not."""


@dataclass(frozen=True)
class HeldInput:
    """The input of a request, as its operator holds it; ``answer`` is the prediction and its proof once made."""

    request: int
    commitment: int
    content: PredictionInput = field(repr=False)
    answer: tuple[int, tuple[int, ...]] | None = field(default=None, repr=False)


class UserStore(Database):
    """The state of one user's account."""

    version = 6

    def __init__(self, path: Path) -> None:
        super().__init__(path, kind="user", schema=_USER)

    def add(self, contract: str, sent: SentInput) -> None:
        """Keep an input, before its commitment is on the chain."""
        self.run(
            "INSERT INTO questions VALUES (?, ?, ?, ?, ?, ?, NULL, NULL, NULL)",
            *(str(sent.commitment), contract, sent.network, sent.operator),
            *(json.dumps(list(sent.content.features)), str(sent.content.salt)),
        )

    def kept(self, contract: str, network: int, operator: str) -> list[SentInput]:
        """All inputs for an operator of a network whose answers were not heard, oldest first."""
        return self._found("contract = ? AND network = ? AND operator = ?", contract, network, operator)

    def pending(self, contract: str) -> list[SentInput]:
        """All inputs that no operator has signed for, oldest first."""
        return self._found("contract = ? AND receipt IS NULL", contract)

    def of_request(self, contract: str, request: int) -> SentInput | None:
        """The input of a request; None for one whose answer was heard, or that was not asked from here."""
        return next(iter(self._found("contract = ? AND request = ?", contract, request)), None)

    def _found(self, condition: str, *values: object) -> list[SentInput]:
        rows = self.query(f"SELECT {_COLUMNS} FROM questions WHERE {condition} ORDER BY rowid", *values)  # noqa: S608
        return [
            SentInput(
                int(commitment),
                network,
                operator,
                PredictionInput(tuple(json.loads(features)), int(salt)),
                nonce,
                request,
            )
            for commitment, network, operator, features, salt, nonce, request in rows
        ]

    def set_sending(self, sent: Sequence[SentInput], nonce: int) -> None:
        """Note the nonce of the transaction that is about to ask about inputs; their features are needed again."""
        with self.transaction():
            for one in sent:
                features = json.dumps(list(one.content.features))
                self.run(
                    "UPDATE questions SET nonce = ?, features = ? WHERE commitment = ?",
                    *(nonce, features, str(one.commitment)),
                )

    def set_request(self, commitment: int, request: int) -> None:
        """Note the number of a request; what an operator has signed for under another one counts no more."""
        self.run(
            "UPDATE questions SET receipt = CASE WHEN request = ?1 THEN receipt END, request = ?1 "
            "WHERE commitment = ?2",
            *(request, str(commitment)),
        )

    def set_receipt(self, commitment: int, receipt: str) -> None:
        """Note that the operator has signed for the input."""
        self.run("UPDATE questions SET receipt = ? WHERE commitment = ?", receipt, str(commitment))

    def forget_features(self, commitment: int) -> None:
        """The request is over: forget its features, which are private."""
        if self.one("SELECT 1 FROM questions WHERE commitment = ? AND features != ?", str(commitment), _FORGOTTEN):
            self.forget("UPDATE questions SET features = ? WHERE commitment = ?", _FORGOTTEN, str(commitment))

    def forget_input(self, commitment: int) -> None:
        """The answer was heard, or the fee came back: the same input is another question from now on."""
        self.forget("DELETE FROM questions WHERE commitment = ?", str(commitment))


class OperatorStore(Database):
    """The state of one operator's account."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, kind="operator", schema=_OPERATOR)

    def add(self, contract: str, request: int, commitment: int, content: PredictionInput) -> None:
        """Keep the input of a request."""
        self.run(
            "INSERT OR IGNORE INTO inputs (commitment, contract, request, features, salt) VALUES (?, ?, ?, ?, ?)",
            *(str(commitment), contract, request, json.dumps(list(content.features)), str(content.salt)),
        )

    def waiting(self, contract: str) -> list[HeldInput]:
        """The inputs of requests that are not done, oldest first."""
        rows = self.query(
            "SELECT request, commitment, features, salt, prediction, proof FROM inputs "
            "WHERE contract = ? AND done = 0 ORDER BY request",
            contract,
        )
        found = []
        for request, commitment, features, salt, prediction, proof in rows:
            answer = None if proof is None else (int(prediction), tuple(int(v) for v in json.loads(proof)))
            content = PredictionInput(tuple(json.loads(features)), int(salt))
            found.append(HeldInput(request, int(commitment), content, answer))
        return found

    def set_answer(self, commitment: int, prediction: int, proof: tuple[int, ...]) -> None:
        """Keep a proof before it is sent."""
        numbers = json.dumps([str(v) for v in proof])
        self.run(
            "UPDATE inputs SET prediction = ?, proof = ? WHERE commitment = ?", prediction, numbers, str(commitment)
        )

    def set_done(self, commitment: int) -> None:
        """The request is over: forget its input, which is private."""
        self.forget("UPDATE inputs SET done = 1, features = '[]', salt = '0' WHERE commitment = ?", str(commitment))
