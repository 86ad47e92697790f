"""README's table of other provers is that of the last run, and the bench runs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "bench" / "peers"


@pytest.fixture
def report(monkeypatch):
    monkeypatch.syspath_prepend(PEERS)
    import report

    return report


@pytest.fixture
def found():
    return json.loads((ROOT / "bench/results/peers.json").read_text())


def test_readme_has_the_table_of_the_last_run(report, found):
    readme = (ROOT / "README.md").read_text()
    assert report.put_into_readme(readme, found) == readme
    assert report.table(found)[0] in readme
    assert (ROOT / "bench/results/peers.md").read_text() == report.page(found)
    assert (ROOT / "docs/images/peers.svg").read_text() == report.plot(found)


def test_a_prover_without_a_size_has_no_figure_there(report):
    one = {"seconds": [2.0, 4.0], "cpu": 3.0, "memory": 100.4, "key": 12.3}
    ours = {**one, "seconds": [1.0, 1.0]}
    both = {"twopm-zk": ours, "snarkjs": one}
    found = {"sizes": {"15": {"provers": both}, "17": {"provers": {"twopm-zk": ours}}}}
    assert report.table(found)[2:] == [
        "| twopm-zk | 1.00 s | 1.0 | 1.00 s | 1.0 | 100 MB | 12 MB |",
        "| snarkjs | 3.00 s | 3.0 | – | – | – | – |",
    ]


def test_a_readme_without_its_place_is_refused(report, found):
    with pytest.raises(ValueError, match="0 places for the table"):
        report.put_into_readme("# twopm-zk\n", found)


@pytest.mark.slow
@pytest.mark.prover
def test_the_bench_measures_this_prover_alone():
    script = [sys.executable, str(PEERS / "run.py"), "--dry", "--smallest", "6", "--largest", "6", "--runs", "1"]
    done = subprocess.run([*script, "--peers", ""], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "| 48 | twopm-zk, vectors off |" in done.stdout
