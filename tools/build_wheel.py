"""Build a wheel with the native prover and the page, and try it in an empty environment.

Run: python tools/build_wheel.py [--pure] [--no-check] (`make wheel`); the wheel lies in dist/.

The circuits that come compiled are compiled again first, and compared. The prover is linked by zig against the C
library of 2012 (manylinux_2_17), so that it runs on every Linux of today; --pure leaves it out, and needs no Rust.
maturin and zig are installed below build/wheel, by the hashes of requirements-wheel.lock.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from twopm_zk.system.files import digest_of

ROOT = Path(__file__).parents[1]
WORK = ROOT / "build" / "wheel"
GLIBC = (2, 17)


def say(text: str) -> None:
    """A line about what is going on within a step."""
    print(f"  {text}", flush=True)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Say what begins, and how long it took."""
    print(f"{name} ...", flush=True)
    started = time.perf_counter()
    yield
    print(f"{name}: {time.perf_counter() - started:.1f} s", flush=True)


# --- the native prover ---


def build_extension(target: Path) -> None:
    """Build the extension module for old Linux systems; SystemExit where it asks for a newer C library."""
    if platform.system() != "Linux" or shutil.which("cargo") is None:
        raise SystemExit("The native prover is built on Linux, with Rust; --pure builds a wheel without it.")
    tools = build_tools()
    built = WORK / "native"
    shutil.rmtree(built, ignore_errors=True)
    features = ["--features", "asm"] if platform.machine() == "x86_64" else []
    command = [tools / "maturin", "build", "--release", "--locked", "--strip", "--zig", *features]
    command += ["--compatibility", f"manylinux_{GLIBC[0]}_{GLIBC[1]}", "--interpreter", sys.executable]
    command += ["--manifest-path", ROOT / "native" / "python" / "Cargo.toml", "--out", built]
    command += ["--target-dir", ROOT / "native" / "target"]
    run(command, variables={"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"})
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        (name,) = (name for name in opened.namelist() if name.endswith(".so"))
        content = opened.read(name)
    needed = max(tuple(map(int, version)) for version in re.findall(rb"GLIBC_(\d+)\.(\d+)", content))
    if needed > GLIBC:
        raise SystemExit(f"the extension needs glibc {needed}, newer than {GLIBC}")
    say(f"{len(content) / 1e6:.1f} MB; of glibc it needs {needed[0]}.{needed[1]}")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def build_tools() -> Path:
    """The folder of maturin and zig, installed once for each lock."""
    lock = ROOT / "requirements-wheel.lock"
    folder = WORK / f"tools-{digest_of(lock)}"
    done = folder / ".installed"
    if not done.is_file():
        environment(folder, ["--require-hashes", "-r", str(lock)])
        done.touch()
    return folder / "bin"


# --- the wheel, and a trial of it ---


def build(parts: Path, out: Path, tag: str | None) -> Path:
    """Make the wheel of the package and of what lies in ``parts``."""
    with TemporaryDirectory() as scratch:
        variables = {"TWOPM_ZK_WHEEL_PARTS": str(parts), "TWOPM_ZK_WHEEL_TAG": tag or ""}
        run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", scratch], variables=variables)
        (made,) = Path(scratch).glob("*.whl")
        out.mkdir(exist_ok=True)
        return Path(shutil.move(made, out / made.name))


def try_out(wheel: Path) -> None:
    """Install a wheel into an empty environment, and prove a user's circuit there, with nothing of this checkout."""
    with TemporaryDirectory(prefix="twopm-zk-wheel-") as scratch:
        folder = Path(scratch)
        home = {"HOME": scratch, "PYTHONPATH": "", "TWOPM_ZK_CACHE": "", "TWOPM_ZK_NODE_MODULES": ""}
        shutil.copy(ROOT / "examples" / "circuits" / "quadratic.circom", folder)
        (folder / "input.json").write_text('{"x": 3, "b": -5, "c": 6}')
        started = time.perf_counter()

        def twopm_zk(*words: str, **variables: str) -> None:
            with step(f"twopm-zk {' '.join(words)}"):
                run([binaries / "twopm-zk", *words], cwd=folder, variables=home | variables)

        with step("pip install"):
            binaries = environment(folder / "venv", [str(wheel)], variables=home)
        twopm_zk("compile", "predict-3", PATH="")  # compiled already: no Node
        twopm_zk("doctor", "--install")
        for backend in ("snarkjs",) if wheel.name.endswith("-none-any.whl") else ("native", "snarkjs"):
            proof = f"proof-{backend}"
            twopm_zk(
                "prove", "circuit", "quadratic.circom", "--input", "input.json", "--backend", backend, "--out", proof
            )
            twopm_zk("verify", proof, "--with", "all")
        print(f"all of it: {time.perf_counter() - started:.1f} s")


def environment(folder: Path, packages: Sequence[str], *, variables: Mapping[str, str] | None = None) -> Path:
    """Its folder of programs, where packages were installed into an environment of Python, by uv where it is there."""
    python = folder / "bin" / "python"
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if uv is not None:
        run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder])
        run([uv, "pip", "install", "--python", python, *packages], variables=variables)
    else:
        run([sys.executable, "-m", "venv", "--clear", folder])
        run([python, "-m", "pip", "install", "--disable-pip-version-check", *packages], variables=variables)
    return python.parent


def run(command: Sequence[str | Path], *, cwd: Path = ROOT, variables: Mapping[str, str] | None = None) -> None:
    """Run a program that says itself what it does; SystemExit where it fails."""
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **(variables or {})}, timeout=3600, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} ended with {done.returncode}")


def main() -> None:
    """Parse, build, try."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pure", action="store_true", help="without the native prover, for every machine")
    parser.add_argument("--no-check", action="store_true", help="do not try the wheel in an empty environment")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder for the wheel; dist where not given")
    options = parser.parse_args()
    parts = WORK / "parts"
    shutil.rmtree(parts, ignore_errors=True)
    with step("compiled circuits"):
        run([sys.executable, ROOT / "tools" / "compile_circuits.py", "--check"])
    with step("page"):
        run(["node", ROOT / "web" / "build.mjs"])
        shutil.copytree(ROOT / "build" / "web", parts / "twopm_zk" / "_data" / "web")
    if not options.pure:
        with step("native prover"):
            build_extension(parts / "twopm_zk" / "_native.abi3.so")
    with step("wheel"):
        tag = None if options.pure else f"cp311-abi3-manylinux_{GLIBC[0]}_{GLIBC[1]}_{platform.machine()}"
        wheel = build(parts, options.out.absolute(), tag)
        say(f"{wheel} ({wheel.stat().st_size / 1e6:.1f} MB)")
    if not options.no_check:
        try_out(wheel)


if __name__ == "__main__":
    main()
