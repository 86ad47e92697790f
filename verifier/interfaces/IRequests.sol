// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFees} from "./IFees.sol";

/// @title Requests to an operator of a network, with a deadline and a fee
/// @notice A user with enough stake asks, pays the fee, and hands the operator what it asks about off chain. The operator
/// accepts, which shows that it has it, and answers before a deadline. Then the fee is divided; in every other case it is the
/// user's again.
///
/// An operator that accepted and did not answer can be slashed by anyone; one that never accepts cannot, because the chain does
/// not see whether it was given anything. Each request that is accepted and not over has a stake of its own behind it.
interface IRequests is IFees {
    /// @dev Challenged, Settled and Wrong are ConversationContract's, whose answers are not over when they are given.
    enum State {
        None,
        Asked,
        Accepted,
        Answered,
        Late,
        Refunded,
        Challenged,
        Settled,
        Wrong
    }

    event OfferWithdrawn(address indexed operator, uint256 indexed networkId);
    event Accepted(uint256 indexed id, address indexed operator, uint48 deadline);
    event OperatorLate(uint256 indexed id, address indexed operator, uint256 slashed);
    event Refunded(uint256 indexed id, address indexed user, uint128 fee);

    error NoModel(uint256 taskId);
    error NotComplete(uint256 networkId);
    error NetworkIsClosed(uint256 networkId);
    error NotOffered(address operator, uint256 networkId);
    error FeeTooHigh(uint256 fee, uint256 maximum);
    error StakeTooLow(address account, uint256 stake, uint256 minimum);
    error WrongState(uint256 id, State state);
    error NotTheOperator(uint256 id, address account);
    error NotTheUser(uint256 id, address account);
    error StillDue(uint256 id);
    error DeadlinePassed(uint48 deadline);
    error DeadlineNotReached(uint48 deadline);
    error TooLittleGas(uint256 left, uint256 needed);

    /// @notice Take no new requests; what was asked stays.
    function withdrawOffer(uint256 networkId) external;

    /// @notice Accept requests, all or none, as their operator: from now on answers are due.
    function accept(uint256[] calldata ids) external;

    /// @notice Give the user its fee back: by the user as long as nobody has accepted, by anyone after the deadline for that, or
    /// where an accepted request cannot be answered any more.
    function refund(uint256 id) external;

    /// @notice Slash an operator that accepted and did not answer in time, and give the user its fee back.
    function slashLate(uint256 id) external returns (uint256 slashed);

    function requestCount() external view returns (uint256);

    /// @notice Wei of ETH that an operator's accepted requests of this contract need as its stake; those of all are
    /// {IStakes-obligationsOf}.
    function obligationsOf(address operator) external view returns (uint256);

    /// @notice What an operator is slashed for that is late.
    function LATE() external view returns (bytes32); // solhint-disable-line func-name-mixedcase

    /// @notice How long after the deadline of its answer an operator's stake stays locked, for anyone to slash it.
    function SLASH_WINDOW() external view returns (uint48); // solhint-disable-line func-name-mixedcase
}
