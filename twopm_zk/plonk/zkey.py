"""PLONK proving keys (``.zkey``): header, sizes, and the verification key inside.

Sections are as snarkjs 0.7.6 writes them (src/plonk_setup.js). A polynomial of degree n is stored as its
n coefficients and its 4 n evaluations. All but the counts is in Montgomery form, little-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from twopm_zk.errors import FileFormatError, ProofFormatError
from twopm_zk.numbers.field import BASE_FIELD_ORDER, FIELD_ORDER
from twopm_zk.plonk.proof import KEY_POINTS, MAX_POWER, VerificationKey
from twopm_zk.system.binary_file import BinaryFile, open_binary_file
from twopm_zk.system.files import StrPath

ZKEY = "circuit.zkey"
"""The name of such a key in an entry of the cache."""


class ZkeySection(IntEnum):
    """Sections of a PLONK proving key, by number."""

    PROTOCOL = 1
    HEADER = 2
    ADDITIONS = 3
    A_WIRES = 4
    B_WIRES = 5
    C_WIRES = 6
    Q_M = 7
    Q_L = 8
    Q_R = 9
    Q_O = 10
    Q_C = 11
    PERMUTATION = 12
    LAGRANGE = 13
    TAU_G1 = 14


_WIRE_MAPS = (ZkeySection.A_WIRES, ZkeySection.B_WIRES, ZkeySection.C_WIRES)
_SELECTORS = (ZkeySection.Q_M, ZkeySection.Q_L, ZkeySection.Q_R, ZkeySection.Q_O, ZkeySection.Q_C)
_PLONK = (2).to_bytes(4, "little")
_HEADER = struct.Struct("<I32sI32sIIIII")
_BASE_INVERSE = pow(1 << 256, -1, BASE_FIELD_ORDER)
_SCALAR_INVERSE = pow(1 << 256, -1, FIELD_ORDER)
_GENERATOR = 5  # of the multiplicative group of the scalar field; roots of unity are its powers


@dataclass(frozen=True)
class Zkey:
    """What the head of a proving key says. The section sizes agree with it."""

    file: BinaryFile
    wires: int
    """Wires of the R1CS, and one for each addition."""
    public: int
    power: int
    additions: int
    gates: int

    @property
    def circuit_wires(self) -> int:
        """Wires of the R1CS alone: as many values as a witness has."""
        return self.wires - self.additions

    def verification_key(self) -> VerificationKey:
        """The verification key; FileFormatError where its numbers make none."""
        content = self.file.read(ZkeySection.HEADER, offset=_HEADER.size)
        numbers = [int.from_bytes(content[at : at + 32], "little") for at in range(0, len(content), 32)]
        k1, k2 = (number * _SCALAR_INVERSE % FIELD_ORDER for number in numbers[:2])
        coordinates = [str(number * _BASE_INVERSE % BASE_FIELD_ORDER) for number in numbers[2:]]
        row = {"protocol": "plonk", "curve": "bn128", "nPublic": self.public, "power": self.power}
        row |= {"k1": str(k1), "k2": str(k2), "w": str(root_of_unity(self.power))}
        *points, x_real_imaginary, y_real_imaginary = zip(coordinates[0::2], coordinates[1::2], strict=True)
        for name, (x, y) in zip(KEY_POINTS, points, strict=True):
            row[name] = ["0", "1", "0"] if (x, y) == ("0", "0") else [x, y, "1"]
        row["X_2"] = [list(x_real_imaginary), list(y_real_imaginary), ["1", "0"]]
        try:
            return VerificationKey.from_json(row)
        except ProofFormatError as error:
            raise FileFormatError(f"zkey file {str(self.file.path)!r} is damaged: {error.message}") from error


def root_of_unity(power: int) -> int:
    """The root of unity of order 2**power that snarkjs uses."""
    return pow(_GENERATOR, (FIELD_ORDER - 1) >> power, FIELD_ORDER)


def section_sizes(*, public: int, power: int, additions: int, gates: int) -> dict[ZkeySection, int]:
    """Bytes of every section but the first two. Each public input has a polynomial of its own."""
    polynomial = 5 * 32 << power
    sizes = {
        ZkeySection.ADDITIONS: 72 * additions,
        ZkeySection.PERMUTATION: 3 * polynomial,
        ZkeySection.LAGRANGE: max(1, public) * polynomial,
        ZkeySection.TAU_G1: 64 * ((1 << power) + 6),
    }
    return sizes | dict.fromkeys(_WIRE_MAPS, 4 * gates) | dict.fromkeys(_SELECTORS, polynomial)


def read_zkey(path: StrPath) -> Zkey:
    """Read the head of a PLONK proving key, and check the size of every section against it.

    Raises FileFormatError for a file that is truncated, damaged, or of another protocol or curve.
    """
    path = Path(path)
    file = open_binary_file(path, "zkey", versions=(1,))
    if file.read(ZkeySection.PROTOCOL) != _PLONK:
        raise FileFormatError(f"zkey file {str(path)!r} is not a PLONK proving key")
    head = file.read(ZkeySection.HEADER)
    if len(head) != _HEADER.size + 2 * 32 + 8 * 64 + 128:
        raise FileFormatError(f"zkey file {str(path)!r} has a header of {len(head)} bytes")
    n8q, q, n8r, r, wires, public, domain, additions, gates = _HEADER.unpack_from(head)
    orders = int.from_bytes(q, "little"), int.from_bytes(r, "little")
    if (n8q, n8r) != (32, 32) or orders != (BASE_FIELD_ORDER, FIELD_ORDER):
        raise FileFormatError(f"zkey file {str(path)!r} is over another curve than BN254")
    power = domain.bit_length() - 1
    if not 1 <= power <= MAX_POWER or domain != 1 << power or gates > domain or public > gates:
        raise FileFormatError(f"zkey file {str(path)!r} has {gates} gates in a domain of {domain}")
    for section, size in section_sizes(public=public, power=power, additions=additions, gates=gates).items():
        if file.section(section).size != size:
            raise FileFormatError(
                f"zkey file {str(path)!r} is damaged: section {section.value} has "
                f"{file.section(section).size} bytes instead of {size}"
            )
    if public >= wires - additions:
        raise FileFormatError(
            f"zkey file {str(path)!r} has {wires} wires, {additions} of them additions, and {public} public inputs"
        )
    return Zkey(file, wires, public, power, additions, gates)
