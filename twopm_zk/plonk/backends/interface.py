"""What a prover has to do. Paths go in, so that no backend copies a proving key through Python."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol, runtime_checkable

from twopm_zk.plonk.proof import Proof, VerificationKey
from twopm_zk.system.progress import Progress

AT_ONCE = max(1, (os.cpu_count() or 1) // 4)
"""Proofs that are made at the same time by threads of one process: one fills four cores, and each takes memory."""


@runtime_checkable
class Backend(Protocol):
    """What a prover has to do. Every method leaves nothing half-written behind when it fails."""

    name: str
    checks_witness: bool
    """Whether `prove` checks a witness before it proves, so that nobody else needs to."""
    key_file: str
    """The name of the proving key that it makes in an entry of the cache; it says which form that has."""

    def available(self) -> str | None:
        """None if it can be used, else the reason why not."""

    def write_insecure_ptau(self, power: int, path: Path, progress: Progress | None = None) -> None:
        """Write the development ptau of ``power``: the same bytes whoever writes it."""

    def setup(self, r1cs: Path, ptau: Path, key: Path, progress: Progress | None = None) -> None:
        """Make the proving key in its form. The caller has checked that the ptau is large enough."""

    def export_verification_key(self, key: Path) -> VerificationKey:
        """Read the verification key out of a proving key; FileFormatError if that is damaged."""

    def prove(self, key: Path, wtns: Path, progress: Progress | None = None) -> tuple[Proof, list[int]]:
        """Prove, and return the public inputs with the proof.

        ``key`` is a proving key in its form, or a ``.zkey``. ``wtns`` may be the path of an open file
        (`system.files.secret_file`), which a child has to inherit.
        Raises WitnessError for a witness that does not satisfy the key's circuit, FileFormatError for a
        damaged file, ProvingError for a key that contradicts itself.
        """

    def verify(self, vk: VerificationKey, public: list[int], proof: Proof) -> bool:
        """Whether the proof is valid; the caller has checked the public inputs' count and range."""
