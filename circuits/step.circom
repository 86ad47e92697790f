pragma circom 2.1.6;

include "lib/fixed_point.circom";
include "lib/log_odds.circom";
include "lib/model.circom";
include "lib/pedersen.circom";
include "lib/rounding.circom";
include "lib/rows.circom";
include "lib/sigmoid.circom";

// Signed base-4 digits of a rounded gradient: at most ROWS |x| (1 + 2^-14), since the sigmoid is exact to 5e-5.
function GRADIENT_DIGITS(ROWS, X_BITS, X_FRAC) {
    var LARGEST = (ROWS * BIAS(X_BITS) * ((1 << 14) + 1)) << (GRADIENT_UNIT_FRAC() - 14);
    return ((BIT_LENGTH(LARGEST >> X_FRAC)) + 2) \ 2;
}

// Step: the update opened by updateCommitment is the logistic-regression gradient, rounded once, and the row count, of
// the rows in dataCommitment at the weights in modelCommitment.
//
//     gradient_k = sum over rows of x_k * residual,   residual = 2^(scale+1) (sigma(z) - y),   z = w . x
//
// with x of the intercept = 2^X_FRAC. Integers throughout; nothing is rounded but |z| inside the sigmoid, and each sum, half
// up, to units of 2^-GRADIENT_UNIT_FRAC: updates of any split of the rows add up to that of all of them, but for one
// rounding each.
//
// Public inputs, in this order: modelCommitment, dataCommitment, updateCommitment.
//
// context     any field element, see ModelCommitment
// weights     biased, enforced by ModelCommitment
// features    biased, [0, 2^X_BITS), enforced by Rows; 0 before the bias in padding rows
// labels      +1 for y = 0, -1 for y = 1, 0 for a padding row, enforced by Rows
// salt        any field element; uniformly random for hiding, which is the prover's own interest
// blinding    as in PedersenCommitment
// Sound       every sum stays under 2^220 (twopm_zk.numbers.fixed_point asserts the bound table of each instance), and its
//             rounded value within its digits, as RoundHalfUp wants
template Step(ROWS, FEATURES, X_BITS, X_FRAC) {
    assert(0 < ROWS && ROWS <= MAX_ROWS() && 0 < FEATURES && FEATURES <= 64);
    assert(X_FRAC < X_BITS && X_BITS <= 24);
    var WEIGHTS = FEATURES + 1;
    var ONE = 1 << X_FRAC;

    signal input context;
    signal input weights[WEIGHTS];
    signal input features[ROWS][FEATURES];
    signal input labels[ROWS];
    signal input salt;
    signal input blinding;
    signal output modelCommitment;
    signal output dataCommitment;
    signal output updateCommitment;

    modelCommitment <== ModelCommitment(WEIGHTS)(context, weights);
    component rows = Rows(ROWS, FEATURES, X_BITS, X_FRAC);
    rows.features <== features;
    rows.labels <== labels;
    rows.salt <== salt;
    dataCommitment <== rows.commitment;

    signal z[ROWS] <== LogOdds(ROWS, FEATURES, X_BITS, X_FRAC)(weights, features);
    signal residual[ROWS];
    signal moment[ROWS][FEATURES];
    component sigmoid[ROWS];
    for (var i = 0; i < ROWS; i++) {
        sigmoid[i] = Sigmoid(LOG_ODDS_MAX(FEATURES, X_BITS, X_FRAC), X_FRAC + WEIGHT_FRAC());
        sigmoid[i].z <== z[i];
        sigmoid[i].active <== rows.active[i];
        residual[i] <== labels[i] * (1 << SIGMOID_SCALE_BITS()) + sigmoid[i].out;
        for (var k = 0; k < FEATURES; k++) {
            moment[i][k] <== (features[i][k] - BIAS(X_BITS)) * residual[i];
        }
    }

    var DIGITS[WEIGHTS];
    component rounded[WEIGHTS];
    for (var k = 0; k < WEIGHTS; k++) {
        var sum = 0;
        for (var i = 0; i < ROWS; i++) {
            sum += k < FEATURES ? moment[i][k] : ONE * residual[i];
        }
        rounded[k] = RoundHalfUp(X_FRAC + SIGMOID_SCALE_BITS() + 1 - GRADIENT_UNIT_FRAC());
        rounded[k].in <== sum;
        DIGITS[k] = GRADIENT_DIGITS(ROWS, X_BITS, X_FRAC);
    }
    component point = PedersenCommitment(UNIT_GRADIENT(), WEIGHTS, DIGITS, ROWS_DIGITS(ROWS));
    for (var k = 0; k < WEIGHTS; k++) {
        point.items[k] <== rounded[k].out;
    }
    point.rows <== rows.count;
    point.blinding <== blinding;
    updateCommitment <== point.out;
}
