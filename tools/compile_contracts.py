"""Compile every contract, and the verifiers of development keys, into verifier/compiled.

Who deploys or audits takes them from there, where their digest is that of the sources at hand. A test compiles some of
them again and compares, in CI all of them.

Run: python tools/compile_contracts.py (part of `make generate`).
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from twopm_zk.chain import compiler
from twopm_zk.plonk.solidity import verifier_name
from twopm_zk.system import files, paths


def names_and_sources() -> Iterator[tuple[str, str | None]]:
    """Names of the contracts; sources of those that are in no file of their own name."""
    for name in compiler.contract_names():
        yield name, None
    for path in sorted((paths.verifier_dir() / "generated").glob("*.sol")):
        yield verifier_name(path.stem), path.read_text()


def main() -> None:
    """Write all of them, and remove what is of no source."""
    folder, jobs = compiler.compiled_dir(), list(names_and_sources())
    for path in folder.glob("*.json"):
        if path.stem not in dict(jobs):
            path.unlink()
    halves = jobs[::2], jobs[1::2]
    with ThreadPoolExecutor() as pool:
        for half, entries in zip(halves, pool.map(compiler.compiled_entries, halves), strict=True):
            for (name, _), entry in zip(half, entries, strict=True):
                files.write_text(folder / f"{name}.json", entry)


if __name__ == "__main__":
    main()
