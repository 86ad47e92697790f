// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Rounds of federated learning: who may do what, and by when
/// @notice The machinery that horizontal federated learning (HFLContract) and logistic regression with proofs
/// (HLRContract) share. A task has rounds, a round has attempts; see docs/protocol.md, section 4.
///
/// Nobody can block others: every phase has a deadline after which anyone may move on, an attempt that fails is opened
/// again without those that the coordinator names, and a coordinator that misses its deadline can be replaced by a
/// participant.
interface IRounds {
    enum Phase {
        None,
        Created,
        Joining,
        Collecting,
        Closed,
        Finished
    }

    struct TaskConfig {
        /// @dev Hash of the task's specification, published off chain.
        bytes32 specHash;
        /// @dev Name of the data set under which nodes have registered their batches in DataHub.
        bytes32 dataset;
        /// @dev Wei of ETH that a node has at stake; 0 for none.
        uint96 minimumStake;
        /// @dev Distinct nodes of an attempt; three or more, or nodes learn each other's updates.
        uint16 minimumNodes;
        /// @dev Updates of an attempt.
        uint16 maximumUpdates;
        /// @dev Updates of one node in an attempt; 0 for no limit of its own.
        uint16 maximumBatches;
        /// @dev Time to join and advertise a key before updates; 0 where nobody has to join.
        uint32 joinSeconds;
        uint32 collectSeconds;
        uint32 aggregateSeconds;
        uint32 maximumRounds;
    }

    struct Task {
        address coordinator;
        Phase phase;
        uint16 minimumNodes;
        /// @dev Distinct nodes that joined this attempt, where nodes join.
        uint16 joined;
        /// @dev Distinct nodes with an update in this attempt.
        uint16 nodes;
        uint16 updates;
        uint32 round;
        uint32 attempt;
        /// @dev Block in which the round's first attempt opened: members and data are from before it.
        uint64 openedAt;
        /// @dev End of the present phase, in seconds since 1970.
        uint64 deadline;
        /// @dev Key of the attempt whose aggregation was not done in time, 0 for none: allows one change of coordinator.
        uint64 missed;
        uint96 minimumStake;
        uint32 joinSeconds;
        uint32 collectSeconds;
        uint32 aggregateSeconds;
        uint32 maximumRounds;
        uint16 maximumUpdates;
        uint16 maximumBatches;
        bytes32 specHash;
        bytes32 dataset;
    }

    struct Node {
        /// @dev Keys of the attempts it last joined, took part in, and was left out of.
        uint64 joined;
        uint64 participated;
        uint64 excluded;
        /// @dev Updates in the attempt it last took part in, and the first index it has not passed there.
        uint16 batches;
        uint48 nextIndex;
    }

    event TaskCreated(uint256 indexed taskId, address indexed coordinator, bytes32 specHash, bytes32 dataset);
    event RoundOpened(uint256 indexed taskId, uint32 indexed round, uint32 attempt, Phase phase, uint64 deadline);
    event NodeJoined(
        uint256 indexed taskId,
        uint32 indexed round,
        uint32 attempt,
        address indexed node,
        bytes publicKey
    );
    event CollectingStarted(uint256 indexed taskId, uint32 indexed round, uint32 attempt, uint64 deadline);
    event RoundClosed(
        uint256 indexed taskId,
        uint32 indexed round,
        uint32 attempt,
        uint16 nodes,
        uint16 updates,
        uint64 deadline
    );
    event NodeExcluded(uint256 indexed taskId, uint32 indexed round, uint32 attempt, address indexed node);
    event CoordinatorChanged(uint256 indexed taskId, address indexed from, address indexed to);
    event TaskFinished(uint256 indexed taskId, uint32 round);

    error InvalidConfig(string field);
    error WrongPhase(uint256 taskId, Phase phase);
    error NotTheCoordinator(uint256 taskId, address account);
    error DeadlinePassed(uint64 deadline);
    error DeadlineNotReached(uint64 deadline);
    error NotAMemberBeforeTheRound(address account, uint64 since, uint64 openedAt);
    error StakeTooLow(address account, uint256 stake, uint256 minimum);
    error ExcludedFromAttempt(address account, uint32 attempt);
    error NotJoined(address account);
    error AlreadyJoined(address account);
    error DataNotCommittedBeforeTheRound(address account, uint256 index, uint64 since, uint64 openedAt);
    error IndexNotAscending(address account, uint256 index, uint256 nextIndex);
    error AttemptFull(uint256 updates);
    error IndexTooLarge(uint256 index);
    error TooManyBatches(address account, uint256 limit);
    error BelowMinimum(uint256 nodes, uint256 minimum);
    error EnoughNodes(uint256 nodes, uint256 minimum);
    error TooManyExcluded(uint256 count, uint256 limit);
    error CannotTakeOver(uint256 taskId, address account);
    error RoundLimit(uint32 maximumRounds);
    error RoundsLeft(uint32 round, uint32 maximumRounds);
    error KeyTooLong(uint256 length, uint256 limit);

    /// @notice Open the first round. Only for the coordinator.
    function openRound(uint256 taskId) external;

    /// @notice Join the present attempt and advertise a public key for secure aggregation.
    function join(uint256 taskId, bytes calldata publicKey) external;

    /// @notice End joining: by the coordinator once enough nodes joined, by anyone after the deadline.
    function startCollecting(uint256 taskId) external;

    /// @notice End collecting: by the coordinator once enough nodes took part, by anyone once full or after the deadline.
    function close(uint256 taskId) external;

    /// @notice Open a new attempt of the same round. The coordinator may while the round is closed, or stuck before, and
    /// leave nodes out by name; anyone may after a missed deadline, leaving out nobody.
    function reopen(uint256 taskId, address[] calldata excluded) external;

    /// @notice Take the coordinator's place, as a participant of an attempt that it did not aggregate in time.
    function takeOver(uint256 taskId) external;

    /// @notice End a task that was never opened, or has had all its rounds. Only for the coordinator, and once: a coordinator
    /// cannot end what others still work on.
    function finish(uint256 taskId) external;

    function taskCount() external view returns (uint256);

    function taskOf(uint256 taskId) external view returns (Task memory);

    /// @notice What a node did last in a task, by keys of attempts.
    function nodeOf(uint256 taskId, address node) external view returns (Node memory);

    /// @notice Key of the present attempt: `round * 2^32 + attempt + 1`.
    function attemptKey(uint256 taskId) external view returns (uint64);

    function participates(uint256 taskId, address node) external view returns (bool);
}
