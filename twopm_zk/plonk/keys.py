"""Proving and verification keys of a circuit, made once per R1CS and ptau.

An entry of the cache holds ``verification_key.json``, ``keys.json`` and the proving key in at least one of two forms:
``circuit.key``, the native prover's, or ``circuit.zkey``, which is snarkjs' and the browser's and is made from the
other one when somebody asks for it. The entry's name is the R1CS digest, then the ptau digest and how far that is
trusted, so keys from an untrusted ptau can never be taken for trusted ones.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twopm_zk.circuit.compilation import Circuit, compile_circuit, damaged_entry
from twopm_zk.circuit.instances import find_instance
from twopm_zk.errors import (
    CircuitTooSmallError,
    FileFormatError,
    InputError,
    PtauError,
    PtauTooSmallError,
    ToolError,
    ToolMissingError,
)
from twopm_zk.plonk.backends import Backend, get_backend
from twopm_zk.plonk.ceremonies import ceremony_file
from twopm_zk.plonk.compact_key import COMPACT_KEY
from twopm_zk.plonk.key_forms import require_own, require_room, write_zkey
from twopm_zk.plonk.proof import MAX_POWER
from twopm_zk.plonk.ptau import (
    MAX_INSECURE_POWER,
    accept_ptau,
    blake2b_of,
    check_ceremony,
    insecure_ptau,
    is_insecure,
    read_ptau,
    require_contribution,
)
from twopm_zk.plonk.zkey import ZKEY
from twopm_zk.system import extension, programs
from twopm_zk.system.files import StrPath, digest_of, locked, replacing
from twopm_zk.system.paths import cached
from twopm_zk.system.progress import Progress
from twopm_zk.system.side_by_side import side_by_side

if TYPE_CHECKING:
    from twopm_zk.plonk.proof import VerificationKey

INSECURE = "insecure development ptau"
UNTRUSTED = "ptau of unknown origin"
MINIMUM_GATES = 2
FORMAT = 2  # of an entry; part of its name


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
    def proving_key(self) -> Path:
        """The proving key in the form that is there: the compact one, else the ``.zkey``."""
        compact = self.folder / COMPACT_KEY
        return compact if compact.is_file() else self.folder / ZKEY

    @property
    def zkey(self) -> Path:
        """The proving key as snarkjs and browsers read it: made from the compact one when it is first asked for.

        Raises ToolMissingError where it is not there and the native prover, which makes it, cannot be used.
        """
        zkey = self.folder / ZKEY
        if not zkey.is_file():
            with programs.interruptible(), locked(self.folder):
                if not zkey.is_file():
                    require_own(self.proving_key, self.circuit, self.ptau_digest)
                    write_zkey(self.folder, self.circuit)
        return zkey

    def readable_by(self, backend: Backend) -> Path:
        """The proving key in a form that a backend reads, after a look at its head.

        Raises FileFormatError for a damaged one, or one of another circuit or ptau.
        """
        path = self.zkey if backend.key_file == ZKEY else self.proving_key
        require_own(path, self.circuit, self.ptau_digest)
        return path

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
    ptau: StrPath | None = None,
    ptau_digest: str | None = None,
    backend: Backend | str | None = None,
    progress: Progress | None = None,
) -> Keys:
    """Make the keys of a circuit, or find them in the cache.

    Without ``ptau`` an insecure one is made for development. A file that is neither of a published ceremony
    nor has, now or in an earlier call, the BLAKE2b-512 ``ptau_digest`` gives keys that are marked insecure.

    Raises CircuitTooSmallError, PtauTooSmallError, PtauError (a digest that does not match, a damaged file),
    StoreError where the proving key is larger than the disk.
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
        source, origin, insecure = _development_ptau(circuit, progress), INSECURE, True
    else:
        source = Path(ptau)
        _require_usable(circuit, source)
        if ptau_digest is not None:
            accept_ptau(source, ptau_digest)
        origin, insecure = _origin(source)
    digest = blake2b_of(source)
    folder = _entry(circuit) / f"v{FORMAT}-{digest_of(digest, origin)}"
    with programs.interruptible(), locked(folder):
        prover = _maker(folder, backend)
        if prover is not None:
            require_room(folder / prover.key_file, circuit)
            _build(circuit, source, folder, prover, progress, _metadata(circuit, digest, origin, insecure))
    return _load(circuit, folder)


def _maker(folder: Path, backend: Backend | str | None) -> Backend | None:
    """Who has to make a key in an entry; None where it has one that serves whoever is to prove with it."""
    try:
        prover = backend if isinstance(backend, Backend) else get_backend(backend)
    except ToolMissingError:
        if backend is None and folder.is_dir():
            return None  # the keys are there, and whoever has them need not prove
        raise
    made_on_demand = prover.key_file == ZKEY and extension.unavailable() is None and (folder / COMPACT_KEY).is_file()
    return None if made_on_demand or (folder / prover.key_file).is_file() else prover


def keys_of_instances(
    names: Sequence[str],
    *,
    ptau: StrPath | None = None,
    backend: Backend | str | None = None,
    progress: Progress,
) -> dict[str, Keys]:
    """Compile instances of ours and make their keys, side by side, or find both in the cache.

    Raises what `compile_circuit` and `setup` raise.
    """

    def make(name: str) -> Keys:
        return setup(compile_circuit(find_instance(name)), ptau=ptau, backend=backend)

    return side_by_side(names, make, progress=progress)


def existing_keys(circuit: Circuit) -> Keys | None:
    """Keys of a circuit in the cache, trusted ones first and then the newest; never makes any."""
    found = [_load(circuit, folder) for folder in _entry(circuit).glob(f"v{FORMAT}-*") if folder.is_dir()]
    return min(found, key=lambda keys: (keys.insecure, -keys.verification_key_file.stat().st_mtime), default=None)


def _entry(circuit: Circuit) -> Path:
    return cached("keys", circuit.r1cs_digest)


def _development_ptau(circuit: Circuit, progress: Progress | None) -> Path:
    if circuit.power > MAX_INSECURE_POWER:
        raise too_small(circuit, MAX_INSECURE_POWER, "a development ptau")
    return insecure_ptau(circuit.power, progress=progress)


def _require_usable(circuit: Circuit, path: Path) -> None:
    ptau = read_ptau(path)
    if ptau.power < circuit.power:
        raise too_small(circuit, ptau.power, f"ptau {str(path)!r}")
    require_contribution(ptau)


def too_small(circuit: Circuit, covered: int, what: str, *, chosen: bool = False) -> PtauTooSmallError:
    """What is raised where a ptau of power ``covered`` does not cover a circuit.

    Whose development file is too small only because its power was ``chosen`` so needs no ceremony.
    """
    enough = chosen and circuit.power <= MAX_INSECURE_POWER
    return PtauTooSmallError(
        f"{circuit.name!r} needs {circuit.gates} gates; {what} of power {covered} covers {2**covered}",
        hint=f"Power {circuit.power} or more is enough.",
        kind="development-ptau-too-small" if enough else "needs-ceremony",
        circuit=circuit.name,
        gates=circuit.gates,
        power=circuit.power,
        ceremony=ceremony_file(circuit.power),
    )


def _origin(path: Path) -> tuple[str, bool]:
    try:
        return check_ceremony(path), False
    except PtauError:
        return INSECURE if is_insecure(read_ptau(path)) else UNTRUSTED, True


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
    progress: Progress | None,
    metadata: dict[str, Any],
) -> None:
    """Make an entry, or the key in another form for one that is there."""
    from twopm_zk.plonk.proof import write_json

    if folder.is_dir():
        with replacing(folder / backend.key_file) as temporary:
            backend.setup(circuit.r1cs, ptau, temporary, progress)
            if backend.export_verification_key(temporary) != _load(circuit, folder).verification_key:
                raise damaged_entry(f"the cached keys of {circuit.name!r} are not those of the circuit", folder)
        return
    with replacing(folder) as temporary:
        temporary.mkdir()
        path = temporary / backend.key_file
        backend.setup(circuit.r1cs, ptau, path, progress)
        key = backend.export_verification_key(path)
        if (key.public, key.power) != (len(circuit.public), circuit.power):
            raise ToolError(
                f"the keys made by {backend.name} are for {key.public} public inputs and power {key.power}, "
                f"circuit {circuit.name!r} has {len(circuit.public)} and {circuit.power}"
            )
        write_json(temporary / "verification_key.json", key.to_json())
        (temporary / "keys.json").write_text(json.dumps(metadata | {"backend": backend.name}, indent=2) + "\n")


def _load(circuit: Circuit, folder: Path) -> Keys:
    try:
        row: dict[str, Any] = json.loads((folder / "keys.json").read_text())
        keys = Keys(circuit, folder, row["ptau_digest"], row["ptau_origin"], row["insecure"])
        require_own(keys.proving_key, circuit, keys.ptau_digest)
    except FileFormatError as error:
        raise damaged_entry(f"the cached keys of {circuit.name!r} are damaged: {error.message}", folder) from error
    except (OSError, InputError, ValueError, KeyError, TypeError) as error:
        raise damaged_entry(f"the cached keys of {circuit.name!r} are damaged", folder) from error
    return keys
