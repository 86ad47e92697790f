// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputes} from "../interfaces/IDisputes.sol";
import {IPointSharing} from "../interfaces/IPointSharing.sol";
import {ISharing} from "../interfaces/ISharing.sol";
import {BabyJubjub, Point} from "../proofs/BabyJubjub.sol";
import {PointProofs} from "../proofs/PointProofs.sol";
import {Disputes} from "./Disputes.sol";
import {Phases} from "./Phases.sol";
import {Part, Set} from "./Sets.sol";
import {Sharing} from "./Sharing.sol";

/// @title What is shared of updates that are points, and the sum of these
/// @dev See {IPointSharing} and {IDisputes}.
abstract contract PointSharing is IDisputes, Sharing {
    using Phases for Task;

    /// @inheritdoc IPointSharing
    function share(uint256 taskId, bytes32 digest, uint256[] calldata vector) external {
        (Task storage task, Set storage set) = _countShare(taskId, digest);
        uint256 length = vectorLengthOf(taskId);
        if (vector.length != length) revert WrongNumberOfScalars(vector.length, length);
        for (uint256 i = 0; i < length; ++i) {
            if (vector[i] >= BabyJubjub.SUBGROUP_ORDER) revert NotAScalar(vector[i]);
        }

        Part storage part = set.parts[msg.sender];
        part.vectorHash = keccak256(abi.encode(vector));
        Point memory sum = part.point;
        uint24 shared = task.shared;
        if (shared != 1) sum = BabyJubjub.add(set.point, sum);
        set.point = sum;
        emit Shared(taskId, task.round, task.attempt, task.shareAttempt, msg.sender, vector);
        if (shared == task.ready) {
            task.enter(Phase.Summed, task.aggregateSeconds);
            emit SumShared(taskId, task.round, task.attempt, task.shareAttempt, sum.x, sum.y, task.deadline);
        }
    }

    /// @inheritdoc ISharing
    function withdraw(uint256 taskId) external {
        Disputes.withdraw(taskId, _tasks[taskId], _sets[taskId], STAKING);
    }

    /// @inheritdoc ISharing
    function expel(uint256 taskId, address account) external {
        Disputes.expel(taskId, _tasks[taskId], _sets[taskId], STAKING, account);
    }

    /// @inheritdoc IDisputes
    function dispute(uint256 taskId) external {
        Disputes.dispute(taskId, _tasks[taskId], _sets[taskId]);
    }

    /// @inheritdoc IDisputes
    function claim(
        uint256 taskId,
        uint256[] calldata vector,
        uint256[] calldata generators,
        address[] calldata others,
        uint256[2][] calldata points
    ) external {
        bytes32 hash = _generatorsHash(taskId);
        Disputes.claim(taskId, _tasks[taskId], _sets[taskId], hash, vector, generators, others, points);
    }

    /// @inheritdoc IDisputes
    function reveal(
        uint256 taskId,
        address other,
        PointProofs.Keys calldata mine,
        PointProofs.Keys calldata theirs,
        PointProofs.SharedPoint[2] calldata shown,
        uint256[] calldata generators
    ) external {
        bytes32 hash = _generatorsHash(taskId);
        Task storage task = _tasks[taskId];
        Set storage set = _sets[taskId];
        Disputes.reveal(taskId, task, set, STAKING, hash, other, mine, theirs, shown, generators);
    }

    /// @inheritdoc IDisputes
    function expelPair(uint256 taskId, address first, address second) external {
        Disputes.expelPair(taskId, _tasks[taskId], _sets[taskId], STAKING, first, second);
    }

    /// @inheritdoc IDisputes
    function settle(uint256 taskId) external {
        Disputes.settle(taskId, _tasks[taskId], _sets[taskId], STAKING);
    }

    /// @inheritdoc IPointSharing
    function roundPointOf(uint256 taskId) external view returns (uint256 x, uint256 y) {
        Point storage point = _sets[taskId].point;
        return (point.x, point.y);
    }

    /// @inheritdoc IPointSharing
    function pointOf(uint256 taskId, address node) external view returns (uint256 x, uint256 y) {
        Point storage point = _sets[taskId].parts[node].point;
        return (point.x, point.y);
    }

    /// @inheritdoc IDisputes
    function disputeOf(uint256 taskId) external view returns (Dispute memory) {
        return _sets[taskId].dispute;
    }

    /// @inheritdoc IPointSharing
    function vectorLengthOf(uint256 taskId) public view virtual returns (uint256);

    // --- for the contract above ---

    /// @dev Hook: keccak256(abi.encode(generators)) that the present collection is committed to with.
    function _generatorsHash(uint256 taskId) internal view virtual returns (bytes32);

    /// @dev A proven update's point goes to its node; `first` as {_countUpdate} has it.
    function _addPoint(uint256 taskId, Point memory point, bool first) internal {
        Part storage part = _sets[taskId].parts[msg.sender];
        part.point = first ? point : BabyJubjub.add(part.point, point);
    }

    /// @dev Something was proven of the sum, so it opens, and a dispute over it was without cause. Where somebody else than
    /// the coordinator had to do that, it can be replaced.
    function _sumUsed(uint256 taskId, Task storage task) internal {
        if (task.phase == Phase.Disputed) Disputes.reject(taskId, task, _sets[taskId], STAKING);
        task.missed = msg.sender == task.coordinator ? 0 : task.key();
    }
}
