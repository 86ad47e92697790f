"""PLONK proving keys (``.zkey``): header, sizes, and the verification key inside.

Sections as snarkjs 0.7.6 writes them (src/plonk_setup.js): 1 protocol, 2 header, 3 additions, 4-6 wire maps,
7-11 selectors, 12 permutation, 13 Lagrange polynomials, 14 tauG1. A polynomial of degree n is stored as its
n coefficients and its 4 n evaluations. All but the counts is in Montgomery form, little-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from twopm_zk.errors import FileFormatError, ProofFormatError
from twopm_zk.numbers.field import BASE_FIELD_ORDER, FIELD_ORDER
from twopm_zk.plonk.proof import MAX_POWER, VerificationKey
from twopm_zk.system.binary_file import BinaryFile, open_binary_file

_PLONK = (2).to_bytes(4, "little")
_HEADER = struct.Struct("<I32sI32sIIIII")
_POINTS = ("Qm", "Ql", "Qr", "Qo", "Qc", "S1", "S2", "S3")
_BASE_INVERSE = pow(1 << 256, -1, BASE_FIELD_ORDER)
_SCALAR_INVERSE = pow(1 << 256, -1, FIELD_ORDER)
_GENERATOR = 5  # of the multiplicative group of the scalar field; roots of unity are its powers


@dataclass(frozen=True)
class Zkey:
    """What the head of a proving key says. The section sizes agree with it."""

    file: BinaryFile
    wires: int
    """Of the R1CS, and one for each addition."""
    public: int
    power: int
    additions: int
    gates: int

    def verification_key(self) -> VerificationKey:
        """The verification key; FileFormatError where its numbers make none."""
        content = self.file.read(2, offset=_HEADER.size)
        numbers = [int.from_bytes(content[at : at + 32], "little") for at in range(0, len(content), 32)]
        k1, k2 = (number * _SCALAR_INVERSE % FIELD_ORDER for number in numbers[:2])
        coordinates = [str(number * _BASE_INVERSE % BASE_FIELD_ORDER) for number in numbers[2:]]
        row = {"protocol": "plonk", "curve": "bn128", "nPublic": self.public, "power": self.power}
        row |= {"k1": str(k1), "k2": str(k2), "w": str(root_of_unity(self.power))}
        for index, name in enumerate(_POINTS):
            x, y = coordinates[2 * index : 2 * index + 2]
            row[name] = ["0", "1", "0"] if (x, y) == ("0", "0") else [x, y, "1"]
        row["X_2"] = [coordinates[16:18], coordinates[18:20], ["1", "0"]]
        try:
            return VerificationKey.from_json(row)
        except ProofFormatError as error:
            raise FileFormatError(f"zkey file {str(self.file.path)!r} is damaged: {error.message}") from error


def root_of_unity(power: int) -> int:
    """The root of unity of order 2**power that snarkjs uses."""
    return pow(_GENERATOR, (FIELD_ORDER - 1) >> power, FIELD_ORDER)


def read_zkey(path: Path) -> Zkey:
    """Read the head of a PLONK proving key, and check the size of every section against it.

    Raises FileFormatError for a file that is truncated, damaged, or of another protocol or curve.
    """
    file = open_binary_file(path, "zkey", versions=(1,))
    if file.read(1) != _PLONK:
        raise FileFormatError(f"zkey file {str(path)!r} is not a PLONK proving key")
    head = file.read(2)
    if len(head) != _HEADER.size + 2 * 32 + 8 * 64 + 128:
        raise FileFormatError(f"zkey file {str(path)!r} has a header of {len(head)} bytes")
    n8q, q, n8r, r, wires, public, domain, additions, gates = _HEADER.unpack_from(head)
    orders = int.from_bytes(q, "little"), int.from_bytes(r, "little")
    if (n8q, n8r) != (32, 32) or orders != (BASE_FIELD_ORDER, FIELD_ORDER):
        raise FileFormatError(f"zkey file {str(path)!r} is over another curve than BN254")
    power = domain.bit_length() - 1
    if domain != 1 << power or not 1 <= power <= MAX_POWER or gates > domain or public > gates:
        raise FileFormatError(f"zkey file {str(path)!r} has {gates} gates in a domain of {domain}")
    polynomial = 5 * domain * 32
    sizes = {3: 72 * additions, 12: 3 * polynomial, 13: max(1, public) * polynomial, 14: 64 * (domain + 6)}
    sizes |= dict.fromkeys(range(4, 7), 4 * gates) | dict.fromkeys(range(7, 12), polynomial)
    for number, size in sizes.items():
        if file.section(number).size != size:
            raise FileFormatError(
                f"zkey file {str(path)!r} is damaged: section {number} has "
                f"{file.section(number).size} bytes instead of {size}"
            )
    return Zkey(file, wires, public, power, additions, gates)
