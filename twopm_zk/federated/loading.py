"""From the name of an owner's own code to a model.

Code comes from the owner's command line alone, never from a specification: who wrote that is somebody else.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from twopm_zk.errors import InputError
from twopm_zk.federated.flower import from_numpy_client, is_numpy_client
from twopm_zk.federated.model import Model


def load_model(place: str, arguments: Mapping[str, str] | None = None) -> Model:
    """Make the model that an owner names: ``folder/file.py:Name`` or ``package.module:Name``.

    This runs the code, and calls what is named with ``arguments``. InputError where there is none, where it raises, or
    where it makes nothing with a model's methods; what has those of Flower's NumPyClient is adapted.
    """
    source, separator, name = place.rpartition(":")
    if not separator or not source or not name.isidentifier():
        raise InputError(f"{place!r} names no model: it is FILE.py:Name or package.module:Name", kind="not-a-model")
    module = _module(source)
    factory = getattr(module, name, None)
    if not callable(factory):
        raise InputError(f"{source!r} has no class or function {name!r}", kind="not-a-model")
    try:
        made = factory(**(arguments or {}))
    except Exception as error:
        raise InputError(f"{place!r} could not be made: {type(error).__name__}: {error}", kind="not-a-model") from error
    if not isinstance(made, Model):
        if is_numpy_client(made):
            return from_numpy_client(made)
        raise InputError(f"{place!r} makes no model: it needs parameters, fit and evaluate", kind="not-a-model")
    return made


def _module(source: str) -> ModuleType:
    try:
        if not source.endswith(".py"):
            return importlib.import_module(source)
        path = Path(source).resolve()
        found = importlib.util.spec_from_file_location(f"twopm_zk_model_{path.stem}", path)
        if found is None or found.loader is None or not path.is_file():
            raise InputError(f"there is no file {source!r}", kind="not-a-model")
        module = importlib.util.module_from_spec(found)
        sys.modules[found.name] = module  # where dataclasses and pickles look for it
        found.loader.exec_module(module)
        return module
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{source!r} cannot be imported: {type(error).__name__}: {error}", kind="not-a-model"
        ) from error
