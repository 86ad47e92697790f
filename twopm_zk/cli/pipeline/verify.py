"""``verify``, ``export-verifier`` and ``calldata``: a proof in other people's hands."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twopm_zk.cli.options.building import circuit_argument, compile_named, key_options, library_option, obtain_keys
from twopm_zk.cli.options.connection import DEFAULT_URL, Connection
from twopm_zk.cli.output import Steps, emit, force_option, json_option, refuse_existing
from twopm_zk.errors import InputError
from twopm_zk.plonk import proving
from twopm_zk.plonk.backends import find_backend
from twopm_zk.plonk.keys import Keys
from twopm_zk.plonk.proving import ProofResult, Verifier
from twopm_zk.plonk.solidity import calldata as proof_calldata
from twopm_zk.plonk.solidity import calldata_text, verifier_name
from twopm_zk.plonk.solidity import export_verifier as verifier_source
from twopm_zk.system import files

if TYPE_CHECKING:
    from twopm_zk.prediction.proof_file import ChainFindings, ProofFile

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
@click.argument("proof", metavar="FOLDER|FILE.json", type=click.Path(path_type=Path))
@click.option(
    "--with",
    "verifier",
    type=click.Choice(["snarkjs", "python", "native", "evm", "all"]),
    default="python",
    show_default=True,
    help="evm deploys the generated contract on a local node and calls it.",
)
@click.option(
    "--deployment",
    "deployment_file",
    type=click.Path(path_type=Path),
    help="Of a prediction in FILE.json: compare its model and verifier with this deployment on the chain.",
)
@click.option(
    "--rpc-url", envvar="TWOPM_ZK_RPC_URL", default=DEFAULT_URL, show_default=True, help="With --deployment: EVM node."
)
@json_option
def verify(proof: Path, verifier: str, deployment_file: Path | None, rpc_url: str, as_json: bool) -> None:
    """Verify the proof in FOLDER (proof.json, public.json, verification_key.json), or of a prediction in FILE.json.

    A page, the API or an operator gives predictions as one file. By itself it shows that somebody knows an input of
    which a model says that; with --deployment also that the model is the one that its task has certified, and the key
    that of a verifier on the chain.

    Exits with 0 where every verifier asked accepts it, 1 where one does not, or the chain says otherwise; `all` leaves
    the contract out for a proof without public inputs, which Solidity cannot take. A file that cannot be parsed, or a
    public input that is not below the field's order, is an error (3).

    \b
    Examples:
      twopm-zk verify proof
      twopm-zk verify proof --with all
      twopm-zk verify prediction-proof.json --deployment deployment.json
    """
    steps = Steps(quiet=as_json)
    file = read_proof_file(proof) if files.is_file(proof) else None
    if file is None and deployment_file is not None:
        raise InputError("--deployment is for the proof of a prediction in one file")
    result = proving.load_proof(proof) if file is None else file.result
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
    document: dict[str, Any] = {"valid": valid, "public": [str(v) for v in result.public], "verifiers": answers}
    lines = list(map(_verdict, answers))
    if file is not None and deployment_file is None:
        lines.append("This is the proof alone: with --deployment its model and verifier are compared with the chain.")
    if file is not None and deployment_file is not None:
        with steps.step("model and verifier, compared with the chain"):
            findings = compare_with_chain(file, Connection(rpc_url, deployment_file, None))
        document["chain"] = {
            "model": findings.model,
            "verifiers": list(findings.verifiers),
            "insecure_keys": list(findings.insecure),
        }
        valid = document["valid"] = valid and findings.holds
        certified = f"certified by task {file.task}" if findings.model else "NOT THE ONE THAT ITS TASK HAS CERTIFIED"
        lines.append(f"model    {certified}")
        lines.append(f"key      {', '.join(findings.verifiers) or 'OF NO VERIFIER ON THE CHAIN'}")
        if findings.insecure:
            lines.append(f"INSECURE KEYS: {', '.join(findings.insecure)}. This proves nothing to anybody.")
    emit(as_json, document, "\n".join(lines))
    sys.exit(0 if valid else 1)


def read_proof_file(path: Path) -> ProofFile:
    """The proof of a prediction in one file."""
    from twopm_zk.prediction.proof_file import ProofFile

    return ProofFile.read(path)


def compare_with_chain(file: ProofFile, connection: Connection) -> ChainFindings:
    """What the chain of a connection says of a proof file."""
    from twopm_zk.cli.options.participants import open_view
    from twopm_zk.prediction.proof_file import compare

    return compare(open_view(connection, signing=False), file)


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
