// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Where encrypted data sets are, and who may have them
/// @notice An owner publishes where it has stored a data set, and grants members access to a version of it: the version's
/// key, wrapped for the member's published key, with a purpose and an end. All of it is public, and nothing of it opens
/// the data to anybody else.
/// @dev The contract records permission, it cannot take knowledge back: who has had the key has had the data.
interface IDataAccess {
    /// @notice The newest version of a data set.
    struct Storage {
        /// @dev From 1; 0 where nothing is stored.
        uint64 version;
        /// @dev Number of a block.
        uint64 since;
        /// @dev SHA-256 of the manifest, by which the storage names it.
        bytes32 manifestHash;
        string uri;
    }

    /// @notice What a member may have of a data set.
    struct Access {
        /// @dev The version whose key was wrapped; 0 where nothing was granted.
        uint64 version;
        /// @dev Seconds since 1970, the first at which the access is over.
        uint64 until;
        /// @dev Numbers of blocks; `revoked` is 0 where it was not.
        uint64 granted;
        uint64 revoked;
    }

    event DataStored(
        address indexed owner,
        bytes32 indexed dataset,
        uint64 indexed version,
        bytes32 manifestHash,
        string uri
    );
    event AccessGranted(
        address indexed owner,
        bytes32 indexed dataset,
        address indexed member,
        uint64 version,
        uint64 until,
        string purpose,
        bytes wrappedKey
    );
    event AccessRevoked(address indexed owner, bytes32 indexed dataset, address indexed member);

    error NothingRegistered(address owner, bytes32 dataset);
    error WrongVersion(uint64 version, uint64 expected);
    error WrongLength(uint256 length, uint256 limit);
    error MemberWithoutKey(address member);
    error AlreadyOver(uint64 until, uint256 time);
    error NoAccess(address owner, bytes32 dataset, address member);

    /// @notice Publish the next version of the sender's data set, which must have a batch at place 0 in DataHub.
    /// @param version One more than the newest: the version's key is bound to it, so two puts at once cannot both count.
    /// @param manifestHash SHA-256 of the manifest.
    /// @param uri Folder that it and the chunks are in; 1 to 256 bytes.
    function store(bytes32 dataset, uint64 version, bytes32 manifestHash, string calldata uri) external;

    /// @notice Grant a member access to the newest version, in place of what it had of the data set. Of data that were withdrawn
    /// nothing is granted any more.
    /// @param version The newest one, whose key is wrapped.
    /// @param until Seconds since 1970, in the future.
    /// @param purpose What the member may use the data for; 1 to 256 bytes.
    /// @param wrappedKey The version's key for the member's key in IdentityContract, of 32 bytes; 1 to 256 bytes.
    function grant(
        bytes32 dataset,
        address member,
        uint64 version,
        uint64 until,
        string calldata purpose,
        bytes calldata wrappedKey
    ) external;

    /// @notice Take a member's access back, for good: a new grant begins anew. The key that it may have stays known to it.
    function revoke(bytes32 dataset, address member) external;

    /// @notice The newest version of an owner's data set.
    function storageOf(address owner, bytes32 dataset) external view returns (Storage memory);

    /// @notice What was last granted to a member, whether or not it still holds.
    function accessOf(address owner, bytes32 dataset, address member) external view returns (Access memory);

    /// @notice Whether a member's access holds now: granted, not revoked, not over, and the
    /// data not withdrawn. A storage can ask before it serves.
    function mayRead(address owner, bytes32 dataset, address member) external view returns (bool);
}
