"""Runs a WASI program in wasmtime, with the working folder as all that it sees; a process of its own, to be stopped.

    python -P run_wasi.py PROGRAM.wasm CODE.bin [NAME WORDS...]

CODE.bin keeps what wasmtime makes of the program, which takes seconds: whoever calls this trusts it, or has removed it.
Without a name nothing is run, and the code is there.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import wasmtime

STACK = 2 << 20
"""Bytes: twice Node's, and as much as wasmtime takes."""


def load(program: Path, code: Path, engine: wasmtime.Engine) -> wasmtime.Module:
    """The program, from its machine code where this wasmtime can use it."""
    try:
        return wasmtime.Module.deserialize_file(engine, str(code))
    except (OSError, wasmtime.WasmtimeError):
        pass  # not there, or of another build or processor
    module = wasmtime.Module(engine, program.read_bytes())
    temporary = code.with_name(f".{code.name}.{os.getpid()}.tmp")
    try:
        temporary.touch(mode=0o600, exist_ok=False)
        temporary.write_bytes(module.serialize())
        temporary.replace(code)
    except OSError:
        temporary.unlink(missing_ok=True)  # a read-only cache costs time only
    return module


def main(program: str, code: str, *words: str) -> int:
    """Exit code of the program."""
    config = wasmtime.Config()
    config.max_wasm_stack = STACK
    engine = wasmtime.Engine(config)
    module = load(Path(program), Path(code), engine)
    if not words:
        return 0
    wasi = wasmtime.WasiConfig()
    wasi.argv = words
    wasi.preopen_dir(".", ".")
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    store = wasmtime.Store(engine)
    store.set_wasi(wasi)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    try:
        linker.instantiate(store, module).exports(store)["_start"](store)
    except wasmtime.ExitTrap as ended:
        return int(ended.code)
    except wasmtime.Trap as trap:
        print(f"{words[0]} broke off: {trap.message}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
