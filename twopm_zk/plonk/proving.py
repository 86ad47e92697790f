"""Prove and verify, through one backend, and keep the result as snarkjs does.

>>> circuit = compile_circuit(find_instance("step-48x3"))        # doctest: +SKIP
>>> result = prove(setup(circuit), inputs)                       # doctest: +SKIP
>>> verify(result.verification_key, result.public, result.proof) # doctest: +SKIP
True
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from twopm_zk.circuit.witness import Witness, calculate_witness, open_witness, require_satisfied, witness_values
from twopm_zk.errors import InputError, ProofFormatError, ProvingError, WitnessError
from twopm_zk.plonk.backends import Backend, get_backend
from twopm_zk.plonk.keys import Keys
from twopm_zk.plonk.proof import (
    Proof,
    VerificationKey,
    read_proof,
    read_public,
    read_verification_key,
    require_public,
    write_json,
)
from twopm_zk.plonk.zkey import read_zkey
from twopm_zk.system.files import StrPath, secret_file
from twopm_zk.system.progress import Progress

Verifier = Literal["python", "snarkjs", "native"]
PROOF_FILE, PUBLIC_FILE, KEY_FILE = "proof.json", "public.json", "verification_key.json"


@dataclass(frozen=True)
class ProofResult:
    """A proof with all that is needed to verify it."""

    proof: Proof
    public: list[int]
    verification_key: VerificationKey
    backend: str = ""
    witness_seconds: float = 0.0
    """Time to calculate the witness, 0 if it was given."""
    prove_seconds: float = 0.0

    def save(self, folder: StrPath) -> None:
        """Write ``proof.json``, ``public.json``, ``verification_key.json``, as snarkjs does."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / PUBLIC_FILE, [str(value) for value in self.public])
        write_json(folder / KEY_FILE, self.verification_key.to_json())
        write_json(folder / PROOF_FILE, self.proof.to_json())


def load_proof(folder: StrPath) -> ProofResult:
    """Read what `ProofResult.save`, or snarkjs, left in a folder."""
    folder = Path(folder)
    return ProofResult(
        read_proof(folder / PROOF_FILE),
        read_public(folder / PUBLIC_FILE),
        read_verification_key(folder / KEY_FILE),
    )


def prove(
    keys: Keys,
    witness_or_inputs: Witness | Mapping[str, Any],
    *,
    backend: Backend | str | None = None,
    progress: Progress | None = None,
    check: bool = True,
) -> ProofResult:
    """Prove that the circuit of ``keys`` has a witness with these public inputs.

    Inputs, or a witness, which is checked before it is proven: against the R1CS, or by a backend that does so itself.
    The proof is verified before it is returned, unless ``check`` is off: a damaged proving key gives proofs of nothing.

    Raises InputError, WitnessError, FileFormatError, ProvingError.
    """
    prover = backend if isinstance(backend, Backend) else get_backend(backend)
    key_file = keys.readable_by(prover)  # a truncated key would waste the whole time of a proof
    started = time.perf_counter()
    if isinstance(witness_or_inputs, Witness):
        witness = witness_or_inputs
        if witness.circuit.r1cs_digest != keys.circuit.r1cs_digest:
            raise WitnessError(
                f"the witness is of circuit {witness.circuit.name!r}, the keys are of {keys.circuit.name!r}"
            )
        if not witness.checked and not prover.checks_witness:
            require_satisfied(keys.circuit, witness.values)
    else:
        witness = calculate_witness(keys.circuit, witness_or_inputs, check=not prover.checks_witness)
    witnessed = time.perf_counter()
    with secret_file(witness.to_bytes()) as file:
        try:
            proof, public = prover.prove(key_file, file, progress)
        except WitnessError:
            require_satisfied(keys.circuit, witness.values)  # names the signals, where the constraints are broken too
            raise
        except (ProofFormatError, ProvingError) as error:
            raise _damaged_keys(prover, keys.folder) from error
    proved = time.perf_counter()
    key = keys.verification_key
    if public != witness.public or (check and not prover.verify(key, public, proof)):
        raise _damaged_keys(prover, keys.folder)
    return ProofResult(proof, public, key, prover.name, witnessed - started, proved - witnessed)


def _damaged_keys(prover: Backend, folder: Path) -> ProvingError:
    return ProvingError(
        f"the proof that {prover.name} made does not verify: the keys are damaged",
        hint=f"Remove {str(folder)!r}; they are made again.",
        kind="cache-entry",
        folder=folder,
    )


def prove_files(
    zkey: StrPath,
    wtns: StrPath,
    *,
    backend: Backend | str | None = None,
    progress: Progress | None = None,
) -> ProofResult:
    """Prove with a proving key and a witness that were made elsewhere, by snarkjs and circom's own programs.

    The witness must have as many values as the key's circuit has wires. The proof is verified, with the key inside
    ``zkey``, before it is returned; that says nothing about where that key comes from.

    Raises InputError, FileFormatError, WitnessError, ProvingError.
    """
    prover = backend if isinstance(backend, Backend) else get_backend(backend)
    head = read_zkey(zkey)
    file, wires = open_witness(wtns)
    if wires != head.circuit_wires:
        raise WitnessError(
            f"witness {str(wtns)!r} has {wires} values, the circuit of {str(zkey)!r} has {head.circuit_wires} wires",
            hint="They are of different circuits, or of versions of one.",
        )
    expected = witness_values(file, head.public + 1)[1:]
    started = time.perf_counter()
    key = head.verification_key()
    damaged = ProvingError(f"the proof that {prover.name} made does not verify: {str(zkey)!r} is damaged")
    try:
        proof, public = prover.prove(Path(zkey), Path(wtns), progress)
    except WitnessError:
        raise
    except (ProofFormatError, ProvingError) as error:
        raise damaged from error
    if public != expected or not prover.verify(key, public, proof):
        raise damaged
    return ProofResult(proof, public, key, prover.name, 0.0, time.perf_counter() - started)


def verify(vk: VerificationKey, public: list[int], proof: Proof, *, verifier: Verifier = "python") -> bool:
    """Whether the proof is valid.

    Raises ProofFormatError for the wrong number of public inputs and for one that is not below FIELD_ORDER:
    such an alias passes the verifier contracts that snarkjs generates.
    """
    require_public(vk, public)
    if verifier == "python":
        from twopm_zk.plonk.verifier import verify as verify_in_python

        return verify_in_python(vk, public, proof)
    if verifier in ("snarkjs", "native"):
        return get_backend(verifier).verify(vk, public, proof)
    raise InputError(f"there is no verifier {verifier!r}; there are python, snarkjs, native")
