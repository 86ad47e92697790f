pragma circom 2.1.6;

include "fixed_point.circom";
include "sigmoid.circom";
include "variance_constants.circom";

// Variance: out / 2^VARIANCE_SCALE_BITS approximates sigma'(z) = sigma(z) (1 - sigma(z)), whatever the sign of z;
// 0 where active = 0, and where |z| is beyond the sigmoid's table, above 9.846: there sigma' is below 5.3e-5.
//
// z, active   as in RoundedMagnitude
// out         [0, 2^171): positive for every T, tools/design_variance.py
// Sound       the sign, free where T = 0, is not used; the rest follows from z, step by step
template Variance(Z_MAX, Z_FRAC) {
    signal input z;
    signal input active;
    signal output out;

    signal (T, inside, overflow, sign) <== RoundedMagnitude(Z_MAX, Z_FRAC)(z, active);

    // Horner's rule
    var DEGREE = VARIANCE_DEGREE();
    signal u[DEGREE];
    var previous = VARIANCE_COEFFICIENT(0);
    for (var i = 0; i < DEGREE; i++) {
        u[i] <== previous * (T - VARIANCE_CENTRE()) + VARIANCE_COEFFICIENT(i + 1);
        previous = u[i];
    }
    signal used <== inside * active;
    out <== used * u[DEGREE - 1];
}
