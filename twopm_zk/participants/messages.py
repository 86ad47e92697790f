"""What participants tell each other off the chain: typed contents of messages, and their plain bytes.

* `Enrolment`, node to coordinator before the first round: how much data there is, and second moments where the
  task's rule wants them.
* `Opening`, node to coordinator in each round: what opens one update commitment of the chain.
* `PredictionInput`, user to operator: what opens the input commitment of a request.

All three are private to sender and recipient: they travel in an `envelope.Envelope`. Their bytes are padded, so that
the length of a message does not tell the size of the numbers in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from twopm_zk.errors import MessageError
from twopm_zk.numbers.commitments import Tag, input_commitment, sum_commitment
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.fixed_point import Format
from twopm_zk.participants import wire
from twopm_zk.rows.moments import ROW_WEIGHT_BITS, Moments
from twopm_zk.statements import OpenedUpdate, PredictShape, RoundShape, Update

MAX_PAYLOAD = 1 << 18
"""Bytes of one message's plain content: 255 features with second moments fit."""
_PADDING = 1024
_MAX_ROWS = (1 << 32) - 1
_GRADIENT = 1 << 252
_MOMENT = 1 << 80


@dataclass(frozen=True)
class Enrolment:
    """What a node has, before the first round. ``moments`` is None where the rule uses the public ranges."""

    kind: ClassVar[str] = "enrolment"
    rows: int = field(repr=False)
    batches: int
    moments: Moments | None = field(default=None, repr=False)

    def encode(self) -> bytes:
        """Plain bytes; private."""
        return _padded({"rows": self.rows, "batches": self.batches, "moments": _moments_json(self.moments)})

    @classmethod
    def parse(cls, data: bytes, shape: RoundShape) -> Self:
        """Raises MessageError where it is malformed, or its moments contradict its rows."""
        fields = wire.Fields(wire.parse(data, limit=MAX_PAYLOAD), cls.kind, ("rows", "batches", "moments"))
        rows = fields.integer("rows", low=1, high=_MAX_ROWS)
        batches = fields.integer("batches", low=1, high=min(rows, _MAX_ROWS))
        moments = _parse_moments(fields.any("moments"), shape)
        counted = rows << (2 * shape.x_frac_bits + ROW_WEIGHT_BITS)  # what the column of ones adds up to
        if moments is not None and (moments.rows, moments.sums[-1][-1]) != (rows, counted):
            raise wire.malformed("the moments are of another number of rows")
        return cls(rows, batches, moments)


@dataclass(frozen=True)
class Opening:
    """What opens one update commitment. ``hessian`` is sent where the task's rule wants it; it is not proven."""

    kind: ClassVar[str] = "opening"
    update: Update = field(repr=False)
    blinding: int = field(repr=False)
    hessian: Moments | None = field(default=None, repr=False)

    @property
    def opened(self) -> OpenedUpdate:
        """The update and its blinding, as statements take them."""
        return OpenedUpdate(self.update, self.blinding)

    def encode(self) -> bytes:
        """Plain bytes; private."""
        document = {
            "rows": self.update.rows,
            "gradient": [str(component) for component in self.update.gradient],
            "blinding": str(self.blinding),
            "hessian": _moments_json(self.hessian),
        }
        return _padded(document)

    @classmethod
    def parse(cls, data: bytes, shape: RoundShape, *, commitment: int) -> Self:
        """Raises MessageError ``malformed``, or ``does_not_open`` where it opens another commitment than this."""
        names = ("rows", "gradient", "blinding", "hessian")
        fields = wire.Fields(wire.parse(data, limit=MAX_PAYLOAD), cls.kind, names)
        rows = fields.integer("rows", low=1, high=_MAX_ROWS)
        gradient = fields.decimals("gradient", count=shape.weights, low=-_GRADIENT, high=_GRADIENT)
        blinding = fields.decimal("blinding", high=FIELD_ORDER - 1)
        hessian = _parse_moments(fields.any("hessian"), shape)
        if hessian is not None and hessian.rows != rows:
            raise wire.malformed("the second moments are of another number of rows")
        found = sum_commitment(Tag.UPDATE, blinding, rows, gradient, x_frac_bits=shape.x_frac_bits)
        if found != commitment:
            raise MessageError("does_not_open", "the opening does not open the update commitment on the chain")
        return cls(Update(rows, gradient, shape.x_frac_bits), blinding, hessian)


@dataclass(frozen=True)
class PredictionInput:
    """What opens the input commitment of a request for a prediction: quantised features, padded to the instance."""

    kind: ClassVar[str] = "input"
    features: tuple[int, ...] = field(repr=False)
    salt: int = field(repr=False)

    def commitment(self, format: Format) -> int:
        """``inputCommitment``."""
        return input_commitment(self.salt, self.features, format=format)

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
        if found.commitment(shape.format) != commitment:
            raise MessageError("does_not_open", "the input does not open the input commitment on the chain")
        return found


def _padded(document: dict[str, Any]) -> bytes:
    data = wire.encode(document)
    return data.ljust(-(-len(data) // _PADDING) * _PADDING)


def _moments_json(moments: Moments | None) -> dict[str, Any] | None:
    """The upper triangle by rows: the matrix is symmetric."""
    if moments is None:
        return None
    upper = [str(value) for i, row in enumerate(moments.sums) for value in row[i:]]
    return {"rows": moments.rows, "upper": upper}


def _parse_moments(value: Any, shape: RoundShape) -> Moments | None:
    if value is None:
        return None
    fields = wire.Fields(value, "moments", ("rows", "upper"))
    rows, size = fields.integer("rows", low=1, high=_MAX_ROWS), shape.weights
    upper = iter(fields.decimals("upper", count=size * (size + 1) // 2, low=-_MOMENT * rows, high=_MOMENT * rows))
    sums = [[0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i, size):
            sums[i][j] = sums[j][i] = next(upper)
    if any(sums[i][i] < 0 for i in range(size)):
        raise wire.malformed("a second moment is negative")
    return Moments(rows, tuple(tuple(row) for row in sums))
