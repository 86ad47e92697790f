"""Analyse our contracts with slither, and hold its findings against the reviewed ones in tools/slither.json.

A finding that is not in that file, one of the file that is no longer found, and a detector without its row in
docs/contracts.md (which says why its findings stay) all fail. `--accept` writes the file anew, for review.

slither needs web3 7 and has an environment of its own (`make` sets it up from requirements-slither.lock). It asks a
program called solc for one answer, and gets the answer of npm's solc: syntax trees without code, which none of its
detectors reads.

Run: python tools/lint_contracts.py (part of `make check`).
"""

from __future__ import annotations

import json
import re
import shlex
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from twopm_zk.chain import compiler
from twopm_zk.system import programs

ROOT = Path(__file__).parents[1]
SLITHER = ROOT / ".venv-slither" / "bin" / "slither"
KNOWN = ROOT / "tools" / "slither.json"
TABLE = ROOT / "docs" / "contracts.md"
EXCLUDED = "naming-convention"  # solhint's business, which knows that immutables are written like constants
POSEIDON = re.compile(r"poseidon-solidity/(Poseidon(T\d)).sol")
EVERY_TYPE = "using ShortStrings for *;"
EACH_TYPE = "using ShortStrings for string; using ShortStrings for ShortString;"
"""As OpenZeppelin's EIP712 says it, and in words that slither follows."""
PLACE = re.compile(r" \([^()]*#\d+(?:-\d+)?\)")
LISTS = re.compile("Calls stack|State variables written after")
"""What follows is as long as the contract, and in another order each time."""


def sources() -> dict[str, str]:
    """Our contracts without doubles and generated ones, and what they import.

    poseidon-solidity's thousands of lines of assembly, which slither takes a minute for, are left empty. EIP712 says in
    other words what slither would leave the rest of a contract out for.
    """
    found: dict[str, str] = {}
    for unit in compiler._units().values():
        if unit.startswith("verifier/") and not unit.startswith("verifier/doubles/"):
            found |= compiler._closure(unit)
    for unit in found:
        if name := POSEIDON.fullmatch(unit):
            count = int(name[2][1:]) - 1
            function = f"function hash(uint256[{count}] memory) public pure returns (uint256) {{}}"
            found[unit] = f"pragma solidity >=0.8.0; library {name[1]} {{ {function} }}"
        elif unit.endswith("/EIP712.sol"):
            found[unit] = _in_other_words(found[unit])
    return found


def _in_other_words(text: str) -> str:
    """As long as it was, at the cost of its first comment: slither looks places up in the file itself."""
    longer = text.replace(EVERY_TYPE, EACH_TYPE)
    start = longer.index("/**") + len("/**")
    return longer[:start] + longer[start + len(longer) - len(text) :]


def compiled(units: Mapping[str, str]) -> tuple[str, str]:
    """Standard JSON for solc, and its answer with empty code."""
    selection = {"*": {"*": ["abi"], "": ["ast"]}}
    request = json.dumps(
        {
            "language": "Solidity",
            "sources": {unit: {"content": text} for unit, text in units.items()},
            "settings": {**compiler.SETTINGS, "outputSelection": selection},
        }
    )
    answer = json.loads(*compiler._solc(request))
    if errors := [error for error in answer.get("errors", []) if error["severity"] == "error"]:
        sys.exit("\n".join(error["formattedMessage"] for error in errors))
    empty = {"object": "", "sourceMap": ""}
    for contracts in answer["contracts"].values():
        for contract in contracts.values():
            contract["evm"] = {"bytecode": empty, "deployedBytecode": empty}
    return request, json.dumps(answer)


def findings(units: Mapping[str, str]) -> dict[str, list[str]]:
    """Findings by detector: their words without the numbers of lines and the lists behind them."""
    request, answer = compiled(units)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "request.json").write_text(request)
        (folder / "answer.json").write_text(answer)
        solc = folder / "solc"
        version = f"Version: {compiler.SOLC_VERSION}"
        solc.write_text(
            f'#!/bin/sh\nif [ "$1" = --version ]; then echo {shlex.quote(version)}; exit; fi\n'
            f"cat > /dev/null; cat {shlex.quote(str(folder / 'answer.json'))}\n"
        )
        solc.chmod(0o755)
        command = [SLITHER, folder / "request.json", "--compile-force-framework", "solc-json", "--solc", solc]
        command += ["--filter-paths", "node_modules", "--exclude", EXCLUDED, "--json", folder / "found.json"]
        finished = programs.run(command, timeout=570, cwd=ROOT)
        report = json.loads((folder / "found.json").read_text()) if (folder / "found.json").is_file() else {}
    if not report.get("success"):
        sys.exit(f"slither did not analyse the contracts:\n{finished.output}")
    found: dict[str, set[str]] = {}
    for result in report["results"].get("detectors", []):
        head, *calls = LISTS.split(PLACE.sub("", result["description"]))[0].splitlines()
        lines = [head, *sorted(calls)]  # in another order each time
        found.setdefault(result["check"], set()).add(" ".join(" ".join(lines).split()))
    return {check: sorted(texts) for check, texts in sorted(found.items())}


def complaints(found: Mapping[str, list[str]], known: Mapping[str, list[str]], table: str) -> list[str]:
    """What is new, what is gone, what has no reason."""
    new = [f"new, {check}: {text}" for check in found for text in found[check] if text not in known.get(check, [])]
    gone = [f"gone, {check}: {text}" for check in known for text in known[check] if text not in found.get(check, [])]
    missing = [f"{check} has no row in {TABLE.name}" for check in found if f"| `{check}` |" not in table]
    return new + gone + missing


def main() -> None:
    found = findings(sources())
    if "--accept" in sys.argv[1:]:
        KNOWN.write_text(json.dumps(found, indent=2) + "\n")
    known = json.loads(KNOWN.read_text())
    for complaint in (wrong := complaints(found, known, TABLE.read_text())):
        print(complaint)
    if wrong:
        sys.exit("tools/lint_contracts.py --accept takes over what slither finds, once the reasons are in the table")
    print(f"slither: {sum(map(len, found.values()))} findings, all reviewed")


if __name__ == "__main__":
    main()
