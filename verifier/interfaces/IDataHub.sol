// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Which data were committed, by whom, and when
/// @notice A commitment has one owner and one place for ever: it is never rewritten, never removed, and nobody else can
/// register it. A task that asks for data registered before a round can therefore rely on it.
interface IDataHub {
    event Registered(address indexed owner, bytes32 indexed dataset, uint256 indexed index, uint256 commitment);

    error AlreadyRegistered(uint256 commitment, address owner);
    error PlaceTaken(address owner, bytes32 dataset, uint256 index, uint256 commitment);
    error InvalidCommitment(uint256 commitment);

    /// @notice Register `commitment` under (sender, dataset, index).
    /// @param dataset Name of the owner's choice, such as a task asks for.
    /// @param index Number of the batch within the data set.
    /// @param commitment A field element that is not 0: hiding, so that nobody else can open it.
    function register(bytes32 dataset, uint256 index, uint256 commitment) external;

    /// @notice Register several batches under consecutive indices, all or none.
    function registerMany(bytes32 dataset, uint256 firstIndex, uint256[] calldata commitments) external;

    /// @notice The commitment at a place, 0 where there is none.
    function commitmentOf(address owner, bytes32 dataset, uint256 index) external view returns (uint256);

    /// @notice The block in which a commitment was registered; 0 if never. Several blocks may share a timestamp.
    function registeredAt(uint256 commitment) external view returns (uint64);

    /// @notice Who registered a commitment; the zero address if nobody did.
    function ownerOf(uint256 commitment) external view returns (address);

    /// @notice `commitmentOf` and `registeredAt` in one call.
    function lookUp(
        address owner,
        bytes32 dataset,
        uint256 index
    ) external view returns (uint256 commitment, uint64 since);
}
