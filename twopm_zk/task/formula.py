"""A formula, as statisticians write it, taken apart into products of named columns.

``y ~ age + ward + age:ward + I(age**2)``: formulaic reads the operators ``+``, ``:``, ``*`` and brackets. Nothing in a
formula is ever evaluated: what is neither a name nor a whole power of one is refused before formulaic sees it, and so
is all that would need the data to know its columns.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from twopm_zk.errors import SpecError
from twopm_zk.task.columns import MAX_POWER, same_name

MAX_LENGTH = 10_000
MAX_CROSSINGS = 3
"""Most times that one summand crosses what it holds, by ``*`` or brackets: more multiply into too many terms."""
MAX_NAMES = 300
_OPERATORS = {"~", "+", ":", "*"}
_POWERS = {"**", "^"}
_POWER = re.compile(r"I\(\s*(?P<name>[^\W\d][\w.]*|`[^`]+`)\s*(?:\*\*|\^)\s*(?P<power>[0-9]{1,3})\s*\)")
_ALLOWED = "A formula takes names, `+`, `:`, `*`, brackets, and whole powers such as I(age**2)."
_NEEDS_DATA = {
    **dict.fromkeys(("scale", "center", "standardize"), "its constants would come from the rows"),
    **dict.fromkeys(("poly", "bs", "cs", "cr", "cc", "te"), "its columns would be made from the rows"),
    "C": "its levels would come from the rows",
}
_INSTEAD = {
    **dict.fromkeys(("scale", "center", "standardize"), "Give the column's own `centre` and `scale`."),
    **dict.fromkeys(("poly", "bs", "cs", "cr", "cc", "te"), "Write powers: age + I(age**2)."),
    "C": "List the `categories` of the column in `features`, and name it alone.",
    **dict.fromkeys(("log", "log1p", "log10", "np"), 'Give the column `transform = "log1p"` in `features`.'),
    "offset": "A coefficient fixed at 1 would need a column of its own in every circuit.",
}


@dataclass(frozen=True)
class Formula:
    """The label's name, where the formula has one, and its terms: each maps names to powers, in no order."""

    label: str | None
    terms: tuple[dict[str, int], ...]


def parse_formula(text: str) -> Formula:
    """Take a formula apart. Raises SpecError for anything that is more than sums and products of named columns."""
    text = same_name(text)
    if len(text) > MAX_LENGTH:
        raise SpecError(f"`formula` has {len(text)} characters; allowed: {MAX_LENGTH}")
    from formulaic.errors import FormulaicError
    from formulaic.parser import DefaultFormulaParser
    from formulaic.parser.algos.tokenize import tokenize

    try:
        plain, powers = _plain(list(tokenize(text)))
        parsed: Any = DefaultFormulaParser().get_terms(plain)
    except SpecError:
        raise
    except (FormulaicError, SyntaxError, ValueError, RecursionError, AttributeError):
        raise SpecError("`formula` cannot be read", hint=_ALLOWED) from None
    left, right = getattr(parsed, "lhs", None), getattr(parsed, "rhs", parsed)
    try:
        terms = [_term(term, powers) for term in right]
        label = None if left is None else [_term(term, powers) for term in left]
    except (AttributeError, TypeError):
        raise SpecError("`formula` has more than one part on a side", hint=_ALLOWED) from None
    if label is not None and (len(label) != 1 or list(label[0].values()) != [1]):
        raise SpecError("`formula` has no single name on the left of `~`")
    named = tuple(term for term in terms if term)
    if not named:
        raise SpecError("`formula` names no column")
    return Formula(None if label is None else next(iter(label[0])), named)


def _plain(tokens: list[Any]) -> tuple[str, dict[str, tuple[str, int]]]:
    """The formula with every power as a quoted name, and what these names stand for."""
    powers: dict[str, tuple[str, int]] = {}
    parts: list[str] = []
    _check_size([(token.kind.value, str(token.token)) for token in tokens])
    at = 0
    while at < len(tokens):
        kind, word = tokens[at].kind.value, str(tokens[at].token)
        power = [str(token.token) for token in tokens[at + 1 : at + 3]]
        if kind == "name" and len(power) == 2 and power[0] in _POWERS:
            parts.append(_power(same_name(word), power[1], powers))
            at += 3
            continue
        if kind == "name":
            parts.append(_quoted(same_name(word)))
        elif kind == "python" and (found := _POWER.fullmatch(word)):
            parts.append(_power(same_name(found["name"].strip("`")), found["power"], powers))
        elif word in {"operator": _OPERATORS, "context": {"(", ")"}, "value": {"1"}}.get(kind, ()):
            parts.append(word)
        else:
            raise _refused(kind, word)
        at += 1
    return " ".join(parts), powers


def _check_size(tokens: list[tuple[str, str]]) -> None:
    if sum(kind in ("name", "python") for kind, _ in tokens) > MAX_NAMES:
        raise SpecError(f"`formula` has more than {MAX_NAMES} names")
    depth = crossings = 0
    for at, (_, word) in enumerate(tokens):
        depth += {"(": 1, ")": -1}.get(word, 0)
        beside = {other for _, other in tokens[max(at - 1, 0) : at + 2]}
        crossings += word == "*" or (word == ":" and bool(beside & {"(", ")"}))
        if word == "+" and depth == 0:
            crossings = 0
        if crossings > MAX_CROSSINGS:
            raise SpecError(
                f"`formula` crosses more than {MAX_CROSSINGS + 1} columns or sums in one place",
                hint="Write the products that are meant one by one: a + b + a:b.",
            )


def _power(name: str, power: str, powers: dict[str, tuple[str, int]]) -> str:
    if not power.isascii() or not power.isdecimal() or not 1 <= int(power) <= MAX_POWER:
        raise SpecError(f"`formula`: a power of {name!r} is no whole number from 1 to {MAX_POWER}")
    word = f"{name}**{int(power)}\x1f"  # no name of a column can be that
    powers[word] = name, int(power)
    return _quoted(word)


def _quoted(name: str) -> str:
    return f"`{name}`"


def _refused(kind: str, word: str) -> SpecError:
    if word == "0" or (kind == "operator" and "-" in word):
        return SpecError(
            "`formula` takes something away; there is always an intercept, and terms are only added", hint=_ALLOWED
        )
    if kind == "python":
        called = re.match(r"\w+", word)
        name = called.group() if called else ""
        why = _NEEDS_DATA.get(name, "nothing in a formula is evaluated")
        return SpecError(f"`formula`: {word[:60]!r} is refused: {why}", hint=_INSTEAD.get(name, _ALLOWED))
    return SpecError(f"`formula`: {word[:60]!r} is refused", hint=_ALLOWED)


def _term(term: Any, powers: dict[str, tuple[str, int]]) -> dict[str, int]:
    """Names with powers; empty for the intercept."""
    found: Counter[str] = Counter()
    for factor in term.factors:
        if factor.eval_method.value == "literal":
            continue
        name, power = powers.get(factor.expr, (factor.expr, 1))
        found[name] += power
    if any(power > MAX_POWER for power in found.values()):
        raise SpecError(f"`formula` has a power above {MAX_POWER}")
    return dict(found)
