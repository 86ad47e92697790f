"""The notebooks of examples/ show what their cells compute."""

import json
from pathlib import Path

import pytest
from support.tools import load_tool

NOTEBOOKS = sorted((Path(__file__).parents[2] / "examples").glob("*.ipynb"))
run_notebooks = load_tool("run_notebooks")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_shows_what_its_cells_compute(path):
    pytest.importorskip("sklearn")
    stored = json.loads(path.read_text())
    now = run_notebooks.run(stored)
    assert len(stored["cells"]) > 5
    for before, after in zip(stored["cells"], now["cells"], strict=True):
        assert run_notebooks.same(json.dumps(before), json.dumps(after)), "".join(before["source"])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("AUC 0.9890", "AUC   0.9891", True),
        ("AUC 0.9890", "AUC 0.9790", False),
        ("AUC 0.9890", "ROC 0.9890", False),
        ("p 1e-12", "p 3.5e-10", True),
        ("rows 3", "rows 3 4", False),
        ("coef -0.5", "coef 0.5", False),
    ],
)
def test_figures_may_differ_in_last_places_only(one, other, same):
    assert run_notebooks.same(one, other) is same


def test_a_cell_shows_what_it_prints_and_its_last_value():
    names = {}
    assert run_notebooks.outputs_of("x = 2\nprint(x)", names)[0]["text"] == ["2\n"]
    assert run_notebooks.outputs_of("x + 1", names)[0]["data"] == {"text/plain": ["3"]}
    assert run_notebooks.outputs_of("x = 5", names) == []
