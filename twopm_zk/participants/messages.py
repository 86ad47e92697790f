"""What participants tell each other off the chain: typed contents of messages, and their plain bytes.

`PredictionInput`, user to operator, is what opens the input commitment of a request. It is private to both: it travels
in an `envelope.Envelope`. Its bytes are padded, so that the length of a message does not tell the size of the numbers
in it. Training needs no messages: nodes share on the chain.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from twopm_zk.errors import MessageError
from twopm_zk.numbers.commitments import input_commitment
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.participants import wire
from twopm_zk.statements import PredictShape

MAX_PAYLOAD = 1 << 18
"""Bytes of one message's plain content: 255 features fit many times."""
_PADDING = 1024


@dataclass(frozen=True)
class PredictionInput:
    """What opens the input commitment of a request for a prediction: quantised features, padded to the instance."""

    kind: ClassVar[str] = "input"
    features: tuple[int, ...] = field(repr=False)
    salt: int = field(repr=False)

    def commitment(self, shape: PredictShape) -> int:
        """``inputCommitment``."""
        return input_commitment(self.salt, self.features, format=shape.format, family=shape.family.number)

    def encode(self) -> bytes:
        """Plain bytes; private."""
        return _padded({"features": [str(value) for value in self.features], "salt": str(self.salt)})

    @classmethod
    def parse(cls, data: bytes, shape: PredictShape, *, commitment: int) -> Self:
        """Raises MessageError ``malformed``, or ``does_not_open`` where it opens another commitment than this."""
        fields = wire.Fields(wire.parse(data, limit=MAX_PAYLOAD), cls.kind, ("features", "salt"))
        bias = shape.format.bias
        features = fields.decimals("features", count=shape.features, low=-bias, high=bias - 1)
        found = cls(features, fields.decimal("salt", high=FIELD_ORDER - 1))
        if found.commitment(shape) != commitment:
            raise MessageError("does_not_open", "the input does not open the input commitment on the chain")
        return found


def _padded(document: dict[str, Any]) -> bytes:
    data = wire.encode(document)
    return data.ljust(-(-len(data) // _PADDING) * _PADDING)
