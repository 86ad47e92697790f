// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRounds} from "./IRounds.sol";

/// @title Sums of which nobody sees a part
/// @notice Once collecting is over, nodes that are there say so (`ready`) and are the set. Each of the set shares its own part
/// under masks that cancel in the sum over all of the set, so that nothing but that sum can be told. What a part is, and where
/// it is, {IPointSharing} and {IHFL} say. See docs/protocol.md, sections 4 and 8.
///
/// From the first share on the set is fixed: nobody leaves it but by its own withdrawal, by a proven lie, or, at the very
/// last, for silence or for a part that a quorum cannot get.
interface ISharing is IRounds {
    /// @dev The set of an attempt begins, with a digest that no other chain, contract, task or fork has.
    event SetOpened(uint256 indexed taskId, uint32 indexed round, uint32 attempt, bytes32 digest);
    /// @param seat How many were ready before it: its neighbours find it by that.
    /// @param x Sum of the node's points, x and y; in HFLContract its update, and 0.
    event NodeReady(
        uint256 indexed taskId,
        uint32 indexed round,
        uint32 attempt,
        uint24 indexed seat,
        address node,
        uint256[2] lasting,
        uint256 roundX,
        uint256 roundY,
        uint256 x,
        uint256 y
    );
    event SharingStarted(
        uint256 indexed taskId,
        uint32 indexed round,
        uint32 attempt,
        uint24 shareAttempt,
        uint24 nodes,
        bytes32 digest,
        uint48 deadline
    );
    /// @dev Before it was ready, so that the set stays as it is.
    event UpdateWithdrawn(uint256 indexed taskId, uint32 indexed round, uint32 attempt, address indexed node);
    /// @param digest Of the set without the node.
    event NodeLeft(
        uint256 indexed taskId,
        uint32 indexed round,
        uint32 attempt,
        address indexed node,
        uint24 seat,
        bytes32 reason,
        bytes32 digest
    );
    /// @param value Wei of ETH that were there to be taken, and the contract was allowed to take.
    event Penalised(uint256 indexed taskId, address indexed node, uint256 value, bytes32 reason);
    event NodeBarred(uint256 indexed taskId, address indexed node);
    /// @dev The task ends before it has all that it was to collect; a certificate that it has stays.
    event TaskFailed(uint256 indexed taskId, bytes32 reason);

    error AlreadyReady(address account);
    error NotTheRegisteredKey(address account, bytes32 registered);
    error NotInTheSet(uint256 taskId, address account);
    error AlreadyShared(address account);
    error NobodyHasShared(uint256 taskId);
    error WrongSet(bytes32 digest, bytes32 expected);
    error TooLittleGas(uint256 left, uint256 needed);

    /// @notice Say that the sender, which handed in an update, is there to share. Only for the accounts of the attempt, until
    /// the deadline. Sharing begins when all have said so.
    /// @param lasting The sender's key in IdentityContract, x and y: it stays this node's key in this attempt, whatever is set later.
    /// @param roundX A fresh key for this round, a point like the lasting one.
    function ready(uint256 taskId, uint256[2] calldata lasting, uint256 roundX, uint256 roundY) external;

    /// @notice Begin sharing after the deadline, with all that are ready. Anyone may.
    function startSharing(uint256 taskId) external;

    /// @notice Leave the present attempt, until the deadline of the phase. Free before sharing begins. Then it costs the
    /// penalty: shares may be on their way; but see {IHFL-reportMissing}. Where somebody has shared, the others share again.
    function withdraw(uint256 taskId) external;

    /// @notice Leave a silent node out for good, which costs it the penalty. Anyone may: in sharing after the deadline, for
    /// who has not shared where others have (where nobody has, {IRounds-reopen} starts again); in a dispute after twice its length
    /// without a proven liar, for who has not claimed.
    function expel(uint256 taskId, address account) external;

    /// @notice Digest of the set: of all its nodes, and of those that have left it, once sharing has begun. See
    /// docs/protocol.md, section 5.
    function setDigestOf(uint256 taskId) external view returns (bytes32);

    /// @notice What leads from the leaves of some seats of the last set to the root of `size` leaves from `first` on: the roots of
    /// the largest trees without any of them, from left to right. To be asked off the chain.
    /// @param seats Ascending.
    function proofOf(
        uint256 taskId,
        uint256 first,
        uint256 size,
        uint256[] calldata seats
    ) external view returns (bytes32[] memory);
}
