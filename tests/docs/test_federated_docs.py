"""What docs/federated.md shows is what happens."""

import re
import shutil
import sys
import tomllib
from pathlib import Path

import pytest
from support.federated import document

from twopm_zk.federated import parse_federated

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "federated.md").read_text()
DATA, MODEL, TRIED, TASK = re.findall(r"^```python\n(.*?)^```", DOCUMENT, flags=re.DOTALL | re.MULTILINE)
(TOML,) = re.findall(r"^```toml\n(.*?)^```", DOCUMENT, flags=re.DOTALL | re.MULTILINE)


def test_the_model_and_the_specification_are_those_of_the_examples():
    assert (ROOT / "examples" / "digits.py").read_text() == MODEL
    assert (ROOT / "examples" / "digits.toml").read_text() == TOML


@pytest.mark.slow
def test_the_code_of_the_document_runs_and_says_what_is_promised(tmp_path, monkeypatch, capsys):
    pytest.importorskip("sklearn")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "digits", raising=False)
    for name in ("digits.py", "digits.toml"):
        shutil.copy(ROOT / "examples" / name, tmp_path)
    names = {}
    for block in (DATA, TRIED, TASK):
        exec(block, names)  # noqa: S102 (our own document)
    monkeypatch.delitem(sys.modules, "digits")
    *_, last, said = capsys.readouterr().out.splitlines()
    number, percent, loss = re.fullmatch(r"(\d+) (\d+) per cent are right; loss before: (\S+)", last).groups()
    promised = re.search(r"The last line says (\d+), some (\d+) per cent, and a loss of (\S+?)\. ", DOCUMENT).groups()
    assert number == promised[0] == "10"
    assert abs(int(percent) - int(promised[1])) <= 1
    assert float(loss) == pytest.approx(float(promised[2]), abs=0.01)
    spec_hash, size = said.split()[:2]
    assert bytes.fromhex(spec_hash) == names["agreed"].spec_hash
    assert int(size) == len(names["first"].encoded)
    assert (tmp_path / "agreed.json").exists()


def test_the_table_of_keys_is_complete():
    private = document(update={"clip": 1.0, "weighting": "equal"}, privacy={"epsilon": 1, "delta": 1e-5})
    known = {**parse_federated(tomllib.loads(TOML)).document, **parse_federated(private).document}
    for key, value in known.items():
        if key in ("version", "fit"):
            continue
        assert f"`{key}`" in DOCUMENT or f"`[{key}]`" in DOCUMENT
        if isinstance(value, dict):
            assert [name for name in value if f"`{name}`" not in DOCUMENT] == []


def test_the_tables_of_figures_are_those_that_were_measured():
    measured = (ROOT / "bench" / "results" / "federated.md").read_text()
    shown = [line for line in DOCUMENT.splitlines() if re.match(r"\|.+\| [\d.,]+ \|$", line)]
    assert len(shown) == 1 + 10 + 4
    assert [line for line in shown if line not in measured] == []
