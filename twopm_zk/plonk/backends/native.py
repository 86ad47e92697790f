"""The prover in Rust (``native/``): the same files as snarkjs, in a fraction of a second.

A key is loaded once per process and serves every proof after that. What proofs of one key share is computed
once and kept beside the keys of the cache as ``circuit.zkey.prepared``, and for no other key; proofs are verified
before they are returned, so a wrong cache costs time and never a wrong proof.
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
    PtauError,
    PtauTooSmallError,
    ToolError,
    TwopmError,
    WitnessError,
)
from twopm_zk.plonk.proof import Proof, VerificationKey, public_from_json
from twopm_zk.system import extension
from twopm_zk.system.files import replacing
from twopm_zk.system.paths import cache_dir

if TYPE_CHECKING:
    from twopm_zk.system.progress import Progress

KEPT_KEYS = 4
"""Proving keys that stay in memory: about 50 MB each for 2^15 gates, shared with the page cache."""

_ERRORS: dict[str, type[TwopmError]] = {
    "io": InputError,
    "format": FileFormatError,
    "ptau": PtauError,
    "ptau-too-small": PtauTooSmallError,
    "circuit-too-small": CircuitTooSmallError,
    "witness": WitnessError,
    "proof": ProofFormatError,
    "setting": InputError,
}


def vectors() -> str:
    """Which arithmetic proofs use here: ``avx512`` or ``off``. Raises InputError for a bad ``TWOPM_ZK_VECTORS``."""
    with _translated():
        return _native.vectors()


class NativeBackend:
    """`Backend` on the extension module ``twopm_zk._native``."""

    name = "native"

    def __init__(self) -> None:
        self._keys: OrderedDict[tuple[str, int, int], _native.ProvingKey] = OrderedDict()
        self._lock = threading.Lock()

    def available(self) -> str | None:
        """None if this build runs on this processor, else why not."""
        return extension.unavailable()

    def write_insecure_ptau(self, power: int, path: Path, progress: Progress | None = None) -> None:
        """Write it in this process, up to power 22. Raises PtauError above."""
        with _translated():
            _native.write_insecure_ptau(power, path, _listener(progress))

    def setup(self, r1cs: Path, ptau: Path, zkey: Path, progress: Progress | None = None) -> None:
        """Write the key that snarkjs would write, byte for byte, and what proofs will share beside it."""
        with _translated(), replacing(zkey) as temporary, replacing(prepared_path(zkey)) as prepared:
            _native.setup(r1cs, ptau, temporary, prepared, _listener(progress))

    def export_verification_key(self, zkey: Path) -> VerificationKey:
        """Read the key's head."""
        with _translated():
            return VerificationKey.from_json(json.loads(_native.export_verification_key(zkey)))

    def prove(self, zkey: Path, wtns: Path, progress: Progress | None = None) -> tuple[Proof, list[int]]:
        """Check the witness against every gate, prove, and verify the proof."""
        with _translated():
            key = self.proving_key(zkey, progress)
            try:
                proof, public, _ = key.prove(wtns, _listener(progress))
            except _native.NativeError as error:
                if error.args[0] != "internal":
                    raise
                # The cache may be wrong; the key itself decides.
                prepared_path(zkey).unlink(missing_ok=True)
                self._forget()
                proof, public, _ = self.proving_key(zkey, progress).prove(wtns, _listener(progress))
        return Proof.from_json(json.loads(proof)), public_from_json(json.loads(public))

    def verify(self, vk: VerificationKey, public: list[int], proof: Proof) -> bool:
        """Verify in this process, in a few milliseconds."""
        with _translated():
            inputs = json.dumps([str(value) for value in public])
            return _native.verify(json.dumps(vk.to_json()), inputs, json.dumps(proof.to_json()))

    def proving_key(self, zkey: Path, progress: Progress | None = None) -> _native.ProvingKey:
        """The loaded key of a file; the same object as long as the file stays as it is."""
        try:
            state = zkey.stat()
        except OSError as error:
            raise InputError(f"proving key {str(zkey)!r} cannot be read: {error.strerror}") from error
        name = (str(zkey.resolve()), state.st_mtime_ns, state.st_size)
        with self._lock:
            if name in self._keys:
                self._keys.move_to_end(name)
                return self._keys[name]
        kept = prepared_path(zkey)
        # nothing is left beside a file of the user's
        ours = kept.is_file() or zkey.resolve().is_relative_to(cache_dir())
        with _translated():
            key = _native.ProvingKey(zkey, kept if ours else None, _listener(progress))
        with self._lock:
            self._keys[name] = key
            while len(self._keys) > KEPT_KEYS:
                self._keys.popitem(last=False)
        return key

    def _forget(self) -> None:
        with self._lock:
            self._keys.clear()


def prepared_path(zkey: Path) -> Path:
    """Where what proofs of a key share is kept."""
    return zkey.with_name(zkey.name + ".prepared")


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
