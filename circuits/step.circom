pragma circom 2.1.6;

include "lib/family.circom";
include "lib/fixed_point.circom";
include "lib/linear_predictor.circom";
include "lib/model.circom";
include "lib/noise.circom";
include "lib/pedersen.circom";
include "lib/rounding.circom";
include "lib/rows.circom";

// Signed base-4 digits of a rounded gradient, at most ROWS |x| (1 + 2^-14), as Residuals says, with its noise.
function GRADIENT_DIGITS(ROWS, X_BITS, X_FRAC, NOISE) {
    var LARGEST = (ROWS * BIAS(X_BITS) * ((1 << 14) + 1)) << (GRADIENT_UNIT_FRAC() - 14);
    return SIGNED_DIGITS((LARGEST >> X_FRAC) + NOISE_BOUND(GRADIENT_UNIT_FRAC(), NOISE));
}

// Step: the update opened by updateCommitment is the gradient of a family's loss, rounded once, and the row count, of the
// rows in dataCommitment at the weights in modelCommitment.
//
//     gradient_k = sum over rows of x_k * residual,   residual as in Residuals,   z = w . x
//
// with x of the intercept = 2^X_FRAC. Integers throughout; nothing is rounded but |z| inside the sigmoid, and each sum, half
// up, to units of 2^-GRADIENT_UNIT_FRAC: updates of any split of the rows add up to that of all of them, but for one
// rounding each. Where NOISE is above 0 each sum carries bounded noise besides, of up to 2^NOISE.
//
// Public inputs, in this order: modelCommitment, dataCommitment, updateCommitment.
//
// context         any field element, see ModelCommitment
// weights         biased, enforced by ModelCommitment
// cells, marks    as in Rows, enforced there
// salt            any field element; uniformly random for hiding, which is the prover's own interest
// blinding        as in PedersenCommitment
// noise           as in BoundedNoise, enforced there; none where NOISE is 0
// Sound           every sum stays under 2^220 (twopm_zk.numbers.fixed_point asserts the bound table of each instance), and
//                 its rounded value, what is committed to less the noise, within 2^83, as RoundHalfUp wants
template Step(ROWS, FEATURES, X_BITS, X_FRAC, FAMILY, NOISE) {
    assert(0 < ROWS && ROWS <= MAX_ROWS() && 0 < FEATURES && FEATURES <= 64);
    assert(X_FRAC < X_BITS && X_BITS <= 24);
    var WEIGHTS = FEATURES + 1;
    var COLUMNS = FEATURES + LABEL_COLUMNS(FAMILY);
    var ONE = 1 << X_FRAC;

    signal input context;
    signal input weights[WEIGHTS];
    signal input cells[ROWS][COLUMNS];
    signal input marks[ROWS];
    signal input salt;
    signal input blinding;
    signal input noise[NOISES(WEIGHTS, NOISE)];
    signal output modelCommitment;
    signal output dataCommitment;
    signal output updateCommitment;

    modelCommitment <== ModelCommitment(WEIGHTS)(context, weights);
    component rows = Rows(ROWS, FEATURES, X_BITS, X_FRAC, FAMILY);
    rows.cells <== cells;
    rows.marks <== marks;
    rows.salt <== salt;
    dataCommitment <== rows.commitment;

    signal z[ROWS] <== LinearPredictor(ROWS, FEATURES, COLUMNS, X_BITS, X_FRAC)(weights, cells);
    signal residual[ROWS] <== Residuals(ROWS, FEATURES, X_BITS, X_FRAC, FAMILY)(z, cells, marks, rows.active);
    signal moment[ROWS][FEATURES];
    for (var i = 0; i < ROWS; i++) {
        for (var k = 0; k < FEATURES; k++) {
            moment[i][k] <== (cells[i][k] - BIAS(X_BITS)) * residual[i];
        }
    }

    var DIGITS[WEIGHTS];
    var UNIT[WEIGHTS];
    component rounded[WEIGHTS];
    for (var k = 0; k < WEIGHTS; k++) {
        var sum = 0;
        for (var i = 0; i < ROWS; i++) {
            sum += k < FEATURES ? moment[i][k] : ONE * residual[i];
        }
        rounded[k] = RoundHalfUp(X_FRAC + RESIDUAL_FRAC(FAMILY, X_FRAC) - GRADIENT_UNIT_FRAC());
        rounded[k].in <== sum;
        DIGITS[k] = GRADIENT_DIGITS(ROWS, X_BITS, X_FRAC, NOISE);
        UNIT[k] = GRADIENT_UNIT_FRAC();
    }
    if (NOISE > 0) {
        BoundedNoise(WEIGHTS, UNIT, NOISE)(noise);
    }
    component point = PedersenCommitment(UNIT_GRADIENT(), WEIGHTS, DIGITS, ROWS_DIGITS(ROWS));
    for (var k = 0; k < WEIGHTS; k++) {
        if (NOISE > 0) {
            point.items[k] <== rounded[k].out + noise[k];
        } else {
            point.items[k] <== rounded[k].out;
        }
    }
    point.rows <== rows.count;
    point.blinding <== blinding;
    updateCommitment <== point.out;
}
