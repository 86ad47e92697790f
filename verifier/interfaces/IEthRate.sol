// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What one token is worth in ETH, by its own protocol and not by a market
interface IEthRate {
    /// @notice ETH for one token, times 10^18.
    function ethPerToken() external view returns (uint256);
}
