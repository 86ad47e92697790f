pragma circom 2.1.6;

include "evaluation_constants.circom";
include "fixed_point.circom";
include "linear_predictor.circom";
include "pedersen_generators.circom";
include "rounding.circom";
include "sigmoid.circom";

// Counts by bin in one number, a lane for each: up to MAX_ROWS, and a bit more, so that lanes never meet.
function BIN_LANE() { return 12; }
// Sums of a logistic evaluation: log-loss, squared error, and counts by class and bin of the probability.
function SCORES() { return 2 + 4 * BINS(); }
// The largest of each in an update: 13 times the log-loss is below 2^21, squared errors below 2^11, counts below 2^10.
function SCORE_MAX(k) {
    if (k == 0) { return (1 << 41) - 1; }
    if (k == 1) { return (1 << 31) - 1; }
    return MAX_ROWS();
}
// What noise in each is measured by, as a power of two: a row of log-odds 16 has 13 times a log-loss of up to 208.
function SCORE_NOISE_UNIT(k) {
    if (k == 0) { return EVALUATION_UNIT_FRAC() + 8; }
    if (k == 1) { return EVALUATION_UNIT_FRAC(); }
    return 0;
}

// The two polynomials of an evaluation.
function LOSS() { return 0; }
function SQUARE() { return 1; }
function COEFFICIENT(POLYNOMIAL, i) {
    if (POLYNOMIAL == LOSS()) { return LOSS_COEFFICIENT(i); }
    return SQUARE_COEFFICIENT(i);
}

// Horner: a polynomial of T - EVALUATION_CENTRE by Horner's rule.
// T        [0, 2^SIGMOID_INPUT_BITS), enforced by the caller
// Sound    every step follows from the one before; the bound table has the largest
template Horner(POLYNOMIAL) {
    signal input T;
    signal output out;

    var DEGREE = EVALUATION_DEGREE();
    signal u[DEGREE];
    var previous = COEFFICIENT(POLYNOMIAL, 0);
    for (var i = 0; i < DEGREE; i++) {
        u[i] <== previous * (T - EVALUATION_CENTRE()) + COEFFICIENT(POLYNOMIAL, i + 1);
        previous = u[i];
    }
    out <== u[DEGREE - 1];
}

// RowScore: what one row adds to the sums of a logistic evaluation; nothing where active = 0.
//
//     loss      13 log(1 + e^-|z|) + 13 |z| where the sign of z is wrong       LOSS_SCALE_BITS fractional bits
//     error     4 (p - y)^2 = 1 + tanh^2 +- 2 tanh, of |z| / 2                 SIGMOID_SCALE_BITS
//     lanes     1 in the lane of the bin of |z|, as it is, and times sign, mark, and both
//
// z        by the caller's bound table
// mark     +1 (y = 0) or -1 (y = 1), 0 where not active: enforced by Rows, as is active
// bin      hints, pinned: each is 0 or 1, one of them is 1 where active, and |z|, in units of T, is between the edges of that
//          one, which differ from bin to bin
// Sound    everything but sign and bins follows from z step by step. Where T = 0 either sign is possible: loss and error are the
//          same under both, as crossed and tanh are 0, and the check of the bin's lower edge refuses -1: twice the distance
//          less 2 is negative
template RowScore(Z_MAX, Z_FRAC) {
    signal input z;
    signal input mark;
    signal input active;
    signal output loss;
    signal output error;
    signal output lanes[4];

    var INPUT = SIGMOID_INPUT_BITS();
    signal (T, inside, overflow, sign) <== RoundedMagnitude(Z_MAX, Z_FRAC)(z, active);
    signal used <== inside * active;
    signal agree <== sign * mark;

    signal nearLoss <== Horner(LOSS())(T);
    signal right <== (nearLoss - LOSS_FAR()) * used + LOSS_FAR() * active;
    signal crossed <== (active + agree) * (T + overflow * (1 << INPUT));
    loss <== right + crossed * (1 << (LOSS_SCALE_BITS() + SIGMOID_UNIT_LOG2() - 1));

    signal nearSquare <== Horner(SQUARE())(T);
    signal squared <== (nearSquare - SQUARE_FAR()) * used + SQUARE_FAR() * active;
    signal tanh <== Tanh()(T, inside);
    signal signed <== agree * tanh;
    error <== squared + (1 << SIGMOID_SCALE_BITS()) * active + 2 * signed;

    signal clipped <== inside * (T - ((1 << INPUT) - 1)) + ((1 << INPUT) - 1);
    var COUNT = BINS();
    signal bin[COUNT];
    var ones = 0;
    var from = 0;
    var to = 0;
    var packed = 0;
    for (var k = 0; k < COUNT; k++) {
        var low = BIN_EDGE(k);
        var high = BIN_EDGE(k + 1);
        bin[k] <-- active == 1 && low <= clipped && clipped < high ? 1 : 0;
        bin[k] * (bin[k] - 1) === 0;
        ones += bin[k];
        from += bin[k] * low;
        to += bin[k] * high;
        packed += bin[k] * (1 << (BIN_LANE() * k));
    }
    ones === active;
    // in a padding row |z| is rounded to 0, whatever z is
    signal minus <== bin[0] * (active - sign);
    RangeCheck(INPUT + 1)(2 * (clipped - from) - minus);
    RangeCheck(INPUT)(to - active - clipped);

    lanes[0] <== packed;
    lanes[1] <== lanes[0] * sign;
    lanes[2] <== lanes[0] * mark;
    lanes[3] <== lanes[0] * agree;
}

// ScoreSums: the sums of a logistic evaluation, rounded once: SCORES of them, the loss in units of 2^-EVALUATION_UNIT_FRAC / 13,
// then the squared error in units of 2^-EVALUATION_UNIT_FRAC, then the rows of class 0 by bin of their probability, from the
// lowest to the highest, and those of class 1.
//
// z, marks, active   as in RowScore
// sums               enforced by the caller: rounded ones as RoundHalfUp wants, counts in [-2^11, 2^11), their lanes
// Sound              four sums of lanes say how many rows of each sign and class are in each bin of |z|: 4 times each of
//                    them is determined, and its lanes, within [-2^11, 2^11), in one way only. Totals stay below 2^252
template ScoreSums(ROWS, FEATURES, X_BITS, X_FRAC) {
    signal input z[ROWS];
    signal input marks[ROWS];
    signal input active[ROWS];
    var SUMS = SCORES();
    signal output sums[SUMS];

    component row[ROWS];
    var loss = 0;
    var error = 0;
    var lanes[4] = [0, 0, 0, 0];
    for (var i = 0; i < ROWS; i++) {
        row[i] = RowScore(PREDICTOR_MAX(FEATURES, X_BITS, X_FRAC), X_FRAC + WEIGHT_FRAC());
        row[i].z <== z[i];
        row[i].mark <== marks[i];
        row[i].active <== active[i];
        loss += row[i].loss;
        error += row[i].error;
        for (var c = 0; c < 4; c++) {
            lanes[c] += row[i].lanes[c];
        }
    }
    sums[0] <== RoundHalfUp(LOSS_SCALE_BITS() - EVALUATION_UNIT_FRAC())(loss);
    sums[1] <== RoundHalfUp(SIGMOID_SCALE_BITS() + 2 - EVALUATION_UNIT_FRAC())(error);

    signal total[4];
    for (var c = 0; c < 4; c++) {
        total[c] <== lanes[c];
    }
    for (var class = 0; class < 2; class++) {
        for (var half = 0; half < 2; half++) {
            var mark = 1 - 2 * class;
            var sign = 2 * half - 1;
            var four = total[0] + sign * total[1] + mark * total[2] + sign * mark * total[3];
            var packed = 0;
            for (var k = 0; k < BINS(); k++) {
                var at = 2 + 2 * BINS() * class + (half == 1 ? BINS() + k : BINS() - 1 - k);
                sums[at] <-- ((four / 4) >> (BIN_LANE() * k)) & ((1 << BIN_LANE()) - 1);
                packed += sums[at] * (1 << (BIN_LANE() * k));
            }
            four === 4 * packed;
        }
    }
}
