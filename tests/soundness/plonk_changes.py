"""Random changes of a proof: of bytes, of whole numbers, and of points for other points."""

import json

from py_ecc.optimized_bn128 import G1, multiply, normalize

from twopm_zk.numbers.field import BASE_FIELD_ORDER as P
from twopm_zk.numbers.field import FIELD_ORDER as R

SPECIAL = (0, 1, 2, R - 1, R, R + 1, P - 1, P, P + 1, 2**255, 2**256 - 1)


def changed(rng, honest, count):
    """``count`` candidates, one to three changes of the honest one each; a tenth of them are well formed."""
    return [one(rng, honest, f"change {number}") for number in range(count)]


def one(rng, honest, name):
    words = [*honest.words, *honest.public]
    kinds = (well_formed,) if rng.random() < 0.08 else (byte, special, order, swap, copy)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        rng.choice(kinds)(rng, words)
    return type(honest)(name, honest.key, tuple(words[24:]), tuple(words[:24]), "random")


def byte(rng, words):
    i = rng.randrange(len(words))
    words[i] ^= rng.randrange(1, 256) << 8 * rng.randrange(32)


def special(rng, words):
    words[rng.randrange(len(words))] = rng.choice(SPECIAL)


def order(rng, words):
    i = rng.randrange(len(words))
    words[i] = (words[i] + rng.choice((R, P, -R, -P))) % 2**256


def swap(rng, words):
    i, j = rng.sample(range(len(words)), 2)
    words[i], words[j] = words[j], words[i]


def copy(rng, words):
    i, j = rng.sample(range(len(words)), 2)
    words[i] = words[j]


def well_formed(rng, words):
    """Another point on the curve for a point, another number of the field for a number."""
    i = rng.randrange(len(words))
    if i >= 18:
        words[i] = rng.choice(
            (rng.randrange(R), (words[i] + 1) % R, -words[i] % R, words[rng.randrange(18, len(words))])
        )
        return
    at, other = i - i % 2, 2 * rng.randrange(9)
    x, y = normalize(multiply(G1, rng.randrange(1, 2**16)))
    points = ((x.n, y.n), (words[at], P - words[at + 1]), tuple(words[other : other + 2]))
    words[at : at + 2] = rng.choice(points)


def changed_text(rng, text):
    """The text of a file with one to three bytes changed, left out, doubled, or moved."""
    content = bytearray(text.encode())
    for _ in range(rng.choice((1, 1, 2, 3))):
        i = rng.randrange(len(content))
        kind = rng.randrange(4)
        if kind == 0:
            content[i] = rng.choice(b'0123456789"[]{},: \n\\-+.eE') if rng.random() < 0.8 else rng.randrange(256)
        elif kind == 1:
            del content[i : i + rng.randrange(1, 4)]
        elif kind == 2:
            content[i:i] = content[i : i + rng.randrange(1, 40)]
        else:
            j = rng.randrange(len(content))
            content[i], content[j] = content[j], content[i]
    return content.decode(errors="surrogateescape")


def compact(row):
    """JSON without spaces, so that most changes change what it says."""
    return json.dumps(row, separators=(",", ":"))
