// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISharing} from "../interfaces/ISharing.sol";
import {BabyJubjub, Point} from "../proofs/BabyJubjub.sol";
import {Phases} from "./Phases.sol";
import {Rounds} from "./Rounds.sol";
import {Seats} from "./Seats.sol";
import {Set, Sets} from "./Sets.sol";

/// @title Who shares: the sets of HFLContract and HLRContract
/// @dev See {ISharing}. What is shared, and what becomes of it, is for the contracts above; whatever takes somebody out of a set
/// is in {Departures}.
abstract contract Sharing is ISharing, Rounds {
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
    function setDigestOf(uint256 taskId) external view returns (bytes32) {
        return _sets[taskId].digest;
    }

    /// @inheritdoc ISharing
    function proofOf(uint256 taskId, uint256, uint256, uint256[] calldata) external view returns (bytes32[] memory) {
        _return(Seats.proof(_sets[taskId].tree, msg.data[4:])); // the arguments as they came
    }

    // --- for the contract above ---

    /// @dev What each share needs to be taken, and it is counted.
    function _countShare(uint256 taskId, bytes32 digest) internal returns (Task storage task, Set storage set) {
        task = _tasks[taskId];
        task.requirePhase(taskId, Phase.Sharing);
        task.requireInTime();
        _requireEnough(task); // of two, each could read the other
        set = _sets[taskId];
        set.requireIn(taskId, task, msg.sender);
        Node storage node = set.nodes[msg.sender];
        uint24 present = task.shareAttempt + 1;
        if (node.sharedIn == present) revert AlreadyShared(msg.sender);
        if (digest != set.digest) revert WrongSet(digest, set.digest);
        if (present != 1) _requireStake(task); // since the update there was time to take it out

        node.sharedIn = present;
        if (task.shared == 0 && !task.sharedOnce) task.sharedOnce = true;
        ++task.shared;
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

    function _requireFailed(uint256 taskId, Task storage task) internal view virtual override {
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
