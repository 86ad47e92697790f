"""The native prover beside snarkjs: time, memory, growth, and where the time goes.

Run: python bench/native_prove.py [--runs 7] [--snarkjs-runs 3] [--largest 20]; writes bench/results/native.md
and native.svg. One proof is measured from the call to the verified proof in a process that has the key loaded
(a node), and as a fresh process (a command). Peak memory is that of a process that loads the extension alone.
Other work on the machine shows in the cores that a proof had: nearly 2 of 2 where there was none.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pipeline import step_inputs

STEP = "step-119x3"
ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results"
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

CHILD = """
import importlib.machinery, importlib.util, json, sys, time
loader = importlib.machinery.ExtensionFileLoader("_native", sys.argv[1])
native = importlib.util.module_from_spec(importlib.util.spec_from_loader("_native", loader))
loader.exec_module(native)
start = time.perf_counter()
work, *paths = sys.argv[2:]
if work == "prove":
    key, wtns, runs, *kept = paths
    key = native.ProvingKey(key, *map(int, kept))
    loaded = time.perf_counter()
    times, profiles = [], []
    busy = time.process_time()
    for _ in range(int(runs)):
        begin = time.perf_counter()
        profiles.append(key.prove(wtns)[2])
        times.append(time.perf_counter() - begin)
    cores = (time.process_time() - busy) / sum(times)
    median = sorted(times)[len(times) // 2]
    result = {"load": loaded - start, "times": times, "profile": profiles[times.index(median)]}
    result["cores"] = cores
elif work == "setup":
    native.setup(*paths, bytes(64))
    result = {"time": time.perf_counter() - start}
elif work == "zkey":
    native.write_zkey(*paths)
    result = {"time": time.perf_counter() - start}
elif work == "load":
    native.ProvingKey(paths[0])
    result = {"time": time.perf_counter() - start}
elif work == "ptau":
    native.write_insecure_ptau(int(paths[0]), paths[1])
    result = {"time": time.perf_counter() - start}
elif work == "check":
    native.check_ptau(paths[0])
    result = {"time": time.perf_counter() - start}
status = open("/proc/self/status").read()  # not ru_maxrss: that remembers the parent's memory
result["memory"] = int(status.split("VmHWM:")[1].split()[0]) / 1024
print(json.dumps(result))
"""


def native(*arguments: object) -> dict:
    """Run one piece of work in a process of its own."""
    extension = next((ROOT / "twopm_zk").glob("_native*.so"))
    command = [sys.executable, "-c", CHILD, str(extension), *map(str, arguments)]
    start = time.perf_counter()
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(finished.stdout) | {"process": time.perf_counter() - start}


def snarkjs(*arguments: object) -> tuple[float, float]:
    """Seconds and peak memory in MB of one snarkjs command."""
    from twopm_zk.system.paths import npm_package
    from twopm_zk.system.programs import program

    script = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, capture_output=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
    )
    cli = npm_package("snarkjs") / "build" / "cli.cjs"
    start = time.perf_counter()
    command = [sys.executable, "-c", script, str(program("node")), str(cli), *map(str, arguments)]
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    return time.perf_counter() - start, float(finished.stdout)


def step_files(folder: Path) -> tuple[Path, Path, int]:
    """R1CS and witness of a step, and its gates."""
    from twopm_zk import calculate_witness, compile_circuit, find_instance

    instance = find_instance(STEP)
    circuit = compile_circuit(instance)
    calculate_witness(circuit, step_inputs(instance)).write(folder / "step.wtns")
    return circuit.r1cs, folder / "step.wtns", circuit.gates


def side_by_side(folder: Path, runs: int, snarkjs_runs: int) -> list[str]:
    """The targets' table."""
    r1cs, wtns, gates = step_files(folder)
    ptau, key, zkey = folder / "15.ptau", folder / "step.key", folder / "step.zkey"
    made = [native("ptau", 15, ptau) for _ in range(3)]
    checked = native("check", ptau)
    larger = native("ptau", 18, folder / "18.ptau")
    (folder / "18.ptau").unlink()
    setups = [native("setup", r1cs, ptau, key) for _ in range(3)]
    written = native("zkey", key, zkey)
    loads = [native("load", key) for _ in range(3)]
    foreign = native("load", zkey)
    theirs = folder / "snarkjs.zkey"
    their_setup = snarkjs("plonk", "setup", r1cs, ptau, theirs)
    assert theirs.read_bytes() == zkey.read_bytes(), "the keys differ"
    proofs, fresh, reference = [], [], []
    for _ in range(snarkjs_runs):  # interleaved, so that both see the same machine
        proofs.append(native("prove", key, wtns, runs + 1))
        fresh.append(native("prove", key, wtns, 1))
        reference.append(snarkjs("plonk", "prove", zkey, wtns, folder / "proof.json", folder / "public.json"))
    prove = statistics.median(t for proof in proofs for t in proof["times"][1:])
    process = statistics.median(one["process"] for one in fresh)
    theirs_prove = statistics.median(seconds for seconds, _ in reference)
    batches = sum(native("prove", key, wtns, 9)["times"][1:])
    cores = statistics.median(proof["cores"] for proof in proofs)
    verify = verification_time(key, wtns)
    profile = min((proof["profile"] for proof in proofs), key=lambda stages: abs(sum(s for _, s in stages) - prove))

    memory = f"{max(m for _, m in reference):.0f} MB | {max(p['memory'] for p in proofs):.0f} MB"
    median = lambda rows, name="time": statistics.median(row[name] for row in rows)  # noqa: E731
    lines = [
        f"`{STEP}`: {gates:,} gates, domain 2^15; medians. A proof had {cores:.1f} cores to itself.",
        "",
        "| figure | snarkjs 0.7.6 | native | ratio |",
        "|---|---|---|---|",
        f"| prove, key loaded | {theirs_prove:.1f} s | {prove:.3f} s | {theirs_prove / prove:.0f}x |",
        f"| prove, fresh process | {theirs_prove:.1f} s | {process:.3f} s | {theirs_prove / process:.0f}x |",
        f"| peak memory of that | {memory} | |",
        f"| setup | {their_setup[0]:.1f} s | {median(setups):.2f} s | {their_setup[0] / median(setups):.0f}x |",
        f"| peak memory of that | {their_setup[1]:.0f} MB | {max(s['memory'] for s in setups):.0f} MB | |",
        f"| proving key | {megabytes(zkey)} (.zkey) | {megabytes(key)} (compact) | "
        f"{zkey.stat().st_size / key.stat().st_size:.0f}x |",
        f"| key loaded | | {median(loads):.2f} s | |",
        f"| .zkey of the compact key | | {written['time']:.2f} s | |",
        f"| foreign .zkey loaded | | {foreign['time']:.2f} s | |",
        f"| development ptau 2^15 | | {median(made):.2f} s | |",
        f"| development ptau 2^18 | | {larger['time']:.2f} s | |",
        f"| check of a ptau 2^15 by pairings | | {checked['time']:.2f} s | |",
        f"| verify, in process | | {verify * 1e3:.1f} ms | |",
        f"| 8 batches, one key | | {batches:.2f} s, {8 * 60 / batches:.0f} proofs a minute | |",
        "",
        "Where a proof's time goes:",
        "",
        "| stage | ms | share |",
        "|---|---|---|",
    ]
    total = sum(seconds for _, seconds in profile)
    lines += [f"| {name} | {s * 1e3:.1f} | {100 * s / total:.0f}% |" for name, s in profile if name != "done"]
    groups = {"MSM": "commit", "quotient": "quotient", "transforms and sums": "", "files": "reading"}
    shares = dict.fromkeys(groups, 0.0)
    for name, seconds in profile:
        kind = next((kind for kind, word in groups.items() if word and word in name), "transforms and sums")
        shares[kind] += seconds / total
    lines += ["", "In short: " + ", ".join(f"{kind} {100 * share:.0f}%" for kind, share in shares.items()) + "."]
    return lines


def megabytes(path: Path) -> str:
    """Size of a file."""
    return f"{path.stat().st_size / 1e6:.3g} MB"


def verification_time(key_file: Path, wtns: Path) -> float:
    """Median seconds of a verification in this process."""
    from twopm_zk import _native

    proof, public, _ = _native.ProvingKey(key_file).prove(wtns)
    key = _native.export_verification_key(key_file)
    times = []
    for _ in range(21):
        start = time.perf_counter()
        assert _native.verify(key, public, proof)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def growth(folder: Path, runs: int, largest: int) -> tuple[list[str], list[tuple[int, float]]]:
    """Proofs of full domains: every wire a full-size number, one public input."""
    from support import synthetic

    lines = [
        "Full domains of full-size values (squarings; the step's wires are mostly small, and cheaper). Up to 2^18 rows",
        "a loaded key keeps the columns' values on the quotient's cosets; the last columns are of one that computes",
        "them in every proof, as larger ones do.",
        "",
        "| domain | key | setup | memory | prove | prove / (n log n) | cores had | memory | prove, computed | memory |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    points = []
    ptau = folder / "growth.ptau"
    native("ptau", largest, ptau)
    for power in range(14, largest + 1):
        r1cs, wtns = synthetic.chain(2**power)
        (folder / "chain.r1cs").write_bytes(r1cs)
        (folder / "chain.wtns").write_bytes(wtns)
        key, wtns = folder / "chain.key", folder / "chain.wtns"
        setup = native("setup", folder / "chain.r1cs", ptau, key)
        proof = native("prove", key, wtns, runs + 1)
        computed = native("prove", key, wtns, runs + 1, 0)
        seconds = statistics.median(proof["times"][1:])
        per = seconds / (2**power * power) * 1e9
        points.append((power, seconds))
        row = f"| 2^{power} | {megabytes(key)} | {setup['time']:.2f} s | {setup['memory']:.0f} MB "
        row += f"| {seconds:.3f} s | {per:.0f} ns | {proof['cores']:.1f} | {proof['memory']:.0f} MB "
        row += f"| {statistics.median(computed['times'][1:]):.3f} s | {computed['memory']:.0f} MB |"
        lines.append(row)
    return lines, points


def plot(points: list[tuple[int, float]]) -> str:
    """Seconds over gates, both logarithmic, beside n log n through the first point."""
    first, base = points[0]
    ideal = [(p, base * 2 ** (p - first) * p / first) for p, _ in points]
    top = math.log2(max(s for _, s in points + ideal)) + 0.3
    bottom = math.log2(base) - 0.3

    def place(power: int, seconds: float) -> str:
        x = 60 + 400 * (power - first) / (points[-1][0] - first)
        return f"{x:.0f},{250 - 220 * (math.log2(seconds) - bottom) / (top - bottom):.0f}"

    text = '<text font-family="sans-serif" font-size="12" x="{}" y="{}">{}</text>'
    labels = [text.format(place(p, s).split(",")[0], 272, f"2^{p}") for p, s in points]
    labels += [text.format(*(int(v) - 12 for v in place(p, s).split(",")), f"{s:.2f} s") for p, s in points]
    lines = [
        f'<polyline fill="none" stroke="{colour}" stroke-width="2" {dash} '
        f'points="{" ".join(place(*point) for point in curve)}"/>'
        for curve, colour, dash in ((ideal, "#999", 'stroke-dasharray="4"'), (points, "#06c", ""))
    ]
    title = text.format(60, 16, "native prover: seconds over gates (dashed: n log n)")
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 520 285">{title}{"".join(lines + labels)}</svg>\n'


def kernels() -> list[str]:
    """The prover's own kernels, and the two libraries, where cargo is there."""
    if not shutil.which("cargo"):
        return []
    flags = ["--features", "asm"] if "adx" in cpu_flags() else []
    native_dir = ROOT / "native"

    def run(*command: str, cwd: Path, **env: str) -> str:
        env = os.environ | env
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True, env=env).stdout

    lines = ["MSM and FFT by themselves, in milliseconds; `native/bench` compares the libraries.", ""]
    example = ("cargo", "run", "--release", "--locked", "-p", "twopm-zk-prover", "--example", "kernels", *flags, "--")
    lines += ["```text"]
    for power in (14, 15, 16, 17, 18):
        lines += [f"2^{power}", *run(*example, str(power), cwd=native_dir).splitlines()]
    lines += ["```", ""]
    library = ("cargo", "run", "--release", "--locked", *flags)
    lines += run(*library, cwd=native_dir / "bench", RUSTFLAGS="-C target-cpu=native").splitlines()
    return lines


def cpu_flags() -> str:
    try:
        return Path("/proc/cpuinfo").read_text()
    except OSError:
        return ""


def cpu() -> str:
    for line in cpu_flags().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--snarkjs-runs", type=int, default=3)
    parser.add_argument("--largest", type=int, default=20)
    options = parser.parse_args()
    vector = "with" if "avx512ifma" in cpu_flags() else "without"
    lines = [
        "<!-- written by bench/native_prove.py -->",
        "# The native prover, measured",
        "",
        f"{os.cpu_count()} cores, {cpu()}, {vector} AVX-512 IFMA, Linux {platform.release().split('-')[0]}.",
        "",
    ]
    with tempfile.TemporaryDirectory(prefix="twopm-zk-bench-") as scratch:
        lines += side_by_side(Path(scratch), options.runs, options.snarkjs_runs)
        rows, points = growth(Path(scratch), options.runs, options.largest)
    lines += ["", *rows, "", "![growth](native.svg)", "", *kernels(), ""]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "native.md").write_text("\n".join(lines) + "\n")
    (RESULTS / "native.svg").write_text(plot(points))
    print("\n".join(lines))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"cpu time {used.ru_utime + used.ru_stime:.0f} s")


if __name__ == "__main__":
    main()
