"""A file's weights as exact integers, and products with them that are exact on any machine.

In Q4_1 a block of 32 weights is d q + m, in Q8_0 d q, with d and m in float16 and integers q of 4 or 8 bits. Every
float16 is a multiple of 2^-24, so that factors d and offsets m are integers in units of 2^-24, less a power of two that
all of a matrix have in common and that is kept beside them. Codes q are stored as bytes.

A product with one vector takes the sums of each block in float32: activations of 20 bits are split in two halves of
magnitude up to 512, and 32 products with codes of 8 bits stay below 2^24, which is exact. A product with many takes
d q in float64, and m times the sums of a block's activations. There, and where blocks are put together, every partial
sum is an integer below 2^53: the sum of (|d q| + |m|) 2^19 over each row is checked against that when a file is read.
So no result depends on the order of summation, the number of threads, or the library that computes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from twopm_zk.conversation.crew import Crew
from twopm_zk.conversation.gguf_file import GgufFile, TensorType
from twopm_zk.errors import FileFormatError

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int8]

WEIGHT_FRAC = 24
ACTIVATION_BITS = 19
"""Magnitudes of activations are at most 2^ACTIVATION_BITS: with their sign they have 20 bits."""
EXACT_BITS = 53
"""A double holds every integer up to 2^EXACT_BITS in magnitude."""
BLOCK = 32
"""Weights that share a factor and an offset."""
_HALF = 1024.0
_FACTOR_BITS = 16
_CHUNK = 1 << 18
"""Weights that become floats at a time, which then stay in a core's own cache."""


def read_blocks(file: GgufFile, name: str) -> tuple[Codes, Integers, Integers]:
    """Codes (rows x columns), factors and offsets (rows x blocks) of a tensor: weights are factor * code + offset.

    In units of 2^-WEIGHT_FRAC. FileFormatError for a tensor that has no blocks, or factors that are no numbers.
    """
    raw, kind = file.rows(name), file.tensor(name).type
    if kind is TensorType.Q8_0:
        blocks = raw.reshape(len(raw), -1, 34)
        factors = _halves(blocks[..., :2])
        return blocks[..., 2:].view(np.int8).reshape(len(raw), -1), factors, np.zeros_like(factors)
    if kind is TensorType.Q4_1:
        blocks = raw.reshape(len(raw), -1, 20)
        codes = np.concatenate([blocks[..., 4:] & 15, blocks[..., 4:] >> 4], -1).view(np.int8)
        return codes.reshape(len(raw), -1), _halves(blocks[..., :2]), _halves(blocks[..., 2:4])
    raise FileFormatError(f"the tensor {name} of a model's file is of type {kind.name}, not of blocks of integers")


def _halves(raw: npt.NDArray[np.uint8]) -> Integers:
    values = np.ascontiguousarray(raw).view("<f2")[..., 0].astype(np.float64)
    if not np.isfinite(values).all():
        raise FileFormatError("a model's file holds weights that are no numbers")
    return (values * 2.0**WEIGHT_FRAC).astype(np.int64)


@dataclass(frozen=True)
class _Chunk:
    """Some rows of a matrix, each of them a column here: what belongs to one block of them lies together."""

    rows: slice
    codes: Codes
    factors: Reals
    offsets: Reals | None

    def sums(self, halves: Singles, totals: Reals, space: Singles) -> Reals:
        """The exact product with one vector, given in halves (blocks x 2 x BLOCK) with the totals of its blocks."""
        blocks, size = self.factors.shape
        floats = space[: self.codes.size].reshape(blocks, BLOCK, size)
        np.copyto(floats, self.codes.reshape(floats.shape))
        found = np.matmul(halves, floats)  # below 2^24: exact in float32
        upper, lower = np.einsum("bhr,br->hr", found.astype(np.float64), self.factors)
        whole: Reals = upper * _HALF + lower
        if self.offsets is not None:
            whole += np.matmul(totals, self.offsets)
        return whole

    def expand(self, out: Reals, space: Singles) -> None:
        """Write what is multiplied by activations (columns x rows of the matrix): d q, and below it all m.

        d q has at most 24 significant bits, 16 of a factor (a float16 has 11) and 8 of a code: float32 holds it.
        """
        blocks, size = self.factors.shape
        columns = len(self.codes)
        floats = space[: self.codes.size].reshape(blocks, BLOCK, size)
        np.copyto(floats, self.codes.reshape(floats.shape))
        floats *= self.factors.astype(np.float32)[:, None]
        np.copyto(out[:columns].reshape(floats.shape), floats)  # a view: only the first axis is divided
        if self.offsets is not None:
            out[columns:] = self.offsets


class Matrix:
    """Rows of exact integers, in units of 2^-frac_bits."""

    def __init__(self, codes: Codes, factors: Integers, offsets: Integers) -> None:
        """Take codes, factors and offsets of all rows. FileFormatError where a product might not be exact."""
        self.rows, self.columns = codes.shape
        common = int(np.bitwise_or.reduce(factors | offsets, axis=None))
        shift = (common & -common).bit_length() - 1 if common else 0
        factors, offsets = factors >> shift, offsets >> shift
        self.frac_bits = WEIGHT_FRAC - shift
        """Fractional bits of the weights, which are integers once multiplied by 2^frac_bits."""
        largest = np.abs(codes.reshape(self.rows, -1, BLOCK).astype(np.int16)).sum(2, dtype=np.int64)
        worst = int((np.abs(factors) * largest + np.abs(offsets) * BLOCK).sum(1).max())
        too_fine = np.ldexp(np.frexp(factors.astype(np.float64))[0], _FACTOR_BITS) % 1
        if worst << ACTIVATION_BITS >= 1 << EXACT_BITS or too_fine.any():
            raise FileFormatError("a model's file holds weights too large, or too fine, for products that are exact")
        count = -(-self.rows // max(1, _CHUNK // self.columns))
        size = -(-self.rows // count)  # chunks of like size: short ones take more time for each of their weights
        self._chunks = [
            _Chunk(
                slice(start, min(start + size, self.rows)),
                np.ascontiguousarray(codes[start : start + size].T),
                _columns(factors[start : start + size]),
                _columns(offsets[start : start + size]) if offsets.any() else None,
            )
            for start in range(0, self.rows, size)
        ]

    def rows_of(self, numbers: npt.NDArray[np.intp]) -> Reals:
        """Some rows."""
        out = np.empty((len(numbers), self.columns))
        size = self._chunks[0].rows.stop
        for place, number in enumerate(numbers):
            chunk, at = self._chunks[number // size], number % size
            row = chunk.codes[:, at].astype(np.float64).reshape(-1, BLOCK) * chunk.factors[:, at, None]
            if chunk.offsets is not None:
                row += chunk.offsets[:, at, None]
            out[place] = row.ravel()
        return out

    def product(self, activations: Reals, crew: Crew, buffer: Reals) -> Reals:
        """Exact sums of activations (n x columns, integers of at most 2^19) with every row: n x rows.

        ``buffer`` has room for part of the matrix, at least a chunk with its offsets, as doubles.
        """
        out = np.empty((len(activations), self.rows))
        if len(activations) == 1:
            self._one(activations[0], crew, out[0])
            return out
        if self._chunks[0].offsets is not None:  # m is multiplied by the sum of a block's activations
            activations = np.concatenate([activations, activations.reshape(len(out), -1, BLOCK).sum(2)], 1)
        height = activations.shape[1]
        together = max(1, buffer.size // (self._chunks[0].rows.stop * height))

        def expand(chunk: _Chunk, space: Reals) -> None:
            chunk.expand(space, crew.scratch(_CHUNK))

        for first in range(0, len(self._chunks), together):
            chunks = self._chunks[first : first + together]
            rows = slice(chunks[0].rows.start, chunks[-1].rows.stop)
            space = buffer[: (rows.stop - rows.start) * height].reshape(height, -1)
            places = (slice(chunk.rows.start - rows.start, chunk.rows.stop - rows.start) for chunk in chunks)
            crew.run([partial(expand, chunk, space[:, at]) for chunk, at in zip(chunks, places, strict=True)])
            np.matmul(activations, space, out=out[:, rows])
        return out

    def _one(self, activation: Reals, crew: Crew, out: Reals) -> None:
        """The product with one vector."""
        upper = np.rint(activation * (1 / _HALF))
        halves = np.stack([upper, activation - upper * _HALF]).astype(np.float32)
        halves = np.ascontiguousarray(halves.reshape(2, -1, BLOCK).transpose(1, 0, 2))
        totals = activation.reshape(-1, BLOCK).sum(1)

        def work(chunks: Sequence[_Chunk]) -> None:
            space = crew.scratch(_CHUNK)
            for chunk in chunks:
                out[chunk.rows] = chunk.sums(halves, totals, space)

        crew.run([partial(work, self._chunks[share]) for share in crew.shares(len(self._chunks))])


def _columns(values: Integers) -> Reals:
    return np.ascontiguousarray(values.T.astype(np.float64))


def read_matrix(file: GgufFile, names: Sequence[str], *, order: npt.NDArray[np.intp] | None = None) -> Matrix:
    """The matrix whose rows are those of several tensors, one after another.

    ``order`` gives each row of the result the number of the row that it is taken from.
    """
    if len({file.tensor(name).columns for name in names}) > 1:
        raise FileFormatError(f"the tensors {', '.join(names)} of a model's file do not fit each other")
    found = [read_blocks(file, name) for name in names]
    codes, factors, offsets = (np.concatenate(parts) for parts in zip(*found, strict=True))
    if order is not None:
        if len(order) != len(codes):
            raise FileFormatError(
                f"the tensors {', '.join(names)} of a model's file are not of the sizes that it names"
            )
        codes, factors, offsets = codes[order], factors[order], offsets[order]
    return Matrix(codes, factors, offsets)


def read_vector(file: GgufFile, name: str, bits: int) -> tuple[Reals, int]:
    """A vector of float32 as integers of at most 2^bits in magnitude, and their fractional bits.

    The power of two is the same for all of them, so numbers that are much smaller than the largest are rounded.
    """
    tensor = file.tensor(name)
    if tensor.type is not TensorType.F32 or tensor.rows != 1:
        raise FileFormatError(f"the tensor {name} of a model's file is no vector of float32")
    values = file.rows(name)[0].view("<f4").astype(np.float64)
    if not np.isfinite(values).all():
        raise FileFormatError("a model's file holds weights that are no numbers")
    frac_bits = bits - int(np.frexp(np.abs(values).max())[1])
    return np.rint(np.ldexp(values, frac_bits)), frac_bits
