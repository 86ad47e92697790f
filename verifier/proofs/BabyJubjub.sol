// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {FIELD_ORDER} from "./ProofCheck.sol";

/// @dev A point of Baby Jubjub by its Edwards coordinates, both below FIELD_ORDER. Storage that was never written is (0, 0),
/// which is not on the curve.
struct Point {
    uint256 x;
    uint256 y;
}

/// @title Baby Jubjub, the curve over BN254's scalar field
/// @notice ERC-2494 in Edwards form: A x^2 + y^2 = 1 + D x^2 y^2. It has 8 times a prime number of points.
/// @dev Operations take points of the curve in reduced coordinates, which their callers checked, and give such points. A is
/// a square modulo FIELD_ORDER and D is not: then D x1 x2 y1 y2 is neither 1 nor -1 for any two points, every denominator
/// below has an inverse, and addition has no exceptions, doubling and points of small order included
/// (Bernstein, Lange: Faster addition and doubling on elliptic curves, theorem 3.3).
library BabyJubjub {
    uint256 internal constant A = 168700;
    uint256 internal constant D = 168696;
    /// @dev Of x and -x at most one is below this, for FIELD_ORDER is more than twice as large.
    uint256 internal constant PROVEN_X_LIMIT = 1 << 252;
    /// @dev Order of the subgroup that generators and keys are in; the whole group has 8 times as many points.
    uint256 internal constant SUBGROUP_ORDER =
        2736030358979909402780800718157159386076813972158567259200215660948447373041;
    /// @dev ERC-2494's generator of the subgroup, the base of keys.
    uint256 internal constant BASE_X = 5299619240641551281634865583518297030282874472190772894086521144482721001553;
    uint256 internal constant BASE_Y = 16950150798460657717958625567821834550301663161624707787222815936182638968203;

    /// @notice Not a point of the curve, or not in reduced coordinates.
    error NotOnCurve(uint256 x, uint256 y);

    /// @notice A proof that names a point by its y means the one with x below 2^252.
    error NotTheProvenX(uint256 x);

    /// @notice A key of order 8 or less, whose shared points everybody can guess.
    error SmallOrder(uint256 x, uint256 y);

    function identity() internal pure returns (Point memory) {
        return Point(0, 1);
    }

    function isIdentity(Point memory p) internal pure returns (bool) {
        return p.x == 0 && p.y == 1;
    }

    function isOnCurve(Point memory p) internal pure returns (bool) {
        if (p.x >= FIELD_ORDER || p.y >= FIELD_ORDER) return false;
        uint256 xx = mulmod(p.x, p.x, FIELD_ORDER);
        uint256 yy = mulmod(p.y, p.y, FIELD_ORDER);
        uint256 left = addmod(mulmod(A, xx, FIELD_ORDER), yy, FIELD_ORDER);
        return left == addmod(1, mulmod(D, mulmod(xx, yy, FIELD_ORDER), FIELD_ORDER), FIELD_ORDER);
    }

    function requireOnCurve(Point memory p) internal pure {
        if (!isOnCurve(p)) revert NotOnCurve(p.x, p.y);
    }

    /// @notice The point whose y a proof has as a public input; the statement keeps x below 2^252, as this does.
    function proven(uint256 x, uint256 y) internal pure returns (Point memory p) {
        if (x >= PROVEN_X_LIMIT) revert NotTheProvenX(x);
        p = Point(x, y);
        requireOnCurve(p);
    }

    /// @notice A public key: a point whose part of prime order is not the identity. Its owner's key is 8 times it.
    /// @dev The points of order 1 and 2 have x = 0; 4 y = 0; 8 A x^2 = y^2, for then twice the point has y = 0.
    function requireKey(Point memory p) internal pure {
        requireOnCurve(p);
        uint256 axx = mulmod(A, mulmod(p.x, p.x, FIELD_ORDER), FIELD_ORDER);
        if (p.x == 0 || p.y == 0 || axx == mulmod(p.y, p.y, FIELD_ORDER)) revert SmallOrder(p.x, p.y);
    }

    function negate(Point memory p) internal pure returns (Point memory) {
        return Point(p.x == 0 ? 0 : FIELD_ORDER - p.x, p.y);
    }

    function add(Point memory p, Point memory q) internal view returns (Point memory) {
        uint256 b = mulmod(p.x, q.y, FIELD_ORDER);
        uint256 c = mulmod(p.y, q.x, FIELD_ORDER);
        uint256 t = mulmod(D, mulmod(b, c, FIELD_ORDER), FIELD_ORDER);
        uint256 below = addmod(1, t, FIELD_ORDER);
        uint256 above = addmod(1, _minus(t), FIELD_ORDER);
        uint256 a = mulmod(A, mulmod(p.x, q.x, FIELD_ORDER), FIELD_ORDER);
        uint256 y = addmod(mulmod(p.y, q.y, FIELD_ORDER), _minus(a), FIELD_ORDER);
        return
            affine(
                mulmod(addmod(b, c, FIELD_ORDER), above, FIELD_ORDER),
                mulmod(y, below, FIELD_ORDER),
                mulmod(above, below, FIELD_ORDER)
            );
    }

    function double(Point memory p) internal view returns (Point memory) {
        (uint256 x, uint256 y, uint256 z) = doubleProjective(p.x, p.y, 1);
        return affine(x, y, z);
    }

    /// @notice 8 p, which has prime order or is the identity, whatever p's part of small order.
    function timesCofactor(Point memory p) internal view returns (Point memory) {
        (uint256 x, uint256 y, uint256 z) = doubleProjective(p.x, p.y, 1);
        (x, y, z) = doubleProjective(x, y, z);
        (x, y, z) = doubleProjective(x, y, z);
        return affine(x, y, z);
    }

    /// @dev (x/z, y/z) doubled, without an inversion: Bernstein, Birkner, Joye, Lange, Peters: Twisted Edwards Curves, 6. With
    /// s = D x^2 y^2 / z^4, which is neither 1 nor -1, the new z is z^4 (1 + s) (s - 1).
    function doubleProjective(uint256 x, uint256 y, uint256 z) internal pure returns (uint256, uint256, uint256) {
        uint256 sum = addmod(x, y, FIELD_ORDER);
        uint256 c = mulmod(x, x, FIELD_ORDER);
        uint256 d = mulmod(y, y, FIELD_ORDER);
        uint256 e = mulmod(A, c, FIELD_ORDER);
        uint256 f = addmod(e, d, FIELD_ORDER);
        uint256 h = mulmod(z, z, FIELD_ORDER);
        uint256 j = addmod(f, _minus(addmod(h, h, FIELD_ORDER)), FIELD_ORDER);
        uint256 twice = addmod(mulmod(sum, sum, FIELD_ORDER), _minus(addmod(c, d, FIELD_ORDER)), FIELD_ORDER);
        return (
            mulmod(twice, j, FIELD_ORDER),
            mulmod(f, addmod(e, _minus(d), FIELD_ORDER), FIELD_ORDER),
            mulmod(f, j, FIELD_ORDER)
        );
    }

    /// @dev (x1/z1, y1/z1) + (x2/z2, y2/z2), without an inversion and as complete as {add}: the same paper's 6 again.
    function addProjective(
        uint256 x1,
        uint256 y1,
        uint256 z1,
        uint256 x2,
        uint256 y2,
        uint256 z2
    ) internal pure returns (uint256 x, uint256 y, uint256 z) {
        uint256 a = mulmod(z1, z2, FIELD_ORDER);
        uint256 b = mulmod(a, a, FIELD_ORDER);
        uint256 c = mulmod(x1, x2, FIELD_ORDER);
        uint256 d = mulmod(y1, y2, FIELD_ORDER);
        uint256 e = mulmod(D, mulmod(c, d, FIELD_ORDER), FIELD_ORDER);
        uint256 f = addmod(b, _minus(e), FIELD_ORDER);
        uint256 g = addmod(b, e, FIELD_ORDER);
        uint256 cross = mulmod(addmod(x1, y1, FIELD_ORDER), addmod(x2, y2, FIELD_ORDER), FIELD_ORDER);
        x = mulmod(
            mulmod(a, f, FIELD_ORDER),
            addmod(cross, _minus(addmod(c, d, FIELD_ORDER)), FIELD_ORDER),
            FIELD_ORDER
        );
        y = mulmod(mulmod(a, g, FIELD_ORDER), addmod(d, _minus(mulmod(A, c, FIELD_ORDER)), FIELD_ORDER), FIELD_ORDER);
        z = mulmod(f, g, FIELD_ORDER);
    }

    function affine(uint256 x, uint256 y, uint256 z) internal view returns (Point memory) {
        uint256 inverse = Math.invModPrime(z, FIELD_ORDER);
        return Point(mulmod(x, inverse, FIELD_ORDER), mulmod(y, inverse, FIELD_ORDER));
    }

    /// @dev For reduced a; FIELD_ORDER itself for 0, which the operations modulo FIELD_ORDER take.
    function _minus(uint256 a) private pure returns (uint256) {
        unchecked {
            return FIELD_ORDER - a;
        }
    }
}
