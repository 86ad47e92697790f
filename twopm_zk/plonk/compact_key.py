"""Compact proving keys, as the native prover makes and maps them: their head.

A few hundred bytes a gate instead of thousands, and all that a proof needs: `native/prover/src/plonk/key.rs` says what
they hold. The head tells which circuit and which ptau a key was made from, so that one in the wrong place is noticed
before a proof.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from twopm_zk.errors import FileFormatError, InputError
from twopm_zk.system.files import digest_of

COMPACT_KEY = "circuit.key"
"""The name of such a key in an entry of the cache."""
_HEAD = struct.Struct("<8s8xQQ32s64s")
_MAGIC = b"2pmKEY01"
_HEAD_BYTES = 4096


@dataclass(frozen=True)
class CompactKey:
    """What the head of a compact key says. The file is as long as it says."""

    r1cs_digest: str
    """Of the R1CS, as `Circuit` has it."""
    ptau_digest: str
    """BLAKE2b-512 of the ptau, in hex."""


def read_compact_key(path: Path) -> CompactKey:
    """Read a head. Raises FileFormatError for a truncated file or one of another kind, InputError for none."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(_HEAD.size)
    except OSError as error:
        raise InputError(f"proving key {str(path)!r} cannot be read: {error.strerror}") from error
    if len(head) < _HEAD.size or not head.startswith(_MAGIC):
        raise FileFormatError(f"{str(path)!r} is not a compact key of this version")
    _, words, _, r1cs, ptau = _HEAD.unpack(head)
    if size != 8 * words:
        raise FileFormatError(f"compact key {str(path)!r} is truncated or damaged: {size} bytes instead of {8 * words}")
    return CompactKey(digest_of(r1cs), ptau.hex())


def most_bytes(*, power: int, gates: int) -> int:
    """What a compact key takes at most: where no two gates have the same selectors."""
    signals_and_selectors = (4 * 4 + 5 * 32) * gates
    permutation_and_points = (3 * 4 + 2 * 64) << power
    return _HEAD_BYTES + 6 * 64 + 10 * 64 + signals_and_selectors + permutation_and_points
