// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDataHub} from "../interfaces/IDataHub.sol";
import {IEAS} from "../interfaces/eas/IEAS.sol";
import {FIELD_ORDER} from "../proofs/ProofCheck.sol";

/// @title Data sets, the commitments of their owners, attestations to them, and withdrawals
/// @dev All that is kept is an owner's own, but the terms of a data set, which follow from its name.
contract DataHub is IDataHub {
    struct Withdrawal {
        uint64 since;
        bool retraining;
    }

    uint256 private constant MAXIMUM_ISSUERS = 16;

    /// @inheritdoc IDataHub
    IEAS public immutable EAS;

    mapping(bytes32 dataset => Terms terms) private _terms;
    mapping(address owner => mapping(bytes32 dataset => mapping(uint256 index => uint256 commitment))) private _places;
    mapping(address owner => mapping(bytes32 dataset => mapping(uint256 commitment => bytes32 uid)))
        private _attestations;
    mapping(address owner => mapping(bytes32 dataset => Withdrawal withdrawal)) private _withdrawals;

    /// @inheritdoc IDataHub
    mapping(address owner => mapping(uint256 commitment => uint64 since)) public registeredAt;

    /// @param eas The zero address on a chain without it.
    constructor(IEAS eas) {
        EAS = eas;
    }

    /// @inheritdoc IDataHub
    function open(Terms calldata terms) external returns (bytes32 dataset) {
        _requireValid(terms);
        dataset = keccak256(abi.encode(terms));
        if (_terms[dataset].schema != 0) return dataset;

        _terms[dataset] = terms;
        emit DatasetOpened(dataset, terms.schema, terms.heldOut, terms.attestationSchema, terms.issuers);
    }

    /// @inheritdoc IDataHub
    function register(bytes32 dataset, uint256 firstIndex, uint256[] calldata commitments) external {
        _requireOpen(dataset);
        _requireNotWithdrawn(msg.sender, dataset);
        for (uint256 i = 0; i < commitments.length; ++i) {
            _register(dataset, firstIndex + i, commitments[i]);
        }
    }

    /// @inheritdoc IDataHub
    function bind(bytes32 dataset, address owner, bytes32 uid, uint256[] calldata commitments) external {
        Terms storage terms = _requireOpen(dataset);
        if (msg.sender != owner && !_isIssuer(terms, msg.sender)) revert NotTheOwnerOrAnIssuer(msg.sender);
        IEAS.Attestation memory attestation = _attestation(uid);
        if (!_isIssuer(terms, attestation.attester)) revert WrongAttestation(uid, "attester");
        if (attestation.schema != terms.attestationSchema) revert WrongAttestation(uid, "schema");
        if (attestation.recipient != owner) revert WrongAttestation(uid, "recipient");
        if (!attestation.revocable) revert WrongAttestation(uid, "revocable");
        bytes32 hash = keccak256(abi.encodePacked(commitments));
        bytes32 data = keccak256(abi.encode(dataset, hash, uint32(commitments.length)));
        if (keccak256(attestation.data) != data) revert WrongAttestation(uid, "data");

        for (uint256 i = 0; i < commitments.length; ++i) {
            _attestations[owner][dataset][commitments[i]] = uid;
        }
        emit DataAttested(owner, dataset, uid, commitments);
    }

    /// @inheritdoc IDataHub
    function withdraw(bytes32 dataset, bool retraining) external {
        _requireOpen(dataset);
        Withdrawal storage withdrawal = _withdrawals[msg.sender][dataset];
        if (withdrawal.retraining || !retraining) _requireNotWithdrawn(msg.sender, dataset);

        if (withdrawal.since == 0) withdrawal.since = uint64(block.number);
        withdrawal.retraining = retraining;
        emit DataWithdrawn(msg.sender, dataset, retraining);
    }

    /// @inheritdoc IDataHub
    function usable(
        address owner,
        bytes32 dataset,
        uint256 index
    ) external view returns (uint256 commitment, uint64 since) {
        _requireNotWithdrawn(owner, dataset);
        commitment = _places[owner][dataset][index];
        if (commitment == 0) return (0, 0);
        since = registeredAt[owner][commitment];
        if (_terms[dataset].issuers.length == 0) return (commitment, since);
        bytes32 uid = _attestations[owner][dataset][commitment];
        if (uid == 0) revert NotAttested(owner, commitment);
        _attestation(uid);
    }

    /// @inheritdoc IDataHub
    function termsOf(bytes32 dataset) external view returns (Terms memory) {
        return _requireOpen(dataset);
    }

    /// @inheritdoc IDataHub
    function commitmentOf(address owner, bytes32 dataset, uint256 index) external view returns (uint256) {
        return _places[owner][dataset][index];
    }

    /// @inheritdoc IDataHub
    function withdrawnAt(address owner, bytes32 dataset) public view returns (uint64) {
        return _withdrawals[owner][dataset].since;
    }

    /// @inheritdoc IDataHub
    function mayRetrainWithout(address owner, bytes32 dataset) external view returns (bool) {
        return _withdrawals[owner][dataset].retraining;
    }

    /// @inheritdoc IDataHub
    function attestationOf(address owner, bytes32 dataset, uint256 commitment) external view returns (bytes32) {
        return _attestations[owner][dataset][commitment];
    }

    function _register(bytes32 dataset, uint256 index, uint256 commitment) private {
        if (commitment == 0 || commitment >= FIELD_ORDER) revert InvalidCommitment(commitment);
        if (registeredAt[msg.sender][commitment] != 0) revert AlreadyRegistered(msg.sender, commitment);
        uint256 present = _places[msg.sender][dataset][index];
        if (present != 0) revert PlaceTaken(msg.sender, dataset, index, present);

        _places[msg.sender][dataset][index] = commitment;
        registeredAt[msg.sender][commitment] = uint64(block.number);
        emit Registered(msg.sender, dataset, index, commitment);
    }

    /// @dev An attestation that holds now.
    function _attestation(bytes32 uid) private view returns (IEAS.Attestation memory attestation) {
        if (address(EAS) == address(0)) revert NoAttestationService();
        attestation = EAS.getAttestation(uid);
        if (attestation.time == 0) revert UnknownAttestation(uid);
        bool expired = attestation.expirationTime != 0 && attestation.expirationTime <= block.timestamp;
        if (expired || attestation.revocationTime != 0) revert AttestationEnded(uid);
    }

    function _requireValid(Terms calldata terms) private view {
        uint256 issuers = terms.issuers.length;
        if (terms.schema == 0) revert InvalidTerms("schema");
        if ((terms.attestationSchema == 0) != (issuers == 0)) revert InvalidTerms("attestationSchema");
        if (issuers > MAXIMUM_ISSUERS) revert InvalidTerms("issuers");
        if (issuers != 0 && address(EAS) == address(0)) revert NoAttestationService();
        address last = address(0);
        for (uint256 i = 0; i < issuers; ++i) {
            if (terms.issuers[i] <= last) revert InvalidTerms("issuers");
            last = terms.issuers[i];
        }
    }

    function _requireOpen(bytes32 dataset) private view returns (Terms storage terms) {
        terms = _terms[dataset];
        if (terms.schema == 0) revert UnknownDataset(dataset);
    }

    function _requireNotWithdrawn(address owner, bytes32 dataset) private view {
        uint64 since = withdrawnAt(owner, dataset);
        if (since != 0) revert DataIsWithdrawn(owner, dataset, since);
    }

    function _isIssuer(Terms storage terms, address account) private view returns (bool) {
        for (uint256 i = 0; i < terms.issuers.length; ++i) {
            if (terms.issuers[i] == account) return true;
        }
        return false;
    }
}
