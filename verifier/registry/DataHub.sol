// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDataHub} from "../interfaces/IDataHub.sol";
import {FIELD_ORDER} from "../proofs/ProofCheck.sol";

/// @title Data commitments, unique over all owners
/// @dev Who copies a commitment out of the queue of pending transactions and registers it first gains nothing, since
/// only the owner can open it, and costs the owner one new salt.
contract DataHub is IDataHub {
    struct Registration {
        address owner;
        uint64 since;
    }

    mapping(address owner => mapping(bytes32 dataset => mapping(uint256 index => uint256 commitment))) private _places;
    mapping(uint256 commitment => Registration registration) private _registrations;

    /// @inheritdoc IDataHub
    function register(bytes32 dataset, uint256 index, uint256 commitment) external {
        _register(dataset, index, commitment);
    }

    /// @inheritdoc IDataHub
    function registerMany(bytes32 dataset, uint256 firstIndex, uint256[] calldata commitments) external {
        for (uint256 i = 0; i < commitments.length; ++i) {
            _register(dataset, firstIndex + i, commitments[i]);
        }
    }

    /// @inheritdoc IDataHub
    function commitmentOf(address owner, bytes32 dataset, uint256 index) external view returns (uint256) {
        return _places[owner][dataset][index];
    }

    /// @inheritdoc IDataHub
    function registeredAt(uint256 commitment) external view returns (uint64) {
        return _registrations[commitment].since;
    }

    /// @inheritdoc IDataHub
    function ownerOf(uint256 commitment) external view returns (address) {
        return _registrations[commitment].owner;
    }

    /// @inheritdoc IDataHub
    function lookUp(
        address owner,
        bytes32 dataset,
        uint256 index
    ) external view returns (uint256 commitment, uint64 since) {
        commitment = _places[owner][dataset][index];
        since = _registrations[commitment].since;
    }

    function _register(bytes32 dataset, uint256 index, uint256 commitment) private {
        if (commitment == 0 || commitment >= FIELD_ORDER) revert InvalidCommitment(commitment);
        Registration storage registration = _registrations[commitment];
        if (registration.owner != address(0)) revert AlreadyRegistered(commitment, registration.owner);
        uint256 present = _places[msg.sender][dataset][index];
        if (present != 0) revert PlaceTaken(msg.sender, dataset, index, present);

        _places[msg.sender][dataset][index] = commitment;
        registration.owner = msg.sender;
        registration.since = uint64(block.number);
        emit Registered(msg.sender, dataset, index, commitment);
    }
}
