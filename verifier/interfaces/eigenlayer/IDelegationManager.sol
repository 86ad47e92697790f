// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IStrategy} from "./IStrategy.sol";

/// @title The part of EigenLayer's IDelegationManager that we use (releases with slashing, 1.0 and later)
interface IDelegationManager {
    struct SignatureWithExpiry {
        bytes signature;
        uint256 expiry;
    }

    struct Withdrawal {
        address staker;
        address delegatedTo;
        address withdrawer;
        uint256 nonce;
        uint32 startBlock;
        IStrategy[] strategies;
        uint256[] scaledShares;
    }

    struct QueuedWithdrawalParams {
        IStrategy[] strategies;
        uint256[] depositShares;
        address deprecatedWithdrawer;
    }

    function delegateTo(
        address operator,
        SignatureWithExpiry calldata approverSignatureAndExpiry,
        bytes32 approverSalt
    ) external;

    function undelegate(address staker) external returns (bytes32[] memory withdrawalRoots);

    function queueWithdrawals(
        QueuedWithdrawalParams[] calldata params
    ) external returns (bytes32[] memory withdrawalRoots);

    function completeQueuedWithdrawal(
        Withdrawal calldata withdrawal,
        IERC20[] calldata tokens,
        bool receiveAsTokens
    ) external;

    function delegatedTo(address staker) external view returns (address operator);

    function strategyManager() external view returns (address);

    function allocationManager() external view returns (address);

    function isOperator(address operator) external view returns (bool);

    /// @notice Shares a staker would get now for everything it has deposited, slashing applied.
    function getWithdrawableShares(
        address staker,
        IStrategy[] calldata strategies
    ) external view returns (uint256[] memory withdrawableShares, uint256[] memory depositShares);

    /// @notice All withdrawals on their way, and the shares each would give now.
    function getQueuedWithdrawals(
        address staker
    ) external view returns (Withdrawal[] memory withdrawals, uint256[][] memory shares);

    function getQueuedWithdrawalRoots(address staker) external view returns (bytes32[] memory);

    function minWithdrawalDelayBlocks() external view returns (uint32);
}
