// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISharing} from "./ISharing.sol";

/// @title Sums of points, of which nobody sees a part
/// @notice Updates are committed to as points of Baby Jubjub, which the contract adds. Each of the set shares its own opening
/// on the chain, under masks, so that anybody can read the sum of all openings, and nothing else, and check that it opens the
/// sum of the points. No sum of another attempt is ever opened at the same weights.
interface IPointSharing is ISharing {
    event Shared(
        uint256 indexed taskId,
        uint32 indexed round,
        uint32 attempt,
        uint24 shareAttempt,
        address indexed node,
        uint256[] vector
    );
    event SumShared(
        uint256 indexed taskId,
        uint32 indexed round,
        uint32 attempt,
        uint24 shareAttempt,
        uint256 x,
        uint256 y,
        uint48 deadline
    );

    error WrongNumberOfScalars(uint256 count, uint256 expected);
    error NotAScalar(uint256 value);

    /// @notice Share the sender's masked opening: packed sums and rows, then the blinding. From the second share attempt on
    /// the sender has to have the minimum stake still: it may have begun to leave since its update.
    /// @param digest Of the set for which the masks were made; the call reverts where the contract has another one.
    function share(uint256 taskId, bytes32 digest, uint256[] calldata vector) external;

    /// @notice Sum of the points of all that shared in the present share attempt.
    function roundPointOf(uint256 taskId) external view returns (uint256 x, uint256 y);

    /// @notice Sum of a node's points in the attempt it last took part in.
    function pointOf(uint256 taskId, address node) external view returns (uint256 x, uint256 y);

    /// @notice Scalars of a share in the present collection.
    function vectorLengthOf(uint256 taskId) external view returns (uint256);
}
