"""Powers of tau: where the secret behind the keys comes from.

A file can be trusted when its BLAKE2b-512 is that of a published ceremony, or a digest that the user named once:
the cache remembers it.
Pairings and sizes show that a file is well formed, never that nobody knows its tau. The development file
made here is insecure by construction: its tau is the hash of a public sentence.

tauG1 has 2^(power+1) - 1 points, and as many Lagrange points are those of every power 0..power.
Points are affine, coordinates little-endian in Montgomery form (x * 2^256 mod BASE_FIELD_ORDER).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from pathlib import Path

from twopm_zk.errors import InputError, InsecureKeyError, PtauError
from twopm_zk.numbers.bn254 import INFINITY, G1Point, G2Point, is_in_g2, is_on_g1
from twopm_zk.numbers.field import BASE_FIELD_ORDER
from twopm_zk.plonk.backends import get_backend
from twopm_zk.plonk.ceremonies import CEREMONIES
from twopm_zk.plonk.proof import MAX_POWER
from twopm_zk.system import programs
from twopm_zk.system.binary_file import BinaryFile, open_binary_file
from twopm_zk.system.files import StrPath, digest_of, locked, replacing, require_space, shown, write_text
from twopm_zk.system.paths import PACKAGE_DIR, cached
from twopm_zk.system.progress import Progress


class PtauSection(IntEnum):
    """Sections of a ptau that PLONK needs, by number."""

    HEADER = 1
    TAU_G1 = 2
    TAU_G2 = 3
    LAGRANGE = 12


INSECURE_TAU = G1Point(
    9532232855939331810624867801746490834270871095045098567075492078644066768127,
    18116801229460238113891074594003541966458714176063894984050079887947062818546,
)
"""The public tau of every development file, times the generator of G1."""
MAX_INSECURE_POWER = 22
"""The largest power of a development file: no prover writes a larger one."""
G1_BYTES, G2_BYTES = 64, 128
NAMED_BY_USER = "a digest named by the user"
_REFERENCE = PACKAGE_DIR / "plonk" / "backends" / "insecure_ptau.mjs"
"""Says what is in a development file; every backend writes the same bytes."""
_MONTGOMERY_INVERSE = pow(1 << 256, -1, BASE_FIELD_ORDER)


@dataclass(frozen=True)
class Ptau:
    """A ptau file whose header and section sizes are right for PLONK."""

    file: BinaryFile
    power: int
    """Covers circuits of up to 2**power gates."""

    def tau_g1(self, index: int) -> tuple[int, int]:
        """Affine coordinates of tau^index times the generator of G1."""
        return self._g1(PtauSection.TAU_G1, index)

    def lagrange_g1(self, power: int, index: int) -> tuple[int, int]:
        """Affine coordinates of the ``index``-th Lagrange point of the domain of 2**power."""
        return self._g1(PtauSection.LAGRANGE, (1 << power) - 1 + index)

    def tau_g2(self, index: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Affine coordinates of tau^index times the generator of G2, each (real, imaginary)."""
        a, b, c, d = _coordinates(self.file.read(PtauSection.TAU_G2, offset=index * G2_BYTES, size=G2_BYTES))
        return (a, b), (c, d)

    def _g1(self, section: int, index: int) -> tuple[int, int]:
        x, y = _coordinates(self.file.read(section, offset=index * G1_BYTES, size=G1_BYTES))
        return x, y


def read_ptau(path: StrPath) -> Ptau:
    """Read a ptau's header and check its section sizes.

    Raises FileFormatError for a damaged file, PtauError for one that PLONK cannot use.
    """
    path = Path(path)
    file = open_binary_file(path, "ptau", versions=(1,))
    header = file.read(PtauSection.HEADER)
    if len(header) != 44 or header[:4] != (32).to_bytes(4, "little"):
        raise PtauError(f"ptau {str(path)!r} is over another field than BN254's")
    if int.from_bytes(header[4:36], "little") != BASE_FIELD_ORDER:
        raise PtauError(f"ptau {str(path)!r} is over another curve than BN254")
    power = int.from_bytes(header[36:40], "little")
    if not 1 <= power <= MAX_POWER:
        raise PtauError(f"ptau {str(path)!r} claims power {power}; powers go from 1 to {MAX_POWER}")
    if PtauSection.LAGRANGE not in file.sections:
        raise PtauError(
            f"ptau {str(path)!r} has no Lagrange points",
            hint="Prepare it for phase 2 with snarkjs.",
            kind="ptau-not-prepared",
            ptau=path,
        )
    points = 2 ** (power + 1) - 1
    for section, least in (
        (PtauSection.TAU_G1, points * G1_BYTES),
        (PtauSection.TAU_G2, 2 * G2_BYTES),
        (PtauSection.LAGRANGE, points * G1_BYTES),
    ):
        if file.section(section).size < least:
            raise PtauError(
                f"ptau {str(path)!r} is damaged: section {section} has {file.section(section).size} bytes, "
                f"power {power} needs {least}"
            )
    return Ptau(file, power)


def require_contribution(ptau: Ptau) -> None:
    """PtauError where tau is no secret: it is 1 in a ceremony's file before anybody has contributed, or 0."""
    known = {ptau.tau_g1(0): 1, INFINITY: 0}
    if (tau := known.get(ptau.tau_g1(1))) is not None:
        raise PtauError(
            f"the tau of ptau {str(ptau.file.path)!r} is {tau}: nobody has contributed to it",
            hint="Take a file of a ceremony with contributions.",
        )


def is_insecure(ptau: Ptau) -> bool:
    """Whether a file has the public tau of development files."""
    return ptau.tau_g1(1) == INSECURE_TAU


def check_well_formed(path: StrPath) -> Ptau:
    """Read a ptau and check its points by sample: on the curve, and tauG1, tauG2 of the same tau.

    Says nothing about who knows tau. Raises PtauError or FileFormatError.
    """
    from py_ecc.optimized_bn128 import FQ, FQ2, G1, G2, eq, normalize, pairing

    ptau = read_ptau(path)
    require_contribution(ptau)
    wrong = PtauError(f"ptau {str(path)!r} is damaged: its points do not belong together")
    last = 2 ** (ptau.power + 1) - 2
    samples = {0, 1, 2, last, *(last * part // 16 for part in range(1, 16))}
    points = [ptau.tau_g1(index) for index in sorted(samples)]
    points += [ptau.lagrange_g1(power, 0) for power in range(ptau.power + 1)]
    points += [ptau.lagrange_g1(ptau.power, (1 << ptau.power) - 1)]
    if not all(is_on_g1(*point) for point in points):
        raise wrong
    twist = [G2Point(*ptau.tau_g2(index)) for index in (0, 1)]
    generator = tuple(int(part) for part in normalize(G1)[:2])
    if ptau.tau_g1(0) != generator or ptau.lagrange_g1(0, 0) != generator:
        raise wrong
    first = FQ2(twist[0].x), FQ2(twist[0].y), FQ2.one()
    if not eq(first, G2) or not is_in_g2(twist[1]):
        raise wrong
    x, y = ptau.tau_g1(1)
    tau_g1, tau_g2 = (FQ(x), FQ(y), FQ(1)), (FQ2(twist[1].x), FQ2(twist[1].y), FQ2.one())
    if pairing(G2, tau_g1) != pairing(tau_g2, G1):
        raise wrong
    return ptau


def blake2b_of(path: StrPath) -> str:
    """BLAKE2b-512 of a file in hex, the digest by which ceremonies publish their results.

    Raises InputError where the file cannot be read.
    """
    try:
        status = Path(path).stat()
        return _blake2b(Path(path).resolve(), status.st_mtime_ns, status.st_size)
    except (OSError, ValueError) as error:
        raise InputError(f"ptau {shown(str(path))} cannot be read: {getattr(error, 'strerror', 'no file')}") from error


@lru_cache(maxsize=16)
def _blake2b(path: Path, mtime: int, size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def accept_ptau(path: StrPath, digest: str) -> str:
    """Check that a file has the BLAKE2b-512 ``digest`` that its user trusts, and remember it; the digest in hex.

    From then on `check_ceremony` knows the file, wherever it lies. Raises PtauError for another digest,
    InsecureKeyError for a development file: its tau is public, whoever trusts it.
    """
    found = blake2b_of(path)
    if digest.strip().lower().removeprefix("0x") != found:
        raise PtauError(
            f"ptau {str(path)!r} has BLAKE2b-512 {found[:16]}..., not the digest that was given",
            hint="Download it again, or compare the digest with its publisher's.",
        )
    if is_insecure(read_ptau(path)):
        raise InsecureKeyError(
            f"ptau {str(path)!r} is a development file: everybody knows its secret",
            hint="Take a file of a ceremony.",
        )
    if found not in CEREMONIES:
        write_text(_accepted(found), json.dumps({"blake2b_512": found, "origin": NAMED_BY_USER}) + "\n")
    return found


def check_ceremony(path: StrPath) -> str:
    """Name of the published ceremony file that this is, or a note that its user has accepted it by `accept_ptau`.

    Raises PtauError when it is neither: then nothing is known about who knows its tau.
    """
    found = blake2b_of(path)
    if found in CEREMONIES:
        return CEREMONIES[found]
    if _accepted(found).is_file():
        return NAMED_BY_USER
    raise PtauError(
        f"ptau {str(path)!r} is not of a published ceremony (BLAKE2b-512 {found[:16]}...)",
        hint="If you trust it, name its whole digest: b2sum prints it.",
    )


def _accepted(digest: str) -> Path:
    """Where the cache remembers that a digest was accepted."""
    return cached("ceremonies", f"{digest}.json")


def insecure_ptau(power: int, *, progress: Progress | None = None) -> Path:
    """A ptau for development, made once and cached. Anyone can forge proofs under keys made from it.

    ``power`` is at most MAX_INSECURE_POWER. The same bytes on every machine and by every backend; for power 15 on
    two cores about 2 s by snarkjs, 0.2 s by the native one.
    """
    if not 1 <= power <= MAX_INSECURE_POWER:
        raise PtauError(
            f"there is no development ptau of power {power}; powers go from 1 to {MAX_INSECURE_POWER}",
            hint="Larger circuits need the file of a ceremony.",
        )
    target = cached("ptau", f"insecure-{digest_of(_REFERENCE)[:16]}-{power:02}.ptau")
    if target.is_file():
        return target

    def report(stage: str) -> None:
        if progress is not None:
            progress(f"insecure development ptau of power {power}: {stage}")

    with programs.interruptible(), locked(target):
        if not target.is_file():  # another process may have made it while this one waited
            require_space(target, 4 * G1_BYTES << power, what=f"a development ptau of power {power}")
            with replacing(target) as temporary:
                get_backend().write_insecure_ptau(power, temporary, report)
                read_ptau(temporary)
    return target


def _coordinates(content: bytes) -> list[int]:
    raw = [int.from_bytes(content[at : at + 32], "little") for at in range(0, len(content), 32)]
    return [value * _MONTGOMERY_INVERSE % BASE_FIELD_ORDER for value in raw]
