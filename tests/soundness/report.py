"""What the parts of `make soundness` counted, and the table and files made of it.

An attack has to be refused, a fault survived, an input handled (read, or refused with an error of `twopm_zk.errors`),
a mutant killed or its survival explained; verifiers have to agree. What is not is counted as a loss, or as a
disagreement, and fails the test that found it.
"""

import ast
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
NUMBERS = re.compile(r"(?<=<!-- numbers -->\n).*?(?=\n<!-- end -->)", re.DOTALL)
"""Where docs/security.md has the table."""
KINDS = {"attacks": "refused", "faults": "survived", "inputs": "handled", "mutants": "killed"}
"""What is tried, and what has to come of it."""


@dataclass
class Counts:
    """The counts of one part, in the units of its kind."""

    kind: str
    tried: int = 0
    stopped: int = 0
    """How many were refused, survived, handled or killed."""
    explained: int = 0
    """Mutants that live, each with its reason beside the test."""
    disagreements: int = 0
    losses: int = 0

    def add(self, other):
        for name in ("tried", "stopped", "explained", "disagreements", "losses"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Tally:
    """The counts of one test: ``tally.attacks("PLONK: forged proofs", tried=12, refused=12)``.

    Parts are named "area: what was done"; calls with the same name add up, whichever test and worker makes them. Each
    call fails the test where something was not stopped or two judges disagreed, after it was counted.
    """

    def __init__(self, record):
        self._record = record

    def attacks(self, part, *, tried, refused, disagreements=0):
        """False statements, forged messages and calls that must not go through."""
        self._count(part, Counts("attacks", tried, refused, 0, disagreements, tried - refused))

    def faults(self, part, *, tried, survived, losses=0):
        """Kills, full disks, lost answers: survived is with the same result, nothing lost and nothing done twice."""
        self._count(part, Counts("faults", tried, survived, 0, 0, max(losses, tried - survived)))

    def inputs(self, part, *, tried, handled, disagreements=0):
        """Bytes of any kind: handled is read, or refused with an error that was meant, and by all readers alike."""
        self._count(part, Counts("inputs", tried, handled, 0, disagreements, tried - handled))

    def mutants(self, part, *, tried, killed, explained=0):
        """Planted bugs that a test or harness has to notice; those that live need a reason in the code."""
        self._count(part, Counts("mutants", tried, killed, explained, 0, tried - killed - explained))

    def _count(self, part, counts):
        assert counts.tried > 0, f"{part}: nothing was tried"
        assert ": " in part, f"{part!r} is not named 'area: what was done'"
        assert 0 <= counts.stopped + counts.explained <= counts.tried, f"{part}: {counts}"
        self._record({"part": part, **asdict(counts)})
        assert not counts.losses, f"{part}: {counts.losses} of {counts.tried} not {KINDS[counts.kind]}"
        assert not counts.disagreements, f"{part}: {counts.disagreements} disagreements in {counts.tried}"


def gathered(records):
    """Records of all tests as parts by name, in order of names."""
    parts = {}
    for record in records:
        fields = dict(record)
        name = fields.pop("part")
        counts = Counts(**fields)
        if name in parts:
            assert parts[name].kind == counts.kind, f"{name} is both {parts[name].kind} and {counts.kind}"
            parts[name].add(counts)
        else:
            parts[name] = counts
    return dict(sorted(parts.items()))


def totals(parts):
    """What the last lines say: each kind with what came of it, then disagreements and losses."""
    lines = {}
    for kind, outcome in KINDS.items():
        chosen = [counts for counts in parts.values() if counts.kind == kind]
        lines[f"{kind} tried"] = sum(counts.tried for counts in chosen)
        lines[f"{kind} {outcome}"] = sum(counts.stopped for counts in chosen)
    lines["mutants explained"] = sum(counts.explained for counts in parts.values())
    lines["disagreements"] = sum(counts.disagreements for counts in parts.values())
    lines["losses"] = sum(counts.losses for counts in parts.values())
    return lines


HEAD = ("part", "kind", "tried", "stopped", "explained", "disagreements", "losses")


def rows(parts):
    """The table's cells as text, the head first."""
    cells = [HEAD]
    for name, c in parts.items():
        numbers = (c.tried, c.stopped, c.explained, c.disagreements, c.losses)
        cells.append((name, c.kind, *(f"{number:,}" for number in numbers)))
    return cells


def text(parts):
    """The table for a terminal."""
    cells = rows(parts)
    widths = [max(len(row[i]) for row in cells) for i in range(len(HEAD))]
    lines = []
    for row in cells:
        left = [cell.ljust(width) for cell, width in zip(row[:2], widths[:2], strict=True)]
        right = [cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)]
        lines.append("  ".join(left + right).rstrip())
    longest = max(map(len, totals(parts)))
    lines += ["", *(f"{name.ljust(longest)}  {number:>12,}" for name, number in totals(parts).items())]
    return "\n".join(lines)


def markdown(parts):
    """Both tables for a page: each part, then the sums."""
    if not parts:
        return "Nobody has kept a whole run yet."
    head, *body = rows(parts)
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * 2}{'--:|' * (len(HEAD) - 2)}"]
    lines += [f"| {' | '.join(row)} |" for row in body]
    return "\n".join([*lines, "", "| in all | |", "|---|--:|", *(f"| {n} | {v:,} |" for n, v in totals(parts).items())])


@dataclass
class Kept:
    """What the last whole and passing run of one file of tests counted."""

    day: str
    parts: dict[str, Counts]
    left_out: dict[str, int]
    """Reasons why tests were skipped, and how many."""


def saved_in(root):
    return root / "bench" / "results" / "soundness.json"


def read(root=ROOT):
    """`Kept` of each file of tests, by its path."""
    path = saved_in(root)
    saved = json.loads(path.read_text()) if path.is_file() else {}
    kept = {}
    for name, fields in saved.items():
        parts = {part: Counts(**counts) for part, counts in fields["parts"].items()}
        kept[name] = Kept(fields["day"], parts, fields["left out"])
    return kept


def summed(kept):
    """The parts of all files, those with one name added up."""
    records = [{"part": part, **asdict(counts)} for one in kept.values() for part, counts in one.parts.items()]
    return gathered(records)


def counts_something(path):
    """Whether a test of a file asks for the tally."""
    tests = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
    return any(node.name.startswith("test_") and "tally" in [each.arg for each in node.args.args] for node in tests)


def missing(kept, root=ROOT):
    """The files of tests that count something, and of which no whole run was kept."""
    folder = root / "tests" / "soundness"
    counting = [path for path in folder.rglob("test_*.py") if counts_something(path)]
    return sorted({str(path.relative_to(root)) for path in counting} - set(kept))


def tables(kept, root=ROOT):
    """What a page shows of what was kept: the sums, and which files they lack."""
    lacking = missing(kept, root)
    return markdown(summed(kept)) + (
        f"\n\nNo whole run was kept yet of {', '.join(f'`{name}`' for name in lacking)}." if lacking else ""
    )


def write(finished, root=ROOT):
    """Keep what files of tests counted, in the place of what they counted before, and write soundness.json and
    soundness.md below bench/results and the tables of docs/security.md.

    ``finished`` has `Kept` by file; what is kept of files that are there no more goes.
    """
    page = root / "docs" / "security.md"
    kept = {name: one for name, one in sorted((read(root) | finished).items()) if (root / name).is_file()}
    saved = {
        name: {
            "day": one.day,
            "parts": {part: asdict(counts) for part, counts in sorted(one.parts.items())},
            "left out": one.left_out,
        }
        for name, one in kept.items()
    }
    saved_in(root).write_text(json.dumps(saved, indent=1) + "\n")
    reasons = [
        f"\nLeft out of {name}: {count} tests, because: {reason}\n"
        for name, one in kept.items()
        for reason, count in one.left_out.items()
    ]
    days = "".join(f"| {name} | {one.day} |\n" for name, one in kept.items())
    saved_in(root).with_suffix(".md").write_text(
        "# What was tried to break it\n\n"
        "Made by `make soundness`, which runs `tests/soundness` at full size; `docs/security.md` says what each part\n"
        "shows. Stopped is refused for attacks, survived for faults, handled for inputs, and killed for mutants.\n"
        "What a file counted is of its last run in which all its tests passed.\n\n"
        f"{tables(kept, root)}\n{''.join(reasons)}\n| tests | last run |\n|---|---|\n{days}"
    )
    page.write_text(NUMBERS.sub(lambda _: tables(kept, root), page.read_text()))
