"""``compile`` and ``setup``: from a circuit to its keys."""

from __future__ import annotations

from pathlib import Path

import click

from twopm_zk.circuit.compilation import Circuit
from twopm_zk.cli.options.building import (
    circuit_argument,
    compile_all,
    compile_named,
    key_options,
    library_option,
    obtain_keys,
)
from twopm_zk.cli.output import Steps, emit, force_option, json_option, out_folder, print_table
from twopm_zk.errors import InputError
from twopm_zk.plonk.proving import KEY_FILE
from twopm_zk.plonk.ptau import MAX_INSECURE_POWER
from twopm_zk.system import files

folder_option = click.option(
    "--out", type=click.Path(path_type=Path), metavar="FOLDER", help="Also write the files here, under CIRCUIT's name."
)


def _describe(circuit: Circuit) -> dict[str, object]:
    return {
        "circuit": circuit.name,
        "constraints": circuit.constraints,
        "gates": circuit.gates,
        "power": circuit.power,
        "wires": circuit.wires,
        "public_inputs": [name.removeprefix("main.") for name in circuit.public],
    }


def _copies(circuit: str, suffixes: tuple[str, ...], out: Path | None, *others: str, force: bool) -> list[Path]:
    """Where copies are to go, none without --out; refused before any work where something is there."""
    stem = circuit.removesuffix(".circom").rpartition("/")[2]
    names = [f"{stem}.{suffix}" for suffix in suffixes]
    return [] if out is None else out_folder(out, [*names, *others], force=force)


def _copy(sources: tuple[Path, ...], targets: list[Path]) -> None:
    for source, target in zip(sources, targets, strict=False):
        files.copy(source, target)


@click.command(name="compile")
@click.argument("circuits", metavar="CIRCUIT...", nargs=-1, required=True)
@library_option
@folder_option
@force_option
@json_option
def compile(
    circuits: tuple[str, ...], libraries: tuple[Path, ...], out: Path | None, force: bool, as_json: bool
) -> None:
    """Compile each CIRCUIT, an instance's name or a .circom file, and count its constraints and PLONK gates.

    Several are compiled side by side. The result is cached by content: compiling the same source again takes no time.
    With --out the R1CS, the witness program and the symbols are left in a folder, as circom would write them. With
    --json several circuits are a list under "circuits".

    \b
    Examples:
      twopm-zk compile step-48x3
      twopm-zk compile step-119x3 information-119x3 aggregate-3 certify-3
      twopm-zk compile my.circom -l vendor --out build
    """
    steps = Steps(quiet=as_json)
    targets = {name: _copies(name, ("r1cs", "wasm", "sym"), out, force=force) for name in circuits}
    if len({str(path) for paths in targets.values() for path in paths}) < sum(map(len, targets.values())):
        raise InputError(
            "two circuits of the same name cannot be left in one folder", hint="Compile each with an --out of its own."
        )
    documents = []
    for name, compiled in compile_all(circuits, steps, libraries).items():
        made = compiled.r1cs, compiled.wasm, compiled.sym
        _copy(made, targets[name])
        r1cs, wasm, sym = targets[name] or made
        documents.append(_describe(compiled) | {"r1cs": str(r1cs), "wasm": str(wasm), "sym": str(sym)})
    if len(documents) == 1:
        emit(as_json, documents[0])
    elif as_json:
        emit(True, {"circuits": documents})
    else:
        columns = ("circuit", "constraints", "gates", "power")
        print_table(columns, [[row[column] for column in columns] for row in documents])


@click.command()
@circuit_argument
@library_option
@click.option(
    "--ptau-power", type=click.IntRange(1, MAX_INSECURE_POWER), help="Power of the insecure development file."
)
@key_options
@folder_option
@force_option
@json_option
def setup(
    circuit: str,
    libraries: tuple[Path, ...],
    ptau: Path | None,
    ptau_power: int | None,
    backend: str | None,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Make proving and verification key of CIRCUIT.

    A ptau is trusted when its BLAKE2b-512 is that of a published ceremony file, or one that you name: once, every
    other command then knows the file. Keys are cached by content: the same circuit and ptau are set up once. The
    native prover's proving key is compact. With --out verification_key.json and the proving key that snarkjs reads, a
    .zkey, which is many times as large, are left in a folder too.

    \b
    Examples:
      twopm-zk setup step-48x3
      twopm-zk setup step-119x3 --ptau powersOfTau28_hez_final_15.ptau
      twopm-zk setup my.circom --ptau ours.ptau --ptau-digest 0123abcd... --out build
    """
    steps = Steps(quiet=as_json)
    targets = _copies(circuit, ("zkey",), out, KEY_FILE, force=force)
    compiled = compile_named(circuit, steps, libraries)
    keys = obtain_keys(compiled, steps, named=circuit, ptau=ptau, ptau_power=ptau_power, backend=backend)
    if targets:
        _copy((keys.zkey, keys.verification_key_file), targets)
    proving_key, verification_key = targets or (keys.proving_key, keys.verification_key_file)
    emit(
        as_json,
        _describe(compiled)
        | {
            "proving_key": str(proving_key),
            "verification_key": str(verification_key),
            "ptau": keys.ptau_origin,
            "ptau_digest": keys.ptau_digest,
            "insecure": keys.insecure,
        },
    )
