// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDataHub} from "../interfaces/IDataHub.sol";
import {IHFL} from "../interfaces/IHFL.sol";
import {IIdentity} from "../interfaces/IIdentity.sol";
import {ISharing} from "../interfaces/ISharing.sol";
import {IStaking} from "../interfaces/IStaking.sol";
import {Configs} from "./Configs.sol";
import {Departures} from "./Departures.sol";
import {Phases} from "./Phases.sol";
import {Rounds} from "./Rounds.sol";
import {Set, Sets} from "./Sets.sol";
import {Sharing} from "./Sharing.sol";

/// @title Horizontal federated learning (HFL) for any model, with results that a quorum accepts
/// @dev See {IHFL} and docs/protocol.md, section 8.
contract HFLContract is IHFL, Sharing {
    using Phases for Task;
    using Sets for Set;

    /// @dev What a task has besides its rounds: the quorum, in percent, and whose result was accepted last.
    struct Acceptance {
        uint8 quorum;
        /// @dev Key of the attempt, 0 before there is a result, and nodes in its set.
        uint64 key;
        uint24 nodes;
    }

    /// @dev What the nodes of a set say of what they shared, in one share attempt.
    struct Ballot {
        mapping(bytes32 result => uint256) votes;
        mapping(address account => uint256) reports;
        mapping(address node => bool) confirmed;
        mapping(address account => mapping(address node => bool)) reported;
        /// @dev Who was out because of it.
        address missing;
    }

    bytes32 private constant MISSING = "missing";

    mapping(uint256 taskId => Acceptance acceptance) private _acceptances;
    mapping(uint256 taskId => mapping(uint32 round => bytes32 result)) private _results;
    mapping(uint256 taskId => mapping(uint256 shareKey => Ballot ballot)) private _ballots;
    /// @dev Key of the last accepted attempt that a node was in the set of, where its record is of a later one.
    mapping(uint256 taskId => mapping(address node => uint64 key)) private _credits;

    constructor(IIdentity identity, IDataHub dataHub, IStaking staking) Rounds(identity, dataHub, staking) {}

    /// @inheritdoc IHFL
    function createTask(TaskConfig calldata config, uint8 quorumPercent) external returns (uint256 taskId) {
        if (quorumPercent <= 50 || quorumPercent > 100) revert InvalidQuorum(quorumPercent);
        if (config.maximumBatches != 1) revert InvalidConfig("maximumBatches");
        if (config.disputeSeconds != 0) revert InvalidConfig("disputeSeconds");
        taskId = ++taskCount;
        Configs.write(taskId, _tasks[taskId], config);
        Configs.writeSharing(_tasks[taskId], STAKING, config);
        _acceptances[taskId].quorum = quorumPercent;
    }

    /// @inheritdoc IHFL
    function commitUpdate(uint256 taskId, uint256 index, bytes32 update) external {
        Task storage task = _tasks[taskId];
        uint256 data = _requireUpdate(taskId, task, task.dataset, task.openedAt, index);
        Set storage set = _sets[taskId];
        uint64 inSet = set.nodes[msg.sender].inSet;
        // its record is about to be of this attempt
        if (inSet != 0 && inSet == _acceptances[taskId].key) _credits[taskId][msg.sender] = inSet;
        _countUpdate(taskId, task, index);
        set.parts[msg.sender].point.x = uint256(update);
        emit UpdateCommitted(taskId, task.round, task.attempt, msg.sender, data, index, update);
    }

    /// @inheritdoc IHFL
    function share(uint256 taskId, bytes32 digest, bytes32 content, uint8 location) external {
        (Task storage task, ) = _countShare(taskId, digest);
        (uint32 round, uint32 attempt, uint24 shareAttempt) = (task.round, task.attempt, task.shareAttempt);
        emit MaskedUpdateShared(taskId, round, attempt, shareAttempt, msg.sender, content, location);
        if (task.shared == task.ready) {
            task.enter(Phase.Summed, task.aggregateSeconds);
            emit AllShared(taskId, round, attempt, shareAttempt, task.deadline);
        }
    }

    /// @inheritdoc IHFL
    function confirm(uint256 taskId, bytes32 result) external {
        (Task storage task, Ballot storage ballot) = _requireBallot(taskId);
        uint256 votes = ++ballot.votes[result];
        ballot.confirmed[msg.sender] = true;
        emit ResultConfirmed(taskId, task.round, task.attempt, task.shareAttempt, msg.sender, result, votes);
        if (!_isQuorum(taskId, task, votes)) return;

        Acceptance storage acceptance = _acceptances[taskId];
        acceptance.key = task.key();
        acceptance.nodes = task.ready;
        _results[taskId][task.round] = result;
        emit ResultAccepted(taskId, task.round, result);
        if (++task.moves == task.maximumRounds) task.finish(taskId);
        else _nextRound(taskId, task);
    }

    /// @inheritdoc IHFL
    function reportMissing(uint256 taskId, address account) external {
        (Task storage task, Ballot storage ballot) = _requireBallot(taskId);
        task.requireInTime(); // later its stake may be gone
        Set storage set = _sets[taskId];
        set.requireIn(taskId, task, account);
        if (ballot.reported[account][msg.sender]) revert AlreadyReported(taskId, msg.sender, account);

        ballot.reported[account][msg.sender] = true;
        uint256 reports = ++ballot.reports[account];
        emit MissingReported(taskId, task.round, task.attempt, task.shareAttempt, msg.sender, account, reports);
        // all others are enough, in a set so small that they are no quorum
        if (reports + 1 != task.ready && !_isQuorum(taskId, task, reports)) return;

        ballot.missing = account;
        Departures.expel(taskId, task, set, STAKING, account, MISSING);
        Departures.restart(taskId, task, set);
    }

    /// @inheritdoc ISharing
    function withdraw(uint256 taskId) external {
        Task storage task = _tasks[taskId];
        Departures.withdraw(taskId, task, _sets[taskId], STAKING, _dissents(taskId, task));
    }

    /// @inheritdoc ISharing
    function expel(uint256 taskId, address account) external {
        Departures.expelSilent(taskId, _tasks[taskId], _sets[taskId], STAKING, account);
    }

    /// @inheritdoc IHFL
    function quorumOf(uint256 taskId) external view returns (uint8 percent) {
        return _acceptances[taskId].quorum;
    }

    /// @inheritdoc IHFL
    function votesFor(uint256 taskId, bytes32 result) external view returns (uint256) {
        return _ballots[taskId][_tasks[taskId].shareKey()].votes[result];
    }

    /// @inheritdoc IHFL
    function reportsOf(uint256 taskId, address account) external view returns (uint256) {
        return _ballots[taskId][_tasks[taskId].shareKey()].reports[account];
    }

    /// @inheritdoc IHFL
    function resultOf(uint256 taskId, uint32 round) external view returns (bytes32) {
        return _results[taskId][round];
    }

    /// @inheritdoc IHFL
    function latestOf(uint256 taskId) external view returns (uint32 results, bytes32 result) {
        results = _tasks[taskId].moves;
        if (results != 0) result = _results[taskId][results - 1];
    }

    /// @inheritdoc IHFL
    function participantsOf(uint256 taskId) external view returns (uint64 key, uint24 nodes) {
        Acceptance storage acceptance = _acceptances[taskId];
        return (acceptance.key, acceptance.nodes);
    }

    /// @inheritdoc IHFL
    function creditOf(uint256 taskId, address node) external view returns (uint256 updates) {
        uint64 key = _acceptances[taskId].key;
        if (key == 0) return 0;
        if (_sets[taskId].nodes[node].inSet == key || _credits[taskId][node] == key) updates = 1;
    }

    /// @dev A result without a quorum at the deadline has failed too.
    function _requireFailed(uint256 taskId, Task storage task) internal view override {
        if (task.phase == Phase.Summed) task.requireLate();
        else super._requireFailed(taskId, task);
    }

    /// @dev For a node of the set that has not confirmed.
    function _requireBallot(uint256 taskId) private view returns (Task storage task, Ballot storage ballot) {
        task = _tasks[taskId];
        task.requirePhase(taskId, Phase.Summed);
        _sets[taskId].requireIn(taskId, task, msg.sender);
        ballot = _ballots[taskId][task.shareKey()];
        if (ballot.confirmed[msg.sender]) revert AlreadyConfirmed(taskId, msg.sender);
    }

    function _isQuorum(uint256 taskId, Task storage task, uint256 votes) private view returns (bool) {
        return votes * 100 >= uint256(_acceptances[taskId].quorum) * task.ready;
    }

    /// @dev Whether the last thing that the sender shared in this attempt was followed by somebody being out as missing, of whom
    /// it did not say so.
    function _dissents(uint256 taskId, Task storage task) private view returns (bool) {
        uint24 sharedIn = _sets[taskId].nodes[msg.sender].sharedIn;
        if (sharedIn == 0) return false;
        Ballot storage ballot = _ballots[taskId][(uint256(task.key()) << 24) | (sharedIn - 1)];
        address missing = ballot.missing;
        return missing != address(0) && !ballot.reported[missing][msg.sender];
    }
}
