// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRequests} from "./IRequests.sol";

/// @title Conversations with a network's model: receipts, fees, and a vote over answers that do not follow
/// @notice A language model in exact integers gives the same answer to the same prompt and seed on every machine. No proof
/// comes with it: an operator signs a receipt for what it answered (EIP-712), and who doubts it has the network's nodes execute
/// the conversation again. The chain sees commitments alone: to what is asked, and to the transcript of the whole. **Voters
/// read the conversation of a challenge.**
///
/// A network can be talked to once it is complete: the task is one of HFLContract and finished, its last result is the
/// model's adapter, and all nodes that made that result are enrolled. These are the voters, but for the parties of a case.
/// None of them comes or goes later.
///
/// A conversation is asked for here and paid (see {IRequests}), or free, with nothing on the chain unless its user challenges
/// the receipt. An answer is right where somebody has shown the voters a transcript with its digest, of the model, the adapter
/// and the question that were asked for, of which each token follows. Who has to show it: of a paid answer its operator,
/// which keeps the transcript until nobody can challenge it any more, and with none shown the answer is wrong; of a free one
/// its user, and with none shown the answer is right. More than half of all voters decide. Otherwise nothing is decided: fee
/// and bond go back, and nobody is slashed.
interface IConversation is IRequests {
    /// @dev What an operator signs. A receipt keeps its terms.
    struct Receipt {
        uint256 networkId;
        /// @dev 0 for a free conversation.
        uint256 requestId;
        address user;
        address operator;
        /// @dev Digest of the base model.
        bytes32 model;
        /// @dev Hash of the result that is the network's adapter.
        bytes32 adapter;
        /// @dev Digest of the transcript: it commits to prompt, seed, temperature, limit and answer.
        bytes32 transcript;
        /// @dev Wei of ETH that the operator loses where the answer is wrong.
        uint96 penalty;
        /// @dev Seconds since 1970.
        uint48 issued;
    }

    struct Request {
        address user;
        State state;
        /// @dev To accept, to answer, then to challenge; seconds since 1970.
        uint48 deadline;
        address operator;
        uint256 networkId;
        uint256 taskId;
        bytes32 model;
        bytes32 adapter;
        /// @dev Commitment to all that the answer follows from.
        bytes32 prompt;
        /// @dev Once answered.
        bytes32 transcript;
        /// @dev 0 as long as nobody has challenged the answer.
        uint256 caseId;
        /// @dev The fee is in the deployment's token, else in ETH.
        bool token;
        uint128 fee;
        /// @dev As the network's terms were when it was asked.
        uint96 operatorStake;
        uint96 penalty;
        uint32 answerSeconds;
    }

    enum Verdict {
        None,
        Open,
        Right,
        Wrong,
        Undecided
    }

    enum Vote {
        None,
        Right,
        Wrong
    }

    struct Case {
        address user;
        /// @dev To vote.
        uint48 deadline;
        uint48 networkId;
        address operator;
        uint96 penalty;
        /// @dev Wei of ETH.
        uint128 bond;
        /// @dev 0 for a free conversation.
        uint48 requestId;
        /// @dev How many may vote, and their votes so far.
        uint24 voters;
        uint24 right;
        uint24 wrong;
        Verdict verdict;
        bytes32 transcript;
    }

    event Offered(address indexed operator, uint256 indexed networkId, bytes32 model);
    event Asked(
        uint256 indexed networkId,
        address indexed user,
        address indexed operator,
        uint256 id,
        bytes32 model,
        bytes32 adapter,
        bytes32 prompt,
        uint128 fee,
        uint48 deadline
    );
    /// @param deadline To challenge it.
    event Answered(uint256 indexed id, address indexed operator, bytes32 transcript, uint48 deadline);
    event Settled(uint256 indexed id, address indexed operator);
    /// @param requestId 0 for a free conversation.
    /// @param deadline To vote.
    event Challenged(
        uint256 indexed caseId,
        uint256 indexed networkId,
        address indexed operator,
        address user,
        uint256 requestId,
        bytes32 model,
        bytes32 adapter,
        bytes32 transcript,
        uint128 bond,
        uint24 voters,
        uint48 deadline
    );
    event Voted(uint256 indexed caseId, address indexed voter, bool right);
    event Decided(uint256 indexed caseId, Verdict verdict, uint256 slashed);
    /// @param signed The transcript of the receipt.
    /// @param answered The transcript on the chain.
    event ContradictionProven(
        uint256 indexed id,
        address indexed operator,
        bytes32 signed,
        bytes32 answered,
        uint256 slashed
    );

    error OtherModel(bytes32 offered, bytes32 expected);
    error EmptyDigest();
    error NotFree(uint256 requestId);
    error NotSigned(address operator);
    error IssuedLater(uint48 issued);
    error AlreadyChallenged(uint256 caseId);
    error NoContradiction(uint256 id);
    error NoVoters(uint256 networkId);
    error BondTooLow(uint256 sent, uint256 bond);
    error CaseNotOpen(uint256 caseId, Verdict verdict);
    error NotAVoter(uint256 caseId, address account);
    error AlreadyVoted(uint256 caseId, address account);

    /// @notice Offer conversations with a network's model, on the base model of this digest. One at a time.
    function offer(uint256 networkId, bytes32 model) external;

    /// @notice Ask `operator` for an answer and pay for it: in ETH with the call, in the token by an allowance. What `prompt`
    /// commits to goes to it off chain.
    /// @param model The base model that the user expects, so that the operator cannot change it meanwhile.
    /// @param prompt Commitment to model, adapter, prompt, seed, temperature and limit.
    /// @param maximumFee The most that the user pays, so that the network's owner cannot raise it meanwhile.
    function ask(
        uint256 networkId,
        address operator,
        bytes32 model,
        bytes32 prompt,
        uint128 maximumFee
    ) external payable returns (uint256 id);

    /// @notice Answer an accepted request, as its operator, by the digest of the transcript. The user gets it off chain.
    function answer(uint256 id, bytes32 transcript) external;

    /// @notice Divide the fee of an answer that nobody has challenged in time. Anyone may.
    function settle(uint256 id) external;

    /// @notice Challenge a paid answer, as its user, with a bond of at least {bondOf}.
    function challenge(uint256 id) external payable returns (uint256 caseId);

    /// @notice Challenge the receipt of a free answer, as its user, with a bond of at least {bondOf}. Behind it is what stake
    /// the operator has by now, which is locked.
    function challengeReceipt(
        Receipt calldata receipt,
        bytes calldata signature
    ) external payable returns (uint256 caseId);

    /// @notice Show that the operator has signed another transcript for a request than the one that it answered with, as long
    /// as the answer can be challenged: the operator is slashed, and the user has its fee back. Anyone may.
    function proveContradiction(
        uint256 id,
        Receipt calldata receipt,
        bytes calldata signature
    ) external returns (uint256 slashed);

    /// @notice Say whether an answer is right, once, as a voter of its network that is no party of the case.
    function vote(uint256 caseId, bool right) external;

    /// @notice End a case that more than half of all voters agree on, or in which the time to vote is over. Anyone may.
    function decide(uint256 caseId) external returns (uint256 slashed);

    /// @notice The base model that an operator offers, 0 for none.
    function offerOf(uint256 networkId, address operator) external view returns (bytes32 model);

    /// @notice The adapter of a network that can be talked to; reverts for others.
    function adapterOf(uint256 networkId) external view returns (bytes32 adapter);

    function requestOf(uint256 id) external view returns (Request memory);

    function caseOf(uint256 caseId) external view returns (Case memory);

    /// @notice The case of a free receipt by its digest, 0 where nobody has challenged it.
    function caseOfReceipt(bytes32 digest) external view returns (uint256 caseId);

    function caseCount() external view returns (uint256);

    function voteOf(uint256 caseId, address account) external view returns (Vote);

    /// @notice A user's cases that are not decided: each makes the next one dearer.
    function openCasesOf(address user) external view returns (uint256);

    /// @notice The least that a challenge of `user` over `penalty` costs as a bond, in wei of ETH.
    function bondOf(address user, uint96 penalty) external view returns (uint256);

    /// @notice What the operator signs for a receipt.
    function digestOf(Receipt calldata receipt) external view returns (bytes32);
}
