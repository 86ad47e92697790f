"""eth_keyfile loaded when a keystore is opened or made, and not wherever eth_account is imported.

It reads keystores of validators too, for which py_ecc's BLS12-381 computes tables for half a second while it is
imported: a third of what a command that speaks to a chain took to start.
"""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any

_NAMES = ("eth_keyfile", "eth_keyfile.keyfile")
_FUNCTIONS = frozenset({"create_keyfile_json", "decode_keyfile_json", "extract_key_from_keyfile", "load_keyfile"})


class _Late(ModuleType):
    """Stands for one of the modules until more of it is needed than the names that eth_account imports."""

    def __getattr__(self, name: str) -> Any:
        if name in _FUNCTIONS:
            return partial(_call, self.__name__, name)
        if name == "KDFType":  # which annotations alone name
            return Any
        if name.startswith("__") and name != "__version__":  # imports and inspection ask every module for these
            raise AttributeError(name)
        return getattr(_loaded(self.__name__), name)


def _call(module: str, function: str, *arguments: Any, **named: Any) -> Any:
    return getattr(_loaded(module), function)(*arguments, **named)


def _loaded(module: str) -> ModuleType:
    for name in _NAMES:
        if isinstance(sys.modules.get(name), _Late):
            del sys.modules[name]
    return import_module(module)


def load_keyfile_late() -> None:
    """Put it off, unless it is loaded already."""
    if not any(name in sys.modules for name in _NAMES):
        sys.modules.update({name: _Late(name) for name in _NAMES})
