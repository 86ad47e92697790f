"""Named inputs to a witness that satisfies its circuit.

What circom's witness program makes of them (`twopm_zk/circuit/witness_program.py`) is checked against the R1CS, so that
nobody makes a proof of a witness that is none, unless a prover is known to check it. Inputs and values are private:
errors name signals, templates and lines, and never carry a number of theirs.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twopm_zk.circuit.inputs import checked_inputs
from twopm_zk.circuit.witness_program import WitnessProgram
from twopm_zk.errors import FileFormatError, WitnessError
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.system.binary_file import BinaryFile, open_binary_file
from twopm_zk.system.files import StrPath, write_bytes

if TYPE_CHECKING:
    from twopm_zk.circuit.compilation import Circuit


class WtnsSection(IntEnum):
    """Sections of a ``.wtns`` file, by number."""

    HEADER = 1
    VALUES = 2


@dataclass(frozen=True)
class Witness:
    """One value per wire of ``circuit``; wire 0 is the constant 1. Values are private: not in ``repr``."""

    circuit: Circuit = field(repr=False)
    values: Sequence[int] = field(repr=False)
    checked: bool = False
    """Whether the values are known to satisfy every constraint."""

    @property
    def public(self) -> list[int]:
        """The public inputs, in circuit order."""
        return list(self.values[1 : 1 + len(self.circuit.public)])

    def signal(self, name: str) -> int:
        """Value of a signal such as ``main.bit[3]``.

        Raises KeyError if the circuit has no such signal, or it was optimised away.
        """
        return self.values[self._wire(name)]

    def replace(self, name: str, value: int) -> Witness:
        """A copy with one signal changed and nothing else, unchecked: a forgery, for tests.

        Raises KeyError like ``signal``.
        """
        values = list(self.values)
        values[self._wire(name)] = value % FIELD_ORDER
        return Witness(self.circuit, values)

    def to_bytes(self) -> bytes:
        """The content of a ``.wtns`` file."""
        head = struct.pack("<4sIIIQI", b"wtns", 2, 2, WtnsSection.HEADER, 40, 32) + FIELD_ORDER.to_bytes(32, "little")
        head += struct.pack("<IIQ", len(self.values), WtnsSection.VALUES, 32 * len(self.values))
        return head + b"".join(value.to_bytes(32, "little") for value in self.values)

    def write(self, path: StrPath) -> None:
        """Write a ``.wtns`` file, readable by its owner only."""
        write_bytes(Path(path), self.to_bytes(), private=True)

    def _wire(self, name: str) -> int:
        wire = self.circuit.load_symbols().wire_of.get(name)
        if wire is None:
            raise KeyError(f"{self.circuit.name} has no signal {name}")
        if wire < 0:
            raise KeyError(f"signal {name} of {self.circuit.name} was optimised away")
        return wire


def open_witness(path: StrPath) -> tuple[BinaryFile, int]:
    """Check the frame of a ``.wtns`` file; the file and its number of wires.

    snarkjs does not: it reads zeros where a file was cut off, and may even prove with them.
    """
    path = Path(path)
    file = open_binary_file(path, "wtns", versions=(1, 2))
    header = file.read(WtnsSection.HEADER)
    if len(header) != 40 or header[:4] != struct.pack("<I", 32):
        raise FileFormatError(f"wtns file {str(path)!r} is not over a field of 32 bytes")
    if int.from_bytes(header[4:36], "little") != FIELD_ORDER:
        raise FileFormatError(f"wtns file {str(path)!r} is over another prime than BN254's scalar field")
    wires, size = int.from_bytes(header[36:], "little"), file.section(WtnsSection.VALUES).size
    if size != 32 * wires:
        raise FileFormatError(f"wtns file {str(path)!r} has {size} bytes for {wires} wires")
    return file, wires


def read_witness(path: StrPath, circuit: Circuit) -> Witness:
    """Parse a ``.wtns`` file of ``circuit``, unchecked.

    Raises FileFormatError for a damaged file, WitnessError for one of another circuit.
    """
    file, wires = open_witness(path)
    path = file.path
    if wires != circuit.wires:
        raise WitnessError(
            f"wtns file {str(path)!r} has {wires} wires, circuit {circuit.name!r} has {circuit.wires}",
            hint="It is a witness of another circuit, or of another version of this one.",
        )
    return Witness(circuit, witness_values(file, wires))


def witness_values(file: BinaryFile, count: int) -> list[int]:
    """The first ``count`` values of a ``.wtns`` file; FileFormatError where one is no field element."""
    values = _integers(file.read(WtnsSection.VALUES, size=32 * count))
    if values[:1] != [1] or max(values) >= FIELD_ORDER:
        raise FileFormatError(f"wtns file {str(file.path)!r} has a value that is not a field element")
    return values


def calculate_witness(circuit: Circuit, inputs: Mapping[str, Any], *, check: bool = True) -> Witness:
    """Run the witness program and check its result, unless that is left to a prover that does (``check=False``).

    ``inputs`` maps each input signal to an integer, a decimal string, or a hexadecimal one after 0x, in nested
    lists of the signal's shape (or one flat list); negatives stand for ``FIELD_ORDER - |x|``. A bus is a nested
    mapping, names like ``"bus.field"``, or one flat list of all its fields. Raises InputError for inputs that do
    not fit the signals, WitnessError for values that the circuit refuses.
    """
    flat = checked_inputs(circuit, inputs)
    values = _integers(WitnessProgram(circuit).run(flat))
    if check:
        require_satisfied(circuit, values)
    return Witness(circuit, values, checked=check)


def require_satisfied(circuit: Circuit, values: Sequence[int]) -> None:
    """Raises WitnessError that names the signals of the first constraint that ``values`` break."""
    r1cs = circuit.load_r1cs()
    if len(values) != r1cs.wires:
        raise WitnessError(f"a witness of {circuit.name!r} has {r1cs.wires} values, not {len(values)}")
    broken = None if values[0] != 1 else r1cs.first_violation(values)
    if values[0] == 1 and broken is None:
        return
    if broken is None:
        raise WitnessError(f"the witness of {circuit.name!r} does not start with the constant 1")
    names = load_names(circuit, r1cs.wires_of(broken))
    raise WitnessError(f"the witness of {circuit.name!r} breaks constraint {broken}, over {names}")


def load_names(circuit: Circuit, wires: Sequence[int], *, limit: int = 8) -> str:
    """Names of some wires for a message, at most ``limit`` of them."""
    name_of = circuit.load_symbols().name_of
    named = [name_of.get(wire, f"wire {wire}") for wire in wires[:limit]]
    return ", ".join(named) + (f" and {len(wires) - limit} more" if len(wires) > limit else "")


def _integers(content: bytes) -> list[int]:
    return [int.from_bytes(content[at : at + 32], "little") for at in range(0, len(content), 32)]
