// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRequests} from "./IRequests.sol";

/// @title Proven predictions of certified models, for a fee
/// @notice A request is about one committed input, and its answer comes with a `predict` proof; see {IRequests}.
///
/// A request names the verifier that will check its answer. Where that is retired from the registry meanwhile, nothing is
/// accepted or answered by it, and nobody is late.
interface IInference is IRequests {
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
    event Answered(uint256 indexed id, address indexed operator, uint32 prediction);

    error NotCertified(uint256 taskId);
    error WrongVerifier(uint256 id);
    error OtherVerifier(uint256 offered, uint256 expected);
    error WrongNumberOfInputs(uint256 count, uint256 limit);

    /// @notice Offer predictions of a network's model, proven for the registry's verifier `verifierId`, which is one of the
    /// model's family, size and format. One verifier at a time.
    function offer(uint256 networkId, uint256 verifierId) external;

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

    /// @notice Answer an accepted request, and divide its fee; anyone may bring the operator's proof.
    /// @dev Public inputs, in circuit order: [modelCommitment, inputCommitment, prediction].
    function answer(uint256 id, uint32 prediction, uint256[24] calldata proof) external;

    function requestOf(uint256 id) external view returns (Request memory);

    /// @notice The registry's verifier by which an operator offers to answer, 0 for none.
    function offerOf(uint256 networkId, address operator) external view returns (uint256 verifierId);
}
