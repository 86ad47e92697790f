"""The slowest tests before and after a change, as a table, from what pytest printed in two runs.

Run: make test PYTEST_ARGS="--cpu-times --durations=0 -vv" >after.log
     python tools/test_times.py before.log after.log >bench/results/tests.md
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from pathlib import Path

ROWS = 20
PHASE = re.compile(r"^(\d+\.\d+)s (?:setup|call|teardown)\s+(\S.*?)\s*$", re.MULTILINE)
END = re.compile(
    r"^=+ (.*\b(?:passed|failed)\b.*) in (\d+\.\d+)s\b.*=+$|^(.*\bpassed\b.*) in (\d+\.\d+)s\b", re.MULTILINE
)


def read(path: str) -> tuple[str, float, dict[str, float]]:
    """What a run said at its end, its seconds, and those of each test."""
    text = Path(path).read_text(errors="replace")
    ends = END.findall(text)
    if not ends:
        sys.exit(f"{path} does not end as a run of pytest does")
    seconds: defaultdict[str, float] = defaultdict(float)
    for taken, name in PHASE.findall(text):
        seconds[name] += float(taken)
    if not seconds:
        sys.exit(f"{path} has no durations: run pytest with --durations=0 -vv")
    return ends[-1][0], float(ends[-1][1]), dict(seconds)


def table(title: str, names: list[str], before: dict[str, float], after: dict[str, float]) -> list[str]:
    """Rows of these tests, in seconds."""
    lines = ["", f"## {title}", "", "| test | before | after |", "|---|---:|---:|"]
    for name in names:
        cells = (f"{runs[name]:.1f}" if name in runs else "-" for runs in (before, after))
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return lines


def slowest(seconds: dict[str, float]) -> list[str]:
    """Names of those that took longest."""
    return sorted(seconds, key=lambda name: -seconds[name])[:ROWS]


def main(first: str, second: str | None = None) -> None:
    """Print the page; without a second run its column is empty."""
    runs = {when: read(path) for when, path in (("before", first), ("after", second)) if path is not None}
    before, after = runs["before"][2], runs["after"][2] if second else {}
    print("# Times of the tests\n\nSeconds of each test: its call, what was set up for it, what was torn down after.")
    print("The first of those that share a fixture, or something in the cache, pays for it.")
    print("\n| | tests | end | seconds | all tests together |\n|---|---:|---|---:|---:|")
    for when, (words, run, tests) in runs.items():
        print(f"| {when} | {len(tests)} | {words} | {run:.0f} | {sum(tests.values()):.0f} |")
    lines = table(f"The slowest {ROWS} before", slowest(before), before, after)
    lines += table(f"The slowest {ROWS} after", slowest(after), before, after) if after else []
    print("\n".join(lines))


if __name__ == "__main__":
    main(*sys.argv[1:])
