"""Spellings of secrets, and a search for them in files and output."""

import base64
import gzip
import struct
import zlib
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import numpy as np

LEAST = 8
"""Bytes of a needle: shorter ones are found by chance."""
_GZIP = b"\x1f\x8b"
_HASH_BITS = 22


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


def _hashed(words):
    """Words of 64 bits as so many that a table of them fits a cache."""
    return (words * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - _HASH_BITS)


class Search:
    """A search for many needles at once: by their first eight bytes, then by all of them."""

    def __init__(self, needles):
        self._by_start = defaultdict(list)
        for needle in needles:
            self._by_start[int.from_bytes(needle[:LEAST], "little")].append(needle)
        self._starts = np.array(sorted(self._by_start), dtype=np.uint64)
        self._maybe = np.zeros(1 << _HASH_BITS, dtype=bool)
        self._maybe[_hashed(self._starts)] = True

    def __call__(self, content):
        """The needles that occur in bytes."""
        found = set()
        for first in range(min(LEAST, len(content) - LEAST + 1)):
            words = np.frombuffer(content, "<u8", (len(content) - first) // LEAST, first)
            places = np.flatnonzero(self._maybe[_hashed(words)])
            for place in places[np.isin(words[places], self._starts)]:
                begin = first + LEAST * int(place)
                candidates = self._by_start[int(words[place])]
                found.update(needle for needle in candidates if content.startswith(needle, begin))
        return found

    def in_output(self, content):
        """Likewise in what was printed, also where a line was broken in the middle of a number."""
        return self(content) | self(b"".join(content.split()))

    def in_file(self, path):
        """Likewise in a file, and in what it holds packed."""
        content = path.read_bytes()
        found = self(content)
        if content.startswith(_GZIP):
            with suppress(OSError, EOFError, zlib.error):
                found |= self(gzip.decompress(content))
        return found


def in_bytes(content, needles):
    """Those that occur."""
    return Search(needles)(content)


def in_files(folder, needles, *, since=0.0):
    """Files anywhere below a folder that hold needles, or what a `Search` is for, with those; only what has changed
    ``since`` a time."""
    search, found = needles if isinstance(needles, Search) else Search(needles), {}
    for path in sorted(Path(folder).rglob("*")):
        if not path.is_file() or path.is_symlink() or "__pycache__" in path.parts:
            continue
        with suppress(FileNotFoundError):  # another process may use the same folder
            status = path.stat()
            if max(status.st_mtime, status.st_ctime) >= since and (held := search.in_file(path)):
                found[path] = held
    return found
