"""The public API is what `__all__` says, and its examples run."""

import ast
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import twopm_zk

ROOT = Path(__file__).parents[1]


def imported(statements):
    """Where each name comes from that `from twopm_zk... import` lines of these statements bring."""
    lines = [line for line in statements if isinstance(line, ast.ImportFrom) and line.module.startswith("twopm_zk.")]
    return {alias.name: line.module for line in lines for alias in line.names}


def test_the_public_names_are_those_that_the_package_imports():
    body = ast.parse(Path(twopm_zk.__file__).read_text()).body
    (checked,) = [line for line in body if isinstance(line, ast.If)]
    assert imported(checked.body) == twopm_zk._MODULES  # type checkers and programs find the same
    assert sorted(twopm_zk.__all__) == sorted(twopm_zk._MODULES)


def test_every_public_name_is_what_its_module_calls_so_and_not_a_module():
    for name in twopm_zk.__all__:
        found = getattr(twopm_zk, name)  # a module of the same name would hide a function
        assert not isinstance(found, ModuleType), name
    modules = {path.stem for path in (ROOT / "twopm_zk").iterdir()}
    assert {name for name in dir(twopm_zk) if not name.startswith("_")} - modules == set(twopm_zk.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'prove_all'"):
        getattr(twopm_zk, "prove_all")  # noqa: B009 (a name that is nowhere, and that no tool looks for)


def test_import_needs_none_of_the_slow_packages():
    slow = ("numpy", "click", "eth_abi", "web3", "galois", "py_ecc", "statsmodels", "wasmtime", "rich")
    code = f"import sys, twopm_zk; print([name for name in {slow} if name in sys.modules])"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"


@pytest.mark.chain
@pytest.mark.prover
@pytest.mark.slow
@pytest.mark.parametrize("name", ["own_circuit", "prove_update"])
def test_example_runs(name):
    """As a script; that of a whole round runs in verifier/test_one_round.py, where its every step is looked at."""
    finished = subprocess.run(
        [sys.executable, ROOT / "examples" / f"{name}.py"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.strip()
