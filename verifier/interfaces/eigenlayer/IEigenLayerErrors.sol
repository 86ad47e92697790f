// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Errors of EigenLayer that reach a user of StakingContract, or a restaked operator (releases with slashing, 1.0 and later)
/// @notice Those of its Pausable, StrategyManager, DelegationManager, AllocationManager, RewardsCoordinator and StrategyBase, so that a refusal can be read.
interface IEigenLayerErrors {
    // Pausable: deposits, delegations or withdrawals are paused
    error CurrentlyPaused();

    // StrategyManager
    error StrategyNotWhitelisted();
    error StrategyNotFound();
    error OnlyDelegationManager();
    error MaxStrategiesExceeded();
    error SharesAmountZero();
    error SharesAmountTooHigh();
    error StakerAddressZero();

    // DelegationManager
    error ActivelyDelegated();
    error NotActivelyDelegated();
    error OperatorNotRegistered();
    error OperatorsCannotUndelegate();
    error CallerCannotUndelegate();
    error InvalidSignature();
    error SignatureExpired();
    error SaltSpent();
    error FullySlashed();
    error WithdrawalNotQueued();
    error WithdrawalDelayNotElapsed();
    error WithdrawerNotCaller();
    error InputArrayLengthMismatch();
    error InputArrayLengthZero();

    // AllocationManager
    error AlreadyMemberOfSet();
    error NotMemberOfSet();
    error SameMagnitude();
    error InsufficientMagnitude();
    error ModificationAlreadyPending();
    error UninitializedAllocationDelay();
    error InvalidOperatorSet();
    error InvalidOperator();
    error InvalidPermissions();

    // RewardsCoordinator
    error StartTimestampTooFarInPast();
    error AmountExceedsMax();

    // StrategyBase, and those with a limit on deposits
    error OnlyStrategyManager();
    error OnlyUnderlyingToken();
    error NewSharesZero();
    error TotalSharesExceedsMax();
    error WithdrawalAmountExceedsTotalDeposits();
    error MaxPerDepositExceedsMax();
    error BalanceExceedsMaxTotalDeposits();
}
