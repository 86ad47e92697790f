"""The two forms of a proving key in an entry of the cache: compact, and snarkjs' ``.zkey``."""

from __future__ import annotations

from pathlib import Path

from twopm_zk.circuit.compilation import Circuit
from twopm_zk.errors import FileFormatError, ToolMissingError
from twopm_zk.plonk.compact_key import COMPACT_KEY, most_bytes, read_compact_key
from twopm_zk.plonk.zkey import ZKEY, read_zkey, section_sizes
from twopm_zk.system import extension
from twopm_zk.system.files import require_space

MANY_PUBLIC = 100
"""So many public inputs make most of a ``.zkey``, and of a verifier's cost."""


def require_own(path: Path, circuit: Circuit, ptau_digest: str) -> None:
    """FileFormatError for a proving key that is truncated, or a compact one of another circuit or ptau."""
    if path.name == ZKEY:
        read_zkey(path)
        return
    head = read_compact_key(path)
    if head.r1cs_digest != circuit.r1cs_digest:
        raise FileFormatError(f"proving key {str(path)!r} was made from another R1CS than that of {circuit.name!r}")
    if head.ptau_digest != ptau_digest:
        raise FileFormatError(f"proving key {str(path)!r} was made from another ptau than its entry says")


def require_room(path: Path, circuit: Circuit) -> None:
    """StoreError where a proving key is larger than the disk.

    Every public input has a polynomial in a ``.zkey``: that is found out before hours of writing it.
    """
    public, many = len(circuit.public), False
    size = most_bytes(power=circuit.power, gates=circuit.gates)
    if path.name == ZKEY:
        many = public > MANY_PUBLIC
        size = sum(section_sizes(public=public, power=circuit.power, additions=0, gates=circuit.gates).values())
    require_space(
        path,
        size,
        what=f"the proving key of {circuit.name!r}, of {public} public inputs and 2^{circuit.power} gates,",
        hint="Hash outputs and public inputs in the circuit, and make the hash alone public." if many else None,
    )


def write_zkey(folder: Path, circuit: Circuit) -> None:
    """Make the ``.zkey`` of an entry from its compact key.

    Raises ToolMissingError where the native prover, which makes it, cannot be used.
    """
    if (reason := extension.unavailable()) is not None:
        raise ToolMissingError(
            f"the keys of {circuit.name!r} are compact; only the native prover makes a .zkey of them: {reason}",
            kind="tools",
        )
    from twopm_zk.plonk.backends.native import BACKEND

    require_room(folder / ZKEY, circuit)
    BACKEND.write_zkey(folder / COMPACT_KEY, folder / ZKEY)
