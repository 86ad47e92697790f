"""The report of `make soundness` counts what was not stopped, and keeps nothing of a run that was not whole."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from soundness.report import Counts, Tally, gathered, markdown, text, totals, write


@pytest.fixture
def records():
    return []


@pytest.fixture
def counting(records):
    return Tally(records.append)


def test_counts_of_a_part_add_up_whichever_test_makes_them(counting, records):
    counting.attacks("PLONK: forged", tried=3, refused=3)
    counting.mutants("circuits: planted", tried=5, killed=4, explained=1)
    counting.attacks("PLONK: forged", tried=4, refused=4)
    parts = gathered(records)
    assert parts == {"PLONK: forged": Counts("attacks", 7, 7), "circuits: planted": Counts("mutants", 5, 4, 1)}
    assert totals(parts)["attacks refused"] == 7
    assert totals(parts)["mutants explained"] == 1


@pytest.mark.parametrize(
    ("kind", "counts", "message"),
    [
        ("attacks", {"tried": 2, "refused": 1}, "1 of 2 not refused"),
        ("faults", {"tried": 2, "survived": 0}, "2 of 2 not survived"),
        ("faults", {"tried": 2, "survived": 2, "losses": 1}, "1 of 2 not survived"),
        ("inputs", {"tried": 2, "handled": 1}, "1 of 2 not handled"),
        ("inputs", {"tried": 2, "handled": 2, "disagreements": 1}, "1 disagreements"),
        ("mutants", {"tried": 3, "killed": 1, "explained": 1}, "1 of 3 not killed"),
    ],
)
def test_what_is_not_stopped_is_counted_and_fails(counting, records, kind, counts, message):
    with pytest.raises(AssertionError, match=message):
        getattr(counting, kind)("area: part", **counts)
    assert totals(gathered(records))["losses"] + totals(gathered(records))["disagreements"] > 0


def test_nothing_tried_and_more_stopped_than_tried_are_mistakes_of_the_test(counting, records):
    for tried, refused in ((0, 0), (1, 2)):
        with pytest.raises(AssertionError):
            counting.attacks("area: part", tried=tried, refused=refused)
    assert records == []


def test_the_files_hold_what_the_table_shows(counting, records, tmp_path):
    counting.attacks("PLONK: forged", tried=12345, refused=12345)
    parts = gathered(records)
    write(parts, tmp_path)
    saved = json.loads((tmp_path / "soundness.json").read_text())
    assert {name: Counts(**fields) for name, fields in saved["parts"].items()} == parts
    assert "| PLONK: forged | attacks | 12,345 | 12,345 | 0 | 0 | 0 |" in markdown(parts)
    assert markdown(parts) in (tmp_path / "soundness.md").read_text()
    assert "12,345" in text(parts)


WHOLE = """
import pytest

@pytest.mark.parametrize("n", [1, 2])
def test_short(tally, amount, n):
    tally.attacks("area: both", tried=amount(n, 10 * n), refused=amount(n, 10 * n))

@pytest.mark.full
def test_long(tally):
    tally.inputs("area: long", tried=5, handled=5)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "counted", "reason"),
    [
        ((), {"area: both": 3}, "a quick run"),
        (("--soundness=full", "-k", "long"), {"area: long": 5}, "some tests were chosen"),
        (("--soundness=full", "-n", "2"), {"area: both": 30, "area: long": 5}, ""),
    ],
)
def test_a_run_counts_by_its_size_and_a_whole_one_is_kept(tmp_path, options, counted, reason):
    folder, kept = tmp_path / "tests" / "soundness", tmp_path / "bench" / "results"
    folder.mkdir(parents=True)
    kept.mkdir(parents=True)
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = tests\nmarkers = full\n")
    (folder / "test_whole.py").write_text(WHOLE)
    for name in ("conftest.py", "report.py"):
        shutil.copy(Path(__file__).with_name(name), folder)
    command = [sys.executable, "-m", "pytest", "--import-mode=importlib", *options, "tests/soundness"]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    for name, tried in counted.items():
        assert f"\n{name}  " in finished.stdout
        assert f" {tried} " in finished.stdout
    assert f"{reason or 'written to bench/results/soundness.md'}" in finished.stdout
    assert (kept / "soundness.md").is_file() == (not reason)
    if not reason:
        parts = json.loads((kept / "soundness.json").read_text())["parts"]
        assert {name: part["tried"] for name, part in parts.items()} == counted
