// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IFees} from "../interfaces/IFees.sol";
import {IRewardsCoordinator} from "../interfaces/eigenlayer/IRewardsCoordinator.sol";
import {IServiceManager} from "../interfaces/IServiceManager.sol";
import {IStrategy} from "../interfaces/eigenlayer/IStrategy.sol";
import {IStrategyManager} from "../interfaces/eigenlayer/IStrategyManager.sol";
import {IWETH} from "../interfaces/tokens/IWETH.sol";
import {OperatorSet} from "./OperatorSet.sol";

/// @title Fees of restaked operators, handed to EigenLayer
/// @dev EigenLayer takes rewards for whole intervals (days) that are over, and gives back to the AVS what is for days on which an
/// operator was not in its set: there is no such day in a period. Each strategy weighs as much as its shares are worth.
abstract contract RestakedRewards is OperatorSet, ReentrancyGuardTransient {
    using SafeCast for uint256;
    using SafeERC20 for IERC20;

    uint256 private constant UNIT = 1e18;

    IRewardsCoordinator public immutable REWARDS_COORDINATOR;
    /// @notice What ETH is changed into: EigenLayer takes tokens alone.
    IWETH public immutable WETH;
    IStrategyManager private immutable STRATEGY_MANAGER;

    mapping(IFees from => mapping(address operator => mapping(bool token => uint48 until))) private _rewarded;

    constructor(IRewardsCoordinator rewardsCoordinator, IWETH weth) {
        REWARDS_COORDINATOR = rewardsCoordinator;
        WETH = weth;
        STRATEGY_MANAGER = STAKING.STRATEGY_MANAGER();
    }

    /// @dev ETH comes from contracts whose fees are collected.
    receive() external payable {
        if (!isCaller(msg.sender)) revert NotACaller(msg.sender);
    }

    /// @inheritdoc IServiceManager
    function reward(IFees from, address operator, bool token) external nonReentrant returns (uint256 amount) {
        if (!isCaller(address(from))) revert NotACaller(address(from));
        (uint48 start, uint48 end) = periodOf(from, operator, token);
        _rewarded[from][operator][token] = end;
        amount = from.collect(operator, token);
        if (amount == 0) revert NothingToReward(operator, address(from), token);

        IERC20 paid = token ? from.TOKEN() : IERC20(address(WETH));
        emit Rewarded(operator, address(from), address(paid), amount, start, end);
        if (!token) WETH.deposit{value: amount}();
        paid.forceApprove(address(REWARDS_COORDINATOR), amount);
        IRewardsCoordinator.OperatorDirectedRewardsSubmission[] memory submissions;
        submissions = new IRewardsCoordinator.OperatorDirectedRewardsSubmission[](1);
        submissions[0].strategiesAndMultipliers = _weights();
        submissions[0].token = paid;
        submissions[0].operatorRewards = new IRewardsCoordinator.OperatorReward[](1);
        submissions[0].operatorRewards[0] = IRewardsCoordinator.OperatorReward(operator, amount);
        submissions[0].startTimestamp = uint32(start);
        submissions[0].duration = uint32(end - start);
        submissions[0].description = "twopm-zk fees";
        REWARDS_COORDINATOR.createOperatorDirectedOperatorSetRewardsSubmission(_set(), submissions);
    }

    /// @inheritdoc IServiceManager
    function periodOf(IFees from, address operator, bool token) public view returns (uint48 start, uint48 end) {
        uint48 interval = REWARDS_COORDINATOR.CALCULATION_INTERVAL_SECONDS();
        Membership memory membership = membershipOf(operator);
        uint48 last = uint48(block.timestamp) - 1;
        if (membership.until != 0 && membership.until < last) last = membership.until;
        end = _roundUp(last + 1, interval) - interval;
        uint48 first = _roundUp(membership.since, interval);
        if (membership.since == 0 || end <= first) revert NoWholePeriod(operator, first, end);

        uint256 oldest = Math.max(
            block.timestamp - Math.min(block.timestamp, REWARDS_COORDINATOR.MAX_RETROACTIVE_LENGTH()),
            REWARDS_COORDINATOR.GENESIS_REWARDS_TIMESTAMP()
        );
        uint256 longest = end - Math.min(end, REWARDS_COORDINATOR.MAX_REWARDS_DURATION());
        uint256 from_ = Math.max(first, _rewarded[from][operator][token]);
        start = _roundUp(uint48(Math.max(from_, Math.max(oldest, longest))), interval);
        if (from_ >= end) start = end - interval; // a fee that comes late
        if (start >= end || start < oldest) revert TooLongAgo(end, uint48(oldest));
    }

    /// @dev Hook: one of the contracts that restaking serves.
    function isCaller(address account) public view virtual returns (bool);

    /// @dev A strategy that EigenLayer takes no more deposits in, it takes no rewards for either.
    function _weights() private view returns (IRewardsCoordinator.StrategyAndMultiplier[] memory weights) {
        IStrategy[] memory all = strategies();
        uint256 count = 0;
        for (uint256 i = 0; i < all.length; ++i) {
            if (STRATEGY_MANAGER.strategyIsWhitelistedForDeposit(all[i])) all[count++] = all[i];
        }
        weights = new IRewardsCoordinator.StrategyAndMultiplier[](count);
        for (uint256 i = 0; i < count; ++i) {
            weights[i] = IRewardsCoordinator.StrategyAndMultiplier(all[i], _worth(all[i], UNIT).toUint96());
        }
    }

    function _roundUp(uint48 time, uint48 interval) private pure returns (uint48) {
        return ((time + interval - 1) / interval) * interval;
    }
}
