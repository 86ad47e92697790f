"""Types of the extension module that ``native/build.sh`` builds from ``native/python``."""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import TypeAlias, TypedDict, final

__version__: str

_Path: TypeAlias = str | PathLike[str]
_Progress: TypeAlias = Callable[[str, float], object] | None

class NativeError(Exception):
    """``args`` are the kind of failure, a short word, and a message."""

class PtauReport(TypedDict):
    """What a sound powers-of-tau file holds."""

    power: int
    ceremony_power: int
    tau2_points: int
    prepared: bool

@final
class ProvingKey:
    """A proving key that is loaded once and proves many times, from any thread."""

    def __new__(cls, path: _Path, kept: int | None = None, progress: _Progress = None) -> ProvingKey: ...
    def prove(
        self,
        witness: _Path,
        progress: _Progress = None,
        insecure_blinding: Sequence[bytes] | None = None,
    ) -> tuple[str, str, list[tuple[str, float]]]: ...
    def verification_key(self) -> str: ...
    @property
    def power(self) -> int: ...
    @property
    def gates(self) -> int: ...

def unsupported() -> str | None: ...
def vectors() -> str: ...
def setup(
    r1cs: _Path, ptau: _Path, key: _Path, ptau_digest: bytes, progress: _Progress = None
) -> tuple[int, int, int]: ...
def write_zkey(key: _Path, zkey: _Path, progress: _Progress = None) -> None: ...
def export_verification_key(key: _Path) -> str: ...
def verify(verification_key: str, public: str, proof: str) -> bool: ...
def write_insecure_ptau(power: int, path: _Path, progress: _Progress = None) -> None: ...
def check_ptau(path: _Path, progress: _Progress = None) -> PtauReport: ...
def blake2b_512(path: _Path) -> str: ...
def sum_of_multiples(points: bytes, scalars: bytes) -> bytes: ...
