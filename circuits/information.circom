pragma circom 2.1.6;

include "lib/family.circom";
include "lib/fixed_point.circom";
include "lib/linear_predictor.circom";
include "lib/model.circom";
include "lib/noise.circom";
include "lib/pedersen.circom";
include "lib/policy.circom";
include "lib/rounding.circom";
include "lib/rows.circom";

// Bits that are rounded away from the sum of x_j x_k v, for column j <= column k; the intercept is column FEATURES.
function INFORMATION_DROPPED(j, k, FEATURES, X_FRAC, FAMILY) {
    var PLACES = (j < FEATURES ? X_FRAC : 0) + (k < FEATURES ? X_FRAC : 0);
    return FAMILY_VARIANCE_FRAC(FAMILY) + PLACES - INFORMATION_UNIT_FRAC();
}

// Signed base-4 digits of a rounded sum in units of 2^-INFORMATION_UNIT_FRAC: at most ROWS x^2 v, where v <= 1/4 (1 + 2^-10)
// and |x| <= 2^(X_BITS - 1 - X_FRAC), with its noise.
function INFORMATION_DIGITS(ROWS, X_BITS, X_FRAC, NOISE) {
    var LARGEST = (ROWS * 1025) << (2 * (X_BITS - 1 - X_FRAC) - 2 + INFORMATION_UNIT_FRAC() - 10);
    return SIGNED_DIGITS(LARGEST + NOISE_BOUND(INFORMATION_UNIT_FRAC(), NOISE));
}

// Information: the sums opened by updateCommitment are those of x_j x_k v(z) over the rows in dataCommitment, the upper
// triangle by rows, each rounded once, half up, to units of 2^-INFORMATION_UNIT_FRAC; v as in Variances, z = w . x at the
// weights in modelCommitment. Where NOISE is above 0 each sum carries bounded noise besides, of up to 2^NOISE.
//
// Public inputs, in this order: modelCommitment, dataCommitment, updateCommitment.
//
// context, weights, cells, marks, salt, blinding   as in Step; labels serve to open the rows, marks to tell padding
// noise     as in BoundedNoise, enforced there; none where NOISE is 0
// Sound     the exact sums stay below 2^221 (bound table of the twin): sum + HALF = rounded 2^LOW + rest has one solution
//           with the rest in [0, 2^LOW) and the rounded sum, what is committed to less the noise, within 2^63
template Information(ROWS, FEATURES, X_BITS, X_FRAC, FAMILY, NOISE) {
    assert(0 < ROWS && ROWS <= MAX_ROWS() && 0 < FEATURES && FEATURES <= 64);
    assert(X_FRAC < X_BITS && X_BITS <= 24);
    var WEIGHTS = FEATURES + 1;
    var COLUMNS = FEATURES + LABEL_COLUMNS(FAMILY);
    var PAIRS = WEIGHTS * (WEIGHTS + 1) \ 2;

    signal input context;
    signal input weights[WEIGHTS];
    signal input cells[ROWS][COLUMNS];
    signal input marks[ROWS];
    signal input salt;
    signal input blinding;
    signal input noise[NOISES(PAIRS, NOISE)];
    signal output modelCommitment;
    signal output dataCommitment;
    signal output updateCommitment;

    modelCommitment <== ModelCommitment(WEIGHTS)(context, weights);
    component rows = Rows(ROWS, FEATURES, X_BITS, X_FRAC, FAMILY);
    rows.cells <== cells;
    rows.marks <== marks;
    rows.salt <== salt;
    dataCommitment <== rows.commitment;

    var sum[PAIRS];
    for (var p = 0; p < PAIRS; p++) {
        sum[p] = 0;
    }
    signal z[ROWS] <== LinearPredictor(ROWS, FEATURES, COLUMNS, X_BITS, X_FRAC)(weights, cells);
    signal v[ROWS] <== Variances(ROWS, FEATURES, X_BITS, X_FRAC, FAMILY)(z, rows.active);
    signal weighted[ROWS][FEATURES];
    signal product[ROWS][FEATURES * WEIGHTS \ 2];
    for (var i = 0; i < ROWS; i++) {
        for (var j = 0; j < FEATURES; j++) {
            weighted[i][j] <== (cells[i][j] - BIAS(X_BITS)) * v[i];
            for (var k = j; k < FEATURES; k++) {
                var p = UPPER_INDEX(FEATURES, j, k);
                product[i][p] <== weighted[i][j] * (cells[i][k] - BIAS(X_BITS));
                sum[UPPER_INDEX(WEIGHTS, j, k)] += product[i][p];
            }
            sum[UPPER_INDEX(WEIGHTS, j, FEATURES)] += weighted[i][j];
        }
        sum[UPPER_INDEX(WEIGHTS, FEATURES, FEATURES)] += v[i];
    }

    var DIGITS[PAIRS];
    var UNIT[PAIRS];
    component rounded[PAIRS];
    for (var j = 0; j < WEIGHTS; j++) {
        for (var k = j; k < WEIGHTS; k++) {
            var p = UPPER_INDEX(WEIGHTS, j, k);
            rounded[p] = RoundHalfUp(INFORMATION_DROPPED(j, k, FEATURES, X_FRAC, FAMILY));
            rounded[p].in <== sum[p];
            DIGITS[p] = INFORMATION_DIGITS(ROWS, X_BITS, X_FRAC, NOISE);
            UNIT[p] = INFORMATION_UNIT_FRAC();
        }
    }
    if (NOISE > 0) {
        BoundedNoise(PAIRS, UNIT, NOISE)(noise);
    }
    component point = PedersenCommitment(UNIT_INFORMATION(), PAIRS, DIGITS, ROWS_DIGITS(ROWS));
    for (var p = 0; p < PAIRS; p++) {
        if (NOISE > 0) {
            point.items[p] <== rounded[p].out + noise[p];
        } else {
            point.items[p] <== rounded[p].out;
        }
    }
    point.rows <== rows.count;
    point.blinding <== blinding;
    updateCommitment <== point.out;
}
