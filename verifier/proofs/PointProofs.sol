// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BabyJubjub, Point} from "./BabyJubjub.sol";

/// @title Commitments, keys and masks that the chain computes itself
/// @notice A commitment is a sum of scalars times generators. A key is one whose owner knows its secret. The masks of two
/// nodes come from the points that each of them computes from its own secrets and the other's keys; see docs/protocol.md.
/// @dev A library with an address of its own: what it does takes code and gas, and is rarely called.
library PointProofs {
    /// @dev A node's two public keys, as it gave them when it was ready.
    struct Keys {
        uint256[2] lasting;
        uint256 roundX;
        uint256 roundY;
    }

    /// @dev A point T with 8 T shared by two keys, and a proof of that (Chaum, Pedersen).
    struct SharedPoint {
        uint256 x;
        uint256 y;
        uint256 challenge;
        uint256 response;
    }

    uint256 private constant WINDOW = 4;
    /// @dev Numbers in a table: 2^WINDOW multiples of a point with three coordinates each.
    uint256 private constant TABLE = 48;
    /// @dev 2^256 modulo the order of the subgroup.
    uint256 private constant SHIFT = ((type(uint256).max % BabyJubjub.SUBGROUP_ORDER) + 1) % BabyJubjub.SUBGROUP_ORDER;

    /// @notice A point for each scalar, no more and no fewer.
    error WrongNumberOfGenerators(uint256 coordinates, uint256 scalars);

    /// @notice The proof does not show that the account knows the key's secret.
    error NotInPossession(address account, uint256 x, uint256 y);

    /// @notice The proof does not show that 8 T is the shared point of the two keys.
    error NotTheSharedPoint(uint256 x, uint256 y);

    /// @notice The commitment to scalars; generators are x and y one after another, points of the curve.
    function commit(uint256[] memory scalars, uint256[] memory generators) public view returns (Point memory) {
        uint256 count = scalars.length;
        if (generators.length != 2 * count) revert WrongNumberOfGenerators(generators.length, count);
        uint256[] memory tables = new uint256[](TABLE * count);
        for (uint256 i = 0; i < count; ++i) {
            _fill(tables, TABLE * i, generators[2 * i], generators[2 * i + 1]);
        }
        (uint256 x, uint256 y, uint256 z) = (0, 1, 1);
        for (uint256 shift = 256; shift != 0;) {
            shift -= WINDOW;
            for (uint256 i = 0; i < WINDOW; ++i) (x, y, z) = BabyJubjub.doubleProjective(x, y, z);
            for (uint256 i = 0; i < count; ++i) {
                uint256 digit = (scalars[i] >> shift) % (1 << WINDOW);
                if (digit == 0) continue;
                uint256 at = TABLE * i + 3 * digit;
                (x, y, z) = BabyJubjub.addProjective(x, y, z, tables[at], tables[at + 1], tables[at + 2]);
            }
        }
        return BabyJubjub.affine(x, y, z);
    }

    /// @notice Revert unless `account` knows the secret of the key 8 (x, y) (Schnorr), for the contract that asks.
    function requirePossession(
        address account,
        uint256 x,
        uint256 y,
        uint256 challenge,
        uint256 response
    ) external view {
        Point memory posted = Point(x, y);
        BabyJubjub.requireKey(posted);
        Point memory base = Point(BabyJubjub.BASE_X, BabyJubjub.BASE_Y);
        Point memory first = _difference(response, base, challenge, BabyJubjub.timesCofactor(posted));
        bytes32 hash = keccak256(
            abi.encode("twopm-zk key possession", address(this), block.chainid, account, x, y, first.x, first.y)
        );
        if (challenge != uint256(hash) % BabyJubjub.SUBGROUP_ORDER) revert NotInPossession(account, x, y);
    }

    /// @notice The commitment to the masks of two nodes of a set, from the points that their keys share.
    /// @param digest Of the set, as it was when they shared.
    /// @param mine Keys of `me`, who proves both points.
    function pairPoint(
        bytes32 digest,
        address me,
        address other,
        Keys calldata mine,
        Keys calldata theirs,
        SharedPoint[2] calldata shown,
        uint256[] calldata generators
    ) external view returns (Point memory) {
        Point memory lasting = _proven(
            Point(mine.lasting[0], mine.lasting[1]),
            Point(theirs.lasting[0], theirs.lasting[1]),
            shown[0]
        );
        Point memory ofRound = _proven(Point(mine.roundX, mine.roundY), Point(theirs.roundX, theirs.roundY), shown[1]);
        (address low, address high) = me < other ? (me, other) : (other, me);
        bytes32 seed = keccak256(abi.encode(digest, low, high, lasting.x, lasting.y, ofRound.x, ofRound.y));
        uint256[] memory masks = new uint256[](generators.length / 2);
        for (uint256 i = 0; i < masks.length; ++i) {
            uint256 high256 = uint256(keccak256(abi.encode(seed, 2 * i)));
            uint256 low256 = uint256(keccak256(abi.encode(seed, 2 * i + 1)));
            masks[i] = addmod(mulmod(high256, SHIFT, BabyJubjub.SUBGROUP_ORDER), low256, BabyJubjub.SUBGROUP_ORDER);
        }
        return commit(masks, generators);
    }

    /// @dev S = 8 T, where log_B(K) = log_K'(S) for the keys K = 8 (posted), K' likewise, and the base B: everything is in
    /// the subgroup, whatever was posted.
    function _proven(
        Point memory postedMine,
        Point memory postedTheirs,
        SharedPoint calldata shown
    ) private view returns (Point memory shared) {
        Point memory posted = Point(shown.x, shown.y);
        BabyJubjub.requireOnCurve(posted);
        shared = BabyJubjub.timesCofactor(posted);
        Point memory mine = BabyJubjub.timesCofactor(postedMine);
        Point memory theirs = BabyJubjub.timesCofactor(postedTheirs);
        Point memory base = Point(BabyJubjub.BASE_X, BabyJubjub.BASE_Y);
        Point memory first = _difference(shown.response, base, shown.challenge, mine);
        Point memory second = _difference(shown.response, theirs, shown.challenge, shared);
        bytes32 hash = keccak256(abi.encode("twopm-zk shared point", mine, theirs, shared, first, second));
        if (shown.challenge != uint256(hash) % BabyJubjub.SUBGROUP_ORDER) revert NotTheSharedPoint(shown.x, shown.y);
    }

    /// @dev z p - c q.
    function _difference(uint256 z, Point memory p, uint256 c, Point memory q) private view returns (Point memory) {
        uint256[] memory scalars = new uint256[](2);
        uint256[] memory points = new uint256[](4);
        q = BabyJubjub.negate(q);
        (scalars[0], points[0], points[1]) = (z, p.x, p.y);
        (scalars[1], points[2], points[3]) = (c, q.x, q.y);
        return commit(scalars, points);
    }

    /// @dev The multiples 0 to 15 of a point, from place `at` on.
    function _fill(uint256[] memory tables, uint256 at, uint256 px, uint256 py) private pure {
        (uint256 x, uint256 y, uint256 z) = (0, 1, 1);
        for (uint256 end = at + TABLE; at < end; at += 3) {
            (tables[at], tables[at + 1], tables[at + 2]) = (x, y, z);
            (x, y, z) = BabyJubjub.addProjective(x, y, z, px, py, 1);
        }
    }
}
