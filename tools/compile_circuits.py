"""Compile the instances that most use into circuits/compiled, which whoever proves takes them from.

Run: python tools/compile_circuits.py [--check] (part of `make generate`).

Always by circom, from the sources at hand, in a cache of this script's own (build/circuits-anew), and refused where
one is not what tests/statements/figures.json says (`make figures`). Minutes the first time, seconds where a few were
changed. --check compares them with what is there, and writes nothing.
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
import tarfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from twopm_zk.circuit import shipped
from twopm_zk.circuit.compilation import Circuit, compile_circuit
from twopm_zk.circuit.instances import find_instance
from twopm_zk.cli.network.deploy import DEFAULT_INSTANCES
from twopm_zk.system.paths import shipped_dir

ROOT = Path(__file__).parents[1]
FIGURES = ROOT / "tests" / "statements" / "figures.json"
CACHE = ROOT / "build" / "circuits-anew"
LARGEST_POWER = 14
"""Of the other instances those of larger domains do not come compiled: ten times the bytes, for seconds each."""
DICTIONARY = 1 << 25  # programs for witnesses share most of theirs, and lie up to 10 MB apart


def chosen_instances() -> list[str]:
    """Names of the instances that come compiled: those that are deployed where nothing else is said, and small ones."""
    figures = json.loads(FIGURES.read_text())
    return [name for name, row in figures.items() if name in DEFAULT_INSTANCES or row["power"] <= LARGEST_POWER]


def compile_anew(names: Iterable[str], cache: Path, progress: Callable[[str], None] = print) -> list[Circuit]:
    """Compile instances into a cache by circom alone; SystemExit where one is not what was measured."""
    figures = json.loads(FIGURES.read_text())
    os.environ["TWOPM_ZK_CACHE"] = str(cache)
    circuits = []

    def compile_one(name: str) -> Circuit:
        return compile_circuit(find_instance(name), from_sources=True, progress=progress)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for circuit in pool.map(compile_one, names):
            measured = figures[circuit.name]
            if (circuit.digest, circuit.constraints) != (measured["sources"], measured["constraints"]):
                raise SystemExit(f"{circuit.name} is not what {FIGURES} says: run `make figures`")
            circuits.append(circuit)
    return circuits


def pack(circuits: Sequence[Circuit], folder: Path) -> None:
    """Write the archive and the index that `twopm_zk.circuit.shipped` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9, "dict_size": DICTIONARY}]
    # what lies before a circuit is read with it: those that most tasks take come first
    in_order = sorted(circuits, key=lambda one: (one.name not in DEFAULT_INSTANCES, one.constraints, one.digest))
    paths = [circuit.folder / name for circuit in in_order for name in shipped.FILES]
    with (
        lzma.open(folder / "circuits.tar.xz", "wb", filters=filters) as compressed,
        tarfile.open(fileobj=compressed, mode="w") as archive,
    ):
        for path in paths:
            member = tarfile.TarInfo(f"{path.parent.name}/{path.name}")  # without owner and time: always the same
            member.size = path.stat().st_size
            with path.open("rb") as file:
                archive.addfile(member, file)
    index = {
        "generated": "by tools/compile_circuits.py, as circuits.tar.xz is",
        "instances": {circuit.name: circuit.digest for circuit in circuits},
    }
    (folder / "index.json").write_text(json.dumps(index, indent=2) + "\n")


def different(circuits: Sequence[Circuit]) -> list[str]:
    """Names of the circuits that do not come compiled as they are here."""
    digests = shipped.shipped_digests(shipped_dir())
    with TemporaryDirectory() as scratch:

        def same(circuit: Circuit) -> bool:
            if digests.get(circuit.name) != circuit.digest:
                return False
            entry = Path(scratch) / circuit.digest
            shipped.unpack(circuit.digest, entry)
            return all((entry / name).read_bytes() == (circuit.folder / name).read_bytes() for name in shipped.FILES)

        return [circuit.name for circuit in circuits if not same(circuit)]


def main() -> None:
    """Compile, then write or compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with what is there, and write nothing")
    options = parser.parse_args()
    circuits = compile_anew(chosen_instances(), CACHE)
    if not options.check:
        pack(circuits, shipped_dir())
    elif names := different(circuits):
        raise SystemExit(f"not what circom makes of the sources: {', '.join(names)}")


if __name__ == "__main__":
    main()
