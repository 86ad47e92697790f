"""Commitments: Poseidon over domain-separated, packed lists.

Twin of circuits/lib/{commitment,model,rows}.circom; change both together. ``public_hash`` is what contracts
recompute (circomlib's Poseidon, two items at a time); ``secret_hash`` is cheaper in a circuit and keeps the
chaining value in the capacity element. Both start from a domain that names the kind and the length.

Hiding comes from a salt or blinding of at least 128 random bits, drawn from the operating system: rows have
little entropy, and an unsalted hash of them can be searched.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from enum import IntEnum

from twopm_zk.errors import RangeError
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.fixed_point import WEIGHTS, Format
from twopm_zk.numbers.poseidon import permutation, poseidon

PACKED_BITS = 240
MARK_LANES = 6
_WEIGHT_LANES = PACKED_BITS // WEIGHTS.bits


class Tag(IntEnum):
    """What a commitment is of."""

    MODEL = 1
    CONTEXT = 2
    DATA = 3
    INPUT = 6
    MATRIX = 8
    POINT = 10


def domain(tag: Tag, length: int, shape: int = 0) -> int:
    """First value of every hash: the kind, the number of items, and a shape below 2^32."""
    return tag + (length << 8) + (shape << 32)


def public_hash(tag: Tag, items: Sequence[int], *, shape: int = 0) -> int:
    """The hash that contracts recompute, of field elements."""
    state = domain(tag, len(items), shape)
    for start in range(0, len(items), 2):
        state = poseidon([state, *items[start : start + 2]])
    return state


def secret_hash(tag: Tag, items: Sequence[int], *, shape: int = 0) -> int:
    """The hash that only circuits and their twins compute, of field elements."""
    state = domain(tag, len(items), shape)
    for start in range(0, len(items), 3):
        state = permutation([state, *items[start : start + 3]])[0]
    return state


def pack(values: Sequence[int], *, bits: int, per: int) -> list[int]:
    """``values`` in [0, 2^bits), lowest first, ``per`` to a field element."""
    if any(not 0 <= value < 1 << bits for value in values):
        raise RangeError(f"a packed value does not fit {bits} bits")
    return [
        sum(value << (bits * i) for i, value in enumerate(values[start : start + per]))
        for start in range(0, len(values), per)
    ]


def random_scalar() -> int:
    """A uniform field element from the operating system, for salts and blindings."""
    return secrets.randbelow(FIELD_ORDER)


def model_commitment(context: int, weights: Sequence[int]) -> int:
    """Commitment to signed integer ``weights`` (features in column order, then the intercept). Not hiding."""
    packed = pack([WEIGHTS.biased(w) for w in weights], bits=WEIGHTS.bits, per=_WEIGHT_LANES)
    return public_hash(Tag.MODEL, [context, *packed], shape=len(weights))


def pack_rows(cells: Sequence[Sequence[int]], marks: Sequence[int], *, format: Format) -> list[int]:
    """Field elements of the rows: biased cells below bit 240, marks (+1, -1, 0) of two bits above."""
    lanes = PACKED_BITS // format.bits
    values = [format.biased(value) for row in cells for value in row]
    biased = [mark + 1 for mark in marks]
    elements = max(-(-len(values) // lanes), -(-len(biased) // MARK_LANES))
    low = pack(values, bits=format.bits, per=lanes) + [0] * elements
    high = pack(biased, bits=2, per=MARK_LANES) + [0] * elements
    return [low[i] + (high[i] << PACKED_BITS) for i in range(elements)]


def rows_shape(rows: int, features: int, format: Format, *, family: int) -> int:
    """Sizes, format and family in one number below 2^30: a commitment of one shape never opens as another."""
    return (((family * 1024 + rows) * 128 + features) * 32 + format.bits) * 32 + format.frac_bits


def data_commitment(
    salt: int, cells: Sequence[Sequence[int]], marks: Sequence[int], *, format: Format, shape: int
) -> int:
    """Hiding commitment to the padded rows of one instance, whose ``shape`` is as `rows_shape` says."""
    return secret_hash(Tag.DATA, [salt, *pack_rows(cells, marks, format=format)], shape=shape)


def input_commitment(salt: int, features: Sequence[int], *, format: Format, family: int) -> int:
    """Hiding commitment to one input row of a prediction."""
    lanes = PACKED_BITS // format.bits
    packed = pack([format.biased(value) for value in features], bits=format.bits, per=lanes)
    return secret_hash(Tag.INPUT, [salt, *packed], shape=rows_shape(1, len(features), format, family=family))
