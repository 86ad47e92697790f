"""The report of `make soundness` counts what was not stopped, and keeps nothing of a run that was not whole."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from soundness.report import NUMBERS, ROOT, Counts, Tally, gathered, markdown, read, text, totals, write


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


@pytest.fixture
def root(tmp_path):
    """A checkout as far as a report is written into it."""
    (tmp_path / "bench" / "results").mkdir(parents=True)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "security.md").write_text("before\n<!-- numbers -->\nold\n<!-- end -->\nafter\n")
    return tmp_path


def test_files_and_page_hold_what_the_table_shows(counting, records, root):
    counting.attacks("PLONK: forged", tried=12345, refused=12345)
    parts = gathered(records)
    write(parts, {"no halmos": 2}, root)
    assert read(root) == parts
    assert "Left out: 2 tests, because: no halmos" in (root / "bench" / "results" / "soundness.md").read_text()
    assert "| PLONK: forged | attacks | 12,345 | 12,345 | 0 | 0 | 0 |" in markdown(parts)
    assert markdown(parts) in (root / "bench" / "results" / "soundness.md").read_text()
    page = (root / "docs" / "security.md").read_text()
    assert page == f"before\n<!-- numbers -->\n{markdown(parts)}\n<!-- end -->\nafter\n"
    assert "12,345" in text(parts)


def test_the_page_on_security_has_the_numbers_of_the_last_whole_run_and_says_what_each_shows():
    parts, page = read(), (ROOT / "docs" / "security.md").read_text()
    assert NUMBERS.search(page)[0] == markdown(parts)
    assert (totals(parts)["losses"], totals(parts)["disagreements"]) == (0, 0)
    explained = page.replace(markdown(parts), "")
    assert [name for name in parts if f"| {name} |" not in explained] == []


WHOLE = """
import pytest

@pytest.mark.parametrize("n", [1, 2])
def test_short(tally, amount, n):
    tally.attacks("area: both", tried=amount(n, 10 * n), refused=amount(n, 10 * n))

@pytest.mark.full
def test_long(tally):
    tally.inputs("area: long", tried=5, handled=5)

def test_elsewhere():
    pytest.skip("there is no such program")
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
def test_a_run_counts_by_its_size_and_a_whole_one_is_kept(root, options, counted, reason):
    folder, kept = root / "tests" / "soundness", root / "bench" / "results"
    folder.mkdir(parents=True)
    (root / "pytest.ini").write_text("[pytest]\npythonpath = tests\nmarkers = full\n")
    (folder / "test_whole.py").write_text(WHOLE)
    for name in ("conftest.py", "report.py"):
        shutil.copy(Path(__file__).with_name(name), folder)
    command = [sys.executable, "-m", "pytest", "--import-mode=importlib", *options, "tests/soundness"]
    finished = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    for name, tried in counted.items():
        assert f"\n{name}  " in finished.stdout
        assert f" {tried} " in finished.stdout
    assert (reason or "written: soundness.md") in finished.stdout
    assert (kept / "soundness.md").is_file() == (not reason)
    if not reason:
        assert {name: part.tried for name, part in read(root).items()} == counted
        assert "1 tests, because: there is no such program" in (kept / "soundness.md").read_text()
