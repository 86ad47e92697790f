"""The tools that chose the polynomials write the constants that circuits and twins have."""

import json

import pytest
from support.tools import load_tool

from twopm_zk.system import paths

LIB = paths.circuits_dir() / "lib"
NEEDS = {"sigmoid": ("mpmath", "scipy"), "variance": ("scipy",), "evaluation": ("scipy",)}


@pytest.mark.parametrize("name", NEEDS)
def test_generated_circom_constants_equal_the_json(name):
    design = load_tool(f"design_{name}", needs=NEEDS[name])
    constants = json.loads((LIB / f"{name}.json").read_text())
    assert (LIB / f"{name}_constants.circom").read_text() == design.circom_source(constants)


@pytest.mark.parametrize("name", NEEDS)
def test_the_design_writes_the_files_that_circuits_read(name, tmp_path, monkeypatch):
    design = load_tool(f"design_{name}", needs=NEEDS[name])
    assert design.LIB == LIB
    constants = json.loads((LIB / f"{name}.json").read_text())
    monkeypatch.setattr(design, "LIB", tmp_path)
    monkeypatch.setattr(design, "design", lambda: constants)
    design.main()
    for file in (f"{name}.json", f"{name}_constants.circom"):
        assert (tmp_path / file).read_text() == (LIB / file).read_text()


def test_the_variance_is_designed_again_as_it_is():
    design = load_tool("design_variance", needs=NEEDS["variance"])
    again = design.design()
    known = json.loads((LIB / "variance.json").read_text())
    assert (again["scale_bits"], again["centre"]) == (known["scale_bits"], known["centre"])
    # a linear programme may end in another last place on another processor
    for new, old in zip(again["coefficients"], known["coefficients"], strict=True):
        assert new == pytest.approx(old, rel=1e-3)
