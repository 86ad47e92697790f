// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IHLR} from "../interfaces/IHLR.sol";
import {IInference} from "../interfaces/IInference.sol";
import {IPlonkVerifier3} from "../interfaces/IPlonkVerifier3.sol";
import {IStaking} from "../interfaces/IStaking.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {ProofCheck} from "../proofs/ProofCheck.sol";

/// @title Proven predictions with a deadline
contract InferenceContract is IInference {
    struct Terms {
        /// @dev Wei of ETH at stake to ask, and to accept.
        uint96 userStake;
        uint96 operatorStake;
        uint32 acceptSeconds;
        uint32 answerSeconds;
        /// @dev Wei of ETH that a late operator loses.
        uint96 penalty;
    }

    bytes32 public constant LATE = "inference late";
    /// @notice How long after the deadline an operator's stake stays locked, for anyone to slash it.
    uint64 public constant SLASH_WINDOW = 7 days;

    IHLR public immutable HLR;
    IStaking public immutable STAKING;
    IVerifierRegistry public immutable REGISTRY;

    /// @inheritdoc IInference
    uint256 public requestCount;
    Terms public terms;
    mapping(address operator => mapping(uint256 taskId => IPlonkVerifier3 verifier)) private _offers;
    mapping(uint256 id => Request request) private _requests;

    constructor(IHLR hlr, IStaking staking, IVerifierRegistry registry, Terms memory terms_) {
        HLR = hlr;
        STAKING = staking;
        REGISTRY = registry;
        terms = terms_;
    }

    /// @inheritdoc IInference
    function offer(uint256 taskId, uint256 verifierId) external {
        IHLR.Training memory training = HLR.trainingOf(taskId);
        if (training.weights == 0) revert NoModel(taskId);
        IVerifierRegistry.Entry memory entry = REGISTRY.usable(verifierId);
        bool fits = entry.statement == IVerifierRegistry.Statement.Predict && entry.family == training.family;
        if (!fits || entry.features + 1 != training.weights) revert WrongVerifier(verifierId);
        _offers[msg.sender][taskId] = IPlonkVerifier3(entry.verifier);
        emit Offered(msg.sender, taskId, entry.verifier, entry.insecure, entry.codeHash);
    }

    /// @inheritdoc IInference
    function withdrawOffer(uint256 taskId) external {
        if (address(_offers[msg.sender][taskId]) == address(0)) revert NotOffered(msg.sender, taskId);
        delete _offers[msg.sender][taskId];
        emit OfferWithdrawn(msg.sender, taskId);
    }

    /// @inheritdoc IInference
    function ask(uint256 taskId, address operator, uint256 inputCommitment) external returns (uint256 id) {
        IPlonkVerifier3 verifier = _offers[operator][taskId];
        if (address(verifier) == address(0)) revert NotOffered(operator, taskId);
        ProofCheck.requireFieldElement(inputCommitment);
        _requireStake(msg.sender, terms.userStake);
        uint256 model = HLR.modelCommitmentOf(taskId);
        if (model == 0) revert NoModel(taskId);

        id = ++requestCount;
        uint64 deadline = uint64(block.timestamp) + terms.acceptSeconds;
        _requests[id] = Request({
            user: msg.sender,
            state: State.Asked,
            deadline: deadline,
            operator: operator,
            prediction: 0,
            taskId: taskId,
            modelCommitment: model,
            inputCommitment: inputCommitment,
            verifier: verifier
        });
        emit Asked(id, msg.sender, operator, taskId, model, inputCommitment, deadline);
    }

    /// @inheritdoc IInference
    function accept(uint256 id) external {
        Request storage request = _requests[id];
        if (request.state != State.Asked) revert WrongState(id, request.state);
        if (msg.sender != request.operator) revert NotTheOperator(id, msg.sender);
        if (block.timestamp > request.deadline) revert DeadlinePassed(request.deadline);
        _requireStake(msg.sender, terms.operatorStake);

        uint64 deadline = uint64(block.timestamp) + terms.answerSeconds;
        request.state = State.Accepted;
        request.deadline = deadline;
        emit Accepted(id, msg.sender, deadline);
        STAKING.lock(msg.sender, deadline + SLASH_WINDOW);
    }

    /// @inheritdoc IInference
    function answer(uint256 id, uint32 prediction, uint256[24] calldata proof) external {
        Request storage request = _requests[id];
        if (request.state != State.Accepted) revert WrongState(id, request.state);
        if (block.timestamp > request.deadline) revert DeadlinePassed(request.deadline);
        uint256[3] memory inputs = [request.modelCommitment, request.inputCommitment, prediction];
        ProofCheck.requireProof(request.verifier, proof, inputs);

        request.state = State.Answered;
        request.prediction = prediction;
        emit Answered(id, request.operator, prediction);
    }

    /// @inheritdoc IInference
    function slashLate(uint256 id) external returns (uint256 slashed) {
        Request storage request = _requests[id];
        if (request.state != State.Accepted) revert WrongState(id, request.state);
        if (block.timestamp <= request.deadline) revert DeadlineNotReached(request.deadline);

        request.state = State.Late;
        slashed = STAKING.slash(request.operator, terms.penalty, LATE);
        emit OperatorLate(id, request.operator, slashed);
    }

    /// @inheritdoc IInference
    function requestOf(uint256 id) external view returns (Request memory) {
        return _requests[id];
    }

    function _requireStake(address account, uint256 minimum) private view {
        if (minimum == 0) return;
        uint256 stake = STAKING.stakeOf(account);
        if (stake < minimum) revert StakeTooLow(account, stake, minimum);
    }
}
