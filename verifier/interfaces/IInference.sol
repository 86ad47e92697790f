// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPlonkVerifier3} from "./IPlonkVerifier3.sol";

/// @title Proven predictions of trained models
/// @notice A user with enough stake asks an operator for a prediction of a committed input, and hands the operator the input
/// off chain. The operator accepts, which shows that it has the input, and answers with a `predict` proof before a deadline.
/// An operator that accepted and did not answer can be slashed by anyone; one that never accepts cannot, because the chain
/// does not see whether it was given the input.
interface IInference {
    enum State {
        None,
        Asked,
        Accepted,
        Answered,
        Late
    }

    struct Request {
        address user;
        State state;
        /// @dev To accept, then to answer; seconds since 1970.
        uint64 deadline;
        address operator;
        /// @dev In units of 2^-16, once answered.
        uint32 prediction;
        uint256 taskId;
        uint256 modelCommitment;
        uint256 inputCommitment;
        IPlonkVerifier3 verifier;
    }

    event Offered(address indexed operator, uint256 indexed taskId, address verifier, bool insecure, bytes32 codeHash);
    event OfferWithdrawn(address indexed operator, uint256 indexed taskId);
    event Asked(
        uint256 indexed id,
        address indexed user,
        address indexed operator,
        uint256 taskId,
        uint256 modelCommitment,
        uint256 inputCommitment,
        uint64 deadline
    );
    event Accepted(uint256 indexed id, address indexed operator, uint64 deadline);
    event Answered(uint256 indexed id, address indexed operator, uint32 prediction);
    event OperatorLate(uint256 indexed id, address indexed operator, uint256 slashed);

    error NoModel(uint256 taskId);
    error WrongVerifier(uint256 id);
    error NotOffered(address operator, uint256 taskId);
    error StakeTooLow(address account, uint256 stake, uint256 minimum);
    error WrongState(uint256 id, State state);
    error NotTheOperator(uint256 id, address account);
    error DeadlinePassed(uint64 deadline);
    error DeadlineNotReached(uint64 deadline);

    /// @notice Offer predictions of a task's model, proven for the registry's verifier `verifierId`, which is
    /// one of the model's family.
    function offer(uint256 taskId, uint256 verifierId) external;

    /// @notice Take no new requests; what was accepted stays.
    function withdrawOffer(uint256 taskId) external;

    /// @notice Ask `operator` for a prediction of the task's present model. The input goes to it off chain.
    function ask(uint256 taskId, address operator, uint256 inputCommitment) external returns (uint256 id);

    /// @notice Accept a request, as its operator: from now on an answer is due.
    function accept(uint256 id) external;

    /// @notice Answer an accepted request; anyone may bring the operator's proof.
    /// @dev Public inputs, in circuit order: [modelCommitment, inputCommitment, prediction].
    function answer(uint256 id, uint32 prediction, uint256[24] calldata proof) external;

    /// @notice Slash an operator that accepted and did not answer in time, once.
    function slashLate(uint256 id) external returns (uint256 slashed);

    function requestOf(uint256 id) external view returns (Request memory);

    function requestCount() external view returns (uint256);
}
