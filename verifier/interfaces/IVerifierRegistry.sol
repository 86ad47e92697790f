// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Which generated contract verifies which instance of which statement
/// @notice The owner adds entries and retires them; none is ever changed. A task copies the addresses when it is created,
/// so that nothing that happens here reaches a running task.
interface IVerifierRegistry {
    enum Statement {
        None,
        Step,
        Information,
        Aggregate,
        Certify,
        Predict,
        Evaluate
    }

    /// @dev How labels follow from the linear predictor: by a sigmoid, or with a normal error around it.
    enum Family {
        Logistic,
        Gaussian
    }

    struct Entry {
        address verifier;
        Statement statement;
        /// @dev Logistic also where a statement is the same for all: Aggregate and Certify.
        Family family;
        /// @dev Rows of a step, an information or an evaluate, 0 for the others.
        uint32 size;
        uint16 features;
        /// @dev Fractional bits of a feature.
        uint8 fractionalBits;
        /// @dev log2 of the noise that each sum of an update may carry, in units of its statement; 0 where there is none.
        uint8 noise;
        /// @dev The proving key's secret may be known: proofs mean nothing outside of development.
        bool insecure;
        bool retired;
        bytes32 codeHash;
    }

    event VerifierAdded(
        uint256 indexed id,
        Statement indexed statement,
        Family family,
        address verifier,
        uint32 size,
        uint16 features,
        uint8 fractionalBits,
        uint8 noise,
        bool insecure,
        bytes32 codeHash
    );
    event VerifierRetired(uint256 indexed id);

    error NoCode(address verifier);
    error NoStatement();
    error UnknownVerifier(uint256 id);
    error RetiredVerifier(uint256 id);

    /// @notice Add a verifier; ids count from 1.
    function add(
        Statement statement,
        Family family,
        uint32 size,
        uint16 features,
        uint8 fractionalBits,
        uint8 noise,
        bool insecure,
        address verifier
    ) external returns (uint256 id);

    /// @notice Keep an entry from being used by new tasks.
    function retire(uint256 id) external;

    /// @notice An entry that can be used; reverts for one that is unknown or retired.
    function usable(uint256 id) external view returns (Entry memory);

    function entryOf(uint256 id) external view returns (Entry memory);

    function count() external view returns (uint256);
}
