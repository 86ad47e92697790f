// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFees} from "./IFees.sol";
import {IStakes} from "./IStakes.sol";
import {IAVSRegistrar} from "./eigenlayer/IAVSRegistrar.sol";
import {IStrategy} from "./eigenlayer/IStrategy.sol";

/// @title An AVS of EigenLayer with one operator set
/// @notice Operators register for it at EigenLayer, with no leave from anybody and none to go; see docs/restaking.md. Fees for
/// requests that were accepted on restaked stake go to EigenLayer's RewardsCoordinator, which divides them between the operator
/// and those who have delegated to it.
///
/// The owner can change where the metadata are. Everything else is fixed.
interface IServiceManager is IStakes, IAVSRegistrar {
    /// @dev An operator's present or last time in the set, seconds since 1970; until is 0 for as long as it is there.
    struct Membership {
        uint48 since;
        uint48 until;
    }

    event Begun(address[] callers);
    event Joined(address indexed operator);
    event Left(address indexed operator);
    event Rewarded(
        address indexed operator,
        address indexed from,
        address token,
        uint256 amount,
        uint48 start,
        uint48 end
    );

    error AlreadyBegun();
    error OnlyEigenLayer(address caller);
    error OnlyItself(address caller);
    error UnknownOperatorSet(address avs);
    error NothingToReward(address operator, address from, bool token);
    error NoWholePeriod(address operator, uint48 first, uint48 end);
    error TooLongAgo(uint48 end, uint48 oldest);

    /// @notice Name the contracts that may slash and whose fees are rewarded, and open the operator set. Once.
    function begin(address[] calldata callers, string calldata metadataURI) external;

    function setMetadataURI(string calldata metadataURI) external;

    /// @notice Hand an operator's restaked fees of one of our contracts, in the token or in ETH, to EigenLayer for
    /// {periodOf}. Anyone may.
    function reward(IFees from, address operator, bool token) external returns (uint256 amount);

    /// @notice For which time the next reward is: all whole days (EigenLayer's intervals) of the operator's present or last time in
    /// the set that were not rewarded yet; where all were, the last one again. Whoever calls has no choice: it could
    /// give what others have earned to those who delegate on one day.
    function periodOf(IFees from, address operator, bool token) external view returns (uint48 start, uint48 end);

    /// @notice What a slash could reach at EigenLayer now, in wei of ETH: also of what is leaving.
    function reachOf(address operator) external view returns (uint256 value);

    function membershipOf(address operator) external view returns (Membership memory);

    /// @notice The set's strategies, ascending.
    function strategies() external view returns (IStrategy[] memory);

    /// @notice How long EigenLayer holds what leaves, in seconds.
    function heldFor() external view returns (uint64);

    function isCaller(address account) external view returns (bool);
}
