"""The report of `make soundness` counts what was not stopped, and keeps nothing of a file that did not pass whole."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from soundness.report import NUMBERS, ROOT, Counts, Kept, Tally, gathered, read, summed, tables, text, totals, write


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


FOLDER = "tests/soundness"
ONE, TWO = f"{FOLDER}/test_one.py", f"{FOLDER}/test_two.py"


@pytest.fixture
def folder(root):
    """The root's tests, two files of which count."""
    folder = root / "tests" / "soundness"
    folder.mkdir(parents=True)
    for name in ("test_one.py", "test_two.py"):
        (folder / name).write_text("def test_all(amount, tally):\n    pass\n")
    return folder


def counted(tried, **left_out):
    return Kept("2026-01-02", {"PLONK: forged": Counts("attacks", tried, tried)}, left_out)


def test_files_and_page_hold_what_the_table_shows(folder, root):
    one, two = counted(12000, halmos=2), counted(345)
    write({ONE: one}, root)
    page, results = root / "docs" / "security.md", root / "bench" / "results" / "soundness.md"
    assert f"No whole run was kept yet of `{TWO}`." in page.read_text()
    write({TWO: two}, root)
    kept = read(root)
    assert kept == {ONE: one, TWO: two}
    table = tables(kept, root)
    assert "| PLONK: forged | attacks | 12,345 | 12,345 | 0 | 0 | 0 |" in table
    assert "No whole run" not in table
    assert page.read_text() == f"before\n<!-- numbers -->\n{table}\n<!-- end -->\nafter\n"
    assert table in results.read_text()
    assert f"Left out of {ONE}: 2 tests, because: halmos" in results.read_text()
    assert f"| {TWO} | 2026-01-02 |" in results.read_text()
    assert "12,345" in text(summed(kept))


def test_a_file_counts_once_by_its_last_run_and_no_more_when_it_is_gone(folder, root):
    write({ONE: counted(5), TWO: counted(6)}, root)
    write({ONE: counted(7)}, root)
    assert totals(summed(read(root)))["attacks tried"] == 13
    (folder / "test_two.py").unlink()
    write({}, root)
    assert totals(summed(read(root)))["attacks tried"] == 7


def test_the_page_on_security_has_the_numbers_of_the_last_whole_runs_and_says_what_each_shows():
    kept, page = read(), (ROOT / "docs" / "security.md").read_text()
    parts = summed(kept)
    assert NUMBERS.search(page)[0] == tables(kept)
    assert (totals(parts)["losses"], totals(parts)["disagreements"]) == (0, 0)
    explained = page.replace(tables(kept), "")
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
LOSING = """
def test_losing(tally):
    tally.faults("area: both kinds", tried=3, survived=3)

def test_lost():
    assert False
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "counted", "reason"),
    [
        (("tests/soundness",), {"area: both": 3}, "a quick run"),
        (("--soundness=full", "-k", "long", "tests/soundness"), {"area: long": 5}, "some tests were chosen"),
        (("--soundness=full", f"{FOLDER}/test_whole.py::test_long"), {"area: long": 5}, "some tests were chosen"),
        (("--soundness=full", "-x", "tests/soundness"), {"area: both kinds": 3}, "the run was stopped"),
        (("--soundness=full", "-n", "2", "tests/soundness"), {"area: both": 30, "area: long": 5}, ""),
        (("--soundness=full", f"{FOLDER}/test_whole.py"), {"area: both": 30, "area: long": 5}, ""),
    ],
)
def test_a_run_counts_by_its_size_and_whole_files_are_kept(root, options, counted, reason):
    folder, kept = root / "tests" / "soundness", root / "bench" / "results"
    folder.mkdir(parents=True)
    (root / "pytest.ini").write_text("[pytest]\npythonpath = tests\nmarkers = full\n")
    (folder / "test_whole.py").write_text(WHOLE)
    (folder / "test_losing.py").write_text(LOSING)
    for name in ("conftest.py", "report.py"):
        shutil.copy(Path(__file__).with_name(name), folder)
    command = [sys.executable, "-m", "pytest", "--import-mode=importlib", *options]
    finished = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120)
    said = finished.stdout + finished.stderr
    for name, tried in counted.items():
        assert f"\n{name}  " in said
        assert f" {tried} " in said
    assert (reason or "written: soundness.md") in said
    assert (kept / "soundness.md").is_file() == (not reason)
    if not reason:
        assert list(read(root)) == [f"{FOLDER}/test_whole.py"]
        assert {name: part.tried for name, part in summed(read(root)).items()} == counted
        assert (f"since tests failed: {FOLDER}/test_losing.py" in said) == ("-n" in options)
        assert "1 tests, because: there is no such program" in (kept / "soundness.md").read_text()
