// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title The part of EigenLayer's IStrategy that we use
interface IStrategy {
    function underlyingToken() external view returns (IERC20);

    function sharesToUnderlyingView(uint256 amountShares) external view returns (uint256);
}
