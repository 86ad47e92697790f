"""The page, the plot and README's table from what run.py measured."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Mapping
from statistics import median
from typing import Any

OURS = "twopm-zk"
WHAT = {
    "twopm-zk": """
the native prover of this repository. Its time includes reading and checking the witness, and verifying the
proof.
""",
    "twopm-zk, vectors off": """
the same without vector arithmetic (`TWOPM_ZK_VECTORS=off`): what a processor without AVX-512 IFMA would do, at
this clock.
""",
    "gnark": """
gnark 0.14 (Go): PLONK with the same gate of three wires and five selectors, and with blinding of the quotient
(`WithStatisticalZeroKnowledge`), as snarkjs and this prover have it. Finding the witness is subtracted from its
time. Its key is powers of tau, Lagrange points and the circuit: it makes the circuit's polynomials again in
each proof.
""",
    "halo2": """
halo2-axiom 0.5.3 (Rust, built for this processor, with assembly): the same gate as a halo2 circuit with one
running product, KZG with SHPLONK. It commits to one random polynomial more, and its opening proof is for
several points at once.
""",
    "snarkjs": """
snarkjs 0.7.6 (WebAssembly in Node.js) with the key and the witness of this prover, whose proofs are of its
format. It has two rounds at most and none to warm up, since it takes long, and reads its key in each.
""",
}
COLOURS = {"twopm-zk": "#06c", "twopm-zk, vectors off": "#6af", "gnark": "#c60", "halo2": "#393", "snarkjs": "#888"}
MARK = "<!-- table of bench/peers/run.py -->\n"


def ratios(size: Mapping[str, Any], name: str) -> list[float]:
    """How many times as long as this prover one took, in each round."""
    pairs = zip(size["provers"][name]["seconds"], size["provers"][OURS]["seconds"], strict=False)
    return [theirs / ours for theirs, ours in pairs]


def filled(text: str, *, bullet: str = "") -> list[str]:
    """A paragraph in lines of the page, with an empty one after it."""
    wrapped = textwrap.wrap(" ".join(text.split()), 118, initial_indent=bullet, subsequent_indent=" " * len(bullet))
    return [*wrapped, ""]


def page(found: Mapping[str, Any]) -> str:
    """bench/results/peers.md."""
    lines = ["<!-- written by bench/peers/run.py -->", "# This prover beside others", ""]
    lines += filled(
        f"""
{found["machine"]}; load before the run: {found["load"]:.1f} (0 is idle). {found["runs"]} rounds after one that
warms up. Every prover has its key loaded and makes one proof in each round, pinned to the same cores, with as
many threads, while the others wait. Medians, with the least and the most. `times` is a prover's time over this
prover's in the same round. `CPU` is of a proof and its verification, all threads together: the figure that
other work on the machine disturbs least.
"""
    )
    lines += filled(
        """
The circuit is a chain of squarings of full-size values with one public input: 2^k - 16 gates in a domain of
2^k. For all provers: BN254, KZG commitments over powers of tau, universal setup, blinding on, and every proof
verified.
"""
    )
    named = list(dict.fromkeys(name for size in found["sizes"].values() for name in size["provers"]))
    for name in named:
        lines += filled(f"**{name}**: {WHAT[name]}", bullet="- ")[:-1]
    lines += [f"- left out, {name}: {reason}" for name, reason in found["missing"].items()]
    lines += ["", "![seconds over gates](../../docs/images/peers.svg)", ""]
    lines += ["| gates | prover | seconds | times | CPU, s | peak memory, MB | key files, MB |"]
    lines += ["|---:|---|---:|---:|---:|---:|---:|"]
    for size in found["sizes"].values():
        for name, one in size["provers"].items():
            seconds = f"{median(one['seconds']):.3f} ({min(one['seconds']):.3f} to {max(one['seconds']):.3f})"
            times = ratios(size, name)
            compared = f"{median(times):.2f} ({min(times):.2f} to {max(times):.2f})" if name != OURS else "1"
            lines.append(
                f"| {size['gates']:,} | {name} | {seconds} | {compared} | {one['cpu']:.2f} "
                f"| {one['memory']:.0f} | {one['key']:.1f} |"
            )
    lines.append("")
    lines += filled(
        """
Peak memory is the resident size of a process that only loads its key and proves, with what its language needs
(Python and this library about 50 MB). Key files are what a prover reads to prove, but for the witness, without
compression of points.
"""
    )
    return "\n".join(lines)


def table(found: Mapping[str, Any]) -> list[str]:
    """README's: the smallest step's domain or what is nearest, and the largest."""
    powers = sorted(map(int, found["sizes"]))
    few, many = (str(min(powers, key=lambda power: abs(power - 15)))), str(powers[-1])
    lines = [
        f"| prover | 2^{few} gates | times | 2^{many} gates | times | memory | key files |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name in found["sizes"][few]["provers"]:
        cells = []
        for size in (found["sizes"][few], found["sizes"][many]):
            one = size["provers"].get(name)
            cells += (
                ["–", "–"] if one is None else [f"{median(one['seconds']):.2f} s", f"{median(ratios(size, name)):.1f}"]
            )
        last = found["sizes"][many]["provers"].get(name)
        cells += ["–", "–"] if last is None else [f"{last['memory']:.0f} MB", f"{last['key']:.0f} MB"]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def put_into_readme(text: str, found: Mapping[str, Any]) -> str:
    """README with its table written again."""
    replaced, count = re.subn(re.escape(MARK) + r"(\|.*\n)*", lambda _: MARK + "\n".join(table(found)) + "\n", text)
    if count != 1:
        raise ValueError(f"README has {count} places for the table, not one: {MARK!r}")
    return replaced


def plot(found: Mapping[str, Any]) -> str:
    """Seconds over gates, both logarithmic."""
    curves: dict[str, list[tuple[int, float]]] = {}
    for power, size in found["sizes"].items():
        for name, one in size["provers"].items():
            curves.setdefault(name, []).append((int(power), median(one["seconds"])))
    powers = sorted(map(int, found["sizes"]))
    values = [math.log10(seconds) for curve in curves.values() for _, seconds in curve]
    bottom, top = math.floor(min(values) * 2) / 2, math.ceil(max(values) * 2) / 2

    def x(power: int) -> float:
        return 60 + 380 * (power - powers[0]) / max(1, powers[-1] - powers[0])

    def y(seconds: float) -> float:
        return 290 - 250 * (math.log10(seconds) - bottom) / (top - bottom)

    def text(left: float, base: float, said: str, *, fill: str = "#333", anchor: str = "start") -> str:
        return f'<text x="{left:.0f}" y="{base:.0f}" fill="{fill}" text-anchor="{anchor}">{said}</text>'

    parts = [text(60, 20, "seconds of one proof over gates, both logarithmic")]
    for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100):
        if bottom <= math.log10(tick) <= top:
            parts.append(f'<line x1="60" x2="440" y1="{y(tick):.0f}" y2="{y(tick):.0f}" stroke="#ddd"/>')
            parts.append(text(52, y(tick) + 4, f"{tick:g} s", anchor="end"))
    parts += [text(x(power), 312, f"2^{power}", anchor="middle") for power in powers]
    taken: list[float] = []
    for name, curve in sorted(curves.items(), key=lambda item: item[1][-1][1]):
        points = " ".join(f"{x(power):.0f},{y(seconds):.0f}" for power, seconds in curve)
        parts.append(f'<polyline fill="none" stroke="{COLOURS[name]}" stroke-width="2" points="{points}"/>')
        parts += [f'<circle cx="{x(p):.0f}" cy="{y(s):.0f}" r="3" fill="{COLOURS[name]}"/>' for p, s in curve]
        end = min([y(curve[-1][1]) + 4, *(base - 14 for base in taken)])
        taken.append(end)
        parts.append(text(x(curve[-1][0]) + 8, end, name, fill=COLOURS[name]))
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 325" font-family="sans-serif" font-size="12">'
        f'<rect width="600" height="325" fill="#fff"/>{"".join(parts)}</svg>\n'
    )
