// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IEAS} from "./eas/IEAS.sol";

/// @title Which data were committed, by whom and when, who attests to them, and who has withdrawn them
/// @notice A data set is named by the hash of what its data are. An owner's commitment has one place for ever: it is never
/// rewritten and never removed. A task that asks for data registered before a round can therefore rely on it.
///
/// What others commit to is nothing to an owner: a commitment that is copied out of the queue of pending transactions keeps
/// nobody from registering it, and who copied it cannot open it.
interface IDataHub {
    /// @notice What the data of a data set are.
    /// @dev Issuers ascend by address, so that the same terms have one id. Without issuers, `attestationSchema` is 0.
    struct Terms {
        /// @dev Hash of the document that says what batches and their commitments follow from; not 0.
        bytes32 schema;
        /// @dev Rows that are kept out of training, to evaluate weights on them.
        bool heldOut;
        /// @dev UID in EAS of the schema that attestations have.
        bytes32 attestationSchema;
        /// @dev Whose attestations count: any one of them is enough. Empty where none is asked for.
        address[] issuers;
    }

    event DatasetOpened(
        bytes32 indexed dataset,
        bytes32 indexed schema,
        bool heldOut,
        bytes32 attestationSchema,
        address[] issuers
    );
    event Registered(address indexed owner, bytes32 indexed dataset, uint256 indexed index, uint256 commitment);
    event DataAttested(address indexed owner, bytes32 indexed dataset, bytes32 indexed uid, uint256[] commitments);
    event DataWithdrawn(address indexed owner, bytes32 indexed dataset, bool retraining);

    error InvalidTerms(string field);
    error NoAttestationService();
    error UnknownDataset(bytes32 dataset);
    error AlreadyRegistered(address owner, uint256 commitment);
    error PlaceTaken(address owner, bytes32 dataset, uint256 index, uint256 commitment);
    error InvalidCommitment(uint256 commitment);
    error DataIsWithdrawn(address owner, bytes32 dataset, uint64 since);
    error UnknownAttestation(bytes32 uid);
    error WrongAttestation(bytes32 uid, string field);
    error AttestationEnded(bytes32 uid);
    error NotAttested(address owner, uint256 commitment);
    error NotTheOwnerOrAnIssuer(address account);

    /// @notice Open the data set of these terms; where it is open, nothing happens.
    /// @return dataset keccak256(abi.encode(terms)).
    function open(Terms calldata terms) external returns (bytes32 dataset);

    /// @notice Register batches under (sender, dataset) and consecutive indices, all or none; not after a withdrawal.
    /// @param commitments Field elements that are not 0: hiding, so that nobody else can open them. Each is new to the sender,
    /// in all its data sets: what is held out is in no training data.
    function register(bytes32 dataset, uint256 firstIndex, uint256[] calldata commitments) external;

    /// @notice Say which attestation the commitments of an owner have: of an issuer that the terms name, made for this owner
    /// and for exactly this list. The owner may, and each issuer of the terms: anybody else could put one that is about to end
    /// in the place of one that is not.
    /// @dev Its data are abi.encode(dataset, keccak256(abi.encodePacked(commitments)), uint32(commitments.length)).
    function bind(bytes32 dataset, address owner, bytes32 uid, uint256[] calldata commitments) external;

    /// @notice Withdraw the sender's data of a data set, for good: none is registered or used for an update any more.
    /// @param retraining Whether models may be trained on without them from the weights that they took part in, which shows
    /// others what the sender's part of the sum at these weights was. It can be allowed later, and not taken back.
    function withdraw(bytes32 dataset, bool retraining) external;

    /// @notice The commitment at a place that an update may use now, and the block of its registration; 0 where there is none.
    /// Reverts where the owner has withdrawn its data, and where the terms name issuers and the commitment has no attestation,
    /// or one that was revoked or has expired.
    function usable(
        address owner,
        bytes32 dataset,
        uint256 index
    ) external view returns (uint256 commitment, uint64 since);

    function termsOf(bytes32 dataset) external view returns (Terms memory);

    /// @notice The commitment at a place, 0 where there is none.
    function commitmentOf(address owner, bytes32 dataset, uint256 index) external view returns (uint256);

    /// @notice The block in which an owner registered a commitment; 0 if never. Several blocks may share a timestamp.
    function registeredAt(address owner, uint256 commitment) external view returns (uint64);

    /// @notice The block in which an owner withdrew its data of a data set; 0 if never.
    function withdrawnAt(address owner, bytes32 dataset) external view returns (uint64);

    /// @notice Whether an owner has withdrawn its data of a data set and allowed to train on without them.
    function mayRetrainWithout(address owner, bytes32 dataset) external view returns (bool);

    /// @notice The attestation that a commitment was last bound to, which may have ended; 0 for none.
    function attestationOf(address owner, bytes32 dataset, uint256 commitment) external view returns (bytes32 uid);

    /// @notice The Ethereum Attestation Service; the zero address on a chain without it, where terms name no issuers.
    function EAS() external view returns (IEAS);
}
