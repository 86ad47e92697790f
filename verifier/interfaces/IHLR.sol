// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPlonkVerifier3} from "./IPlonkVerifier3.sol";
import {IRounds} from "./IRounds.sol";

/// @title Horizontal logistic regression: weights are accepted only with proofs
/// @notice Every update is proven by its node (`step`), their sum and the next weights by the coordinator (`fold`,
/// `aggregate`), and how near the final weights are to the optimum (`certify`). What a proof is about comes from the
/// contract's own state, so that none can be used in another round, attempt, task, contract or chain.
interface IHLR is IRounds {
    struct TrainingConfig {
        uint16 features;
        /// @dev Updates that one fold, aggregate or certify proof can open.
        uint16 slots;
        uint16 segments;
        /// @dev Regularisation, 24 bits of which 12 fractional. With 0 the weight bound must be below the format's own.
        uint24 lambda;
        /// @dev Largest magnitude of a weight, in its units of 2^-20; at most 2^31.
        uint32 weightBound;
        /// @dev Rows that an attempt must count, all nodes together.
        uint32 minRows;
        /// @dev Largest gradient bound that finishes the task, in units of 2^-32 per row.
        uint32 gradientTarget;
        /// @dev Commitment to the step matrix, and whether each move may replace it.
        uint256 matrixHash;
        bool matrixReplaceable;
        /// @dev Ids in the verifier registry; several sizes of step.
        uint256[] stepVerifiers;
        uint256 foldVerifier;
        uint256 aggregateVerifier;
        uint256 certifyVerifier;
        /// @dev Features in column order, the intercept last, 32 bits of which 20 fractional.
        int32[] initialWeights;
    }

    struct Training {
        uint256 taskKey;
        uint256 modelCommitment;
        /// @dev Digest of the present segment; what it holds from earlier segments and attempts does not count.
        uint256 digest;
        /// @dev Commitment to the sum of all folded segments, 0 for none.
        uint256 partialSum;
        uint256 matrixHash;
        uint16 weights;
        uint16 slots;
        uint16 folded;
        uint24 lambda;
        uint32 weightBound;
        uint32 minRows;
        uint32 gradientTarget;
        bool matrixReplaceable;
        bool certified;
        uint32 gradientBound;
        IPlonkVerifier3 fold;
        IPlonkVerifier3 aggregate;
        IPlonkVerifier3 certify;
    }

    event VerifierFixed(
        uint256 indexed taskId,
        uint256 indexed id,
        address verifier,
        uint32 size,
        bool insecure,
        bytes32 codeHash
    );
    event ModelPublished(uint256 indexed taskId, uint32 indexed round, int32[] weights, uint256 matrixHash);
    event AttemptModel(uint256 indexed taskId, uint32 indexed round, uint32 attempt, uint256 modelCommitment);
    /// @dev With all that the proof was checked against, so that anybody can check it again, however it was handed in.
    event UpdateAccepted(
        uint256 indexed taskId,
        uint32 indexed round,
        uint32 attempt,
        address indexed node,
        uint256 data,
        uint256 update,
        uint256 position,
        uint32 size,
        uint256 index,
        uint256[24] proof
    );
    event SegmentFolded(uint256 indexed taskId, uint32 indexed round, uint32 attempt, uint256 partialSum);
    event Certified(uint256 indexed taskId, uint32 indexed round, uint256 modelCommitment, uint32 gradientBound);

    error WrongVerifier(uint256 id);
    error InvalidTraining(string field);
    error NoVerifierOfSize(uint256 taskId, uint32 size);
    error SegmentsNotFolded(uint256 folded, uint256 needed);
    error NothingToFold(uint256 folded);
    error WrongNumberOfWeights(uint256 count, uint256 expected);
    error WeightOutOfBound(int32 weight, uint32 bound);
    error MatrixIsFixed(uint256 matrixHash);
    error BoundTooLoose(uint256 gradientBound, uint256 target);

    /// @notice Create a task. `config.maximumUpdates` must be `slots * segments`.
    function createTask(TaskConfig calldata config, TrainingConfig calldata training) external returns (uint256 taskId);

    /// @notice Hand in a proven update for the batch registered under the sender's `index`; a node goes through its batches
    /// in ascending order.
    /// @dev Public inputs, in circuit order: [modelCommitment, dataCommitment, updateCommitment].
    /// @param size Rows of the `step` instance that proved it.
    function submitUpdate(
        uint256 taskId,
        uint32 size,
        uint256 index,
        uint256 update,
        uint256[24] calldata proof
    ) external;

    /// @notice Fold the next full segment of a closed round into the partial sum. Only for the coordinator.
    /// @dev Public inputs, in circuit order: [partialBefore, segmentDigest, partialAfter].
    function foldSegment(uint256 taskId, uint256 partialAfter, uint256[24] calldata proof) external;

    /// @notice Accept the next weights and open the next round. Only for the coordinator.
    /// @dev Public inputs, in circuit order: [modelCommitment, updatesDigest, nextModelCommitment], the last recomputed from
    /// `weights`.
    /// @param matrixHash Commitment to the step matrix of this move: the task's, or any where it may be replaced.
    function acceptWeights(
        uint256 taskId,
        int32[] calldata weights,
        uint256 matrixHash,
        uint256[24] calldata proof
    ) external;

    /// @notice Finish the task: the present weights are final, with this bound on the gradient. Only for the coordinator.
    /// @dev Public inputs, in circuit order: [modelCommitment, updatesDigest, gradientBound].
    function certify(uint256 taskId, uint32 gradientBound, uint256[24] calldata proof) external;

    function trainingOf(uint256 taskId) external view returns (Training memory);

    /// @notice The present weights: features in column order, the intercept last, in units of 2^-20.
    function weightsOf(uint256 taskId) external view returns (int32[] memory);

    function modelCommitmentOf(uint256 taskId) external view returns (uint256);

    /// @notice What the present model commitment binds besides the weights.
    function contextOf(uint256 taskId) external view returns (uint256);

    /// @notice Digest of all updates of the present attempt, once all segments but the last are folded.
    function updatesDigestOf(uint256 taskId) external view returns (uint256);

    /// @notice Digest of one segment of the present attempt.
    function segmentDigestOf(uint256 taskId, uint256 segment) external view returns (uint256);

    function stepVerifierOf(uint256 taskId, uint32 size) external view returns (address);
}
