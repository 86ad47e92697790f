pragma circom 2.1.6;

include "lib/commitment.circom";
include "lib/model.circom";
include "lib/rows.circom";
include "lib/sigmoid.circom";

// Predict: prediction is the committed model's probability for the committed input, in units of 2^-PREDICTION_FRAC,
// rounded half up: 0 to 2^PREDICTION_FRAC.
//
// Public inputs, in this order: modelCommitment, inputCommitment, prediction.
//
// context    any field element, see ModelCommitment
// weights    biased, enforced by ModelCommitment
// features   biased, [0, 2^X_BITS), enforced here
// salt       any field element
// Sound      2^scale + N + half = 2^SHIFT prediction + remainder, all below 2^173, remainder in [0, 2^SHIFT)
template Predict(FEATURES, X_BITS, X_FRAC) {
    var WEIGHTS = FEATURES + 1;
    var ONE = 1 << X_FRAC;
    var Z_MAX = BIAS(WEIGHT_BITS()) * (FEATURES * BIAS(X_BITS) + ONE);
    var PER = 240 \ X_BITS;
    var ELEMENTS = (FEATURES + PER - 1) \ PER;
    var SHIFT = SIGMOID_SCALE_BITS() + 1 - PREDICTION_FRAC();

    signal input context;
    signal input weights[WEIGHTS];
    signal input features[FEATURES];
    signal input salt;
    signal output modelCommitment;
    signal output inputCommitment;
    signal output prediction;

    modelCommitment <== ModelCommitment(WEIGHTS)(context, weights);

    component pack = Pack(FEATURES, X_BITS, PER);
    signal term[FEATURES];
    var sum = ONE * (weights[FEATURES] - BIAS(WEIGHT_BITS()));
    for (var k = 0; k < FEATURES; k++) {
        RangeCheck(X_BITS)(features[k]);
        pack.values[k] <== features[k];
        term[k] <== (features[k] - BIAS(X_BITS)) * (weights[k] - BIAS(WEIGHT_BITS()));
        sum += term[k];
    }
    component hash = SecretHash(ELEMENTS + 1, TAG_INPUT(), ROWS_SHAPE(1, FEATURES, X_BITS, X_FRAC));
    hash.items[0] <== salt;
    for (var e = 0; e < ELEMENTS; e++) {
        hash.items[e + 1] <== pack.packed[e];
    }
    inputCommitment <== hash.out;

    signal numerator <== Sigmoid(Z_MAX, X_FRAC + WEIGHT_FRAC())(sum, 1);
    var shifted = numerator + (1 << SIGMOID_SCALE_BITS()) + (1 << (SHIFT - 1));
    signal quotient <-- shifted >> SHIFT;
    signal remainder <-- shifted & ((1 << SHIFT) - 1);
    shifted === quotient * (1 << SHIFT) + remainder;
    RangeCheck(PREDICTION_FRAC() + 1)(quotient);
    RangeCheck(SHIFT)(remainder);
    prediction <== quotient;
}
