"""A first and a second start, beside the version before: steps, silence, and what the cache had.

Run: python bench/start.py [--before REVISION] [--starts 1]

Writes bench/results/start.md. Each version is cloned into a temporary folder, where `make demo` runs twice: with
nothing built, and again. Package caches (pip, uv, npm, cargo) are as they are here: run it twice for warm ones. Then,
with an empty cache, `deploy` to a new development chain, and `audit` of a finished task.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

from pipeline import cpu_model

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results" / "start.md"
SHOWN = 1.0
"""Seconds from which a line is worth a row."""
INSECURE = 12
"""What `audit` ends with where everything holds, under keys that are for development."""
FIRST = "✓ compile step-48x3 "
"""How the demonstration's first line begins."""
KINDS = ("circuits", "keys", "contracts", "ptau")
TASK = """
import sys, tempfile
from pathlib import Path
from twopm_zk.demo.demonstration import OWNERS
from twopm_zk.demo.stage import set_stage, split_rows
from twopm_zk.demo.training_run import train_on
from twopm_zk.rows.tables import load_spector
from twopm_zk.system.paths import examples_dir
from twopm_zk.task.specification_file import read_spec

spec = read_spec(examples_dir() / "spector.toml")
with set_stage(spec, backend=None, tell=lambda text: None) as stage, tempfile.TemporaryDirectory() as folder:
    train_on(stage, spec, split_rows(load_spector(), len(OWNERS)), Path(folder), backend=None, tell=lambda *news: None)
    stage.deployment.write(Path(sys.argv[1]))
    print(stage.node.url, flush=True)
    sys.stdin.read()
"""
"""A finished task on a chain that lives until its input ends."""


@dataclass(frozen=True)
class Run:
    """What a command printed, and when."""

    lines: Sequence[tuple[float, str]]
    seconds: float

    @property
    def silence(self) -> float:
        """The longest time without a line."""
        moments = [0.0, *(moment for moment, _ in self.lines), self.seconds]
        return max(later - earlier for earlier, later in pairwise(moments))

    def steps(self) -> list[tuple[float, float, str]]:
        """When each line came that took a while, and after how long."""
        moments = [0.0, *(moment for moment, _ in self.lines)]
        return [
            (moment, moment - before, line)
            for before, (moment, line) in zip(moments, self.lines, strict=False)
            if moment - before >= SHOWN
        ]

    def first(self, pattern: str) -> float:
        """When the first line came that has the pattern."""
        return next((moment for moment, line in self.lines if re.search(pattern, line)), float("nan"))


def run(command: Sequence[str | Path], folder: Path, *, code: int = 0, **environment: str) -> Run:
    """Run to the end; SystemExit with the output where it ends otherwise than it should."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("TWOPM_ZK_", "PYTHON"))}
    started = time.perf_counter()
    lines: list[tuple[float, str]] = []
    with subprocess.Popen(
        [str(word) for word in command],
        cwd=folder,
        env=inherited | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append((time.perf_counter() - started, line.rstrip().replace(str(folder), ".")))
    if process.returncode != code:
        sys.exit("\n".join([f"{shlex.join(map(str, command))} failed:", *(line for _, line in lines[-30:])]))
    return Run(lines, time.perf_counter() - started)


def cached(folder: Path) -> str:
    """What the cache of a clone has."""
    build = folder / "build"
    counts = {kind: len(list((build / kind).glob("[!.]*"))) for kind in KINDS}
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def clone(revision: str, folder: Path) -> Path:
    """A fresh clone at a revision."""
    subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
    subprocess.run(["git", "checkout", "--quiet", "--detach", revision], cwd=folder, check=True)
    return folder


def cold(folder: Path, scratch: Path) -> dict[str, Run]:
    """`deploy` and `audit`, each with an empty cache."""
    command = folder / ".venv" / "bin" / "twopm-zk"
    python = folder / ".venv" / "bin" / "python"
    deployment, found = scratch / "deployment.json", {}
    with subprocess.Popen(
        [python, "-c", TASK, deployment], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as chain:
        assert chain.stdout is not None
        url = chain.stdout.readline().strip()
        with tempfile.TemporaryDirectory(prefix="twopm-zk-bench-") as empty:
            task = ("audit", "1", "--spec", "examples/spector.toml")
            where = ("--rpc-url", url, "--deployment", deployment)
            found["audit"] = run([command, *task, *where], folder, code=INSECURE, TWOPM_ZK_CACHE=empty)
        key = "0x" + "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"  # anvil's first account
        with tempfile.TemporaryDirectory(prefix="twopm-zk-bench-") as empty:
            found["deploy"] = run(
                [command, "deploy", "--rpc-url", url, "--deployment", scratch / "second.json"],
                folder,
                TWOPM_ZK_CACHE=empty,
                TWOPM_ZK_PRIVATE_KEY=key,
            )
        chain.communicate()
    return found


def measure(revision: str, starts: int) -> dict[str, list[Run]]:
    """Runs by name; those of the first clone first."""
    runs: dict[str, list[Run]] = {}
    for number in range(starts):
        with tempfile.TemporaryDirectory(prefix="twopm-zk-bench-") as name:
            folder = clone(revision, Path(name) / "clone")
            found: dict[str, Run] = {}
            print(f"{revision}: first `make demo`, {number + 1} of {starts}", flush=True)
            found["first `make demo`"] = run(["make", "demo"], folder)
            print(f"{revision}: {found['first `make demo`'].seconds:.1f} s; {cached(folder)}", flush=True)
            found["second `make demo`"] = run(["make", "demo"], folder)
            found |= {f"`{kind}`, empty cache": made for kind, made in cold(folder, Path(name)).items()}
            for kind, made in found.items():
                print(f"{revision}: {kind} {made.seconds:.1f} s, silent for {made.silence:.1f} s at most", flush=True)
                runs.setdefault(kind, []).append(made)
    return runs


def page(versions: Mapping[str, dict[str, list[Run]]]) -> str:
    """The results in Markdown."""
    names = list(versions)
    lines = [
        "# A first and a second start",
        "",
        f"{cpu_model()}, {os.cpu_count()} cores, Python {sys.version.split()[0]}; medians of "
        f"{len(next(iter(next(iter(versions.values())).values())))}. Made by `python bench/start.py`, which says how.",
        "",
        "| seconds | " + " | ".join(names) + " |",
        "|---|" + "--:|" * len(names),
    ]
    for kind in next(iter(versions.values())):
        made = [versions[name][kind] for name in names]
        times = [f"{median(one.seconds for one in runs):.1f}" for runs in made]
        lines.append(f"| {kind} | {' | '.join(times)} |")
        if "first" in kind:
            shown = [median(one.first(FIRST) for one in runs) for runs in made]
            lines.append(
                "| … until the demonstration's first line | " + " | ".join(f"{one:.1f}" for one in shown) + " |"
            )
        longest = [median(one.silence for one in runs) for runs in made]
        lines.append(f"| … longest time without a line | {' | '.join(f'{one:.1f}' for one in longest)} |")
    for name, kinds in versions.items():
        for kind, runs in kinds.items():
            lines += ["", f"## {name}: {kind}", "", "| at | took | line |", "|--:|--:|---|"]
            lines += [f"| {at:.1f} | {took:.1f} | {line.strip()[:100]} |" for at, took, line in runs[0].steps()]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", metavar="REVISION", help="measure this one too, in the same run")
    parser.add_argument("--starts", type=int, default=1, help="clones of each version")
    options = parser.parse_args()
    revisions = ([options.before] if options.before else []) + ["HEAD"]
    named = {
        subprocess.run(
            ["git", "rev-parse", "--short", revision], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout.strip(): revision
        for revision in revisions
    }
    versions = {name: measure(name, options.starts) for name in named}
    RESULTS.write_text(page(versions))
    print(RESULTS.read_text())


if __name__ == "__main__":
    main()
