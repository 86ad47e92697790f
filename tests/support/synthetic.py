"""Circuits of any size and shape with their witnesses, without a compiler."""

import random
import struct

from support.r1cs_files import r1cs_bytes

from twopm_zk.numbers.field import FIELD_ORDER


def wtns_bytes(values, *, prime=FIELD_ORDER, version=2):
    head = struct.pack("<I", 32) + prime.to_bytes(32, "little") + struct.pack("<I", len(values))
    body = b"".join(value.to_bytes(32, "little") for value in values)
    result = b"wtns" + struct.pack("<II", version, 2)
    for number, content in ((1, head), (2, body)):
        result += struct.pack("<IQ", number, len(content)) + content
    return result


def circuit(constraints, *, public, seed=0, terms=3):
    """R1CS and witness of random constraints; ``terms`` > 2 needs additions, and some coefficients are zero."""
    rng = random.Random(seed)
    values = [1, *(rng.randrange(FIELD_ORDER) for _ in range(public)), *(rng.choice([0, 1, 2, 7]) for _ in range(3))]
    rows = []

    def side():
        picked = rng.sample(range(len(values)), min(terms, len(values)))
        return {wire: rng.choice([0, 1, FIELD_ORDER - 1, rng.randrange(FIELD_ORDER)]) for wire in picked}

    def value(combination):
        return sum(values[wire] * factor for wire, factor in combination.items()) % FIELD_ORDER

    for index in range(constraints):
        a, b = side(), side()
        if index % 5 == 3:
            b = {0: rng.randrange(FIELD_ORDER)}  # a linear constraint
        if index % 11 == 7:
            a = {}
        values.append(value(a) * value(b) % FIELD_ORDER)
        rows.append((a, b, {len(values) - 1: 1}))
    return r1cs_bytes(rows, wires=len(values), outputs=public), wtns_bytes(values)


def chain(gates, *, start=5, plus=3):
    """Exactly ``gates`` gates, one public input: every value is the square of the one before it, plus ``plus``."""
    values = [1, start]
    rows = []
    constant = {0: FIELD_ORDER - plus} if plus else {}
    for _ in range(gates - 1):
        values.append((values[-1] ** 2 + plus) % FIELD_ORDER)
        new = len(values) - 1
        rows.append(({new - 1: 1}, {new - 1: 1}, {new: 1, **constant}))
    return r1cs_bytes(rows, wires=len(values), outputs=1), wtns_bytes(values)


def reordered(content, order):
    """The same container with its sections in another order."""
    count = struct.unpack_from("<I", content, 8)[0]
    position, parts = 12, {}
    for _ in range(count):
        number, length = struct.unpack_from("<IQ", content, position)
        parts[number] = content[position : position + 12 + length]
        position += 12 + length
    names = order(list(parts))
    return content[:12] + b"".join(parts[name] for name in names)
