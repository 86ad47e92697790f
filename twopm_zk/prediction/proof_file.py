"""A prediction's proof as one file, which says what it is of and nothing of the input.

The proof in it can be verified alone. Whether the model is one that a task has certified, and the key one of a verifier
on the chain, only the chain tells: its own verifier is asked about the proof.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from twopm_zk.chain.compiler import compile_contract
from twopm_zk.chain.contracts import Contract
from twopm_zk.chain.rpc import reading
from twopm_zk.chain.verification import VERIFY_GAS
from twopm_zk.errors import DeploymentError, InputError, ProofFormatError
from twopm_zk.participants.task_view import ChainView, model_of
from twopm_zk.plonk.proof import Proof, VerificationKey, public_from_json
from twopm_zk.plonk.proving import ProofResult
from twopm_zk.plonk.solidity import calldata
from twopm_zk.system.files import StrPath, read_bytes
from twopm_zk.system.parsing import parse_json

FORMAT = 1
MAX_BYTES = 1 << 16
_PUBLIC = 3
_NAMES = {"format", "proof", "public", "verification_key", "network", "chain_id", "contract", "task"}


@dataclass(frozen=True)
class ProofFile:
    """The proof of one prediction, and which network, task and deployment it says that it is of."""

    result: ProofResult
    network: int
    chain_id: int
    contract: str
    task: int

    @classmethod
    def read(cls, path: StrPath) -> Self:
        """The file's content. Raises InputError where it cannot be read, ProofFormatError for what it holds."""
        return cls.parse(read_bytes(path, what="proof file"))

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Raises ProofFormatError."""
        if len(content) > MAX_BYTES:
            raise ProofFormatError(f"the proof file has {len(content)} bytes; {MAX_BYTES} are allowed")
        document = parse_json(content, what="the proof file", error=ProofFormatError)
        if not isinstance(document, dict) or set(document) != _NAMES:
            raise ProofFormatError(f"the proof file does not hold exactly: {', '.join(sorted(_NAMES))}")
        if document["format"] != FORMAT:
            raise ProofFormatError(f"the proof file has another format than {FORMAT}")
        public = public_from_json(document["public"])
        if len(public) != _PUBLIC:
            raise ProofFormatError(f"a prediction has {_PUBLIC} public inputs, the proof file has {len(public)}")
        proof, key = Proof.from_json(document["proof"]), VerificationKey.from_json(document["verification_key"])
        numbers = {name: _natural(document, name) for name in ("network", "chain_id", "task")}
        return cls(ProofResult(proof, public, key), contract=_address(document["contract"]), **numbers)


@dataclass(frozen=True)
class ChainFindings:
    """What a chain says of a proof file."""

    model: bool
    """Whether its model has the weights that the task has certified."""
    verifiers: tuple[str, ...]
    """The deployment's verifiers that accept the proof."""
    insecure: tuple[str, ...]
    """Those of them, and of the verifiers that the task was trained with, whose keys are for development."""

    @property
    def holds(self) -> bool:
        """Whether the proof is of that task's model, by a verifier on the chain."""
        return self.model and bool(self.verifiers)


def compare(view: ChainView, file: ProofFile) -> ChainFindings:
    """Ask a chain about a proof. Raises DeploymentError for a file of another deployment, InputError for a task that
    there is not, ChainError."""
    if file.chain_id != view.deployment.chain_id:
        raise DeploymentError(
            f"the proof is of chain {file.chain_id}, the deployment of chain {view.deployment.chain_id}",
            kind="other-chain",
        )
    if file.contract != view.hlr.address:
        raise DeploymentError("the proof is of another deployment: it names another HLRContract")
    state = view.state(file.task)
    numbers, public = calldata(file.result.proof, file.result.public)
    accepting = []
    for name, one in view.deployment.verifiers.items():
        fits = (one.statement, one.family, one.features) == ("predict", state.family, len(state.weights) - 1)
        if not fits:
            continue
        verifier = Contract(view.chain, compile_contract("IPlonkVerifier3"), one.address)
        if reading(name, lambda verifier=verifier: verifier.call("verifyProof", numbers, public, gas=VERIFY_GAS)):  # type: ignore[misc]
            accepting.append(name)
    insecure = [name for name in accepting if view.deployment.verifiers[name].insecure]
    return ChainFindings(
        state.certified and _weights(view, file) == state.weights,
        tuple(accepting),
        (*view.insecure_verifiers(file.task), *insecure),
    )


def _weights(view: ChainView, file: ProofFile) -> tuple[int, ...] | None:
    """The weights of the proof's model, None where the task has never had it."""
    try:
        return model_of(view, file.task, file.result.public[0])[1]
    except InputError:
        return None


def _natural(document: Mapping[str, Any], name: str) -> int:
    value = document[name]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 1 << 63:
        raise ProofFormatError(f"`{name}` of the proof file is not a positive whole number")
    return value


def _address(value: Any) -> str:
    from eth_utils.address import is_checksum_address

    if not isinstance(value, str) or not is_checksum_address(value):
        raise ProofFormatError("`contract` of the proof file is not an address with its checksum")
    return value
