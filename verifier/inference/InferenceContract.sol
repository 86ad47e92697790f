// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IHLR} from "../interfaces/IHLR.sol";
import {IInference} from "../interfaces/IInference.sol";
import {INetworkRegistry} from "../interfaces/INetworkRegistry.sol";
import {IPlonkVerifier3} from "../interfaces/IPlonkVerifier3.sol";
import {IStaking} from "../interfaces/IStaking.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {ProofCheck} from "../proofs/ProofCheck.sol";
import {Fees} from "./Fees.sol";

/// @title Proven predictions with a deadline, for a fee
/// @dev See {IInference}. Which verifier, which fee, which stake: a question keeps all of it, so that whatever owner, operator
/// or registry do afterwards reaches no request that was made before, but for a verifier that is retired.
contract InferenceContract is IInference, Fees {
    /// @dev What the inputs that are asked about at once have in common.
    struct Question {
        address user;
        uint96 operatorStake;
        address operator;
        uint96 penalty;
        uint48 networkId;
        uint48 verifierId;
        uint32 answerSeconds;
        uint128 fee;
        uint256 modelCommitment;
    }

    /// @dev One input.
    struct Item {
        State state;
        uint48 deadline;
        uint32 prediction;
        /// @dev Id of the first input of its question.
        uint64 question;
        uint256 inputCommitment;
    }

    bytes32 public constant LATE = "inference late";
    /// @notice How long after the deadline an operator's stake stays locked, for anyone to slash it.
    uint48 public constant SLASH_WINDOW = 7 days;
    uint256 public constant MAX_INPUTS = 16;
    /// @dev Gas that a call needs to leave for a slash, so that nobody saves an operator by sending too little.
    uint256 private constant SLASH_GAS = 2_000_000;

    IHLR public immutable HLR;
    IStaking public immutable STAKING;
    IVerifierRegistry public immutable REGISTRY;

    /// @inheritdoc IInference
    uint256 public requestCount;
    /// @inheritdoc IInference
    mapping(uint256 networkId => mapping(address operator => uint256 verifierId)) public offerOf;
    /// @inheritdoc IInference
    mapping(address operator => uint256 value) public obligationsOf;
    mapping(uint256 firstId => Question question) private _questions;
    mapping(uint256 id => Item item) private _items;

    constructor(IStaking staking, IVerifierRegistry registry, INetworkRegistry networks) Fees(networks) {
        HLR = networks.HLR();
        STAKING = staking;
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
        offerOf[networkId][msg.sender] = verifierId;
        emit Offered(msg.sender, networkId, verifierId, entry.verifier, entry.insecure, entry.codeHash);
    }

    /// @inheritdoc IInference
    function withdrawOffer(uint256 networkId) external {
        if (offerOf[networkId][msg.sender] == 0) revert NotOffered(msg.sender, networkId);
        delete offerOf[networkId][msg.sender];
        emit OfferWithdrawn(msg.sender, networkId);
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
        uint256 offered = offerOf[networkId][operator];
        if (offered == 0) revert NotOffered(operator, networkId);
        if (offered != verifierId) revert OtherVerifier(offered, verifierId);
        REGISTRY.usable(verifierId);
        INetworkRegistry.Network memory network = NETWORKS.networkOf(networkId);
        INetworkRegistry.Terms memory terms = network.terms;
        if (network.closed) revert NetworkIsClosed(networkId);
        if (terms.fee > maximumFee) revert FeeTooHigh(terms.fee, maximumFee);
        if (terms.fee != 0 && !network.complete) revert NotComplete(networkId);
        (uint64 certified, , uint256 model) = HLR.certificateOf(network.taskId);
        if (certified == 0) revert NotCertified(network.taskId);
        _requireStake(msg.sender, terms.userStake);

        firstId = requestCount + 1;
        requestCount += inputs;
        _questions[firstId] = Question({
            user: msg.sender,
            operatorStake: terms.operatorStake,
            operator: operator,
            penalty: terms.penalty,
            networkId: uint48(networkId),
            verifierId: uint48(verifierId),
            answerSeconds: terms.answerSeconds,
            fee: terms.fee,
            modelCommitment: model
        });
        uint48 deadline = uint48(block.timestamp) + terms.acceptSeconds;
        for (uint256 i = 0; i < inputs; ++i) {
            uint256 input = inputCommitments[i];
            ProofCheck.requireFieldElement(input);
            uint256 id = firstId + i;
            _items[id] = Item(State.Asked, deadline, 0, uint64(firstId), input);
            emit Asked(networkId, msg.sender, operator, id, verifierId, model, input, terms.fee, deadline);
        }
        _collect(network.token, terms.fee * inputs);
    }

    /// @inheritdoc IInference
    function accept(uint256[] calldata ids) external nonReentrant {
        uint256 obligations = obligationsOf[msg.sender];
        uint48 last = 0;
        for (uint256 i = 0; i < ids.length; ++i) {
            uint256 id = ids[i];
            (Item storage item, Question storage question) = _find(id, State.Asked);
            if (msg.sender != question.operator) revert NotTheOperator(id, msg.sender);
            if (block.timestamp > item.deadline) revert DeadlinePassed(item.deadline);
            REGISTRY.usable(question.verifierId);
            obligations += question.operatorStake;
            uint48 deadline = uint48(block.timestamp) + question.answerSeconds;
            if (deadline > last) last = deadline;
            item.state = State.Accepted;
            item.deadline = deadline;
            emit Accepted(id, msg.sender, deadline);
        }
        if (last == 0) return;
        obligationsOf[msg.sender] = obligations;
        _requireStake(msg.sender, obligations);
        STAKING.lock(msg.sender, last + SLASH_WINDOW);
    }

    /// @inheritdoc IInference
    function answer(uint256 id, uint32 prediction, uint256[24] calldata proof) external nonReentrant {
        (Item storage item, Question storage question) = _find(id, State.Accepted);
        if (block.timestamp > item.deadline) revert DeadlinePassed(item.deadline);
        IPlonkVerifier3 verifier = IPlonkVerifier3(REGISTRY.usable(question.verifierId).verifier);
        ProofCheck.requireProof(verifier, proof, [question.modelCommitment, item.inputCommitment, prediction]);

        item.state = State.Answered;
        item.prediction = prediction;
        address operator = question.operator;
        obligationsOf[operator] -= question.operatorStake;
        emit Answered(id, operator, prediction);
        if (question.fee != 0) _divide(question.networkId, operator, question.fee);
    }

    /// @inheritdoc IInference
    function refund(uint256 id) external nonReentrant {
        Item storage item = _items[id];
        Question storage question = _questions[item.question];
        State state = item.state;
        if (state == State.Asked) {
            if (msg.sender != question.user && block.timestamp <= item.deadline) revert NotTheUser(id, msg.sender);
        } else if (state == State.Accepted) {
            if (!_isRetired(question)) revert StillDue(id);
            obligationsOf[question.operator] -= question.operatorStake;
        } else {
            revert WrongState(id, state);
        }
        item.state = State.Refunded;
        _refund(id, question);
    }

    /// @inheritdoc IInference
    function slashLate(uint256 id) external nonReentrant returns (uint256 slashed) {
        (Item storage item, Question storage question) = _find(id, State.Accepted);
        if (block.timestamp <= item.deadline) revert DeadlineNotReached(item.deadline);
        REGISTRY.usable(question.verifierId); // who could not answer is not late
        if (gasleft() < SLASH_GAS) revert TooLittleGas(gasleft(), SLASH_GAS);

        item.state = State.Late;
        address operator = question.operator;
        obligationsOf[operator] -= question.operatorStake;
        _refund(id, question);
        // a contract that may slash no more keeps nobody's fee
        try STAKING.slash(operator, question.penalty, LATE) returns (uint256 value) {
            slashed = value;
        } catch {} // solhint-disable-line no-empty-blocks
        emit OperatorLate(id, operator, slashed);
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
        request.modelCommitment = question.modelCommitment;
        request.inputCommitment = item.inputCommitment;
        request.verifierId = question.verifierId;
        request.verifier = REGISTRY.entryOf(question.verifierId).verifier;
        request.token = network.token;
        request.fee = question.fee;
        request.operatorStake = question.operatorStake;
        request.penalty = question.penalty;
        request.answerSeconds = question.answerSeconds;
    }

    function _refund(uint256 id, Question storage question) private {
        emit Refunded(id, question.user, question.fee);
        if (question.fee == 0) return;
        _owe(question.user, NETWORKS.networkOf(question.networkId).token, question.fee);
    }

    function _find(uint256 id, State expected) private view returns (Item storage item, Question storage question) {
        item = _items[id];
        if (item.state != expected) revert WrongState(id, item.state);
        question = _questions[item.question];
    }

    function _isRetired(Question storage question) private view returns (bool) {
        return REGISTRY.entryOf(question.verifierId).retired;
    }

    function _requireStake(address account, uint256 minimum) private view {
        if (minimum == 0) return;
        uint256 stake = STAKING.stakeOf(account);
        if (stake < minimum) revert StakeTooLow(account, stake, minimum);
    }
}
