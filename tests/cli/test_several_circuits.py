"""Several circuits at once, and what long steps say where there is no terminal."""

import json
import re
import shutil
import time
from pathlib import Path

import pytest

from twopm_zk.cli import output
from twopm_zk.cli.output import Steps

CIRCUITS = Path(__file__).parents[1] / "circuits"
BOTH = CIRCUITS / "multiplier.circom", CIRCUITS / "three.circom"


@pytest.mark.circuit
def test_several_circuits_are_a_table_or_a_list(call):
    code, printed, _ = call("compile", *BOTH)
    assert code == 0
    assert re.search(r"multiplier.*\n.*three", printed)
    code, printed, _ = call("compile", *BOTH, "--json")
    assert [row["circuit"] for row in json.loads(printed)["circuits"]] == ["multiplier", "three"]


def test_two_circuits_of_one_name_are_not_left_in_one_folder(call, tmp_path):
    other = tmp_path / "other" / "three.circom"
    other.parent.mkdir()
    shutil.copy(BOTH[1], other)
    code, _, err = call("compile", BOTH[1], other, "--out", tmp_path / "out")
    assert code == 3
    assert "Compile each with an --out of its own" in err
    assert not (tmp_path / "out").exists()


def test_a_long_step_tells_of_itself_where_there_is_no_terminal(monkeypatch, capsys):
    monkeypatch.setattr(output, "_PAUSE", 0.05)
    steps = Steps(quiet=False)
    with steps.step("a long step") as progress:
        time.sleep(0.2)
        progress("half of it is done")
        time.sleep(0.2)
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "a long step"
    assert "a long step: half of it is done" in said
    assert said[-1].startswith("✓ a long step ")
