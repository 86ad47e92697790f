// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IHLR} from "../interfaces/IHLR.sol";
import {IInference} from "../interfaces/IInference.sol";
import {INetworkRegistry} from "../interfaces/INetworkRegistry.sol";
import {IPlonkVerifier3} from "../interfaces/IPlonkVerifier3.sol";
import {IStakes} from "../interfaces/IStakes.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {ProofCheck} from "../proofs/ProofCheck.sol";
import {Requests} from "./Requests.sol";

/// @title Proven predictions with a deadline, for a fee
/// @dev See {IInference}. Which verifier, a question keeps too, so that the registry reaches no request that was made before,
/// but for a verifier that is retired.
contract InferenceContract is IInference, Requests {
    uint256 public constant MAX_INPUTS = 16;

    IHLR public immutable HLR;
    IVerifierRegistry public immutable REGISTRY;

    constructor(
        IStakes stakes,
        IVerifierRegistry registry,
        INetworkRegistry networks
    ) Requests(stakes, networks, "inference late", 7 days) {
        HLR = networks.HLR();
        REGISTRY = registry;
    }

    /// @inheritdoc IInference
    function offer(uint256 networkId, uint256 verifierId) external {
        INetworkRegistry.Network memory network = NETWORKS.networkOf(networkId);
        IHLR.Training memory training = HLR.trainingOf(network.taskId);
        if (network.model != INetworkRegistry.Model.HLR) revert NoModel(network.taskId);
        IVerifierRegistry.Entry memory entry = REGISTRY.usable(verifierId);
        bool fits = entry.statement == IVerifierRegistry.Statement.Predict && entry.family == training.family;
        fits = fits && entry.fractionalBits == training.fractionalBits;
        if (!fits || entry.features + 1 != training.weights) revert WrongVerifier(verifierId);
        _offers[networkId][msg.sender] = verifierId;
        emit Offered(msg.sender, networkId, verifierId, entry.verifier, entry.insecure, entry.codeHash);
    }

    /// @inheritdoc IInference
    function ask(
        uint256 networkId,
        address operator,
        uint256 verifierId,
        uint256[] calldata inputCommitments,
        uint128 maximumFee
    ) external payable nonReentrant returns (uint256 firstId) {
        uint256 inputs = inputCommitments.length;
        if (inputs == 0 || inputs > MAX_INPUTS) revert WrongNumberOfInputs(inputs, MAX_INPUTS);
        uint256 offered = _offered(networkId, operator);
        if (offered != verifierId) revert OtherVerifier(offered, verifierId);
        REGISTRY.usable(verifierId);
        INetworkRegistry.Network memory network = _askable(networkId, maximumFee);
        (uint64 certified, , uint256 model) = HLR.certificateOf(network.taskId);
        if (certified == 0) revert NotCertified(network.taskId);

        uint48 deadline;
        (firstId, deadline) = _question(networkId, network.terms, operator, verifierId, model, inputs);
        uint128 fee = network.terms.fee;
        for (uint256 i = 0; i < inputs; ++i) {
            uint256 input = inputCommitments[i];
            ProofCheck.requireFieldElement(input);
            uint256 id = firstId + i;
            _items[id] = Item(State.Asked, deadline, 0, uint64(firstId), false, input);
            emit Asked(networkId, msg.sender, operator, id, verifierId, model, input, fee, deadline);
        }
        _collect(network.token, fee * inputs);
    }

    /// @inheritdoc IInference
    function answer(uint256 id, uint32 prediction, uint256[24] calldata proof) external nonReentrant {
        (Item storage item, Question storage question) = _find(id, State.Accepted);
        if (block.timestamp > item.deadline) revert DeadlinePassed(item.deadline);
        IPlonkVerifier3 verifier = IPlonkVerifier3(REGISTRY.usable(question.verifierId).verifier);
        ProofCheck.requireProof(verifier, proof, [question.model, item.input, prediction]);

        item.state = State.Answered;
        item.prediction = prediction;
        address operator = question.operator;
        _release(question);
        emit Answered(id, operator, prediction);
        if (question.fee != 0) _divide(question.networkId, operator, question.fee, item.restaked);
    }

    /// @inheritdoc IInference
    function offerOf(uint256 networkId, address operator) external view returns (uint256 verifierId) {
        return _offers[networkId][operator];
    }

    /// @inheritdoc IInference
    function requestOf(uint256 id) external view returns (Request memory request) {
        Item storage item = _items[id];
        if (item.state == State.None) return request;
        Question storage question = _questions[item.question];
        INetworkRegistry.Network memory network = NETWORKS.networkOf(question.networkId);
        request.user = question.user;
        request.state = item.state;
        request.deadline = item.deadline;
        request.operator = question.operator;
        request.prediction = item.prediction;
        request.networkId = question.networkId;
        request.taskId = network.taskId;
        request.modelCommitment = question.model;
        request.inputCommitment = item.input;
        request.verifierId = question.verifierId;
        request.verifier = REGISTRY.entryOf(question.verifierId).verifier;
        request.token = network.token;
        request.fee = question.fee;
        request.operatorStake = question.operatorStake;
        request.penalty = question.penalty;
        request.answerSeconds = question.answerSeconds;
    }

    /// @dev A retired verifier answers nothing.
    function _requireAnswerable(Question storage question) internal view override {
        REGISTRY.usable(question.verifierId);
    }

    function _isVoid(Question storage question) internal view override returns (bool) {
        return REGISTRY.entryOf(question.verifierId).retired;
    }
}
