// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {INetworkRegistry} from "../interfaces/INetworkRegistry.sol";
import {IRequests} from "../interfaces/IRequests.sol";
import {IStakes} from "../interfaces/IStakes.sol";
import {IStaking} from "../interfaces/IStaking.sol";
import {Fees} from "./Fees.sol";

/// @title Requests: asked, accepted, answered, or given back
/// @dev See {IRequests}. Which fee, which stake, by when: a question keeps all of it, so that whatever owner or operator do
/// afterwards reaches no request that was made before. What is asked about, and what an answer is, the contract above says.
abstract contract Requests is IRequests, Fees {
    /// @dev What the inputs that are asked about at once have in common.
    struct Question {
        address user;
        uint96 operatorStake;
        address operator;
        uint96 penalty;
        uint48 networkId;
        /// @dev Of the registry; 0 where no proof comes with an answer.
        uint48 verifierId;
        uint32 answerSeconds;
        uint128 fee;
        /// @dev What commits to the network's model.
        uint256 model;
    }

    /// @dev One input.
    struct Item {
        State state;
        uint48 deadline;
        /// @dev 0 where an answer is none.
        uint32 prediction;
        /// @dev Id of the first input of its question.
        uint64 question;
        /// @dev Accepted on restaked stake, whose fee is also that of those who stand behind it.
        bool restaked;
        /// @dev What commits to the input.
        uint256 input;
    }

    /// @dev Gas that a call needs to leave for a slash, so that nobody saves an operator by sending too little.
    uint256 private constant SLASH_GAS = 2_000_000;

    /// @notice Users' stakes, which keep out who asks too much; nobody slashes them.
    IStaking public immutable STAKING;
    /// @inheritdoc IRequests
    bytes32 public immutable LATE;
    /// @inheritdoc IRequests
    uint48 public immutable SLASH_WINDOW;

    /// @inheritdoc IRequests
    uint256 public requestCount;
    /// @inheritdoc IRequests
    mapping(address operator => uint256 value) public obligationsOf;
    /// @dev What an operator answers with; 0 where it offers nothing.
    mapping(uint256 networkId => mapping(address operator => uint256 offered)) internal _offers;
    mapping(uint256 firstId => Question question) internal _questions;
    mapping(uint256 id => Item item) internal _items;

    constructor(IStakes stakes, INetworkRegistry networks, bytes32 late, uint48 slashWindow) Fees(stakes, networks) {
        STAKING = stakes.STAKING();
        LATE = late;
        SLASH_WINDOW = slashWindow;
    }

    /// @inheritdoc IRequests
    function withdrawOffer(uint256 networkId) external {
        if (_offers[networkId][msg.sender] == 0) revert NotOffered(msg.sender, networkId);
        delete _offers[networkId][msg.sender];
        emit OfferWithdrawn(msg.sender, networkId);
    }

    /// @inheritdoc IRequests
    function accept(uint256[] calldata ids) external nonReentrant {
        uint256 obligations = obligationsOf[msg.sender];
        uint48 last = 0;
        bool restaked = STAKES.isRestaked(msg.sender);
        for (uint256 i = 0; i < ids.length; ++i) {
            uint256 id = ids[i];
            (Item storage item, Question storage question) = _find(id, State.Asked);
            if (msg.sender != question.operator) revert NotTheOperator(id, msg.sender);
            if (block.timestamp > item.deadline) revert DeadlinePassed(item.deadline);
            _requireAnswerable(question);
            obligations += question.operatorStake;
            uint48 deadline = uint48(block.timestamp) + question.answerSeconds;
            if (deadline > last) last = deadline;
            item.state = State.Accepted;
            item.deadline = deadline;
            item.restaked = restaked;
            emit Accepted(id, msg.sender, deadline);
        }
        if (last == 0) return;
        obligationsOf[msg.sender] = obligations;
        _requireStake(msg.sender, STAKES.stakeOf(msg.sender), STAKES.obligationsOf(msg.sender));
        STAKES.lock(msg.sender, last + SLASH_WINDOW);
    }

    /// @inheritdoc IRequests
    function refund(uint256 id) external nonReentrant {
        Item storage item = _items[id];
        Question storage question = _questions[item.question];
        State state = item.state;
        if (state == State.Asked) {
            if (msg.sender != question.user && block.timestamp <= item.deadline) revert NotTheUser(id, msg.sender);
        } else if (state == State.Accepted) {
            if (!_isVoid(question)) revert StillDue(id);
            _release(question);
        } else {
            revert WrongState(id, state);
        }
        item.state = State.Refunded;
        _refund(id, question);
    }

    /// @inheritdoc IRequests
    function slashLate(uint256 id) external nonReentrant returns (uint256 slashed) {
        (Item storage item, Question storage question) = _find(id, State.Accepted);
        if (block.timestamp <= item.deadline) revert DeadlineNotReached(item.deadline);
        _requireAnswerable(question); // who could not answer is not late
        _requireSlashGas();

        item.state = State.Late;
        address operator = question.operator;
        _release(question);
        _refund(id, question);
        slashed = _slash(operator, question.penalty, LATE);
        emit OperatorLate(id, operator, slashed);
    }

    // --- for the contract above ---

    /// @dev Hook: reverts where the question cannot be answered any more.
    function _requireAnswerable(Question storage question) internal view virtual;

    /// @dev Hook: whether the question cannot be answered any more.
    function _isVoid(Question storage question) internal view virtual returns (bool);

    /// @dev What `operator` offers in a network.
    function _offered(uint256 networkId, address operator) internal view returns (uint256 offered) {
        offered = _offers[networkId][operator];
        if (offered == 0) revert NotOffered(operator, networkId);
    }

    /// @dev A network that takes questions, for no more than the user agreed to.
    function _askable(
        uint256 networkId,
        uint128 maximumFee
    ) internal view returns (INetworkRegistry.Network memory network) {
        network = NETWORKS.networkOf(networkId);
        uint128 fee = network.terms.fee;
        if (network.closed) revert NetworkIsClosed(networkId);
        if (fee > maximumFee) revert FeeTooHigh(fee, maximumFee);
        if (fee != 0 && !network.complete) revert NotComplete(networkId);
    }

    /// @dev A question of the sender, about so many inputs; its terms are kept.
    function _question(
        uint256 networkId,
        INetworkRegistry.Terms memory terms,
        address operator,
        uint256 verifierId,
        uint256 model,
        uint256 inputs
    ) internal returns (uint256 firstId, uint48 deadline) {
        if (terms.userStake != 0) _requireStake(msg.sender, STAKING.stakeOf(msg.sender), terms.userStake);
        firstId = requestCount + 1;
        requestCount += inputs;
        deadline = uint48(block.timestamp) + terms.acceptSeconds;
        _questions[firstId] = Question({
            user: msg.sender,
            operatorStake: terms.operatorStake,
            operator: operator,
            penalty: terms.penalty,
            networkId: uint48(networkId),
            verifierId: uint48(verifierId),
            answerSeconds: terms.answerSeconds,
            fee: terms.fee,
            model: model
        });
    }

    /// @dev The request is over, and its stake free for another one.
    function _release(Question storage question) internal {
        obligationsOf[question.operator] -= question.operatorStake;
    }

    function _refund(uint256 id, Question storage question) internal {
        emit Refunded(id, question.user, question.fee);
        if (question.fee == 0) return;
        _owe(question.user, NETWORKS.networkOf(question.networkId).token, question.fee);
    }

    /// @dev A contract that may slash no more keeps nobody's fee.
    function _slash(address operator, uint256 penalty, bytes32 reason) internal returns (uint256 slashed) {
        try STAKES.slash(operator, penalty, reason) returns (uint256 value) {
            slashed = value;
        } catch {} // solhint-disable-line no-empty-blocks
    }

    function _find(uint256 id, State expected) internal view returns (Item storage item, Question storage question) {
        item = _items[id];
        if (item.state != expected) revert WrongState(id, item.state);
        question = _questions[item.question];
    }

    function _requireSlashGas() internal view {
        if (gasleft() < SLASH_GAS) revert TooLittleGas(gasleft(), SLASH_GAS);
    }

    function _requireStake(address account, uint256 stake, uint256 minimum) private pure {
        if (stake < minimum) revert StakeTooLow(account, stake, minimum);
    }
}
