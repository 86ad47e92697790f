"""Provers behind one small interface.

``snarkjs`` is the reference and works wherever Node does; ``native`` is the fast one, where it is built.
They read and write the same files, so keys of one serve the other.
"""

from __future__ import annotations

import importlib
import os
from typing import cast

from twopm_zk.errors import InputError, ToolMissingError
from twopm_zk.plonk.backends.interface import Backend as Backend
from twopm_zk.system import extension

BACKENDS = ("native", "snarkjs")  # in order of preference


def get_backend(name: str | None = None) -> Backend:
    """The backend called ``name``, else ``$TWOPM_ZK_BACKEND``, else the first that can be used.

    Raises ToolMissingError where a backend asked for by name cannot be used, or none can.
    """
    name = name or os.environ.get("TWOPM_ZK_BACKEND") or None
    if name is None:
        reasons = []
        for candidate in BACKENDS:
            backend, reason = find_backend(candidate)
            if backend is not None and reason is None:
                return backend
            reasons.append(f"{candidate}: {reason}")
        raise ToolMissingError(
            "no prover can be used\n" + "\n".join(reasons),
            kind="tools",
        )
    if name not in BACKENDS:
        raise InputError(f"there is no backend {name!r}; there are {', '.join(BACKENDS)}")
    backend, reason = find_backend(name)
    if backend is None or reason is not None:
        raise ToolMissingError(f"backend {name!r} cannot be used: {reason}", kind="tools")
    return backend


def find_backend(name: str) -> tuple[Backend | None, str | None]:
    """A backend, and why it cannot be used; None if it can."""
    if name == "native" and (reason := extension.unavailable()) is not None:
        return None, reason  # its module needs the extension
    backend = cast("Backend", importlib.import_module(f"twopm_zk.plonk.backends.{name}").BACKEND)
    return backend, backend.available()
