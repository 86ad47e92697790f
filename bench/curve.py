"""Baby Jubjub: the native module beside its readable twin, and whether its time depends on the scalars.

Run: python bench/curve.py [--runs 200] [--measurements 100000]; writes bench/results/curve.md. Times are the fastest
of many calls on one thread, from the call in Python to the result. The statistics of timing come from an example of
the prover's crate, native/prover/examples/constant_time.rs, which says how they are read; it needs cargo.
"""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import time
from collections.abc import Callable

from native_prove import RESULTS, ROOT, cpu, cpu_flags  # puts the package on the path

from twopm_zk.numbers.baby_jubjub import BASE, SUBGROUP_ORDER, Point, multiply, native_sum, readable_sum
from twopm_zk.numbers.pedersen import GRADIENT, blinding_generator, commit, generators, rows_generator
from twopm_zk.system import extension

Terms = list[tuple[Point, int]]


def fastest(run: Callable[[], object], runs: int) -> float:
    """Microseconds of processor time of the fastest call: other work on the machine only adds to them."""
    times = []
    for _ in range(runs):
        start = time.thread_time()
        run()
        times.append(time.thread_time() - start)
    return min(times) * 1e6


def commitment(count: int) -> Terms:
    """The terms of a commitment to ``count`` integers: they, a number of rows, and a blinding."""
    points = [*generators(GRADIENT, count), rows_generator(GRADIENT, count), blinding_generator()]
    return [(point, secrets.randbelow(SUBGROUP_ORDER)) for point in points]


def side_by_side(runs: int) -> list[str]:
    """Each implementation alone, then what a caller waits for, with the checks of points and scalars."""
    cases: list[tuple[str, Terms]] = [("one multiple", [(BASE, secrets.randbelow(SUBGROUP_ORDER))])]
    cases += [(f"commitment to {count} integers", commitment(count)) for count in (5, 35)]
    lines = ["| operation | readable twin | native | ratio |", "|---|---|---|---|"]
    for name, terms in cases:
        assert native_sum(terms) == readable_sum(terms)
        slow, fast = fastest(lambda: readable_sum(terms), runs // 20), fastest(lambda: native_sum(terms), runs)  # noqa: B023
        lines.append(f"| {name} | {slow / 1e3:.1f} ms | {fast / 1e3:.3f} ms | {slow / fast:.0f}x |")
    items = [secrets.randbelow(2**80) - 2**79 for _ in range(35)]
    door = fastest(lambda: commit(GRADIENT, items, 1000, 7), runs)
    once = fastest(lambda: multiply(BASE, SUBGROUP_ORDER - 1), runs)
    lines += ["", f"With all checks: `multiply` {once / 1e3:.3f} ms, `commit` to 35 integers {door / 1e3:.3f} ms."]
    return lines


def timing(measurements: int) -> list[str]:
    """What the example prints."""
    flags = ["--features", "asm"] if "adx" in cpu_flags() else []
    command = ["cargo", "run", "--release", "--locked", "-p", "twopm-zk-prover", "--example", "constant_time", *flags]
    finished = subprocess.run(
        [*command, "--", str(measurements)], cwd=ROOT / "native", capture_output=True, text=True, check=True
    )
    return finished.stdout.splitlines()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--measurements", type=int, default=100_000)
    options = parser.parse_args()
    assert extension.provides("sum_of_multiples"), "the native module is not built"
    load = os.getloadavg()[0]
    lines = [
        "<!-- written by bench/curve.py -->",
        "# Baby Jubjub, measured",
        "",
        f"{cpu()}; the fastest of many calls, one thread. Load of the machine before the run: {load:.1f} (0 is idle).",
        "",
        *side_by_side(options.runs),
        "",
        f"Welch's t between two classes of scalars, {options.measurements:,} multiples for each row. Up to 4.5 in",
        "size, nothing shows that the time depends on the scalar. The last row is a power that shows its exponent, to",
        "prove that the measurement would notice.",
        "",
        *timing(options.measurements),
    ]
    (RESULTS / "curve.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
