// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The part of Rocket Pool's rETH that we use
interface IRETH {
    /// @notice ETH for one rETH, times 10^18.
    function getExchangeRate() external view returns (uint256);
}
