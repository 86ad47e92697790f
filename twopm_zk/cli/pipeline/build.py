"""``compile`` and ``setup``: from a circuit to its keys."""

from __future__ import annotations

from pathlib import Path

import click

from twopm_zk.circuit.compilation import Circuit, compile_circuit
from twopm_zk.cli.options.building import circuit_argument, obtain_keys, ptau_option
from twopm_zk.cli.output import Steps, backend_option, emit, json_option, resolve_circuit


def _describe(circuit: Circuit) -> dict[str, object]:
    return {
        "circuit": circuit.name,
        "constraints": circuit.constraints,
        "gates": circuit.gates,
        "power": circuit.power,
        "wires": circuit.wires,
        "public_inputs": [name.removeprefix("main.") for name in circuit.public],
    }


@click.command(name="compile")
@circuit_argument
@json_option
def compile(circuit: str, as_json: bool) -> None:
    """Compile CIRCUIT, an instance's name or a .circom file, and count its constraints and PLONK gates.

    The result is cached by content: compiling the same source again takes no time.

    \b
    Examples:
      twopm-zk compile step-32x3
      twopm-zk compile my.circom --json
    """
    steps = Steps(quiet=as_json)
    with steps.step(f"compile {circuit}") as progress:
        compiled = compile_circuit(resolve_circuit(circuit), progress=progress)
    emit(as_json, _describe(compiled) | {"r1cs": str(compiled.r1cs), "wasm": str(compiled.wasm)})


@click.command()
@circuit_argument
@ptau_option
@click.option("--ptau-power", type=click.IntRange(1, 28), help="Power of the insecure development file.")
@click.option("--ptau-digest", help="BLAKE2b-512 (hex) that the ptau must have, for one outside the published table.")
@backend_option
@json_option
def setup(
    circuit: str,
    ptau: Path | None,
    ptau_power: int | None,
    ptau_digest: str | None,
    backend: str | None,
    as_json: bool,
) -> None:
    """Make proving and verification key of CIRCUIT.

    A ptau is trusted when its BLAKE2b-512 is that of a published ceremony file, or the one given. Keys are cached
    by content: the same circuit and ptau are set up once.

    \b
    Examples:
      twopm-zk setup step-32x3
      twopm-zk setup step-128x3 --ptau powersOfTau28_hez_final_15.ptau
    """
    steps = Steps(quiet=as_json)
    with steps.step(f"compile {circuit}") as progress:
        compiled = compile_circuit(resolve_circuit(circuit), progress=progress)
    keys = obtain_keys(compiled, steps, ptau=ptau, ptau_power=ptau_power, ptau_digest=ptau_digest, backend=backend)
    emit(
        as_json,
        _describe(compiled)
        | {
            "proving_key": str(keys.zkey),
            "verification_key": str(keys.verification_key_file),
            "ptau": keys.ptau_origin,
            "ptau_digest": keys.ptau_digest,
            "insecure": keys.insecure,
        },
    )
