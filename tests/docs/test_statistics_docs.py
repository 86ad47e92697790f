"""What docs/statistics.md shows is what happens."""

import re
from pathlib import Path

import pytest

from twopm_zk.statistics.results import Results

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "statistics.md").read_text()


def test_the_code_of_the_document_runs_and_prints_what_it_shows(monkeypatch, capsys):
    pytest.importorskip("sklearn")
    monkeypatch.chdir(ROOT)
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENT, flags=re.DOTALL)
    (shown,) = re.findall(r"```\n( +Logit Regression Results.*?)```", DOCUMENT, flags=re.DOTALL)
    assert len(blocks) == 3
    names = {}
    for block in blocks:
        exec(block, names)  # noqa: S102 (our own document)
    assert capsys.readouterr().out.startswith(shown)
    assert names["summary"].bse["GPA"] == pytest.approx(1.2629, rel=1e-3)


def test_every_attribute_of_a_summary_is_explained():
    ours = [name for name in vars(Results) if not name.startswith("_")]
    known = {"nobs", "df_model", "df_resid", "correlation", "held_out", "converged", "notes"}
    assert [name for name in ours if name not in known and f"`{name}" not in DOCUMENT] == []
