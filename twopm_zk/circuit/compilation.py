"""Circom sources to a compiled circuit: R1CS, witness program, symbols, and what they cost.

A source is an `Instance` (a template of ours with parameters, from circuits/circuits.json) or the path of
a user's own ``.circom`` file with its ``component main``. circom is the npm package circom2 (2.2.3 as
WASM), or a native circom of the same version on PATH. Always ``--O1``: at O2 linear signals are
substituted into every use, and PLONK pays for each of them again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

from twopm_zk.circuit.circom import CIRCOM2_VERSION as CIRCOM2_VERSION
from twopm_zk.circuit.circom import CIRCOM_FLAGS, CIRCOM_VERSION, run_circom
from twopm_zk.circuit.instances import Instance
from twopm_zk.circuit.sources import Sources, collect_sources
from twopm_zk.errors import FileFormatError
from twopm_zk.system import programs
from twopm_zk.system.files import digest_of, locked, replacing
from twopm_zk.system.paths import cached, circuits_dir

if TYPE_CHECKING:
    from twopm_zk.circuit.r1cs import R1cs
    from twopm_zk.circuit.symbols import Symbols

FORMAT = 2  # of circuit.json; part of the digest

Progress = Callable[[str], None]
"""Called with one line of text now and then while something long is going on."""


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
        return _load_r1cs(self.r1cs)

    def load_symbols(self) -> Symbols:
        """The parsed signal names; parsed once per process."""
        return _load_symbols(self.sym)

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


def compiled(source: Instance | Path) -> Circuit | None:
    """The circuit if it is in the cache; never compiles."""
    return _load(_name(source), _digest(_sources(source)))


def compile_circuit(source: Instance | Path, *, progress: Progress | None = None) -> Circuit:
    """Compile, or find in the cache.

    Raises CompileError with circom's own message, InputError where a file cannot be read.
    """
    name, sources = _name(source), _sources(source)
    digest = _digest(sources)
    if (known := _load(name, digest)) is not None:
        return known
    if progress is not None:
        progress(f"compiling {name}")
    entry = cached("circuits", digest)
    with programs.interruptible(), locked(entry):
        if not entry.is_dir():  # another process may have made it while this one waited
            _build(sources, entry)
    circuit = _load(name, digest)
    if circuit is None:
        raise FileFormatError(f"the cache entry of circuit {name!r} could not be read back")
    return circuit


def _build(sources: Sources, entry: Path) -> None:
    with TemporaryDirectory(prefix="twopm-zk-circom-") as scratch:
        built = run_circom(sources, Path(scratch))
        with replacing(entry) as temporary:
            temporary.mkdir()
            for suffix, made in built.items():
                (temporary / f"circuit.{suffix}").write_bytes(made.read_bytes())
            (temporary / "circuit.json").write_text(json.dumps(_measure(temporary), indent=2) + "\n")


def _name(source: Instance | Path) -> str:
    return source.name if isinstance(source, Instance) else source.stem


def _sources(source: Instance | Path) -> Sources:
    if isinstance(source, Instance):
        return collect_sources(circuits_dir() / f"{source.name}.main.circom", text=source.main())
    return collect_sources(source.resolve())


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
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileFormatError(
            f"the cache entry of circuit {name!r} is damaged", hint=f"Remove {str(file.parent)!r}."
        ) from error


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
