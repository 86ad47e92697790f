// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IEigenLayerErrors} from "../interfaces/eigenlayer/IEigenLayerErrors.sol";
import {IStrategy} from "../interfaces/eigenlayer/IStrategy.sol";
import {IStrategyManager} from "../interfaces/eigenlayer/IStrategyManager.sol";
import {DelegationManagerDouble} from "./DelegationManagerDouble.sol";
import {StrategyDouble} from "./StrategyDouble.sol";

/// @title Test double of EigenLayer's StrategyManager: deposits, and who has how many deposit shares
/// @dev Never for a public chain.
contract StrategyManagerDouble is IStrategyManager, IEigenLayerErrors {
    using SafeERC20 for IERC20;

    DelegationManagerDouble public immutable delegation;
    mapping(IStrategy strategy => bool whitelisted) public strategyIsWhitelistedForDeposit;
    mapping(address staker => mapping(IStrategy strategy => uint256 shares)) public stakerDepositShares;
    mapping(address staker => IStrategy[] strategies) private _strategies;
    bool public depositsPaused;

    constructor() {
        delegation = new DelegationManagerDouble(this);
    }

    modifier onlyDelegation() {
        if (msg.sender != address(delegation)) revert OnlyDelegationManager();
        _;
    }

    function addStrategy(IStrategy strategy) external {
        strategyIsWhitelistedForDeposit[strategy] = true;
    }

    function setDepositsPaused(bool paused) external {
        depositsPaused = paused;
    }

    /// @inheritdoc IStrategyManager
    function depositIntoStrategy(IStrategy strategy, IERC20 token, uint256 amount) external returns (uint256 shares) {
        if (depositsPaused) revert CurrentlyPaused();
        if (!strategyIsWhitelistedForDeposit[strategy]) revert StrategyNotWhitelisted();
        token.safeTransferFrom(msg.sender, address(strategy), amount);
        shares = StrategyDouble(address(strategy)).deposit(amount);
        uint256 before = stakerDepositShares[msg.sender][strategy];
        if (before == 0) _strategies[msg.sender].push(strategy);
        stakerDepositShares[msg.sender][strategy] = before + shares;
        delegation.increaseDelegatedShares(msg.sender, strategy, before, shares);
    }

    function removeDepositShares(address staker, IStrategy strategy, uint256 shares) external onlyDelegation {
        if (shares == 0) revert SharesAmountZero();
        uint256 present = stakerDepositShares[staker][strategy];
        if (shares > present) revert SharesAmountTooHigh();
        stakerDepositShares[staker][strategy] = present - shares;
        if (present != shares) return;
        IStrategy[] storage list = _strategies[staker];
        for (uint256 i = 0; i < list.length; ++i) {
            if (list[i] == strategy) {
                list[i] = list[list.length - 1];
                list.pop();
                return;
            }
        }
    }

    function withdrawSharesAsTokens(address staker, IStrategy strategy, uint256 shares) external onlyDelegation {
        StrategyDouble(address(strategy)).withdraw(staker, shares);
    }

    function getStakerStrategyList(address staker) external view returns (IStrategy[] memory) {
        return _strategies[staker];
    }
}
