"""Circom sources to a compiled circuit: R1CS, witness program, symbols, and what they cost.

A source is an `Instance` (a template of ours with parameters, from circuits/circuits.json) or the path of
a user's own ``.circom`` file with its ``component main``. circom is the npm package circom2 (2.2.3 as
WASM), or a native circom of the same version on PATH. Always ``--O1``: at O2 linear signals are
substituted into every use, and PLONK pays for each of them again. Instances that come compiled
(`twopm_zk/circuit/shipped.py`) are unpacked instead.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from twopm_zk.circuit.circom import CIRCOM2_VERSION as CIRCOM2_VERSION
from twopm_zk.circuit.circom import CIRCOM_FLAGS, CIRCOM_VERSION, run_circom
from twopm_zk.circuit.instances import Instance
from twopm_zk.circuit.shipped import is_shipped, unpack
from twopm_zk.circuit.sources import Sources, collect_sources
from twopm_zk.errors import CacheError, InputError
from twopm_zk.system import programs
from twopm_zk.system.files import StrPath, digest_of, locked, replacing
from twopm_zk.system.paths import cached, circuits_dir
from twopm_zk.system.progress import Progress

if TYPE_CHECKING:
    from twopm_zk.circuit.r1cs import R1cs
    from twopm_zk.circuit.symbols import Symbols

FORMAT = 2  # of circuit.json; part of the digest


class Assignment(Protocol):
    """One value per wire, such as a `Witness`."""

    @property
    def values(self) -> Sequence[int]:
        """Wire 0, the constant 1, first."""


@dataclass(frozen=True)
class Circuit:
    """A compiled circuit: an entry of the cache, named by the digest of everything that went in."""

    name: str
    digest: str
    constraints: int
    gates: int
    power: int
    """The smallest PLONK domain that fits is 2**power."""
    wires: int
    r1cs_digest: str
    public: tuple[str, ...]
    """Names of the public inputs in order, outputs first: ``main.out``, ``main.x[0]``."""
    inputs: dict[str, tuple[int, ...]]
    """Shape of each input signal; ``()`` for a single one."""

    @property
    def folder(self) -> Path:
        """The cache entry."""
        return cached("circuits", self.digest)

    @property
    def r1cs(self) -> Path:
        """Constraints."""
        return self.folder / "circuit.r1cs"

    @property
    def wasm(self) -> Path:
        """Witness program."""
        return self.folder / "circuit.wasm"

    @property
    def sym(self) -> Path:
        """Names of the signals."""
        return self.folder / "circuit.sym"

    def load_r1cs(self) -> R1cs:
        """The parsed constraints; parsed once per process."""
        with self._in_cache():
            return _load_r1cs(self.r1cs)

    def load_symbols(self) -> Symbols:
        """The parsed signal names; parsed once per process."""
        with self._in_cache():
            return _load_symbols(self.sym)

    @contextmanager
    def _in_cache(self) -> Iterator[None]:
        """A damaged file that the cache holds is no file that the user gave."""
        try:
            yield
        except InputError as error:
            message = f"circuit {self.name!r} is damaged in the cache: {error.message}"
            raise damaged_entry(message, self.folder) from error

    def accepts(self, witness: Assignment) -> bool:
        """Whether ``witness`` satisfies every constraint."""
        r1cs = self.load_r1cs()
        return (
            len(witness.values) == r1cs.wires
            and witness.values[0] == 1
            and r1cs.first_violation(witness.values) is None
        )


@lru_cache(maxsize=4)
def _load_r1cs(path: Path) -> R1cs:
    from twopm_zk.circuit.r1cs import read_r1cs

    return read_r1cs(path)


@lru_cache(maxsize=4)
def _load_symbols(path: Path) -> Symbols:
    from twopm_zk.circuit.symbols import read_symbols

    return read_symbols(path)


Source: TypeAlias = Instance | StrPath
"""An instance of ours, or the path of a ``.circom`` file."""


def source_digest(source: Source, *, libraries: Sequence[StrPath] = ()) -> str:
    """What names a circuit in the cache: a digest of the compiler, its options and every file that is included."""
    return _digest(_sources(source, libraries))


def compiled(source: Source, *, libraries: Sequence[StrPath] = ()) -> Circuit | None:
    """The circuit if it is in the cache; never compiles."""
    return _load(_name(source), source_digest(source, libraries=libraries))


def compile_circuit(
    source: Source,
    *,
    libraries: Sequence[StrPath] = (),
    from_sources: bool = False,
    progress: Progress | None = None,
) -> Circuit:
    """Compile, or find in the cache.

    ``libraries`` are folders in which a file of the user's finds what it includes, before the usual ones; an
    instance of ours takes none. ``from_sources`` takes nothing that comes compiled. Raises CompileError with circom's
    own message, InputError where a file cannot be read.
    """
    name, sources = _name(source), _sources(source, libraries)
    digest = _digest(sources)
    if (known := _load(name, digest)) is not None:
        return known
    if progress is not None:
        progress(f"compiling {name}")
    entry = cached("circuits", digest)
    with programs.interruptible(), locked(entry):
        if not entry.is_dir():  # another process may have made it while this one waited
            _build(sources, entry) if from_sources or not is_shipped(digest) else unpack(digest, entry)
    circuit = _load(name, digest)
    if circuit is None:
        raise CacheError(f"the cache entry of circuit {name!r} could not be read back")
    return circuit


def _build(sources: Sources, entry: Path) -> None:
    with TemporaryDirectory(prefix="twopm-zk-circom-") as scratch:
        built = run_circom(sources, Path(scratch))
        with replacing(entry) as temporary:
            temporary.mkdir()
            for suffix, made in built.items():
                (temporary / f"circuit.{suffix}").write_bytes(made.read_bytes())
            (temporary / "circuit.json").write_text(json.dumps(_measure(temporary), indent=2) + "\n")


def _name(source: Source) -> str:
    return source.name if isinstance(source, Instance) else Path(source).stem


def _sources(source: Source, libraries: Sequence[StrPath]) -> Sources:
    if not isinstance(source, Instance):
        return collect_sources(Path(source).resolve(), libraries=[Path(folder).resolve() for folder in libraries])
    if libraries:
        raise InputError(f"circuit {source.name!r} is an instance of twopm-zk, which takes no library folders")
    return collect_sources(circuits_dir() / f"{source.name}.main.circom", text=source.main())


def _digest(sources: Sources) -> str:
    return digest_of(
        f"circuit {FORMAT}, circom {CIRCOM_VERSION} {' '.join(CIRCOM_FLAGS)}",
        sources.main,
        *(part for name, text in sorted(sources.texts.items()) for part in (name, text)),
    )


def _load(name: str, digest: str) -> Circuit | None:
    file = cached("circuits", digest) / "circuit.json"
    try:
        row: dict[str, Any] = json.loads(file.read_text())
        row["public"] = tuple(row["public"])
        row["inputs"] = {signal: tuple(shape) for signal, shape in row["inputs"].items()}
        return Circuit(name=name, digest=digest, **row)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged_entry(f"the cache entry of circuit {name!r} is damaged", file.parent) from error


def damaged_entry(message: str, folder: Path) -> CacheError:
    """What is raised for an entry of the cache that cannot be used."""
    return CacheError(message, hint=f"Remove {str(folder)!r}; it is made again.", kind="cache-entry", folder=folder)


def _measure(entry: Path) -> dict[str, Any]:
    from twopm_zk.circuit.r1cs import domain_power, plonk_gates, read_r1cs
    from twopm_zk.circuit.symbols import read_symbols

    r1cs, symbols = read_r1cs(entry / "circuit.r1cs"), read_symbols(entry / "circuit.sym")
    gates = plonk_gates(r1cs)
    measured = Circuit(
        name="",
        digest="",
        constraints=r1cs.constraints,
        gates=gates,
        power=domain_power(gates),
        wires=r1cs.wires,
        r1cs_digest=digest_of(entry / "circuit.r1cs"),
        public=symbols.labels[: r1cs.public],
        inputs=symbols.inputs(r1cs),
    )
    row = asdict(measured)
    del row["name"], row["digest"]
    return row
