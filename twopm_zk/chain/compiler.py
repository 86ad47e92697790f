"""Solidity to artifacts with npm's solc, each source compiled once.

A source unit and everything it imports are collected here, so that the compiler reads nothing from disk
and the digest of its whole input names the result in the cache.

EVM version: Scroll documents ``cancun`` as its compilation target, and so does every Ethereum chain since
March 2024. ``MCOPY``, ``TLOAD`` and ``TSTORE`` are used; the parts of cancun that Scroll leaves out (blobs,
``SELFDESTRUCT``) and those where it differs (``PREVRANDAO`` is 0) are used nowhere.
Source: https://docs.scroll.io/en/developers/ethereum-and-scroll-differences/.
"""

from __future__ import annotations

import json
import posixpath
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from twopm_zk.errors import CompileError, InputError, ToolError, ToolTimeoutError, ToolVersionError
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
NPM_SOURCES = ("@openzeppelin/", "poseidon-solidity/")
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
    return compile_unit(unit)[name]


def compile_unit(unit: str) -> dict[str, Artifact]:
    """All contracts of one source unit, such as ``verifier/registry/DataHub.sol``."""
    return _compile(unit, _read_unit(unit))


def compile_source(source: str, name: str, *, unit: str = "generated.sol") -> Artifact:
    """Compile Solidity that is not in a file, such as a verifier just exported; ``name`` picks the contract.

    Raises CompileError, also where the source has no contract of that name.
    """
    contracts = _compile(unit, source)
    if name not in contracts:
        raise CompileError(f"the source has no contract {name!r}, only {', '.join(sorted(contracts))}")
    return contracts[name]


def contract_names() -> list[str]:
    """Names that ``compile_contract`` knows: one per file below ``verifier/``, generated ones aside, and Poseidon."""
    return sorted(_units())


def _units() -> dict[str, str]:
    root = paths.verifier_dir()
    ours = (path for path in sorted(root.rglob("*.sol")) if path.parent.name != "generated")
    units = {path.stem: f"verifier/{path.relative_to(root).as_posix()}" for path in ours}
    return units | {f"PoseidonT{n}": f"poseidon-solidity/PoseidonT{n}.sol" for n in range(2, 7)}


def _path_of(unit: str) -> Path:
    if unit.startswith("verifier/"):
        return paths.verifier_dir() / unit.removeprefix("verifier/")
    return paths.node_modules() / unit


def _read_unit(unit: str) -> str:
    if not unit.startswith(("verifier/", *NPM_SOURCES)) or ".." in unit.split("/"):
        raise CompileError(f"import of {unit!r}: only our own files and {', '.join(NPM_SOURCES)} can be imported")
    try:
        return _path_of(unit).read_text()
    except OSError as error:
        raise CompileError(f"Solidity source {unit!r} cannot be read: {error.strerror}") from error


def _imports(unit: str, source: str) -> Iterator[str]:
    for target in _IMPORT.findall(_COMMENT.sub("", source)):
        if target.startswith("."):
            yield posixpath.normpath(posixpath.join(posixpath.dirname(unit), target))
        else:
            yield target


def _closure(unit: str, source: str) -> dict[str, str]:
    sources, waiting = {unit: source}, [unit]
    while waiting:
        importer = waiting.pop()
        for target in _imports(importer, sources[importer]):
            if target not in sources:
                sources[target] = _read_unit(target)
                waiting.append(target)
    return dict(sorted(sources.items()))


def _compile(unit: str, source: str) -> dict[str, Artifact]:
    settings = {**SETTINGS, **(POSEIDON_SETTINGS if unit.startswith("poseidon-solidity/") else {})}
    settings["outputSelection"] = {unit: SETTINGS["outputSelection"]["*"]}
    sources = {name: {"content": text} for name, text in _closure(unit, source).items()}
    standard_json = json.dumps({"language": "Solidity", "sources": sources, "settings": settings})
    entry = paths.cached("contracts", files.digest_of(SOLC_VERSION, standard_json) + ".json")
    if not entry.is_file():
        saved = {name: asdict(artifact) for name, artifact in _run_solc(unit, standard_json).items()}
        files.write_text(entry, json.dumps(saved))
    return dict(_read_entry(entry, entry.stat().st_mtime_ns))


@lru_cache(maxsize=64)
def _read_entry(entry: Path, _written: int) -> dict[str, Artifact]:
    """The contracts of an entry, parsed once in a process: every look at a deployment wants them all."""
    return {name: Artifact(**fields) for name, fields in json.loads(entry.read_text()).items()}


def _run_solc(unit: str, standard_json: str) -> dict[str, Artifact]:
    output = json.loads(_solc(standard_json))
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
def _solc_package() -> Path:
    package = paths.npm_package("solc")
    version = json.loads((package / "package.json").read_text())["version"]
    if version != SOLC_VERSION:
        raise ToolVersionError(
            f"npm package solc is {version}; the contracts are pinned to {SOLC_VERSION}",
            kind="not-installed",
        )
    return package


def _solc(standard_json: str) -> str:
    script = Path(__file__).with_name("solc.mjs")
    try:
        done = subprocess.run(
            [str(programs.node()), str(script), str(_solc_package())],
            input=standard_json.encode(),
            capture_output=True,
            timeout=600,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolTimeoutError("solc did not finish within 600 s") from error
    if done.returncode != 0:
        raise ToolError(f"solc failed: {done.stderr.decode(errors='replace').strip()[-2000:]}")
    return done.stdout.decode()
