pragma circom 2.1.6;

include "fixed_point.circom";
include "linear_predictor.circom";
include "sigmoid.circom";
include "variance.circom";

// A family of the generalised linear model, as the parameter FAMILY of templates; twin of
// twopm_zk/statements/family.py, change both together. With z = w . x, the loss of a row, its derivative with respect to z
// (the residual) and the derivative of that (the variance) are
//
//     logistic   log(1 + e^z) - y z           sigma(z) - y     sigma'(z)        y is 0 or 1, told by the row's mark
//     gaussian   (z - y)^2 / (2 * 64)         (z - y) / 64     1 / 64           y is the row's last cell
function LOGISTIC() { return 0; }
function GAUSSIAN() { return 1; }

// log2 of the gaussian family's dispersion; |z - y| is at most 2^DISPERSION_LOG2.
function DISPERSION_LOG2() { return 6; }

// Columns of a row's cells beside the features.
function LABEL_COLUMNS(FAMILY) {
    assert(FAMILY == LOGISTIC() || FAMILY == GAUSSIAN());
    if (FAMILY == GAUSSIAN()) { return 1; }
    return 0;
}

// Fractional bits of residual and variance.
function RESIDUAL_FRAC(FAMILY, X_FRAC) {
    if (FAMILY == GAUSSIAN()) { return X_FRAC + WEIGHT_FRAC() + DISPERSION_LOG2(); }
    return SIGMOID_SCALE_BITS() + 1;
}
function FAMILY_VARIANCE_FRAC(FAMILY) {
    if (FAMILY == GAUSSIAN()) { return DISPERSION_LOG2(); }
    return VARIANCE_SCALE_BITS();
}

// ProbabilityError: sigma(z) - y with SIGMOID_SCALE_BITS + 1 fractional bits, 0 in padding rows.
// z, mark, active   by the caller's bound table, and as in Rows
template ProbabilityError(Z_MAX, Z_FRAC) {
    signal input z;
    signal input mark;
    signal input active;
    signal output out;

    signal sigmoid <== Sigmoid(Z_MAX, Z_FRAC)(z, active);
    out <== mark * (1 << SIGMOID_SCALE_BITS()) + sigmoid;
}

// Deviation: z - y with X_FRAC + WEIGHT_FRAC fractional bits, 0 in padding rows.
//
// z        the linear predictor, by the caller's bound table
// label    biased, [0, 2^X_BITS), enforced by Rows
// active   0 or 1, enforced by Rows
// out      |out| <= 2^DISPERSION_LOG2, enforced here: -2^D <= out < 2^D
// Sound    |z - y| stays far below FIELD_ORDER / 2 (bound table), so that what passes the range check is within it
template Deviation(X_BITS, X_FRAC) {
    signal input z;
    signal input label;
    signal input active;
    signal output out;

    out <== active * (z - (label - BIAS(X_BITS)) * (1 << WEIGHT_FRAC()));
    var BITS = X_FRAC + WEIGHT_FRAC() + DISPERSION_LOG2() + 1;
    RangeCheck(BITS)(out + BIAS(BITS));
}

// Residuals: the derivative of each row's loss with respect to z, with RESIDUAL_FRAC fractional bits; 0 in padding rows.
//
// z        the linear predictor; cells, marks, active as in Rows
// out      |out| <= 2^RESIDUAL_FRAC (1 + 2^-14): the sigmoid is exact to 5e-5
// Sound    as Sigmoid, or Deviation, says
template Residuals(ROWS, FEATURES, X_BITS, X_FRAC, FAMILY) {
    var COLUMNS = FEATURES + LABEL_COLUMNS(FAMILY);
    signal input z[ROWS];
    signal input cells[ROWS][COLUMNS];
    signal input marks[ROWS];
    signal input active[ROWS];
    signal output out[ROWS];

    for (var i = 0; i < ROWS; i++) {
        if (FAMILY == LOGISTIC()) {
            out[i] <== ProbabilityError(PREDICTOR_MAX(FEATURES, X_BITS, X_FRAC), X_FRAC + WEIGHT_FRAC())(
                z[i], marks[i], active[i]
            );
        } else {
            out[i] <== Deviation(X_BITS, X_FRAC)(z[i], cells[i][FEATURES], active[i]);
        }
    }
}

// Variances: the derivative of each row's residual with respect to z, with FAMILY_VARIANCE_FRAC fractional bits; 0 in
// padding rows.
//
// z, active   the linear predictor, and as in Rows
template Variances(ROWS, FEATURES, X_BITS, X_FRAC, FAMILY) {
    signal input z[ROWS];
    signal input active[ROWS];
    signal output out[ROWS];

    for (var i = 0; i < ROWS; i++) {
        if (FAMILY == LOGISTIC()) {
            out[i] <== Variance(PREDICTOR_MAX(FEATURES, X_BITS, X_FRAC), X_FRAC + WEIGHT_FRAC())(z[i], active[i]);
        } else {
            out[i] <== active[i];
        }
    }
}
