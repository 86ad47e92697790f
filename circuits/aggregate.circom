pragma circom 2.2.0;

include "lib/collection.circom";
include "lib/model.circom";
include "lib/policy.circom";

// Aggregate: the next weights are the committed weights moved by a step matrix times the sum of all updates of the
// round, regularised, rounded half up; they are committed to together with that matrix:
//
//     w' = w - floor((P G + 2^(SHIFT-1)) / 2^SHIFT),   G_k = sum of g_k + lambda w_k in the gradient's unit
//
// without regularisation of the intercept; |w'| <= weightBound, and the sum counts at least minRows rows.
//
// Public inputs, in this order: modelCommitment, updatesCommitment, nextModelCommitment.
//
// weights, nextWeights   biased, enforced by ModelCommitment
// policy.matrixHash      of the matrix before, any field element: it belongs to the context and is used for nothing
// upper                  the step matrix, see StepMatrix and NextContext; the rest as in Context and OpenedSum
// Sound     |P G + 2^(SHIFT-1)| < 2^200 (bound table), and 2^SHIFT (w - w') + remainder is below it: equal mod
//           FIELD_ORDER means equal; the remainder in [0, 2^SHIFT) makes the quotient unique
template Aggregate(FEATURES) {
    var WEIGHTS = FEATURES + 1;
    var ENTRIES = WEIGHTS * (WEIGHTS + 1) \ 2;
    var SHIFT = MATRIX_FRAC() + GRADIENT_UNIT_FRAC() - WEIGHT_FRAC();
    var LAMBDA_UNIT = 1 << (GRADIENT_UNIT_FRAC() - LAMBDA_FRAC() - WEIGHT_FRAC());

    input Policy() policy;
    signal input nextHead;
    signal input upper[ENTRIES];
    signal input weights[WEIGHTS];
    signal input nextWeights[WEIGHTS];
    input RoundSum(WEIGHTS) sum;
    signal output modelCommitment;
    signal output updatesCommitment;
    signal output nextModelCommitment;

    signal nextContext <== NextContext()(nextHead, StepMatrix(WEIGHTS)(upper));
    signal context <== Context()(policy);
    modelCommitment <== ModelCommitment(WEIGHTS)(context, weights);
    nextModelCommitment <== ModelCommitment(WEIGHTS)(nextContext, nextWeights);

    updatesCommitment <== OpenedSum(WEIGHTS)(sum);
    AtLeast()(sum.rows, policy.minRows);
    WithinBound(WEIGHTS)(nextWeights, policy.weightBound);

    signal G[WEIGHTS];
    for (var k = 0; k < FEATURES; k++) {
        G[k] <== sum.gradient[k] + (LAMBDA_UNIT * policy.lambda) * (weights[k] - BIAS(WEIGHT_BITS()));
    }
    G[FEATURES] <== sum.gradient[FEATURES];

    signal product[WEIGHTS][WEIGHTS];
    signal remainder[WEIGHTS];
    for (var i = 0; i < WEIGHTS; i++) {
        var moved = 1 << (SHIFT - 1);
        for (var k = 0; k < WEIGHTS; k++) {
            product[i][k] <== (upper[UPPER_INDEX(WEIGHTS, i, k)] - BIAS(MATRIX_BITS())) * G[k];
            moved += product[i][k];
        }
        // the hint adds a multiple of 2^SHIFT to be positive
        remainder[i] <-- (moved + (1 << 200)) & ((1 << SHIFT) - 1);
        RangeCheck(SHIFT)(remainder[i]);
        moved === (weights[i] - nextWeights[i]) * (1 << SHIFT) + remainder[i];
    }
}
