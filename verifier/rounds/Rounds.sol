// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDataHub} from "../interfaces/IDataHub.sol";
import {IIdentity} from "../interfaces/IIdentity.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {IStaking} from "../interfaces/IStaking.sol";
import {Phases} from "./Phases.sol";
import {Set} from "./Sets.sol";

/// @title The round machinery of HFLContract and HLRContract
/// @dev No loop grows with nodes, updates or rounds: counters are reset by a new attempt, and what belongs to an attempt is
/// marked with the attempt's key, so that nothing has to be cleared.
///
/// The contracts that are asked (identity, data hub, staking) are fixed at deployment: a task that could name its own could
/// pretend to anything.
abstract contract Rounds is IRounds {
    using Phases for Task;

    IIdentity public immutable IDENTITY;
    IDataHub public immutable DATA_HUB;
    IStaking public immutable STAKING;

    /// @inheritdoc IRounds
    uint256 public taskCount;

    mapping(uint256 taskId => Task task) internal _tasks;
    mapping(uint256 taskId => Set set) internal _sets;

    constructor(IIdentity identity, IDataHub dataHub, IStaking staking) {
        IDENTITY = identity;
        DATA_HUB = dataHub;
        STAKING = staking;
    }

    /// @inheritdoc IRounds
    function openRound(uint256 taskId) external {
        Task storage task = _tasks[taskId];
        task.requirePhase(taskId, Phase.Created);
        _requireCoordinator(taskId, task);
        task.openedAt = uint64(block.number);
        _startAttempt(taskId, task);
    }

    /// @inheritdoc IRounds
    function close(uint256 taskId) external {
        Task storage task = _tasks[taskId];
        task.requirePhase(taskId, Phase.Collecting);
        if (task.nodes < task.minimumNodes) revert BelowMinimum(task.nodes, task.minimumNodes);
        bool full = task.updates == task.maximumUpdates;
        if (msg.sender != task.coordinator && !full) task.requireLate();
        _onClose(taskId, task);
        emit RoundClosed(taskId, task.round, task.attempt, task.nodes, task.updates, task.deadline);
    }

    /// @inheritdoc IRounds
    function reopen(uint256 taskId) external {
        Task storage task = _tasks[taskId];
        _requireFailed(taskId, task);
        ++task.attempt;
        _startAttempt(taskId, task);
    }

    /// @inheritdoc IRounds
    function takeOver(uint256 taskId) external {
        Task storage task = _tasks[taskId];
        address coordinator = task.coordinator;
        if (msg.sender == coordinator || !_mayTakeOver(taskId, task)) revert CannotTakeOver(taskId, msg.sender);

        emit CoordinatorChanged(taskId, coordinator, msg.sender);
        task.coordinator = msg.sender;
        task.missed = 0;
    }

    /// @inheritdoc IRounds
    function finish(uint256 taskId) external {
        Task storage task = _tasks[taskId];
        Phase phase = task.phase;
        // who has spoilt a sum does not get away by the task's end
        bool judging = phase == Phase.Disputed || (phase == Phase.Sharing && task.sharedOnce);
        if (phase == Phase.None || phase == Phase.Finished || judging) revert WrongPhase(taskId, phase);
        if (msg.sender != task.coordinator) _requireGivenUp(taskId, task);
        if (phase != Phase.Created && !_isOver(taskId, task)) _requireStuck(taskId, task);
        if (phase == Phase.Summed) task.requireLate();
        task.finish(taskId);
    }

    /// @inheritdoc IRounds
    function taskOf(uint256 taskId) external view virtual returns (Task memory) {
        return _tasks[taskId];
    }

    /// @inheritdoc IRounds
    function nodeOf(uint256 taskId, address node) external view returns (Node memory) {
        return _sets[taskId].nodes[node];
    }

    // --- for the contracts above ---

    /// @dev All that a node must have to hand in an update for its batch `index` of a data set; nothing is written. A
    /// node's commitment has one place in the data hub, so ascending indices use none twice.
    /// @param before The block before which the batch must be registered.
    /// @return data The commitment that the update is about.
    function _requireUpdate(
        uint256 taskId,
        Task storage task,
        bytes32 dataset,
        uint64 before,
        uint256 index
    ) internal view returns (uint256 data) {
        task.requirePhase(taskId, Phase.Collecting);
        task.requireInTime();
        if (task.updates == task.maximumUpdates) revert AttemptFull(task.updates);
        Node storage node = _sets[taskId].nodes[msg.sender];
        if (node.barred) revert Barred(taskId, msg.sender);
        _requireMember(task);
        if (node.participated == task.key()) {
            if (node.batches >= task.maximumBatches) revert TooManyBatches(msg.sender, task.maximumBatches);
            if (index < node.nextIndex) revert IndexNotAscending(msg.sender, index, node.nextIndex);
        } else {
            _requireStake(task);
        }
        if (index >= type(uint48).max) revert IndexTooLarge(index);
        uint64 since;
        (data, since) = DATA_HUB.usable(msg.sender, dataset, index);
        if (data == 0 || since >= before) {
            revert DataNotCommittedBeforeTheRound(msg.sender, index, since, before);
        }
    }

    /// @return first Whether it is the node's first update of the attempt.
    function _countUpdate(uint256 taskId, Task storage task, uint256 index) internal returns (bool first) {
        uint64 key = task.key();
        Node storage node = _sets[taskId].nodes[msg.sender];
        first = node.participated != key;
        if (first) {
            node.participated = key;
            node.batches = 1;
            node.sharedIn = 0;
            ++task.nodes;
        } else {
            ++node.batches;
        }
        node.nextIndex = uint48(index + 1);
        ++task.updates;
    }

    /// @dev What was proposed is accepted: the next round opens.
    function _nextRound(uint256 taskId, Task storage task) internal {
        ++task.round;
        task.attempt = 0;
        task.openedAt = uint64(block.number);
        _startAttempt(taskId, task);
    }

    /// @dev Hook: an attempt begins; `task` has its round and attempt.
    function _onAttempt(uint256 taskId, Task storage task) internal virtual;

    /// @dev Hook: collecting is over; enters the phase after it.
    function _onClose(uint256 taskId, Task storage task) internal virtual;

    /// @dev Hook: reverts unless the present attempt cannot come to anything.
    function _requireFailed(uint256 taskId, Task storage task) internal view virtual {
        task.requirePhase(taskId, Phase.Collecting);
        if (task.nodes >= task.minimumNodes) revert EnoughNodes(task.nodes, task.minimumNodes);
        task.requireLate();
    }

    /// @dev Hook: reverts unless the present attempt cannot come to anything, also where it cannot be opened anew.
    function _requireStuck(uint256 taskId, Task storage task) internal view virtual;

    /// @dev Hook: whether the coordinator may end a task that was opened, whatever its attempt may come to.
    function _isOver(uint256, Task storage task) internal view virtual returns (bool) {
        return task.moves == task.maximumRounds;
    }

    /// @dev Hook: reverts unless somebody else than the coordinator may end the task.
    function _requireGivenUp(uint256 taskId, Task storage) internal view virtual {
        revert NotTheCoordinator(taskId, msg.sender);
    }

    /// @dev Hook: whether the sender, who is not the coordinator, waits for it in vain.
    function _mayTakeOver(uint256 taskId, Task storage task) internal view virtual returns (bool);

    function _requireCoordinator(uint256 taskId, Task storage task) internal view {
        if (msg.sender != task.coordinator) revert NotTheCoordinator(taskId, msg.sender);
    }

    function _startAttempt(uint256 taskId, Task storage task) private {
        task.nodes = 0;
        task.updates = 0;
        task.enter(Phase.Collecting, task.collectSeconds);
        _onAttempt(taskId, task);
        emit RoundOpened(taskId, task.round, task.attempt, task.deadline);
    }

    function _requireMember(Task storage task) private view {
        uint64 since = IDENTITY.memberSince(msg.sender);
        if (since == 0 || since >= task.openedAt) {
            revert NotAMemberBeforeTheRound(msg.sender, since, task.openedAt);
        }
    }

    function _requireStake(Task storage task) internal view {
        uint256 minimum = task.minimumStake;
        if (minimum == 0) return;
        uint256 stake = STAKING.stakeOf(msg.sender);
        if (stake < minimum) revert StakeTooLow(msg.sender, stake, minimum);
    }
}
