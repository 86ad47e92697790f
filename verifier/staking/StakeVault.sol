// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IDelegationManager} from "../interfaces/eigenlayer/IDelegationManager.sol";
import {IRewardsCoordinator} from "../interfaces/eigenlayer/IRewardsCoordinator.sol";
import {IStrategy} from "../interfaces/eigenlayer/IStrategy.sol";
import {IStrategyManager} from "../interfaces/eigenlayer/IStrategyManager.sol";

/// @title One user's account with EigenLayer
/// @notice EigenLayer delegates all that an account has to one operator, so each user needs an account of its own. The
/// StakingContract makes one as a clone (EIP-1167) of this contract and is the only one that it obeys.
/// @dev Clones run this contract's code, immutables included; they keep no state.
contract StakeVault {
    using SafeERC20 for IERC20;

    address public immutable STAKING;
    IStrategyManager public immutable STRATEGY_MANAGER;
    IDelegationManager public immutable DELEGATION_MANAGER;

    error OnlyStaking(address caller);

    modifier onlyStaking() {
        if (msg.sender != STAKING) revert OnlyStaking(msg.sender);
        _;
    }

    constructor(IStrategyManager strategyManager, IDelegationManager delegationManager) {
        STAKING = msg.sender;
        STRATEGY_MANAGER = strategyManager;
        DELEGATION_MANAGER = delegationManager;
    }

    /// @notice Deposit all of a token that is here, and delegate to `operator` unless this vault already delegates.
    function deposit(IStrategy strategy, IERC20 token, address operator) external onlyStaking {
        uint256 amount = token.balanceOf(address(this));
        token.forceApprove(address(STRATEGY_MANAGER), amount);
        STRATEGY_MANAGER.depositIntoStrategy(strategy, token, amount);
        if (DELEGATION_MANAGER.delegatedTo(address(this)) == address(0)) {
            IDelegationManager.SignatureWithExpiry memory none;
            DELEGATION_MANAGER.delegateTo(operator, none, bytes32(0));
        }
    }

    /// @notice Let `claimer` claim what this vault earns.
    function setClaimer(IRewardsCoordinator coordinator, address claimer) external onlyStaking {
        coordinator.setClaimerFor(claimer);
    }

    /// @notice Start to withdraw `depositShares`.
    function queue(IStrategy strategy, uint256 depositShares) external onlyStaking {
        IDelegationManager.QueuedWithdrawalParams[] memory params = new IDelegationManager.QueuedWithdrawalParams[](1);
        params[0].strategies = new IStrategy[](1);
        params[0].strategies[0] = strategy;
        params[0].depositShares = new uint256[](1);
        params[0].depositShares[0] = depositShares;
        params[0].deprecatedWithdrawer = address(this);
        DELEGATION_MANAGER.queueWithdrawals(params);
    }

    /// @notice Finish a withdrawal and hand all of its token over.
    function complete(IDelegationManager.Withdrawal calldata withdrawal, IERC20 token) external onlyStaking {
        IERC20[] memory tokens = new IERC20[](1);
        tokens[0] = token;
        DELEGATION_MANAGER.completeQueuedWithdrawal(withdrawal, tokens, true);
        uint256 amount = token.balanceOf(address(this));
        if (amount != 0) token.safeTransfer(STAKING, amount);
    }
}
