// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IEigenLayerErrors} from "../interfaces/eigenlayer/IEigenLayerErrors.sol";
import {IStrategy} from "../interfaces/eigenlayer/IStrategy.sol";

/// @title Stands in for EigenLayer's StrategyBase: shares of one token, with virtual offsets
/// @notice EigenLayer's real StrategyManager deposits and withdraws.
/// @dev Never for a public chain.
contract StrategyDouble is IStrategy, IEigenLayerErrors {
    using SafeERC20 for IERC20;

    uint256 private constant SHARES_OFFSET = 1e3;
    uint256 private constant BALANCE_OFFSET = 1e3;

    IERC20 public immutable underlyingToken;
    address public immutable strategyManager;
    uint256 public totalShares;

    constructor(IERC20 token, address manager) {
        underlyingToken = token;
        strategyManager = manager;
    }

    modifier onlyStrategyManager() {
        if (msg.sender != strategyManager) revert OnlyStrategyManager();
        _;
    }

    modifier onlyUnderlying(IERC20 token) {
        if (token != underlyingToken) revert OnlyUnderlyingToken();
        _;
    }

    /// @notice Shares for tokens that were transferred here just before.
    function deposit(
        IERC20 token,
        uint256 amount
    ) external onlyStrategyManager onlyUnderlying(token) returns (uint256 shares) {
        uint256 balance = underlyingToken.balanceOf(address(this)) + BALANCE_OFFSET;
        shares = (amount * (totalShares + SHARES_OFFSET)) / (balance - amount);
        if (shares == 0) revert NewSharesZero();
        totalShares += shares;
    }

    function withdraw(
        address recipient,
        IERC20 token,
        uint256 shares
    ) external onlyStrategyManager onlyUnderlying(token) {
        uint256 amount = sharesToUnderlyingView(shares);
        totalShares -= shares;
        underlyingToken.safeTransfer(recipient, amount);
    }

    /// @inheritdoc IStrategy
    function sharesToUnderlyingView(uint256 shares) public view returns (uint256) {
        uint256 balance = underlyingToken.balanceOf(address(this)) + BALANCE_OFFSET;
        return (balance * shares) / (totalShares + SHARES_OFFSET);
    }
}
