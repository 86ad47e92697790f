"""What the two sides of a prediction keep: the user its input and salt, the operator the inputs it was given."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from twopm_zk.participants.database import Database
from twopm_zk.participants.messages import PredictionInput

_USER = (
    """CREATE TABLE questions (
        commitment TEXT PRIMARY KEY, contract TEXT NOT NULL, network INTEGER NOT NULL, operator TEXT NOT NULL,
        features TEXT NOT NULL, salt TEXT NOT NULL, request INTEGER, receipt TEXT) STRICT""",
)
_OPERATOR = (
    """CREATE TABLE inputs (
        commitment TEXT PRIMARY KEY, contract TEXT NOT NULL, request INTEGER NOT NULL,
        features TEXT NOT NULL, salt TEXT NOT NULL,
        prediction INTEGER, proof TEXT, done INTEGER NOT NULL DEFAULT 0) STRICT""",
)


@dataclass(frozen=True)
class SentInput:
    """A user's input on its way to an operator; ``request`` is its number in InferenceContract once it has one."""

    commitment: int
    network: int
    operator: str
    content: PredictionInput = field(repr=False)
    request: int | None = None


@dataclass(frozen=True)
class HeldInput:
    """The input of a request, as its operator holds it; ``answer`` is the prediction and its proof once made."""

    request: int
    commitment: int
    content: PredictionInput = field(repr=False)
    answer: tuple[int, tuple[int, ...]] | None = field(default=None, repr=False)


class UserStore(Database):
    """The state of one user's account."""

    version = 5

    def __init__(self, path: Path) -> None:
        super().__init__(path, kind="user", schema=_USER)

    def add(self, contract: str, sent: SentInput) -> None:
        """Keep an input, before its commitment is on the chain."""
        self.run(
            "INSERT INTO questions VALUES (?, ?, ?, ?, ?, ?, NULL, NULL)",
            *(str(sent.commitment), contract, sent.network, sent.operator),
            *(json.dumps(list(sent.content.features)), str(sent.content.salt)),
        )

    def pending(self, contract: str) -> list[SentInput]:
        """All inputs that were not delivered, oldest first."""
        rows = self.query(
            "SELECT commitment, network, operator, features, salt, request FROM questions "
            "WHERE contract = ? AND receipt IS NULL ORDER BY rowid",
            contract,
        )
        return [
            SentInput(
                int(commitment), network, operator, PredictionInput(tuple(json.loads(features)), int(salt)), request
            )
            for commitment, network, operator, features, salt, request in rows
        ]

    def set_request(self, commitment: int, request: int) -> None:
        """Note the number of a request."""
        self.run("UPDATE questions SET request = ? WHERE commitment = ?", request, str(commitment))

    def set_receipt(self, commitment: int, receipt: str) -> None:
        """Note that the operator has signed for the input."""
        self.run("UPDATE questions SET receipt = ? WHERE commitment = ?", receipt, str(commitment))

    def forget_input(self, commitment: int) -> None:
        """The request is over: forget its input, which is private."""
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
