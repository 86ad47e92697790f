"""Mutants of the contracts, tried against the contracts' own tests: each is noticed, or its survival is explained."""

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from soundness.contracts import mutation
from soundness.contracts.mutants import mutants

SCRIPT = Path(mutation.__file__)
SEED = int(os.environ.get("SOUNDNESS_SEED", date.today().toordinal()))
"""Another sample each day; the variable takes one of another day again."""


PARTS = 4
MINUTES = 4
"""Of each part: eight on two cores. How many mutants that is depends on the machine; the table says."""


@pytest.mark.full
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("part", range(1, PARTS + 1))
def test_mutants_of_the_contracts_are_noticed_by_their_tests(part, tally):
    command = [sys.executable, SCRIPT, "--mutants", "400", "--seed", str(SEED), "--minutes", str(MINUTES)]
    command += ["--part", f"{part}/{PARTS}"]
    finished = subprocess.run(command, capture_output=True, text=True, cwd=mutation.ROOT, check=False)
    outcomes = [json.loads(line) for line in finished.stdout.splitlines() if line.startswith("[")]
    assert outcomes, finished.stderr
    known = mutation.explained()
    counts = Counter(
        "explained" if verdict == "survived" and tuple(place) in known else verdict
        for verdict, _, *place, _, _ in outcomes
    )
    print(f"seed {SEED}: {dict(counts)}")
    assert not finished.returncode, finished.stdout + finished.stderr
    tried = counts["killed"] + counts["explained"] + counts["survived"]
    tally.mutants("contracts: mutants", tried=tried, killed=counts["killed"], explained=counts["explained"])


@pytest.mark.slow
@pytest.mark.parametrize("file", sorted(mutation.TESTS))
def test_every_contract_has_mutants_that_change_it_and_survivors_are_of_them(file):
    text = (mutation.ROOT / "verifier" / file).read_text()
    found = set(mutants(file, text))
    assert found
    assert all(mutant.applied(text) != text for mutant in found)
    places = {mutant.place(text) for mutant in found}
    assert {place for place in mutation.explained() if place[0] == file} <= places


def test_every_contract_of_ours_has_its_tests():
    folder = mutation.ROOT / "verifier"
    rooms = ("staking", "inference", "registry", "rounds", "proofs")
    ours = {path.relative_to(folder).as_posix() for room in rooms for path in (folder / room).glob("*.sol")}
    assert set(mutation.TESTS) == ours
