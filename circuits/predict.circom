pragma circom 2.1.6;

include "lib/commitment.circom";
include "lib/family.circom";
include "lib/fixed_point.circom";
include "lib/linear_predictor.circom";
include "lib/model.circom";
include "lib/rounding.circom";
include "lib/rows.circom";
include "lib/sigmoid.circom";

// Bits of a prediction: 0 to 2^PREDICTION_FRAC for a probability; a label is biased, as value + 2^31.
function PREDICTION_BITS(FAMILY) {
    if (FAMILY == GAUSSIAN()) { return 32; }
    return PREDICTION_FRAC() + 1;
}

// Predict: prediction is what the committed model expects of the committed input, in units of 2^-PREDICTION_FRAC, rounded half
// up: the probability of the label 1, or, where labels are numbers, the scaled label plus 2^15.
//
// Public inputs, in this order: modelCommitment, inputCommitment, prediction.
//
// context      any field element, see ModelCommitment
// weights      biased, enforced by ModelCommitment
// features     biased, [0, 2^X_BITS), enforced here
// salt         any field element
// prediction   PREDICTION_BITS, enforced here; a gaussian z outside [-2^15, 2^15) has no proof
// Sound        the exact expectation is below 2^173 in magnitude, and the prediction within its bits, as RoundHalfUp wants
template Predict(FEATURES, X_BITS, X_FRAC, FAMILY) {
    var WEIGHTS = FEATURES + 1;
    var PER = 240 \ X_BITS;
    var ELEMENTS = (FEATURES + PER - 1) \ PER;

    signal input context;
    signal input weights[WEIGHTS];
    signal input features[FEATURES];
    signal input salt;
    signal output modelCommitment;
    signal output inputCommitment;
    signal output prediction;

    modelCommitment <== ModelCommitment(WEIGHTS)(context, weights);

    component pack = Pack(FEATURES, X_BITS, PER);
    for (var k = 0; k < FEATURES; k++) {
        RangeCheck(X_BITS)(features[k]);
        pack.values[k] <== features[k];
    }
    component hash = SecretHash(ELEMENTS + 1, TAG_INPUT(), ROWS_SHAPE(1, FEATURES, X_BITS, X_FRAC, FAMILY));
    hash.items[0] <== salt;
    for (var e = 0; e < ELEMENTS; e++) {
        hash.items[e + 1] <== pack.packed[e];
    }
    inputCommitment <== hash.out;

    signal z[1] <== LinearPredictor(1, FEATURES, FEATURES, X_BITS, X_FRAC)(weights, [features]);
    if (FAMILY == LOGISTIC()) {
        signal numerator <== Sigmoid(PREDICTOR_MAX(FEATURES, X_BITS, X_FRAC), X_FRAC + WEIGHT_FRAC())(z[0], 1);
        prediction <== RoundHalfUp(SIGMOID_SCALE_BITS() + 1 - PREDICTION_FRAC())(
            numerator + (1 << SIGMOID_SCALE_BITS())
        );
    } else {
        signal nearest <== RoundHalfUp(X_FRAC + WEIGHT_FRAC() - PREDICTION_FRAC())(z[0]);
        prediction <== nearest + BIAS(PREDICTION_BITS(FAMILY));
    }
    RangeCheck(PREDICTION_BITS(FAMILY))(prediction);
}
