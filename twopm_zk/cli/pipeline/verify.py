"""``verify``, ``export-verifier`` and ``calldata``: a proof in other people's hands."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click

from twopm_zk.cli.options.building import circuit_argument, compile_named, key_options, library_option, obtain_keys
from twopm_zk.cli.output import Steps, emit, force_option, json_option, refuse_existing
from twopm_zk.plonk import proving
from twopm_zk.plonk.backends import find_backend
from twopm_zk.plonk.keys import Keys
from twopm_zk.plonk.proving import ProofResult, Verifier
from twopm_zk.plonk.solidity import calldata as proof_calldata
from twopm_zk.plonk.solidity import calldata_text, verifier_name
from twopm_zk.plonk.solidity import export_verifier as verifier_source
from twopm_zk.system import files

IN_PROCESS: tuple[Verifier, ...] = ("native", "snarkjs", "python")
folder_argument = click.argument("folder", type=click.Path(path_type=Path))


def verify_with(name: str, result: ProofResult, keys: Keys | None = None) -> dict[str, Any]:
    """Verify once; ``name`` is snarkjs, python, native or evm. The contract of known ``keys`` may come compiled."""
    started = time.perf_counter()
    document: dict[str, Any] = {"verifier": name}
    if name == "evm":
        from twopm_zk.chain import verify_on_chain

        contract = "ExportedVerifier" if keys is None else verifier_name(keys.circuit.name)
        source = verifier_source(keys or result.verification_key, contract)
        numbers, public = proof_calldata(result.proof, result.public)
        answer = verify_on_chain(source, contract, numbers, public)
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

    Exits with 0 where every verifier asked accepts it, 1 where one does not; `all` leaves the contract out for a
    proof without public inputs, which Solidity cannot take. A file that cannot be parsed, or a
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
    answers: list[dict[str, Any]] = []
    for name in names:
        if name == "evm" and verifier == "all" and not result.public:
            reason = "a verifier contract takes at least one public input"
            answers.append({"verifier": name, "valid": None, "reason": reason})
            continue
        with steps.step(f"verify with {name}"):
            answers.append(verify_with(name, result))
    valid = all(answer["valid"] is not False for answer in answers)
    text = "\n".join(map(_verdict, answers))
    emit(as_json, {"valid": valid, "public": [str(v) for v in result.public], "verifiers": answers}, text)
    sys.exit(0 if valid else 1)


def _verdict(answer: dict[str, Any]) -> str:
    if answer["valid"] is None:
        return f"{answer['verifier']:<8} not applicable: {answer['reason']}"
    gas = f", {answer['gas']} gas" if answer.get("gas") else ""
    return f"{answer['verifier']:<8} {'valid' if answer['valid'] else 'INVALID'}{gas}"


@click.command(name="export-verifier")
@circuit_argument
@library_option
@click.option("--name", "contract_name", help="Name of the contract; default: the circuit's, as Step32x3Verifier.")
@click.option("--out", type=click.Path(path_type=Path), help="Solidity file to write; default: standard output.")
@force_option
@key_options
@json_option
def export_verifier(
    circuit: str,
    libraries: tuple[Path, ...],
    contract_name: str | None,
    out: Path | None,
    force: bool,
    ptau: Path | None,
    backend: str | None,
    as_json: bool,
) -> None:
    """Write the Solidity verifier of CIRCUIT's verification key.

    The generated contract does not check that public inputs are below the field's order: call it through
    verifier/proofs/CheckedPlonkVerifier.sol, or check them yourself.

    \b
    Example:
      twopm-zk export-verifier step-48x3 --name StepVerifier --out StepVerifier.sol
    """
    steps = Steps(quiet=as_json)
    if out is not None:
        refuse_existing(out, force=force)
    compiled = compile_named(circuit, steps, libraries)
    keys = obtain_keys(compiled, steps, named=circuit, ptau=ptau, backend=backend)
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
