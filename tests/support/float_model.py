"""The same language model in float32 with numpy, to compare with: what usual software computes, on this machine.

Not part of the package: its results depend on the machine.
"""

import numpy as np

from twopm_zk.conversation.gguf_file import TensorType
from twopm_zk.conversation.weights import BLOCK, WEIGHT_FRAC, read_blocks


class FloatModel:
    """Weights in float32, and a cache of keys and values for one conversation."""

    def __init__(self, file, shape, context=2048):
        self.shape, self.context = shape, context
        weights = {name: self.read(file, name) for name in file.tensors}
        for layer in range(shape.layers):
            prefix = f"blk.{layer}."
            heads = [weights.pop(f"{prefix}attn_{part}.weight") for part in "qkv"]
            weights[f"{prefix}heads"] = np.concatenate(heads)
            gates = [weights.pop(f"{prefix}ffn_{part}.weight") for part in ("gate", "up")]
            weights[f"{prefix}gates"] = np.concatenate(gates)
        self.weights = weights
        half = shape.head // 2
        angles = np.arange(context)[:, None] * float(shape.rotary_base) ** (-np.arange(half) / half)
        self.cosines, self.sines = (
            np.cos(angles).astype(np.float32)[:, None],
            np.sin(angles).astype(np.float32)[:, None],
        )
        self.forget()

    @staticmethod
    def read(file, name):
        tensor = file.tensor(name)
        if tensor.type is TensorType.F32:
            return file.rows(name)[0].view("<f4").copy()
        codes, factors, offsets = read_blocks(file, name)
        found = codes.astype(np.float32).reshape(tensor.rows, -1, BLOCK)
        found *= (factors * 2.0**-WEIGHT_FRAC).astype(np.float32)[..., None]
        found += (offsets * 2.0**-WEIGHT_FRAC).astype(np.float32)[..., None]
        return found.reshape(tensor.rows, -1)

    def forget(self):
        """Begin another conversation."""
        shape = self.shape
        self.keys = np.empty((shape.layers, shape.key_heads, self.context, shape.head), np.float32)
        self.values = np.empty_like(self.keys)
        self.used = 0

    def advance(self, tokens):
        """The hidden states after each of the next tokens."""
        shape, weights = self.shape, self.weights
        n, start = len(tokens), self.used
        stop = start + n
        rows = weights["token_embd.weight"][tokens]
        hidden = np.arange(stop)[None] > np.arange(start, stop)[:, None]
        group, turned = shape.heads // shape.key_heads, shape.heads + shape.key_heads
        for layer in range(shape.layers):
            prefix = f"blk.{layer}."
            normed = self.norm(rows, weights[f"{prefix}attn_norm.weight"])
            heads = (normed @ weights[f"{prefix}heads"].T).reshape(n, -1, shape.head)
            heads[:, :turned] = self.rotate(heads[:, :turned], slice(start, stop))
            asked = heads[:, : shape.heads].transpose(1, 0, 2).reshape(shape.key_heads, group * n, shape.head)
            self.keys[layer, :, start:stop] = heads[:, shape.heads : turned].transpose(1, 0, 2)
            self.values[layer, :, start:stop] = heads[:, turned:].transpose(1, 0, 2)
            scores = np.matmul(asked, self.keys[layer, :, :stop].transpose(0, 2, 1))
            scores *= np.float32(shape.head**-0.5)
            if n > 1:
                scores.reshape(shape.key_heads, group, n, stop)[:, :, hidden] = -1e30
            scores -= scores.max(-1, keepdims=True)
            np.exp(scores, out=scores)
            scores /= scores.sum(-1, keepdims=True)
            mixed = np.matmul(scores, self.values[layer, :, :stop]).reshape(shape.heads, n, shape.head)
            rows = rows + mixed.transpose(1, 0, 2).reshape(n, -1) @ weights[f"{prefix}attn_output.weight"].T
            normed = self.norm(rows, weights[f"{prefix}ffn_norm.weight"])
            both = normed @ weights[f"{prefix}gates"].T
            gate, up = both[:, : shape.inner], both[:, shape.inner :]
            rows = rows + (gate / (1 + np.exp(-gate)) * up) @ weights[f"{prefix}ffn_down.weight"].T
        self.used = stop
        return self.norm(rows, weights["output_norm.weight"])

    def logits(self, hidden):
        return hidden @ self.weights.get("output.weight", self.weights["token_embd.weight"]).T

    def norm(self, rows, weights):
        return rows / np.sqrt((rows * rows).mean(-1, keepdims=True) + np.float32(self.shape.epsilon)) * weights

    def rotate(self, heads, positions):
        cosines, sines = self.cosines[positions], self.sines[positions]
        a, b = heads[..., 0::2], heads[..., 1::2]
        out = np.empty_like(heads)
        out[..., 0::2], out[..., 1::2] = a * cosines - b * sines, a * sines + b * cosines
        return out
