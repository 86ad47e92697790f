pragma circom 2.1.6;

include "commitment.circom";
include "fixed_point.circom";
include "pedersen_generators.circom";

// Vector Pedersen commitments on Baby Jubjub (ERC-2494); twin of twopm_zk/numbers/pedersen.py, change both together:
//
//     C = sum of items[k] G_k + rows N + blinding H
//
// Inside, points are in Montgomery form, v^2 = u^3 + 168698 u^2 + u, with u = (1 + y) / (1 - y) and v = u / x.

function MONTGOMERY_A() { return 168698; }
// base-4 digits of every blinding
function BLINDING_DIGITS() { return 126; }

// What follows computes constants, while circom compiles: `/` divides in the field.

function EDWARDS_SUM(p, q) {
    var t = 168696 * p[0] * q[0] * p[1] * q[1];
    return [(p[0] * q[1] + p[1] * q[0]) / (1 + t), (p[1] * q[1] - 168700 * p[0] * q[0]) / (1 - t)];
}

function TO_MONTGOMERY(p) {
    var u = (1 + p[1]) / (1 - p[1]);
    return [u, u / p[0]];
}

// of two different points, or of one with itself
function MONTGOMERY_SUM(p, q) {
    var slope;
    if (p[0] == q[0]) {
        slope = (3 * p[0] * p[0] + 2 * MONTGOMERY_A() * p[0] + 1) / (2 * p[1]);
    } else {
        slope = (q[1] - p[1]) / (q[0] - p[0]);
    }
    var u = slope * slope - MONTGOMERY_A() - p[0] - q[0];
    return [u, slope * (p[0] - u) - p[1]];
}

// Where sum INDEX is: in the bits from `place % 2^16` on of scalar `place \ 2^16`. Sums that share a scalar stay below half of
// the subgroup's order.
function PEDERSEN_PLACE(UNIT, INDEX) {
    var scalar = 0;
    var offset = 0;
    for (var k = 0; k < INDEX; k++) {
        offset += PEDERSEN_LANE_BITS(UNIT, k);
        if (offset + PEDERSEN_LANE_BITS(UNIT, k + 1) > PEDERSEN_SCALAR_BITS()) {
            scalar++;
            offset = 0;
        }
    }
    return scalar * (1 << 16) + offset;
}

// What a digit d picks from p and 3 p: d p = (t[0] + t[1] m, d (t[2] + t[3] m)) where m is 1 for d = 1, -1 and 0 for
// d = 3, -3. third = 1 / 3: divisions are slow, and the witness program repeats them.
function DIGIT_TABLE(p, triple, third) {
    return [triple[0], p[0] - triple[0], third * triple[1], p[1] - third * triple[1]];
}

// PedersenPoint: the point (x, y) in Edwards form that commits to items, rows and blinding.
//
// items       signed, items[k] in [-4^DIGITS[k] / 2, 4^DIGITS[k] / 2), enforced here; several of them share a generator g,
//             so that G of one that starts at bit b of their scalar is 2^b g
// rows        likewise, with ROWS_DIGITS
// blinding    likewise, with BLINDING_DIGITS; uniform modulo the order for hiding, which is the prover's own interest
// x, y        field elements, determined by the rest
//
// A scalar s of w digits is s + 4^w / 2 = sum of e_i 4^i with e in {0, 1, 2, 3}, as in RangeCheck, so that
// 2 s + 1 = sum of (2 e_i - 3) 4^i: each odd digit d = 2 e - 3 picks d 4^i G / 2, and the halves too much are in the
// constant that the sum starts from. An addition is a line through both points,
//     v = slope u + intercept,
// which meets the curve once more, in the sum's negative: the next line goes through its mirror image.
//
// Sound  e and e (e - 3) are pinned as in RangeCheck, w <= 126 leaves one decomposition mod FIELD_ORDER.
//        Each line goes through the point so far, (u, v), and through the picked one, (U, V): where u != U this leaves
//        one line, and one sum. u = U with v = -V has no line. u = U with v = V would leave the slope free; but the sum
//        starts at PEDERSEN_START, whose logarithm nobody knows, so that the point so far is PEDERSEN_START plus known
//        multiples of generators: meeting a multiple of a generator there, or minus PEDERSEN_START at the end, gives
//        a relation between hashed points, a discrete logarithm.
//        The last point is of the odd subgroup and no identity, hence v != 0; u = -1 would make v^2 the number
//        168696, which is no square: x and y are determined. Packed items, rows and blinding count modulo the
//        subgroup's order, about 2^250.6, and items keep to their lanes: whoever opens a point knows one opening to
//        items and rows only, but for a discrete logarithm.
// Gates  12 for each digit
template PedersenPoint(UNIT, COUNT, DIGITS, ROWS_DIGITS) {
    assert(COUNT > 0);
    signal input items[COUNT];
    signal input rows;
    signal input blinding;
    signal output x;
    signal output y;

    var SCALARS = COUNT + 2;
    var WIDTH[SCALARS];
    var HALF[SCALARS][2];
    for (var k = 0; k < COUNT; k++) {
        WIDTH[k] = DIGITS[k];
        assert(2 * DIGITS[k] <= PEDERSEN_LANE_BITS(UNIT, k));
        var place = PEDERSEN_PLACE(UNIT, k);
        if (place % (1 << 16) == 0) {
            HALF[k] = PEDERSEN_HALF_SCALAR(UNIT, place \ (1 << 16));
        } else { // the lane after the last one
            HALF[k] = HALF[k - 1];
            for (var i = 0; i < PEDERSEN_LANE_BITS(UNIT, k - 1); i++) {
                HALF[k] = EDWARDS_SUM(HALF[k], HALF[k]);
            }
        }
    }
    WIDTH[COUNT] = ROWS_DIGITS;
    HALF[COUNT] = PEDERSEN_HALF_ROWS(UNIT, COUNT);
    WIDTH[COUNT + 1] = BLINDING_DIGITS();
    HALF[COUNT + 1] = PEDERSEN_HALF_BLINDING();
    var START[2] = PEDERSEN_START();
    var TOTAL = 0;
    for (var k = 0; k < SCALARS; k++) {
        assert(0 < WIDTH[k] && WIDTH[k] <= 126);
        TOTAL += WIDTH[k];
        START = EDWARDS_SUM(START, [-HALF[k][0], HALF[k][1]]);
    }
    START = TO_MONTGOMERY(START);
    var THIRD = 1 / 3;
    var MINUS_HALF = -1 / 2;

    signal digit[TOTAL];
    signal product[TOTAL];
    signal slope[TOTAL + 1];
    signal rise[TOTAL];
    signal intercept[TOTAL + 1];
    signal u[TOTAL];
    // of the point so far, and of the line that found it: the first one is a constant
    var lastU = START[0];
    var lastV = START[1];
    var lastSlope = 0;
    var lastIntercept = -START[1];
    var at = 0;
    for (var k = 0; k < SCALARS; k++) {
        var scalar = k < COUNT ? items[k] : (k == COUNT ? rows : blinding);
        var biased = scalar + (1 << (2 * WIDTH[k] - 1));
        var sum = 0;
        var power[2] = TO_MONTGOMERY(HALF[k]);
        for (var j = 0; j < WIDTH[k]; j++) {
            var twice[2] = MONTGOMERY_SUM(power, power);
            var T[4] = DIGIT_TABLE(power, MONTGOMERY_SUM(twice, power), THIRD);
            digit[at] <-- (biased >> (2 * j)) & 3;
            product[at] <== digit[at] * (digit[at] - 3);
            product[at] * (product[at] + 2) === 0;
            sum += digit[at] * (1 << (2 * j));

            var one = MINUS_HALF * product[at];
            var U = T[0] + T[1] * one;
            var V = (2 * digit[at] - 3) * (T[2] + T[3] * one);
            slope[at] <-- (V - lastV) / (U - lastU);
            rise[at] <== slope[at] * U;
            intercept[at] <== V - rise[at];
            (lastSlope + slope[at]) * lastU === -lastIntercept - intercept[at];
            u[at] <== slope[at] * slope[at] - MONTGOMERY_A() - lastU - U;

            lastV = -slope[at] * u[at] - intercept[at];
            lastU = u[at];
            lastSlope = slope[at];
            lastIntercept = intercept[at];
            at++;
            power = MONTGOMERY_SUM(twice, twice);
        }
        biased === sum;
    }

    var END[2] = PEDERSEN_START();
    END = TO_MONTGOMERY([-END[0], END[1]]);
    slope[TOTAL] <-- (END[1] - lastV) / (END[0] - lastU);
    intercept[TOTAL] <== END[1] - slope[TOTAL] * END[0];
    (lastSlope + slope[TOTAL]) * lastU === -lastIntercept - intercept[TOTAL];
    signal sumU <== slope[TOTAL] * slope[TOTAL] - MONTGOMERY_A() - lastU - END[0];
    signal sumV <== -slope[TOTAL] * sumU - intercept[TOTAL];
    x <-- sumU / sumV;
    x * sumV === sumU;
    y <-- (sumU - 1) / (sumU + 1);
    y * (sumU + 1) === sumU - 1;
}

// PedersenCommitment: the y of a commitment whose x is below 2^252; for one commitment, whose blinding is chosen so.
// Sound  (x, y) and (-x, y) are the points with one y, and FIELD_ORDER > 2^253: at most one of them has x < 2^252
template PedersenCommitment(UNIT, COUNT, DIGITS, ROWS_DIGITS) {
    signal input items[COUNT];
    signal input rows;
    signal input blinding;
    signal output out;

    component point = PedersenPoint(UNIT, COUNT, DIGITS, ROWS_DIGITS);
    point.items <== items;
    point.rows <== rows;
    point.blinding <== blinding;
    RangeCheck(252)(point.x);
    out <== point.y;
}

// PedersenHash: H(TAG_POINT, x, y) of a commitment, which contracts recompute; for a sum of commitments, whose x may be
// anything.
template PedersenHash(UNIT, COUNT, DIGITS, ROWS_DIGITS) {
    signal input items[COUNT];
    signal input rows;
    signal input blinding;
    signal output out;

    component point = PedersenPoint(UNIT, COUNT, DIGITS, ROWS_DIGITS);
    point.items <== items;
    point.rows <== rows;
    point.blinding <== blinding;
    out <== PublicHash(2, TAG_POINT(), 0)([point.x, point.y]);
}
