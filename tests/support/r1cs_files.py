"""Writes ``.r1cs`` files that circom never would, to test readers with."""

import struct

from twopm_zk.numbers.field import FIELD_ORDER


def combination(terms):
    pairs = terms.items() if isinstance(terms, dict) else terms
    body = b"".join(struct.pack("<I", wire) + (value % FIELD_ORDER).to_bytes(32, "little") for wire, value in pairs)
    return struct.pack("<I", len(body) // 36) + body


def r1cs_bytes(constraints, *, wires, outputs=0, public=0, prime=FIELD_ORDER, order=(1, 2, 3), extra=b""):
    header = struct.pack("<I", 32) + prime.to_bytes(32, "little")
    header += struct.pack("<IIIIQI", wires, outputs, public, 0, wires, len(constraints))
    sections = {
        1: header,
        2: b"".join(combination(part) for constraint in constraints for part in constraint) + extra,
        3: b"".join(struct.pack("<Q", label) for label in range(wires)),
    }
    body = b"".join(struct.pack("<IQ", number, len(sections[number])) + sections[number] for number in order)
    return b"r1cs" + struct.pack("<II", 1, len(order)) + body
