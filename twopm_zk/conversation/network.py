"""A transformer of llama's kind in exact integers: the hidden state and the logits that follow from tokens.

Every position's numbers follow from the tokens up to it alone, by the same integers whether tokens come one at a time
or many at once: what an operator generates token by token, a verifier computes in one pass.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from math import isqrt

import numpy as np
import numpy.typing as npt

from twopm_zk.conversation import arithmetic
from twopm_zk.conversation.arithmetic import (
    GATE_BITS,
    HEAD_BITS,
    HEAD_FRAC,
    NORM_BITS,
    RESIDUAL_BITS,
    RESIDUAL_FRAC,
    ROTATED_BITS,
    ROTATED_FRAC,
    Activations,
    Norm,
)
from twopm_zk.conversation.crew import Crew
from twopm_zk.conversation.gguf_file import GgufFile
from twopm_zk.conversation.tables import EXP_FRAC, EXP_STEPS, GATE_FRAC, digest_of_integers, rotary, tables
from twopm_zk.conversation.weights import EXACT_BITS, Matrix, read_matrix, read_vector
from twopm_zk.errors import FileFormatError

Reals = npt.NDArray[np.float64]

MOST_AT_ONCE = 512
"""Tokens that go through the layers together; more would need more memory and save little."""
_BUFFER = 1 << 21
"""Weights that become doubles together for a product with many rows: 16 MB."""
_QUERIES = 32
"""Positions whose scores are computed together, each with the keys of all positions up to the last."""
_SCORES = 1 << 16
"""Scores that one step takes at a time."""
_BLOCK = 32
"""Rows that one step takes at a time, so that they stay in a core's own cache."""


@dataclass(frozen=True)
class Shape:
    """What a model's file says of its architecture."""

    layers: int
    width: int
    inner: int
    heads: int
    key_heads: int
    vocabulary: int
    positions: int
    rotary_base: int
    epsilon: float

    @property
    def head(self) -> int:
        """Components of a head."""
        return self.width // self.heads


def read_shape(file: GgufFile) -> Shape:
    """The architecture. FileFormatError for one that is not computed here, or not exactly."""
    if (kind := file.text("general.architecture")) != "llama":
        raise FileFormatError(f"a model of architecture {kind} is not computed here, only llama")
    base = file.real("llama.rope.freq_base")
    shape = Shape(
        layers=file.natural("llama.block_count"),
        width=file.natural("llama.embedding_length"),
        inner=file.natural("llama.feed_forward_length"),
        heads=file.natural("llama.attention.head_count"),
        key_heads=file.natural("llama.attention.head_count_kv"),
        vocabulary=file.tensor("token_embd.weight").rows,
        positions=file.natural("llama.context_length"),
        rotary_base=int(base),
        epsilon=file.real("llama.attention.layer_norm_rms_epsilon"),
    )
    sizes = shape.layers, shape.width, shape.inner, shape.heads, shape.key_heads, shape.positions
    head = shape.width // max(shape.heads, 1)
    if not (
        min(sizes) > 0
        and shape.width == head * shape.heads
        and shape.heads % shape.key_heads == 0
        and head >= 4
        and head.bit_length() % 2 == 1
        and head == 1 << (head.bit_length() - 1)  # a power of 4, whose root is a power of two
        and base == shape.rotary_base >= 2
        and 0 < shape.epsilon < 1
        and head << 2 * ROTATED_BITS < 1 << EXACT_BITS
        and file.metadata.get("llama.rope.dimension_count", head) == head
    ):
        raise FileFormatError("a model's file names sizes that are not computed here, or not exactly")
    return shape


class Cache:
    """Keys and values of the tokens so far. Memory is taken as positions are used."""

    def __init__(self, shape: Shape, positions: int) -> None:
        self.positions = positions
        self.used = 0
        size = (shape.layers, shape.key_heads, positions, shape.head)
        self.keys = np.empty(size, np.float32)  # integers below 2^24, which a float32 holds
        self.values = np.empty(size, np.float32)


class _Layer:
    """One layer's weights."""

    def __init__(self, file: GgufFile, shape: Shape, number: int) -> None:
        prefix = f"blk.{number}."
        names = [f"{prefix}attn_{part}.weight" for part in "qkv"]
        self.heads = read_matrix(file, names, order=_halves_first(shape))
        self.mix = read_matrix(file, [f"{prefix}attn_output.weight"])
        self.gates = read_matrix(file, [f"{prefix}ffn_gate.weight", f"{prefix}ffn_up.weight"])
        self.down = read_matrix(file, [f"{prefix}ffn_down.weight"])
        self.attention_norm = _read_norm(file, f"{prefix}attn_norm.weight", shape)
        self.feed_norm = _read_norm(file, f"{prefix}ffn_norm.weight", shape)
        all_heads = (shape.heads + 2 * shape.key_heads) * shape.head
        expected = {
            self.heads: (all_heads, shape.width),
            self.mix: (shape.width, shape.width),
            self.gates: (2 * shape.inner, shape.width),
            self.down: (shape.width, shape.inner),
        }
        if any((matrix.rows, matrix.columns) != size for matrix, size in expected.items()):
            raise FileFormatError(f"layer {number} of a model's file is not of the sizes that the file names")


def _halves_first(shape: Shape) -> npt.NDArray[np.intp]:
    """The order of rows in which queries and keys have the first of each rotated pair in their first half."""
    turned = (shape.heads + shape.key_heads) * shape.head
    rows = np.arange(turned + shape.key_heads * shape.head)
    rows[:turned] = rows[:turned].reshape(-1, shape.head // 2, 2).transpose(0, 2, 1).reshape(-1, shape.head).ravel()
    return rows


def _read_norm(file: GgufFile, name: str, shape: Shape) -> Norm:
    weights, frac_bits = read_vector(file, name, NORM_BITS)
    if len(weights) != shape.width:
        raise FileFormatError(f"the tensor {name} of a model's file is not as long as a row")
    return Norm(weights, frac_bits, shape.epsilon)


class Network:
    """A model's weights, and what it computes with them."""

    def __init__(self, file: GgufFile, shape: Shape, *, context: int, threads: int | None = None) -> None:
        self.shape, self.context = shape, context
        self.crew = Crew(threads)
        tables()
        cosines, sines = rotary(context, shape.head // 2, shape.rotary_base)
        self.rotary_digest = digest_of_integers(cosines, sines)
        self._cosines, self._sines = cosines.astype(np.float64), sines.astype(np.float64)
        self._embedding = read_matrix(file, ["token_embd.weight"])
        self._layers = [_Layer(file, shape, number) for number in range(shape.layers)]
        self._last_norm = _read_norm(file, "output_norm.weight", shape)
        own_output = "output.weight" in file.tensors
        self._output = read_matrix(file, ["output.weight"]) if own_output else self._embedding
        if any(matrix.columns != shape.width for matrix in (self._embedding, self._output)):
            raise FileFormatError("the vocabulary of a model's file is not as wide as its rows")
        self._buffer: Reals = np.empty(_BUFFER)
        self._one_at_a_time = threading.Lock()  # who comes second waits for the buffer

    def new_cache(self) -> Cache:
        """A cache for as many positions as the network has."""
        return Cache(self.shape, self.context)

    def advance(self, tokens: npt.NDArray[np.intp], cache: Cache) -> Activations:
        """The hidden states after each of the next tokens, which the cache then knows.

        Several threads may ask at once, each with a cache of its own.
        """
        found = _empty(len(tokens), self.shape.width)
        for start in range(0, len(tokens), MOST_AT_ONCE):
            part = slice(start, min(start + MOST_AT_ONCE, len(tokens)))
            with self._one_at_a_time:
                self._step(tokens[part], cache, found[part])
        return found

    def _step(self, tokens: npt.NDArray[np.intp], cache: Cache, out: Activations) -> None:
        rows = self._embedding.rows_of(tokens)
        rows *= 2.0 ** (RESIDUAL_FRAC - self._embedding.frac_bits)
        for number, layer in enumerate(self._layers):
            self._attend(number, layer, rows, cache)
            self._feed(layer, rows)
        cache.used += len(rows)
        self._normalise(self._last_norm, rows, out)

    def logits(self, hidden: Activations) -> tuple[Reals, npt.NDArray[np.int64]]:
        """Each token's logit after each hidden state (n x vocabulary): integers, and each row's fractional bits."""
        with self._one_at_a_time:
            sums = self._output.product(hidden.values, self.crew, self._buffer)
        return sums, self._output.frac_bits - hidden.exponents[:, 0]

    def output_weights(self) -> npt.NDArray[np.float32]:
        """The matrix that logits come from (vocabulary x width), as the nearest reals in float32."""
        rows = np.arange(self._output.rows)
        found = np.empty((len(rows), self.shape.width), np.float32)
        for start in range(0, len(rows), MOST_AT_ONCE):
            part = slice(start, start + MOST_AT_ONCE)
            found[part] = self._output.rows_of(rows[part]) * 2.0**-self._output.frac_bits
        return found

    def _attend(self, number: int, layer: _Layer, rows: Reals, cache: Cache) -> None:
        shape, n, start = self.shape, len(rows), cache.used
        stop = start + n
        normed = _empty(n, shape.width)
        self._normalise(layer.attention_norm, rows, normed)
        sums = layer.heads.product(normed.values, self.crew, self._buffer)
        turned = (shape.heads + shape.key_heads) * shape.head
        group = shape.heads // shape.key_heads
        queries = np.empty((shape.key_heads, group, n, shape.head))

        def split(part: slice) -> None:
            exponents = normed.exponents[part] - layer.heads.frac_bits
            found = arithmetic.to_format(sums[part], exponents, frac_bits=HEAD_FRAC, bits=HEAD_BITS)
            at = slice(start + part.start, start + part.stop)
            heads = found[:, :turned].reshape(len(found), -1, shape.head)
            heads = arithmetic.rotate(heads, self._cosines[at, None], self._sines[at, None])
            values = found[:, turned:].reshape(len(found), -1, shape.head)
            cache.keys[number, :, at] = heads[:, shape.heads :].transpose(1, 0, 2)
            cache.values[number, :, at] = values.transpose(1, 0, 2)
            mine = heads[:, : shape.heads].transpose(1, 0, 2)
            queries[:, :, part] = mine.reshape(shape.key_heads, group, len(found), shape.head)

        self.crew.blocks(n, _BLOCK, split)
        keys = cache.keys[number, :, :stop].astype(np.float64)
        values = cache.values[number, :, :stop].astype(np.float64)
        mixed = np.empty((n, shape.heads, shape.head))
        unit = EXP_STEPS * 2.0 ** -(2 * ROTATED_FRAC) / isqrt(shape.head)  # of a score, a power of two

        queries *= unit
        for first in range(0, n, _QUERIES):  # products by all of BLAS' threads, what is between them by the crew's
            last = min(first + _QUERIES, n)
            until, size = start + last, last - first
            asked = queries[:, :, first:last].reshape(shape.key_heads, group * size, shape.head)
            scores = np.matmul(asked, keys[:, :until].transpose(0, 2, 1))
            later = np.arange(size)[None, :] > np.arange(size)[:, None]
            scores.reshape(shape.heads, size, until)[:, :, until - size :][:, later] = arithmetic.HIDDEN
            self._softmax(scores.reshape(-1, until))
            found = np.matmul(scores, values[:, :until]).reshape(shape.heads, size, shape.head)
            mixed[first:last] = found.transpose(1, 0, 2)
        self._add(layer.mix, mixed.reshape(n, shape.width), EXP_FRAC + HEAD_FRAC, rows)

    def _softmax(self, scores: Reals) -> None:
        """Scores as probabilities, in place."""

        def work(part: slice) -> None:
            scores[part] = arithmetic.softmax(scores[part])

        self.crew.blocks(len(scores), max(_BLOCK, _SCORES // scores.shape[1]), work)

    def _feed(self, layer: _Layer, rows: Reals) -> None:
        n, inner = len(rows), self.shape.inner
        normed = _empty(n, self.shape.width)
        self._normalise(layer.feed_norm, rows, normed)
        sums = layer.gates.product(normed.values, self.crew, self._buffer)
        joined = np.empty((n, inner))

        def gate(part: slice) -> None:
            exponents = normed.exponents[part] - layer.gates.frac_bits
            found = arithmetic.to_format(sums[part], exponents, frac_bits=GATE_FRAC, bits=GATE_BITS)
            joined[part] = arithmetic.gated(found[:, :inner], found[:, inner:])

        self.crew.blocks(n, _BLOCK, gate)
        self._add(layer.down, joined, 2 * GATE_FRAC, rows)

    def _add(self, matrix: Matrix, values: Reals, frac_bits: int, rows: Reals) -> None:
        """Add the product of values with a matrix to rows of the residual stream."""
        taken = _empty(*values.shape)
        self.crew.blocks(
            len(values), _BLOCK, lambda part: arithmetic.to_activations(values[part], frac_bits, taken[part])
        )
        sums = matrix.product(taken.values, self.crew, self._buffer)

        def add(part: slice) -> None:
            exponents = taken.exponents[part] - matrix.frac_bits
            rows[part] += arithmetic.to_format(sums[part], exponents, frac_bits=RESIDUAL_FRAC, bits=RESIDUAL_BITS)
            np.clip(rows[part], -(2.0**RESIDUAL_BITS), 2.0**RESIDUAL_BITS, out=rows[part])

        self.crew.blocks(len(rows), _BLOCK, add)

    def _normalise(self, norm: Norm, rows: Reals, out: Activations) -> None:
        self.crew.blocks(len(rows), _BLOCK, lambda part: norm.apply(rows[part], out[part]))


def _empty(rows: int, columns: int) -> Activations:
    return Activations(np.empty((rows, columns)), np.empty((rows, 1), np.int64))
