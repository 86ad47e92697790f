"""``verify``, ``export-verifier`` and ``calldata``: a proof in other people's hands."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.cli.options.building import obtain_keys, ptau_option
from twopm_zk.cli.output import Steps, backend_option, emit, json_option, resolve_circuit
from twopm_zk.plonk import proving
from twopm_zk.plonk.backends import find_backend
from twopm_zk.plonk.proving import ProofResult, Verifier
from twopm_zk.plonk.solidity import calldata as proof_calldata
from twopm_zk.plonk.solidity import calldata_text, verifier_name
from twopm_zk.plonk.solidity import export_verifier as verifier_source
from twopm_zk.system import files

IN_PROCESS: tuple[Verifier, ...] = ("native", "snarkjs", "python")
folder_argument = click.argument("folder", type=click.Path(path_type=Path))


def verify_with(name: str, result: ProofResult) -> dict[str, Any]:
    """Verify once; ``name`` is snarkjs, python, native or evm."""
    started = time.perf_counter()
    document: dict[str, Any] = {"verifier": name}
    if name == "evm":
        from twopm_zk.chain import verify_on_chain

        source = verifier_source(result.verification_key, "ExportedVerifier")
        numbers, public = proof_calldata(result.proof, result.public)
        answer = verify_on_chain(source, "ExportedVerifier", numbers, public)
        document |= {"valid": answer.accepted, "gas": answer.gas}
    else:
        chosen = next(verifier for verifier in IN_PROCESS if verifier == name)
        document["valid"] = proving.verify(result.verification_key, result.public, result.proof, verifier=chosen)
    return document | {"seconds": round(time.perf_counter() - started, 3)}


@click.command()
@folder_argument
@click.option(
    "--with",
    "verifier",
    type=click.Choice(["snarkjs", "python", "native", "evm", "all"]),
    default="python",
    show_default=True,
    help="evm deploys the generated contract on a local node and calls it.",
)
@json_option
def verify(folder: Path, verifier: str, as_json: bool) -> None:
    """Verify the proof in FOLDER (proof.json, public.json, verification_key.json).

    Exits with 0 where every verifier asked accepts it, 1 where one does not. A file that cannot be parsed, or a
    public input that is not below the field's order, is an error (3).

    \b
    Examples:
      twopm-zk verify proof
      twopm-zk verify proof --with all
    """
    steps = Steps(quiet=as_json)
    result = proving.load_proof(folder)
    if verifier == "all":
        native, reason = find_backend("native")
        built = native is not None and reason is None
        names = [*(["native"] if built else []), "snarkjs", "python", "evm"]
    else:
        names = [verifier]
    answers = []
    for name in names:
        with steps.step(f"verify with {name}"):
            answers.append(verify_with(name, result))
    valid = all(answer["valid"] for answer in answers)
    lines = [
        f"{answer['verifier']:<8} {'valid' if answer['valid'] else 'INVALID'}"
        + (f", {answer['gas']} gas" if answer.get("gas") else "")
        for answer in answers
    ]
    emit(as_json, {"valid": valid, "public": [str(v) for v in result.public], "verifiers": answers}, "\n".join(lines))
    sys.exit(0 if valid else 1)


@click.command(name="export-verifier")
@click.argument("circuit")
@click.option("--name", "contract_name", help="Name of the contract; default: the circuit's, as Step32x3Verifier.")
@click.option("--out", type=click.Path(path_type=Path), help="Solidity file to write; default: standard output.")
@ptau_option
@backend_option
@json_option
def export_verifier(
    circuit: str, contract_name: str | None, out: Path | None, ptau: Path | None, backend: str | None, as_json: bool
) -> None:
    """Write the Solidity verifier of CIRCUIT's verification key.

    The generated contract does not check that public inputs are below the field's order: call it through
    verifier/proofs/CheckedPlonkVerifier.sol, or check them yourself.

    \b
    Example:
      twopm-zk export-verifier step-32x3 --name StepVerifier --out StepVerifier.sol
    """
    steps = Steps(quiet=as_json)
    with steps.step(f"compile {circuit}") as progress:
        compiled = compile_circuit(resolve_circuit(circuit), progress=progress)
    keys = obtain_keys(compiled, steps, ptau=ptau, backend=backend)
    contract_name = contract_name or verifier_name(compiled.name)
    source = verifier_source(keys, contract_name)
    if out is None and not as_json:
        click.echo(source, nl=False)
        return
    document: dict[str, Any] = {"contract": contract_name, "insecure": keys.insecure}
    if out is not None:
        files.write_text(out, source)
        document["out"] = str(out)
    else:
        document["source"] = source
    emit(as_json, document)


@click.command()
@folder_argument
@json_option
def calldata(folder: Path, as_json: bool) -> None:
    """Print the arguments of verifyProof for the proof in FOLDER: 24 numbers of the proof, then public inputs.

    \b
    Example:
      twopm-zk calldata proof
    """
    result = proving.load_proof(folder)
    numbers, public = proof_calldata(result.proof, result.public)
    document = {"proof": [hex(v) for v in numbers], "public": [hex(v) for v in public]}
    emit(as_json, document, calldata_text(result.proof, result.public))
