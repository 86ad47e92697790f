"""The circom compiler as a subprocess: npm's circom2 (WASM), or a native one of the same version on PATH.

The WASM build runs in wasmtime, which is two to four times as fast as Node and begins at once: its machine code is kept
in the cache.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

from twopm_zk.circuit.sources import Sources
from twopm_zk.errors import CompileError, ToolError, ToolMissingError, ToolVersionError
from twopm_zk.system import programs
from twopm_zk.system.files import digest_of, is_ours, locked
from twopm_zk.system.paths import cached, npm_package, npm_version
from twopm_zk.system.programs import program

CIRCOM_VERSION = "2.2.3"
CIRCOM2_VERSION = "0.2.23"  # of the npm package that holds it
CIRCOM_FLAGS = ("--O1", "--r1cs", "--wasm", "--sym")
COMPILE_TIMEOUT = 3600.0
_RUNNER = Path(__file__).with_name("run_wasi.py")


def compiler() -> list[str | Path]:
    """Command that runs circom; raises ToolMissingError or ToolVersionError."""
    try:
        native = program("circom")
    except ToolMissingError:
        if os.environ.get("TWOPM_ZK_CIRCOM"):
            raise
    else:
        if (version := programs.version_of(native)) == CIRCOM_VERSION:
            return [native]
        if os.environ.get("TWOPM_ZK_CIRCOM"):
            raise ToolVersionError(
                f"circom {version or '(unknown version)'} at {str(native)!r} is not {CIRCOM_VERSION}",
                hint="Unset TWOPM_ZK_CIRCOM to use the one from npm.",
            )
    package = npm_package("circom2")
    if (version := npm_version(package)) != CIRCOM2_VERSION:
        raise ToolVersionError(f"npm package circom2 is {version}, not {CIRCOM2_VERSION}", kind="not-installed")
    return [*_prepared(package / "circom.wasm"), "circom"]


def _prepared(program: Path) -> list[str | Path]:
    """Command that runs a WASI program, with machine code that nobody but this user could have written."""
    code = cached("programs", digest_of(program, f"wasmtime {installed_version('wasmtime')}") + ".bin")
    command: list[str | Path] = [sys.executable, "-P", _RUNNER, program, code]
    if not is_ours(code):
        with locked(code):
            if not is_ours(code):  # another process may have made it while this one waited
                code.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                code.unlink(missing_ok=True)
                finished = programs.run(command, timeout=COMPILE_TIMEOUT)
                if finished.code:
                    raise ToolError(f"{program.name} cannot be used by wasmtime: {finished.output[-2000:]}")
    return command


def run_circom(sources: Sources, scratch: Path) -> dict[str, Path]:
    """Compile into the empty folder ``scratch``; the files made, by suffix: r1cs, wasm, sym.

    Raises CompileError with circom's own message, the user's file names in it.
    """
    # The WASM build sees only what is below its working folder, so everything is put there.
    for name, text in sources.texts.items():
        (scratch / name).write_text(text)
    finished = programs.run([*compiler(), sources.main, *CIRCOM_FLAGS], cwd=scratch, timeout=COMPILE_TIMEOUT)
    stem = Path(sources.main).stem
    built = {
        "r1cs": scratch / f"{stem}.r1cs",
        "wasm": scratch / f"{stem}_js" / f"{stem}.wasm",
        "sym": scratch / f"{stem}.sym",
    }
    if finished.code or not all(path.is_file() for path in built.values()):
        said = sources.with_real_names(finished.output).strip()
        raise CompileError(f"circom refused {sources.real_names[sources.main]}:\n{said}")
    return built
