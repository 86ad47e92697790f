"""This prover beside others, on one circuit: time, memory and key size over the number of gates, in one run.

Run: python bench/peers/run.py [--largest 18] [--runs 5] [--peers gnark,halo2] [--cores 2]

Writes bench/results/peers.md, peers.json, docs/images/peers.svg, and the table in README. Peers are built from the
registries of their languages at the versions of the lock files here; one that cannot be built is named and left out.

The circuit is a chain of squarings of full-size values, with one public input. Every domain lacks 16 gates of being
full, which halo2 needs for its blinding; all domains are of the same size. Each prover is a process that has its key
loaded, pinned to the same cores, with as many threads. In each round every prover makes one proof in turn, while the
others wait, and verifies it; ratios are taken within rounds. The first round warms up and is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(HERE), str(HERE.parent)]

from pipeline import cpu_model  # noqa: E402
from report import page, plot, put_into_readme  # noqa: E402

from native import SNARKJS_POWER, START  # noqa: E402

RESULTS = ROOT / "bench" / "results"
SPARE = 16
"""Gates that a domain lacks of being full."""
OURS = "twopm-zk"
PLAIN = "twopm-zk, vectors off"
OWN_FILES = ("circuit.key",)
PATIENCE = 1800
"""Seconds for building a peer, the first time with the download of its packages."""


class MissingError(Exception):
    """Why a prover is left out."""


@dataclass(frozen=True)
class Prover:
    """A program that sets up and serves, and the folder of its keys, which others may share."""

    name: str
    keys: str
    files: tuple[str, ...]
    """What it reads to prove, but for the witness."""
    build: Callable[[Path], list[str]]
    environment: Mapping[str, str] = field(default_factory=dict)
    largest: int = 28
    rounds: int | None = None
    """All rounds, after the one that warms up; or only so many, without that, for one that takes long."""


def native(_: Path) -> list[str]:
    from twopm_zk.system import extension

    if reason := extension.unavailable():
        raise MissingError(f"the native prover is {reason}: native/build.sh")
    return [sys.executable, str(HERE / "native.py")]


def snarkjs(folder: Path) -> list[str]:
    native(folder)  # makes its key
    if not (ROOT / "node_modules" / "snarkjs").is_dir():
        raise MissingError("npm's package snarkjs is not installed: make setup")
    return [tool("node"), str(HERE / "snarkjs.mjs")]


def gnark(folder: Path) -> list[str]:
    built = folder / "peer-gnark"
    run(tool("go"), "build", "-mod=readonly", "-o", str(built), ".", cwd=HERE / "gnark")
    return [str(built)]


def halo2(folder: Path) -> list[str]:
    assembly = ["--features", "asm"] if platform.machine() == "x86_64" else []
    target = ROOT / "build" / "peers"  # ignored by git, kept: it takes minutes
    environment = {"RUSTFLAGS": "-C target-cpu=native", "CARGO_TARGET_DIR": str(target)}
    run(tool("cargo"), "build", "--release", "--locked", *assembly, cwd=HERE / "halo2", **environment)
    return [str(target / "release" / "peer-halo2")]


PROVERS = (
    Prover(OURS, "native", OWN_FILES, native),
    Prover(PLAIN, "native", OWN_FILES, native, {"TWOPM_ZK_VECTORS": "off"}),
    Prover("gnark", "gnark", ("circuit.ccs", "proving.key"), gnark),
    Prover("halo2", "halo2", ("params", "proving.key"), halo2),
    Prover("snarkjs", "native", ("circuit.zkey",), snarkjs, largest=SNARKJS_POWER, rounds=2),
)


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise MissingError(f"{name} was not found")
    return found


def run(*command: str, cwd: Path, **environment: str) -> None:
    try:
        done = subprocess.run(
            command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired as error:
        raise MissingError(f"{Path(command[0]).name} took more than {PATIENCE} s") from error
    if done.returncode:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise MissingError(f"{Path(command[0]).name} {command[1]} failed: {last}")


class Server:
    """A prover with its key loaded, waiting."""

    def __init__(self, prover: Prover, command: list[str], folder: Path, cores: set[int]) -> None:
        self.prover = prover
        self.key = sum((folder / name).stat().st_size for name in prover.files)
        environment = surroundings(prover, cores)
        self._process = subprocess.Popen(
            [*command, "serve", str(folder)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )

    def prove(self) -> dict[str, float]:
        """Seconds of one proof, and of CPU with its verification."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        before = self._cpu()
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.prover.name} ended with {self._process.wait()}")
        return {**json.loads(line), "cpu": self._cpu() - before}

    def _cpu(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> float:
        """Its peak memory in MB."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)
        return int(status.split("VmHWM:")[1].split()[0]) / 1024


def surroundings(prover: Prover, cores: set[int]) -> dict[str, str]:
    threads = str(len(cores))
    given = {"GOMAXPROCS": threads, "RAYON_NUM_THREADS": threads, "CHAIN_START": str(START)}
    return {**os.environ, **given, **prover.environment}


def measure(power: int, commands: Mapping[str, list[str]], runs: int, cores: set[int]) -> dict[str, Any]:
    """All provers on one number of gates."""
    gates = 2**power - SPARE
    chosen = [prover for prover in PROVERS if prover.name in commands and power <= prover.largest]
    with tempfile.TemporaryDirectory(prefix="twopm-zk-peers-") as scratch:
        for prover in chosen:
            folder = Path(scratch) / prover.keys
            if not folder.exists():
                folder.mkdir()
                maker = commands[prover.name if prover.keys != "native" else OURS]
                command = [*maker, "setup", str(folder), str(gates)]
                subprocess.run(command, check=True, env=surroundings(prover, cores))
        servers = [Server(one, commands[one.name], Path(scratch) / one.keys, cores) for one in chosen]
        proofs: dict[str, list[dict[str, float]]] = {one.name: [] for one in chosen}
        for number in range(runs + 1):
            for server in servers[number % len(servers) :] + servers[: number % len(servers)]:
                rounds = server.prover.rounds
                if rounds is None or 0 < number <= rounds:
                    proofs[server.prover.name].append(server.prove())
        found = {}
        for server in servers:
            made = proofs[server.prover.name][server.prover.rounds is None :]
            found[server.prover.name] = {
                "seconds": [one["seconds"] for one in made],
                "cpu": median(one["cpu"] for one in made),
                "memory": server.end(),
                "key": server.key / 1e6,
            }
    return {"gates": gates, "provers": found}


def commands_of(names: list[str], folder: Path) -> tuple[dict[str, list[str]], dict[str, str]]:
    """How each prover is started, and why the others are not."""
    commands, missing = {}, {}
    for prover in PROVERS:
        if prover.name.startswith(OURS) or prover.name in names:
            print(f"building {prover.name}", flush=True)
            try:
                commands[prover.name] = prover.build(folder)
            except MissingError as error:
                missing[prover.name] = str(error)
                print(f"  left out: {error}", flush=True)
    if OURS not in commands:
        raise SystemExit(missing[OURS])
    return commands, missing


def main() -> None:
    peers = [prover.name for prover in PROVERS if not prover.name.startswith(OURS)]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smallest", type=int, default=14, help="log2 of the gates")
    parser.add_argument("--largest", type=int, default=18, help="log2 of the gates")
    parser.add_argument("--runs", type=int, default=5, help="counted rounds")
    parser.add_argument("--peers", default=",".join(peers), help="which, with commas; all by default")
    parser.add_argument("--cores", type=int, default=2, help="to which all are pinned")
    parser.add_argument("--dry", action="store_true", help="print the page and write nothing")
    options = parser.parse_args()
    names = [name for name in options.peers.split(",") if name]
    if unknown := set(names) - set(peers):
        parser.error(f"there is no peer {', '.join(sorted(unknown))}; known: {', '.join(peers)}")
    cores = set(sorted(os.sched_getaffinity(0))[: options.cores])
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="twopm-zk-peers-") as scratch:
        commands, missing = commands_of(names, Path(scratch))
        sizes = {}
        for power in range(options.smallest, options.largest + 1):
            print(f"2^{power}", flush=True)
            sizes[str(power)] = measure(power, commands, options.runs, cores)
            for name, one in sizes[str(power)]["provers"].items():
                print(f"  {name}: {median(one['seconds']):.3f} s, {one['cpu']:.2f} s of CPU", flush=True)
    found = {
        "machine": f"{len(cores)} cores ({cpu_model()}), Linux {platform.release().split('-')[0]}",
        "load": load,
        "runs": options.runs,
        "missing": missing,
        "sizes": sizes,
    }
    if not options.dry:
        (RESULTS / "peers.json").write_text(json.dumps(found, indent=1) + "\n")
        (RESULTS / "peers.md").write_text(page(found))
        (ROOT / "docs" / "images" / "peers.svg").write_text(plot(found))
        readme = ROOT / "README.md"
        readme.write_text(put_into_readme(readme.read_text(), found))
    print(page(found))


if __name__ == "__main__":
    main()
