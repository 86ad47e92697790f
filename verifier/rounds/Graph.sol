// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title Who of a set has masks with whom
/// @notice In a small set all with all, in a large one those whose seats are near each other on a ring. The positions of seats
/// are hashes of the set's digest. docs/scale.md says how far that has to reach, and why; the twin of
/// twopm_zk/sharing/graph.py.
library Graph {
    /// @dev The reach where all are neighbours.
    uint256 internal constant WHOLE = type(uint256).max;
    /// @dev The honest half of a set falls apart for one digest in 2^FAILURE_BITS at most.
    uint256 private constant FAILURE_BITS = 100;
    /// @dev The natural logarithm of 2, in units of 1 / UNIT, rounded up.
    uint256 private constant LN2 = 6932;
    uint256 private constant UNIT = 10_000;

    /// @dev How far neighbours are from each other at most, in a set of so many nodes.
    function reach(uint256 nodes) internal pure returns (uint256) {
        uint256 honest = (nodes + 1) / 2;
        if (honest < 2) return WHOLE;
        uint256 exponent = LN2 * (FAILURE_BITS + 1 + 2 * Math.log2(honest - 1));
        uint256 unit = UNIT * (honest - 1);
        return exponent < unit ? (2 ** 255 / unit) * exponent : WHOLE;
    }

    /// @dev keccak256(abi.encode(seat, digest)), without using up memory.
    function position(bytes32 digest, uint256 seat) internal pure returns (uint256) {
        return uint256(Hashes.efficientKeccak256(bytes32(seat), digest));
    }

    /// @dev Whether two positions are near each other, the shorter way round.
    function near(uint256 one, uint256 other, uint256 most) internal pure returns (bool) {
        unchecked {
            uint256 apart = one - other;
            return Math.min(apart, 0 - apart) <= most;
        }
    }
}
