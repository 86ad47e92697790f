"""Language models that are made up: GGUF files of the same format as real ones, small, with random weights."""

import hashlib
import struct

import numpy as np

from twopm_zk.conversation.gguf_file import TensorType
from twopm_zk.conversation.tokens import END, START, TEMPLATE, _byte_of_letter

LAYERS, WIDTH, INNER, HEADS, KEY_HEADS, CONTEXT = 2, 64, 96, 4, 2, 160
HEAD = WIDTH // HEADS
CONTROL = ["<|endoftext|>", START, END]
MERGES = ["h e", "l l", "he ll", "hell o", "Ġ w", "o r"]
TOKENS = [*CONTROL, *_byte_of_letter(), *(merge.replace(" ", "") for merge in MERGES)]
TOKENS += [f"[{number}]" for number in range(288 - len(TOKENS))]
_STRING, _ARRAY = 8, 9
_KINDS = {bool: (7, "?"), int: (4, "I"), float: (6, "f")}


def string(text):
    content = text.encode()
    return struct.pack("<Q", len(content)) + content


def value(of, *, typed=True):
    if isinstance(of, str):
        kind, content = _STRING, string(of)
    elif isinstance(of, list):
        inner = value(of[0])[:4] if of else struct.pack("<I", 4)
        parts = b"".join(value(item, typed=False) for item in of)
        kind, content = _ARRAY, inner + struct.pack("<Q", len(of)) + parts
    else:
        kind, form = _KINDS[type(of)]
        content = struct.pack("<" + form, of)
    return (struct.pack("<I", kind) if typed else b"") + content


def gguf(metadata, tensors, *, version=3):
    """The bytes of a file; tensors are by name: type, dimensions (columns first), content."""
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(metadata))
    head += b"".join(string(key) + value(of) for key, of in metadata.items())
    data = b""
    for name, (kind, dimensions, content) in tensors.items():
        head += string(name) + struct.pack(f"<I{len(dimensions)}QIQ", len(dimensions), *dimensions, kind, len(data))
        data += content + bytes(-len(content) % 32)
    return head + bytes(-len(head) % 32) + data


def blocks(random, rows, columns, kind, size):
    """A random tensor of weights near ``size``."""
    count = rows * columns // 32
    scale = (random.uniform(0.5, 1.5, count) * size).astype("<f2")
    if kind is TensorType.Q8_0:
        codes = random.integers(-127, 128, (count, 32)).astype(np.int8)
        parts = [(scale / 127).astype("<f2").view(np.uint8).reshape(-1, 2), codes.view(np.uint8)]
    else:
        codes = random.integers(0, 256, (count, 16)).astype(np.uint8)
        step = (scale / 8).astype("<f2")
        parts = [step.view(np.uint8).reshape(-1, 2), (-scale).astype("<f2").view(np.uint8).reshape(-1, 2), codes]
    return kind, (columns, rows), np.concatenate(parts, axis=1).tobytes()


def vector(random, size):
    return TensorType.F32, (size,), random.uniform(0.5, 1.5, size).astype("<f4").tobytes()


def parts(seed=0, *, size=0.3):
    """Metadata and tensors of a model."""
    random = np.random.default_rng(seed)
    keys = KEY_HEADS * HEAD
    shapes = {
        "attn_q": (WIDTH, WIDTH),
        "attn_k": (keys, WIDTH),
        "attn_v": (keys, WIDTH),
        "attn_output": (WIDTH, WIDTH),
        "ffn_gate": (INNER, WIDTH),
        "ffn_up": (INNER, WIDTH),
        "ffn_down": (WIDTH, INNER),
    }
    tensors = {"token_embd.weight": blocks(random, len(TOKENS), WIDTH, TensorType.Q8_0, 1.0)}
    for layer in range(LAYERS):
        for name, shape in shapes.items():
            tensors[f"blk.{layer}.{name}.weight"] = blocks(random, *shape, TensorType.Q4_1, size)
        for name in ("attn_norm", "ffn_norm"):
            tensors[f"blk.{layer}.{name}.weight"] = vector(random, WIDTH)
    tensors["output_norm.weight"] = vector(random, WIDTH)
    metadata = {
        "general.architecture": "llama",
        "llama.block_count": LAYERS,
        "llama.embedding_length": WIDTH,
        "llama.feed_forward_length": INNER,
        "llama.attention.head_count": HEADS,
        "llama.attention.head_count_kv": KEY_HEADS,
        "llama.context_length": CONTEXT,
        "llama.rope.freq_base": 10000.0,
        "llama.attention.layer_norm_rms_epsilon": float(np.float32(1e-5)),
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.tokens": TOKENS,
        "tokenizer.ggml.token_type": [3] * len(CONTROL) + [1] * (len(TOKENS) - len(CONTROL)),
        "tokenizer.ggml.merges": MERGES,
        "tokenizer.chat_template": TEMPLATE,
    }
    return metadata, tensors


def write(path, seed=0, **options):
    """Write a model's file; its SHA-256 in hex."""
    content = gguf(*parts(seed, **options))
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()
