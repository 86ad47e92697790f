// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The part of Lido's wstETH that we use
interface IWstETH {
    /// @notice stETH for one wstETH, times 10^18.
    function stEthPerToken() external view returns (uint256);
}
