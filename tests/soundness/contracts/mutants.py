"""Small changes of Solidity that prettier has laid out: what mutation.py tries.

They are a guard that never holds, a condition that always or never does, another comparison or sign, a modifier or a
statement left out, two arguments in the other order, a constant that is one more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_HIDDEN = re.compile(r'//[^\n]*|/\*.*?\*/|"[^"\n]*"', re.DOTALL)
_FUNCTION = re.compile(r"\b(?:function (\w+)|(constructor)|modifier (\w+))\b[^;{]*\{", re.DOTALL)
_MODIFIERS = (
    r"\b(nonReentrantView|nonReentrant|onlyOwner|onlyCaller|onlyEigenLayer|onlySlasher|onlyStaking|whenNotPaused|known\(asset\)"
    r"|onlyNetworkOwner\(id\)) "
)
_TOKENS = {
    " < ": (" <= ",),
    " <= ": (" < ",),
    " > ": (" >= ",),
    " >= ": (" > ",),
    " == ": (" != ",),
    " != ": (" == ",),
    " && ": (" || ",),
    " || ": (" && ",),
    " + ": (" - ",),
    " - ": (" + ",),
    " * ": (" / ",),
    " / ": (" * ",),
    " % ": (" / ",),
    " += ": (" -= ", " = "),
    " -= ": (" += ", " = "),
    "Math.Rounding.Ceil": ("Math.Rounding.Floor",),
}
_STATEMENT = re.compile(r"(?m)^ {8,}((?:if \([^;{}]*\) |else )?)([^\s;{}][^;{}]*;)")
_KEPT = re.compile(
    r"(?:return|revert|throw|break|continue|for|while|assembly|unchecked)\b"
    r"|(?:u?int\d*|bool|address|bytes\d*|string|[A-Z][\w.]*)(?:\[\d*\])* (?:storage |memory |calldata )?\w+ ?(?:=|;)"
    r"|\((?:, ?)*(?:u?int\d*|bool|address|bytes\d*|[A-Z][\w.]*) (?:storage |memory )?\w+"
)
"""Statements that cannot be left out: declarations, and what ends a function."""
_EITHER_WAY = re.compile(r"(?:function \w+|returns |Math\.min|addmod|mulmod)\($")
"""Declarations, and what takes two arguments in either order."""


@dataclass(frozen=True, order=True)
class Mutant:
    """One change of one source of ours."""

    file: str
    start: int
    end: int
    put: str
    operator: str

    @property
    def decides(self) -> bool:
        """Whether it changes what is accepted, or money: guards, comparisons, arithmetic on stakes and fees."""
        money = self.file.startswith(("staking/", "inference/"))
        return self.operator in ("guard", "comparison") or (money and self.operator == "arithmetic")

    def applied(self, text: str) -> str:
        return text[: self.start] + self.put + text[self.end :]

    def place(self, text: str) -> tuple[str, str, str, str]:
        """File, function, the lines as they were and as they become: what survivors are known by."""
        name = "?"
        for found in _FUNCTION.finditer(_plain(text)):
            if found.start() <= self.start:
                name = found[1] or found[2] or found[3]
        first = text.rfind("\n", 0, self.start) + 1
        last = text.find("\n", self.end)
        was = " ".join(text[first:last].split())
        becomes = " ".join((text[first : self.start] + self.put + text[self.end : last]).split())
        return self.file, name, was, becomes


def _plain(text: str) -> str:
    """As long as the source, without comments and texts."""
    return _HIDDEN.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def _closing(text: str, opening: int) -> int:
    depth = 0
    for place in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return place
    raise ValueError("a parenthesis is not closed")


def mutants(file: str, text: str) -> Iterator[Mutant]:
    """All that the operators make of a source."""
    plain = _plain(text)
    body = plain.find("{", plain.find("\ncontract ") if "\ncontract " in plain else max(plain.find("\nlibrary "), 0))
    for found in re.finditer(r"\b(?:if|while) \(", plain):
        opening = found.end() - 1
        closing = _closing(plain, opening)
        guard = re.match(r"\)\s*\{?\s*revert\b", plain[closing:])
        for value in ("false",) if guard else ("true", "false"):
            yield Mutant(file, opening + 1, closing, value, "guard" if guard else "condition")
    for token, others in _TOKENS.items():
        for found in re.finditer(re.escape(token), plain[body:]):
            start = body + found.start()
            for other in others:
                kind = "comparison" if re.search(r"[<>&|]| [!=]= ", token) else "arithmetic"
                yield Mutant(file, start, start + len(token), other, kind)
    for found in re.finditer(r"(?<![\w)\]])(\+\+|--)(?=\w)", plain):
        yield Mutant(file, *found.span(), "--" if found[1] == "++" else "++", "arithmetic")
    for found in re.finditer(_MODIFIERS, plain):
        yield Mutant(file, *found.span(), "", "modifier")
    for found in _STATEMENT.finditer(plain):
        statement = found[2]
        if _KEPT.match(statement) or not re.search(r"=|\+\+|--|delete |\)$|\);", statement):
            continue
        yield Mutant(
            file, *found.span(2), "{}" if found[1] else "", "event" if statement.startswith("emit") else "statement"
        )
    for found in re.finditer(r"\bconstant \w+ =\s+([^;]+);", plain):
        value = text[slice(*found.span(1))]
        if '"' not in value:
            yield Mutant(file, *found.span(1), f"{value} + 1", "constant")
    for found in re.finditer(r"\b(true|false)\b", plain):
        yield Mutant(file, *found.span(), "false" if found[1] == "true" else "true", "constant")
    for found in re.finditer(r"(?<=\()([\w.]+(?:\([\w.]*\))?), ([\w.]+(?:\([\w.]*\))?)(?=[,)])", plain):
        called = plain[max(0, found.start() - 40) : found.start()]
        if found.start() > body and found[1] != found[2] and not _EITHER_WAY.search(called):
            yield Mutant(file, *found.span(), f"{found[2]}, {found[1]}", "arguments")
