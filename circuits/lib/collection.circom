pragma circom 2.2.0;

include "fixed_point.circom";
include "pedersen.circom";
include "sigmoid_constants.circom";

// RoundSum: what opens the round's point, the sum of all update commitments; a tag of names, which constrains nothing.
bus RoundSum(WEIGHTS) {
    signal gradient[WEIGHTS];
    signal rows;
    signal blinding;
}

// OpenedSum: the hash of the point that a round's sum opens.
//
// sum.gradient   signed, SUM_DIGITS base-4 digits each, enforced here
// sum.rows       signed, COUNT_DIGITS base-4 digits, enforced here
// sum.blinding   as in PedersenPoint
// commitment     H(TAG_POINT, x, y), recomputed by the contract, which added the points of the updates itself
// Sound          with digits in their range packed sums and rows are below half of the subgroup's order: another opening
//                of the point would be a discrete logarithm. The sums of 2^20 updates fit (bound table)
template OpenedSum(WEIGHTS) {
    input RoundSum(WEIGHTS) sum;
    signal output commitment;

    var DIGITS[WEIGHTS];
    for (var k = 0; k < WEIGHTS; k++) {
        DIGITS[k] = SUM_DIGITS();
    }
    component point = PedersenHash(UNIT_GRADIENT(), WEIGHTS, DIGITS, COUNT_DIGITS());
    point.items <== sum.gradient;
    point.rows <== sum.rows;
    point.blinding <== sum.blinding;
    commitment <== point.out;
}
