"""Where the extension module is looked for."""

import sys
import types

import pytest

from twopm_zk.errors import ToolMissingError
from twopm_zk.numbers.baby_jubjub import BASE, IDENTITY, SUBGROUP_ORDER, multiply, native_sum
from twopm_zk.plonk.backends import find_backend, get_backend
from twopm_zk.system import extension


@pytest.fixture
def unbuilt(monkeypatch):
    """A process whose extension module is not built."""
    monkeypatch.setitem(sys.modules, "twopm_zk._native", None)
    monkeypatch.delattr("twopm_zk._native", raising=False)
    monkeypatch.setattr(extension, "unavailable", extension.unavailable.__wrapped__)


@pytest.mark.usefixtures("unbuilt")
def test_an_extension_that_is_not_built_is_named_as_the_reason():
    assert extension.unavailable().startswith("not built (")
    backend, reason = find_backend("native")
    assert backend is None
    assert reason == extension.unavailable()
    with pytest.raises(ToolMissingError, match="not built"):
        get_backend("native")


@pytest.mark.usefixtures("unbuilt")
def test_points_are_multiplied_where_the_extension_is_not_built():
    with pytest.raises(ImportError):
        native_sum([(BASE, SUBGROUP_ORDER)])
    assert multiply(BASE, SUBGROUP_ORDER) == IDENTITY


def test_an_extension_built_from_older_sources_is_asked_for_nothing_that_it_lacks(monkeypatch):
    old = types.SimpleNamespace(unsupported=lambda: None)
    monkeypatch.setitem(sys.modules, "twopm_zk._native", old)
    monkeypatch.setattr("twopm_zk._native", old, raising=False)
    monkeypatch.setattr(extension, "unavailable", extension.unavailable.__wrapped__)
    assert extension.unavailable() is None
    assert extension.provides("unsupported")
    assert not extension.provides("sum_of_multiples")
    assert multiply(BASE, SUBGROUP_ORDER) == IDENTITY
