"""``witness``, and ``prove`` in its forms."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from twopm_zk.circuit.compilation import Circuit
from twopm_zk.circuit.inputs import checked_inputs
from twopm_zk.circuit.instances import find_instance
from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.cli.options.building import circuit_argument, compile_named, key_options, library_option, obtain_keys
from twopm_zk.cli.options.rows import csv_options, read_rows, teller
from twopm_zk.cli.output import (
    Command,
    Steps,
    backend_option,
    emit,
    force_option,
    json_option,
    out_folder,
    out_option,
    refuse_existing,
)
from twopm_zk.errors import InputError
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.plonk.proving import KEY_FILE, PROOF_FILE, PUBLIC_FILE, ProofResult, prove_files
from twopm_zk.plonk.proving import prove as make_proof
from twopm_zk.rows.cells import CsvOptions
from twopm_zk.rows.step import PreparedStep, prepare_step, step_gradient, step_information
from twopm_zk.rows.tables import Table, read_scaling, read_table, read_weights
from twopm_zk.statements import Collection
from twopm_zk.system import files
from twopm_zk.system.files import is_file, shown
from twopm_zk.system.parsing import parse_natural, parse_number, read_json
from twopm_zk.task.columns import same_name
from twopm_zk.task.scaling import Scaling

OPENING_FILE = "opening.json"
input_option = click.option(
    "--input",
    "input_file",
    type=click.Path(path_type=Path),
    required=True,
    help="JSON object of the circuit's input signals.",
)


def read_inputs(path: Path) -> dict[str, Any]:
    """Parse a file of input signals."""
    content = read_json(path, what="input")
    if not isinstance(content, dict):
        raise InputError(f"input {str(path)!r} is not an object of signal names")
    return content


@click.command()
@circuit_argument
@input_option
@library_option
@out_option
@force_option
@json_option
def witness(circuit: str, input_file: Path, libraries: tuple[Path, ...], out: Path, force: bool, as_json: bool) -> None:
    """Calculate the witness of CIRCUIT for an input, check it against every constraint, and write a .wtns file.

    The file holds every private value; only its owner can read it.

    \b
    Example:
      twopm-zk witness my.circom --input input.json --out my.wtns
    """
    refuse_existing(out, force=force)
    steps = Steps(quiet=as_json)
    inputs = read_inputs(input_file)
    compiled = compile_named(circuit, steps, libraries)
    with steps.step("witness"):
        calculated = calculate_witness(compiled, inputs)
        calculated.write(out)
    emit(as_json, {"witness": str(out), "wires": len(calculated.values), "public": [str(v) for v in calculated.public]})


def parse_scaling(options: tuple[str, ...], path: Path | None, names: tuple[str, ...]) -> dict[str, Scaling]:
    """Public constants from a file, and from options of the form NAME=CENTRE,SCALE."""
    scaling = read_scaling(path, names) if path is not None else {}
    for option in options:
        name, _, numbers = option.rpartition("=")
        parts = numbers.split(",")
        try:
            centre, scale = (parse_number(part) for part in parts)
        except ValueError:
            raise InputError(f"--scale {option!r} is not NAME=CENTRE,SCALE") from None
        name = same_name(name)
        if name not in names:
            raise InputError(f"--scale names {name!r}, which is no column", hint=f"Columns are: {', '.join(names)}.")
        if not scale or scale - scale or centre - centre:
            raise InputError(f"--scale of {name!r} needs finite numbers and a scale that is not 0")
        scaling[name] = Scaling(centre, scale)
    return scaling


def write_opening(out: Path, prepared: PreparedStep) -> Path:
    """The secrets that open the commitments, readable by their owner only."""
    said, opening = prepared.statement, prepared.statement.opening
    document = {
        "instance": prepared.instance.name,
        "context": str(said.context),
        "weights": list(said.weights),
        "salt": str(said.salt),
        "blinding": str(opening.blinding),
        "rows": opening.rows,
        "sums": [str(value) for value in opening.items],
        "sums_frac_bits": opening.unit.frac_bits,
        "point": {"x": str(opening.point.x), "y": str(opening.point.y)},
    }
    path = out / OPENING_FILE
    files.write_text(path, json.dumps(document, indent=2) + "\n", private=True)
    return path


def _refuse_used_folder(out: Path, force: bool) -> None:
    try:
        out_folder(out, (OPENING_FILE,), force=force)
    except InputError as error:
        if not is_file(out / OPENING_FILE):
            raise
        raise InputError(
            f"{shown(out)} holds an earlier proof; its salt and blinding would be lost", hint=error.hint
        ) from None
    out_folder(out, (PROOF_FILE, PUBLIC_FILE, KEY_FILE), force=force)


def _prove(
    circuit: Circuit, inputs: Mapping[str, Any], steps: Steps, *, named: str, ptau: Path | None, backend: str | None
) -> ProofResult:
    checked_inputs(circuit, inputs)  # a mistake in them is said before keys are made, which may take minutes
    keys = obtain_keys(circuit, steps, named=named, ptau=ptau, backend=backend)
    with steps.step("witness"):
        calculated = calculate_witness(circuit, inputs)
    with steps.step("proof") as progress:
        return make_proof(keys, calculated, backend=backend, progress=progress)


def _proven(out: Path, result: ProofResult, circuit: Circuit) -> dict[str, Any]:
    return {
        "circuit": circuit.name,
        "out": str(out),
        "public": [str(value) for value in result.public],
        "backend": result.backend,
        "gates": circuit.gates,
        "prove_seconds": round(result.prove_seconds, 3),
    }


def _announce(as_json: bool, document: Mapping[str, Any]) -> None:
    point = document.get("update_commitment")
    emit(
        as_json,
        document if as_json or not point else {**document, "update_commitment": f"x {point['x']}, y {point['y']}"},
    )
    if not as_json:
        click.echo(f"Verify it: twopm-zk verify {shlex.quote(document['out'])}")


_FLAGS = {"--force", "--json"}


def _spelt_out(words: list[str]) -> list[str]:
    """The words with the name of the command that they mean: before there were three, one took everything."""
    at = 0
    while at < len(words) and words[at].startswith("-"):
        alone = words[at] in _FLAGS or "=" in words[at] or (words[at][1] != "-" and len(words[at]) > 2)
        at += 1 if alone else 2
    name, rest = words[at : at + 1], words[:at] + words[at + 1 :]
    if not name:
        return ["files", *rest]
    if name in (["step"], ["information"]):
        return [*name, *rest]
    if any(word.partition("=")[0] == "--data" for word in rest):
        return ["information" if name[0].startswith("information-") else "step", "--instance", *name, *rest]
    return ["circuit", *name, *rest]


class _ProveGroup(click.Group):
    """Also takes the words without the name of a command, and finds out which is meant."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = _spelt_out(args)
        return super().parse_args(ctx, args)


@click.group(cls=_ProveGroup)
def prove() -> None:
    """Make a proof, and leave proof.json, public.json and verification_key.json in a folder.

    `step` proves a logistic-regression update over the rows of a CSV file, `information` what they tell about the
    weights, `circuit` any circuit for its input signals, `files` a witness that was calculated elsewhere. The name
    may be left out where the rest says which is meant: `prove my.circom --input input.json`,
    `prove --zkey my.zkey --wtns my.wtns`.
    """


def _rows_options(command: Command) -> Command:
    """Options of the statements about the rows of a CSV file."""
    for option in (
        json_option,
        force_option,
        out_option,
        key_options,
        csv_options,
        click.option("--context", default="0", help="Context that the model commitment binds, a field element."),
        click.option(
            "--scale", multiple=True, metavar="NAME=CENTRE,SCALE", help="Public constants of one column; repeatable."
        ),
        click.option(
            "--scaling", type=click.Path(path_type=Path), help='JSON: {"GPA": {"centre": 3, "scale": 0.64}, ...}.'
        ),
        click.option(
            "--weights",
            type=click.Path(path_type=Path),
            required=True,
            help="JSON: {feature: weight, ..., intercept} or a list.",
        ),
        click.option("--label", required=True, help="Column that holds the label, 0 or 1."),
        click.option(
            "--data",
            type=click.Path(path_type=Path),
            required=True,
            help="CSV or Parquet file of rows, with a header of column names.",
        ),
        click.option(
            "--instance", "instance_name", metavar="NAME", help="Such as step-119x3; default: the smallest that fits."
        ),
    ):
        command = option(command)
    return command


@prove.command()
@_rows_options
def step(out: Path, force: bool, as_json: bool, ptau: Path | None, backend: str | None, **rows: Any) -> None:
    """Prove a logistic-regression update over the rows of a CSV file, at given weights.

    Columns are centred and scaled by public constants first. The update is the gradient, each component rounded once to
    units of 2^-48; its commitment is a point, whose y is the third public input. The folder also holds opening.json:
    salt, blinding and sums, for its owner only.

    \b
    Examples:
      twopm-zk prove step --data rows.csv --label GRADE --weights w.json --out proof
      twopm-zk prove step --data rows.csv --label GRADE --weights w.json --scale GPA=3,0.64 --out proof
    """
    steps = Steps(quiet=as_json)
    _refuse_used_folder(out, force)
    table, prepared = _prepare(Collection.GRADIENT, teller(as_json), **rows)
    document = _prove_rows(out, prepared, steps, ptau=ptau, backend=backend)
    update = dict(zip([*table.names, "intercept"], step_gradient(table, prepared), strict=True))
    if as_json:
        document["update"] = update
    else:
        click.echo("update, the gradient of the loss summed over the rows (secret unless you share it):")
        for column, value in update.items():
            click.echo(f"  {column:<12} {value:+.6g}")
    _announce(as_json, document)


@prove.command()
@_rows_options
def information(out: Path, force: bool, as_json: bool, ptau: Path | None, backend: str | None, **rows: Any) -> None:
    """Prove the information in the rows of a CSV file at given weights: the sums of x x' sigma'(z).

    Takes what `twopm-zk prove step` takes. Each sum is rounded once to units of 2^-20. A task collects their total over
    all nodes, from which it makes the matrix of its steps.

    \b
    Example:
      twopm-zk prove information --data rows.csv --label GRADE --weights w.json --out proof
    """
    steps = Steps(quiet=as_json)
    _refuse_used_folder(out, force)
    table, prepared = _prepare(Collection.INFORMATION, teller(as_json), **rows)
    document = _prove_rows(out, prepared, steps, ptau=ptau, backend=backend)
    names, matrix = [*table.names, "intercept"], step_information(table, prepared)
    if as_json:
        document["information"] = dict(zip(names, matrix, strict=True))
    else:
        click.echo("information of the rows (secret unless you share it):")
        for name, line in zip(names, matrix, strict=True):
            click.echo(f"  {name:<12} " + " ".join(f"{value:+.6g}" for value in line))
    _announce(as_json, document)


@prove.command()
@circuit_argument
@input_option
@library_option
@key_options
@out_option
@force_option
@json_option
def circuit(
    circuit: str,
    input_file: Path,
    libraries: tuple[Path, ...],
    ptau: Path | None,
    backend: str | None,
    out: Path,
    force: bool,
    as_json: bool,
) -> None:
    """Prove CIRCUIT, a .circom file or an instance's name, for the input signals in a JSON file.

    \b
    Examples:
      twopm-zk prove circuit my.circom --input input.json --out proof
      twopm-zk prove circuit my.circom -l vendor --input input.json --out proof
    """
    steps = Steps(quiet=as_json)
    _refuse_used_folder(out, force)
    inputs = read_inputs(input_file)
    compiled = compile_named(circuit, steps, libraries)
    result = _prove(compiled, inputs, steps, named=circuit, ptau=ptau, backend=backend)
    result.save(out)
    _announce(as_json, _proven(out, result, compiled))


@prove.command(name="files")
@click.option("--zkey", type=click.Path(path_type=Path), required=True, help="Proving key, as snarkjs writes it.")
@click.option("--wtns", type=click.Path(path_type=Path), required=True, help="Witness, as circom's programs write it.")
@backend_option
@out_option
@force_option
@json_option
def prove_with_files(zkey: Path, wtns: Path, backend: str | None, out: Path, force: bool, as_json: bool) -> None:
    """Prove a witness with a proving key, both made elsewhere.

    The number of public inputs and of wires is compared, the proof is verified, and the verification key inside the
    proving key is left beside it. Who knows the secret of that key can forge proofs: nothing here can tell.

    \b
    Example:
      twopm-zk prove files --zkey my.zkey --wtns my.wtns --out proof
    """
    steps = Steps(quiet=as_json)
    _refuse_used_folder(out, force)
    with steps.step("proof") as progress:
        result = prove_files(zkey, wtns, backend=backend, progress=progress)
    result.save(out)
    document = {"zkey": str(zkey), "out": str(out), "public": [str(value) for value in result.public]}
    _announce(as_json, document | {"backend": result.backend, "prove_seconds": round(result.prove_seconds, 3)})


def _prepare(
    collection: Collection,
    tell: Callable[[str], object],
    *,
    instance_name: str | None,
    data: Path,
    label: str,
    weights: Path,
    scaling: Path | None,
    scale: tuple[str, ...],
    context: str,
    csv: CsvOptions,
) -> tuple[Table, PreparedStep]:
    instance = None if instance_name is None else find_instance(instance_name)
    table = read_table(read_rows(data, None, csv, tell), label=label)
    constants = parse_scaling(scale, scaling, table.names)
    bound = parse_natural(context, what="--context", limit=FIELD_ORDER)
    table = table.scaled(constants)
    real = read_weights(weights, table.names)
    return table, prepare_step(table, real, context=bound, instance=instance, collection=collection)


def _prove_rows(
    out: Path, prepared: PreparedStep, steps: Steps, *, ptau: Path | None, backend: str | None
) -> dict[str, Any]:
    """Proof and opening in a folder, and what is told of them."""
    name, point = prepared.instance.name, prepared.statement.opening.point
    compiled = compile_named(name, steps)
    inputs = prepared.statement.circuit_inputs()
    result = _prove(compiled, inputs, steps, named=name, ptau=ptau, backend=backend)
    opening = write_opening(out, prepared)
    result.save(out)
    commitment = {"update_commitment": {"x": str(point.x), "y": str(point.y)}}
    return _proven(out, result, compiled) | commitment | {"opening": str(opening)}
