// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IAllocationManager} from "./IAllocationManager.sol";
import {IStrategy} from "./IStrategy.sol";

/// @title The part of EigenLayer's IRewardsCoordinator that we use (release 1.4)
interface IRewardsCoordinator {
    struct StrategyAndMultiplier {
        IStrategy strategy;
        uint96 multiplier;
    }

    struct OperatorReward {
        address operator;
        uint256 amount;
    }

    struct OperatorDirectedRewardsSubmission {
        StrategyAndMultiplier[] strategiesAndMultipliers;
        IERC20 token;
        OperatorReward[] operatorRewards;
        uint32 startTimestamp;
        uint32 duration;
        string description;
    }

    function createOperatorDirectedOperatorSetRewardsSubmission(
        IAllocationManager.OperatorSet calldata operatorSet,
        OperatorDirectedRewardsSubmission[] calldata operatorDirectedRewardsSubmissions
    ) external;

    /// @notice Let `claimer` claim what the sender earns.
    function setClaimerFor(address claimer) external;

    // solhint-disable func-name-mixedcase
    function CALCULATION_INTERVAL_SECONDS() external view returns (uint32);

    function MAX_REWARDS_DURATION() external view returns (uint32);

    function MAX_RETROACTIVE_LENGTH() external view returns (uint32);

    function GENESIS_REWARDS_TIMESTAMP() external view returns (uint32);
    // solhint-enable func-name-mixedcase
}
