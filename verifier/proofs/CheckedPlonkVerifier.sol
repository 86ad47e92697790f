// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPlonkVerifier3} from "../interfaces/IPlonkVerifier3.sol";
import {ProofCheck} from "./ProofCheck.sol";

/// @title A generated verifier behind the checks it needs
/// @notice For those who want one address that reverts on anything but a valid proof; `eth_estimateGas` is right here,
/// which it is not for the generated contract itself.
contract CheckedPlonkVerifier {
    /// @notice The generated contract that is asked.
    IPlonkVerifier3 public immutable VERIFIER;

    constructor(IPlonkVerifier3 verifier) {
        VERIFIER = verifier;
    }

    /// @notice Revert with NotAFieldElement or InvalidProof unless the proof holds.
    function requireProof(uint256[24] calldata proof, uint256[3] calldata publicInputs) external view {
        ProofCheck.requireProof(VERIFIER, proof, publicInputs);
    }
}
