// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Point} from "../proofs/BabyJubjub.sol";
import {PointProofs} from "../proofs/PointProofs.sol";

/// @title What a dispute asks of the library, for tests to call
/// @dev Never for a public chain. A library's own functions with structs have selectors that no ABI knows.
contract PointProofsDouble {
    function pairPoint(
        bytes32 digest,
        address me,
        address other,
        PointProofs.Keys calldata mine,
        PointProofs.Keys calldata theirs,
        PointProofs.SharedPoint[2] calldata shown,
        uint256[] calldata generators
    ) external view returns (Point memory) {
        return PointProofs.pairPoint(digest, me, other, mine, theirs, shown, generators);
    }
}
