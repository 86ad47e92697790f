"""Tools of this checkout as modules."""

import importlib.util

import pytest

from twopm_zk.system import paths


def load_tool(name, *, needs=()):
    """A script of ``tools`` by its name; skips the test where a package that it needs is not installed."""
    for package in needs:
        pytest.importorskip(package)
    spec = importlib.util.spec_from_file_location(name, paths.source_root() / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
