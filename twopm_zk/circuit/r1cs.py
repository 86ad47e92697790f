"""R1CS files: parsed, counted in PLONK gates, and checked against a witness.

A constraint is ``A(w) * B(w) = C(w)`` with A, B, C linear in the wires w, w[0] = 1.
Format: iden3's r1csfile. The gate count follows snarkjs 0.7.6, src/plonk_setup.js, to the gate; a test
compares it with real setups.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from itertools import accumulate
from operator import mul
from pathlib import Path

import numpy as np
import numpy.typing as npt

from twopm_zk.errors import CircuitError, FileFormatError
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.system.binary_file import BinaryFile, open_binary_file


class R1csSection(IntEnum):
    """Sections of an ``.r1cs`` file, by number."""

    HEADER = 1
    CONSTRAINTS = 2
    LABELS = 3
    CUSTOM_GATES = 4
    CUSTOM_GATE_USES = 5


_TERM_WORDS = 9  # wire, and a coefficient of 32 bytes, in words of 32 bits

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class R1cs:
    """Constraints in compressed rows: linear combination ``3 i + j`` is A, B or C of constraint ``i``.

    Its terms are ``bounds[k] .. bounds[k + 1]`` of ``term_wires`` and ``term_coefficients``; the latter
    are indices into ``coefficients``, the distinct values as signed integers of least magnitude.
    """

    wires: int
    public_outputs: int
    public_inputs: int
    private_inputs: int
    constraints: int
    bounds: IntArray
    term_wires: IntArray
    term_coefficients: IntArray
    coefficients: list[int]

    @property
    def public(self) -> int:
        """Number of public inputs: outputs first, then public input signals."""
        return self.public_outputs + self.public_inputs

    def wires_of(self, constraint: int) -> list[int]:
        """Wires that occur in a constraint, ascending, without the constant one."""
        start, end = self.bounds[3 * constraint], self.bounds[3 * constraint + 3]
        return [int(wire) for wire in np.unique(self.term_wires[start:end]) if wire]

    def first_violation(self, witness: Sequence[int]) -> int | None:
        """Index of the first constraint that ``witness`` (one value per wire) breaks."""
        if len(witness) != self.wires:
            raise ValueError(f"witness has {len(witness)} values, the circuit {self.wires} wires")
        wires, coefficients, ends = self._terms
        values = map(mul, coefficients, map(witness.__getitem__, wires))
        sums = [0, *accumulate(values)]
        at = [sums[end] for end in ends]
        for index, (start, a, b, c) in enumerate(zip(at[0::3], at[1::3], at[2::3], at[3::3], strict=False)):
            if ((a - start) * (b - a) - (c - b)) % FIELD_ORDER:
                return index
        return None

    @cached_property
    def _terms(self) -> tuple[list[int], list[int], list[int]]:
        table = self.coefficients
        used = [table[index] for index in self.term_coefficients.tolist()]
        return self.term_wires.tolist(), used, self.bounds.tolist()


def read_r1cs(path: Path) -> R1cs:
    """Parse an ``.r1cs`` file; FileFormatError where it is damaged or not over BN254's scalar field."""
    file = open_binary_file(path, "r1cs", versions=(1,))
    if (
        R1csSection.CUSTOM_GATES in file.sections
        and struct.unpack("<I", file.read(R1csSection.CUSTOM_GATES, size=4))[0]
    ):
        raise CircuitError("circom custom templates are not supported: PLONK here has one kind of gate")
    header = file.read(R1csSection.HEADER)
    if len(header) != 64 or struct.unpack("<I", header[:4])[0] != 32:
        raise FileFormatError(f"r1cs file {str(path)!r} is not over a field of 32 bytes")
    if int.from_bytes(header[4:36], "little") != FIELD_ORDER:
        raise FileFormatError(f"r1cs file {str(path)!r} is over another prime than BN254's scalar field")
    wires, outputs, public, private, labels, constraints = struct.unpack("<IIIIQI", header[36:])
    if 1 + outputs + public > wires or labels < wires:
        raise FileFormatError(f"r1cs file {str(path)!r} has more public signals or wires than it can have")
    bounds, term_wires, raw = _terms_of(file, constraints, wires)
    values, indices = np.unique(raw.view("V32").reshape(-1), return_inverse=True)
    coefficients = [int.from_bytes(value.tobytes(), "little") for value in values]
    if any(value >= FIELD_ORDER for value in coefficients):
        raise FileFormatError(f"r1cs file {str(path)!r} has a coefficient that is not a field element")
    signed = [value - FIELD_ORDER if value > FIELD_ORDER // 2 else value for value in coefficients]
    indices = indices.reshape(-1).astype(np.int64)
    return R1cs(wires, outputs, public, private, constraints, bounds, term_wires, indices, signed)


def _terms_of(file: BinaryFile, constraints: int, wires: int) -> tuple[IntArray, IntArray, npt.NDArray[np.uint8]]:
    content = file.read(R1csSection.CONSTRAINTS)
    damaged = FileFormatError(f"r1cs file {str(file.path)!r} is truncated or corrupted in its constraints")
    if len(content) % 4 or len(content) // 12 < constraints:
        raise damaged
    words = np.frombuffer(content, dtype="<u4")
    quick = memoryview(content).cast("I")  # element access is far quicker than numpy's
    positions, position, end = [], 0, len(words)
    for _ in range(3 * constraints):
        if position >= end:
            raise damaged
        positions.append(position)
        position += 1 + _TERM_WORDS * quick[position]
    if position != end:
        raise damaged
    starts = np.array(positions, dtype=np.int64)
    counts = words[starts].astype(np.int64)
    bounds = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    within = np.arange(bounds[-1], dtype=np.int64) - np.repeat(bounds[:-1], counts)
    at = np.repeat(starts + 1, counts) + _TERM_WORDS * within
    term_wires = words[at].astype(np.int64)
    if len(term_wires) and term_wires.max() >= wires:
        raise damaged
    # A wire named twice in one combination would mean different things to different readers.
    owner = np.repeat(np.arange(3 * constraints, dtype=np.int64), counts)
    keys = owner * wires + term_wires
    ordered = np.sort(keys)
    if np.any(ordered[1:] == ordered[:-1]):
        raise FileFormatError(f"r1cs file {str(file.path)!r} names a wire twice in one linear combination")
    raw = np.ascontiguousarray(words[at[:, None] + np.arange(1, _TERM_WORDS)]).view(np.uint8)
    return bounds, term_wires, raw


def plonk_gates(r1cs: R1cs) -> int:
    """Gates that snarkjs' PLONK setup makes of the R1CS: those of its constraints, and one per public input."""
    return int(gates_of_constraints(r1cs).sum()) + r1cs.public


def gates_of_constraints(r1cs: R1cs) -> IntArray:
    """Gates that snarkjs' PLONK setup makes of each constraint.

    Constants are free. A*B=C costs 1 + (terms(A) - 1) + (terms(B) - 1) + (terms(C) - 1); a linear
    constraint over k variables max(1, k - 2). Terms with coefficient 0 count, as they do in snarkjs.
    """
    counts = np.diff(r1cs.bounds).reshape(-1, 3)
    owner = np.repeat(np.arange(3 * r1cs.constraints), np.diff(r1cs.bounds))
    constants = np.bincount(owner[r1cs.term_wires == 0], minlength=3 * r1cs.constraints).reshape(-1, 3)
    terms = counts - constants
    a, b, c = terms.T
    empty = (counts[:, 0] == 0) | (counts[:, 1] == 0)
    gates: IntArray = np.where(empty, np.maximum(1, c - 2), a + b - 1 + np.maximum(0, c - 1))
    for index in np.flatnonzero(~empty & ((a == 0) | (b == 0))):
        # One factor is a constant k: k * other - C is a linear constraint.
        start = r1cs.bounds[3 * index : 3 * index + 4]
        parts = [set(r1cs.term_wires[start[j] : start[j + 1]].tolist()) - {0} for j in range(3)]
        other = parts[1] if not parts[0] else parts[0]
        gates[index] = max(1, len(other | parts[2]) - 2)
    return gates


def domain_power(gates: int) -> int:
    """Smallest p >= 3 with 2**p >= gates: snarkjs' domain (the quotient needs n + 5 coefficients)."""
    return max(3, (gates - 1).bit_length() if gates > 0 else 0)
