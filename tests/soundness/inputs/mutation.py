"""Changes of valid examples that break readers: of JSON by its structure, of files by words and blocks, of text."""

import json
import struct

from twopm_zk.numbers.field import BASE_FIELD_ORDER, FIELD_ORDER

MOST = 1 << 18
"""Bytes of the longest input that is tried."""
NUMBERS = (0, -1, 1, 2, 255, 2**31, 2**32, 2**53, 2**63, 2**64, 2**256, 10**99, -(10**20), 0.5, -0.0, 1e308, 1e-320)
TEXTS = ("", "0", "-0", "00", "1e9", "0x", "\x00", "\ud800", "\u202e", "é", "e\u0301", "٣", "²", "9" * 400, "../x")
TEXTS += ("\U0001f600", "'", '"', "%s", "{}", "\n", ",", "=", str(FIELD_ORDER), str(BASE_FIELD_ORDER))
RAW = ("NaN", "Infinity", "-Infinity", "1e999", "1" * 5000, "[" * 5000, '{"a":' * 5000, '"\\ud800"', "tru", "")
WORDS = (0, 1, 2, 0x7F, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 61, (1 << 63) - 1, (1 << 64) - 1)
_HERE = "\x01here\x01"


def mutated(content, kind, chance):
    """Bytes with one to four changes, by a `random.Random`; ``kind`` is json, text or bytes."""
    for _ in range(chance.randint(1, 4)):
        content = {"json": _json, "text": _text, "bytes": _bytes}[kind](content, chance)[:MOST]
    return content


def _json(content, chance):
    try:
        root = [json.loads(content)]
    except (ValueError, RecursionError):
        return _bytes(content, chance)
    if chance.random() < 0.1:
        return _text(content, chance)
    holder, key = _anywhere(root, chance)
    raw, holder[key] = _changed(holder[key], chance)
    try:
        text = json.dumps(root[0])
    except ValueError:  # an integer with more digits than Python writes
        return content
    return text.encode() if raw is None else text.replace(json.dumps(_HERE), raw).encode()


def _anywhere(root, chance):
    """A container and a key of it, somewhere below."""
    holder, key = root, 0
    while isinstance(holder[key], (dict, list)) and holder[key] and chance.random() < 0.85:
        holder = holder[key]
        key = chance.choice(list(holder)) if isinstance(holder, dict) else chance.randrange(len(holder))
    return holder, key


def _changed(value, chance):
    """Text that stands for `_HERE` afterwards, or none, and the value that is there instead."""
    match chance.randrange(9):
        case 0:
            return None, chance.choice(NUMBERS)
        case 1:
            return None, chance.choice(TEXTS)
        case 2:
            return None, chance.choice([None, True, False, [], {}, [[]], {"": None}])
        case 3:
            return chance.choice(RAW), _HERE
        case 4:
            return None, [value] * chance.choice([0, 2, 300])
        case 5:
            return None, [value] if isinstance(value, str) else str(value)
    if isinstance(value, dict) and value:
        name = chance.choice(list(value))
        if chance.random() < 0.3:  # the same key twice
            return f"{json.dumps(value)[:-1]}, {json.dumps(name)}: 0}}", _HERE
        found = value | {chance.choice(TEXTS): chance.choice(NUMBERS)}
        return None, {key: one for key, one in value.items() if key != name} if chance.random() < 0.5 else found
    if isinstance(value, list) and value:
        return None, [*value, chance.choice(value)] if chance.random() < 0.5 else value[chance.randrange(len(value)) :]
    if isinstance(value, str):
        at = chance.randrange(len(value) + 1)
        return None, value[:at] + chance.choice(TEXTS) + value[at + chance.randint(0, 2) :]
    if isinstance(value, int):
        return None, value + chance.choice([-1, 1, 2**64])
    return None, chance.choice(NUMBERS)


def _text(content, chance):
    text = content.decode(errors="replace")
    at = chance.randrange(len(text) + 1)
    match chance.randrange(4):
        case 0:
            text = text[:at] + text[at + chance.randint(1, 20) :]
        case 1:
            text = text[:at] + text[at : at + chance.randint(1, 200)] * chance.randint(2, 40) + text[at:]
        case 2:
            text = text[:at] + chance.choice(TEXTS) + text[at:]
        case _:
            text = text[:at] + str(chance.choice(NUMBERS)) + text[at + chance.randint(1, 4) :]
    return text.encode("utf-8", "surrogatepass")


def _bytes(content, chance):
    changed = bytearray(content)
    at = chance.randrange(len(changed) + 1)
    match chance.randrange(8):
        case 0:
            del changed[at:]
        case 1:
            changed[at:at] = chance.randbytes(chance.choice([1, 4, 32, 1000]))
        case 2:
            del changed[at : at + chance.choice([1, 4, 32])]
        case 3:  # heads are at the beginning, and say how much follows
            at = chance.randrange(min(len(changed), 400) + 1)
            changed[at : at + 4] = struct.pack("<I", chance.choice(WORDS) & 0xFFFFFFFF)
        case 4:
            at = chance.randrange(min(len(changed), 400) + 1)
            changed[at : at + 8] = struct.pack("<Q", chance.choice(WORDS))
        case 5:
            order = chance.choice([FIELD_ORDER, BASE_FIELD_ORDER]) + chance.choice([-1, 0, 1])
            at -= at % 4
            changed[at : at + 32] = order.to_bytes(32, "little")
        case 6:
            other, size = chance.randrange(len(changed) + 1), chance.choice([4, 12, 32, 64])
            changed[at : at + size] = changed[other : other + size]
        case _:
            if at < len(changed):
                changed[at] ^= 1 << chance.randrange(8)
    return bytes(changed)
