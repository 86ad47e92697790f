// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Rounds of federated learning: who may do what, and by when
/// @notice The machinery that horizontal federated learning (HFLContract) and regression with proofs (HLRContract) share. A
/// task has rounds, a round has attempts; see docs/protocol.md, sections 4 and 8.
///
/// Nobody can block others: every phase has a deadline after which anyone may move on, and one member's updates cannot keep
/// others from reaching the minimum of nodes.
interface IRounds {
    /// @dev Disputed is HLRContract's alone.
    enum Phase {
        None,
        Created,
        Collecting,
        Ready,
        Sharing,
        Summed,
        Disputed,
        Finished
    }

    struct TaskConfig {
        /// @dev Hash of the task's specification, published off chain.
        bytes32 specHash;
        /// @dev The data set, in DataHub, that nodes have registered their batches in.
        bytes32 dataset;
        /// @dev Wei of ETH that a node has at stake; 0 for none.
        uint96 minimumStake;
        /// @dev Wei of ETH that a node loses which is silent, lies, or shares what cannot be had, once others have shared; 0 for
        /// none.
        uint96 penalty;
        /// @dev Distinct nodes of an attempt; three or more, or nodes learn each other's updates.
        uint16 minimumNodes;
        /// @dev Updates of an attempt.
        uint32 maximumUpdates;
        /// @dev Updates of one node in an attempt; so few that fewer than `minimumNodes` nodes cannot fill it.
        uint32 maximumBatches;
        uint32 collectSeconds;
        uint32 readySeconds;
        uint32 shareSeconds;
        /// @dev 0 in HFLContract.
        uint32 disputeSeconds;
        uint32 aggregateSeconds;
        /// @dev Moves of the weights, or results accepted.
        uint32 maximumRounds;
    }

    struct Task {
        Phase phase;
        uint16 minimumNodes;
        /// @dev Distinct nodes with an update in this attempt, those of them in the set that shares, and those that shared; before
        /// sharing begins, `shared` is how many were ever ready, and so the seat of the next one.
        uint24 nodes;
        uint24 ready;
        uint24 shared;
        uint24 updates;
        uint32 round;
        uint32 attempt;
        uint24 shareAttempt;
        /// @dev End of the present phase, in seconds since 1970.
        uint48 deadline;
        /// @dev Block in which the round's first attempt opened: members and data are from before it.
        uint64 openedAt;
        uint96 minimumStake;
        uint24 maximumUpdates;
        uint24 maximumBatches;
        /// @dev Moves so far, or results accepted, of at most `maximumRounds`.
        uint32 moves;
        /// @dev Somebody has shared in this attempt: from now on its set is fixed, and in HLRContract there is no other attempt of
        /// the round.
        bool sharedOnce;
        address coordinator;
        uint96 penalty;
        /// @dev Key of the last attempt, where somebody else had to do the coordinator's work, 0 for none: allows one change
        /// of coordinator.
        uint64 missed;
        /// @dev There has been a dispute over this share attempt.
        bool disputed;
        uint24 collectSeconds;
        uint24 readySeconds;
        uint24 shareSeconds;
        uint24 disputeSeconds;
        uint24 aggregateSeconds;
        uint32 maximumRounds;
        bytes32 specHash;
        bytes32 dataset;
    }

    struct Node {
        /// @dev Keys of the attempts that it last took part in, and was last in the set of; 0 once it is out.
        uint64 participated;
        uint64 inSet;
        /// @dev In the attempt it last took part in: the first index it has not passed, its updates, and the share attempt in
        /// which it shared, plus 1.
        uint48 nextIndex;
        uint24 batches;
        uint24 sharedIn;
        /// @dev How many were ready before it, in the attempt that it was last in the set of.
        uint24 seat;
        /// @dev Out of this task for good.
        bool barred;
    }

    event TaskCreated(uint256 indexed taskId, address indexed coordinator, bytes32 specHash, bytes32 dataset);
    event RoundOpened(uint256 indexed taskId, uint32 indexed round, uint32 attempt, uint48 deadline);
    event RoundClosed(
        uint256 indexed taskId,
        uint32 indexed round,
        uint32 attempt,
        uint24 nodes,
        uint24 updates,
        uint48 deadline
    );
    event CoordinatorChanged(uint256 indexed taskId, address indexed from, address indexed to);
    event TaskFinished(uint256 indexed taskId, uint32 round);

    error InvalidConfig(string field);
    error WrongPhase(uint256 taskId, Phase phase);
    error NotTheCoordinator(uint256 taskId, address account);
    error DeadlinePassed(uint48 deadline);
    error DeadlineNotReached(uint48 deadline);
    error NotAMemberBeforeTheRound(address account, uint64 since, uint64 openedAt);
    error StakeTooLow(address account, uint256 stake, uint256 minimum);
    error Barred(uint256 taskId, address account);
    error NotAParticipant(uint256 taskId, address account);
    error DataNotCommittedBeforeTheRound(address account, uint256 index, uint64 since, uint64 openedAt);
    error IndexNotAscending(address account, uint256 index, uint256 nextIndex);
    error AttemptFull(uint256 updates);
    error IndexTooLarge(uint256 index);
    error TooManyBatches(address account, uint256 limit);
    error BelowMinimum(uint256 nodes, uint256 minimum);
    error EnoughNodes(uint256 nodes, uint256 minimum);
    error CannotTakeOver(uint256 taskId, address account);
    error RoundLimit(uint32 maximumRounds);

    /// @notice Open the first round. Only for the coordinator.
    function openRound(uint256 taskId) external;

    /// @notice End collecting: by the coordinator once enough nodes took part, by anyone once full or after the deadline.
    function close(uint256 taskId) external;

    /// @notice Open a new attempt of the same round, where the present one has failed and nobody has shared: too few nodes at
    /// the deadline, too few left in the set that shares, or no share of anybody by the deadline; in HFLContract also where all
    /// have shared, and no result has a quorum by the deadline. Anyone may, nobody pays.
    function reopen(uint256 taskId) external;

    /// @notice Take the coordinator's place, as one of the nodes that wait for it after its deadline, or waited last time.
    function takeOver(uint256 taskId) external;

    /// @notice End a task that was never opened, has had all its rounds, or has its certificate; and one whose present attempt
    /// has failed as {reopen} wants it, or whose sum was neither used nor disputed until disputeSeconds after its deadline.
    /// Only for the coordinator, and for anybody where a task has its certificate and its attempt has failed in this way.
    /// @dev A coordinator cannot end what others still work on, nor while it may turn out who has spoilt a sum: not once
    /// somebody has shared, not in a dispute, and with all shares there only after the deadline.
    function finish(uint256 taskId) external;

    function taskCount() external view returns (uint256);

    function taskOf(uint256 taskId) external view returns (Task memory);

    /// @notice What a node did last in a task, by keys of attempts: `round * 2^32 + attempt + 1`.
    function nodeOf(uint256 taskId, address node) external view returns (Node memory);
}
