"""Proofs, public inputs and verification keys: snarkjs' JSON, parsed once into types.

What passes here is well formed: every number in range, every point on its curve. BN254's G1 has prime
order, so a G1 point on the curve is in the group; the key's G2 point is checked to be in its subgroup.
A selector of zeros has infinity for its commitment; a proof has no point there, since its polynomials are blinded,
and verifier contracts refuse one that has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twopm_zk.errors import ProofFormatError
from twopm_zk.numbers.bn254 import INFINITY, G1Point, G2Point, is_in_g2, is_on_g1
from twopm_zk.numbers.field import BASE_FIELD_ORDER, FIELD_ORDER
from twopm_zk.system.files import write_text
from twopm_zk.system.parsing import read_json

MAX_POWER = 28  # FIELD_ORDER - 1 is divisible by 2^28 and no more
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,77}")


PROOF_POINTS = ("A", "B", "C", "Z", "T1", "T2", "T3", "Wxi", "Wxiw")
PROOF_EVALUATIONS = ("eval_a", "eval_b", "eval_c", "eval_s1", "eval_s2", "eval_zw")
KEY_POINTS = ("Qm", "Ql", "Qr", "Qo", "Qc", "S1", "S2", "S3")


@dataclass(frozen=True)
class Proof:
    """A PLONK proof: nine commitments and six evaluations, in the names of snarkjs."""

    A: G1Point
    B: G1Point
    C: G1Point
    Z: G1Point
    T1: G1Point
    T2: G1Point
    T3: G1Point
    Wxi: G1Point
    Wxiw: G1Point
    eval_a: int
    eval_b: int
    eval_c: int
    eval_s1: int
    eval_s2: int
    eval_zw: int

    @classmethod
    def from_json(cls, value: Any) -> Proof:
        """Parse the object that ``proof.json`` holds; ProofFormatError says what is wrong with it."""
        names = (*PROOF_POINTS, *PROOF_EVALUATIONS)
        fields = _object(value, "proof", {*names, "protocol", "curve"})
        parsed: dict[str, Any] = {name: _g1(fields[name], f"proof.{name}") for name in PROOF_POINTS}
        for name in PROOF_POINTS:
            if parsed[name] == INFINITY:
                raise ProofFormatError(f"proof.{name} is the point at infinity")
        parsed |= {name: _scalar(fields[name], f"proof.{name}") for name in PROOF_EVALUATIONS}
        return cls(**parsed)

    def to_json(self) -> dict[str, Any]:
        """The object of ``proof.json``, keys in the order of snarkjs."""
        row: dict[str, Any] = {name: _g1_json(getattr(self, name)) for name in PROOF_POINTS}
        row |= {name: str(getattr(self, name)) for name in PROOF_EVALUATIONS}
        return row | {"protocol": "plonk", "curve": "bn128"}


@dataclass(frozen=True)
class VerificationKey:
    """What a verifier needs to know of a circuit: commitments to its selectors and permutation."""

    public: int
    """Number of public inputs."""
    power: int
    k1: int
    k2: int
    Qm: G1Point
    Ql: G1Point
    Qr: G1Point
    Qo: G1Point
    Qc: G1Point
    S1: G1Point
    S2: G1Point
    S3: G1Point
    X_2: G2Point
    """tau times the generator of G2."""
    w: int
    """Root of unity of order 2**power."""

    @classmethod
    def from_json(cls, value: Any) -> VerificationKey:
        """Parse the object that ``verification_key.json`` holds."""
        numbers = {"nPublic", "power", "k1", "k2", "X_2", "w"}
        fields = _object(value, "verification key", {*KEY_POINTS, *numbers, "protocol", "curve"})
        points = {name: _g1(fields[name], f"verification key.{name}") for name in KEY_POINTS}
        power = _count(fields["power"], "verification key.power", MAX_POWER)
        root = _scalar(fields["w"], "verification key.w")
        if power < 1 or pow(root, 1 << (power - 1), FIELD_ORDER) != FIELD_ORDER - 1:
            raise ProofFormatError("verification key.w is not a root of unity of order 2**power")
        return cls(
            public=_count(fields["nPublic"], "verification key.nPublic", 1 << power),
            power=power,
            k1=_scalar(fields["k1"], "verification key.k1"),
            k2=_scalar(fields["k2"], "verification key.k2"),
            X_2=_g2(fields["X_2"], "verification key.X_2"),
            w=root,
            **points,
        )

    def to_json(self) -> dict[str, Any]:
        """The object of ``verification_key.json``, keys in the order of snarkjs."""
        row: dict[str, Any] = {"protocol": "plonk", "curve": "bn128", "nPublic": self.public}
        row |= {"power": self.power, "k1": str(self.k1), "k2": str(self.k2)}
        row |= {name: _g1_json(getattr(self, name)) for name in KEY_POINTS}
        coordinates = [[str(part) for part in pair] for pair in (*self.X_2, (1, 0))]
        return row | {"X_2": coordinates, "w": str(self.w)}


def read_proof(path: Path) -> Proof:
    """Parse a ``proof.json``."""
    return Proof.from_json(read_json(path, what="proof", error=ProofFormatError))


def read_verification_key(path: Path) -> VerificationKey:
    """Parse a ``verification_key.json``."""
    return VerificationKey.from_json(read_json(path, what="verification key", error=ProofFormatError))


def read_public(path: Path) -> list[int]:
    """Parse a ``public.json``: a list of field elements as decimal strings."""
    return public_from_json(read_json(path, what="public inputs", error=ProofFormatError))


def public_from_json(value: Any) -> list[int]:
    """Parse the list that ``public.json`` holds; an input >= FIELD_ORDER would be an alias of another."""
    if not isinstance(value, list):
        raise ProofFormatError("public inputs must be a list")
    return [_scalar(item, f"public input {index}") for index, item in enumerate(value)]


def require_public(vk: VerificationKey, public: list[int]) -> None:
    """ProofFormatError unless there are as many public inputs as the key has, each below FIELD_ORDER.

    A value >= FIELD_ORDER would be taken modulo FIELD_ORDER: another name for the same statement.
    """
    if len(public) != vk.public:
        raise ProofFormatError(f"the key has {vk.public} public inputs, {len(public)} were given")
    for index, value in enumerate(public):
        if not 0 <= value < FIELD_ORDER:
            raise ProofFormatError(f"public input {index} is not below FIELD_ORDER")


def write_json(path: Path, value: Any) -> None:
    """Write JSON as snarkjs lays it out: one space of indentation, no newline at the end."""
    write_text(path, json.dumps(value, indent=1))


def _object(value: Any, what: str, names: set[str]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ProofFormatError(f"a {what} must be an object")
    if missing := sorted(names - value.keys()):
        raise ProofFormatError(f"{what} lacks {', '.join(missing)}")
    if value["protocol"] != "plonk":
        raise ProofFormatError(f"{what} is for another protocol than plonk")
    if value["curve"] != "bn128":
        raise ProofFormatError(f"{what} is for another curve than bn128 (BN254)")
    return value


def _decimal(value: Any, what: str, limit: int, limit_name: str) -> int:
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise ProofFormatError(f"{what} is not a decimal string")
    number = int(value)
    if number >= limit:
        raise ProofFormatError(f"{what} is not below {limit_name}")
    return number


def _scalar(value: Any, what: str) -> int:
    return _decimal(value, what, FIELD_ORDER, "FIELD_ORDER")


def _count(value: Any, what: str, limit: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= limit:
        raise ProofFormatError(f"{what} is not a number from 0 to {limit}")
    return value


def _coordinates(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list) or len(value) != 3:
        raise ProofFormatError(f"{what} is not a point of three coordinates")
    return value


def _g1(value: Any, what: str) -> G1Point:
    x, y, z = (_decimal(item, what, BASE_FIELD_ORDER, "BASE_FIELD_ORDER") for item in _coordinates(value, what))
    if (x, y, z) == (0, 1, 0):
        return INFINITY
    if z != 1:
        raise ProofFormatError(f"{what} is not in affine form")
    if not is_on_g1(x, y):
        raise ProofFormatError(f"{what} is not on the curve")
    return G1Point(x, y)


def _g1_json(point: G1Point) -> list[str]:
    return ["0", "1", "0"] if point == INFINITY else [str(point.x), str(point.y), "1"]


def _g2(value: Any, what: str) -> G2Point:
    pairs = []
    for pair in _coordinates(value, what):
        if not isinstance(pair, list) or len(pair) != 2:
            raise ProofFormatError(f"{what} is not over the quadratic extension")
        real, imaginary = (_decimal(item, what, BASE_FIELD_ORDER, "BASE_FIELD_ORDER") for item in pair)
        pairs.append((real, imaginary))
    point = G2Point(pairs[0], pairs[1])
    if pairs[2] != (1, 0):
        raise ProofFormatError(f"{what} is not in affine form")
    if not is_in_g2(point):
        raise ProofFormatError(f"{what} is not in the group G2")
    return point
