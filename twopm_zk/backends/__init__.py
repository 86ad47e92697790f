"""Provers behind one small interface. Paths go in, so that no backend copies a proving key through Python.

``snarkjs`` is the reference and works wherever Node does; ``native`` is the fast one, where it is built.
They read and write the same files, so keys of one serve the other.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

from twopm_zk.errors import InputError, ToolMissingError

if TYPE_CHECKING:
    from twopm_zk.proof import Proof, VerificationKey

Progress = Callable[[str], None]
BACKENDS = ("native", "snarkjs")  # in order of preference


@runtime_checkable
class Backend(Protocol):
    """What a prover has to do. Every method leaves nothing half-written behind when it fails."""

    name: str

    def available(self) -> str | None:
        """None if it can be used, else the reason why not."""

    def write_insecure_ptau(self, power: int, path: Path, progress: Progress | None = None) -> None:
        """Write the development ptau of ``power``: the same bytes whoever writes it."""

    def setup(self, r1cs: Path, ptau: Path, zkey: Path, progress: Progress | None = None) -> None:
        """Make the proving key. The caller has checked that the ptau is large enough."""

    def export_verification_key(self, zkey: Path) -> VerificationKey:
        """Read the verification key out of a proving key; FileFormatError if that is damaged."""

    def prove(self, zkey: Path, wtns: Path, progress: Progress | None = None) -> tuple[Proof, list[int]]:
        """Prove, and return the public inputs with the proof.

        Raises WitnessError for a witness that does not satisfy the key's circuit, FileFormatError for a
        damaged file.
        """

    def verify(self, vk: VerificationKey, public: list[int], proof: Proof) -> bool:
        """Whether the proof is valid; the caller has checked the public inputs' count and range."""


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
            hint="Run `twopm-zk doctor` to see everything that is needed.",
        )
    if name not in BACKENDS:
        raise InputError(f"there is no backend {name!r}; there are {', '.join(BACKENDS)}")
    backend, reason = find_backend(name)
    if backend is None or reason is not None:
        raise ToolMissingError(f"backend {name!r} cannot be used: {reason}", hint="Run `twopm-zk doctor` for details.")
    return backend


def find_backend(name: str) -> tuple[Backend | None, str | None]:
    """A backend and why it cannot be used (None if it can): what `twopm-zk doctor` shows."""
    try:
        module = importlib.import_module(f"twopm_zk.backends.{name}")
    except ImportError as error:
        return None, f"not built ({error})"
    backend = cast("Backend", module.BACKEND)
    return backend, backend.available()
