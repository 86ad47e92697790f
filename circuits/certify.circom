pragma circom 2.2.0;

include "lib/collection.circom";
include "lib/model.circom";
include "lib/policy.circom";

// Certify: at the committed weights every component of the summed, regularised gradient is at most gradientBound
// per row in magnitude, the weights are within weightBound, and at least minRows rows were counted. The
// regularised loss is convex: a small gradient says that the weights are near its optimum, however they were found.
// (With lambda = 0 separable data saturate the sigmoid: then the certificate says no more than the weight bound does.)
//
// Public inputs, in this order: modelCommitment, updatesCommitment, gradientBound.
//
// gradientBound   [0, 2^BOUND_BITS) in units of 2^-BOUND_FRAC, enforced here
// the rest        as in Aggregate
// Sound           both differences stay below 2^MARGIN_BITS in magnitude (bound table), a negative one is refused
template Certify(FEATURES) {
    var WEIGHTS = FEATURES + 1;
    var LAMBDA_UNIT = 1 << (GRADIENT_UNIT_FRAC() - LAMBDA_FRAC() - WEIGHT_FRAC());
    var BOUND_UNIT = 1 << (GRADIENT_UNIT_FRAC() - BOUND_FRAC());
    var MARGIN_BITS = 2 * SUM_DIGITS() + 2;

    input Policy() policy;
    signal input weights[WEIGHTS];
    input RoundSum(WEIGHTS) sum;
    signal output modelCommitment;
    signal output updatesCommitment;
    signal input gradientBound;

    signal context <== Context()(policy);
    modelCommitment <== ModelCommitment(WEIGHTS)(context, weights);

    updatesCommitment <== OpenedSum(WEIGHTS)(sum);
    AtLeast()(sum.rows, policy.minRows);
    WithinBound(WEIGHTS)(weights, policy.weightBound);

    RangeCheck(BOUND_BITS())(gradientBound);
    signal allowed <== (BOUND_UNIT * gradientBound) * sum.rows;
    signal G[WEIGHTS];
    for (var k = 0; k < WEIGHTS; k++) {
        if (k < FEATURES) {
            G[k] <== sum.gradient[k] + (LAMBDA_UNIT * policy.lambda) * (weights[k] - BIAS(WEIGHT_BITS()));
        } else {
            G[k] <== sum.gradient[k];
        }
        RangeCheck(MARGIN_BITS)(allowed - G[k]);
        RangeCheck(MARGIN_BITS)(allowed + G[k]);
    }
}
