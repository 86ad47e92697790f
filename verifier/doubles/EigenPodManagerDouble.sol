// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Stands in for EigenLayer's EigenPodManager: nobody restakes ether of the beacon chain
/// @dev Never for a public chain.
contract EigenPodManagerDouble {
    /// @notice What EigenLayer's DelegationManager asks for every staker, whatever it has deposited.
    function stakerDepositShares(address, address) external pure returns (uint256) {
        return 0;
    }
}
