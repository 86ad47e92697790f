// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Stands in for EigenLayer's PauserRegistry: who deployed it pauses and unpauses
/// @dev Never for a public chain.
contract PauserRegistryDouble {
    address public immutable unpauser = msg.sender;

    function isPauser(address account) external view returns (bool) {
        return account == unpauser;
    }
}
