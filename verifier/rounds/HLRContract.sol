// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IDataHub} from "../interfaces/IDataHub.sol";
import {IHLR} from "../interfaces/IHLR.sol";
import {IIdentity} from "../interfaces/IIdentity.sol";
import {IPlonkVerifier3} from "../interfaces/IPlonkVerifier3.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {IPointSharing} from "../interfaces/IPointSharing.sol";
import {IStaking} from "../interfaces/IStaking.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {BabyJubjub, Point} from "../proofs/BabyJubjub.sol";
import {FIELD_ORDER, ProofCheck} from "../proofs/ProofCheck.sol";
import {Disputes} from "./Disputes.sol";
import {HLRTasks} from "./HLRTasks.sol";
import {Phases} from "./Phases.sol";
import {PointSharing} from "./PointSharing.sol";
import {PublicHash} from "./PublicHash.sol";
import {Rounds} from "./Rounds.sol";
import {Set, Sets} from "./Sets.sol";

/// @title Horizontal regression (HLR), logistic or linear, with proofs
/// @dev See {IHLR} and docs/protocol.md. Verifiers are copied from the registry when a task is created.
contract HLRContract is IHLR, PointSharing {
    using Phases for Task;
    using Sets for Set;

    /// @dev Sums in a shared scalar; see docs/protocol.md, section 3.
    uint256 private constant GRADIENT_LANES = 3;
    uint256 private constant INFORMATION_LANES = 4;
    /// @dev Shared scalars of an evaluation, with rows and blinding.
    uint256 private constant LOGISTIC_EVALUATION = 6 + 2;
    uint256 private constant GAUSSIAN_EVALUATION = 1 + 2;

    IVerifierRegistry public immutable REGISTRY;

    mapping(uint256 taskId => Training training) private _trainings;
    mapping(uint256 taskId => uint256[] packed) private _weights;
    /// @dev Updates of the certified round, of nodes whose record is of a later one.
    mapping(uint256 taskId => mapping(address node => uint256 updates)) private _credits;
    mapping(uint256 taskId => mapping(IVerifierRegistry.Statement statement => mapping(uint32 size => IPlonkVerifier3)))
        private _verifiers;

    constructor(
        IIdentity identity,
        IDataHub dataHub,
        IStaking staking,
        IVerifierRegistry registry
    ) Rounds(identity, dataHub, staking) {
        REGISTRY = registry;
    }

    /// @inheritdoc IHLR
    function createTask(
        TaskConfig calldata config,
        TrainingConfig calldata training
    ) external returns (uint256 taskId) {
        taskId = ++taskCount;
        bytes32 key = keccak256(abi.encode(block.chainid, address(this), taskId, config.specHash));
        _trainings[taskId].taskKey = uint256(key) % FIELD_ORDER;
        _weights[taskId] = PublicHash.pack(training.initialWeights);
        HLRTasks.create(
            taskId,
            _tasks[taskId],
            _trainings[taskId],
            _verifiers[taskId],
            STAKING,
            REGISTRY,
            msg.data[4:] // as they came: encoding both structs anew takes 700 bytes of code
        );
    }

    /// @inheritdoc IHLR
    function submitUpdate(
        uint256 taskId,
        uint32 size,
        uint256 index,
        uint256 x,
        uint256 y,
        uint256[24] calldata proof
    ) external {
        Task storage task = _tasks[taskId];
        Training storage training = _trainings[taskId];
        (bytes32 dataset, uint64 before) = training.heldOut
            ? (training.heldOutDataset, training.firstOpenedAt)
            : (task.dataset, task.openedAt);
        uint256 data = _requireUpdate(taskId, task, dataset, before, index);
        IPlonkVerifier3 verifier = _verifiers[taskId][training.collected][size];
        if (address(verifier) == address(0)) revert NoVerifierOfSize(taskId, training.collected, size);
        Point memory point = BabyJubjub.proven(x, y);
        if (BabyJubjub.isIdentity(point)) revert IdentityPoint();
        ProofCheck.requireProof(verifier, proof, [training.modelCommitment, data, y]);

        uint256 credit = _creditInRecord(taskId, training, msg.sender);
        if (credit != 0) _credits[taskId][msg.sender] = credit; // its record is about to be of this round
        uint256 position = task.updates;
        _addPoint(taskId, point, _countUpdate(taskId, task, index));
        emit UpdateAccepted(taskId, task.round, task.attempt, msg.sender, data, x, y, position, size, index, proof);
    }

    /// @inheritdoc IHLR
    function acceptWeights(
        uint256 taskId,
        int32[] calldata weights,
        uint256 matrixHash,
        uint256[24] calldata proof
    ) external {
        Task storage task = _tasks[taskId];
        Training storage training = _requireSum(taskId, task, true);
        if (task.moves == task.maximumRounds) revert RoundLimit(task.maximumRounds);
        if (weights.length != training.weights) revert WrongNumberOfWeights(weights.length, training.weights);
        if (msg.sender != task.coordinator) _sets[taskId].requireIn(taskId, task, msg.sender);
        ProofCheck.requireFieldElement(matrixHash);

        uint256 current = training.modelCommitment;
        uint256 sum = _sumHash(taskId);
        _sumUsed(taskId, task);
        if (training.information == Information.BeforeEveryMove) {
            training.collected = IVerifierRegistry.Statement.Information;
        }
        ++task.moves;
        _weights[taskId] = PublicHash.pack(weights);
        training.matrixHash = matrixHash;
        emit ModelPublished(taskId, task.round + 1, weights, matrixHash, proof);
        _nextRound(taskId, task); // sets the next model commitment, from the weights just stored
        ProofCheck.requireProof(training.aggregate, proof, [current, sum, training.modelCommitment]);
    }

    /// @inheritdoc IHLR
    function certify(uint256 taskId, uint32 gradientBound, uint256[24] calldata proof) external {
        Task storage task = _tasks[taskId];
        Training storage training = _requireSum(taskId, task, true);
        if (gradientBound > training.gradientTarget) {
            revert BoundTooLoose(gradientBound, training.gradientTarget);
        }
        uint256 model = training.modelCommitment;
        ProofCheck.requireProof(training.certify, proof, [model, _sumHash(taskId), gradientBound]);

        training.certifiedKey = task.key();
        training.certifiedNodes = task.ready;
        training.gradientBound = gradientBound;
        _sumUsed(taskId, task);
        emit Certified(taskId, task.round, model, gradientBound, proof);
        _collectStatistics(taskId, task, training);
    }

    /// @inheritdoc IHLR
    function proceed(uint256 taskId, uint256[] calldata sum, uint256[] calldata generators) external {
        Task storage task = _tasks[taskId];
        Training storage training = _requireSum(taskId, task, false);
        Disputes.requireOpens(taskId, _sets[taskId], _generatorsHash(taskId), sum, generators);

        _sumUsed(taskId, task);
        emit SumOpened(taskId, task.round, training.collected, sum);
        if (training.certifiedKey != 0) {
            _collectStatistics(taskId, task, training);
        } else {
            training.collected = IVerifierRegistry.Statement.Step;
            _nextRound(taskId, task);
        }
    }

    /// @inheritdoc IRounds
    function taskOf(uint256 taskId) external view override(IRounds, Rounds) returns (Task memory) {
        _return(HLRTasks.encodedTask(_tasks[taskId]));
    }

    /// @inheritdoc IHLR
    function trainingOf(uint256 taskId) external view returns (Training memory) {
        _return(HLRTasks.encodedTraining(_trainings[taskId]));
    }

    /// @inheritdoc IHLR
    function weightsOf(uint256 taskId) external view returns (int32[] memory) {
        return PublicHash.unpack(_weights[taskId], _trainings[taskId].weights);
    }

    /// @inheritdoc IHLR
    function certificateOf(uint256 taskId) external view returns (uint64 key, uint24 nodes, uint256 modelCommitment) {
        Training storage training = _trainings[taskId];
        return (training.certifiedKey, training.certifiedNodes, training.modelCommitment);
    }

    /// @inheritdoc IHLR
    function creditOf(uint256 taskId, address account) external view returns (uint256 updates) {
        updates = _creditInRecord(taskId, _trainings[taskId], account);
        if (updates == 0) updates = _credits[taskId][account];
    }

    /// @inheritdoc IPointSharing
    function vectorLengthOf(uint256 taskId) public view override(IPointSharing, PointSharing) returns (uint256) {
        Training storage training = _trainings[taskId];
        IVerifierRegistry.Statement collected = training.collected;
        if (collected == IVerifierRegistry.Statement.Evaluate) {
            return training.family == IVerifierRegistry.Family.Logistic ? LOGISTIC_EVALUATION : GAUSSIAN_EVALUATION;
        }
        uint256 weights = training.weights;
        bool gradient = collected == IVerifierRegistry.Statement.Step;
        uint256 sums = gradient ? weights : (weights * (weights + 1)) / 2;
        // packed sums, then rows and blinding
        return Math.ceilDiv(sums, gradient ? GRADIENT_LANES : INFORMATION_LANES) + 2;
    }

    function _generatorsHash(uint256 taskId) internal view override returns (bytes32) {
        Training storage training = _trainings[taskId];
        IVerifierRegistry.Statement collected = training.collected;
        if (collected == IVerifierRegistry.Statement.Step) return training.gradientGenerators;
        if (collected == IVerifierRegistry.Statement.Information) return training.informationGenerators;
        return training.evaluationGenerators;
    }

    /// @dev An attempt has a model commitment of its own, from the same weights.
    function _onAttempt(uint256 taskId, Task storage task) internal override {
        super._onAttempt(taskId, task);
        Training storage training = _trainings[taskId];
        if (task.round == 0) training.firstOpenedAt = task.openedAt;
        uint256 commitment = PublicHash.model(_context(task, training), _weights[taskId], training.weights);
        training.modelCommitment = commitment;
        emit AttemptModel(taskId, task.round, task.attempt, training.collected, training.heldOut, commitment);
    }

    /// @dev A certified task is over for its coordinator, whatever is collected still.
    function _isOver(uint256 taskId, Task storage task) internal view override returns (bool) {
        return _trainings[taskId].certifiedKey != 0 || super._isOver(taskId, task);
    }

    /// @dev Whoever waits for the statistics of a certified task in vain: its certificate stays.
    function _requireGivenUp(uint256 taskId, Task storage task) internal view override {
        if (_trainings[taskId].certifiedKey == 0) super._requireGivenUp(taskId, task);
        _requireStuck(taskId, task);
    }

    /// @dev The next round of a certified task, each at most once, or its end. Weights that have not moved have their
    /// information already, where any was collected: a second sum of another set would give a node away.
    function _collectStatistics(uint256 taskId, Task storage task, Training storage training) private {
        IVerifierRegistry.Statement last = training.collected;
        bool wanted = training.finalInformation && last == IVerifierRegistry.Statement.Step;
        if (wanted && (task.moves != 0 || training.information == Information.Never)) {
            training.collected = IVerifierRegistry.Statement.Information;
        } else if (training.evaluation && last != IVerifierRegistry.Statement.Evaluate) {
            training.collected = IVerifierRegistry.Statement.Evaluate;
        } else if (training.heldOutEvaluation && !training.heldOut) {
            training.collected = IVerifierRegistry.Statement.Evaluate;
            training.heldOut = true;
        } else {
            task.finish(taskId);
            return;
        }
        _nextRound(taskId, task);
    }

    /// @dev A sum that the sender may use: of gradients, or of something else. One that is disputed can be used too: what is
    /// proven of it shows that it opens.
    function _requireSum(
        uint256 taskId,
        Task storage task,
        bool gradient
    ) private view returns (Training storage training) {
        if (task.phase != Phase.Disputed) task.requirePhase(taskId, Phase.Summed);
        if (!task.late()) _requireCoordinator(taskId, task);
        training = _trainings[taskId];
        IVerifierRegistry.Statement collected = training.collected;
        if ((collected == IVerifierRegistry.Statement.Step) != gradient) revert WrongCollection(collected);
    }

    /// @dev A node's updates in the certified sum, where its record is still of that attempt.
    function _creditInRecord(
        uint256 taskId,
        Training storage training,
        address account
    ) private view returns (uint256 updates) {
        uint64 key = training.certifiedKey;
        if (key == 0) return 0;
        Node storage node = _sets[taskId].nodes[account];
        if (node.participated == key && node.inSet == key) updates = node.batches;
    }

    /// @dev The second public input of aggregate and certify.
    function _sumHash(uint256 taskId) private view returns (uint256) {
        Point storage point = _sets[taskId].point;
        return PublicHash.roundPoint(point.x, point.y);
    }

    function _context(Task storage task, Training storage training) private view returns (uint256) {
        uint256 policy = (uint256(task.round) << 32) | task.attempt;
        policy = (policy << 24) | training.lambda;
        policy = (policy << 32) | training.weightBound;
        policy = (policy << 32) | training.minRows;
        return PublicHash.context(training.taskKey, policy, training.matrixHash);
    }
}
