pragma circom 2.1.6;

include "lib/commitment.circom";
include "lib/fixed_point.circom";
include "lib/model.circom";
include "lib/rows.circom";
include "lib/sigmoid.circom";

// Step: the update opened by updateCommitment is the exact logistic-regression gradient, and the row count, of
// the rows in dataCommitment at the weights in modelCommitment.
//
//     gradient_k = sum over rows of x_k * residual,   residual = 2^(scale+1) (sigma(z) - y),   z = w . x
//
// with x of the intercept = 2^X_FRAC. Integers throughout, nothing is rounded but |z| inside the sigmoid: adding
// the updates of any split of the rows gives the update of all of them.
//
// Public inputs, in this order: modelCommitment, dataCommitment, updateCommitment.
//
// context     any field element, see ModelCommitment
// weights     biased, enforced by ModelCommitment
// features    biased, [0, 2^X_BITS), enforced by Rows; 0 before the bias in padding rows
// labels      +1 for y = 0, -1 for y = 1, 0 for a padding row, enforced by Rows
// salt, blinding   any field elements; uniformly random for hiding, which is the prover's own interest
//
// Bounds, asserted by twopm_zk.numbers.fixed_point for each instance: every sum below stays under FIELD_ORDER / 2.
template Step(ROWS, FEATURES, X_BITS, X_FRAC) {
    assert(0 < ROWS && ROWS <= MAX_ROWS() && 0 < FEATURES && FEATURES <= 64);
    assert(X_FRAC < X_BITS && X_BITS <= 24);
    var WEIGHTS = FEATURES + 1;
    var ONE = 1 << X_FRAC;
    var Z_MAX = BIAS(WEIGHT_BITS()) * (FEATURES * BIAS(X_BITS) + ONE);

    signal input context;
    signal input weights[WEIGHTS];
    signal input features[ROWS][FEATURES];
    signal input labels[ROWS];
    signal input salt;
    signal input blinding;
    signal output modelCommitment;
    signal output dataCommitment;
    signal output updateCommitment;

    component model = ModelCommitment(WEIGHTS);
    model.context <== context;
    model.weights <== weights;
    modelCommitment <== model.out;

    component rows = Rows(ROWS, FEATURES, X_BITS, X_FRAC);
    rows.features <== features;
    rows.labels <== labels;
    rows.salt <== salt;
    dataCommitment <== rows.commitment;

    signal term[ROWS][FEATURES];
    signal z[ROWS];
    signal residual[ROWS];
    signal moment[ROWS][FEATURES];
    component sigmoid[ROWS];
    for (var i = 0; i < ROWS; i++) {
        var sum = ONE * (weights[FEATURES] - BIAS(WEIGHT_BITS()));
        for (var k = 0; k < FEATURES; k++) {
            term[i][k] <== (features[i][k] - BIAS(X_BITS)) * (weights[k] - BIAS(WEIGHT_BITS()));
            sum += term[i][k];
        }
        z[i] <== sum;
        sigmoid[i] = Sigmoid(Z_MAX, X_FRAC + WEIGHT_FRAC());
        sigmoid[i].z <== z[i];
        sigmoid[i].active <== rows.active[i];
        residual[i] <== labels[i] * (1 << SIGMOID_SCALE_BITS()) + sigmoid[i].out;
        for (var k = 0; k < FEATURES; k++) {
            moment[i][k] <== (features[i][k] - BIAS(X_BITS)) * residual[i];
        }
    }

    component update = SecretHash(WEIGHTS + 2, TAG_UPDATE(), X_FRAC);
    update.items[0] <== blinding;
    update.items[1] <== rows.count;
    for (var k = 0; k < WEIGHTS; k++) {
        var sum = 0;
        for (var i = 0; i < ROWS; i++) {
            sum += k < FEATURES ? moment[i][k] : ONE * residual[i];
        }
        update.items[k + 2] <== sum;
    }
    updateCommitment <== update.out;
}
