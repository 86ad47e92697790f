pragma circom 2.1.6;

include "commitment.circom";
include "fixed_point.circom";

// Sizes and format of rows, in one number below 2^28: a commitment of one shape never opens as another.
function ROWS_SHAPE(ROWS, FEATURES, X_BITS, X_FRAC) {
    assert(ROWS <= MAX_ROWS() && FEATURES < 128 && X_BITS < 32 && X_FRAC < 32);
    return ((ROWS * 128 + FEATURES) * 32 + X_BITS) * 32 + X_FRAC;
}

// Rows: H(TAG_DATA, salt, packed rows), their number, and which of them count.
//
// features     biased, [0, 2^X_BITS), enforced here; value 0 in padding rows, enforced here
// labels       +1 (y = 0), -1 (y = 1) or 0 (padding), enforced here by the cubic: a square alone would admit
//              any label whose square is 0 or 1 of some other field element
// active       labels^2: 1 for a row that counts, 0 for padding
// count        sum of active, never a hint; at least 1, enforced here: below FIELD_ORDER only 0 has no reciprocal
// commitment   an element holds FEATURE_LANES features and, above bit 240, LABEL_LANES labels of two bits;
//              all lanes are range-checked and 252 bits are below FIELD_ORDER, so the packing is injective
template Rows(ROWS, FEATURES, X_BITS, X_FRAC) {
    signal input features[ROWS][FEATURES];
    signal input labels[ROWS];
    signal input salt;
    signal output active[ROWS];
    signal output count;
    signal output commitment;

    var sum = 0;
    for (var i = 0; i < ROWS; i++) {
        active[i] <== labels[i] * labels[i];
        active[i] * labels[i] === labels[i];
        sum += active[i];
        for (var k = 0; k < FEATURES; k++) {
            RangeCheck(X_BITS)(features[i][k]);
            (features[i][k] - BIAS(X_BITS)) * (1 - active[i]) === 0;
        }
    }
    count <== sum;
    signal reciprocal <-- 1 / count;
    count * reciprocal === 1;

    var FEATURE_LANES = 240 \ X_BITS;
    var LABEL_LANES = 6;
    var BY_FEATURES = (ROWS * FEATURES + FEATURE_LANES - 1) \ FEATURE_LANES;
    var BY_LABELS = (ROWS + LABEL_LANES - 1) \ LABEL_LANES;
    var ELEMENTS = BY_FEATURES > BY_LABELS ? BY_FEATURES : BY_LABELS;
    component hash = SecretHash(ELEMENTS + 1, TAG_DATA(), ROWS_SHAPE(ROWS, FEATURES, X_BITS, X_FRAC));
    hash.items[0] <== salt;
    for (var e = 0; e < ELEMENTS; e++) {
        var packed = 0;
        for (var i = 0; i < FEATURE_LANES && e * FEATURE_LANES + i < ROWS * FEATURES; i++) {
            var at = e * FEATURE_LANES + i;
            packed += features[at \ FEATURES][at % FEATURES] * (1 << (X_BITS * i));
        }
        for (var i = 0; i < LABEL_LANES && e * LABEL_LANES + i < ROWS; i++) {
            packed += (labels[e * LABEL_LANES + i] + 1) * (1 << (240 + 2 * i));
        }
        hash.items[e + 1] <== packed;
    }
    commitment <== hash.out;
}
