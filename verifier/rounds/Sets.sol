// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputes} from "../interfaces/IDisputes.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {ISharing} from "../interfaces/ISharing.sol";
import {Point} from "../proofs/BabyJubjub.sol";
import {Phases} from "./Phases.sol";
import {Seats} from "./Seats.sol";

/// @dev What a node put into the attempt it last took part in.
struct Part {
    /// @dev In HFLContract x is its update, and y is 0.
    Point point;
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

/// @dev Who has left the set of an attempt, by the seats that they had.
struct Departed {
    uint24 count;
    mapping(uint256 seat => bool left) seats;
}

/// @dev Who shares in a task, and what: a set is known by a chain of digests, in which the root of a tree of all its nodes is,
/// so that nothing has to be looped over.
struct Set {
    bytes32 digest;
    /// @dev Sum of the points of those that shared.
    Point point;
    mapping(address node => IRounds.Node state) nodes;
    mapping(address node => Part part) parts;
    IDisputes.Dispute dispute;
    mapping(uint256 shareAttempt => mapping(address node => Claims claims)) claims;
    mapping(uint256 shareAttempt => mapping(address node => mapping(address other => bytes32 point))) pairs;
    /// @dev Its leaves are keccak256(abi.encode(node, hash of its lasting key, roundX, roundY, x, y)).
    Seats.Tree tree;
    mapping(uint64 key => Departed departed) departed;
}

/// @title The set of an attempt, as sharing and disputes both need it
library Sets {
    using Phases for IRounds.Task;

    function requireIn(Set storage set, uint256 taskId, IRounds.Task storage task, address account) internal view {
        if (set.nodes[account].inSet != task.key()) revert ISharing.NotInTheSet(taskId, account);
    }

    /// @dev All who could be ready are, or had the time: from now on the digest holds the tree of them.
    function begin(Set storage set, uint256 taskId, IRounds.Task storage task) internal {
        uint256 seats = task.shared; // so many were given until now
        set.digest = keccak256(abi.encode(set.digest, seats, Seats.root(set.tree, seats)));
        startSharing(set, taskId, task);
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

    function beginIfAllAreReady(Set storage set, uint256 taskId, IRounds.Task storage task) internal {
        if (task.ready == task.nodes && task.ready >= task.minimumNodes) begin(set, taskId, task);
    }
}
