pragma circom 2.1.6;

include "lib/evaluation.circom";
include "lib/family.circom";
include "lib/fixed_point.circom";
include "lib/linear_predictor.circom";
include "lib/model.circom";
include "lib/noise.circom";
include "lib/pedersen.circom";
include "lib/rounding.circom";
include "lib/rows.circom";

// Sums of an evaluation, what they are counted in, what noise in each is measured by, as a power of two, and the signed
// base-4 digits of each in an update, with its noise.
function EVALUATION_SUMS(FAMILY) {
    if (FAMILY == GAUSSIAN()) { return 3; }
    return SCORES();
}
function EVALUATION_UNIT(FAMILY) {
    if (FAMILY == GAUSSIAN()) { return UNIT_SQUARES(); }
    return UNIT_EVALUATION();
}
function EVALUATION_NOISE_UNIT(FAMILY, k) {
    // a row may move y by 2^4, y^2 by 2^6, (z - y)^2 by 2^12
    if (FAMILY == GAUSSIAN()) { return SQUARES_UNIT_FRAC() + (k == 0 ? 4 : (k == 1 ? 6 : 12)); }
    return SCORE_NOISE_UNIT(k);
}
function EVALUATION_DIGITS(FAMILY, k, NOISE) {
    var LARGEST;
    if (FAMILY == GAUSSIAN()) {
        LARGEST = (1 << 57) - 1; // ROWS y^2 <= 2^16 and ROWS (z - y)^2 <= 2^22, in units of 2^-32
    } else {
        LARGEST = SCORE_MAX(k);
    }
    return SIGNED_DIGITS(LARGEST + NOISE_BOUND(EVALUATION_NOISE_UNIT(FAMILY, k), NOISE));
}

// SquareSums: the sums of a gaussian evaluation, rounded once: y, y^2 and (z - y)^2, of the scaled label, in units of
// 2^-SQUARES_UNIT_FRAC.
//
// z, cells, active   as in Deviation
// sums               within their digits, enforced by the caller
// Sound              |z - y| keeps to its range, as Deviation enforces; all follow from cells and z, and are 0 in padding rows
template SquareSums(ROWS, FEATURES, X_BITS, X_FRAC) {
    signal input z[ROWS];
    signal input cells[ROWS][FEATURES + 1];
    signal input active[ROWS];
    signal output sums[3];

    signal deviation[ROWS];
    signal labelSquare[ROWS];
    signal deviationSquare[ROWS];
    var total[3] = [0, 0, 0];
    for (var i = 0; i < ROWS; i++) {
        var y = cells[i][FEATURES] - BIAS(X_BITS);
        deviation[i] <== Deviation(X_BITS, X_FRAC)(z[i], cells[i][FEATURES], active[i]);
        labelSquare[i] <== y * y;
        deviationSquare[i] <== deviation[i] * deviation[i];
        total[0] += y;
        total[1] += labelSquare[i];
        total[2] += deviationSquare[i];
    }
    sums[0] <== RoundHalfUp(X_FRAC - SQUARES_UNIT_FRAC())(total[0]);
    sums[1] <== RoundHalfUp(2 * X_FRAC - SQUARES_UNIT_FRAC())(total[1]);
    sums[2] <== RoundHalfUp(2 * (X_FRAC + WEIGHT_FRAC()) - SQUARES_UNIT_FRAC())(total[2]);
}

// Evaluate: the sums opened by updateCommitment say how well the model in modelCommitment predicts the rows in
// dataCommitment, each rounded once, half up:
//
//     logistic   log-loss, squared error of the probability, rows by class and bin of the probability; see ScoreSums
//     gaussian   the scaled label y, its square, and (z - y)^2; see SquareSums
//
// Where NOISE is above 0 each sum carries bounded noise besides: up to 2^NOISE rows in a count, and in the other sums in
// proportion to what a row may add to them.
//
// Public inputs, in this order: modelCommitment, dataCommitment, updateCommitment.
//
// context, weights, cells, marks, salt, blinding   as in Step
// noise     as in BoundedNoise, enforced there; none where NOISE is 0
// Sound     exact sums stay below 2^240 (bound table of the twin), and rounded ones, what is committed to less the noise,
//           within 2^63, as RoundHalfUp wants. Counts have digits of their own where noise is in what is committed to
template Evaluate(ROWS, FEATURES, X_BITS, X_FRAC, FAMILY, NOISE) {
    assert(0 < ROWS && ROWS <= MAX_ROWS() && 0 < FEATURES && FEATURES <= 64);
    assert(X_FRAC < X_BITS && X_BITS <= 24);
    var WEIGHTS = FEATURES + 1;
    var COLUMNS = FEATURES + LABEL_COLUMNS(FAMILY);
    var SUMS = EVALUATION_SUMS(FAMILY);

    signal input context;
    signal input weights[WEIGHTS];
    signal input cells[ROWS][COLUMNS];
    signal input marks[ROWS];
    signal input salt;
    signal input blinding;
    signal input noise[NOISES(SUMS, NOISE)];
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
    signal sums[SUMS];
    if (FAMILY == LOGISTIC()) {
        sums <== ScoreSums(ROWS, FEATURES, X_BITS, X_FRAC)(z, marks, rows.active);
    } else {
        sums <== SquareSums(ROWS, FEATURES, X_BITS, X_FRAC)(z, cells, rows.active);
    }

    var DIGITS[SUMS];
    var UNIT[SUMS];
    for (var k = 0; k < SUMS; k++) {
        DIGITS[k] = EVALUATION_DIGITS(FAMILY, k, NOISE);
        UNIT[k] = EVALUATION_NOISE_UNIT(FAMILY, k);
    }
    if (NOISE > 0) {
        BoundedNoise(SUMS, UNIT, NOISE)(noise);
        if (FAMILY == LOGISTIC()) {
            for (var k = 2; k < SUMS; k++) {
                RangeCheck(BIN_LANE())(sums[k] + BIAS(BIN_LANE()));
            }
        }
    }
    component point = PedersenCommitment(EVALUATION_UNIT(FAMILY), SUMS, DIGITS, ROWS_DIGITS(ROWS));
    for (var k = 0; k < SUMS; k++) {
        if (NOISE > 0) {
            point.items[k] <== sums[k] + noise[k];
        } else {
            point.items[k] <== sums[k];
        }
    }
    point.rows <== rows.count;
    point.blinding <== blinding;
    updateCommitment <== point.out;
}
