// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFees} from "./IFees.sol";

/// @title Proven predictions of certified models, for a fee
/// @notice A user with enough stake asks an operator of a network for predictions of committed inputs, pays the fee, and hands
/// the operator the inputs off chain. The operator accepts, which shows that it has them, and answers each with a `predict`
/// proof before a deadline. Then the fee is divided; in every other case it is the user's again.
///
/// An operator that accepted and did not answer can be slashed by anyone; one that never accepts cannot, because the chain does
/// not see whether it was given the input. Each request that is accepted and not answered has a stake of its own behind it.
///
/// A request names the verifier that will check its answer. Where that is retired from the registry meanwhile, nothing is
/// accepted or answered by it, and nobody is late.
interface IInference is IFees {
    enum State {
        None,
        Asked,
        Accepted,
        Answered,
        Late,
        Refunded
    }

    struct Request {
        address user;
        State state;
        /// @dev To accept, then to answer; seconds since 1970.
        uint48 deadline;
        address operator;
        /// @dev In units of 2^-16, once answered.
        uint32 prediction;
        uint256 networkId;
        uint256 taskId;
        uint256 modelCommitment;
        uint256 inputCommitment;
        uint256 verifierId;
        address verifier;
        /// @dev The fee is in the deployment's token, else in ETH.
        bool token;
        uint128 fee;
        /// @dev As the network's terms were when it was asked.
        uint96 operatorStake;
        uint96 penalty;
        uint32 answerSeconds;
    }

    event Offered(
        address indexed operator,
        uint256 indexed networkId,
        uint256 verifierId,
        address verifier,
        bool insecure,
        bytes32 codeHash
    );
    event OfferWithdrawn(address indexed operator, uint256 indexed networkId);
    event Asked(
        uint256 indexed networkId,
        address indexed user,
        address indexed operator,
        uint256 id,
        uint256 verifierId,
        uint256 modelCommitment,
        uint256 inputCommitment,
        uint128 fee,
        uint48 deadline
    );
    event Accepted(uint256 indexed id, address indexed operator, uint48 deadline);
    event Answered(uint256 indexed id, address indexed operator, uint32 prediction);
    event OperatorLate(uint256 indexed id, address indexed operator, uint256 slashed);
    event Refunded(uint256 indexed id, address indexed user, uint128 fee);

    error NoModel(uint256 taskId);
    error NotCertified(uint256 taskId);
    error NotComplete(uint256 networkId);
    error NetworkIsClosed(uint256 networkId);
    error WrongVerifier(uint256 id);
    error OtherVerifier(uint256 offered, uint256 expected);
    error NotOffered(address operator, uint256 networkId);
    error WrongNumberOfInputs(uint256 count, uint256 limit);
    error FeeTooHigh(uint256 fee, uint256 maximum);
    error StakeTooLow(address account, uint256 stake, uint256 minimum);
    error WrongState(uint256 id, State state);
    error NotTheOperator(uint256 id, address account);
    error NotTheUser(uint256 id, address account);
    error StillDue(uint256 id);
    error DeadlinePassed(uint48 deadline);
    error DeadlineNotReached(uint48 deadline);
    error TooLittleGas(uint256 left, uint256 needed);

    /// @notice Offer predictions of a network's model, proven for the registry's verifier `verifierId`, which is one of the
    /// model's family, size and format. One verifier at a time.
    function offer(uint256 networkId, uint256 verifierId) external;

    /// @notice Take no new requests; what was asked stays.
    function withdrawOffer(uint256 networkId) external;

    /// @notice Ask `operator` for predictions of the network's model, one for each input, and pay for them: in ETH with the
    /// call, in the token by an allowance. The inputs go to it off chain.
    /// @param verifierId The verifier that the user expects, so that the operator cannot change it meanwhile.
    /// @param maximumFee The most that the user pays for an input, so that the network's owner cannot raise it meanwhile.
    /// @return firstId Of the first input; those of the others follow.
    function ask(
        uint256 networkId,
        address operator,
        uint256 verifierId,
        uint256[] calldata inputCommitments,
        uint128 maximumFee
    ) external payable returns (uint256 firstId);

    /// @notice Accept requests, all or none, as their operator: from now on answers are due.
    function accept(uint256[] calldata ids) external;

    /// @notice Answer an accepted request, and divide its fee; anyone may bring the operator's proof.
    /// @dev Public inputs, in circuit order: [modelCommitment, inputCommitment, prediction].
    function answer(uint256 id, uint32 prediction, uint256[24] calldata proof) external;

    /// @notice Give the user its fee back: by the user as long as nobody has accepted, by anyone after the deadline for that, or
    /// where the verifier of an accepted request was retired.
    function refund(uint256 id) external;

    /// @notice Slash an operator that accepted and did not answer in time, and give the user its fee back.
    function slashLate(uint256 id) external returns (uint256 slashed);

    function requestOf(uint256 id) external view returns (Request memory);

    function requestCount() external view returns (uint256);

    /// @notice The registry's verifier by which an operator offers to answer, 0 for none.
    function offerOf(uint256 networkId, address operator) external view returns (uint256 verifierId);

    /// @notice Wei of ETH that an operator's accepted requests need as its stake.
    function obligationsOf(address operator) external view returns (uint256);
}
