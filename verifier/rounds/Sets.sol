// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputes} from "../interfaces/IDisputes.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {ISharing} from "../interfaces/ISharing.sol";
import {Point} from "../proofs/BabyJubjub.sol";
import {Phases} from "./Phases.sol";

/// @dev What a node put into the attempt it last took part in.
struct Part {
    Point point;
    /// @dev keccak256(abi.encode(hash of the lasting key, roundX, roundY)).
    bytes32 keysHash;
    /// @dev keccak256(abi.encode(vector)) of its last share.
    bytes32 vectorHash;
}

/// @dev What a node has claimed so far in a dispute.
struct Claims {
    address last;
    uint24 count;
    bool complete;
    Point sum;
}

/// @dev Who shares in a task, and what: a set is known by a chain of digests, so that nothing has to be looped over.
struct Set {
    bytes32 digest;
    /// @dev Sum of the points of those that shared.
    Point point;
    mapping(address node => IRounds.Node state) nodes;
    mapping(address node => Part part) parts;
    IDisputes.Dispute dispute;
    mapping(uint256 shareAttempt => mapping(address node => Claims claims)) claims;
    mapping(uint256 shareAttempt => mapping(address node => mapping(address other => bytes32 point))) pairs;
}

/// @title The set of an attempt, as sharing and disputes both need it
library Sets {
    using Phases for IRounds.Task;

    function requireIn(Set storage set, uint256 taskId, IRounds.Task storage task, address account) internal view {
        if (set.nodes[account].inSet != task.key()) revert ISharing.NotInTheSet(taskId, account);
    }

    function startSharing(Set storage set, uint256 taskId, IRounds.Task storage task) internal {
        task.shared = 0;
        task.disputed = false;
        task.enter(IRounds.Phase.Sharing, task.shareSeconds);
        emit ISharing.SharingStarted(
            taskId,
            task.round,
            task.attempt,
            task.shareAttempt,
            task.ready,
            set.digest,
            task.deadline
        );
    }

    function startIfAllAreReady(Set storage set, uint256 taskId, IRounds.Task storage task) internal {
        if (task.ready == task.nodes && task.ready >= task.minimumNodes) startSharing(set, taskId, task);
    }
}
