"""Runs the witness program that circom wrote, in wasmtime, within limits of time, memory and stack.

The calls are those of circom's ABI version 2, as in the ``witness_calculator.js`` that circom writes. A program is
made from a circuit that may be anybody's. It reaches nothing but its own memory and the functions given to it here,
and is stopped at `longest`, at `most_memory`, and at wasmtime's 512 KiB of stack. Time is counted by wasmtime's
epochs, which cost about half of what its fuel costs: a thread counts seconds, and compiled code looks at the count in
every loop and call.
"""

from __future__ import annotations

import atexit
import re
import threading
from collections.abc import Mapping
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING, Any

from twopm_zk.errors import WitnessError
from twopm_zk.system.files import is_ours, replacing

if TYPE_CHECKING:
    import wasmtime

    from twopm_zk.circuit.compilation import Circuit

TICK = 1.0
"""Seconds between two looks at the time."""
_LONGEST_MESSAGE = 4096
_MOST_MESSAGES = 64
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


def longest(circuit: Circuit) -> int:
    """Seconds that a witness may take: a minute, and one for every thousand wires.

    Ours take 5 microseconds a wire at most; 200 times as long is for slow and busy machines.
    """
    return 60 + circuit.wires // 1000


def most_memory(circuit: Circuit) -> int:
    """Bytes that a program may have: 64 MiB, and 1 KiB for every wire, of which ours need 1 MiB and 60 bytes."""
    return (64 << 20) + 1024 * circuit.wires


def _fnv1a(name: str) -> tuple[int, int]:
    """FNV-1a hash of a signal's name, as circom's two signed halves."""
    total = 0xCBF29CE484222325
    for byte in name.encode():
        total = ((total ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return _signed(total >> 32), _signed(total & 0xFFFFFFFF)


def _signed(word: int) -> int:
    return word - (1 << 32) if word >> 31 else word


class WitnessProgram:
    """The witness program of one circuit, instantiated once per witness: it keeps state."""

    def __init__(self, circuit: Circuit) -> None:
        self.circuit = circuit
        self.engine = _engine()
        self.module = _load_module(circuit, self.engine)

    def run(self, inputs: Mapping[str, list[int]]) -> bytes:
        """The witness, 32 bytes a wire. WitnessError for inputs that it refuses, and where it reaches a limit."""
        import wasmtime

        # the functions below hold the store, and it holds them: unless it is closed, the private values stay in memory
        with closing(wasmtime.Store(self.engine)) as store:
            store.set_limits(memory_size=most_memory(self.circuit))
            store.set_epoch_deadline(max(1, round(longest(self.circuit) / TICK)))
            try:
                return self._run(store, inputs)
            except wasmtime.Trap as trap:
                raise self._error(self._stopped(trap)) from None
            except (wasmtime.WasmtimeError, LookupError, TypeError, ValueError):  # it lacks a function, or has another
                raise self._error("is of no known kind, or needs more memory than it may have or there is") from None

    def _error(self, what: str) -> WitnessError:
        return WitnessError(f"the witness program of {self.circuit.name!r} {what}")

    def _stopped(self, trap: wasmtime.Trap) -> str:
        import wasmtime

        if trap.trap_code == wasmtime.TrapCode.INTERRUPT:
            return f"was stopped after {longest(self.circuit)} s"
        if trap.trap_code == wasmtime.TrapCode.STACK_OVERFLOW:
            return "was stopped: it calls itself too deep"
        return "broke off"

    def _run(self, store: wasmtime.Store, inputs: Mapping[str, list[int]]) -> bytes:
        import wasmtime

        trace: list[str] = []
        exports: Any = None

        def message() -> str:
            characters: list[str] = []
            while (character := exports["getMessageChar"](store)) and len(characters) < _LONGEST_MESSAGE:
                characters.append(chr(character & 0xFF))
            return "".join(characters)

        def told() -> None:
            if len(trace) < _MOST_MESSAGES:
                trace.append(message())

        def fail(code: int) -> None:
            raise WitnessError(_explain(self.circuit.name, code, "\n".join(trace)))

        i32 = wasmtime.ValType.i32()
        linker = wasmtime.Linker(self.engine)
        linker.define_func("runtime", "exceptionHandler", wasmtime.FuncType([i32], []), fail)
        nothing = wasmtime.FuncType([], [])
        linker.define_func("runtime", "printErrorMessage", nothing, told)
        # The circuit's log(...): may print private values, so it is read and dropped.
        linker.define_func("runtime", "writeBufferMessage", nothing, lambda: message() and None)
        linker.define_func("runtime", "showSharedRWMemory", nothing, lambda: None)
        exports = linker.instantiate(store, self.module).exports(store)

        def call(name: str, *arguments: int) -> Any:
            return exports[name](store, *arguments)

        if call("getVersion") != _ABI or call("getFieldNumLen32") != 8:
            raise self._error("is not of a known kind")
        call("init", 1)
        self._fill(store, exports, call, inputs)
        return self._dump(store, exports, call)

    def _fill(self, store: wasmtime.Store, exports: Any, call: Any, inputs: Mapping[str, list[int]]) -> None:
        keys = {name: _fnv1a(name) for name in inputs}
        for name, values in inputs.items():
            if call("getInputSignalSize", *keys[name]) != len(values):
                raise self._error(f"takes no input {name!r}")
        shared, memory = call("getSharedRWMemoryStart"), exports["memory"]
        start = self._room(store, memory, max(map(len, inputs.values()), default=0))
        fill = self._loop(store, exports, _FILL, "setInputSignal")["fill"]
        for name, values in inputs.items():
            memory.write(store, b"".join(value.to_bytes(32, "little") for value in values), start)
            fill(store, *keys[name], start, len(values), shared)

    def _dump(self, store: wasmtime.Store, exports: Any, call: Any) -> bytes:
        wires, memory = call("getWitnessSize"), exports["memory"]
        if wires != self.circuit.wires:
            raise self._error(f"gave {wires} wires, not {self.circuit.wires}")
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
    config = wasmtime.Config()
    config.epoch_interruption = True
    engine = wasmtime.Engine(config)
    ended = threading.Event()

    def count() -> None:
        while not ended.wait(TICK):
            engine.increment_epoch()

    clock = threading.Thread(target=count, name="witness-clock", daemon=True)
    clock.start()
    atexit.register(clock.join)
    atexit.register(ended.set)
    return engine


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
            return wasmtime.Module.deserialize_file(engine, str(machine_code))  # mapped, not read
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
