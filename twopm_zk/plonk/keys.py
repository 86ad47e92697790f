"""Proving and verification keys of a circuit, made once per R1CS and ptau.

An entry of the cache holds ``circuit.zkey``, ``verification_key.json`` and ``keys.json``. Its name is the
R1CS digest, then the ptau digest and how far that is trusted, so keys from an untrusted ptau can never be
taken for trusted ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twopm_zk.circuit.compilation import Circuit
from twopm_zk.errors import CircuitTooSmallError, FileFormatError, PtauError, PtauTooSmallError
from twopm_zk.plonk.backends import Backend, get_backend
from twopm_zk.plonk.ptau import MAX_POWER, blake2b_of, check_ceremony, insecure_ptau, read_ptau
from twopm_zk.system import programs
from twopm_zk.system.files import digest_of, locked, replacing
from twopm_zk.system.paths import cached

if TYPE_CHECKING:
    from twopm_zk.plonk.proof import VerificationKey

INSECURE = "insecure development ptau"
UNTRUSTED = "ptau of unknown origin"
MINIMUM_GATES = 2
FORMAT = 1  # of keys.json; part of the entry's name


@dataclass(frozen=True)
class Keys:
    """Proving and verification key of one circuit."""

    circuit: Circuit
    folder: Path
    ptau_digest: str
    """BLAKE2b-512 of the ptau, in hex."""
    ptau_origin: str
    """Why the ptau is trusted, or that it is not."""
    insecure: bool
    """Somebody may know the secret: never for anything but development."""

    @property
    def zkey(self) -> Path:
        """Proving key."""
        return self.folder / "circuit.zkey"

    @property
    def verification_key_file(self) -> Path:
        """Verification key, in snarkjs' JSON."""
        return self.folder / "verification_key.json"

    @cached_property
    def verification_key(self) -> VerificationKey:
        """The parsed verification key."""
        from twopm_zk.plonk.proof import read_verification_key

        return read_verification_key(self.verification_key_file)


def setup(
    circuit: Circuit,
    *,
    ptau: Path | None = None,
    ptau_digest: str | None = None,
    backend: Backend | str | None = None,
    progress: Callable[[str], None] | None = None,
) -> Keys:
    """Make the keys of a circuit, or find them in the cache.

    Without ``ptau`` an insecure one is made for development. A file that is neither of a published ceremony
    nor has the BLAKE2b-512 ``ptau_digest`` gives keys that are marked insecure.

    Raises CircuitTooSmallError, PtauTooSmallError, PtauError (a digest that does not match, a damaged file).
    """
    if circuit.gates < MINIMUM_GATES:
        raise CircuitTooSmallError(
            f"circuit {circuit.name!r} has {circuit.gates} gates; PLONK in snarkjs needs {MINIMUM_GATES} or more",
            hint="Add a constraint, or another public input.",
        )
    if circuit.power > MAX_POWER:
        raise PtauTooSmallError(
            f"{circuit.name!r} needs {circuit.gates} gates; the largest ptau there can be covers {2**MAX_POWER}"
        )
    if ptau is None:
        ptau, origin, insecure = insecure_ptau(circuit.power, progress=progress), INSECURE, True
    else:
        _require_power(circuit, ptau)
        origin, insecure = _origin(ptau, ptau_digest)
    digest = blake2b_of(ptau)
    folder = _entry(circuit) / digest_of(f"keys {FORMAT}", digest, origin)
    with programs.interruptible(), locked(folder):
        if not folder.is_dir():
            prover = backend if isinstance(backend, Backend) else get_backend(backend)
            _build(circuit, ptau, folder, prover, progress, _metadata(circuit, digest, origin, insecure))
    return _load(circuit, folder)


def existing_keys(circuit: Circuit) -> Keys | None:
    """Keys of a circuit in the cache, trusted ones first and then the newest; never makes any."""
    found = [_load(circuit, folder) for folder in _entry(circuit).glob("[!.]*") if folder.is_dir()]
    return min(found, key=lambda keys: (keys.insecure, -keys.zkey.stat().st_mtime), default=None)


def _entry(circuit: Circuit) -> Path:
    return cached("keys", circuit.r1cs_digest)


def _require_power(circuit: Circuit, path: Path) -> None:
    covered = read_ptau(path).power
    if covered < circuit.power:
        raise PtauTooSmallError(
            f"{circuit.name!r} needs {circuit.gates} gates; ptau power {covered} covers {2**covered}.",
            hint=f"Use power {circuit.power} or more: twopm-zk setup {circuit.name} --ptau-power {circuit.power}",
        )


def _origin(path: Path, digest: str | None) -> tuple[str, bool]:
    try:
        return check_ceremony(path, digest), False
    except PtauError:
        if digest is not None:
            raise
        return UNTRUSTED, True


def _metadata(circuit: Circuit, digest: str, origin: str, insecure: bool) -> dict[str, Any]:
    return {
        "circuit": circuit.name,
        "r1cs_digest": circuit.r1cs_digest,
        "power": circuit.power,
        "ptau_digest": digest,
        "ptau_origin": origin,
        "insecure": insecure,
    }


def _build(
    circuit: Circuit,
    ptau: Path,
    folder: Path,
    backend: Backend,
    progress: Callable[[str], None] | None,
    metadata: dict[str, Any],
) -> None:
    from twopm_zk.plonk.proof import write_json

    with replacing(folder) as temporary:
        temporary.mkdir()
        zkey = temporary / "circuit.zkey"
        backend.setup(circuit.r1cs, ptau, zkey, progress)
        key = backend.export_verification_key(zkey)
        if (key.public, key.power) != (len(circuit.public), circuit.power):
            raise FileFormatError(
                f"the keys made by {backend.name} are for {key.public} public inputs and power {key.power}, "
                f"circuit {circuit.name!r} has {len(circuit.public)} and {circuit.power}"
            )
        write_json(temporary / "verification_key.json", key.to_json())
        row = metadata | {"backend": backend.name, "zkey_bytes": zkey.stat().st_size}
        (temporary / "keys.json").write_text(json.dumps(row, indent=2) + "\n")


def _load(circuit: Circuit, folder: Path) -> Keys:
    hint = f"Remove {str(folder)!r} and run the setup again."
    try:
        row: dict[str, Any] = json.loads((folder / "keys.json").read_text())
        keys = Keys(circuit, folder, row["ptau_digest"], row["ptau_origin"], row["insecure"])
        size, written = keys.zkey.stat().st_size, row["zkey_bytes"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileFormatError(f"the cached keys of {circuit.name!r} are damaged", hint=hint) from error
    if size != written:
        raise FileFormatError(f"proving key {str(keys.zkey)!r} has {size} bytes, {written} were written", hint=hint)
    return keys
