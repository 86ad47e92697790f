// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDataHub} from "../interfaces/IDataHub.sol";
import {IHLR} from "../interfaces/IHLR.sol";
import {IIdentity} from "../interfaces/IIdentity.sol";
import {IPlonkVerifier3} from "../interfaces/IPlonkVerifier3.sol";
import {IStaking} from "../interfaces/IStaking.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {FIELD_ORDER, ProofCheck} from "../proofs/ProofCheck.sol";
import {PublicHash} from "./PublicHash.sol";
import {Rounds} from "./Rounds.sol";

/// @title Horizontal logistic regression (HLR) with proofs
/// @dev See {IHLR} and docs/protocol.md. Verifiers are copied from the registry when a task is created.
contract HLRContract is IHLR, Rounds {
    /// @dev A verifier of `step`, and the task's slots in the same word.
    struct Step {
        IPlonkVerifier3 verifier;
        uint16 slots;
    }

    /// @notice Updates that one sum can hold, see docs/protocol.md, section 3.
    uint256 public constant MAX_UPDATES = 1024;
    uint256 public constant MAX_FEATURES = 255;
    uint256 private constant WEIGHT_LIMIT = 2 ** 31;

    IVerifierRegistry public immutable REGISTRY;

    mapping(uint256 taskId => Training training) private _trainings;
    mapping(uint256 taskId => uint256[] packed) private _weights;
    mapping(uint256 taskId => mapping(uint256 segment => uint256 digest)) private _segments;
    mapping(uint256 taskId => mapping(uint32 size => Step step)) private _steps;

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
        _requireTraining(config, training);
        taskId = _createTask(config);
        Training storage state = _trainings[taskId];
        state.taskKey =
            uint256(keccak256(abi.encode(block.chainid, address(this), taskId, config.specHash))) % FIELD_ORDER;
        state.weights = training.features + 1;
        state.slots = training.slots;
        state.lambda = training.lambda;
        state.weightBound = training.weightBound;
        state.minRows = training.minRows;
        state.gradientTarget = training.gradientTarget;
        state.matrixReplaceable = training.matrixReplaceable;
        state.digest = 1; // so that the first node does not pay for a new slot; 1 is never read
        _fixVerifiers(taskId, state, training);
        _publish(taskId, state, 0, training.initialWeights, training.matrixHash);
    }

    /// @inheritdoc IHLR
    function submitUpdate(
        uint256 taskId,
        uint32 size,
        uint256 index,
        uint256 update,
        uint256[24] calldata proof
    ) external {
        Task storage task = _tasks[taskId];
        uint256 data = _requireUpdate(taskId, task, index);
        Step memory step = _steps[taskId][size];
        if (step.slots == 0) revert NoVerifierOfSize(taskId, size);
        Training storage training = _trainings[taskId];
        ProofCheck.requireProof(step.verifier, proof, [training.modelCommitment, data, update]);

        uint256 position = task.updates;
        uint256 slots = step.slots;
        uint256 previous = 0;
        if (position % slots != 0) {
            previous = training.digest;
        } else if (position != 0) {
            _segments[taskId][position / slots - 1] = training.digest;
        }
        training.digest = PublicHash.append(previous, update);
        _countUpdate(taskId, task, index);
        emit UpdateAccepted(taskId, task.round, task.attempt, msg.sender, data, update, position, size, index, proof);
    }

    /// @inheritdoc IHLR
    function foldSegment(uint256 taskId, uint256 partialAfter, uint256[24] calldata proof) external {
        Task storage task = _tasks[taskId];
        _requirePhase(taskId, task, Phase.Closed);
        _requireCoordinator(taskId, task);
        Training storage training = _trainings[taskId];
        uint256 folded = training.folded;
        if (folded == _lastSegment(task, training)) revert NothingToFold(folded);
        if (partialAfter == 0) revert ProofCheck.NotAFieldElement(0); // 0 stands for no partial sum
        uint256[3] memory inputs = [training.partialSum, _segments[taskId][folded], partialAfter];
        ProofCheck.requireProof(training.fold, proof, inputs);

        training.partialSum = partialAfter;
        training.folded = uint16(folded + 1);
        emit SegmentFolded(taskId, task.round, task.attempt, partialAfter);
    }

    /// @inheritdoc IHLR
    function acceptWeights(
        uint256 taskId,
        int32[] calldata weights,
        uint256 matrixHash,
        uint256[24] calldata proof
    ) external {
        Task storage task = _tasks[taskId];
        _requirePhase(taskId, task, Phase.Closed);
        _requireCoordinator(taskId, task);
        Training storage training = _trainings[taskId];
        uint32 round = task.round;
        if (round == task.maximumRounds) revert RoundLimit(round);
        if (weights.length != training.weights) revert WrongNumberOfWeights(weights.length, training.weights);
        if (matrixHash != training.matrixHash && !training.matrixReplaceable) {
            revert MatrixIsFixed(training.matrixHash);
        }
        ProofCheck.requireFieldElement(matrixHash);

        uint256 current = training.modelCommitment;
        uint256 digest = _updatesDigest(task, training);
        _publish(taskId, training, round + 1, weights, matrixHash);
        _nextRound(taskId, task); // sets the next model commitment, from the weights just stored
        ProofCheck.requireProof(training.aggregate, proof, [current, digest, training.modelCommitment]);
    }

    /// @inheritdoc IHLR
    function certify(uint256 taskId, uint32 gradientBound, uint256[24] calldata proof) external {
        Task storage task = _tasks[taskId];
        _requirePhase(taskId, task, Phase.Closed);
        _requireCoordinator(taskId, task);
        Training storage training = _trainings[taskId];
        if (gradientBound > training.gradientTarget) {
            revert BoundTooLoose(gradientBound, training.gradientTarget);
        }
        uint256 model = training.modelCommitment;
        uint256[3] memory inputs = [model, _updatesDigest(task, training), gradientBound];
        ProofCheck.requireProof(training.certify, proof, inputs);

        training.certified = true;
        training.gradientBound = gradientBound;
        emit Certified(taskId, task.round, model, gradientBound);
        _finish(taskId, task);
    }

    /// @inheritdoc IHLR
    function trainingOf(uint256 taskId) external view returns (Training memory) {
        return _trainings[taskId];
    }

    /// @inheritdoc IHLR
    function weightsOf(uint256 taskId) external view returns (int32[] memory) {
        return PublicHash.unpack(_weights[taskId], _trainings[taskId].weights);
    }

    /// @inheritdoc IHLR
    function modelCommitmentOf(uint256 taskId) external view returns (uint256) {
        return _trainings[taskId].modelCommitment;
    }

    /// @inheritdoc IHLR
    function contextOf(uint256 taskId) external view returns (uint256) {
        return _context(_tasks[taskId], _trainings[taskId]);
    }

    /// @inheritdoc IHLR
    function updatesDigestOf(uint256 taskId) external view returns (uint256) {
        return _updatesDigest(_tasks[taskId], _trainings[taskId]);
    }

    /// @inheritdoc IHLR
    function segmentDigestOf(uint256 taskId, uint256 segment) external view returns (uint256) {
        Task storage task = _tasks[taskId];
        if (task.updates == 0) return 0;
        uint256 last = _lastSegment(task, _trainings[taskId]);
        if (segment > last) return 0;
        return segment == last ? _trainings[taskId].digest : _segments[taskId][segment];
    }

    /// @inheritdoc IHLR
    function stepVerifierOf(uint256 taskId, uint32 size) external view returns (address) {
        return address(_steps[taskId][size].verifier);
    }

    /// @dev An attempt has a model commitment of its own, from the same weights.
    function _onAttempt(uint256 taskId, Task storage task) internal override {
        Training storage training = _trainings[taskId];
        uint256 commitment = PublicHash.model(_context(task, training), _weights[taskId], training.weights);
        training.modelCommitment = commitment;
        training.partialSum = 0;
        training.folded = 0;
        emit AttemptModel(taskId, task.round, task.attempt, commitment);
    }

    function _publish(
        uint256 taskId,
        Training storage training,
        uint32 round,
        int32[] calldata weights,
        uint256 matrixHash
    ) private {
        _weights[taskId] = PublicHash.pack(weights);
        if (matrixHash != training.matrixHash) training.matrixHash = matrixHash;
        emit ModelPublished(taskId, round, weights, matrixHash);
    }

    function _fixVerifiers(uint256 taskId, Training storage state, TrainingConfig calldata training) private {
        if (training.stepVerifiers.length == 0) revert InvalidTraining("stepVerifiers");
        uint8 bits = REGISTRY.usable(training.stepVerifiers[0]).fractionalBits;
        for (uint256 i = 0; i < training.stepVerifiers.length; ++i) {
            uint256 id = training.stepVerifiers[i];
            (IPlonkVerifier3 step, uint32 rows) = _fix(
                taskId,
                id,
                IVerifierRegistry.Statement.Step,
                training.features,
                bits
            );
            _steps[taskId][rows] = Step(step, training.slots);
        }
        uint32 size;
        if (training.segments > 1) {
            (state.fold, size) = _fix(
                taskId,
                training.foldVerifier,
                IVerifierRegistry.Statement.Fold,
                training.features,
                bits
            );
            if (size != training.slots) revert WrongVerifier(training.foldVerifier);
        }
        (state.aggregate, size) = _fix(
            taskId,
            training.aggregateVerifier,
            IVerifierRegistry.Statement.Aggregate,
            training.features,
            bits
        );
        if (size != training.slots) revert WrongVerifier(training.aggregateVerifier);
        (state.certify, size) = _fix(
            taskId,
            training.certifyVerifier,
            IVerifierRegistry.Statement.Certify,
            training.features,
            bits
        );
        if (size != training.slots) revert WrongVerifier(training.certifyVerifier);
    }

    function _fix(
        uint256 taskId,
        uint256 id,
        IVerifierRegistry.Statement statement,
        uint16 features,
        uint8 bits
    ) private returns (IPlonkVerifier3, uint32) {
        IVerifierRegistry.Entry memory entry = REGISTRY.usable(id);
        bool fits = entry.statement == statement && entry.features == features && entry.fractionalBits == bits;
        if (!fits) revert WrongVerifier(id);
        emit VerifierFixed(taskId, id, entry.verifier, entry.size, entry.insecure, entry.codeHash);
        return (IPlonkVerifier3(entry.verifier), entry.size);
    }

    function _context(Task storage task, Training storage training) private view returns (uint256) {
        uint256 policy = (uint256(task.round) << 32) | task.attempt;
        policy = (policy << 24) | training.lambda;
        policy = (policy << 32) | training.weightBound;
        policy = (policy << 32) | training.minRows;
        return PublicHash.context(training.taskKey, policy, training.matrixHash);
    }

    function _updatesDigest(Task storage task, Training storage training) private view returns (uint256) {
        uint256 needed = _lastSegment(task, training);
        if (training.folded != needed) revert SegmentsNotFolded(training.folded, needed);
        return PublicHash.updates(training.partialSum, training.digest);
    }

    /// @dev Number of the segment that holds the last update; there is at least one.
    function _lastSegment(Task storage task, Training storage training) private view returns (uint256) {
        return (uint256(task.updates) - 1) / training.slots;
    }

    function _requireTraining(TaskConfig calldata config, TrainingConfig calldata training) private pure {
        if (training.features == 0 || training.features > MAX_FEATURES) revert InvalidTraining("features");
        if (training.slots == 0) revert InvalidTraining("slots");
        uint256 updates = uint256(training.slots) * training.segments;
        if (updates == 0 || updates > MAX_UPDATES) revert InvalidTraining("segments");
        if (config.maximumUpdates != updates) revert InvalidConfig("maximumUpdates");
        uint32 bound = training.weightBound;
        // lambda 0: separable data saturate the sigmoid, and a zero gradient alone would certify nothing
        if (bound == 0 || bound > WEIGHT_LIMIT || (training.lambda == 0 && bound == WEIGHT_LIMIT)) {
            revert InvalidTraining("weightBound");
        }
        if (training.minRows == 0) revert InvalidTraining("minRows");
        ProofCheck.requireFieldElement(training.matrixHash);
        uint256 count = training.initialWeights.length;
        if (count != uint256(training.features) + 1) revert WrongNumberOfWeights(count, training.features + 1);
        for (uint256 i = 0; i < count; ++i) {
            int256 weight = training.initialWeights[i];
            if (weight > int256(uint256(bound)) || -weight > int256(uint256(bound))) {
                revert WeightOutOfBound(training.initialWeights[i], bound);
            }
        }
    }
}
