// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";
import {IIdentity} from "../interfaces/IIdentity.sol";
import {PointProofs} from "../proofs/PointProofs.sol";

/// @title Members, their endpoints and public keys
/// @dev No loop grows with the number of members, past or present: leaving moves the last entry into the gap.
contract IdentityContract is IIdentity {
    using EnumerableSet for EnumerableSet.AddressSet;

    uint256 public constant MAX_LENGTH = 256;

    EnumerableSet.AddressSet private _members;
    mapping(address account => Member member) private _details;
    /// @inheritdoc IIdentity
    mapping(address account => bytes32 keyHash) public aggregationKeyOf;

    /// @inheritdoc IIdentity
    function join(string calldata endpoint, bytes calldata publicKey) external {
        uint64 since = _details[msg.sender].since;
        if (since != 0) revert AlreadyMember(msg.sender, since);
        _set(endpoint, publicKey, uint64(block.number));
        _members.add(msg.sender);
        emit Joined(msg.sender, endpoint, publicKey);
    }

    /// @inheritdoc IIdentity
    function update(string calldata endpoint, bytes calldata publicKey) external {
        _set(endpoint, publicKey, _sinceOrRevert());
        emit Updated(msg.sender, endpoint, publicKey);
    }

    /// @inheritdoc IIdentity
    function setAggregationKey(uint256 x, uint256 y, uint256 challenge, uint256 response) external {
        _sinceOrRevert();
        PointProofs.requirePossession(msg.sender, x, y, challenge, response);
        aggregationKeyOf[msg.sender] = keccak256(abi.encode(x, y));
        emit AggregationKeySet(msg.sender, x, y, challenge, response);
    }

    /// @inheritdoc IIdentity
    function leave() external {
        _sinceOrRevert();
        delete _details[msg.sender];
        delete aggregationKeyOf[msg.sender];
        _members.remove(msg.sender);
        emit Left(msg.sender);
    }

    /// @inheritdoc IIdentity
    function isMember(address account) external view returns (bool) {
        return _details[account].since != 0;
    }

    /// @inheritdoc IIdentity
    function memberSince(address account) external view returns (uint64) {
        return _details[account].since;
    }

    /// @inheritdoc IIdentity
    function memberOf(address account) external view returns (Member memory) {
        return _details[account];
    }

    /// @inheritdoc IIdentity
    function memberCount() external view returns (uint256) {
        return _members.length();
    }

    /// @inheritdoc IIdentity
    function members(uint256 offset, uint256 limit) external view returns (address[] memory page) {
        uint256 count = _members.length();
        if (offset > count) offset = count;
        if (limit > count - offset) limit = count - offset;
        return _members.values(offset, offset + limit);
    }

    function _set(string calldata endpoint, bytes calldata publicKey, uint64 since) private {
        if (bytes(endpoint).length > MAX_LENGTH) revert TooLong(bytes(endpoint).length, MAX_LENGTH);
        if (publicKey.length > MAX_LENGTH) revert TooLong(publicKey.length, MAX_LENGTH);
        _details[msg.sender] = Member(since, endpoint, publicKey);
    }

    function _sinceOrRevert() private view returns (uint64 since) {
        since = _details[msg.sender].since;
        if (since == 0) revert NotAMember(msg.sender);
    }
}
