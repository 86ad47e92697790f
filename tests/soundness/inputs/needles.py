"""Spellings of secrets, and a search for them in files and output."""

import base64
import struct
from pathlib import Path

LEAST = 8
"""Bytes of a needle: shorter ones are found by chance."""


def of_number(number, *, order=None):
    """An integer of 64 bits or more, and what stands for its negative modulo ``order``, as they may be written."""
    values = [abs(number)] + ([order - abs(number)] if order and abs(number) < order else [])
    found = set()
    for value in values:
        length = (value.bit_length() + 7) // 8
        if length < LEAST:
            continue
        for whole in (value.to_bytes(length, "big"), value.to_bytes(length, "little")):
            found |= of_bytes(whole)
        found |= {str(value).encode(), f"{value:x}".encode(), f"{value:X}".encode()}
    return found


def of_bytes(secret):
    """Bytes as they are, in hexadecimal, as Python shows them, and in base64 wherever they begin in a line of it."""
    found = {secret, secret.hex().encode(), secret.hex().upper().encode(), repr(secret)[2:-1].encode()}
    for before in range(3):
        whole = base64.b64encode(bytes(before) + secret)
        # letters that follow from bytes of the secret alone
        found.add(whole[-(-before * 8 // 6) : (before + len(secret)) * 8 // 6])
        found.add(
            base64.urlsafe_b64encode(bytes(before) + secret)[-(-before * 8 // 6) : (before + len(secret)) * 8 // 6]
        )
    return {one for one in found if len(one) >= LEAST}


def of_reals(values):
    """Floating-point numbers with all their digits, as text and as bytes; those that are short are left out."""
    found = set()
    for value in map(float, values):
        if len(repr(value)) >= 14:  # about as many digits as 45 bits have
            found |= {repr(value).encode(), *(struct.pack(form, value) for form in ("<d", ">d"))}
            found |= {struct.pack(form, value).hex().encode() for form in ("<d", ">d")}
    return found


def in_bytes(content, needles):
    """Those that occur."""
    return [needle for needle in needles if needle in content]


def in_files(folder, needles):
    """Files anywhere below a folder that hold a needle, with how many of them."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and (held := in_bytes(path.read_bytes(), needles)):
            found[path] = len(held)
    return found
