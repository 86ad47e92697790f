"""``check``: what the constraints of any circuit leave open."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from twopm_zk.circuit.soundness.examination import Examination, examine
from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.cli.options.building import circuit_argument, compile_named, library_option
from twopm_zk.cli.output import Steps, emit, json_option
from twopm_zk.cli.pipeline.prove import input_option, read_inputs
from twopm_zk.errors import CircuitError, InputError

SHOWN = 12


@click.command()
@circuit_argument
@library_option
@input_option
@click.option("--given", multiple=True, metavar="SIGNAL", help="Signal that may have two values; repeat for others.")
@json_option
def check(circuit: str, input_file: Path, libraries: tuple[Path, ...], given: tuple[str, ...], as_json: bool) -> None:
    """Look for what the constraints of CIRCUIT leave open, whatever its witness program asserts.

    At the witness of an input every signal takes every other value, and all move together a little; rules then look
    for a proof that inputs determine every other signal in every witness. A signal that they leave open fails the
    command: it may have other values, or be beyond the rules. What the proof assumes is told.

    \b
    Example:
      twopm-zk check my.circom --input input.json
    """
    steps = Steps(quiet=as_json)
    inputs = read_inputs(input_file)
    compiled = compile_named(circuit, steps, libraries)
    with steps.step("witness"):
        witness = calculate_witness(compiled, inputs)
    with steps.step("check"):
        try:
            found = examine(witness, given=given)
        except KeyError as error:
            raise InputError(f"--given: circuit {compiled.name!r} has no signal {error.args[0]!r}") from error
    emit(as_json, _document(found))
    if found.open:
        names = ", ".join(found.open[:SHOWN]) + (f" and {len(found.open) - SHOWN} more" * (len(found.open) > SHOWN))
        raise CircuitError(f"circuit {compiled.name!r} leaves open: {names}")


def _document(found: Examination) -> dict[str, object]:
    assumed = Counter(each.kind for each in found.determination.assumptions)
    return {
        "signals": found.changes.signals,
        "left_out_by_circom": len(found.changes.inputs) + len(found.changes.eliminated),
        "determined": found.determination.proven,
        "under_assumptions": sum(len(each.determines) for each in found.determination.assumptions),
        "assumptions": [f"{count} {kind}" for kind, count in sorted(assumed.items())],
        "assumed_not_zero": [each.about for each in found.determination.assumptions if each.kind == "nonzero"][:SHOWN],
        "open": list(found.open),
    }
