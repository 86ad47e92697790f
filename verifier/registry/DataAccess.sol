// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDataAccess} from "../interfaces/IDataAccess.sol";
import {IDataHub} from "../interfaces/IDataHub.sol";
import {IIdentity} from "../interfaces/IIdentity.sol";

/// @title Where encrypted data sets are, and who may have them
/// @dev The owner is always the sender, so that nobody grants or revokes what is another's.
contract DataAccess is IDataAccess {
    uint256 public constant MAX_LENGTH = 256;
    uint256 public constant KEY_LENGTH = 32;

    IIdentity public immutable IDENTITY;
    IDataHub public immutable DATA_HUB;

    mapping(address owner => mapping(bytes32 dataset => Storage newest)) private _stored;
    mapping(address owner => mapping(bytes32 dataset => mapping(address member => Access access))) private _accesses;

    constructor(IIdentity identity, IDataHub dataHub) {
        IDENTITY = identity;
        DATA_HUB = dataHub;
    }

    /// @inheritdoc IDataAccess
    function store(bytes32 dataset, uint64 version, bytes32 manifestHash, string calldata uri) external {
        if (DATA_HUB.commitmentOf(msg.sender, dataset, 0) == 0) revert NothingRegistered(msg.sender, dataset);
        Storage storage newest = _stored[msg.sender][dataset];
        if (version != newest.version + 1) revert WrongVersion(version, newest.version + 1);
        _requireLength(bytes(uri).length);

        _stored[msg.sender][dataset] = Storage(version, uint64(block.number), manifestHash, uri);
        emit DataStored(msg.sender, dataset, version, manifestHash, uri);
    }

    /// @inheritdoc IDataAccess
    function grant(
        bytes32 dataset,
        address member,
        uint64 version,
        uint64 until,
        string calldata purpose,
        bytes calldata wrappedKey
    ) external {
        uint64 withdrawn = DATA_HUB.withdrawnAt(msg.sender, dataset);
        if (withdrawn != 0) revert IDataHub.DataIsWithdrawn(msg.sender, dataset, withdrawn);
        uint64 newest = _stored[msg.sender][dataset].version;
        if (version != newest || version == 0) revert WrongVersion(version, newest);
        if (until <= block.timestamp) revert AlreadyOver(until, block.timestamp);
        _requireLength(bytes(purpose).length);
        _requireLength(wrappedKey.length);
        if (IDENTITY.memberOf(member).publicKey.length != KEY_LENGTH) revert MemberWithoutKey(member);

        _accesses[msg.sender][dataset][member] = Access(version, until, uint64(block.number), 0);
        emit AccessGranted(msg.sender, dataset, member, version, until, purpose, wrappedKey);
    }

    /// @inheritdoc IDataAccess
    function revoke(bytes32 dataset, address member) external {
        Access storage access = _accesses[msg.sender][dataset][member];
        if (access.version == 0 || access.revoked != 0) revert NoAccess(msg.sender, dataset, member);
        access.revoked = uint64(block.number);
        emit AccessRevoked(msg.sender, dataset, member);
    }

    /// @inheritdoc IDataAccess
    function storageOf(address owner, bytes32 dataset) external view returns (Storage memory) {
        return _stored[owner][dataset];
    }

    /// @inheritdoc IDataAccess
    function accessOf(address owner, bytes32 dataset, address member) external view returns (Access memory) {
        return _accesses[owner][dataset][member];
    }

    /// @inheritdoc IDataAccess
    function mayRead(address owner, bytes32 dataset, address member) external view returns (bool) {
        Access storage access = _accesses[owner][dataset][member];
        return access.revoked == 0 && block.timestamp < access.until && DATA_HUB.withdrawnAt(owner, dataset) == 0;
    }

    function _requireLength(uint256 length) private pure {
        if (length == 0 || length > MAX_LENGTH) revert WrongLength(length, MAX_LENGTH);
    }
}
