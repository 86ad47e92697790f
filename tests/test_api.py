"""The public API is what `__all__` says, and its examples run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import twopm_zk

ROOT = Path(__file__).parent.parent


def test_all_names_exist_and_all_public_names_are_listed():
    assert sorted(twopm_zk.__all__, key=str.casefold) == sorted(set(twopm_zk.__all__), key=str.casefold)
    modules = {path.stem for path in (ROOT / "twopm_zk").iterdir()}
    public = {name for name in vars(twopm_zk) if not name.startswith("_")} - modules
    assert all(hasattr(twopm_zk, name) for name in twopm_zk._LAZY)
    assert public | set(twopm_zk._LAZY) == set(twopm_zk.__all__)  # a module of the same name would hide a function


def test_import_needs_none_of_the_slow_packages():
    slow = ("web3", "galois", "py_ecc", "statsmodels", "wasmtime", "rich")
    code = f"import sys, twopm_zk; print([name for name in {slow} if name in sys.modules])"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"


@pytest.mark.chain
@pytest.mark.prover
@pytest.mark.slow
@pytest.mark.parametrize("name", ["one_round", "own_circuit", "prove_update"])
def test_example_runs(name):
    finished = subprocess.run(
        [sys.executable, ROOT / "examples" / f"{name}.py"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.strip()
