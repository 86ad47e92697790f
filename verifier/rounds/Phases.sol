// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRounds} from "../interfaces/IRounds.sol";

/// @title Where a task is: its phase, the deadline of that, the key of its attempt
library Phases {
    function enter(IRounds.Task storage task, IRounds.Phase phase, uint32 duration) internal {
        task.phase = phase;
        task.deadline = uint48(block.timestamp) + duration;
    }

    function finish(IRounds.Task storage task, uint256 taskId) internal {
        task.phase = IRounds.Phase.Finished;
        task.missed = 0; // nobody takes over what is finished
        emit IRounds.TaskFinished(taskId, task.round);
    }

    function requirePhase(IRounds.Task storage task, uint256 taskId, IRounds.Phase phase) internal view {
        if (task.phase != phase) revert IRounds.WrongPhase(taskId, task.phase);
    }

    function requireInTime(IRounds.Task storage task) internal view {
        if (late(task)) revert IRounds.DeadlinePassed(task.deadline);
    }

    function requireLate(IRounds.Task storage task) internal view {
        if (!late(task)) revert IRounds.DeadlineNotReached(task.deadline);
    }

    function late(IRounds.Task storage task) internal view returns (bool) {
        return block.timestamp > task.deadline;
    }

    function key(IRounds.Task storage task) internal view returns (uint64) {
        return keyOf(task.round, task.attempt);
    }

    /// @dev Of a share attempt, so that nothing of one is ever taken for another's.
    function shareKey(IRounds.Task storage task) internal view returns (uint256) {
        return (uint256(key(task)) << 24) | task.shareAttempt;
    }

    function keyOf(uint32 round, uint32 attempt) internal pure returns (uint64) {
        return ((uint64(round) << 32) | attempt) + 1;
    }
}
