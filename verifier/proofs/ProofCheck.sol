// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPlonkVerifier3} from "../interfaces/IPlonkVerifier3.sol";

/// @dev Order of BN254's scalar field: public inputs, commitments and digests are below it.
uint256 constant FIELD_ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617;

/// @title The two checks that a generated verifier leaves to its caller
/// @notice Reverts unless the proof holds and every public input is a field element.
library ProofCheck {
    /// @notice The verifier says no, or had too little gas to say yes.
    error InvalidProof(address verifier, uint256[3] publicInputs);

    /// @notice A number that is FIELD_ORDER or more; in the field it would stand for another, smaller number.
    error NotAFieldElement(uint256 value);

    function requireFieldElement(uint256 value) internal pure {
        if (value >= FIELD_ORDER) revert NotAFieldElement(value);
    }

    function requireProof(
        IPlonkVerifier3 verifier,
        uint256[24] calldata proof,
        uint256[3] memory publicInputs
    ) internal view {
        requireFieldElement(publicInputs[0]);
        requireFieldElement(publicInputs[1]);
        requireFieldElement(publicInputs[2]);
        if (!verifier.verifyProof(proof, publicInputs)) revert InvalidProof(address(verifier), publicInputs);
    }
}
