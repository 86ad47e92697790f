// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PointProofs} from "../proofs/PointProofs.sol";
import {IPointSharing} from "./IPointSharing.sol";

/// @title Who shared rubbish, without anybody opening
/// @notice A share minus its node's point is a commitment to the node's masks, which is the sum of its pair points. Each node
/// of the set claims its pair points: they must add up, and two nodes must claim the same for their pair. Where they do
/// not, either of them reveals the points that their keys share, with a proof, and the contract computes the truth.
///
/// Only without a proven liar do the others share again. A dispute that nothing decides ends the task, for a sum without
/// those that were silent might give an honest one away. A dispute over shares that were good ends with the sum being
/// used: by whoever proves something with it while the dispute goes on, or once all have claimed.
interface IDisputes is IPointSharing {
    struct Dispute {
        address accuser;
        /// @dev Nodes of the set whose claims are complete.
        uint24 claimed;
        /// @dev Pairs of which two different points were claimed, and nobody was left out for yet.
        uint24 contradictions;
        uint24 removed;
        bool liarFound;
        /// @dev Of the set that shared.
        bytes32 digest;
    }

    event DisputeOpened(
        uint256 indexed taskId,
        uint32 indexed round,
        uint32 attempt,
        uint24 shareAttempt,
        address indexed accuser,
        uint48 deadline
    );
    event PairPointsClaimed(
        uint256 indexed taskId,
        uint32 indexed round,
        uint32 attempt,
        uint24 shareAttempt,
        address indexed node,
        address[] others,
        uint256[2][] points,
        bool complete
    );
    event Contradiction(
        uint256 indexed taskId,
        uint32 indexed round,
        uint32 attempt,
        uint24 shareAttempt,
        address indexed node,
        address other
    );
    event PairRevealed(
        uint256 indexed taskId,
        uint32 indexed round,
        uint32 attempt,
        uint24 shareAttempt,
        address indexed node,
        address other,
        uint256 x,
        uint256 y
    );
    event DisputeRejected(uint256 indexed taskId, uint32 indexed round, uint32 attempt, address indexed accuser);

    error AlreadyDisputed(uint256 taskId, uint24 shareAttempt);
    error AlreadyClaimed(address account);
    error NotClaimed(address account);
    error LiarFound(uint256 taskId);
    error WrongNumberOfPoints(uint256 count, uint256 expected);
    error NotAscending(address other, address last);
    error NotNeighbours(address account, address other);
    error NotTheSharedVector(address account);
    error NotTheGenerators(bytes32 expected);
    error ClaimsDoNotAddUp(address account);
    error NotContradicted(address account, address other);
    error NotTheKeys(address account);
    error Unsettled(uint256 silent, uint256 contradictions);

    /// @notice Say that the shared sum does not open the round's point. For nodes of the set, once in a share attempt.
    function dispute(uint256 taskId) external;

    /// @notice Claim the sender's pair points, over all others of the set that it has masks with by ascending address, in as many
    /// calls as it likes. With the last one they must add up to what the sender shared, minus its point.
    /// @param vector What the sender shared; empty but in the last call.
    /// @param generators x and y of each generator, the blinding's last; empty but in the last call.
    function claim(
        uint256 taskId,
        uint256[] calldata vector,
        uint256[] calldata generators,
        address[] calldata others,
        uint256[2][] calldata points
    ) external;

    /// @notice Prove the points that the sender's keys share with `other`'s, where the two claimed different pair points:
    /// whoever claimed something else than they give is out.
    /// @param shown Of the lasting keys, and of the keys of the round.
    function reveal(
        uint256 taskId,
        address other,
        PointProofs.Keys calldata mine,
        PointProofs.Keys calldata theirs,
        PointProofs.SharedPoint[2] calldata shown,
        uint256[] calldata generators
    ) external;

    /// @notice Leave out two nodes that contradict each other, of which neither revealed, after twice the length of a
    /// dispute without a proven liar; silent ones first ({expel}). Where one of them is out, the other stays. Anyone may.
    function expelPair(uint256 taskId, address first, address second) external;

    /// @notice End a dispute. Where a liar was proven, the others share again. Where all have claimed the same, the sum opens,
    /// and the accuser pays. Where silent or contradicting nodes had to be left out, the task ends. Anyone may.
    function settle(uint256 taskId) external;

    function disputeOf(uint256 taskId) external view returns (Dispute memory);
}
