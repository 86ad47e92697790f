// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRounds} from "./IRounds.sol";

/// @title Horizontal federated learning for any model
/// @notice Where no circuit exists, participants vouch for a round's result instead of a proof: it is accepted when a quorum
/// of those who handed in updates have confirmed the same hash.
interface IHFL is IRounds {
    event UpdateCommitted(
        uint256 indexed taskId,
        uint32 indexed round,
        uint32 attempt,
        address indexed node,
        uint256 data,
        bytes32 update
    );
    event ResultConfirmed(
        uint256 indexed taskId,
        uint32 indexed round,
        uint32 attempt,
        address indexed node,
        bytes32 result,
        uint256 votes
    );
    event ResultAccepted(uint256 indexed taskId, uint32 indexed round, bytes32 result);

    error InvalidQuorum(uint8 percent);
    error AlreadyConfirmed(uint256 taskId, address account);

    /// @param quorumPercent Of the participants of an attempt, more than 50 and at most 100.
    function createTask(TaskConfig calldata config, uint8 quorumPercent) external returns (uint256 taskId);

    /// @notice Commit to an update for the batch registered under the sender's `index`.
    function commitUpdate(uint256 taskId, uint256 index, bytes32 update) external;

    /// @notice Confirm a closed round's result, once per participant; the quorum accepts it.
    function confirm(uint256 taskId, bytes32 result) external;

    function quorumOf(uint256 taskId) external view returns (uint8 percent);

    function votesFor(uint256 taskId, bytes32 result) external view returns (uint256);

    function resultOf(uint256 taskId, uint32 round) external view returns (bytes32);
}
