"""Solidity to artifacts with npm's solc, each source compiled once.

A source unit and everything it imports are collected here, so that the compiler reads nothing from disk. What is
compiled is known by a digest of compiler, settings, our sources, and the pinned versions of the npm packages that
they import: it names the result in the cache. The contracts of ``verifier/`` and the verifiers of development keys
come compiled, in ``verifier/compiled``, and are taken from there where the digest is that of the sources at hand;
then neither Node nor an npm package is needed.

EVM version: Scroll documents ``cancun`` as its compilation target, and so does every Ethereum chain since
March 2024. ``MCOPY``, ``TLOAD`` and ``TSTORE`` are used; the parts of cancun that Scroll leaves out (blobs,
``SELFDESTRUCT``) and those where it differs (``PREVRANDAO`` is 0) are used nowhere.
Source: https://docs.scroll.io/en/developers/ethereum-and-scroll-differences/.
"""

from __future__ import annotations

import json
import posixpath
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from twopm_zk.errors import CompileError, InputError, ToolError, ToolVersionError
from twopm_zk.system import files, paths, programs

SOLC_VERSION = "0.8.37"
EVM_VERSION = "cancun"
SETTINGS: Mapping[str, Any] = {
    "evmVersion": EVM_VERSION,
    "viaIR": True,
    "optimizer": {"enabled": True, "runs": 10_000},
    "outputSelection": {
        "*": {
            "*": [
                "abi",
                "evm.bytecode.object",
                "evm.bytecode.linkReferences",
                "evm.deployedBytecode.object",
                "evm.deployedBytecode.linkReferences",
                "evm.deployedBytecode.immutableReferences",
            ]
        }
    },
}
POSEIDON_SETTINGS: Mapping[str, Any] = {"viaIR": False, "optimizer": {"enabled": True, "runs": 1_000_000}}
"""For poseidon-solidity's libraries, as they are published: their assembly reads the arguments at 0x80, where
only the legacy code generator promises to put them, and viaIR unrolls their constants past MAX_CODE_SIZE."""
GENERATED = "generated.sol"
"""The source unit of what is in no file."""
NPM_SOURCES = ("@openzeppelin/contracts", "poseidon-solidity")
"""The npm packages that sources may import."""
SOLC_TIMEOUT = 600.0
"""Seconds for one input."""
MAX_CODE_SIZE = 24_576
"""Bytes of code that a chain accepts for one contract (EIP-170)."""

_IMPORT = re.compile(r"""^\s*import\s+(?:[^;"']*?\sfrom\s+)?["']([^"']+)["']""", re.MULTILINE)
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True)
class Artifact:
    """One compiled contract."""

    name: str
    unit: str
    """Source unit, such as ``verifier/staking/StakingContract.sol``."""
    abi: list[dict[str, Any]]
    bytecode: str
    """Creation code in hexadecimal, with solc's placeholders where libraries go."""
    runtime: str
    """Deployed code in hexadecimal, with placeholders and with zeros for immutables."""
    links: dict[str, list[list[int]]]
    """``unit:Library`` to [start, length] in bytes, in the creation code."""
    runtime_links: dict[str, list[list[int]]]
    immutables: list[list[int]]
    """[start, length] in bytes, in the deployed code."""

    @property
    def libraries(self) -> list[str]:
        """Names of the libraries that have to be deployed first."""
        return sorted({key.rpartition(":")[2] for key in self.links} | self._runtime_libraries())

    def _runtime_libraries(self) -> set[str]:
        return {key.rpartition(":")[2] for key in self.runtime_links}

    def linked(self, libraries: Mapping[str, str] | None = None) -> str:
        """Creation code with the addresses of its libraries. InputError where one is missing."""
        return _link(self.name, self.bytecode, self.links, libraries or {})

    def matches(self, code: bytes, libraries: Mapping[str, str] | None = None) -> bool:
        """Whether ``code``, read from a chain, is this contract; immutables may hold anything.

        A library's own address, which the compiler writes into the first 21 bytes, is ignored too.
        """
        expected = bytearray.fromhex(_link(self.name, self.runtime, self.runtime_links, libraries or {}))
        found = bytearray(code)
        if len(found) != len(expected):
            return False
        ignored = list(self.immutables)
        if expected[:21] == b"\x73" + bytes(20):  # PUSH20 of a library's own address
            ignored.append([1, 20])
        for start, length in ignored:
            expected[start : start + length] = found[start : start + length] = bytes(length)
        return found == expected


@dataclass(frozen=True)
class _KnownDigest:
    """The digest of a unit, from sources of ours that were written at some time."""

    units: tuple[str, ...]
    written: tuple[int, ...]
    digest: str


_DIGESTS: dict[tuple[Path, str], _KnownDigest] = {}
"""Of this process: every look at a deployment asks for all of them."""


def _link(name: str, code: str, links: Mapping[str, list[list[int]]], libraries: Mapping[str, str]) -> str:
    for key, places in links.items():
        library = key.rpartition(":")[2]
        if library not in libraries:
            raise InputError(f"{name} needs the address of library {library}")
        address = libraries[library].removeprefix("0x").lower()
        for start, length in places:
            code = code[: 2 * start] + address.rjust(2 * length, "0") + code[2 * (start + length) :]
    return code


def compile_contract(name: str) -> Artifact:
    """Compile a contract, interface or library of ``verifier/`` or an npm library by its name.

    Raises InputError where there is none of that name, CompileError with solc's words.
    """
    unit = _units().get(name)
    if unit is None:
        raise InputError(f"there is no contract {name!r} in {paths.verifier_dir()}")
    return _compile(unit, name)[name]


def compile_source(source: str, name: str, *, unit: str = GENERATED) -> Artifact:
    """Compile Solidity that is not in a file, such as a verifier just exported; ``name`` picks the contract.

    Raises CompileError, also where the source has no contract of that name.
    """
    contracts = _compile(unit, name, source)
    if name not in contracts:
        raise CompileError(f"the source has no contract {name!r}, only {', '.join(sorted(contracts))}")
    return contracts[name]


def contract_names() -> list[str]:
    """Names that ``compile_contract`` knows: one per file below ``verifier/``, generated ones aside, and npm's."""
    return sorted(_units())


def compiled_dir() -> Path:
    """Folder of the contracts that come compiled."""
    return paths.verifier_dir() / "compiled"


def compiled_entries(jobs: Sequence[tuple[str, str | None]]) -> list[str]:
    """What ``compiled_dir()`` has in its files, compiled anew: nothing is read from there or from the cache.

    A job is the name of a contract, with its source where it is in no file of ours.
    """
    units = [(_units()[name] if source is None else GENERATED, source) for name, source in jobs]
    answers = _solc(*(_standard_json(unit, source) for unit, source in units))
    return [
        _entry_text(_digest(unit, source), _artifacts(unit, answer))
        for (unit, source), answer in zip(units, answers, strict=True)
    ]


def _units() -> dict[str, str]:
    return _units_of(paths.verifier_dir())


@cache
def _units_of(root: Path) -> dict[str, str]:
    ours = (path for path in sorted(root.rglob("*.sol")) if path.parent.name != "generated")
    units = {path.stem: f"verifier/{path.relative_to(root).as_posix()}" for path in ours}
    units["IERC20"] = "@openzeppelin/contracts/token/ERC20/IERC20.sol"
    units["IERC20Metadata"] = "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol"
    return units | {f"PoseidonT{n}": f"poseidon-solidity/PoseidonT{n}.sol" for n in range(2, 7)}


def _package_of(unit: str) -> str | None:
    """The npm package that a unit is in; None for one of ours."""
    return next((package for package in NPM_SOURCES if unit.startswith(f"{package}/")), None)


def _read_unit(unit: str) -> str:
    package = _package_of(unit)
    if (package is None and not unit.startswith("verifier/")) or ".." in unit.split("/"):
        raise CompileError(f"import of {unit!r}: only our own files and {', '.join(NPM_SOURCES)} can be imported")
    path = _our_path(unit) if package is None else _pinned_package(package) / unit.removeprefix(f"{package}/")
    try:
        return path.read_text()
    except OSError as error:
        raise CompileError(f"Solidity source {unit!r} cannot be read: {error.strerror}") from error


def _our_path(unit: str) -> Path:
    return paths.verifier_dir() / unit.removeprefix("verifier/")


def _imports(unit: str, source: str) -> Iterator[str]:
    for target in _IMPORT.findall(_COMMENT.sub("", source)):
        if target.startswith("."):
            yield posixpath.normpath(posixpath.join(posixpath.dirname(unit), target))
        else:
            yield target


def _closure(unit: str, source: str | None = None, *, pinned: bool = False) -> dict[str, str]:
    """A unit and what it imports, by name; ``pinned`` has a package's version in place of each of its sources."""

    def read(name: str) -> str:
        package = _package_of(name) if pinned else None
        return _read_unit(name) if package is None else f"{package} {_pins()[package]}"

    sources, waiting = {unit: read(unit) if source is None else source}, [unit]
    while waiting:
        importer = waiting.pop()
        for target in _imports(importer, sources[importer]):
            if target not in sources:
                sources[target] = read(target)
                waiting.append(target)
    return dict(sorted(sources.items()))


def _settings(unit: str) -> dict[str, Any]:
    settings = {**SETTINGS, **(POSEIDON_SETTINGS if unit.startswith("poseidon-solidity/") else {})}
    return {**settings, "outputSelection": {unit: SETTINGS["outputSelection"]["*"]}}


def _digest(unit: str, source: str | None) -> str:
    """What names the result of compiling a unit; of files that were not written since the last time, as it was then."""
    root = paths.verifier_dir()
    known = _DIGESTS.get((root, unit)) if source is None else None
    if known is not None and known.written == _written(known.units):
        return known.digest
    closure = _closure(unit, source, pinned=True)
    digest = files.digest_of(SOLC_VERSION, json.dumps([closure, _settings(unit)]))
    if source is None:
        units = tuple(name for name in closure if _package_of(name) is None)
        _DIGESTS[root, unit] = _KnownDigest(units, _written(units), digest)
    return digest


def _written(units: Sequence[str]) -> tuple[int, ...]:
    """When each of our sources was written last; 0 for one that is not there."""
    return tuple(path.stat().st_mtime_ns if (path := _our_path(unit)).is_file() else 0 for unit in units)


def _compile(unit: str, name: str, source: str | None = None) -> dict[str, Artifact]:
    digest = _digest(unit, source)
    entry = paths.cached("contracts", f"{digest}.json")
    for known in (compiled_dir() / f"{name}.json", entry):
        if (contracts := _known(known, digest)) is not None:
            return contracts
    with files.locked(entry):
        if (contracts := _known(entry, digest)) is None:  # another process may have made it while this one waited
            contracts = _artifacts(unit, *_solc(_standard_json(unit, source)))
            files.write_text(entry, _entry_text(digest, contracts))
    return contracts


def _entry_text(digest: str, contracts: Mapping[str, Artifact]) -> str:
    compiled = {name: asdict(artifact) for name, artifact in sorted(contracts.items())}
    notice = f"compiled by solc {SOLC_VERSION}; do not edit"
    return json.dumps({"generated": notice, "digest": digest, "contracts": compiled}, indent=1) + "\n"


def _known(entry: Path, digest: str) -> dict[str, Artifact] | None:
    """The contracts of an entry, if it is of this digest."""
    try:
        found, contracts = _read_entry(entry, entry.stat().st_mtime_ns)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):  # not there, or damaged: compiled again
        return None
    return dict(contracts) if found == digest else None


@lru_cache(maxsize=128)
def _read_entry(entry: Path, _written: int) -> tuple[str, dict[str, Artifact]]:
    """Digest and contracts of an entry, parsed once in a process: every look at a deployment wants them all."""
    saved = json.loads(entry.read_text())
    return saved["digest"], {name: Artifact(**fields) for name, fields in saved["contracts"].items()}


def _standard_json(unit: str, source: str | None) -> str:
    sources = {name: {"content": text} for name, text in _closure(unit, source).items()}
    return json.dumps({"language": "Solidity", "sources": sources, "settings": _settings(unit)})


def _artifacts(unit: str, answer: str) -> dict[str, Artifact]:
    output = json.loads(answer)
    if errors := [entry for entry in output.get("errors", []) if entry["severity"] == "error"]:
        raise CompileError("\n".join(entry["formattedMessage"].strip() for entry in errors))
    return {
        name: Artifact(
            name=name,
            unit=unit,
            abi=contract["abi"],
            bytecode=contract["evm"]["bytecode"]["object"],
            runtime=contract["evm"]["deployedBytecode"]["object"],
            links=_places(contract["evm"]["bytecode"]["linkReferences"]),
            runtime_links=_places(contract["evm"]["deployedBytecode"]["linkReferences"]),
            immutables=[
                [place["start"], place["length"]]
                for places in contract["evm"]["deployedBytecode"].get("immutableReferences", {}).values()
                for place in places
            ],
        )
        for name, contract in output["contracts"][unit].items()
    }


def _places(references: Mapping[str, Mapping[str, list[dict[str, int]]]]) -> dict[str, list[list[int]]]:
    return {
        f"{unit}:{library}": [[place["start"], place["length"]] for place in places]
        for unit, libraries in references.items()
        for library, places in libraries.items()
    }


@cache
def _pins() -> dict[str, str]:
    """Versions of the npm packages that everything is compiled with, by name."""
    pins: dict[str, str] = json.loads((paths.source_root() / "package.json").read_text())["dependencies"]
    return {**pins, "solc": SOLC_VERSION}


@cache
def _pinned_package(name: str) -> Path:
    package = paths.npm_package(name)
    if (version := paths.npm_version(package)) != _pins()[name]:
        raise ToolVersionError(
            f"npm package {name} is {version}; the contracts are pinned to {_pins()[name]}", kind="not-installed"
        )
    return package


def _solc(*inputs: str) -> list[str]:
    """solc's answers to standard-JSON inputs, each of one line."""
    script = Path(__file__).with_name("solc.mjs")
    command = [programs.node(), script, _pinned_package("solc")]
    with tempfile.TemporaryDirectory(prefix="twopm-zk-solc-") as scratch:
        asked, answered = Path(scratch) / "inputs", Path(scratch) / "answers"
        asked.write_text("\n".join(inputs))
        finished = programs.run([*command, asked, answered], timeout=SOLC_TIMEOUT * len(inputs))
        if finished.code:
            raise ToolError(f"solc failed: {finished.output.strip()[-2000:]}")
        return answered.read_text().splitlines()
