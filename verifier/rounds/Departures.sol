// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRounds} from "../interfaces/IRounds.sol";
import {ISharing} from "../interfaces/ISharing.sol";
import {IStaking} from "../interfaces/IStaking.sol";
import {Phases} from "./Phases.sol";
import {Departed, Set, Sets} from "./Sets.sol";

/// @title How nodes leave a set, what that costs them, and how the others go on
/// @dev See {ISharing}. Part of whoever calls it.
library Departures {
    using Phases for IRounds.Task;
    using Sets for Set;

    bytes32 internal constant SILENT = "silent";
    bytes32 private constant WITHDREW = "withdrew";
    bytes32 private constant TOO_FEW = "too few nodes";
    /// @dev Gas that a call needs to leave for a slash, so that nobody saves a node from it by sending too little.
    uint256 private constant SLASH_GAS = 2_000_000;

    /// @param free Where leaving a set that shares costs nothing.
    function withdraw(
        uint256 taskId,
        IRounds.Task storage task,
        Set storage set,
        IStaking staking,
        bool free
    ) internal {
        if (task.phase != IRounds.Phase.Ready) task.requirePhase(taskId, IRounds.Phase.Sharing);
        task.requireInTime();
        if (task.phase == IRounds.Phase.Ready) {
            uint64 key = task.key();
            IRounds.Node storage node = set.nodes[msg.sender];
            if (node.participated != key) revert IRounds.NotAParticipant(taskId, msg.sender);
            --task.nodes;
            if (node.inSet == key) {
                _remove(taskId, task, set, msg.sender, WITHDREW);
            } else {
                node.participated = 0;
                emit ISharing.UpdateWithdrawn(taskId, task.round, task.attempt, msg.sender);
            }
            set.beginIfAllAreReady(taskId, task);
        } else {
            set.requireIn(taskId, task, msg.sender);
            _remove(taskId, task, set, msg.sender, WITHDREW);
            if (!free) penalise(taskId, task, staking, msg.sender, WITHDREW);
            if (task.sharedOnce) restart(taskId, task, set);
        }
    }

    /// @dev Of a set that shares, after the deadline.
    function expelSilent(
        uint256 taskId,
        IRounds.Task storage task,
        Set storage set,
        IStaking staking,
        address account
    ) internal {
        set.requireIn(taskId, task, account);
        task.requirePhase(taskId, IRounds.Phase.Sharing);
        if (!task.sharedOnce) revert ISharing.NobodyHasShared(taskId);
        task.requireLate();
        if (set.nodes[account].sharedIn == task.shareAttempt + 1) revert ISharing.AlreadyShared(account);
        expel(taskId, task, set, staking, account, SILENT);
        if (task.shared == task.ready) restart(taskId, task, set);
    }

    function expel(
        uint256 taskId,
        IRounds.Task storage task,
        Set storage set,
        IStaking staking,
        address account,
        bytes32 reason
    ) internal {
        _remove(taskId, task, set, account, reason);
        bar(taskId, set, account);
        penalise(taskId, task, staking, account, reason);
    }

    function bar(uint256 taskId, Set storage set, address account) internal {
        set.nodes[account].barred = true;
        emit ISharing.NodeBarred(taskId, account);
    }

    /// @dev A contract that may no longer slash blocks no round.
    function penalise(
        uint256 taskId,
        IRounds.Task storage task,
        IStaking staking,
        address account,
        bytes32 reason
    ) internal {
        uint256 penalty = task.penalty;
        if (penalty == 0) return;
        if (gasleft() < SLASH_GAS) revert ISharing.TooLittleGas(gasleft(), SLASH_GAS);
        uint256 value = 0;
        try staking.slash(account, penalty, reason) returns (uint256 slashed) {
            value = slashed;
        } catch {} // solhint-disable-line no-empty-blocks
        emit ISharing.Penalised(taskId, account, value, reason);
    }

    /// @dev The nodes that are left share again. Too few of them never do: beside what was shared already, a sum over
    /// another set at these weights would give others away, so the task ends.
    function restart(uint256 taskId, IRounds.Task storage task, Set storage set) internal {
        if (task.ready < task.minimumNodes) {
            fail(taskId, task, TOO_FEW);
            return;
        }
        ++task.shareAttempt;
        set.digest = keccak256(abi.encode(set.digest, task.shareAttempt));
        set.startSharing(taskId, task);
    }

    function fail(uint256 taskId, IRounds.Task storage task, bytes32 reason) internal {
        emit ISharing.TaskFailed(taskId, reason);
        task.finish(taskId);
    }

    /// @dev Whoever is out neither shares nor claims nor takes over.
    function _remove(
        uint256 taskId,
        IRounds.Task storage task,
        Set storage set,
        address account,
        bytes32 reason
    ) private {
        IRounds.Node storage node = set.nodes[account];
        uint24 seat = node.seat;
        node.participated = 0;
        node.inSet = 0;
        --task.ready;
        Departed storage departed = set.departed[task.key()];
        ++departed.count;
        departed.seats[seat] = true;
        set.digest = keccak256(abi.encode(set.digest, account, seat));
        emit ISharing.NodeLeft(taskId, task.round, task.attempt, account, seat, reason, set.digest);
    }
}
