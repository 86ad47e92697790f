// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IHLR} from "../interfaces/IHLR.sol";
import {IPlonkVerifier3} from "../interfaces/IPlonkVerifier3.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {IStaking} from "../interfaces/IStaking.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {Configs} from "./Configs.sol";

/// @title Tasks of regression, checked and written when they are created
/// @dev A library with an address of its own, which works on the caller's storage: together with it the contract would be
/// too large for a chain.
library HLRTasks {
    uint256 private constant MAX_FEATURES = 255;
    uint256 private constant WEIGHT_LIMIT = 2 ** 31;

    /// @dev Everything but the task's key and its weights, which the caller writes.
    /// @param arguments Of {IHLR-createTask}, encoded.
    function create(
        uint256 taskId,
        IRounds.Task storage task,
        IHLR.Training storage state,
        mapping(IVerifierRegistry.Statement => mapping(uint32 size => IPlonkVerifier3)) storage verifiers,
        IStaking staking,
        IVerifierRegistry registry,
        bytes calldata arguments
    ) external {
        (IRounds.TaskConfig memory config, IHLR.TrainingConfig memory training) = abi.decode(
            arguments,
            (IRounds.TaskConfig, IHLR.TrainingConfig)
        );
        _requireTraining(training);
        _requireStatistics(training, config.dataset);
        Configs.write(taskId, task, config);
        Configs.requirePhaseLength(config.disputeSeconds, "disputeSeconds");
        Configs.writeSharing(task, staking, config);
        state.weights = training.features + 1;
        state.lambda = training.lambda;
        state.weightBound = training.weightBound;
        state.minRows = training.minRows;
        state.gradientTarget = training.gradientTarget;
        state.gradientGenerators = training.gradientGenerators;
        state.informationGenerators = training.informationGenerators;
        state.evaluationGenerators = training.evaluationGenerators;
        state.heldOutDataset = training.heldOutDataset;
        state.family = training.family;
        state.finalInformation = training.finalInformation;
        state.evaluation = training.evaluation;
        state.heldOutEvaluation = training.heldOutDataset != 0;
        state.information = training.information;
        state.collected =
            training.information == IHLR.Information.Never
                ? IVerifierRegistry.Statement.Step
                : IVerifierRegistry.Statement.Information;
        _fixVerifiers(taskId, state, verifiers, registry, training);
        uint256[24] memory none;
        emit IHLR.ModelPublished(taskId, 0, training.initialWeights, 0, none); // no move yet, no matrix, nothing proven
    }

    /// @dev What {IRounds-taskOf} returns, encoded.
    function encodedTask(IRounds.Task storage task) external view returns (bytes memory) {
        return abi.encode(task);
    }

    /// @dev What {IHLR-trainingOf} returns, encoded.
    function encodedTraining(IHLR.Training storage state) external view returns (bytes memory) {
        return abi.encode(state);
    }

    function _fixVerifiers(
        uint256 taskId,
        IHLR.Training storage state,
        mapping(IVerifierRegistry.Statement => mapping(uint32 size => IPlonkVerifier3)) storage verifiers,
        IVerifierRegistry registry,
        IHLR.TrainingConfig memory training
    ) private {
        uint8 bits = registry.usable(training.stepVerifiers[0]).fractionalBits;
        state.fractionalBits = bits;
        IVerifierRegistry.Statement statement = IVerifierRegistry.Statement.Step;
        _fixSizes(taskId, verifiers[statement], registry, training, training.stepVerifiers, statement, bits);
        statement = IVerifierRegistry.Statement.Information;
        _fixSizes(taskId, verifiers[statement], registry, training, training.informationVerifiers, statement, bits);
        statement = IVerifierRegistry.Statement.Evaluate;
        _fixSizes(taskId, verifiers[statement], registry, training, training.evaluateVerifiers, statement, bits);
        // sums have one unit whatever the features' format is, and are used alike in every family
        uint16 features = training.features;
        statement = IVerifierRegistry.Statement.Aggregate;
        state.aggregate = IPlonkVerifier3(
            _fix(taskId, registry, training.aggregateVerifier, statement, features, 0).verifier
        );
        statement = IVerifierRegistry.Statement.Certify;
        state.certify = IPlonkVerifier3(
            _fix(taskId, registry, training.certifyVerifier, statement, features, 0).verifier
        );
    }

    /// @dev Of a statement about rows, which has a verifier for each size and is another one in each family.
    function _fixSizes(
        uint256 taskId,
        mapping(uint32 size => IPlonkVerifier3) storage verifiers,
        IVerifierRegistry registry,
        IHLR.TrainingConfig memory training,
        uint256[] memory ids,
        IVerifierRegistry.Statement statement,
        uint8 bits
    ) private {
        for (uint256 i = 0; i < ids.length; ++i) {
            IVerifierRegistry.Entry memory entry = _fix(taskId, registry, ids[i], statement, training.features, bits);
            if (entry.family != training.family) revert IHLR.WrongVerifier(ids[i]);
            verifiers[entry.size] = IPlonkVerifier3(entry.verifier);
        }
    }

    function _fix(
        uint256 taskId,
        IVerifierRegistry registry,
        uint256 id,
        IVerifierRegistry.Statement statement,
        uint16 features,
        uint8 bits
    ) private returns (IVerifierRegistry.Entry memory entry) {
        entry = registry.usable(id);
        bool fits = entry.statement == statement && entry.features == features && entry.fractionalBits == bits;
        if (!fits) revert IHLR.WrongVerifier(id);
        emit IHLR.VerifierFixed(taskId, id, entry.verifier, entry.size, entry.insecure, entry.codeHash);
    }

    function _requireTraining(IHLR.TrainingConfig memory training) private pure {
        if (training.features == 0 || training.features > MAX_FEATURES) revert IHLR.InvalidTraining("features");
        uint32 bound = training.weightBound;
        // lambda 0: separable data saturate the sigmoid, and a zero gradient alone would certify nothing
        if (bound == 0 || bound > WEIGHT_LIMIT || (training.lambda == 0 && bound == WEIGHT_LIMIT)) {
            revert IHLR.InvalidTraining("weightBound");
        }
        if (training.minRows == 0) revert IHLR.InvalidTraining("minRows");
        if (training.stepVerifiers.length == 0) revert IHLR.InvalidTraining("stepVerifiers");
        if (training.gradientGenerators == 0) revert IHLR.InvalidTraining("gradientGenerators");
        if (training.information != IHLR.Information.Never || training.finalInformation) {
            if (training.informationVerifiers.length == 0) revert IHLR.InvalidTraining("informationVerifiers");
            if (training.informationGenerators == 0) revert IHLR.InvalidTraining("informationGenerators");
        }
        uint256 count = training.initialWeights.length;
        if (count != uint256(training.features) + 1) {
            revert IHLR.WrongNumberOfWeights(count, training.features + 1);
        }
        for (uint256 i = 0; i < count; ++i) {
            int256 weight = training.initialWeights[i];
            if (weight > int256(uint256(bound)) || -weight > int256(uint256(bound))) {
                revert IHLR.WeightOutOfBound(training.initialWeights[i], bound);
            }
        }
    }

    /// @dev What is collected after the certificate can be, and is nothing that was collected before.
    function _requireStatistics(IHLR.TrainingConfig memory training, bytes32 dataset) private pure {
        bool everywhere = training.family == IVerifierRegistry.Family.Gaussian; // the same at all weights
        bool again = training.information == IHLR.Information.BeforeEveryMove;
        if (everywhere && again) revert IHLR.InvalidTraining("information");
        bool known = again || (everywhere && training.information != IHLR.Information.Never);
        if (training.finalInformation && known) revert IHLR.InvalidTraining("finalInformation");
        bool heldOut = training.heldOutDataset != 0;
        if (!training.evaluation && !heldOut) return;
        if (heldOut && training.heldOutDataset == dataset) revert IHLR.InvalidTraining("heldOutDataset");
        if (training.evaluateVerifiers.length == 0) revert IHLR.InvalidTraining("evaluateVerifiers");
        if (training.evaluationGenerators == 0) revert IHLR.InvalidTraining("evaluationGenerators");
    }
}
