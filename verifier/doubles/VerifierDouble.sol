// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPlonkVerifier3} from "../interfaces/IPlonkVerifier3.sol";

/// @title Test double of a generated verifier: a proof is a hash of its own name and of the public inputs
/// @notice As with a real proof, one that holds says nothing about other inputs or for another verifier. Like the generated
/// contracts it does not check that inputs are field elements.
/// @dev Never for a public chain.
contract VerifierDouble is IPlonkVerifier3 {
    bytes32 public immutable NAME;

    constructor(bytes32 name) {
        NAME = name;
    }

    /// @inheritdoc IPlonkVerifier3
    function verifyProof(uint256[24] calldata proof, uint256[3] calldata publicInputs) external view returns (bool) {
        return proof[0] == uint256(keccak256(abi.encode(NAME, publicInputs)));
    }
}
