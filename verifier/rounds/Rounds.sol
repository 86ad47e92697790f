// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDataHub} from "../interfaces/IDataHub.sol";
import {IIdentity} from "../interfaces/IIdentity.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {IStaking} from "../interfaces/IStaking.sol";

/// @title The round machinery of HFLContract and HLRContract
/// @dev No loop grows with nodes, updates or rounds: counters are reset by a new attempt, and what belongs to an attempt is
/// marked with the attempt's key, so that nothing has to be cleared.
///
/// The contracts that are asked (identity, data hub, staking) are fixed at deployment: a task that could name its own could
/// pretend to anything.
abstract contract Rounds is IRounds {
    uint256 public constant MAX_EXCLUDED = 32;
    uint256 public constant MAX_KEY = 256;
    /// @notice Attempts of one round after which the coordinator counts as late even though it reopens in time.
    uint32 public constant PATIENCE = 3;
    uint32 private constant MAX_PHASE = 90 days;

    IIdentity public immutable IDENTITY;
    IDataHub public immutable DATA_HUB;
    IStaking public immutable STAKING;

    /// @inheritdoc IRounds
    uint256 public taskCount;

    mapping(uint256 taskId => Task task) internal _tasks;
    mapping(uint256 taskId => mapping(address node => Node state)) internal _nodes;

    constructor(IIdentity identity, IDataHub dataHub, IStaking staking) {
        IDENTITY = identity;
        DATA_HUB = dataHub;
        STAKING = staking;
    }

    /// @inheritdoc IRounds
    function openRound(uint256 taskId) external {
        Task storage task = _tasks[taskId];
        _requirePhase(taskId, task, Phase.Created);
        _requireCoordinator(taskId, task);
        task.openedAt = uint64(block.number);
        _startAttempt(taskId, task);
    }

    /// @inheritdoc IRounds
    function join(uint256 taskId, bytes calldata publicKey) external {
        Task storage task = _tasks[taskId];
        _requirePhase(taskId, task, Phase.Joining);
        if (block.timestamp > task.deadline) revert DeadlinePassed(task.deadline);
        if (publicKey.length > MAX_KEY) revert KeyTooLong(publicKey.length, MAX_KEY);
        uint64 key = _key(task);
        Node storage node = _nodes[taskId][msg.sender];
        _requireMember(task, node, key);
        _requireStake(task);
        if (node.joined == key) revert AlreadyJoined(msg.sender);

        node.joined = key;
        ++task.joined;
        emit NodeJoined(taskId, task.round, task.attempt, msg.sender, publicKey);
    }

    /// @inheritdoc IRounds
    function startCollecting(uint256 taskId) external {
        Task storage task = _tasks[taskId];
        _requirePhase(taskId, task, Phase.Joining);
        if (task.joined < task.minimumNodes) revert BelowMinimum(task.joined, task.minimumNodes);
        if (msg.sender != task.coordinator && block.timestamp <= task.deadline) {
            revert DeadlineNotReached(task.deadline);
        }
        task.phase = Phase.Collecting;
        task.deadline = uint64(block.timestamp) + task.collectSeconds;
        emit CollectingStarted(taskId, task.round, task.attempt, task.deadline);
    }

    /// @inheritdoc IRounds
    function close(uint256 taskId) external {
        Task storage task = _tasks[taskId];
        _requirePhase(taskId, task, Phase.Collecting);
        if (task.nodes < task.minimumNodes) revert BelowMinimum(task.nodes, task.minimumNodes);
        bool full = task.updates == task.maximumUpdates;
        if (msg.sender != task.coordinator && !full && block.timestamp <= task.deadline) {
            revert DeadlineNotReached(task.deadline);
        }
        task.phase = Phase.Closed;
        task.deadline = uint64(block.timestamp) + task.aggregateSeconds;
        emit RoundClosed(taskId, task.round, task.attempt, task.nodes, task.updates, task.deadline);
    }

    /// @inheritdoc IRounds
    function reopen(uint256 taskId, address[] calldata excluded) external {
        Task storage task = _tasks[taskId];
        Phase phase = task.phase;
        bool late = block.timestamp > task.deadline;
        if (phase != Phase.Joining && phase != Phase.Collecting && phase != Phase.Closed) {
            revert WrongPhase(taskId, phase);
        }
        if (msg.sender != task.coordinator) {
            if (!late) revert DeadlineNotReached(task.deadline);
            if (excluded.length != 0) revert NotTheCoordinator(taskId, msg.sender);
        }
        if (phase == Phase.Closed) {
            if (late || task.attempt >= PATIENCE) task.missed = _key(task);
        } else {
            uint256 present = phase == Phase.Joining ? task.joined : task.nodes;
            if (present >= task.minimumNodes) revert EnoughNodes(present, task.minimumNodes);
            bool full = phase == Phase.Collecting && task.updates == task.maximumUpdates;
            if (!late && !full) revert DeadlineNotReached(task.deadline);
        }

        if (excluded.length > MAX_EXCLUDED) revert TooManyExcluded(excluded.length, MAX_EXCLUDED);
        ++task.attempt;
        uint64 key = _key(task);
        for (uint256 i = 0; i < excluded.length; ++i) {
            _nodes[taskId][excluded[i]].excluded = key;
            emit NodeExcluded(taskId, task.round, task.attempt, excluded[i]);
        }
        _startAttempt(taskId, task);
    }

    /// @inheritdoc IRounds
    function takeOver(uint256 taskId) external {
        Task storage task = _tasks[taskId];
        uint64 participated = _nodes[taskId][msg.sender].participated;
        uint64 key = _key(task);
        bool late = task.phase == Phase.Closed && block.timestamp > task.deadline && participated == key;
        bool afterMiss = task.missed != 0 && (participated == task.missed || participated == key);
        if (!late && !afterMiss) revert CannotTakeOver(taskId, msg.sender);

        emit CoordinatorChanged(taskId, task.coordinator, msg.sender);
        task.coordinator = msg.sender;
        task.missed = 0;
        if (late) {
            ++task.attempt;
            _startAttempt(taskId, task);
        }
    }

    /// @inheritdoc IRounds
    function finish(uint256 taskId) external {
        Task storage task = _tasks[taskId];
        if (task.phase == Phase.None || task.phase == Phase.Finished) revert WrongPhase(taskId, task.phase);
        _requireCoordinator(taskId, task);
        if (task.phase != Phase.Created && task.round < task.maximumRounds) {
            revert RoundsLeft(task.round, task.maximumRounds);
        }
        _finish(taskId, task);
    }

    /// @inheritdoc IRounds
    function taskOf(uint256 taskId) external view returns (Task memory) {
        return _tasks[taskId];
    }

    /// @inheritdoc IRounds
    function nodeOf(uint256 taskId, address node) external view returns (Node memory) {
        return _nodes[taskId][node];
    }

    /// @inheritdoc IRounds
    function attemptKey(uint256 taskId) external view returns (uint64) {
        return _key(_tasks[taskId]);
    }

    /// @inheritdoc IRounds
    function participates(uint256 taskId, address node) external view returns (bool) {
        return _nodes[taskId][node].participated == _key(_tasks[taskId]);
    }

    // --- for the contracts above ---

    function _createTask(TaskConfig calldata config) internal returns (uint256 taskId) {
        if (config.minimumNodes == 0) revert InvalidConfig("minimumNodes");
        if (config.maximumUpdates < config.minimumNodes) revert InvalidConfig("maximumUpdates");
        if (config.maximumRounds == 0 || config.maximumRounds == type(uint32).max) {
            revert InvalidConfig("maximumRounds");
        }
        if (config.collectSeconds == 0 || config.collectSeconds > MAX_PHASE) revert InvalidConfig("collectSeconds");
        if (config.aggregateSeconds == 0 || config.aggregateSeconds > MAX_PHASE) {
            revert InvalidConfig("aggregateSeconds");
        }
        if (config.joinSeconds > MAX_PHASE) revert InvalidConfig("joinSeconds");
        taskId = ++taskCount;
        Task storage task = _tasks[taskId];
        task.coordinator = msg.sender;
        task.phase = Phase.Created;
        task.minimumNodes = config.minimumNodes;
        task.minimumStake = config.minimumStake;
        task.maximumUpdates = config.maximumUpdates;
        task.maximumBatches = config.maximumBatches;
        task.joinSeconds = config.joinSeconds;
        task.collectSeconds = config.collectSeconds;
        task.aggregateSeconds = config.aggregateSeconds;
        task.maximumRounds = config.maximumRounds;
        task.specHash = config.specHash;
        task.dataset = config.dataset;
        emit TaskCreated(taskId, msg.sender, config.specHash, config.dataset);
    }

    /// @dev All that a node must have to hand in an update for its batch `index`; nothing is written. A commitment has one
    /// place in the data hub, so ascending indices of a node use none twice.
    /// @return data The commitment that the update is about.
    function _requireUpdate(uint256 taskId, Task storage task, uint256 index) internal view returns (uint256 data) {
        _requirePhase(taskId, task, Phase.Collecting);
        if (block.timestamp > task.deadline) revert DeadlinePassed(task.deadline);
        if (task.updates == task.maximumUpdates) revert AttemptFull(task.updates);
        uint64 key = _key(task);
        Node storage node = _nodes[taskId][msg.sender];
        _requireMember(task, node, key);
        if (task.joinSeconds != 0 && node.joined != key) revert NotJoined(msg.sender);
        if (node.participated == key) {
            uint256 limit = task.maximumBatches;
            if (limit != 0 && node.batches >= limit) revert TooManyBatches(msg.sender, limit);
            if (index < node.nextIndex) revert IndexNotAscending(msg.sender, index, node.nextIndex);
        } else {
            _requireStake(task);
        }
        if (index >= type(uint48).max) revert IndexTooLarge(index);
        uint64 since;
        (data, since) = DATA_HUB.lookUp(msg.sender, task.dataset, index);
        if (data == 0 || since >= task.openedAt) {
            revert DataNotCommittedBeforeTheRound(msg.sender, index, since, task.openedAt);
        }
    }

    function _countUpdate(uint256 taskId, Task storage task, uint256 index) internal {
        uint64 key = _key(task);
        Node storage node = _nodes[taskId][msg.sender];
        if (node.participated == key) {
            ++node.batches;
        } else {
            node.participated = key;
            node.batches = 1;
            ++task.nodes;
        }
        node.nextIndex = uint48(index + 1);
        ++task.updates;
    }

    /// @dev What was proposed is accepted: the next round opens.
    function _nextRound(uint256 taskId, Task storage task) internal {
        ++task.round;
        task.attempt = 0;
        task.openedAt = uint64(block.number);
        task.missed = 0;
        _startAttempt(taskId, task);
    }

    function _finish(uint256 taskId, Task storage task) internal {
        task.phase = Phase.Finished;
        task.missed = 0; // nobody takes over what is finished
        emit TaskFinished(taskId, task.round);
    }

    /// @dev Hook: an attempt begins; `task` has its round and attempt.
    function _onAttempt(uint256 taskId, Task storage task) internal virtual;

    function _requirePhase(uint256 taskId, Task storage task, Phase phase) internal view {
        if (task.phase != phase) revert WrongPhase(taskId, task.phase);
    }

    function _requireCoordinator(uint256 taskId, Task storage task) internal view {
        if (msg.sender != task.coordinator) revert NotTheCoordinator(taskId, msg.sender);
    }

    function _key(Task storage task) internal view returns (uint64) {
        return ((uint64(task.round) << 32) | task.attempt) + 1;
    }

    function _startAttempt(uint256 taskId, Task storage task) private {
        task.joined = 0;
        task.nodes = 0;
        task.updates = 0;
        bool joining = task.joinSeconds != 0;
        task.phase = joining ? Phase.Joining : Phase.Collecting;
        task.deadline = uint64(block.timestamp) + (joining ? task.joinSeconds : task.collectSeconds);
        _onAttempt(taskId, task);
        emit RoundOpened(taskId, task.round, task.attempt, task.phase, task.deadline);
    }

    function _requireMember(Task storage task, Node storage node, uint64 key) private view {
        if (node.excluded == key) revert ExcludedFromAttempt(msg.sender, task.attempt);
        uint64 since = IDENTITY.memberSince(msg.sender);
        if (since == 0 || since >= task.openedAt) {
            revert NotAMemberBeforeTheRound(msg.sender, since, task.openedAt);
        }
    }

    function _requireStake(Task storage task) private view {
        uint256 minimum = task.minimumStake;
        if (minimum == 0) return;
        uint256 stake = STAKING.stakeOf(msg.sender);
        if (stake < minimum) revert StakeTooLow(msg.sender, stake, minimum);
    }
}
