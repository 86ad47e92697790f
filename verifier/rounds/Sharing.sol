// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputes} from "../interfaces/IDisputes.sol";
import {ISharing} from "../interfaces/ISharing.sol";
import {BabyJubjub, Point} from "../proofs/BabyJubjub.sol";
import {PointProofs} from "../proofs/PointProofs.sol";
import {Disputes} from "./Disputes.sol";
import {Phases} from "./Phases.sol";
import {Rounds} from "./Rounds.sol";
import {Seats} from "./Seats.sol";
import {Part, Set, Sets} from "./Sets.sol";

/// @title Who shares, and the sum of their points
/// @dev See {ISharing} and {IDisputes}. Whatever takes somebody out of a set is in {Disputes}.
abstract contract Sharing is IDisputes, Rounds {
    using Phases for Task;
    using Sets for Set;

    /// @inheritdoc ISharing
    function ready(uint256 taskId, uint256[2] calldata lasting, uint256 roundX, uint256 roundY) external {
        Task storage task = _tasks[taskId];
        task.requirePhase(taskId, Phase.Ready);
        task.requireInTime();
        Set storage set = _sets[taskId];
        Node storage node = set.nodes[msg.sender];
        (uint32 round, uint32 attempt) = (task.round, task.attempt);
        uint64 key = Phases.keyOf(round, attempt);
        if (node.participated != key) revert NotAParticipant(taskId, msg.sender);
        if (node.inSet == key) revert AlreadyReady(msg.sender);
        bytes32 lastingHash = keccak256(abi.encode(lasting));
        bytes32 registered = IDENTITY.aggregationKeyOf(msg.sender);
        if (lastingHash != registered) revert NotTheRegisteredKey(msg.sender, registered);
        BabyJubjub.requireKey(Point(roundX, roundY));

        uint24 seat = task.shared; // nobody shares yet: until then it counts seats
        task.shared = seat + 1;
        ++task.ready;
        node.inSet = key;
        node.seat = seat;
        Point memory sum = set.parts[msg.sender].point;
        Seats.add(set.tree, seat, keccak256(abi.encode(msg.sender, lastingHash, roundX, roundY, sum.x, sum.y)));
        emit NodeReady(taskId, round, attempt, seat, msg.sender, lasting, roundX, roundY, sum.x, sum.y);
        set.beginIfAllAreReady(taskId, task);
    }

    /// @inheritdoc ISharing
    function startSharing(uint256 taskId) external {
        Task storage task = _tasks[taskId];
        task.requirePhase(taskId, Phase.Ready);
        task.requireLate();
        _requireEnough(task);
        _sets[taskId].begin(taskId, task);
    }

    /// @inheritdoc ISharing
    function share(uint256 taskId, bytes32 digest, uint256[] calldata vector) external {
        Task storage task = _tasks[taskId];
        task.requirePhase(taskId, Phase.Sharing);
        task.requireInTime();
        _requireEnough(task); // of two, each could read the other
        Set storage set = _sets[taskId];
        set.requireIn(taskId, task, msg.sender);
        Node storage node = set.nodes[msg.sender];
        uint24 present = task.shareAttempt + 1;
        if (node.sharedIn == present) revert AlreadyShared(msg.sender);
        if (digest != set.digest) revert WrongSet(digest, set.digest);
        if (present != 1) _requireStake(task); // since the update there was time to take it out
        uint256 length = vectorLengthOf(taskId);
        if (vector.length != length) revert WrongNumberOfScalars(vector.length, length);
        for (uint256 i = 0; i < length; ++i) {
            if (vector[i] >= BabyJubjub.SUBGROUP_ORDER) revert NotAScalar(vector[i]);
        }

        node.sharedIn = present;
        Part storage part = set.parts[msg.sender];
        part.vectorHash = keccak256(abi.encode(vector));
        Point memory sum = part.point;
        uint24 shared = task.shared;
        if (shared != 0) {
            sum = BabyJubjub.add(set.point, sum);
        } else if (!task.sharedOnce) {
            task.sharedOnce = true;
        }
        set.point = sum;
        task.shared = ++shared;
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

    /// @inheritdoc ISharing
    function setDigestOf(uint256 taskId) external view returns (bytes32) {
        return _sets[taskId].digest;
    }

    /// @inheritdoc ISharing
    function proofOf(uint256 taskId, uint256, uint256, uint256[] calldata) external view returns (bytes32[] memory) {
        _return(Seats.proof(_sets[taskId].tree, msg.data[4:])); // the arguments as they came
    }

    /// @inheritdoc ISharing
    function roundPointOf(uint256 taskId) external view returns (uint256 x, uint256 y) {
        Point storage point = _sets[taskId].point;
        return (point.x, point.y);
    }

    /// @inheritdoc ISharing
    function pointOf(uint256 taskId, address node) external view returns (uint256 x, uint256 y) {
        Point storage point = _sets[taskId].parts[node].point;
        return (point.x, point.y);
    }

    /// @inheritdoc IDisputes
    function disputeOf(uint256 taskId) external view returns (Dispute memory) {
        return _sets[taskId].dispute;
    }

    /// @inheritdoc ISharing
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

    function _onAttempt(uint256, Task storage task) internal virtual override {
        task.ready = 0;
        task.shared = 0;
        task.shareAttempt = 0;
        task.sharedOnce = false;
    }

    function _onClose(uint256 taskId, Task storage task) internal override {
        task.enter(Phase.Ready, task.readySeconds);
        bytes32 parent = blockhash(block.number - 1);
        bytes32 digest = keccak256(abi.encode(block.chainid, address(this), taskId, task.round, task.attempt, parent));
        _sets[taskId].digest = digest;
        emit SetOpened(taskId, task.round, task.attempt, digest);
    }

    function _requireFailed(uint256 taskId, Task storage task) internal view override {
        bool sharing = task.phase == Phase.Sharing && !task.sharedOnce;
        if (!sharing && task.phase != Phase.Ready) {
            super._requireFailed(taskId, task);
            return;
        }
        bool enough = task.ready >= task.minimumNodes;
        if (enough && !sharing) revert EnoughNodes(task.ready, task.minimumNodes);
        if (enough || !sharing) task.requireLate();
    }

    /// @dev A sum that nobody has made anything of for so long, or disputed, may be one that does not open.
    function _requireStuck(uint256 taskId, Task storage task) internal view override {
        if (task.phase != Phase.Summed) {
            _requireFailed(taskId, task);
            return;
        }
        uint48 end = task.deadline + task.disputeSeconds;
        if (block.timestamp <= end) revert DeadlineNotReached(end);
    }

    function _mayTakeOver(uint256 taskId, Task storage task) internal view override returns (bool) {
        Node storage node = _sets[taskId].nodes[msg.sender];
        uint64 inSet = node.inSet;
        if (inSet == 0 || node.barred) return false;
        bool present = inSet == task.key();
        if (present && task.phase == Phase.Summed && task.late()) return true;
        return task.missed != 0 && (present || inSet == task.missed);
    }

    /// @dev Ends the call with what a library has encoded: code that encodes it anew would not fit.
    function _return(bytes memory encoded) internal pure {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            return(add(encoded, 32), mload(encoded))
        }
    }

    function _requireEnough(Task storage task) private view {
        if (task.ready < task.minimumNodes) revert BelowMinimum(task.ready, task.minimumNodes);
    }
}
