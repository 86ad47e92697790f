// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputes} from "./IDisputes.sol";
import {IPlonkVerifier3} from "./IPlonkVerifier3.sol";
import {IVerifierRegistry} from "./IVerifierRegistry.sol";

/// @title Horizontal regression, logistic or linear: weights are accepted only with proofs
/// @notice Every update is proven by its node (`step`, `information` or `evaluate`), the next weights (`aggregate`) and how
/// near the final weights are to the optimum (`certify`) by whoever reads the shared sum off the chain: first the
/// coordinator, after its deadline anybody. What a proof is about comes from the contract's own state, so that none can be
/// used in another round, attempt, task, contract or chain.
///
/// Each collection is a round of its own, of one statement at one model; a round of `information` before the certificate is
/// followed by one of `step` at the same weights.
///
/// After the certificate a task that wants statistics collects, at the certified weights and each at most once:
/// `information`, unless the weights have not moved and it was collected before, `evaluate` over its data set, `evaluate` over a
/// held-out one, whose batches were registered before the task's first round. Whatever becomes of these rounds, the certificate
/// stays: where one fails, anybody may end the task.
interface IHLR is IDisputes {
    /// @dev When sums for the step matrix are collected.
    enum Information {
        Never,
        BeforeTheFirstMove,
        BeforeEveryMove
    }

    struct TrainingConfig {
        IVerifierRegistry.Family family;
        uint16 features;
        /// @dev Regularisation, 24 bits of which 12 fractional. With 0 the weight bound must be below the format's own.
        uint24 lambda;
        /// @dev Largest magnitude of a weight, in its units of 2^-20; at most 2^31.
        uint32 weightBound;
        /// @dev Rows that a sum must count of which a move or a certificate is proven. Other sums are public, and whoever
        /// reads one sees its rows.
        uint32 minRows;
        /// @dev Largest gradient bound that finishes the task, in units of 2^-32 per row.
        uint32 gradientTarget;
        /// @dev Ids in the verifier registry; several sizes of step and, where they are collected, of information and
        /// evaluate. All three are of the task's family.
        uint256[] stepVerifiers;
        uint256[] informationVerifiers;
        uint256[] evaluateVerifiers;
        Information information;
        uint256 aggregateVerifier;
        uint256 certifyVerifier;
        /// @dev keccak256(abi.encode(uint256[])) of the generators of each statement: x and y one after another, one generator
        /// for each scalar of a vector, the blinding's last.
        bytes32 gradientGenerators;
        bytes32 informationGenerators;
        bytes32 evaluationGenerators;
        /// @dev What is collected after the certificate: information, unless it is there already, as where it is collected
        /// before every move, or once in the gaussian family, whose information is the same at all weights; an evaluation over the task's data set; one over the data set that nodes have registered under this name,
        /// 0 for none.
        bool finalInformation;
        bool evaluation;
        bytes32 heldOutDataset;
        /// @dev Features in column order, the intercept last, 32 bits of which 20 fractional.
        int32[] initialWeights;
    }

    struct Training {
        uint256 taskKey;
        uint256 modelCommitment;
        /// @dev Commitment to the step matrix of the last move; 0 before the first.
        uint256 matrixHash;
        bytes32 gradientGenerators;
        bytes32 informationGenerators;
        bytes32 evaluationGenerators;
        bytes32 heldOutDataset;
        // one slot, which `certify` writes
        uint16 weights;
        uint24 lambda;
        uint32 weightBound;
        uint32 minRows;
        uint32 gradientBound;
        /// @dev What the present round collects: Step, Information or Evaluate.
        IVerifierRegistry.Statement collected;
        IVerifierRegistry.Family family;
        /// @dev The present round collects from `heldOutDataset`, and not from the task's data set.
        bool heldOut;
        /// @dev Fractional bits of a feature, as the task's verifiers have them.
        uint8 fractionalBits;
        /// @dev Key of the certified attempt, 0 before there is a certificate.
        uint64 certifiedKey;
        /// @dev Nodes in the set of that attempt.
        uint24 certifiedNodes;
        IPlonkVerifier3 aggregate;
        /// @dev Block in which the task's first round opened: held-out batches are registered before it, so that none is picked
        /// to fit weights that are known.
        uint64 firstOpenedAt;
        Information information;
        IPlonkVerifier3 certify;
        uint32 gradientTarget;
        bool finalInformation;
        bool evaluation;
        /// @dev Whether `heldOutDataset` names one.
        bool heldOutEvaluation;
    }

    event VerifierFixed(
        uint256 indexed taskId,
        uint256 indexed id,
        address verifier,
        uint32 size,
        bool insecure,
        bytes32 codeHash
    );
    /// @param proof Of the move, all zero for the first weights. Here and in `Certified` it is said so that anybody can check
    /// it again, though a contract has called.
    event ModelPublished(
        uint256 indexed taskId,
        uint32 indexed round,
        int32[] weights,
        uint256 matrixHash,
        uint256[24] proof
    );
    /// @param heldOut Updates are of the task's held-out data set, and not of the one that {TaskCreated} names.
    event AttemptModel(
        uint256 indexed taskId,
        uint32 indexed round,
        uint32 attempt,
        IVerifierRegistry.Statement collected,
        bool heldOut,
        uint256 modelCommitment
    );
    /// @dev With all that the proof was checked against, so that anybody can check it again, however it was handed in.
    event UpdateAccepted(
        uint256 indexed taskId,
        uint32 indexed round,
        uint32 attempt,
        address indexed node,
        uint256 data,
        uint256 x,
        uint256 y,
        uint256 position,
        uint32 size,
        uint256 index,
        uint256[24] proof
    );
    /// @dev The sum of all openings of a round of information or evaluate, modulo the subgroup's order; it opens the round's
    /// point.
    event SumOpened(uint256 indexed taskId, uint32 indexed round, IVerifierRegistry.Statement collected, uint256[] sum);
    event Certified(
        uint256 indexed taskId,
        uint32 indexed round,
        uint256 modelCommitment,
        uint32 gradientBound,
        uint256[24] proof
    );

    error WrongVerifier(uint256 id);
    error InvalidTraining(string field);
    error NoVerifierOfSize(uint256 taskId, IVerifierRegistry.Statement statement, uint32 size);
    error IdentityPoint();
    error WrongCollection(IVerifierRegistry.Statement collected);
    error SumDoesNotOpen(uint256 taskId);
    error WrongNumberOfWeights(uint256 count, uint256 expected);
    error WeightOutOfBound(int32 weight, uint32 bound);
    error BoundTooLoose(uint256 gradientBound, uint256 target);

    function createTask(TaskConfig calldata config, TrainingConfig calldata training) external returns (uint256 taskId);

    /// @notice Hand in a proven update for the batch registered under the sender's `index`, in the data set that the round
    /// collects from; a node goes through its batches in ascending order.
    /// @dev Public inputs, in circuit order: [modelCommitment, dataCommitment, y].
    /// @param size Rows of the instance that proved it.
    /// @param x The update's point is (x, y), x below 2^252.
    function submitUpdate(
        uint256 taskId,
        uint32 size,
        uint256 index,
        uint256 x,
        uint256 y,
        uint256[24] calldata proof
    ) external;

    /// @notice Accept the next weights and open the next round. By the coordinator, after its deadline by any node of the set:
    /// the move's matrix is its own choice, so it is nobody's who has nothing at stake.
    /// @dev Public inputs, in circuit order: [modelCommitment, hash of the round's point, nextModelCommitment], the last
    /// recomputed from `weights`.
    /// @param matrixHash Commitment to the step matrix of this move.
    function acceptWeights(
        uint256 taskId,
        int32[] calldata weights,
        uint256 matrixHash,
        uint256[24] calldata proof
    ) external;

    /// @notice Certify the task: the present weights are final, with this bound on the gradient. The task is finished, or goes
    /// on with the rounds of its statistics; see {IHLR}. By the coordinator, after its deadline by anybody.
    /// @dev Public inputs, in circuit order: [modelCommitment, hash of the round's point, gradientBound].
    function certify(uint256 taskId, uint32 gradientBound, uint256[24] calldata proof) external;

    /// @notice Open the sum of a round of information or evaluate, and the round after it at the same weights; after the last
    /// one of a certified task it is finished. By the coordinator, after its deadline by anybody.
    /// @param sum The sum of all shared vectors, modulo the subgroup's order: the contract checks that it opens the round's
    /// point.
    /// @param generators As the task has their hash.
    function proceed(uint256 taskId, uint256[] calldata sum, uint256[] calldata generators) external;

    function trainingOf(uint256 taskId) external view returns (Training memory);

    /// @notice The present weights: features in column order, the intercept last, in units of 2^-20.
    function weightsOf(uint256 taskId) external view returns (int32[] memory);

    /// @notice The certificate of a task: the key of its attempt, 0 for none, the nodes whose updates are in its sum, and the
    /// commitment to the present weights, which move no more.
    function certificateOf(uint256 taskId) external view returns (uint64 key, uint24 nodes, uint256 modelCommitment);

    /// @notice A node's accepted updates in the sum that was certified, whatever the node did in later rounds; 0 for who has
    /// none in it. Over all nodes these are the sum's updates.
    function creditOf(uint256 taskId, address node) external view returns (uint256 updates);
}
