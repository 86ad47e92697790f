// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Who takes part
/// @notice Nodes and coordinators register an address, where to reach them, and a public key for messages off chain.
/// Joining is open to all; what a member may do is decided by stake and by each task.
interface IIdentity {
    struct Member {
        /// @dev Number of a block; 0 for who is not a member. Several blocks may share a timestamp.
        uint64 since;
        string endpoint;
        bytes publicKey;
    }

    event Joined(address indexed member, string endpoint, bytes publicKey);
    event Updated(address indexed member, string endpoint, bytes publicKey);
    event Left(address indexed member);
    event AggregationKeySet(address indexed member, uint256 x, uint256 y, uint256 challenge, uint256 response);

    error AlreadyMember(address member, uint64 since);
    error NotAMember(address account);
    error TooLong(uint256 length, uint256 limit);

    /// @notice Become a member from now on. Who left may join again, and is listed once.
    /// @param endpoint Where other nodes reach this one, such as a URL; at most 256 bytes.
    /// @param publicKey For messages off chain and for key agreement; at most 256 bytes.
    function join(string calldata endpoint, bytes calldata publicKey) external;

    /// @notice Replace endpoint and key; membership goes on.
    function update(string calldata endpoint, bytes calldata publicKey) external;

    /// @notice Set the lasting key with which a member shares sums: a point (x, y) of Baby Jubjub, not of small order. The key
    /// that counts is 8 times it.
    /// @dev Challenge and response prove that the owner knows the secret, for this account, contract and chain, so that nobody
    /// registers another one's key or a multiple of it: challenge = keccak256(abi.encode("twopm-zk key possession", contract,
    /// chainid, account, x, y, R.x, R.y)) modulo the subgroup's order, R = response B - challenge 8 (x, y).
    function setAggregationKey(uint256 x, uint256 y, uint256 challenge, uint256 response) external;

    /// @notice Stop being a member.
    function leave() external;

    function isMember(address account) external view returns (bool);

    /// @notice The block in which the present membership began; 0 for who is not a member.
    function memberSince(address account) external view returns (uint64);

    function memberOf(address account) external view returns (Member memory);

    /// @notice keccak256(abi.encode(x, y)) of a member's lasting key; 0 where there is none.
    function aggregationKeyOf(address account) external view returns (bytes32 keyHash);

    function memberCount() external view returns (uint256);

    /// @notice Present members from position `offset`, at most `limit`; the order changes when one leaves.
    function members(uint256 offset, uint256 limit) external view returns (address[] memory page);
}
