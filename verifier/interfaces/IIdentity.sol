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

    error AlreadyMember(address member, uint64 since);
    error NotAMember(address account);
    error TooLong(uint256 length, uint256 limit);

    /// @notice Become a member from now on. Who left may join again, and is listed once.
    /// @param endpoint Where other nodes reach this one, such as a URL; at most 256 bytes.
    /// @param publicKey For messages off chain and for key agreement; at most 256 bytes.
    function join(string calldata endpoint, bytes calldata publicKey) external;

    /// @notice Replace endpoint and key; membership goes on.
    function update(string calldata endpoint, bytes calldata publicKey) external;

    /// @notice Stop being a member.
    function leave() external;

    function isMember(address account) external view returns (bool);

    /// @notice The block in which the present membership began; 0 for who is not a member.
    function memberSince(address account) external view returns (uint64);

    function memberOf(address account) external view returns (Member memory);

    function memberCount() external view returns (uint256);

    /// @notice Present members from position `offset`, at most `limit`; the order changes when one leaves.
    function members(uint256 offset, uint256 limit) external view returns (address[] memory page);
}
