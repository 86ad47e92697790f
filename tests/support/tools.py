"""Tools of this checkout as modules."""

import importlib.util
import sys

import pytest

from twopm_zk.system import paths


def load_tool(name, *, needs=()):
    """A script of ``tools`` by its name; skips the test where a package that it needs is not installed."""
    for package in needs:
        pytest.importorskip(package)
    folder = paths.source_root() / "tools"
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(folder))  # tools import each other
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(folder))
    return module
