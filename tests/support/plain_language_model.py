"""A language model in Python's integers alone, one number at a time: what twopm_zk.conversation has to compute.

Written from docs/conversation.md; no BLAS, no floating point number.
"""

from fractions import Fraction
from math import isqrt

from twopm_zk.conversation.tables import exp_entries, rotary, silu_entries
from twopm_zk.conversation.weights import BLOCK, read_blocks, read_vector


def shifted(value, bits):
    """value / 2^bits to the nearest integer, ties to even; exact for negative bits."""
    return value << -bits if bits <= 0 else round(Fraction(value, 1 << bits))


def clipped(value, bits):
    return max(-(1 << bits), min(1 << bits, value))


def activations(row, frac_bits):
    shift = max(max(map(abs, row)), 1).bit_length() - 19
    return [shifted(value, shift) for value in row], shift - frac_bits


def adapted(hidden, down, up, frac_bits):
    """A hidden state after an adapter of two lists of rows."""
    values, exponent = hidden
    dot = lambda rows, column: [sum(a * b for a, b in zip(row, column, strict=True)) for row in rows]  # noqa: E731
    inner, shift = activations(dot(down, values), 0)
    change = [clipped(shifted(value, 2 * frac_bits - 30 - shift), 51) for value in dot(up, inner)]
    found, shift = activations([(value << 30) + more for value, more in zip(values, change, strict=True)], 30)
    return found, exponent + shift


class PlainModel:
    def __init__(self, file, shape):
        self.file, self.shape = file, shape
        self.exp, self.silu = exp_entries(), silu_entries()
        cosines, sines = rotary(shape.positions, shape.head // 2, shape.rotary_base)
        self.cosines, self.sines = cosines.tolist(), sines.tolist()
        self.matrices = {}
        for name in file.tensors:
            if "norm" not in name:
                codes, factors, offsets = read_blocks(file, name)
                whole = factors.repeat(BLOCK, 1) * codes + offsets.repeat(BLOCK, 1)
                self.matrices[name] = whole.tolist()  # fraction 24
        self.cache = [([], []) for _ in range(shape.layers)]

    def norm(self, row, name):
        weights, frac_bits = read_vector(self.file, name, 26)
        size = len(row)
        epsilon = size * Fraction(self.shape.epsilon)
        least = next(power for power in range(-21, 99) if int(epsilon * Fraction(4) ** (19 - power)) < 1 << 48)
        shift = max(max(max(map(abs, row)), 1).bit_length() - 26, least)
        short = [shifted(value, shift) for value in row]
        small = [shifted(value, 5) for value in short]
        squares = sum(value * value for value in small) + int(epsilon * Fraction(4) ** (19 - shift))
        doubling = (52 - max(squares, 1).bit_length()) >> 1
        root = isqrt(max(squares, 1) << 2 * doubling)
        bits = 50 - (isqrt(size << 64).bit_length() - 33)
        factor = isqrt(size << 2 * bits) // root
        scaled = [shifted(value * factor, 26) * int(weight) for value, weight in zip(short, weights, strict=True)]
        values, exponent = activations(scaled, 0)
        return values, exponent + doubling + 21 - bits - frac_bits

    def product(self, row, name, frac_bits=None, bits=None):
        values, exponent = row
        sums = [sum(a * w for a, w in zip(values, weights, strict=True)) for weights in self.matrices[name]]
        if frac_bits is None:
            return sums, 24 - exponent
        return [clipped(shifted(value, 24 - exponent - frac_bits), bits) for value in sums]

    def exp_of_minus(self, steps):
        """exp(-steps / 2048), of a Fraction."""
        steps = min(steps, len(self.exp) - 1)
        entry = self.exp[int(steps)]
        return entry + round(-entry * (steps - int(steps)) / 2048)

    def rotate(self, head, position):
        """Pairs as the file has them, which become halves."""
        firsts, seconds = [], []
        for i, (c, s) in enumerate(zip(self.cosines[position], self.sines[position], strict=True)):
            a, b = head[2 * i], head[2 * i + 1]
            firsts.append(clipped(shifted(a * c - b * s, 28), 23))
            seconds.append(clipped(shifted(a * s + b * c, 28), 23))
        return firsts + seconds

    def attend(self, layer, row, position):
        shape, prefix = self.shape, f"blk.{layer}."
        normed = self.norm(row, f"{prefix}attn_norm.weight")
        asked, keys, values = (self.product(normed, f"{prefix}attn_{part}.weight", 16, 24) for part in "qkv")
        split = lambda row: [row[i : i + shape.head] for i in range(0, len(row), shape.head)]  # noqa: E731
        known = self.cache[layer]
        known[0].append([self.rotate(head, position) for head in split(keys)])
        known[1].append(split(values))
        mixed = []
        for number, head in enumerate(split(asked)):
            query, group = self.rotate(head, position), number // (shape.heads // shape.key_heads)
            scores = [sum(a * b for a, b in zip(query, key[group], strict=True)) for key in known[0]]
            below = [Fraction((max(scores) - score) * 2048, (1 << 30) * isqrt(shape.head)) for score in scores]
            weights = [self.exp_of_minus(steps) for steps in below]
            parts = [round(Fraction(weight << 26, sum(weights))) for weight in weights]
            columns = zip(*(value[group] for value in known[1]), strict=True)
            mixed += [sum(part * value for part, value in zip(parts, column, strict=True)) for column in columns]
        return self.product(activations(mixed, 42), f"{prefix}attn_output.weight", 24, 46)

    def feed(self, layer, row):
        prefix = f"blk.{layer}."
        normed = self.norm(row, f"{prefix}ffn_norm.weight")
        gates, ups = (self.product(normed, f"{prefix}ffn_{part}.weight", 18, 26) for part in ("gate", "up"))
        joined = []
        for gate, up in zip(gates, ups, strict=True):
            steps = min(Fraction(abs(gate) * 512, 1 << 18), len(self.silu) - 1)
            entry, after = (self.silu[min(int(steps) + i, len(self.silu) - 1)] for i in (0, 1))
            below = round((entry + (after - entry) * (steps - int(steps))) / (1 << 10))
            joined.append((max(gate, 0) - below) * up)
        return self.product(activations(joined, 36), f"{prefix}ffn_down.weight", 24, 46)

    def logits(self, tokens, adapter=None):
        """The logits after the last of the tokens, and their fractional bits."""
        for position, token in enumerate(tokens):
            row = list(self.matrices["token_embd.weight"][token])
            for layer in range(self.shape.layers):
                for step in (self.attend(layer, row, position), self.feed):
                    added = step(layer, row) if callable(step) else step
                    row = [clipped(a + b, 46) for a, b in zip(row, added, strict=True)]
        hidden = self.norm(row, "output_norm.weight")
        return self.product(adapted(hidden, *adapter) if adapter else hidden, "token_embd.weight")
