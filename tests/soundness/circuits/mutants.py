"""Bugs planted in the sources of circuits/: by rules, wherever they fit, and by hand, where a bug takes thought.

Each mutant names the template that it is in, and is compiled into the gadgets that the table has for it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from soundness.circuits.gadgets import GADGETS

CIRCUITS = Path(__file__).parents[3] / "circuits"
CHECK = re.compile(r"^\s*(RangeCheck|AtLeast|WithinBound|BoundedNoise)\(.*;$")
INSIDE = {
    "QuinticSBox": ("Permutation",),
    "Residuals": ("step-logistic", "step-gaussian"),
    "Variances": ("information-logistic", "information-gaussian"),
    "SquareSums": ("evaluate-gaussian",),
    "Step": ("step-logistic", "step-logistic-noise3", "step-gaussian"),
    "Information": ("information-gaussian", "information-logistic", "information-gaussian-noise3"),
    "Evaluate": ("evaluate-gaussian", "evaluate-logistic", "evaluate-logistic-noise3"),
    "Predict": ("predict-logistic", "predict-gaussian"),
}
"""Gadgets of templates that are not the name of one."""


@dataclass(frozen=True)
class Mutant:
    """A bug: texts of one file that are replaced, every occurrence of the first one or that of one line."""

    kind: str
    file: str
    template: str
    line: int
    """0 for all lines."""
    changes: tuple[tuple[str, str], ...]
    gadgets: tuple[str, ...] = field(default=())

    @property
    def name(self):
        """What identifies it whatever line it is on."""
        return f"{self.file}: {self.template}: {self.kind}: {self.changes[0][0].strip()}"

    def text(self):
        """The mutated file."""
        lines = (CIRCUITS / self.file).read_text().split("\n")
        places = [self.line - 1] if self.line else range(len(lines))
        for old, new in self.changes:
            assert any(old in lines[at] for at in places), (self.file, old)
            for at in places:
                lines[at] = lines[at].replace(old, new)
        return "\n".join(lines)

    def targets(self):
        """Names of the gadgets that show it, the smallest first."""
        if self.gadgets:
            return self.gadgets
        if self.template in INSIDE:
            return INSIDE[self.template]
        own = re.compile(rf"\b{self.template}\(")
        return tuple(name for name, gadget in GADGETS.items() if own.search(gadget.main + gadget.wrapper))

    def write(self, folder):
        """A tree of sources with it."""
        (folder / "lib").mkdir()
        for path in CIRCUITS.rglob("*.circom"):
            place = folder / path.relative_to(CIRCUITS)
            if str(path.relative_to(CIRCUITS)) == self.file:
                place.write_text(self.text())
            else:
                place.symlink_to(path)


def by_rule() -> Iterator[Mutant]:
    """Every constraint dropped, or made a hint; every check dropped, or a bit wider; every tag another one."""
    for path in sorted(CIRCUITS.rglob("*.circom")):
        file = str(path.relative_to(CIRCUITS))
        if file.endswith(("_constants.circom", "_generators.circom")):
            continue
        template = ""
        for number, line in enumerate(path.read_text().split("\n"), 1):
            if found := re.match(r"(template|function) (\w+)", line):
                template = found[2] if found[1] == "template" else ""
            code = line.split("//")[0].rstrip()
            if not template or not code:
                continue
            if "===" in code:
                yield Mutant("dropped constraint", file, template, number, ((code, ""),))
            if CHECK.match(code):
                yield Mutant("dropped check", file, template, number, ((code, ""),))
            if (widened := re.sub(r"^(\s*RangeCheck)\((.*?)\)\((?=[^)])", r"\1(\2 + 1)(", code)) != code:
                yield Mutant("a bit too wide", file, template, number, ((code, widened),))
            if "<==" in code:
                yield Mutant("hint for a constraint", file, template, number, ((code, code.replace("<==", "<--")),))
            if tag := re.search(r"TAG_\w+\(\)", code):
                other = "TAG_DATA()" if tag[0] == "TAG_MODEL()" else "TAG_MODEL()"
                yield Mutant("swapped tag", file, template, number, ((code, code.replace(tag[0], other)),))


POINTS = ("PedersenPoint",)
BY_HAND = (
    Mutant(
        "missing start point",
        "lib/pedersen.circom",
        "PedersenPoint",
        0,
        (("PEDERSEN_START()", "PEDERSEN_HALF_BLINDING()"),),
    ),
    Mutant("unreduced digit", "lib/fixed_point.circom", "RangeCheck", 0, (("(digit[i] - 3)", "(digit[i] - 7)"),)),
    Mutant("unreduced digit", "lib/pedersen.circom", "PedersenPoint", 0, (("(digit[at] - 3)", "(digit[at] - 7)"),)),
    Mutant(
        "a digit of two values more",
        "lib/fixed_point.circom",
        "RangeCheck",
        0,
        (("(product[i] + 2) ===", "(product[i] - 4) ==="),),
    ),
    Mutant(
        "rounding half up",
        "lib/sigmoid.circom",
        "RoundedMagnitude",
        0,
        (("(1 << (DROPPED - 1)) - 1;", "(1 << (DROPPED - 1));"),),
    ),
    Mutant(
        "sign of 0",
        "lib/sigmoid.circom",
        "RoundedMagnitude",
        0,
        (("sign * sign === active", "sign * (sign - active) === 0"),),
    ),
    Mutant(
        "mark of any square root",
        "lib/rows.circom",
        "Rows",
        0,
        (("active[i] * marks[i] === marks[i]", "active[i] * active[i] === active[i]"),),
    ),
    Mutant(
        "mark by its square",
        "lib/rows.circom",
        "Rows",
        0,
        (("active[i] === marks[i]", "active[i] * active[i] === active[i]"),),
    ),
    Mutant(
        "padding may have a label",
        "lib/rows.circom",
        "Rows",
        0,
        (
            (
                "(cells[i][k] - BIAS(X_BITS)) * (1 - active[i]) === 0;",
                "if (k < FEATURES) { (cells[i][k] - BIAS(X_BITS)) * (1 - active[i]) === 0; }",
            ),
        ),
    ),
    Mutant("family not in the shape", "lib/rows.circom", "Rows", 0, (("FAMILY * 1024", "0 * 1024"),)),
    Mutant("overlapping lanes", "lib/rows.circom", "Rows", 0, (("(240 + 2 * i)", "(240 + i)"),)),
    Mutant(
        "bin without sign",
        "lib/evaluation.circom",
        "RowScore",
        0,
        (("2 * (clipped - from) - minus", "clipped - from"),),
    ),
    Mutant(
        "bin with both edges", "lib/evaluation.circom", "RowScore", 0, (("(to - active - clipped)", "(to - clipped)"),)
    ),
    Mutant("no minimum of one row", "lib/policy.circom", "Context", 0, (("policy.minRows - 1", "policy.minRows"),)),
    Mutant("bound of one side", "lib/policy.circom", "WithinBound", 0, (("(bound + (", "(bound - ("),)),
    Mutant("minimum the wrong way", "lib/policy.circom", "AtLeast", 0, (("count - minimum", "minimum - count"),)),
    Mutant("certificate of one side", "certify.circom", "Certify", 0, (("(allowed + G[k])", "(allowed - G[k])"),)),
    Mutant(
        "weights that are not checked",
        "aggregate.circom",
        "Aggregate",
        0,
        (("WithinBound(WEIGHTS)(nextWeights", "WithinBound(WEIGHTS)(weights"),),
    ),
    Mutant(
        "regularised intercept",
        "aggregate.circom",
        "Aggregate",
        0,
        (
            (
                "G[FEATURES] <== sum.gradient[FEATURES]",
                "G[FEATURES] <== sum.gradient[FEATURES] + policy.lambda * weights[FEATURES]",
            ),
        ),
    ),
    Mutant(
        "length not in the domain",
        "lib/commitment.circom",
        "SecretHash",
        0,
        (("tag + (length << 8)", "tag + (7 << 8)"),),
    ),
    Mutant(
        "noise of any size", "lib/noise.circom", "BoundedNoise", 0, (("NOISE + UNIT[k] + 1", "NOISE + UNIT[k] + 9"),)
    ),
    Mutant("count by hint", "lib/rows.circom", "Rows", 0, (("count <== sum", "count <-- sum"),)),
)


@cache
def all_mutants():
    return (*BY_HAND, *by_rule())
