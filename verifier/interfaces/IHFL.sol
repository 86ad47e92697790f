// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISharing} from "./ISharing.sol";

/// @title Horizontal federated learning (HFL) for any model
/// @notice Nodes train a model on their own rows, hand in what has changed, and learn nothing but the sum over the set of a
/// round: each puts its masked update, in which masks of pairs cancel over the set, into one of the specification's storage
/// locations, and the contract has its SHA-256. A round's result follows from these masked updates, the specification and the
/// last result alone, in exact integers: every node recomputes it and confirms its hash, and a quorum of the set accepts it.
/// See docs/protocol.md, section 8.
///
/// Nothing is proven of an update: no circuit is as large as any model. {IHLR} is where updates are proven.
///
/// A node has one update in an attempt, so `maximumUpdates` of a task are its nodes and `maximumBatches` is 1; there are no
/// disputes, so `disputeSeconds` is 0; `aggregateSeconds` are for confirming a result, or for saying what is missing.
interface IHFL is ISharing {
    /// @param update The salted hash of the update, which the node's leaf in the tree of its set has in the place of a point,
    /// as (update, 0).
    event UpdateCommitted(
        uint256 indexed taskId,
        uint32 indexed round,
        uint32 attempt,
        address indexed node,
        uint256 data,
        uint256 index,
        bytes32 update
    );
    event MaskedUpdateShared(
        uint256 indexed taskId,
        uint32 indexed round,
        uint32 attempt,
        uint24 shareAttempt,
        address indexed node,
        bytes32 content,
        uint8 location
    );
    /// @param deadline Until which results are confirmed, and masked updates reported as missing.
    event AllShared(uint256 indexed taskId, uint32 indexed round, uint32 attempt, uint24 shareAttempt, uint48 deadline);
    /// @param votes For this result in the share attempt, this one included.
    event ResultConfirmed(
        uint256 indexed taskId,
        uint32 indexed round,
        uint32 attempt,
        uint24 shareAttempt,
        address indexed node,
        bytes32 result,
        uint256 votes
    );
    /// @param reports Of this account in the share attempt, this one included.
    event MissingReported(
        uint256 indexed taskId,
        uint32 indexed round,
        uint32 attempt,
        uint24 shareAttempt,
        address indexed node,
        address account,
        uint256 reports
    );
    event ResultAccepted(uint256 indexed taskId, uint32 indexed round, bytes32 result);

    error InvalidQuorum(uint8 percent);
    error AlreadyConfirmed(uint256 taskId, address node);
    error AlreadyReported(uint256 taskId, address node, address account);

    /// @param quorumPercent Of the nodes of a set, more than 50 and at most 100.
    function createTask(TaskConfig calldata config, uint8 quorumPercent) external returns (uint256 taskId);

    /// @notice Commit to an update, trained on the data registered under the sender's `index` before the round opened.
    /// @param update Its salted hash.
    function commitUpdate(uint256 taskId, uint256 index, bytes32 update) external;

    /// @notice Share the sender's masked update. From the second share attempt on the sender has to have the minimum stake
    /// still.
    /// @param digest Of the set for which the masks were made; the call reverts where the contract has another one.
    /// @param content SHA-256 of the masked update, by which it is found.
    /// @param location Its place in the specification's list of storage locations.
    function share(uint256 taskId, bytes32 digest, bytes32 content, uint8 location) external;

    /// @notice Confirm the result that the sender has computed from all masked updates, as a node of the set, once in a share
    /// attempt; the quorum accepts it. Also after the deadline, as long as nobody has reopened the round.
    /// @param result Its hash.
    function confirm(uint256 taskId, bytes32 result) external;

    /// @notice Say that an account's masked update cannot be had, or is not what was shared, as a node of the set that has not
    /// confirmed, until the deadline. Once the quorum has said so, or all others, the account is out as for silence, and they
    /// share again; who has not said so may withdraw then for nothing, as long as it has not shared with the smaller set.
    function reportMissing(uint256 taskId, address account) external;

    function quorumOf(uint256 taskId) external view returns (uint8 percent);

    /// @notice Confirmations of a result in the present share attempt.
    function votesFor(uint256 taskId, bytes32 result) external view returns (uint256);

    /// @notice Reports of an account in the present share attempt.
    function reportsOf(uint256 taskId, address account) external view returns (uint256);

    /// @notice The accepted result of a round, 0 where there is none.
    function resultOf(uint256 taskId, uint32 round) external view returns (bytes32);

    /// @notice How many results were accepted, and the last of them: what the task's model is by now.
    function latestOf(uint256 taskId) external view returns (uint32 results, bytes32 result);

    /// @notice Who took part in the last accepted result: the key of its attempt, 0 where there is none, and the nodes that
    /// were in its set.
    function participantsOf(uint256 taskId) external view returns (uint64 key, uint24 nodes);

    /// @notice 1 for a node that was in the set of the last accepted result, whatever it did since, and 0 for others. Over all
    /// nodes these are the nodes of {participantsOf}.
    function creditOf(uint256 taskId, address node) external view returns (uint256 updates);
}
