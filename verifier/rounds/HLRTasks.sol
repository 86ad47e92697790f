// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IHLR} from "../interfaces/IHLR.sol";
import {IPlonkVerifier3} from "../interfaces/IPlonkVerifier3.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {IStaking} from "../interfaces/IStaking.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {FIELD_ORDER} from "../proofs/ProofCheck.sol";
import {Configs} from "./Configs.sol";
import {PublicHash} from "./PublicHash.sol";

/// @title Tasks of logistic regression, checked and written when they are created
/// @dev A library with an address of its own, which works on the caller's storage: together with it the contract would be
/// too large for a chain.
library HLRTasks {
    uint256 private constant MAX_FEATURES = 255;
    uint256 private constant WEIGHT_LIMIT = 2 ** 31;
    /// @dev For the others to move a task on after each deadline of a round.
    uint256 private constant REACTION = 1 days;

    function create(
        uint256 taskId,
        IRounds.Task storage task,
        IHLR.Training storage state,
        uint256[] storage weights,
        mapping(IVerifierRegistry.Statement => mapping(uint32 size => IPlonkVerifier3)) storage verifiers,
        IStaking staking,
        IVerifierRegistry registry,
        IRounds.TaskConfig calldata config,
        IHLR.TrainingConfig calldata training
    ) external {
        _requireTraining(training);
        Configs.write(taskId, task, config);
        _writeSharing(task, staking, config);
        state.taskKey =
            uint256(keccak256(abi.encode(block.chainid, address(this), taskId, config.specHash))) % FIELD_ORDER;
        state.weights = training.features + 1;
        state.lambda = training.lambda;
        state.weightBound = training.weightBound;
        state.minRows = training.minRows;
        state.gradientTarget = training.gradientTarget;
        state.gradientGenerators = training.gradientGenerators;
        state.informationGenerators = training.informationGenerators;
        state.information = training.information;
        state.collected =
            training.information == IHLR.Information.Never
                ? IVerifierRegistry.Statement.Step
                : IVerifierRegistry.Statement.Information;
        _fixVerifiers(taskId, state, verifiers, registry, training);
        uint256[] memory packed = PublicHash.pack(training.initialWeights);
        for (uint256 i = 0; i < packed.length; ++i) weights.push(packed[i]);
        uint256[24] memory none;
        emit IHLR.ModelPublished(taskId, 0, training.initialWeights, 0, none); // no move yet, no matrix, nothing proven
    }

    function _writeSharing(IRounds.Task storage task, IStaking staking, IRounds.TaskConfig calldata config) private {
        Configs.requirePhaseLength(config.readySeconds, "readySeconds");
        Configs.requirePhaseLength(config.shareSeconds, "shareSeconds");
        Configs.requirePhaseLength(config.disputeSeconds, "disputeSeconds");
        if (config.penalty != 0) {
            // what a node has at stake when it hands in an update is still there when its first share is judged, which may
            // be disputed until the sum's deadline, or its silence in the second share attempt; from then on each share
            // asks for the stake anew
            uint256 longest = REACTION + config.collectSeconds + config.readySeconds;
            longest += 2 * (uint256(config.shareSeconds) + config.disputeSeconds) + config.aggregateSeconds;
            bool enforceable = config.penalty <= config.minimumStake && longest <= staking.EXIT_DELAY();
            if (!enforceable || !staking.isSlasher(address(this))) revert IRounds.InvalidConfig("penalty");
        }
        task.penalty = config.penalty;
        task.readySeconds = uint24(config.readySeconds);
        task.shareSeconds = uint24(config.shareSeconds);
        task.disputeSeconds = uint24(config.disputeSeconds);
    }

    function _fixVerifiers(
        uint256 taskId,
        IHLR.Training storage state,
        mapping(IVerifierRegistry.Statement => mapping(uint32 size => IPlonkVerifier3)) storage verifiers,
        IVerifierRegistry registry,
        IHLR.TrainingConfig calldata training
    ) private {
        uint8 bits = registry.usable(training.stepVerifiers[0]).fractionalBits;
        uint16 features = training.features;
        IVerifierRegistry.Statement statement = IVerifierRegistry.Statement.Step;
        uint256[] calldata ids = training.stepVerifiers;
        for (uint256 i = 0; i < ids.length; ++i) {
            (IPlonkVerifier3 verifier, uint32 size) = _fix(taskId, registry, ids[i], statement, features, bits);
            verifiers[statement][size] = verifier;
        }
        statement = IVerifierRegistry.Statement.Information;
        ids = training.informationVerifiers;
        for (uint256 i = 0; i < ids.length; ++i) {
            (IPlonkVerifier3 verifier, uint32 size) = _fix(taskId, registry, ids[i], statement, features, bits);
            verifiers[statement][size] = verifier;
        }
        // sums have one unit whatever the features' format is
        statement = IVerifierRegistry.Statement.Aggregate;
        (state.aggregate, ) = _fix(taskId, registry, training.aggregateVerifier, statement, features, 0);
        statement = IVerifierRegistry.Statement.Certify;
        (state.certify, ) = _fix(taskId, registry, training.certifyVerifier, statement, features, 0);
    }

    function _fix(
        uint256 taskId,
        IVerifierRegistry registry,
        uint256 id,
        IVerifierRegistry.Statement statement,
        uint16 features,
        uint8 bits
    ) private returns (IPlonkVerifier3, uint32) {
        IVerifierRegistry.Entry memory entry = registry.usable(id);
        bool fits = entry.statement == statement && entry.features == features && entry.fractionalBits == bits;
        if (!fits) revert IHLR.WrongVerifier(id);
        emit IHLR.VerifierFixed(taskId, id, entry.verifier, entry.size, entry.insecure, entry.codeHash);
        return (IPlonkVerifier3(entry.verifier), entry.size);
    }

    function _requireTraining(IHLR.TrainingConfig calldata training) private pure {
        if (training.features == 0 || training.features > MAX_FEATURES) revert IHLR.InvalidTraining("features");
        uint32 bound = training.weightBound;
        // lambda 0: separable data saturate the sigmoid, and a zero gradient alone would certify nothing
        if (bound == 0 || bound > WEIGHT_LIMIT || (training.lambda == 0 && bound == WEIGHT_LIMIT)) {
            revert IHLR.InvalidTraining("weightBound");
        }
        if (training.minRows == 0) revert IHLR.InvalidTraining("minRows");
        if (training.stepVerifiers.length == 0) revert IHLR.InvalidTraining("stepVerifiers");
        if (training.gradientGenerators == 0) revert IHLR.InvalidTraining("gradientGenerators");
        if (training.information != IHLR.Information.Never) {
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
}
