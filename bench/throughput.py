"""Many proofs: proofs a minute of one process, one that overlaps them, two, and two dask workers; and which instance is
the cheapest for a row.

Run: python bench/throughput.py [--rows 1000] [--runs 3] [--instances step-119x3,step-1023x3]

Writes bench/results/throughput.md. Each way proves the same statements of random rows, witnesses included, after one
proof that is not counted, and all ways take turns in each run. All proofs are verified before they are returned.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from pipeline import cpu_model

from twopm_zk import compile_circuit, find_instance, setup
from twopm_zk.proving.executors import InProcess, executor_for
from twopm_zk.proving.prover import Prover
from twopm_zk.statements import Rows, StepShape, StepStatement

RESULTS = Path(__file__).parent / "results" / "throughput.md"
INSTANCES = ("step-48x3", "step-119x3", "step-549x3", "step-1023x3")
TARGET_ROWS = 100_000


class OneByOne(Executor):
    """Each proof from beginning to end before the next: what overlapping is compared with."""

    def submit(self, fn: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*arguments, **options))
        return future


def statements(name: str, count: int) -> list[tuple[str, StepStatement]]:
    """Steps of random rows, each of as many as the instance holds."""
    shape = StepShape.from_parameters(find_instance(name).parameters)
    rng = np.random.default_rng(1)
    made = []
    for number in range(count):
        features = rng.integers(-8192, 8192, (shape.rows, shape.features))
        rows = Rows.padded(shape, features, rng.integers(0, 2, shape.rows).tolist())
        made.append((name, StepStatement(shape, number, tuple(range(shape.features + 1)), rows)))
    return made


@contextmanager
def dask_workers(count: int) -> Iterator[str]:
    from distributed import LocalCluster

    threads = str(max(1, (os.cpu_count() or 1) // count))
    options = {"n_workers": count, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with LocalCluster(**options, env={"RAYON_NUM_THREADS": threads}) as cluster:
        yield cluster.scheduler_address


def busy() -> float:
    """Seconds that all cores together have worked since the machine started."""
    columns = [int(text) for text in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(columns) - columns[3] - columns[4]) / os.sysconf("SC_CLK_TCK")


def measure(
    provers: dict[str, Prover], asked: Sequence[tuple[str, StepStatement]], runs: int
) -> dict[str, list[float]]:
    """Seconds of each way, in turns."""
    for prover in provers.values():
        prover.prove(asked[:2])  # keys, modules and workers are there after that
    seconds: dict[str, list[float]] = {way: [] for way in provers}
    for number in range(runs):
        ways = list(provers)
        for way in ways[number % len(ways) :] + ways[: number % len(ways)]:
            begun = time.perf_counter()
            provers[way].prove(asked)
            seconds[way].append(time.perf_counter() - begun)
    return seconds


def ways(names: Sequence[str], rows: int, runs: int) -> list[str]:
    """The table of ways."""
    lines = [
        "| instance | proofs | way | proofs a minute | rows a second | against one by one |",
        "|---|---:|---|---:|---:|---:|",
    ]
    with dask_workers(2) as address:
        makers: dict[str, Callable[[], Executor]] = {
            "one process, one by one": OneByOne,
            "one process, overlapping": InProcess,
            "two processes": executor_for("processes:2"),
            "two dask workers": executor_for(address),
        }
        provers = {way: Prover(maker, verifier="native") for way, maker in makers.items()}
        for name in names:
            held = find_instance(name).parameters["ROWS"]
            count = max(2, round(rows / held))
            seconds = measure(provers, statements(name, count), runs)
            base = seconds["one process, one by one"]
            for way, found in seconds.items():
                took = median(found)
                ratio = median(one / other for one, other in zip(base, found, strict=True))
                row = (
                    f"| {name} | {count} | {way} | {count * 60 / took:.0f} | {count * held / took:.0f} | {ratio:.2f} |"
                )
                lines.append(row)
                print(row, flush=True)
        for prover in provers.values():
            prover.close()
    return lines


def sizes(names: Sequence[str], runs: int) -> list[str]:
    """What a row costs by instance, overlapping."""
    lines = [
        "| instance | gates | rows | s a proof | CPU, s a proof | CPU, ms a row "
        f"| {TARGET_ROWS:,} rows, s | peak memory, MB |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name in names:
        circuit = compile_circuit(find_instance(name))
        setup(circuit)
        held = find_instance(name).parameters["ROWS"]
        count = max(3, 240 // held)
        asked = statements(name, count)
        with Prover(verifier="native") as prover:
            prover.prove(asked[:1])
            seconds, cpu = [], []
            for _ in range(runs):
                begun, used = time.perf_counter(), time.process_time()
                prover.prove(asked)
                seconds.append((time.perf_counter() - begun) / count)
                cpu.append((time.process_time() - used) / count)
        proofs = -(-TARGET_ROWS // held)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        row = f"| {name} | {circuit.gates:,} | {held:,} | {median(seconds):.2f} | {median(cpu):.2f} "
        row += f"| {median(cpu) / held * 1e3:.1f} | {proofs * median(seconds):.0f} | {peak:.0f} |"
        lines.append(row)
        print(row, flush=True)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1000, help="rows that each way proves in a run, about")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--ways", default="step-119x3", help="instances of the table of ways, with commas")
    parser.add_argument("--instances", default=",".join(INSTANCES), help="of the table of sizes, small ones first")
    parser.add_argument("--dry", action="store_true", help="print the page and write nothing")
    options = parser.parse_args()
    begun, before, load = time.monotonic(), busy(), os.getloadavg()[0]
    largest = sizes(options.instances.split(","), options.runs) if options.instances else []
    compared = ways(options.ways.split(","), options.rows, options.runs) if options.ways else []
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    own = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    others = max(0.0, (busy() - before - own) / (time.monotonic() - begun))
    lines = [
        "<!-- written by bench/throughput.py -->",
        "# Many proofs",
        "",
        f"{os.cpu_count()} cores ({cpu_model()}), Python {platform.python_version()}; load before {load:.1f}, and",
        f"{others:.1f} cores busy with other work meanwhile.",
        "",
        "A proof is all of it: witness, proof, verification. `one by one` makes the witness of a proof after the proof",
        "before it; `overlapping` is what `Prover()` does without a scheduler: the next witness is made while a proof",
        "is. Workers share the cores. Medians; ratios within runs.",
        "",
        *compared,
        "",
        "What a row costs by the size of the instance, overlapping:",
        "",
        *largest,
    ]
    if not options.dry:
        RESULTS.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
