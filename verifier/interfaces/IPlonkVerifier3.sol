// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A PLONK verifier of a statement with three public inputs
/// @notice What every generated contract of ours answers to, whatever its statement and size.
/// @dev A generated verifier must be called, never inherited: its assembly ends the outer call. It does not check
/// that public inputs are below FIELD_ORDER, so that `x` and `x + FIELD_ORDER` verify alike, and given too little
/// gas it answers false. {ProofCheck} takes care of both.
interface IPlonkVerifier3 {
    /// @notice Whether `proof` shows the statement for these public inputs.
    /// @param proof Nine points and six evaluations, as snarkjs orders them.
    /// @param publicInputs In circuit order.
    function verifyProof(uint256[24] calldata proof, uint256[3] calldata publicInputs) external view returns (bool);
}
