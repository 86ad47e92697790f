"""Statements about all inputs of the checks that everything rests on (Checks.t.sol), by symbolic execution with halmos.

halmos (https://github.com/a16z/halmos) is not installed with the project: where there is none on PATH this is said
and left out, and the same checks are tested with values at their edges in tests/verifier. It reads what forge has
built, and calls forge for that: what it reads comes from the project's own compiler here, and forge does nothing.
"""

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from twopm_zk.chain import compiler
from twopm_zk.system import programs

SOURCE = Path(__file__).with_name("Checks.t.sol")
UNIT = "symbolic/Checks.t.sol"
SAID = re.compile(r"\[(PASS|FAIL|TIMEOUT|ERROR)\]\S* (check_\w+)")
PROOFS, ROUNDS = "verifier/proofs", "verifier/rounds"
FAULTS = [
    (f"{PROOFS}/ProofCheck.sol", "requireFieldElement(publicInputs[2]);", "", "proofs_are_taken"),
    (f"{PROOFS}/ProofCheck.sol", "value >= FIELD_ORDER", "value > FIELD_ORDER", "field_elements_are"),
    (f"{PROOFS}/BabyJubjub.sol", "p.x >= FIELD_ORDER || ", "", "points_are_in_reduced"),
    (f"{PROOFS}/BabyJubjub.sol", "1 << 252", "1 << 253", "one_of_two_points"),
    (f"{PROOFS}/BabyJubjub.sol", "p.x == 0 || p.y == 0", "p.x == 0", "points_on_the_axes"),
    ("verifier/registry/DataHub.sol", " || commitment >= FIELD_ORDER", "", "commitments_are"),
    (f"{ROUNDS}/PublicHash.sol", "uint256(int256(weights[i]) + 2 ** 31)", "uint256(uint32(weights[i]))", "weights_are"),
    (f"{ROUNDS}/Phases.sol", "| attempt) + 1", "| attempt) + 0", "keys_of_attempts"),
    (f"{ROUNDS}/Graph.sol", "Math.min(apart, 0 - apart)", "apart", "neighbours_are"),
]
"""Source, what it has, what a fault makes of it, and the check that has to notice."""

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def halmos():
    found = shutil.which("halmos")
    if found is None:
        pytest.skip("halmos is not on PATH: pip install halmos into an environment of its own")
    return found


def built(folder, changes=()):
    """What forge would have left in ``folder/out``; ``changes`` are (unit, before, after)."""
    sources = compiler._closure(UNIT, SOURCE.read_text())
    for unit, before, after in changes:
        assert before in sources[unit], f"{unit} has no {before}"
        sources[unit] = sources[unit].replace(before, after)
    wanted = {"*": ["abi", "metadata", "evm.bytecode", "evm.deployedBytecode", "evm.methodIdentifiers"], "": ["ast"]}
    request = {
        "language": "Solidity",
        "sources": {unit: {"content": text} for unit, text in sources.items()},
        "settings": {**compiler.SETTINGS, "outputSelection": {"*": wanted}},
    }
    answer = json.loads(*compiler._solc(json.dumps(request)))
    assert not [error for error in answer.get("errors", []) if error["severity"] == "error"], answer["errors"]
    for unit, contracts in answer["contracts"].items():
        for name, contract in contracts.items():
            code = {kind: {**contract["evm"][kind]} for kind in ("bytecode", "deployedBytecode")}
            for part in code.values():
                part["object"] = "0x" + part["object"]
            place = folder / "out" / Path(unit).name / f"{name}.json"
            place.parent.mkdir(parents=True, exist_ok=True)
            metadata = json.loads(contract["metadata"] or '{"compiler": {"version": "0.8.37"}}')
            rest = {"methodIdentifiers": contract["evm"]["methodIdentifiers"], "metadata": metadata, "id": 0}
            place.write_text(
                json.dumps({"abi": contract["abi"], **code, **rest, "ast": answer["sources"][unit]["ast"]})
            )
    (folder / "foundry.toml").write_text("[profile.default]\n")
    forge = folder / "bin" / "forge"
    forge.parent.mkdir()
    forge.write_text("#!/bin/sh\nexit 0\n")
    forge.chmod(0o755)
    return folder


def verdicts(halmos, folder, function="check_", *, seconds=120):
    """What halmos says of each check: PASS, FAIL, or that it found nothing out."""
    command = ["env", f"PATH={folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "NO_COLOR=1", halmos]
    command += [
        "--root",
        folder,
        "--contract",
        "Checks",
        "--function",
        function,
        "--loop",
        "9",
        "--solver-timeout-assertion",
        f"{seconds}s",
        "--no-status",
    ]
    finished = programs.run(command, timeout=1200, cwd=folder)
    found = {name: verdict for verdict, name in SAID.findall(finished.output)}
    assert found, finished.output
    return found


def test_checks_of_field_curve_and_acceptance_hold_for_all_inputs(halmos, tmp_path, tally):
    expected = re.findall(r"function (check_\w+)", SOURCE.read_text())
    found = verdicts(halmos, built(tmp_path))
    assert found == dict.fromkeys(expected, "PASS")
    tally.attacks("contracts: checks for all inputs, by halmos", tried=len(found), refused=len(found))


def test_halmos_notices_each_check_that_is_left_out(halmos, tmp_path, tally):
    for number, (unit, before, after, check) in enumerate(FAULTS):
        folder = tmp_path / str(number)
        folder.mkdir()
        found = verdicts(halmos, built(folder, [(unit, before, after)]), f"check_{check}", seconds=20)
        assert "PASS" not in found.values(), f"{unit}: {before} -> {after}: {found}"
    tally.mutants("contracts: faults that halmos has to find", tried=len(FAULTS), killed=len(FAULTS))
