"""Two processes on one state: however they are started, one has it, and the others are told so."""

import json
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PART = "faults: processes started at once on one state"
SCRIPT = Path(__file__).with_name("racers.py")


def test_of_processes_that_start_at_once_one_has_the_state_and_the_others_are_told(forks, tmp_path, tally, amount):
    times, each = amount(10, 400), 4
    run = [*forks.command, "--script", str(SCRIPT), str(tmp_path / "node.db"), str(times), str(each)]
    said = json.loads(subprocess.run(run, capture_output=True, text=True, timeout=500, check=True).stdout)
    survived = 0
    for ends in said["races"]:
        refused = [end for end in ends if "is in use by another process" in end]
        survived += ends.count("held") == 1 and len(refused) == each - 1
    assert said["keys"] == 1  # drawn once, whoever had it
    tally.faults(PART, tried=times, survived=survived)
