pragma circom 2.1.6;

include "fixed_point.circom";

// The largest magnitude of z that weights and features of their formats can reach.
function PREDICTOR_MAX(FEATURES, X_BITS, X_FRAC) {
    return BIAS(WEIGHT_BITS()) * (FEATURES * BIAS(X_BITS) + (1 << X_FRAC));
}

// LinearPredictor: z = w . x of each row, the intercept last, with X_FRAC + WEIGHT_FRAC fractional bits; exact.
//
// weights   biased, enforced by ModelCommitment
// cells     biased, [0, 2^X_BITS), enforced by Rows; the first FEATURES columns are the features
template LinearPredictor(ROWS, FEATURES, COLUMNS, X_BITS, X_FRAC) {
    assert(FEATURES <= COLUMNS);
    signal input weights[FEATURES + 1];
    signal input cells[ROWS][COLUMNS];
    signal output z[ROWS];

    signal term[ROWS][FEATURES];
    for (var i = 0; i < ROWS; i++) {
        var sum = (1 << X_FRAC) * (weights[FEATURES] - BIAS(WEIGHT_BITS()));
        for (var k = 0; k < FEATURES; k++) {
            term[i][k] <== (cells[i][k] - BIAS(X_BITS)) * (weights[k] - BIAS(WEIGHT_BITS()));
            sum += term[i][k];
        }
        z[i] <== sum;
    }
}
