"""``witness`` and ``prove``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from twopm_zk.circuit.compilation import Circuit, compile_circuit
from twopm_zk.circuit.instances import Instance, find_instance
from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.cli.options.building import obtain_keys, ptau_option
from twopm_zk.cli.output import Steps, backend_option, emit, json_option, out_option, resolve_circuit
from twopm_zk.errors import InputError
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.plonk.proving import ProofResult
from twopm_zk.plonk.proving import prove as make_proof
from twopm_zk.rows.step import PreparedStep, prepare_step, step_gradient
from twopm_zk.rows.tables import read_scaling, read_table, read_weights
from twopm_zk.system import files
from twopm_zk.system.parsing import read_json
from twopm_zk.task.scaling import Scaling

OPENING_FILE = "opening.json"
input_option = click.option(
    "--input", "input_file", type=click.Path(path_type=Path), help="JSON object of the circuit's input signals."
)


def read_inputs(path: Path) -> dict[str, Any]:
    """Parse a file of input signals."""
    content = read_json(path, what="input")
    if not isinstance(content, dict):
        raise InputError(f"input {str(path)!r} is not an object of signal names")
    return content


@click.command()
@click.argument("circuit")
@input_option
@out_option
@json_option
def witness(circuit: str, input_file: Path | None, out: Path, as_json: bool) -> None:
    """Calculate the witness of CIRCUIT for an input, check it against every constraint, and write a .wtns file.

    The file holds every private value; only its owner can read it.

    \b
    Example:
      twopm-zk witness my.circom --input input.json --out my.wtns
    """
    if input_file is None:
        raise click.UsageError("Missing option '--input'.")
    steps = Steps(quiet=as_json)
    inputs = read_inputs(input_file)
    with steps.step(f"compile {circuit}") as progress:
        compiled = compile_circuit(resolve_circuit(circuit), progress=progress)
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
            centre, scale = (float(part) for part in parts)
        except ValueError:
            raise InputError(f"--scale {option!r} is not NAME=CENTRE,SCALE") from None
        if name not in names:
            raise InputError(f"--scale names {name!r}, which is no column", hint=f"Columns are: {', '.join(names)}.")
        if not scale or scale - scale or centre - centre:
            raise InputError(f"--scale of {name!r} needs finite numbers and a scale that is not 0")
        scaling[name] = Scaling(centre, scale)
    return scaling


def write_opening(out: Path, prepared: PreparedStep) -> Path:
    """The secrets that open the commitments, readable by their owner only."""
    said = prepared.statement
    opening = {
        "instance": prepared.instance.name,
        "context": str(said.context),
        "weights": list(said.weights),
        "salt": str(said.salt),
        "blinding": str(said.blinding),
        "rows": said.update.rows,
        "gradient": [str(component) for component in said.update.gradient],
        "gradient_frac_bits": said.shape.gradient_frac_bits,
    }
    path = out / OPENING_FILE
    files.write_text(path, json.dumps(opening, indent=2) + "\n", private=True)
    return path


def _refuse_used_folder(out: Path, force: bool) -> None:
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {str(out)!r} is a file, not a folder")
    if (out / OPENING_FILE).exists() and not force:
        raise InputError(
            f"{str(out)!r} holds an earlier proof; its salt and blinding would be lost",
            hint="Give another --out, or --force to replace it.",
        )


def _prove(
    circuit: Circuit, inputs: dict[str, Any], steps: Steps, *, ptau: Path | None, backend: str | None
) -> ProofResult:
    keys = obtain_keys(circuit, steps, ptau=ptau, backend=backend)
    with steps.step("witness"):
        calculated = calculate_witness(circuit, inputs)
    with steps.step("proof") as progress:
        return make_proof(keys, calculated, backend=backend, progress=progress)


@click.command()
@click.argument("circuit")
@input_option
@click.option("--data", type=click.Path(path_type=Path), help="CSV file of rows, with a header (step circuits).")
@click.option("--label", help="Column that holds the label, 0 or 1.")
@click.option("--weights", type=click.Path(path_type=Path), help="JSON: {feature: weight, ..., intercept} or a list.")
@click.option("--scaling", type=click.Path(path_type=Path), help='JSON: {"GPA": {"centre": 3, "scale": 0.64}, ...}.')
@click.option("--scale", multiple=True, metavar="NAME=CENTRE,SCALE", help="Public constants of one column; repeatable.")
@click.option("--context", default="0", help="Context that the model commitment binds, a field element; default 0.")
@click.option("--force", is_flag=True, help="Replace an earlier proof in the folder.")
@ptau_option
@backend_option
@out_option
@json_option
def prove(
    circuit: str,
    input_file: Path | None,
    data: Path | None,
    label: str | None,
    weights: Path | None,
    scaling: Path | None,
    scale: tuple[str, ...],
    context: str,
    force: bool,
    ptau: Path | None,
    backend: str | None,
    out: Path,
    as_json: bool,
) -> None:
    """Prove CIRCUIT and leave proof.json, public.json and verification_key.json in a folder.

    `step` proves a logistic-regression update over the rows of a CSV file at given weights, with the smallest
    instance that fits; a name such as `step-128x3` chooses one. Columns are centred and scaled by public
    constants first. The folder then also holds opening.json: salt, blinding and update, for its owner only.
    Any other circuit takes its input signals from a JSON file.

    \b
    Examples:
      twopm-zk prove step --data rows.csv --label GRADE --weights w.json --out proof
      twopm-zk prove step --data rows.csv --label GRADE --weights w.json --scale GPA=3,0.64 --out proof
      twopm-zk prove my.circom --input input.json --out proof
    """
    steps = Steps(quiet=as_json)
    _refuse_used_folder(out, force)
    prepared = None
    if data is not None or circuit == "step":
        if data is None or label is None or weights is None or input_file is not None:
            raise click.UsageError("A step over rows needs --data, --label and --weights, and takes no --input.")
        instance = None if circuit == "step" else find_instance(circuit)
        prepared, gradient, names = _prepare(data, label, weights, scaling, scale, context, instance)
        source: Instance | Path = prepared.instance
        inputs: dict[str, Any] = dict(prepared.statement.circuit_inputs())
    else:
        if input_file is None:
            raise click.UsageError("Missing option '--input' (or --data, --label and --weights for a step).")
        source, inputs = resolve_circuit(circuit), read_inputs(input_file)
    with steps.step(f"compile {source.name}") as progress:
        compiled = compile_circuit(source, progress=progress)
    result = _prove(compiled, inputs, steps, ptau=ptau, backend=backend)
    document: dict[str, Any] = {
        "circuit": compiled.name,
        "out": str(out),
        "public": [str(value) for value in result.public],
        "backend": result.backend,
        "gates": compiled.gates,
        "prove_seconds": round(result.prove_seconds, 3),
    }
    if prepared is not None:
        document["opening"] = str(write_opening(out, prepared))
        document["update"] = dict(zip(names, gradient, strict=True))
    result.save(out)
    if not as_json and prepared is not None:
        click.echo("update, the gradient of the loss summed over the rows (secret unless you share it):")
        for name, value in document["update"].items():
            click.echo(f"  {name:<12} {value:+.6f}")
    if not as_json:
        document.pop("update", None)
    emit(as_json, document)
    if not as_json:
        click.echo(f"Verify it: twopm-zk verify {out}")


def _prepare(
    data: Path,
    label: str,
    weights: Path,
    scaling: Path | None,
    scale: tuple[str, ...],
    context: str,
    instance: Instance | None,
) -> tuple[PreparedStep, list[float], list[str]]:
    table = read_table(data, label=label)
    constants = parse_scaling(scale, scaling, table.names)
    if not context.isdecimal() or int(context) >= FIELD_ORDER:
        raise InputError("--context is not a field element in decimal digits")
    table = table.scaled(constants)
    prepared = prepare_step(table, read_weights(weights, table.names), context=int(context), instance=instance)
    return prepared, step_gradient(table, prepared), [*table.names, "intercept"]
