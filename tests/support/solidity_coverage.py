"""Line and branch coverage of the contracts while pytest talks to anvil: `pytest tests/verifier --solidity-coverage`.

Each statement and each outcome of each condition gets a marker in a copy of the source: a call of the console address,
which changes nothing, is allowed in view functions, and is printed by anvil for whatever executes it: transactions,
calls and estimates, whether they revert or not. The optimiser keeps calls, so the contracts are compiled as always.

A line is one on which a statement (or an empty body) begins. A branch is one outcome, true or false, of a condition
of `if`, a loop, `?:`, `require` or `assert`; where && and || connect conditions, each of them has its own two.
An estimate counts only where it fails: one that succeeds repeats the execution with too little gas, which reaches
errors that no caller reaches, and its transaction follows anyway.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass

from twopm_zk.chain import compiler, contracts, development_node

FIRST = 10**15
"""Added to the numbers of markers, so that nothing else that anvil prints is taken for one."""
NOT_MEASURED = ("generated", "doubles", "interfaces")
METHOD, FAILED = re.compile(r"[a-z0-9]+_\w+"), "RPC request failed"
MARKERS = """
function _mark(uint256 id) view {
    assembly ("memory-safe") {
        mstore(0, shl(224, 0xf82c50f1)) // log(uint256)
        mstore(4, id)
        pop(staticcall(gas(), 0x000000000000000000636F6e736F6c652e6c6f67, 0, 36, 0, 0))
    }
}
function cover_(uint256 id) pure {
    function(uint256) view viewing = _mark;
    function(uint256) pure marking;
    assembly ("memory-safe") { marking := viewing }
    marking(id);
}
function cover_(bool condition, uint256 id) pure returns (bool) { cover_(condition ? id : id + 1); return condition; }
"""


@dataclass(frozen=True)
class Point:
    """A statement, or one outcome of a condition."""

    unit: str
    line: int
    outcome: bool | None = None
    text: str = ""


class _Source:
    """One source and the markers that go into it: pieces of it between a prefix and a suffix, properly nested."""

    def __init__(self, unit, text, ast, points, first):
        self.unit, self.text, self.points, self.first = unit, text.encode(), points, first
        self.wraps = {}
        self._visit(ast)

    @property
    def instrumented(self):
        """The source with markers; every line keeps its number."""
        insertions = []
        for (start, end), (prefix, suffix) in self.wraps.items():
            insertions += [(end, 0, -start, suffix), (start, 1, -end, prefix)]  # what ends before what begins
        result, last = b"", 0
        for position, *_, inserted in sorted(insertions):
            result += self.text[last:position] + inserted.encode()
            last = position
        return (result + self.text[last:]).decode() + MARKERS

    def _visit(self, tree):
        if isinstance(tree, list):
            for item in tree:
                self._visit(item)
        if not isinstance(tree, dict):
            return
        match tree.get("nodeType"):
            case "Block" | "UncheckedBlock":
                for statement in tree["statements"]:
                    self._mark(statement)
            case "FunctionDefinition" if tree.get("body") and not tree["body"]["statements"]:
                start, end = _span(tree["body"])
                self.wraps[end - 1, end - 1] = f"cover_({self._point(start)});", ""
            case "IfStatement" | "ForStatement" | "WhileStatement" | "DoWhileStatement" | "Conditional":
                for name in ("trueBody", "falseBody", "body"):
                    if tree.get(name) and not tree[name]["nodeType"].endswith("Block"):
                        self._mark(tree[name], "{", "}")
                if tree["condition"]:
                    self._watch(tree["condition"])
            case "FunctionCall" if tree["expression"].get("name") in ("require", "assert"):
                self._watch(tree["arguments"][0])
            case "BinaryOperation" if tree["operator"] in ("&&", "||"):
                self._watch(tree)
        for child in tree.values():
            self._visit(child)

    def _point(self, start, **about):
        number = self.first + len(self.points)
        self.points[number] = Point(self.unit, self.text.count(b"\n", 0, start) + 1, **about)
        return number

    def _mark(self, statement, opening="", closing=""):
        if not statement["nodeType"].endswith("Block"):
            start, end = _span(statement)[0], self._end(statement)
            self.wraps[start, end] = f"{opening}cover_({self._point(start)});", closing

    def _watch(self, condition):
        """Mark both outcomes of each condition that && and || connect."""
        inner = _without_parentheses(condition)
        if inner["nodeType"] == "UnaryOperation" and _is_connected(_without_parentheses(inner["subExpression"])):
            self._watch(inner["subExpression"])
        elif _is_connected(inner):
            self._watch(inner["leftExpression"])
            self._watch(inner["rightExpression"])
        elif (span := _span(inner)) not in self.wraps:
            text = " ".join(self.text[slice(*span)].decode().split())
            yes, _ = (self._point(span[0], outcome=outcome, text=text) for outcome in (True, False))
            self.wraps[span] = "cover_(", f", {yes})"

    def _end(self, statement):
        """Behind the semicolon, which is no part of most statements' places."""
        last = statement.get("falseBody") or statement.get("trueBody") or statement.get("body")
        if last:
            return self._end(last)
        end = _span(statement)[1]
        return end if self.text[end - 1 : end] in (b"}", b";") else self.text.index(b";", end) + 1


def _span(tree):
    start, length, _ = map(int, tree["src"].split(":"))
    return start, start + length


def _without_parentheses(expression):
    while expression["nodeType"] == "TupleExpression" and len(expression["components"]) == 1:
        expression = expression["components"][0]
    return expression


def _is_connected(expression):
    return expression["nodeType"] == "BinaryOperation" and expression["operator"] in ("&&", "||")


def instrument(sources, *, first=FIRST):
    """Sources by unit, with whatever they import, to marked sources and the points of the markers by their numbers."""
    request = {
        "language": "Solidity",
        "sources": {unit: {"content": text} for unit, text in sources.items()},
        "settings": {"outputSelection": {"*": {"": ["ast"]}}},
    }
    answer = json.loads(*compiler._solc(json.dumps(request)))
    points, marked = {}, dict(sources)
    for unit, text in sources.items():
        if unit.startswith("verifier/") and unit.split("/")[1] not in NOT_MEASURED:
            marked[unit] = _Source(unit, text, answer["sources"][unit]["ast"], points, first).instrumented
    return marked, points


def executed(log):
    """How often each marker was executed, from what anvil printed."""
    counts, waiting, estimate = Counter(), [], False
    for line in log.splitlines():
        if line.isdecimal() and len(line) == len(str(FIRST)):
            waiting.append(int(line))
        elif METHOD.fullmatch(line) or line.startswith(FAILED):
            if not estimate or line.startswith(FAILED):
                counts.update(waiting)
            waiting, estimate = [], line == "eth_estimateGas"
    if not estimate:
        counts.update(waiting)
    return counts


class SolidityCoverage:
    """The pytest plugin: marks what is compiled, reads what nodes print, reports at the end."""

    def __init__(self, file=None):
        self.file = file
        self.counts = Counter()
        units = [unit for unit in compiler._units().values() if unit.startswith("verifier/")]
        sources = {}
        for unit in units:
            sources |= compiler._closure(unit)
        self.marked, self.points = instrument(sources)
        read, close = compiler._read_unit, development_node.DevelopmentNode.close

        def read_marked(unit):
            return self.marked[unit] if unit in self.marked else read(unit)

        def read_log_and_close(running):
            if running._process is not None:
                self.counts += executed(running.log.read_text(errors="replace"))
            close(running)

        compiler._read_unit = read_marked
        compiler.MAX_CODE_SIZE = contracts.MAX_CODE_SIZE = 10**9
        development_node.DevelopmentNode.close = read_log_and_close
        development_node._WATCHED = development_node._WATCHED.replace('"$@"', '"$@" --disable-code-size-limit')

    def pytest_sessionfinish(self, session):
        missed = any(found["missedLines"] + found["missedBranches"] for found in self.result.values())
        if self.file and missed and session.exitstatus == 0:
            session.exitstatus = 1  # what is written down as covered stays covered

    @property
    def result(self):
        return report(self.points, self.counts)

    def pytest_terminal_summary(self, terminalreporter):
        terminalreporter.section("Solidity coverage")
        terminalreporter.write_line(table(self.result))
        if self.file:
            self.file.write_text(json.dumps(self.result, indent=2) + "\n")


def report(points, counts):
    """Per unit: lines and branches, hit and in all, and where those are that were not hit."""
    result = {}
    for unit in sorted({point.unit for point in points.values()}):
        lines, branches, missed = {}, {True: 0, False: 0}, []
        for number, point in sorted(points.items(), key=lambda item: item[1].line):
            if point.unit == unit and point.outcome is None:
                lines[point.line] = lines.get(point.line, True) and counts[number] > 0
            elif point.unit == unit:
                branches[counts[number] > 0] += 1
                if not counts[number]:
                    missed.append(f"{unit}:{point.line} {point.text} is never {str(point.outcome).lower()}")
        result[unit] = {
            "lines": len(lines),
            "linesHit": sum(lines.values()),
            "branches": sum(branches.values()),
            "branchesHit": branches[True],
            "missedLines": [f"{unit}:{line}" for line, hit in lines.items() if not hit],
            "missedBranches": missed,
        }
    return result


def table(result):
    rows = [f"{'':42}{'lines':>9}{'branches':>12}"]
    total = Counter()
    for unit, found in result.items():
        total.update({key: value for key, value in found.items() if isinstance(value, int)})
        rows.append(_row(unit, found))
    rows.append(_row("all", total))
    missed = [text for found in result.values() for text in found["missedLines"] + found["missedBranches"]]
    return "\n".join(rows + (["", "not covered:", *missed] if missed else []))


def _row(name, found):
    lines = f"{found['linesHit']}/{found['lines']}"
    branches = f"{found['branchesHit']}/{found['branches']}"
    return f"{name:42}{lines:>9}{branches:>12}"
