// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDataHub} from "../interfaces/IDataHub.sol";
import {IHFL} from "../interfaces/IHFL.sol";
import {IIdentity} from "../interfaces/IIdentity.sol";
import {IStaking} from "../interfaces/IStaking.sol";
import {Phases} from "./Phases.sol";
import {Rounds} from "./Rounds.sol";

/// @title Horizontal federated learning (HFL) with acceptance by a quorum
contract HFLContract is IHFL, Rounds {
    using Phases for Task;

    mapping(uint256 taskId => uint8 percent) private _quorums;
    mapping(uint256 taskId => mapping(address node => uint64 key)) private _confirmed;
    mapping(uint256 taskId => mapping(uint64 key => mapping(bytes32 result => uint256 votes))) private _votes;
    mapping(uint256 taskId => mapping(uint32 round => bytes32 result)) private _results;

    constructor(IIdentity identity, IDataHub dataHub, IStaking staking) Rounds(identity, dataHub, staking) {}

    /// @inheritdoc IHFL
    function createTask(TaskConfig calldata config, uint8 quorumPercent) external returns (uint256 taskId) {
        if (quorumPercent <= 50 || quorumPercent > 100) revert InvalidQuorum(quorumPercent);
        if (config.penalty != 0) revert InvalidConfig("penalty"); // nothing here takes one
        taskId = _createTask(config);
        _quorums[taskId] = quorumPercent;
    }

    /// @inheritdoc IHFL
    function commitUpdate(uint256 taskId, uint256 index, bytes32 update) external {
        Task storage task = _tasks[taskId];
        uint256 data = _requireUpdate(taskId, task, task.dataset, task.openedAt, index);
        _countUpdate(taskId, task, index);
        emit UpdateCommitted(taskId, task.round, task.attempt, msg.sender, data, update);
    }

    /// @inheritdoc IHFL
    function confirm(uint256 taskId, bytes32 result) external {
        Task storage task = _tasks[taskId];
        task.requirePhase(taskId, Phase.Closed);
        uint64 key = task.key();
        if (_sets[taskId].nodes[msg.sender].participated != key) revert NotAParticipant(taskId, msg.sender);
        if (_confirmed[taskId][msg.sender] == key) revert AlreadyConfirmed(taskId, msg.sender);

        _confirmed[taskId][msg.sender] = key;
        uint256 votes = ++_votes[taskId][key][result];
        emit ResultConfirmed(taskId, task.round, task.attempt, msg.sender, result, votes);
        if (votes * 100 < uint256(_quorums[taskId]) * task.nodes) return;

        _results[taskId][task.round] = result;
        emit ResultAccepted(taskId, task.round, result);
        if (task.moves + 1 == task.maximumRounds) {
            task.finish(taskId);
        } else {
            ++task.moves;
            _nextRound(taskId, task);
        }
    }

    /// @inheritdoc IHFL
    function quorumOf(uint256 taskId) external view returns (uint8 percent) {
        return _quorums[taskId];
    }

    /// @inheritdoc IHFL
    function votesFor(uint256 taskId, bytes32 result) external view returns (uint256) {
        return _votes[taskId][_tasks[taskId].key()][result];
    }

    /// @inheritdoc IHFL
    function resultOf(uint256 taskId, uint32 round) external view returns (bytes32) {
        return _results[taskId][round];
    }

    function _onAttempt(uint256, Task storage) internal override {} // solhint-disable-line no-empty-blocks

    function _onClose(uint256, Task storage task) internal override {
        task.enter(Phase.Closed, task.aggregateSeconds);
    }

    /// @dev A result without a quorum at the deadline has failed too.
    function _requireFailed(uint256 taskId, Task storage task) internal view override {
        if (task.phase != Phase.Closed) {
            super._requireFailed(taskId, task);
            return;
        }
        task.requireLate();
    }

    function _mayTakeOver(uint256 taskId, Task storage task) internal view override returns (bool) {
        bool waits = _sets[taskId].nodes[msg.sender].participated == task.key();
        return waits && task.phase == Phase.Closed && task.late();
    }
}
