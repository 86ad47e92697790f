"""Named inputs to a witness that satisfies its circuit.

circom's witness program is WASM; it runs here in process, in wasmtime (circom's ABI version 2, twin of the
``witness_calculator.js`` that circom writes). The result is checked against the R1CS, so that nobody makes a proof of
a witness that is none, unless a prover is known to check it. Inputs and values are private: errors name signals,
templates and lines, and never carry a number of theirs.
"""

from __future__ import annotations

import atexit
import re
import struct
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twopm_zk.circuit.inputs import checked_inputs
from twopm_zk.errors import FileFormatError, WitnessError
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.system.binary_file import BinaryFile, open_binary_file
from twopm_zk.system.files import StrPath, is_ours, replacing, write_bytes

if TYPE_CHECKING:
    import wasmtime

    from twopm_zk.circuit.compilation import Circuit


class WtnsSection(IntEnum):
    """Sections of a ``.wtns`` file, by number."""

    HEADER = 1
    VALUES = 2


_TRACE = re.compile(r"Error in template (\w+?)(?:_\d+)? line: (\d+)")
_ABI = 2
_REASONS = {1: "an input signal that it does not have", 4: "an assertion failed", 5: "out of memory"}

# Loops inside WASM instead of nine calls from Python for every input and every wire.
_FILL = """
(module
  (import "circom" "memory" (memory 1))
  (import "circom" "setInputSignal" (func $set (param i32 i32 i32)))
  (func (export "fill") (param $high i32) (param $low i32) (param $from i32) (param $values i32) (param $to i32)
    (local $position i32)
    (loop $next
      (if (i32.lt_u (local.get $position) (local.get $values)) (then
        (memory.copy (local.get $to) (local.get $from) (i32.const 32))
        (call $set (local.get $high) (local.get $low) (local.get $position))
        (local.set $from (i32.add (local.get $from) (i32.const 32)))
        (local.set $position (i32.add (local.get $position) (i32.const 1)))
        (br $next))))))
"""
_DUMP = """
(module
  (import "circom" "memory" (memory 1))
  (import "circom" "getWitness" (func $get (param i32)))
  (func (export "dump") (param $from i32) (param $wires i32) (param $to i32) (param $bytes i32)
    (local $wire i32)
    (loop $next
      (if (i32.lt_u (local.get $wire) (local.get $wires)) (then
        (call $get (local.get $wire))
        (memory.copy (local.get $to) (local.get $from) (local.get $bytes))
        (local.set $to (i32.add (local.get $to) (local.get $bytes)))
        (local.set $wire (i32.add (local.get $wire) (i32.const 1)))
        (br $next))))))
"""


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
    values = _integers(_Program(circuit).run(flat))
    if len(values) != circuit.wires:
        raise WitnessError(f"the witness program of {circuit.name!r} gave {len(values)} wires")
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


def _fnv1a(name: str) -> tuple[int, int]:
    """FNV-1a hash of a signal's name, as circom's two signed halves."""
    total = 0xCBF29CE484222325
    for byte in name.encode():
        total = ((total ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return _signed(total >> 32), _signed(total & 0xFFFFFFFF)


def _signed(word: int) -> int:
    return word - (1 << 32) if word >> 31 else word


class _Program:
    """The witness program of one circuit, instantiated once per witness: it keeps state."""

    def __init__(self, circuit: Circuit) -> None:
        self.circuit = circuit
        self.engine = _engine()
        self.module = _load_module(circuit, self.engine)

    def run(self, inputs: Mapping[str, list[int]]) -> bytes:
        """The witness, 32 bytes a wire."""
        import wasmtime

        # the functions below hold the store, and it holds them: unless it is closed, the private values stay in memory
        with closing(wasmtime.Store(self.engine)) as store:
            return self._run(store, inputs)

    def _run(self, store: wasmtime.Store, inputs: Mapping[str, list[int]]) -> bytes:
        import wasmtime

        trace: list[str] = []
        exports: Any = None

        def message() -> str:
            characters = []
            while character := exports["getMessageChar"](store):
                characters.append(chr(character))
            return "".join(characters)

        def fail(code: int) -> None:
            raise WitnessError(_explain(self.circuit.name, code, "\n".join(trace)))

        i32 = wasmtime.ValType.i32()
        linker = wasmtime.Linker(self.engine)
        linker.define_func("runtime", "exceptionHandler", wasmtime.FuncType([i32], []), fail)
        nothing = wasmtime.FuncType([], [])
        linker.define_func("runtime", "printErrorMessage", nothing, lambda: trace.append(message()))
        # The circuit's log(...): may print private values, so it is read and dropped.
        linker.define_func("runtime", "writeBufferMessage", nothing, lambda: message() and None)
        linker.define_func("runtime", "showSharedRWMemory", nothing, lambda: None)
        exports = linker.instantiate(store, self.module).exports(store)

        def call(name: str, *arguments: int) -> Any:
            return exports[name](store, *arguments)

        if call("getVersion") != _ABI or call("getFieldNumLen32") != 8:
            raise WitnessError(f"the witness program of {self.circuit.name!r} is not of a known kind")
        call("init", 1)
        self._fill(store, exports, call, inputs)
        return self._dump(store, exports, call)

    def _fill(self, store: wasmtime.Store, exports: Any, call: Any, inputs: Mapping[str, list[int]]) -> None:
        keys = {name: _fnv1a(name) for name in inputs}
        for name, values in inputs.items():
            if call("getInputSignalSize", *keys[name]) != len(values):
                raise WitnessError(f"the witness program of {self.circuit.name!r} takes no input {name!r}")
        shared, memory = call("getSharedRWMemoryStart"), exports["memory"]
        start = self._room(store, memory, max(map(len, inputs.values()), default=0))
        fill = self._loop(store, exports, _FILL, "setInputSignal")["fill"]
        for name, values in inputs.items():
            memory.write(store, b"".join(value.to_bytes(32, "little") for value in values), start)
            fill(store, *keys[name], start, len(values), shared)

    def _dump(self, store: wasmtime.Store, exports: Any, call: Any) -> bytes:
        wires, memory = call("getWitnessSize"), exports["memory"]
        start = self._room(store, memory, wires)
        self._loop(store, exports, _DUMP, "getWitness")["dump"](store, call("getSharedRWMemoryStart"), wires, start, 32)
        return bytes(memory.read(store, start, start + 32 * wires))

    @staticmethod
    def _room(store: wasmtime.Store, memory: Any, values: int) -> int:
        """Where so many more field elements find a place, beyond what the program uses."""
        start: int = memory.data_len(store)
        memory.grow(store, -(-32 * values // 65536))
        return start

    def _loop(self, store: wasmtime.Store, exports: Any, text: str, function: str) -> Any:
        import wasmtime

        linker = wasmtime.Linker(self.engine)
        linker.define(store, "circom", "memory", exports["memory"])
        linker.define(store, "circom", function, exports[function])
        return linker.instantiate(store, _loop_module(text)).exports(store)


_ONE_ENGINE = threading.Lock()


def _engine() -> wasmtime.Engine:
    """The one engine of this process: what belongs to another cannot be used with it."""
    with _ONE_ENGINE:  # a cache alone makes one for each thread that asks before the first is there
        return _made_engine()


@cache
def _made_engine() -> wasmtime.Engine:
    import wasmtime

    # what is still there when Python takes its modules apart is an error that nobody can help
    atexit.register(_made_engine.cache_clear)
    atexit.register(_loop_module.cache_clear)
    return wasmtime.Engine()


@cache
def _loop_module(text: str) -> wasmtime.Module:
    import wasmtime

    return wasmtime.Module(_engine(), text)


def _explain(circuit: str, code: int, trace: str) -> str:
    where = ", in ".join(f"template {template} line {line}" for template, line in _TRACE.findall(trace))
    reason = _REASONS.get(code, f"circom's error {code}")
    return f"circuit {circuit!r} refuses these inputs: {reason}" + (f" in {where}" if where else "")


def _load_module(circuit: Circuit, engine: wasmtime.Engine) -> wasmtime.Module:
    """The compiled program, from the cache where this version of wasmtime has left one.

    Machine code is only taken from a file that nobody but this user could have written.
    """
    from importlib.metadata import version

    import wasmtime

    from twopm_zk.circuit.compilation import damaged_entry

    machine_code = circuit.folder / f"wasmtime-{version('wasmtime')}.bin"
    if is_ours(machine_code):
        try:
            return wasmtime.Module.deserialize(engine, machine_code.read_bytes())
        except wasmtime.WasmtimeError:
            pass  # of another build or processor: compile again
    try:
        module = wasmtime.Module(engine, circuit.wasm.read_bytes())
    except (OSError, wasmtime.WasmtimeError) as error:
        message = f"the witness program of {circuit.name!r} is damaged in the cache"
        raise damaged_entry(message, circuit.folder) from error
    try:
        with replacing(machine_code, private=True) as temporary:
            temporary.write_bytes(module.serialize())
    except OSError:
        pass  # a read-only cache costs time only
    return module
