"""A proof, verified by its generated contract on a real EVM node.

Contracts of three public inputs, ours, are called through CheckedPlonkVerifier, which checks that the
inputs are field elements. For other circuits the same check is made here. A generated verifier answers
false when it runs out of gas inside, so that ``eth_estimateGas`` finds far too little: gas is explicit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from twopm_zk.chain.compiler import Artifact, compile_contract, compile_source
from twopm_zk.chain.contracts import Chain
from twopm_zk.chain.development_node import DevelopmentNode
from twopm_zk.errors import InputError, TransactionError
from twopm_zk.numbers.field import FIELD_ORDER

PROOF_LENGTH = 24
"""Nine points and six evaluations."""
VERIFY_GAS = 2_000_000
"""Several times what a PLONK verification takes (about 0.3 million)."""


@dataclass(frozen=True)
class EvmVerification:
    """What the contract said."""

    accepted: bool
    gas: int
    """Gas of the verification sent as a transaction, its base cost and calldata included."""
    reason: str
    """Empty, or the error the contract reverted with."""
    contract: str
    code_size: int
    """Bytes of the deployed verifier."""
    chain_id: int


def verify_on_chain(
    solidity: str,
    contract_name: str,
    proof: Sequence[int],
    public_inputs: Sequence[int],
    *,
    node: DevelopmentNode | None = None,
) -> EvmVerification:
    """Deploy the verifier ``contract_name`` from its ``solidity`` source and ask it.

    ``proof`` is 24 integers in calldata order. Without ``node`` one is started and stopped again.
    A false proof, or a public input that is no field element, is not accepted; what does not fit the
    contract's types raises InputError.
    """
    if len(proof) != PROOF_LENGTH:
        raise InputError(f"a PLONK proof is {PROOF_LENGTH} numbers in calldata, not {len(proof)}")
    for value in (*proof, *public_inputs):
        if not 0 <= value < 2**256:
            raise InputError("a number of the proof or of the public inputs is not an unsigned 256-bit word")
    verifier = compile_source(solidity, contract_name)
    if node is not None:
        return _verify(node, verifier, proof, public_inputs)
    with DevelopmentNode() as own:
        return _verify(own, verifier, proof, public_inputs)


def _verify(
    node: DevelopmentNode, artifact: Artifact, proof: Sequence[int], public_inputs: Sequence[int]
) -> EvmVerification:
    expected = _public_inputs_of(artifact)
    if len(public_inputs) != expected:
        raise InputError(f"{artifact.name} takes {expected} public inputs, not {len(public_inputs)}")
    chain = Chain(node.url, private_key=node.private_keys[0])
    verifier = chain.deploy(artifact)
    reason = ""
    if expected == 3:
        checked = chain.deploy(compile_contract("CheckedPlonkVerifier"), verifier.address)
        try:
            receipt = checked.transact("requireProof", list(proof), list(public_inputs), gas=VERIFY_GAS)
            accepted, gas = True, receipt.gas_used
        except TransactionError as error:
            if error.error not in ("InvalidProof", "NotAFieldElement"):
                raise
            accepted, gas, reason = False, 0, error.error
    else:
        arguments = (list(proof), list(public_inputs))
        aliased = any(value >= FIELD_ORDER for value in public_inputs)
        accepted = not aliased and bool(verifier.call("verifyProof", *arguments, gas=VERIFY_GAS))
        gas = verifier.transact("verifyProof", *arguments, gas=VERIFY_GAS).gas_used if accepted else 0
        reason = "" if accepted else "NotAFieldElement" if aliased else "InvalidProof"
    return EvmVerification(
        accepted=accepted,
        gas=gas,
        reason=reason,
        contract=verifier.address,
        code_size=len(artifact.runtime) // 2,
        chain_id=chain.chain_id,
    )


def _public_inputs_of(artifact: Artifact) -> int:
    for entry in artifact.abi:
        if entry["type"] == "function" and entry["name"] == "verifyProof":
            kinds = [item["type"] for item in entry["inputs"]]
            if len(kinds) == 2 and kinds[0] == f"uint256[{PROOF_LENGTH}]":
                return int(kinds[1].removeprefix("uint256[").removesuffix("]"))
    raise InputError(f"{artifact.name} has no verifyProof(uint256[{PROOF_LENGTH}], uint256[n])")
