// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputes} from "../interfaces/IDisputes.sol";
import {IHLR} from "../interfaces/IHLR.sol";
import {IPointSharing} from "../interfaces/IPointSharing.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {ISharing} from "../interfaces/ISharing.sol";
import {IStaking} from "../interfaces/IStaking.sol";
import {BabyJubjub, Point} from "../proofs/BabyJubjub.sol";
import {PointProofs} from "../proofs/PointProofs.sol";
import {Phases} from "./Phases.sol";
import {Departures} from "./Departures.sol";
import {Graph} from "./Graph.sol";
import {Claims, Departed, Part, Set, Sets} from "./Sets.sol";

/// @title Disputes over what the nodes of a set shared, and how nodes leave a set that may have one
/// @dev See {ISharing} and {IDisputes}. A library with an address of its own, which works on the caller's storage: together
/// with it the contract would be too large for a chain.
///
/// Claims end with the phase's deadline; who is contradicted has as long again to reveal, so that a last claim cannot
/// catch anybody unprepared.
library Disputes {
    using Phases for IRounds.Task;
    using Sets for Set;

    /// @dev The place of one node on the ring of its set, and how far its neighbours are from it.
    struct Ring {
        bytes32 digest;
        uint256 seat;
        uint256 position;
        uint256 most;
    }

    bytes32 private constant LIED = "lied";
    bytes32 private constant ACCUSED = "accused without cause";
    bytes32 private constant UNDECIDED = "undecided dispute";

    function withdraw(uint256 taskId, IRounds.Task storage task, Set storage set, IStaking staking) external {
        Departures.withdraw(taskId, task, set, staking, false);
    }

    function expel(
        uint256 taskId,
        IRounds.Task storage task,
        Set storage set,
        IStaking staking,
        address account
    ) external {
        if (task.phase != IRounds.Phase.Disputed) {
            Departures.expelSilent(taskId, task, set, staking, account);
            return;
        }
        set.requireIn(taskId, task, account);
        _requireLastResort(taskId, task, set);
        if (set.claims[task.shareKey()][account].complete) revert IDisputes.AlreadyClaimed(account);
        ++set.dispute.removed;
        Departures.expel(taskId, task, set, staking, account, Departures.SILENT);
    }

    function dispute(uint256 taskId, IRounds.Task storage task, Set storage set) external {
        task.requirePhase(taskId, IRounds.Phase.Summed);
        set.requireIn(taskId, task, msg.sender);
        if (task.disputed) revert IDisputes.AlreadyDisputed(taskId, task.shareAttempt);

        task.disputed = true;
        set.dispute = IDisputes.Dispute(msg.sender, 0, 0, 0, false, set.digest);
        task.enter(IRounds.Phase.Disputed, task.disputeSeconds);
        emit IDisputes.DisputeOpened(taskId, task.round, task.attempt, task.shareAttempt, msg.sender, task.deadline);
    }

    function claim(
        uint256 taskId,
        IRounds.Task storage task,
        Set storage set,
        bytes32 generatorsHash,
        uint256[] calldata vector,
        uint256[] calldata generators,
        address[] calldata others,
        uint256[2][] calldata points
    ) external {
        task.requirePhase(taskId, IRounds.Phase.Disputed);
        task.requireInTime();
        set.requireIn(taskId, task, msg.sender);
        if (set.dispute.liarFound) revert IDisputes.LiarFound(taskId);
        if (points.length != others.length) revert IDisputes.WrongNumberOfPoints(points.length, others.length);
        Claims memory claims = set.claims[task.shareKey()][msg.sender];
        if (claims.complete) revert IDisputes.AlreadyClaimed(msg.sender);
        if (claims.count == 0) claims.sum = BabyJubjub.identity();
        Ring memory ring = _ringOf(task, set);
        for (uint256 i = 0; i < others.length; ++i) {
            address other = others[i];
            if (other <= claims.last) revert IDisputes.NotAscending(other, claims.last);
            if (other == msg.sender) revert ISharing.NotInTheSet(taskId, other);
            set.requireIn(taskId, task, other);
            if (!_near(ring, set.nodes[other].seat)) revert IDisputes.NotNeighbours(msg.sender, other);
            Point memory point = Point(points[i][0], points[i][1]);
            BabyJubjub.requireOnCurve(point);
            claims.last = other;
            claims.sum = BabyJubjub.add(claims.sum, msg.sender < other ? point : BabyJubjub.negate(point));
            _keep(taskId, task, set, other, _hash(point));
        }
        claims.count += uint24(others.length);
        // a ring is gone round once: with the last call, which has the vector
        bool last = ring.most == Graph.WHOLE || vector.length != 0;
        claims.complete = last && claims.count == _neighbours(task, set, ring);
        if (claims.complete) {
            _requireAddsUp(set.parts[msg.sender], generatorsHash, vector, generators, claims.sum);
            ++set.dispute.claimed;
        }
        set.claims[task.shareKey()][msg.sender] = claims;
        emit IDisputes.PairPointsClaimed(
            taskId,
            task.round,
            task.attempt,
            task.shareAttempt,
            msg.sender,
            others,
            points,
            claims.complete
        );
    }

    function reveal(
        uint256 taskId,
        IRounds.Task storage task,
        Set storage set,
        IStaking staking,
        bytes32 generatorsHash,
        address other,
        PointProofs.Keys calldata mine,
        PointProofs.Keys calldata theirs,
        PointProofs.SharedPoint[2] calldata shown,
        uint256[] calldata generators
    ) external {
        task.requirePhase(taskId, IRounds.Phase.Disputed);
        set.requireIn(taskId, task, msg.sender);
        set.requireIn(taskId, task, other);
        _requireKeys(set, msg.sender, mine);
        _requireKeys(set, other, theirs);
        _requireGenerators(generatorsHash, generators);
        _requireContradicted(task, set, msg.sender, other);
        bytes32 digest = set.dispute.digest;
        Point memory truth = PointProofs.pairPoint(digest, msg.sender, other, mine, theirs, shown, generators);

        set.dispute.liarFound = true;
        emit IDisputes.PairRevealed(
            taskId,
            task.round,
            task.attempt,
            task.shareAttempt,
            msg.sender,
            other,
            truth.x,
            truth.y
        );
        _expelLiar(taskId, task, set, staking, msg.sender, other, _hash(truth));
        _expelLiar(taskId, task, set, staking, other, msg.sender, _hash(truth));
    }

    function expelPair(
        uint256 taskId,
        IRounds.Task storage task,
        Set storage set,
        IStaking staking,
        address first,
        address second
    ) external {
        _requireLastResort(taskId, task, set);
        _requireContradicted(task, set, first, second);
        uint256 present = task.shareKey();
        delete set.pairs[present][first][second]; // this contradiction is dealt with
        --set.dispute.contradictions;
        uint64 key = task.key();
        // where one of them is out already, the other may have been right
        if (set.nodes[first].inSet != key || set.nodes[second].inSet != key) return;
        _requireClaimed(set, present, first);
        _requireClaimed(set, present, second);
        set.dispute.claimed -= 2;
        set.dispute.removed += 2;
        Departures.expel(taskId, task, set, staking, first, Departures.SILENT);
        Departures.expel(taskId, task, set, staking, second, Departures.SILENT);
    }

    function settle(uint256 taskId, IRounds.Task storage task, Set storage set, IStaking staking) external {
        task.requirePhase(taskId, IRounds.Phase.Disputed);
        IDisputes.Dispute storage state = set.dispute;
        if (state.liarFound) {
            Departures.restart(taskId, task, set);
            return;
        }
        task.requireLate();
        uint256 silent = task.ready - state.claimed;
        if (silent != 0 || state.contradictions != 0) revert IDisputes.Unsettled(silent, state.contradictions);
        if (state.removed == 0) {
            task.enter(IRounds.Phase.Summed, task.aggregateSeconds);
            _reject(taskId, task, set, staking);
        } else {
            // whoever is out may have been honest, and kept from the chain: a sum without it would give it away
            Departures.fail(taskId, task, UNDECIDED);
        }
    }

    /// @dev Something was proven of the disputed sum, so it opens.
    function reject(uint256 taskId, IRounds.Task storage task, Set storage set, IStaking staking) external {
        _reject(taskId, task, set, staking);
    }

    /// @dev The one check that ends all doubt about a sum. Scalars are reduced, or one point would have many sums.
    function requireOpens(
        uint256 taskId,
        Set storage set,
        bytes32 generatorsHash,
        uint256[] calldata sum,
        uint256[] calldata generators
    ) external view {
        _requireGenerators(generatorsHash, generators);
        for (uint256 i = 0; i < sum.length; ++i) {
            if (sum[i] >= BabyJubjub.SUBGROUP_ORDER) revert IPointSharing.NotAScalar(sum[i]);
        }
        Point memory opened = PointProofs.commit(sum, generators);
        Point storage point = set.point;
        if (opened.x != point.x || opened.y != point.y) revert IHLR.SumDoesNotOpen(taskId);
    }

    function _reject(uint256 taskId, IRounds.Task storage task, Set storage set, IStaking staking) private {
        address accuser = set.dispute.accuser;
        emit IDisputes.DisputeRejected(taskId, task.round, task.attempt, accuser);
        Departures.bar(taskId, set, accuser); // its share is good, and stays
        Departures.penalise(taskId, task, staking, accuser, ACCUSED);
    }

    function _keep(uint256 taskId, IRounds.Task storage task, Set storage set, address other, bytes32 point) private {
        uint256 present = task.shareKey();
        set.pairs[present][msg.sender][other] = point;
        bytes32 theirs = set.pairs[present][other][msg.sender];
        if (theirs == 0 || theirs == point) return;
        ++set.dispute.contradictions;
        emit IDisputes.Contradiction(taskId, task.round, task.attempt, task.shareAttempt, msg.sender, other);
    }

    function _expelLiar(
        uint256 taskId,
        IRounds.Task storage task,
        Set storage set,
        IStaking staking,
        address account,
        address other,
        bytes32 truth
    ) private {
        if (set.pairs[task.shareKey()][account][other] == truth) return;
        Departures.expel(taskId, task, set, staking, account, LIED);
    }

    function _requireAddsUp(
        Part storage part,
        bytes32 generatorsHash,
        uint256[] calldata vector,
        uint256[] calldata generators,
        Point memory masks
    ) private view {
        if (keccak256(abi.encode(vector)) != part.vectorHash) revert IDisputes.NotTheSharedVector(msg.sender);
        _requireGenerators(generatorsHash, generators);
        Point memory shared = PointProofs.commit(vector, generators);
        Point memory expected = BabyJubjub.add(part.point, masks);
        if (shared.x != expected.x || shared.y != expected.y) revert IDisputes.ClaimsDoNotAddUp(msg.sender);
    }

    /// @dev Time is over for everything that could prove a lie.
    function _requireLastResort(uint256 taskId, IRounds.Task storage task, Set storage set) private view {
        task.requirePhase(taskId, IRounds.Phase.Disputed);
        if (set.dispute.liarFound) revert IDisputes.LiarFound(taskId);
        uint48 end = task.deadline + task.disputeSeconds;
        if (block.timestamp <= end) revert IRounds.DeadlineNotReached(end);
    }

    function _requireContradicted(
        IRounds.Task storage task,
        Set storage set,
        address account,
        address other
    ) private view {
        uint256 present = task.shareKey();
        bytes32 claimed = set.pairs[present][account][other];
        bytes32 theirs = set.pairs[present][other][account];
        if (claimed == 0 || theirs == 0 || claimed == theirs) revert IDisputes.NotContradicted(account, other);
    }

    /// @dev A silent node is left out alone, before anybody is for contradicting it.
    function _requireClaimed(Set storage set, uint256 present, address account) private view {
        if (!set.claims[present][account].complete) revert IDisputes.NotClaimed(account);
    }

    function _requireKeys(Set storage set, address account, PointProofs.Keys calldata keys) private view {
        Point storage sum = set.parts[account].point;
        bytes32 lasting = keccak256(abi.encode(keys.lasting));
        bytes32 leaf = keccak256(abi.encode(account, lasting, keys.roundX, keys.roundY, sum.x, sum.y));
        if (leaf != set.tree.leaves[set.nodes[account].seat]) revert IDisputes.NotTheKeys(account);
    }

    /// @dev Where the sender is in the set whose shares are disputed. Nobody has left it as long as claims are taken.
    function _ringOf(IRounds.Task storage task, Set storage set) private view returns (Ring memory ring) {
        ring.digest = set.dispute.digest;
        ring.seat = set.nodes[msg.sender].seat;
        ring.position = Graph.position(ring.digest, ring.seat);
        ring.most = Graph.reach(task.ready);
    }

    function _near(Ring memory ring, uint256 seat) private pure returns (bool) {
        return Graph.near(ring.position, Graph.position(ring.digest, seat), ring.most);
    }

    /// @dev How many have masks with the sender: all others, or those of the seats that are near to its own and not left.
    function _neighbours(
        IRounds.Task storage task,
        Set storage set,
        Ring memory ring
    ) private view returns (uint256 count) {
        uint256 nodes = task.ready;
        if (ring.most == Graph.WHOLE) return nodes - 1;
        Departed storage departed = set.departed[task.key()];
        uint256 seats = nodes + departed.count;
        for (uint256 seat = 0; seat < seats; ++seat) {
            if (!_near(ring, seat) || seat == ring.seat) continue;
            if (seats == nodes || !departed.seats[seat]) ++count;
        }
    }

    function _requireGenerators(bytes32 expected, uint256[] calldata generators) private pure {
        if (keccak256(abi.encode(generators)) != expected) revert IDisputes.NotTheGenerators(expected);
    }

    function _hash(Point memory point) private pure returns (bytes32) {
        return keccak256(abi.encode(point.x, point.y));
    }
}
