"""The prover in Rust (``native/``): the same proofs as snarkjs, in a fraction of a second.

Its keys are compact; it also proves with a ``.zkey``, and writes one that is the same, byte for byte, as snarkjs would.
A key is loaded once per process and serves every proof after that; proofs are verified before they are returned.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from twopm_zk import _native
from twopm_zk.errors import (
    CircuitTooSmallError,
    FileFormatError,
    InputError,
    ProofFormatError,
    ProvingError,
    PtauError,
    PtauTooSmallError,
    ToolError,
    TwopmError,
    WitnessError,
)
from twopm_zk.plonk.backends.interface import AT_ONCE
from twopm_zk.plonk.compact_key import COMPACT_KEY
from twopm_zk.plonk.proof import Proof, VerificationKey, public_from_json
from twopm_zk.system import extension
from twopm_zk.system.files import replacing

if TYPE_CHECKING:
    from twopm_zk.system.progress import Progress

KEPT_KEYS = 4
"""Proving keys that stay in memory: about 40 MB each for 2^15 gates."""

_ERRORS: dict[str, type[TwopmError]] = {
    "io": InputError,
    "format": FileFormatError,
    "ptau": PtauError,
    "ptau-too-small": PtauTooSmallError,
    "circuit-too-small": CircuitTooSmallError,
    "witness": WitnessError,
    "proof": ProofFormatError,
    "setting": InputError,
    "key": ProvingError,
}


def vectors() -> str:
    """Which arithmetic proofs use here: ``avx512`` or ``off``. Raises InputError for a bad ``TWOPM_ZK_VECTORS``."""
    with _translated():
        return _native.vectors()


class NativeBackend:
    """`Backend` on the extension module ``twopm_zk._native``."""

    name = "native"
    checks_witness = True
    key_file = COMPACT_KEY

    def __init__(self) -> None:
        self._keys: OrderedDict[tuple[str, int, int], _native.ProvingKey] = OrderedDict()
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(AT_ONCE)

    def available(self) -> str | None:
        """None if this build runs on this processor, else why not."""
        return extension.unavailable()

    def write_insecure_ptau(self, power: int, path: Path, progress: Progress | None = None) -> None:
        """Write it in this process, up to power 22. Raises PtauError above."""
        with _translated():
            _native.write_insecure_ptau(power, path, _listener(progress))

    def setup(self, r1cs: Path, ptau: Path, key: Path, progress: Progress | None = None) -> None:
        """Write the compact key. It says which files it was made from."""
        from twopm_zk.plonk.ptau import blake2b_of

        with _translated(), replacing(key) as temporary:
            _native.setup(r1cs, ptau, temporary, bytes.fromhex(blake2b_of(ptau)), _listener(progress))

    def write_zkey(self, key: Path, zkey: Path, progress: Progress | None = None) -> None:
        """Write the key that snarkjs would have made, byte for byte, from the compact one."""
        with _translated(), replacing(zkey) as temporary:
            _native.write_zkey(key, temporary, _listener(progress))

    def export_verification_key(self, key: Path) -> VerificationKey:
        """Read the key's head; a compact key is read whole."""
        with _translated():
            return VerificationKey.from_json(json.loads(_native.export_verification_key(key)))

    def prove(self, key: Path, wtns: Path, progress: Progress | None = None) -> tuple[Proof, list[int]]:
        """Check the witness against every gate, prove, and verify the proof."""
        with _translated(), self._room:
            proof, public, _ = self.proving_key(key, progress).prove(wtns, _listener(progress))
        return Proof.from_json(json.loads(proof)), public_from_json(json.loads(public))

    def verify(self, vk: VerificationKey, public: list[int], proof: Proof) -> bool:
        """Verify in this process, in a few milliseconds."""
        with _translated():
            inputs = json.dumps([str(value) for value in public])
            return _native.verify(json.dumps(vk.to_json()), inputs, json.dumps(proof.to_json()))

    def proving_key(self, key: Path, progress: Progress | None = None) -> _native.ProvingKey:
        """The loaded key of a file; the same object as long as the file stays as it is."""
        try:
            state = key.stat()
        except OSError as error:
            raise InputError(f"proving key {str(key)!r} cannot be read: {error.strerror}") from error
        name = (str(key.resolve()), state.st_mtime_ns, state.st_size)
        with self._lock:
            if name in self._keys:
                self._keys.move_to_end(name)
                return self._keys[name]
        with _translated():
            loaded = _native.ProvingKey(key, progress=_listener(progress))
        with self._lock:
            self._keys[name] = loaded
            while len(self._keys) > KEPT_KEYS:
                self._keys.popitem(last=False)
        return loaded


def _listener(progress: Progress | None) -> Callable[[str, float], None] | None:
    if progress is None:
        return None
    return lambda stage, _fraction: progress(stage)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except _native.NativeError as error:
        kind, message = error.args
        raise _ERRORS.get(kind, ToolError)(message) from error


BACKEND = NativeBackend()
