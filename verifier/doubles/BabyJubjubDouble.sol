// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BabyJubjub, Point} from "../proofs/BabyJubjub.sol";

/// @title The library's functions for tests to call, with the gas that one takes
/// @dev Never for a public chain.
contract BabyJubjubDouble {
    function identity() external pure returns (Point memory) {
        return BabyJubjub.identity();
    }

    function isIdentity(Point memory p) external pure returns (bool) {
        return BabyJubjub.isIdentity(p);
    }

    function isOnCurve(Point memory p) external pure returns (bool) {
        return BabyJubjub.isOnCurve(p);
    }

    function requireOnCurve(Point memory p) external pure {
        BabyJubjub.requireOnCurve(p);
    }

    function proven(uint256 x, uint256 y) external view returns (Point memory p, uint256 gas) {
        gas = gasleft();
        p = BabyJubjub.proven(x, y);
        gas -= gasleft();
    }

    function negate(Point memory p) external pure returns (Point memory) {
        return BabyJubjub.negate(p);
    }

    function add(Point memory p, Point memory q) external view returns (Point memory sum, uint256 gas) {
        gas = gasleft();
        sum = BabyJubjub.add(p, q);
        gas -= gasleft();
    }

    function double(Point memory p) external view returns (Point memory twice, uint256 gas) {
        gas = gasleft();
        twice = BabyJubjub.double(p);
        gas -= gasleft();
    }

    function timesCofactor(Point memory p) external view returns (Point memory product, uint256 gas) {
        gas = gasleft();
        product = BabyJubjub.timesCofactor(p);
        gas -= gasleft();
    }
}
