// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {IConversation} from "../interfaces/IConversation.sol";
import {IHFL} from "../interfaces/IHFL.sol";
import {INetworkRegistry} from "../interfaces/INetworkRegistry.sol";
import {IStakes} from "../interfaces/IStakes.sol";
import {Requests} from "./Requests.sol";

/// @title Conversations for a fee or free, and the vote over what was answered
/// @dev See {IConversation}. A stake stays locked from acceptance on until a challenge on the last day could have been voted on
/// and its verdict carried out. A free answer locks nothing: a challenge comes so soon that what the operator had at stake
/// when it signed cannot have left by then.
contract ConversationContract is IConversation, Requests, EIP712 {
    /// @dev What only a conversation has.
    struct Talk {
        bytes32 model;
        bytes32 transcript;
        uint256 caseId;
    }

    bytes32 public constant WRONG = "conversation wrong";
    bytes32 public constant CONTRADICTED = "conversation contradicted";
    /// @notice How long after its answer a paid conversation can be challenged.
    uint48 public constant CHALLENGE_WINDOW = 3 days;
    /// @notice How long a case can be voted on.
    uint48 public constant VOTING = 5 days;
    /// @dev To carry a verdict out, while the stake is locked.
    uint48 private constant CARRY_OUT = 2 days;
    uint48 private constant MOST_FREE = 7 days;
    /// @notice Wei of ETH that a user's first open case costs as a bond, besides a part of the penalty.
    uint256 public constant MINIMUM_BOND = 0.001 ether;
    uint256 private constant PENALTY_PARTS = 10;
    bytes32 private constant RECEIPT_TYPE = keccak256(
        "Receipt(uint256 networkId,uint256 requestId,address user,address operator,bytes32 model,bytes32 adapter,"
        "bytes32 transcript,uint96 penalty,uint48 issued)"
    );

    IHFL public immutable HFL;
    /// @notice How long after it was issued the receipt of a free conversation can be challenged: no longer than what stood
    /// behind the operator then is sure to be there, also if it was restaked and left at once.
    uint48 public immutable FREE_WINDOW;

    /// @inheritdoc IConversation
    uint256 public caseCount;
    /// @inheritdoc IConversation
    mapping(bytes32 digest => uint256 caseId) public caseOfReceipt;
    /// @inheritdoc IConversation
    mapping(address user => uint256 cases) public openCasesOf;
    /// @inheritdoc IConversation
    mapping(uint256 caseId => mapping(address account => Vote vote)) public voteOf;
    mapping(uint256 id => Talk talk) private _talks;
    mapping(uint256 caseId => Case case_) private _cases;

    constructor(
        IStakes stakes,
        INetworkRegistry networks
    )
        Requests(stakes, networks, "conversation late", CHALLENGE_WINDOW + VOTING + CARRY_OUT)
        EIP712("twopm-zk conversation", "1")
    {
        HFL = networks.HFL();
        uint64 window = stakes.unlockedFor(VOTING + CARRY_OUT);
        FREE_WINDOW = window < MOST_FREE ? uint48(window) : MOST_FREE;
    }

    /// @inheritdoc IConversation
    function offer(uint256 networkId, bytes32 model) external {
        INetworkRegistry.Network memory network = NETWORKS.networkOf(networkId);
        if (network.model != INetworkRegistry.Model.HFL) revert NoModel(network.taskId);
        if (model == 0) revert EmptyDigest();
        _offers[networkId][msg.sender] = uint256(model);
        emit Offered(msg.sender, networkId, model);
    }

    /// @inheritdoc IConversation
    function ask(
        uint256 networkId,
        address operator,
        bytes32 model,
        bytes32 prompt,
        uint128 maximumFee
    ) external payable nonReentrant returns (uint256 id) {
        bytes32 offered = bytes32(_offered(networkId, operator));
        if (offered != model) revert OtherModel(offered, model);
        INetworkRegistry.Network memory network = _askable(networkId, maximumFee);
        bytes32 adapter = _adapter(networkId, network);

        uint128 fee = network.terms.fee;
        uint48 deadline;
        (id, deadline) = _question(networkId, network.terms, operator, 0, uint256(adapter), 1);
        _items[id] = Item(State.Asked, deadline, 0, uint64(id), false, uint256(prompt));
        _talks[id].model = model;
        emit Asked(networkId, msg.sender, operator, id, model, adapter, prompt, fee, deadline);
        _collect(network.token, fee);
    }

    /// @inheritdoc IConversation
    function answer(uint256 id, bytes32 transcript) external {
        (Item storage item, Question storage question) = _find(id, State.Accepted);
        if (msg.sender != question.operator) revert NotTheOperator(id, msg.sender);
        if (block.timestamp > item.deadline) revert DeadlinePassed(item.deadline);
        if (transcript == 0) revert EmptyDigest();

        uint48 deadline = uint48(block.timestamp) + CHALLENGE_WINDOW;
        item.state = State.Answered;
        item.deadline = deadline;
        _talks[id].transcript = transcript;
        emit Answered(id, msg.sender, transcript, deadline);
    }

    /// @inheritdoc IConversation
    function settle(uint256 id) external nonReentrant {
        (Item storage item, Question storage question) = _find(id, State.Answered);
        if (block.timestamp <= item.deadline) revert DeadlineNotReached(item.deadline);
        _settle(id, item, question);
    }

    /// @inheritdoc IConversation
    function challenge(uint256 id) external payable nonReentrant returns (uint256 caseId) {
        (Item storage item, Question storage question) = _challengeable(id);
        if (msg.sender != question.user) revert NotTheUser(id, msg.sender);
        Talk storage talk = _talks[id];
        item.state = State.Challenged;
        caseId = _open(
            Receipt({
                networkId: question.networkId,
                requestId: id,
                user: msg.sender,
                operator: question.operator,
                model: talk.model,
                adapter: bytes32(question.model),
                transcript: talk.transcript,
                penalty: question.penalty,
                issued: 0
            })
        );
        talk.caseId = caseId;
    }

    /// @inheritdoc IConversation
    function challengeReceipt(
        Receipt calldata receipt,
        bytes calldata signature
    ) external payable nonReentrant returns (uint256 caseId) {
        if (receipt.requestId != 0) revert NotFree(receipt.requestId);
        if (msg.sender != receipt.user) revert NotTheUser(0, msg.sender);
        uint48 issued = receipt.issued;
        if (issued > block.timestamp) revert IssuedLater(issued);
        if (block.timestamp > uint256(issued) + FREE_WINDOW) revert DeadlinePassed(issued + FREE_WINDOW);
        bytes32 digest = digestOf(receipt);
        if (caseOfReceipt[digest] != 0) revert AlreadyChallenged(caseOfReceipt[digest]);
        _requireSigned(receipt.operator, digest, signature);

        caseId = _open(receipt);
        caseOfReceipt[digest] = caseId;
        STAKES.lock(receipt.operator, uint48(block.timestamp) + VOTING + CARRY_OUT);
    }

    /// @inheritdoc IConversation
    function proveContradiction(
        uint256 id,
        Receipt calldata receipt,
        bytes calldata signature
    ) external nonReentrant returns (uint256 slashed) {
        (Item storage item, Question storage question) = _challengeable(id);
        bytes32 answered = _talks[id].transcript;
        address operator = question.operator;
        if (receipt.requestId != id || receipt.operator != operator || receipt.transcript == answered) {
            revert NoContradiction(id);
        }
        _requireSigned(operator, digestOf(receipt), signature);
        _requireSlashGas();

        item.state = State.Wrong;
        _release(question);
        _refund(id, question);
        slashed = _slash(operator, question.penalty, CONTRADICTED);
        emit ContradictionProven(id, operator, receipt.transcript, answered, slashed);
    }

    /// @inheritdoc IConversation
    function vote(uint256 caseId, bool right) external {
        Case storage case_ = _openCase(caseId);
        if (block.timestamp > case_.deadline) revert DeadlinePassed(case_.deadline);
        bool party = msg.sender == case_.user || msg.sender == case_.operator;
        if (party || !_isVoter(case_.networkId, msg.sender)) revert NotAVoter(caseId, msg.sender);
        if (voteOf[caseId][msg.sender] != Vote.None) revert AlreadyVoted(caseId, msg.sender);

        voteOf[caseId][msg.sender] = right ? Vote.Right : Vote.Wrong;
        if (right) ++case_.right;
        else ++case_.wrong;
        emit Voted(caseId, msg.sender, right);
    }

    /// @inheritdoc IConversation
    function decide(uint256 caseId) external nonReentrant returns (uint256 slashed) {
        Case storage case_ = _openCase(caseId);
        uint256 voters = case_.voters;
        Verdict verdict = Verdict.Undecided;
        if (2 * uint256(case_.right) > voters) {
            verdict = Verdict.Right;
        } else if (2 * uint256(case_.wrong) > voters) {
            verdict = Verdict.Wrong;
            _requireSlashGas();
        } else if (block.timestamp <= case_.deadline) {
            revert DeadlineNotReached(case_.deadline);
        }

        case_.verdict = verdict;
        address operator = case_.operator;
        --openCasesOf[case_.user];
        _owe(verdict == Verdict.Right ? operator : case_.user, false, case_.bond);
        if (case_.requestId != 0) _end(case_.requestId, verdict);
        if (verdict == Verdict.Wrong) slashed = _slash(operator, case_.penalty, WRONG);
        emit Decided(caseId, verdict, slashed);
    }

    /// @inheritdoc IConversation
    function offerOf(uint256 networkId, address operator) external view returns (bytes32 model) {
        return bytes32(_offers[networkId][operator]);
    }

    /// @inheritdoc IConversation
    function adapterOf(uint256 networkId) external view returns (bytes32 adapter) {
        return _adapter(networkId, NETWORKS.networkOf(networkId));
    }

    /// @inheritdoc IConversation
    function requestOf(uint256 id) external view returns (Request memory request) {
        Item storage item = _items[id];
        if (item.state == State.None) return request;
        Question storage question = _questions[id];
        Talk storage talk = _talks[id];
        INetworkRegistry.Network memory network = NETWORKS.networkOf(question.networkId);
        request.user = question.user;
        request.state = item.state;
        request.deadline = item.deadline;
        request.operator = question.operator;
        request.networkId = question.networkId;
        request.taskId = network.taskId;
        request.model = talk.model;
        request.adapter = bytes32(question.model);
        request.prompt = bytes32(item.input);
        request.transcript = talk.transcript;
        request.caseId = talk.caseId;
        request.token = network.token;
        request.fee = question.fee;
        request.operatorStake = question.operatorStake;
        request.penalty = question.penalty;
        request.answerSeconds = question.answerSeconds;
    }

    /// @inheritdoc IConversation
    function caseOf(uint256 caseId) external view returns (Case memory) {
        return _cases[caseId];
    }

    /// @inheritdoc IConversation
    function bondOf(address user, uint96 penalty) public view returns (uint256) {
        return (MINIMUM_BOND + penalty / PENALTY_PARTS) * (1 + openCasesOf[user]);
    }

    /// @inheritdoc IConversation
    function digestOf(Receipt calldata receipt) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(RECEIPT_TYPE, receipt)));
    }

    /// @dev All members of a receipt are words, so that its encoding is that of EIP-712.
    function _open(Receipt memory receipt) private returns (uint256 caseId) {
        INetworkRegistry.Network memory network = NETWORKS.networkOf(receipt.networkId);
        _adapter(receipt.networkId, network); // without a complete network there are no voters
        uint256 bond = bondOf(msg.sender, receipt.penalty);
        if (msg.value < bond) revert BondTooLow(msg.value, bond);
        uint24 voters = network.enrolled;
        if (_isVoter(receipt.networkId, receipt.user)) --voters;
        if (receipt.operator != receipt.user && _isVoter(receipt.networkId, receipt.operator)) --voters;
        if (voters == 0) revert NoVoters(receipt.networkId); // or every answer would be undecided, and cost nothing

        uint48 deadline = uint48(block.timestamp) + VOTING;
        caseId = ++caseCount;
        ++openCasesOf[msg.sender];
        _cases[caseId] = Case({
            user: msg.sender,
            deadline: deadline,
            networkId: uint48(receipt.networkId),
            operator: receipt.operator,
            penalty: receipt.penalty,
            bond: uint128(msg.value),
            requestId: uint48(receipt.requestId),
            voters: voters,
            right: 0,
            wrong: 0,
            verdict: Verdict.Open,
            transcript: receipt.transcript
        });
        emit Challenged(
            caseId,
            receipt.networkId,
            receipt.operator,
            msg.sender,
            receipt.requestId,
            receipt.model,
            receipt.adapter,
            receipt.transcript,
            uint128(msg.value),
            voters,
            deadline
        );
    }

    function _end(uint256 id, Verdict verdict) private {
        (Item storage item, Question storage question) = _find(id, State.Challenged);
        if (verdict == Verdict.Right) {
            _settle(id, item, question);
            return;
        }
        item.state = verdict == Verdict.Wrong ? State.Wrong : State.Refunded;
        _release(question);
        _refund(id, question);
    }

    function _settle(uint256 id, Item storage item, Question storage question) private {
        item.state = State.Settled;
        address operator = question.operator;
        _release(question);
        emit Settled(id, operator);
        if (question.fee != 0) _divide(question.networkId, operator, question.fee, item.restaked);
    }

    function _requireAnswerable(Question storage) internal view override {} // solhint-disable-line no-empty-blocks

    function _isVoid(Question storage) internal view override returns (bool) {
        return false;
    }

    function _challengeable(uint256 id) private view returns (Item storage item, Question storage question) {
        (item, question) = _find(id, State.Answered);
        if (block.timestamp > item.deadline) revert DeadlinePassed(item.deadline);
    }

    function _openCase(uint256 caseId) private view returns (Case storage case_) {
        case_ = _cases[caseId];
        if (case_.verdict != Verdict.Open) revert CaseNotOpen(caseId, case_.verdict);
    }

    /// @dev The last result of a finished task, which stays. Reverts where a network cannot be talked to.
    function _adapter(
        uint256 networkId,
        INetworkRegistry.Network memory network
    ) private view returns (bytes32 adapter) {
        if (network.model != INetworkRegistry.Model.HFL) revert NoModel(network.taskId);
        if (!network.complete) revert NotComplete(networkId);
        (, adapter) = HFL.latestOf(network.taskId);
    }

    function _isVoter(uint256 networkId, address account) private view returns (bool) {
        return NETWORKS.updatesOf(networkId, account) != 0;
    }

    /// @dev An account's own signature counts also where it has code by now (EIP-7702): it cannot take that back.
    function _requireSigned(address operator, bytes32 digest, bytes calldata signature) private view {
        (address signer, ECDSA.RecoverError failure, ) = ECDSA.tryRecoverCalldata(digest, signature);
        if (failure == ECDSA.RecoverError.NoError && signer == operator) return;
        if (!SignatureChecker.isValidERC1271SignatureNowCalldata(operator, digest, signature)) {
            revert NotSigned(operator);
        }
    }
}
