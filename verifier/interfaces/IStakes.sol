// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStaking} from "./IStaking.sol";

/// @title What stands behind an operator
/// @notice An operator of the restaked operator set is backed by what it has allocated to the set at EigenLayer, any other one by
/// its own active shares of StakingContract's pool: never by both. What is delegated through EigenLayer backs the operator that it
/// is delegated to and nobody else, so that no stake stands behind two.
///
/// Only for the contracts that were named once and for good when restaking began, and as long as StakingContract lets each slash.
interface IStakes {
    /// @param value Wei of ETH that were taken in all.
    /// @param restaked The part of it that EigenLayer has burnt.
    event OperatorPenalised(
        address indexed operator,
        address indexed by,
        uint256 value,
        uint256 restaked,
        bytes32 reason
    );

    error NotACaller(address account);
    error LockTooLong(uint64 until, uint64 limit);

    /// @notice Take up to `value`: first of the operator's allocation, burnt by EigenLayer; then, of what is missing, from what
    /// it has with StakingContract, for the treasury.
    /// @return slashed Wei of ETH that were there to be taken, at most `value`.
    function slash(address operator, uint256 value, bytes32 reason) external returns (uint256 slashed);

    /// @notice Make sure that what stands behind an operator now can be slashed until then. Reverts with LockTooLong where that
    /// is restaked, and could leave EigenLayer before.
    function lock(address operator, uint64 until) external;

    /// @notice What stands behind an operator, in wei of ETH.
    function stakeOf(address operator) external view returns (uint256 value);

    /// @notice Wei of ETH that an operator has to have at stake for what it has accepted, in all contracts that may slash it here:
    /// no stake stands behind requests of two of them.
    function obligationsOf(address operator) external view returns (uint256 value);

    /// @notice Whether an operator is in the restaked operator set now.
    function isRestaked(address operator) external view returns (bool);

    /// @notice How long after something was promised without a lock, so many seconds of one can follow, such that all that
    /// stood behind any operator at first can still be slashed at the end.
    function unlockedFor(uint64 locked) external view returns (uint64);

    function STAKING() external view returns (IStaking); // solhint-disable-line func-name-mixedcase
}
